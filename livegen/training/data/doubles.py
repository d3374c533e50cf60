"""Songs that are there twice, under two names: found by their notes.

Two songs are doubles if four fifths of their runs of eight notes of a voice are the same, at the same pitch, and they
play as many notes a second, to a twentieth. So neither silence at the start, nor how often a loop is played, nor a
frame that is rounded otherwise makes another song of one; a transposition or another speed does.
"""

import hashlib
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.score import Column, Voice
from livegen.units import frame_to_seconds

_RUN_NOTES: Final = 8
_SAME_RUNS: Final = 0.8
_SAME_SPEED: Final = 0.05

_SMALLEST: Final = 4
"""How many hashes are compared first: two songs with four fifths of their runs in common share one, but once in 600."""


@dataclass(frozen=True, slots=True)
class _Print:
    """What of a song is compared: the hashes of its runs, and its notes a second."""

    runs: frozenset[int]
    speed: float

    def is_double_of(self, other: "_Print") -> bool:
        same = len(self.runs & other.runs) / max(len(self.runs | other.runs), 1)
        return same >= _SAME_RUNS and abs(self.speed - other.speed) <= _SAME_SPEED * max(self.speed, other.speed)


@dataclass(slots=True)
class Doubles:
    """The songs so far, among which the double of another is looked for."""

    _songs: list[tuple[str, _Print]] = field(default_factory=list)
    _by_hash: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))

    def first_of(self, frames: NDArray[np.uint8]) -> str | None:
        """Return the name of a song so far of which a score, ``uint8 (N, 4, 3)``, is a double; None if of none."""
        found = _print_of(frames)
        for place in sorted({place for key in _smallest(found) for place in self._by_hash.get(key, ())}):
            name, other = self._songs[place]
            if found.is_double_of(other):
                return name
        return None

    def add(self, name: str, frames: NDArray[np.uint8]) -> None:
        """Add a song; one without a note is no double of anything."""
        found = _print_of(frames)
        for key in _smallest(found):
            self._by_hash[key].append(len(self._songs))
        self._songs.append((name, found))


def _smallest(found: _Print) -> list[int]:
    return sorted(found.runs)[:_SMALLEST]


def _print_of(frames: NDArray[np.uint8]) -> _Print:
    runs: set[int] = set()
    n_notes = 0
    for voice in Voice:
        notes = frames[:, voice, Column.NOTE]
        notes = notes[np.diff(notes, prepend=0) != 0]
        notes = notes[notes > 0]
        n_notes += len(notes)
        text = notes.tobytes()
        for first in range(max(len(text) - _RUN_NOTES, 0) + 1 if text else 0):
            run = bytes((voice,)) + text[first : first + _RUN_NOTES]
            runs.add(int.from_bytes(hashlib.blake2b(run, digest_size=8).digest()))
    sounding = np.flatnonzero(frames[..., Column.NOTE].any(axis=1))
    n_frames = int(sounding[-1] - sounding[0]) + 1 if len(sounding) else 1
    return _Print(frozenset(runs), n_notes / frame_to_seconds(n_frames))
