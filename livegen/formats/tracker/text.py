"""Lines of a tracker's text: bounded reading, and one sentence with the line for whatever is wrong in it."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NoReturn

from livegen.errors import FormatError
from livegen.formats.files import read_bytes

MAX_BYTES: Final = 32 * 2**20
"""Largest text that is read; the largest songs of trackers have a tenth of it."""

_SHOWN: Final = 40
_DECIMAL: Final = re.compile(r"[+-]?[0-9]{1,9}", re.ASCII)
_HEX: Final = re.compile(r"[0-9A-Fa-f]{1,8}", re.ASCII)


def read_text(path: Path) -> str:
    """Return the text of a file, whatever bytes it has; raises FormatError if it cannot be read or is too large."""
    return read_bytes(path, MAX_BYTES).decode("utf-8-sig", "replace")


def quoted(text: str) -> str:
    """Return a text in double quotes, in one line; doubled quotes are quotes in it."""
    return '"' + " ".join(text.split()).replace('"', '""') + '"'


class Lines:
    """The lines of a text, and where in them a reader is.

    Parameters
    ----------
    name : str
        Of the file, for messages.
    text : str
    """

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.number = 0
        self._lines = text.split("\n")

    def __iter__(self) -> Iterator[str]:
        for number, line in enumerate(self._lines, 1):
            self.number = number
            yield line.strip()

    def refuse(self, what: str) -> NoReturn:
        """Raise FormatError that says what is wrong in the present line."""
        raise FormatError(f"{self.name}, line {self.number}: {what}; correct it, or export the song again")

    def number_in(self, token: str, what: str, lowest: int, highest: int) -> int:
        """Return a decimal number; raises FormatError if it is none or out of range."""
        return self._checked(int(token) if _DECIMAL.fullmatch(token) else None, token, what, lowest, highest)

    def hex_in(self, token: str, what: str, lowest: int, highest: int) -> int:
        """Return a hexadecimal number; raises FormatError if it is none or out of range."""
        return self._checked(int(token, 16) if _HEX.fullmatch(token) else None, token, what, lowest, highest)

    def _checked(self, value: int | None, token: str, what: str, lowest: int, highest: int) -> int:
        if value is None or not lowest <= value <= highest:
            self.refuse(f"{what} is {token[:_SHOWN]!r} and must be {lowest}..{highest}")
        return value


def chosen(name: str, n_songs: int, track: int | None) -> int:
    """Return the index of the song that is asked for, from 0; raises FormatError if there is none of that number."""
    if not n_songs:
        raise FormatError(f"{name} holds no song: choose another file")
    if track is not None and not 1 <= track <= n_songs:
        have = "is 1 song" if n_songs == 1 else f"are {n_songs} songs"
        raise FormatError(f"there is no track {track} in {name}: there {have}, numbered from 1")
    return (track or 1) - 1
