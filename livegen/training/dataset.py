"""Songs for training: loading a split, and endless lanes of shuffled, transposed songs cut into segments.

Every draw comes from a generator named by (seed, epoch, song) or (seed, step), so that what a run sees depends
on nothing but its seed and how far it got: a resumed run goes on exactly.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.errors import FormatError, TrainingError
from livegen.formats.nesmdb import load_split
from livegen.predictor.features import N_HEARD, NOTE, NOTES, hear_each, hear_song
from livegen.score import N_COLUMNS, N_VOICES, NOTE_RANGE, Voice
from livegen.training.mishear import mishear

_PITCHED: Final = (Voice.P1, Voice.P2, Voice.TR)
_MAX_SHIFT: Final = 6
_UNSHIFTED_SHARE: Final = 0.25
_SWAP_SHARE: Final = 0.1
_MISHEARD_SHARE: Final = 0.5


@dataclass(frozen=True)
class Songs:
    """A split: what was heard in each song, and how far it may be transposed.

    Attributes
    ----------
    heard : ndarray of uint8, shape (total frames + songs, 4, 19)
        For each song, `livegen.predictor.features.hear_song`.
    offsets : ndarray of int64, shape (songs + 1,)
        Where each song's entries begin in `heard`; a song of N frames has N + 1 of them.
    lowest_shift, highest_shift : ndarray of int64, shape (songs,)
        Semitones by which P1, P2 and TR may move and stay in range, within -6..6.
    """

    heard: NDArray[np.uint8]
    offsets: NDArray[np.int64]
    lowest_shift: NDArray[np.int64]
    highest_shift: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def n_frames(self) -> int:
        """Frames of all songs together."""
        return len(self.heard) - len(self)

    def song(self, index: int) -> NDArray[np.uint8]:
        """Return what was heard in one song, ``uint8 (N + 1, 4, 19)``."""
        return self.heard[self.offsets[index] : self.offsets[index + 1]]


def split_file(data: Path, split: str) -> Path:
    """Return the file of a split ("train", "valid"): `data` itself, or the one file in that folder named so.

    Raises
    ------
    TrainingError
        If there is none, or more than one.
    """
    if data.is_file():
        return data
    if not data.is_dir():
        raise TrainingError(f"there is no data at {data}: give an .npz split or the folder that holds the splits")
    found = sorted(data.glob(f"*{split}*.npz"))
    if len(found) != 1:
        raise TrainingError(f"the folder {data} holds {len(found)} files named *{split}*.npz, and needs exactly one")
    return found[0]


def load_songs(path: Path) -> Songs:
    """Read a split and prepare its songs.

    Raises
    ------
    TrainingError
        If the file is no split, is damaged, or holds no frame.
    """
    try:
        split = load_split(path)
    except FormatError as error:
        raise TrainingError(str(error)) from error
    scores = [score for score in (split.song(i) for i in range(len(split))) if len(score)]
    if not scores:
        raise TrainingError(f"{path} holds no songs: a split needs at least one frame")
    return songs_of(scores)


def songs_of(scores: list[NDArray[np.uint8]]) -> Songs:
    """Prepare scores, each ``uint8 (N, 4, 3)`` with N > 0, as the songs of a split."""
    offsets = np.concatenate([[0], np.cumsum([len(score) + 1 for score in scores])]).astype(np.int64)
    heard = np.empty((offsets[-1], N_VOICES, N_HEARD), np.uint8)
    lowest, highest = np.empty(len(scores), np.int64), np.empty(len(scores), np.int64)
    for i, score in enumerate(scores):
        hear_song(np.ascontiguousarray(score), heard[offsets[i] : offsets[i + 1]])
        lowest[i], highest[i] = _shifts(score)
    return Songs(heard, offsets, lowest, highest)


def _shifts(score: NDArray[np.uint8]) -> tuple[int, int]:
    down, up = _MAX_SHIFT, _MAX_SHIFT
    for voice in _PITCHED:
        notes = score[:, voice, 0]
        notes = notes[notes > 0].astype(np.int64)
        if len(notes):
            lowest, highest = NOTE_RANGE[voice]
            down, up = min(down, notes.min() - lowest), min(up, highest - notes.max())
    return -int(down), int(up)


@dataclass
class _Lane:
    """One row of the batch: a song, as varied in this epoch, and the place in it."""

    epoch: int
    song: int
    place: int
    before: NDArray[np.uint8]
    target: NDArray[np.uint8]


@dataclass(frozen=True)
class Segment:
    """A batch of consecutive frames.

    Attributes
    ----------
    before, target : ndarray of uint8, shape (T, B, 4, 19)
        What was heard before each frame, and with it.
    is_start : ndarray of bool, shape (B,)
        Lanes where a song begins with this segment: their state is a new one.
    n_frames : ndarray of int64, shape (B,)
        Frames that count; the rest of a lane, where its song has ended, is padding.
    """

    before: NDArray[np.uint8]
    target: NDArray[np.uint8]
    is_start: NDArray[np.bool_]
    n_frames: NDArray[np.int64]


def _empty_segment(n_lanes: int, n_frames: int) -> Segment:
    shape = (n_frames, n_lanes, N_VOICES, N_HEARD)
    return Segment(
        np.zeros(shape, np.uint8), np.zeros(shape, np.uint8), np.zeros(n_lanes, np.bool_), np.zeros(n_lanes, np.int64)
    )


def _fill(segment: Segment, lane: int, place: int, before: NDArray[np.uint8], target: NDArray[np.uint8]) -> None:
    """Put a song, from a place in it, into a lane of an empty segment."""
    n = max(min(len(target) - place, len(segment.target)), 0)
    segment.before[:n, lane] = before[place : place + n]
    segment.target[:n, lane] = target[place : place + n]
    segment.is_start[lane] = place == 0
    segment.n_frames[lane] = n


@dataclass
class Lanes:
    """Endless segments of shuffled songs; a song goes on in the same lane, segment after segment."""

    songs: Songs
    n_lanes: int
    n_frames: int
    seed: int
    taken: int = 0
    _lanes: list[_Lane] = field(default_factory=list)

    def position(self) -> list[list[int]]:
        """Return where the lanes are, as numbers that `resume_at` takes."""
        return [[self.taken, 0, 0], *([lane.epoch, lane.song, lane.place] for lane in self._lanes)]

    def resume_at(self, position: list[list[int]]) -> None:
        """Go to a place that `position` told of lanes over the same songs, of the same seed and sizes."""
        self.taken = position[0][0]
        self._lanes = [_Lane(epoch, song, place, *self._varied(epoch, song)) for epoch, song, place in position[1:]]

    def next_segment(self) -> Segment:
        """Return the next segment of every lane."""
        while len(self._lanes) < self.n_lanes:
            self._lanes.append(self._new_lane())
        segment = _empty_segment(self.n_lanes, self.n_frames)
        for i, lane in enumerate(self._lanes):
            if lane.place >= len(lane.target):
                self._lanes[i] = lane = self._new_lane()
            _fill(segment, i, lane.place, lane.before, lane.target)
            lane.place += self.n_frames
        return segment

    def _new_lane(self) -> _Lane:
        epoch, place = divmod(self.taken, len(self.songs))
        song = int(np.random.default_rng([self.seed, 0, epoch]).permutation(len(self.songs))[place])
        self.taken += 1
        return _Lane(epoch, song, 0, *self._varied(epoch, song))

    def _varied(self, epoch: int, song: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Return what was heard before each frame of a song as this epoch has it, and with it."""
        generator = np.random.default_rng([self.seed, 1, epoch, song])
        shift = int(generator.integers(self.songs.lowest_shift[song], self.songs.highest_shift[song] + 1))
        heard = transposed(self.songs.song(song), 0 if generator.random() < _UNSHIFTED_SHARE else shift)
        if generator.random() < _SWAP_SHARE:
            heard = heard[:, [Voice.P2, Voice.P1, Voice.TR, Voice.NO]]
        if generator.random() >= _MISHEARD_SHARE:
            return heard[:-1], heard[1:]
        frames = np.ascontiguousarray(heard[1:, :, :N_COLUMNS])
        misheard = np.empty_like(heard)
        hear_song(mishear(frames, generator), misheard)
        target = np.empty_like(misheard[1:])
        hear_each(frames, misheard[:-1], target)
        return misheard[:-1], target


def transposed(heard: NDArray[np.uint8], shift: int) -> NDArray[np.uint8]:
    """Return what was heard, ``uint8 (N, 4, 19)``, with the notes of P1, P2 and TR moved by `shift` semitones."""
    heard = heard.copy()
    for columns in (slice(NOTE, NOTE + 1), slice(NOTES, None)):
        notes = heard[:, : Voice.NO, columns]
        notes[notes > 0] += np.uint8(shift % 256)  # wraps round: uint8 has no negative numbers
    return heard


def in_order(songs: Songs, n_lanes: int, n_frames: int) -> Iterator[Segment]:
    """Yield every frame of a split once, as it is: songs of like length side by side, each from its start."""
    by_length = np.argsort(-np.diff(songs.offsets), kind="stable")
    for first in range(0, len(songs), n_lanes):
        group = [songs.song(int(i)) for i in by_length[first : first + n_lanes]]
        for place in range(0, len(group[0]) - 1, n_frames):
            segment = _empty_segment(len(group), n_frames)
            for lane, heard in enumerate(group):
                _fill(segment, lane, place, heard[:-1], heard[1:])
            yield segment
