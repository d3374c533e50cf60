"""What is measured of a demo: its level, its trills, its key, and the nearest passage of a training song."""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from livegen.analysis.analysis import analyse
from livegen.analysis.keys import name_of
from livegen.engines.tonality import Key
from livegen.formats.score.piece import Piece
from livegen.judge.notes import changes, notes_of
from livegen.score import PITCHED, Voice
from livegen.units import frame_to_seconds

QUIET: Final = 0.01
"""What sounds, in RMS over `WINDOW_SECONDS`, is over this."""

WINDOW_SECONDS: Final = 0.25
_SCALES: Final = {False: (0, 2, 4, 5, 7, 9, 11), True: (0, 2, 3, 5, 7, 8, 10, 11)}
"""Semitones over the tonic, of a major key and of a minor one with both of its sevenths."""

_FEWEST_TRILLED: Final = 6
_OCTAVE: Final = 12
_APART: Final = 1 << 12
_FEWEST_ALIKE: Final = 4
"""Shorter passages are in every song."""


class Level(NamedTuple):
    """Of sound of -1..1: the peak, RMS, and the longest silence in seconds."""

    peak: float
    rms: float
    longest_silence: float


class Passage(NamedTuple):
    """What a piece has in common with a song: how many notes, in which voice from when, and which song."""

    size: int
    voice: Voice | None = None
    seconds: float = 0.0
    song: str = ""

    def told(self) -> dict[str, Any]:
        """Return it as plain values."""
        voice = "" if self.voice is None else self.voice.name
        return {"size": self.size, "voice": voice, "seconds": round(self.seconds, 1), "song": self.song}


def level(samples: NDArray[np.floating], rate: int) -> Level:
    """Return how loud sound is, (n,) or (n, channels)."""
    flat = np.asarray(samples, np.float64).reshape(len(samples), -1).mean(1)
    n = round(WINDOW_SECONDS * rate)
    windows = flat[: len(flat) // n * n].reshape(-1, n)
    is_quiet = np.sqrt((windows**2).mean(1)) < QUIET
    longest = max((len(run) for run in "".join("q" if each else " " for each in is_quiet).split()), default=0)
    return Level(float(np.abs(flat).max()), float(np.sqrt((flat**2).mean())), longest * WINDOW_SECONDS)


def longest_trill(frames: NDArray[np.uint8]) -> float:
    """Return for how many seconds a voice goes between the same two notes at most, six changes or more.

    A bass that leaps octaves does not trill, and neither do two notes that are longer than a quarter of a second.
    """
    longest = 0
    for voice in PITCHED:
        at = changes(notes_of(frames, voice))
        notes = notes_of(frames, voice)[at]
        begin = 0
        for i in range(2, len(at) + 1):
            is_on = i < len(at) and notes[i] == notes[i - 2] and at[i] - at[i - 1] <= 6
            if is_on:
                continue
            is_octave = abs(int(notes[i - 1]) - int(notes[i - 2])) % _OCTAVE == 0
            if i - begin >= _FEWEST_TRILLED and not is_octave:
                longest = max(longest, int(at[i - 1] - at[begin]))
            begin = i - 1
    return frame_to_seconds(longest)


def key_and_share(frames: NDArray[np.uint8]) -> tuple[str, float]:
    """Return the key of the whole, and the share of the time of its notes that lies in the key of their bar."""
    found = analyse(Piece(frames))
    edges = np.rint(found.bars.step_frames()[::16]).astype(np.int64)
    n_in = n = 0
    for key, begin, end in zip(found.keys, edges, edges[1:], strict=False):
        notes = np.concatenate([notes_of(frames[max(begin, 0) : end], voice) for voice in PITCHED])
        classes = notes[notes > 0] % 12
        n_in, n = n_in + int(np.isin(classes, scale(key)).sum()), n + len(classes)
    return "" if found.key is None else name_of(found.key), n_in / max(n, 1)


def scale(key: Key) -> list[int]:
    """Return the pitch classes of a key."""
    return [(key.tonic + step) % 12 for step in _SCALES[key.is_minor]]


class Songs:
    """The lines of songs, to look up passages in.

    Parameters
    ----------
    frames : ndarray of uint8, shape (n, 4, 3)
    offsets : ndarray of int, shape (songs + 1,)
    names : sequence of str
    """

    def __init__(self, frames: NDArray[np.uint8], offsets: NDArray[np.int64], names: list[str]) -> None:
        steps, owners = [], []
        for i in range(len(names)):
            for voice in PITCHED:
                line = _steps(frames[offsets[i] : offsets[i + 1]], voice)[0]
                steps += [line, [_APART + 2 * len(steps)]]  # which no other place has
                owners.append(np.full(len(line) + 1, i))
        self.steps = np.concatenate(steps).astype(np.int64)
        self.owners, self.names = np.concatenate(owners), names

    def nearest(self, frames: NDArray[np.uint8]) -> Passage:
        """Return the longest passage of a piece's voice that a voice of a song has, too.

        In any transposition, tempo and rhythm: what is compared are the steps from one note to the next. A figure that
        comes back within the passage counts once, so its size is the number of different groups of `_FEWEST_ALIKE`
        steps, and as many notes as complete the first.
        """
        best = Passage(0)
        for voice in PITCHED:
            line, at = _steps(frames, voice)
            for begin, length, place in self._runs(line):
                groups = {tuple(line[i : i + _FEWEST_ALIKE]) for i in range(begin, begin + length - _FEWEST_ALIKE + 1)}
                size = len(groups) + _FEWEST_ALIKE
                if size > best.size:
                    song = self.names[int(self.owners[place])]
                    best = Passage(size, voice, frame_to_seconds(int(at[begin])), song)
        return best

    def _runs(self, line: NDArray[np.int64]) -> Iterator[tuple[int, int, int]]:
        """Yield from each place of a line the longest run that is in the songs: where, how many steps, where there."""
        begins = np.arange(max(len(line) - _FEWEST_ALIKE + 1, 0))
        found: dict[int, tuple[int, int]] = {}
        length = _FEWEST_ALIKE
        places = np.arange(len(self.steps) - length + 1)
        while len(begins):
            ours = _hashes(line, begins, length)
            theirs = _hashes(self.steps, places, length)
            is_alike = np.isin(theirs, ours)
            places, theirs = places[is_alike], theirs[is_alike]
            order = np.argsort(theirs, kind="stable")
            begins = begins[np.isin(ours, theirs)]
            where = np.searchsorted(theirs[order], ours[np.isin(ours, theirs)])
            for begin, place in zip(begins, places[order][where], strict=True):
                found[int(begin)] = (length, int(place))
            length += 1
            begins = begins[begins + length <= len(line)]
            places = places[places + length <= len(self.steps)]
        for begin, (length, place) in found.items():
            yield begin, length, place


def _steps(frames: NDArray[np.uint8], voice: Voice) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the steps in semitones from each note of a voice to the next other one, and the frames of the notes."""
    notes = notes_of(frames, voice)
    at = np.flatnonzero(notes > 0)
    at = at[np.concatenate([[True], notes[at][1:] != notes[at][:-1]])] if len(at) else at
    return np.diff(notes[at]), at


def _hashes(steps: NDArray[np.int64], begins: NDArray[np.int64], length: int) -> NDArray[np.uint64]:
    """Return a number for each run of steps, which runs of other steps do not share but by an accident in 2**64."""
    found = np.zeros(len(begins), np.uint64)
    for i in range(length):
        found = (found ^ steps[begins + i].astype(np.uint64)) * np.uint64(0x9E3779B97F4A7C15)
        found ^= found >> np.uint64(29)
    return found
