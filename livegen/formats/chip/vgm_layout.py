"""Offsets in the header and commands of a VGM file, https://vgmrips.net/wiki/VGM_Specification."""

from typing import Final

MAX_VGM_SECONDS: Final = 10_800
"""Longest time that a VGM file may play: three hours, which fit into a WAV file at 192 kHz."""

MAX_VGM_BYTES: Final = 16 * 2**20
"""Largest size of a file, packed and unpacked. A busy song of three hours takes two thirds of it."""

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
"""Command that waits one sample. The 15 commands after it wait 2 to 16 samples."""

END: Final = 0x66
DATA_BLOCK: Final = 0x67
STREAM_SETUP: Final = 0x90
NES_WRITE: Final = 0xB4
NES_MEMORY: Final = 0xC2
"""Type of a data block that is written to the memory of the NES APU. Its first two bytes are an address."""
