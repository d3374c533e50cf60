"""The chunks of which an NSFe file is made, and in which an NSF 2 may end, https://www.nesdev.org/wiki/NSFe."""

import struct
from dataclasses import dataclass
from typing import Final

from livegen.errors import FormatError

_HEAD_BYTES: Final = 8
_INFO_BYTES: Final = 8
_MOST_CHUNKS: Final = 1000
_MOST_SONGS: Final = 255
_MAX_TEXT_LENGTH: Final = 100
_WITHOUT_MEANING: Final = frozenset({"NEND", "VRC7"})  # mandatory ones that need not be read


@dataclass(slots=True)
class Chunks:
    """What chunks say; songs count from 0 here.

    Attributes
    ----------
    info, data, rate, banks : bytes
        Addresses and counts, the program, its speeds, and its banks; empty in the chunks of an NSF 2.
    data_offset, rate_offset : int
        Where in the file the last two begin.
    flags : int
        The feature flags of NSF 2.
    region : str or None
        In which region it is played, if it says so.
    title, author, copyright : str
    titles, authors : tuple of str
        Of the songs, as many as there are.
    times_ms, fades_ms : tuple of int
        How long the songs play before they fade, and how long they fade; negative means that it is not said.
    playlist : tuple of int
    """

    info: bytes = b""
    data: bytes = b""
    data_offset: int = 0
    rate: bytes = b""
    rate_offset: int = 0
    banks: bytes = b""
    flags: int = 0
    region: str | None = None
    title: str = ""
    author: str = ""
    copyright: str = ""
    titles: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()
    times_ms: tuple[int, ...] = ()
    fades_ms: tuple[int, ...] = ()
    playlist: tuple[int, ...] = ()


def read_chunks(name: str, data: bytes, start: int) -> Chunks:
    """Read the chunks of a file from a byte on; where that is the start of an NSFe, its program must be among them.

    Raises
    ------
    FormatError
        If a chunk is longer than the file, is too short for what it says, or is mandatory and unknown.
    """
    chunks = Chunks()
    is_whole = data[:4] == b"NSFE"
    at = start
    for _ in range(_MOST_CHUNKS):
        if at + _HEAD_BYTES > len(data):
            break
        length, kind = struct.unpack_from("<I", data, at)[0], data[at + 4 : at + _HEAD_BYTES].decode("latin-1")
        body = at + _HEAD_BYTES
        if length > len(data) - body:
            raise FormatError(
                f"{name} has a chunk {kind!r} of {length:,} bytes at byte {at:,}, where {len(data) - body:,} are left: "
                "it is damaged, get another copy"
            )
        if kind == "NEND":
            break
        _take(chunks, name, kind, data[body : body + length], body)
        at = body + length
    if is_whole and not (chunks.info and chunks.data):
        missing = "DATA" if chunks.info else "INFO"
        raise FormatError(f"{name} ends at byte {at:,} without the chunk {missing!r}: it is damaged, get another copy")
    return chunks


def _take(chunks: Chunks, name: str, kind: str, body: bytes, at: int) -> None:
    """Take what a chunk says."""
    if kind == "INFO":
        if len(body) < _INFO_BYTES:
            raise FormatError(
                f"{name} has a chunk 'INFO' of {len(body)} bytes at byte {at:,}: {_INFO_BYTES} are needed"
            )
        chunks.info = body
    elif kind == "DATA":
        chunks.data, chunks.data_offset = body, at
    elif kind == "RATE":
        chunks.rate, chunks.rate_offset = body, at
    elif kind == "BANK":
        chunks.banks = body
    elif kind == "NSF2" and body:
        chunks.flags = body[0]
    elif kind == "regn" and body:
        prefers_pal = len(body) > 1 and body[1] == 1
        chunks.region = "pal" if body[0] == 2 or (body[0] & 2 and prefers_pal) else "ntsc"
    elif kind == "auth":
        chunks.title, chunks.author, chunks.copyright = (*_texts(body, 3), "", "", "")[:3]
    elif kind == "tlbl":
        chunks.titles = _texts(body)
    elif kind == "taut":
        chunks.authors = _texts(body)
    elif kind == "time":
        chunks.times_ms = _numbers(body)
    elif kind == "fade":
        chunks.fades_ms = _numbers(body)
    elif kind == "plst":
        chunks.playlist = tuple(body[:_MOST_SONGS])
    elif kind[:1].isupper() and kind not in _WITHOUT_MEANING:
        raise FormatError(
            f"{name} has a chunk {kind!r} at byte {at - _HEAD_BYTES:,}, without which it must not be played, and "
            "livegen does not know it: choose another file"
        )


def _texts(body: bytes, most: int = _MOST_SONGS) -> tuple[str, ...]:
    """Return texts that end in zeros."""
    texts = body.split(b"\0", most)[:most]
    return tuple(text_of(text) for text in texts)


def text_of(data: bytes) -> str:
    """Return a text for a screen. NSF 2 and NSFe have UTF-8; what is none is an older file's own, taken as Latin-1."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    return "".join(c for c in text if c.isprintable())[:_MAX_TEXT_LENGTH].strip()


def _numbers(body: bytes) -> tuple[int, ...]:
    n_numbers = min(len(body) // 4, _MOST_SONGS)
    return struct.unpack_from(f"<{n_numbers}i", body)
