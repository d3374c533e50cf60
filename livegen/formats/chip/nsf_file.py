"""The reader of NSF files: NSF 1 and 2, and NSFe.

An NSF file holds a program that plays songs on a console: `INIT` sets a song up, `PLAY` is called once a picture, or at
the rate that the file says. https://www.nesdev.org/wiki/NSF, https://www.nesdev.org/wiki/NSF2 and
https://www.nesdev.org/wiki/NSFe describe the three formats; NSFe is made of chunks, and an NSF 2 may end in some.

**What is refused and what is not.** A file is refused if it says nothing that a player could call, or needs what
livegen does not have: interrupts, or a mandatory chunk that is unknown. What does not change the sound is passed over:
a file without names, a bank that is numbered and not there, data beyond the processor's reach.
"""

import struct
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.cpu.memory import BANK_BYTES, MOST_BANKS, N_BANKS
from livegen.errors import FormatError
from livegen.formats.chip.nsf_chunks import Chunks, read_chunks, text_of
from livegen.formats.chip.register_log import Tags
from livegen.formats.files import Warn, ignore, read_bytes

NSF_SOURCE_ENDINGS: Final = (".nsf", ".nsfe")
"""How the name of a file may end that holds such a program, in small letters."""

MAX_NSF_BYTES: Final = 4 * 2**20
"""Largest size of a file: four times what a program's banks take."""

HEADER_BYTES: Final = 0x80
"""Length of the header of an NSF file; the program comes after it."""

PICTURE_US: Final = {"ntsc": 1e6 * 29780.5 / (236.25e6 / 132), "pal": 1e6 * 33247.5 / (26.601712e6 / 16)}
"""Microseconds a picture, by region. Files write 16,666 for it, or 20,000, or nothing."""

_MAGIC, _CHUNKS_MAGIC = b"NESM\x1a", b"NSFE"
_ROM: Final = 0x8000
_MEANS_A_PICTURE: Final = {"ntsc": (0, 16_666), "pal": (0, 20_000)}
_CHIPS: Final = ("VRC6", "VRC7", "FDS", "MMC5", "Namco 163", "Sunsoft 5B")
_IS_PAL, _IS_DUAL = 1, 2
_NEEDS_INTERRUPTS, _NEVER_RETURNS, _HAS_NO_PLAY = 0x10, 0x20, 0x40
_LOAD, _FLAGS, _LENGTH = 8, 0x7C, 0x7D  # bytes of the header
_SHORTEST_US: Final = 1000


@dataclass(frozen=True, slots=True)
class Track:
    """What a file says of a song: its name, and how long it plays and fades; None if it does not say so."""

    title: str = ""
    author: str = ""
    seconds: float | None = None
    fade_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class NsfFile:
    """A program that plays songs.

    Attributes
    ----------
    name : str
        Of the file.
    program : ndarray of uint8, shape (n * BANK_BYTES,)
        At most 256 banks.
    banks : tuple of int
        The banks that appear at $8000, $9000 and so on.
    init, play : int
        Addresses of the two routines.
    data_offset : int
        Where in the file the first byte of bank 0 would lie: negative offsets are bytes that the file leaves out.
    n_songs, first_song : int
        How many songs there are, and with which a player begins; songs count from 1.
    region : str
        "ntsc" or "pal"; a file for both is played as "ntsc".
    period_us : float
        Microseconds between two calls of `play`.
    chips : tuple of str
        Names of the sound chips beside the console's own that it plays on.
    tags : Tags
        The title is that of all songs together.
    tracks : tuple of Track
        One for each song.
    playlist : tuple of int
        Songs in the order in which a player plays them.
    """

    name: str
    program: NDArray[np.uint8]
    banks: tuple[int, ...]
    init: int
    play: int
    data_offset: int
    n_songs: int
    first_song: int
    region: str
    period_us: float
    chips: tuple[str, ...] = ()
    tags: Tags = field(default_factory=Tags)
    tracks: tuple[Track, ...] = ()
    playlist: tuple[int, ...] = ()

    def bank(self, number: int) -> bytes:
        """Return the content of a bank; one that is not there is empty."""
        return self.program[number * BANK_BYTES : (number + 1) * BANK_BYTES].tobytes().ljust(BANK_BYTES, b"\0")


def read_nsf(path: Path, warn: Warn = ignore) -> NsfFile:
    """Read a program; raises FormatError if the file is none or cannot be played, or as `warn` does."""
    return parse_nsf(path.name, read_bytes(path, MAX_NSF_BYTES), warn)


def parse_nsf(name: str, data: bytes, warn: Warn = ignore) -> NsfFile:
    """Return the program in the content of a file; `name` stands in errors and warnings."""
    if data.startswith(_CHUNKS_MAGIC):
        return _from_chunks(name, data)
    if not data.startswith(_MAGIC):
        raise FormatError(f"{name} is no NSF file, or it is damaged: it begins neither with 'NESM' nor with 'NSFE'")
    if len(data) <= HEADER_BYTES:
        raise FormatError(f"{name} breaks off after {len(data)} bytes: an NSF file has a header of {HEADER_BYTES}")
    version, n_songs, first_song, load, init, play = struct.unpack_from("<BBBHHH", data, 5)
    flags = data[_FLAGS] if version >= 2 else 0
    end = HEADER_BYTES + int.from_bytes(data[_LENGTH : _LENGTH + 3], "little")
    chunks = Chunks()
    if version >= 2 and HEADER_BYTES < end < len(data):
        try:
            chunks = read_chunks(name, data, end)
        except FormatError as error:
            if flags & 0x80:  # without what is said there it may not be played
                raise
            warn(f"{error}, and plays without its names and times")
    elif end == HEADER_BYTES:
        end = len(data)
    region = _region(data[0x7A], chunks)
    speed = struct.unpack_from("<H", data, 0x6E if region == "ntsc" else 0x78)[0]
    title, author, date = (text_of(data[at : at + 32].partition(b"\0")[0]) for at in (0x0E, 0x2E, 0x4E))
    return _checked(
        chunks,
        _placed(name, data[HEADER_BYTES:end], load, tuple(data[0x70:0x78]), HEADER_BYTES),
        init=init,
        play=play,
        n_songs=n_songs,
        first_song=first_song,
        region=region,
        period_us=_period_us(name, speed, region, 0x6E if region == "ntsc" else 0x78),
        flags=flags,
        chips=data[0x7B],
        tags=Tags(title, author, date=date),
    )


def _from_chunks(name: str, data: bytes) -> NsfFile:
    chunks = read_chunks(name, data, len(_CHUNKS_MAGIC))
    load, init, play, pal, chips = struct.unpack_from("<HHHBB", chunks.info)
    n_songs, first_song = chunks.info[8:10].ljust(2, b"\0")[:2]
    region = _region(pal, chunks)
    rates = [struct.unpack_from("<H", chunks.rate, at)[0] for at in range(0, len(chunks.rate) - 1, 2)]
    speed = dict(zip(("ntsc", "pal"), rates, strict=False)).get(region, 0)
    return _checked(
        chunks,
        _placed(name, chunks.data, load, tuple(chunks.banks[:N_BANKS].ljust(N_BANKS, b"\0")), chunks.data_offset),
        init=init,
        play=play,
        n_songs=n_songs or 1,
        first_song=first_song + 1,
        region=region,
        period_us=_period_us(name, speed, region, chunks.rate_offset),
        flags=chunks.flags,
        chips=chips,
        tags=Tags(),
    )


def _placed(name: str, data: bytes, load: int, banks: tuple[int, ...], offset: int) -> NsfFile:
    """Return a file with its program in banks, and nothing else yet."""
    if not data:
        raise FormatError(f"{name} holds no program at byte {offset}: get another copy")
    if any(banks):
        before = load % BANK_BYTES
    else:
        banks = tuple(range(N_BANKS))
        before = (load or _ROM) - _ROM
        if before < 0:
            raise FormatError(
                f"{name} is loaded at ${load:04X} by byte {_LOAD} of its header: ${_ROM:04X} to $FFFF is allowed "
                "without banks"
            )
    program = (bytes(before) + data)[: MOST_BANKS * BANK_BYTES]
    program = program.ljust(-(-len(program) // BANK_BYTES) * BANK_BYTES, b"\0")
    return NsfFile(name, np.frombuffer(program, np.uint8), banks, 0, 0, offset - before, 1, 1, "ntsc", 0.0)


def _checked(
    chunks: Chunks,
    placed: NsfFile,
    *,
    init: int,
    play: int,
    n_songs: int,
    first_song: int,
    region: str,
    period_us: float,
    flags: int,
    chips: int,
    tags: Tags,
) -> NsfFile:
    """Return a whole file, if what it says can be played."""
    name = placed.name
    for routine, address, byte in (("INIT", init, 2), ("PLAY", play, 4)):
        if address < _ROM:
            said = f"byte {byte} of its chunk INFO" if chunks.info else f"byte {_LOAD + byte} of its header"
            raise FormatError(
                f"{name} has its {routine} at ${address:04X} by {said}, where no program is: ${_ROM:04X} to $FFFF is "
                "allowed"
            )
    if flags & (_NEEDS_INTERRUPTS | _NEVER_RETURNS | _HAS_NO_PLAY):
        raise FormatError(
            f"{name} needs interrupts by its flags ${flags:02X}: livegen plays programs that are called once a picture"
        )
    if not n_songs:
        raise FormatError(f"{name} has 0 songs by byte 6 of its header: 1 to 255 is allowed")
    songs = range(1, n_songs + 1)
    return replace(
        placed,
        init=init,
        play=play,
        n_songs=n_songs,
        first_song=first_song if first_song in songs else 1,
        region=region,
        period_us=period_us,
        chips=tuple(chip for bit, chip in enumerate(_CHIPS) if chips >> bit & 1),
        tags=replace(
            tags,
            title=chunks.title or tags.title,
            author=chunks.author or tags.author,
            date=chunks.copyright or tags.date,
        ),
        tracks=tuple(_track(chunks, index) for index in range(n_songs)),
        playlist=tuple(index + 1 for index in chunks.playlist if index < n_songs) or tuple(songs),
    )


def _track(chunks: Chunks, index: int) -> Track:
    def of(values: tuple[str, ...]) -> str:
        return values[index] if index < len(values) else ""

    def seconds(milliseconds: tuple[int, ...]) -> float | None:
        is_said = index < len(milliseconds) and milliseconds[index] >= 0
        return milliseconds[index] / 1000 if is_said else None

    return Track(of(chunks.titles), of(chunks.authors), seconds(chunks.times_ms), seconds(chunks.fades_ms))


def _region(byte: int, chunks: Chunks) -> str:
    """Return the region in which a file is played; one for both is played as NTSC unless it prefers PAL."""
    if chunks.region is not None:
        return chunks.region
    return "pal" if byte & _IS_PAL and not byte & _IS_DUAL else "ntsc"


def _period_us(name: str, speed: int, region: str, offset: int) -> float:
    if speed in _MEANS_A_PICTURE[region]:
        return PICTURE_US[region]
    if speed < _SHORTEST_US:
        raise FormatError(
            f"{name} wants to be called each {speed} microseconds by byte {offset}: {_SHORTEST_US:,} or more is allowed"
        )
    return float(speed)
