"""Places and commands of a VGM file, https://vgmrips.net/wiki/VGM_Specification."""

from typing import Final

MAX_VGM_SECONDS: Final = 10_800
"""Three hours: what fits into a WAV file at 192 kHz."""

MAX_VGM_BYTES: Final = 16 * 2**20
"""Most that is read of a file, packed and unpacked; a busy song takes two thirds of it in three hours."""

PACKED_ENDINGS: Final = (".vgz", ".vgm.gz")
"""How the name of a file may end that is packed by gzip."""

MAGIC: Final = b"Vgm "
TAG_MAGIC: Final = b"Gd3 "

END_OFFSET, VERSION, TAG_OFFSET, LENGTH, LOOP_OFFSET, LOOP_LENGTH = 0x04, 0x08, 0x14, 0x18, 0x1C, 0x20
RATE, DATA_OFFSET, NES_CLOCK, EXTRA_OFFSET = 0x24, 0x34, 0x84, 0xBC

WAIT: Final = 0x61
WAIT_735: Final = 0x62
WAIT_882: Final = 0x63
WAIT_1: Final = 0x70
"""Waits one sample; the 15 commands after it up to 16."""

END: Final = 0x66
DATA_BLOCK: Final = 0x67
STREAM_SETUP: Final = 0x90
NES_WRITE: Final = 0xB4
