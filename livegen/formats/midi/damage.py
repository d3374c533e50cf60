"""What is wrong with a MIDI file that is read all the same: collected by place, and said in one sentence."""

from typing import Final

HEADER: Final = "the header"
"""Where faults are that come before all tracks."""

_MOST_SAID: Final = 3


def in_track(number: int) -> str:
    """Return the place of a fault in a track, counted from 1."""
    return f"track {number}"


def behind_track(number: int) -> str:
    """Return the place of a fault between tracks, or behind them all."""
    return f"behind track {number}" if number else "before track 1"


class Damage:
    """Faults of a file, in the order in which they were found.

    Attributes
    ----------
    n_faults : int
    """

    def __init__(self) -> None:
        self.n_faults = 0
        self._first: list[str] = []

    def add(self, place: str, offset: int, what: str, n_faults: int = 1) -> None:
        """Take in faults.

        Parameters
        ----------
        place : str
            `HEADER`, or as `in_track` and `behind_track` have it.
        offset : int
            Of the first of them in the file.
        what : str
            In words.
        n_faults : int
            How many of them there are.
        """
        if len(self._first) < _MOST_SAID:
            self._first.append(f"{place} at byte {offset}: {what}")
        self.n_faults += n_faults

    def sentence(self, file_name: str) -> str:
        """Return what is wrong with a file, with track and offset of the first faults."""
        more = self.n_faults - len(self._first)
        said = [*self._first, *([f"and {more} more"] if more else [])]
        return f"{file_name} is damaged or not to the standard: {'; '.join(said)}"
