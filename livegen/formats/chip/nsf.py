"""The writer of NSF files, which an NES and every NSF player can play, https://www.nesdev.org/wiki/NSF."""

import struct
from pathlib import Path
from typing import Final

from livegen.errors import FormatError
from livegen.formats.chip.nsf_player import BANK_BYTES, FIRST_BANK, ORIGIN, player
from livegen.formats.chip.nsf_stream import encode, log_ticks, place
from livegen.formats.chip.register_log import VGM_RATE_HZ, RegisterLog, Tags
from livegen.formats.chip.vgm_layout import MAX_VGM_SECONDS
from livegen.formats.files import atomic_path

TICK_US: Final = {"ntsc": 16_639, "pal": 19_997}
"""Microseconds between two calls of the player, by region. There is one call for each picture."""

_MAGIC: Final = b"NESM\x1a"
_TEXT_BYTES: Final = 32
_BANKS: Final = (0, FIRST_BANK, 0, 0, 0, 0, 0, 0)  # banks that lie at $8000, $9000 and so on at the start


def write_nsf(path: Path, log: RegisterLog) -> None:
    """Write a log as an NSF file of one song. Each write moves to the nearest of 60 ticks a second (50 for PAL).

    Raises
    ------
    FormatError
        If the song does not fit into a console's banks, or the file cannot be written.
    """
    data = nsf_bytes(log)
    with atomic_path(path) as partial:
        partial.write_bytes(data)


def nsf_bytes(log: RegisterLog) -> bytes:
    """Return the content of an NSF file; raises FormatError if the song is too long."""
    if log.length > MAX_VGM_SECONDS * VGM_RATE_HZ:
        raise FormatError(f"an NSF file of {log.length / VGM_RATE_HZ / 3600:.1f} hours is not written: cut the song")
    stream, loop = encode(*log_ticks(log, TICK_US[log.region]))
    code, init, play = player(*place(loop))
    banks = code.ljust(BANK_BYTES, b"\0") + stream
    return _header(log.tags, init, play, log.region) + banks.ljust(-(-len(banks) // BANK_BYTES) * BANK_BYTES, b"\0")


def _header(tags: Tags, init: int, play: int, region: str) -> bytes:
    return b"".join(
        (
            _MAGIC,
            bytes((1, 1, 1)),  # version, songs, the first song
            struct.pack("<HHH", ORIGIN, init, play),
            *(_text(text) for text in (tags.title, tags.author, tags.date)),
            struct.pack("<H", TICK_US["ntsc"]),
            bytes(_BANKS),
            struct.pack("<H", TICK_US["pal"]),
            bytes((region == "pal", 0)),  # no sound chips beside the console's
            bytes(4),
        )
    )


def _text(text: str) -> bytes:
    """Return a text in 32 bytes that end in a zero. A character that ASCII lacks becomes a question mark."""
    return text.encode("ascii", errors="replace")[: _TEXT_BYTES - 1].ljust(_TEXT_BYTES, b"\0")
