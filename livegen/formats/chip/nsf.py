"""The writer of NSF files, which an NES and every NSF player can play, https://www.nesdev.org/wiki/NSF."""

import struct
from pathlib import Path
from typing import Final

from livegen.cpu.memory import BANK_BYTES, MOST_BANKS
from livegen.errors import FormatError
from livegen.formats.chip.nsf_player import FIRST_BANK, ORIGIN, SAMPLE_BANKS, player
from livegen.formats.chip.nsf_samples import sample_banks
from livegen.formats.chip.nsf_stream import encode, log_ticks, place
from livegen.formats.chip.register_log import VGM_RATE_HZ, RegisterLog
from livegen.formats.chip.vgm_layout import MAX_VGM_SECONDS
from livegen.formats.files import atomic_path

TICK_US: Final = {"ntsc": 16_639, "pal": 19_997}
"""Microseconds between two calls of the player, by region. There is one call for each picture."""

_MAGIC: Final = b"NESM\x1a"
_TEXT_BYTES: Final = 32
_BANKS: Final = (0, FIRST_BANK, 0, 0)  # banks that lie at $8000 to $B000 at the start


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
    ticks, loop_tick = log_ticks(log, TICK_US[log.region])
    samples = sample_banks(log, TICK_US[log.region], len(ticks), loop_tick)
    stream, loop = encode(samples.switched(ticks, 0), loop_tick)
    # The banks of samples lie behind the stream, whose length does not depend on their numbers.
    first_sample_bank = FIRST_BANK + -(-len(stream) // BANK_BYTES)
    if first_sample_bank + len(samples.pages) > MOST_BANKS:
        raise FormatError(
            f"an NSF file of this would have {first_sample_bank + len(samples.pages)} banks, {len(samples.pages)} of "
            f"them with samples, and a console numbers {MOST_BANKS}: cut the song"
        )
    if samples.changes:
        stream, loop = encode(samples.switched(ticks, first_sample_bank), loop_tick)
    code, init, play = player(*place(loop))
    banks = b"".join(_padded(part) for part in (code, stream, *samples.pages))
    return _header(log, init, play, samples.numbers(samples.first, first_sample_bank)) + banks


def _padded(part: bytes) -> bytes:
    """Return a part of the program with zeros up to the end of its last bank."""
    return part.ljust(-(-len(part) // BANK_BYTES) * BANK_BYTES, b"\0")


def _header(log: RegisterLog, init: int, play: int, sample_banks: tuple[int, ...]) -> bytes:
    tags = log.tags
    return b"".join(
        (
            _MAGIC,
            bytes((1, 1, 1)),  # version, songs, the first song
            struct.pack("<HHH", ORIGIN, init, play),
            *(_text(text) for text in (tags.title, tags.author, tags.date)),
            struct.pack("<H", TICK_US["ntsc"]),
            bytes(_BANKS) + bytes(sample_banks or (0,) * SAMPLE_BANKS),
            struct.pack("<H", TICK_US["pal"]),
            bytes((log.region == "pal", 0)),  # no sound chips beside the console's
            bytes(4),
        )
    )


def _text(text: str) -> bytes:
    """Return a text in 32 bytes that end in a zero. A character that ASCII lacks becomes a question mark."""
    return text.encode("ascii", errors="replace")[: _TEXT_BYTES - 1].ljust(_TEXT_BYTES, b"\0")
