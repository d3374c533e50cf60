"""A text file of words that is read in spite of words that nobody knows."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from livegen.errors import FormatError
from livegen.formats.files import MAX_SECONDS, Warn, read_bytes
from livegen.formats.midi.smf import MAX_BYTES, MAX_EVENTS

_MOST_SAID: Final = 3
_SHOWN: Final = 40  # characters of a word


class Words:
    """The words of a file, one after another, without comments: lines that begin with `#`.

    Parameters
    ----------
    path : Path
    kind : str
        Of the words, for messages.

    Attributes
    ----------
    n_left_out : int
        How many of the words so far were no words of this kind.

    Raises
    ------
    FormatError
        If the file cannot be read, or has more words than any music.
    """

    def __init__(self, path: Path, kind: str) -> None:
        text = read_bytes(path, MAX_BYTES).decode("utf-8", "replace")
        lines = [(number, line) for number, line in enumerate(text.splitlines(), 1) if not line.startswith("#")]
        self._words = [(number, word) for number, line in lines for word in line.split()]
        if len(self._words) > MAX_EVENTS:
            raise FormatError(f"{path.name} has more than {MAX_EVENTS:,} words: that is no music for four voices")
        self._name, self._kind = path.name, kind
        self._last = (0, "")
        self._first: list[str] = []
        self.n_left_out = 0

    def __iter__(self) -> Iterator[str]:
        for last in self._words:
            self._last = last
            yield last[1]

    def leave_out(self, why: str = "") -> None:
        """Note that the word that came last means nothing."""
        self.n_left_out += 1
        if len(self._first) < _MOST_SAID:
            number, word = self._last
            self._first.append(f"{word[:_SHOWN]!r} in line {number}{why and f' ({why})'}")

    def check(self, seconds: float, n_notes: int, warn: Warn) -> None:
        """Say what was left out.

        Raises
        ------
        FormatError
            If there is not one note, but words that are none or no words at all, or more time than a score holds; or as
            `warn` does.
        """
        if seconds > MAX_SECONDS:
            hours = f"{seconds / 3600:.1f} hours"
            raise FormatError(f"{self._name} lasts {hours}: at most {MAX_SECONDS / 3600:.1f} are read")
        more = self.n_left_out - len(self._first)
        said = ", ".join([*self._first, *([f"and {more} more"] if more else [])])
        if not n_notes and (said or not self._words):
            raise FormatError(
                f"{self._name} holds no notes in words of {self._kind}{said and f', but {said}'}: choose another file"
            )
        if said:
            warn(f"{self._name} is damaged: left out what is no word of {self._kind}: {said}")
