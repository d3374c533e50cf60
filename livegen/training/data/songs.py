"""Songs for training: a split, with the beat of each song, and how far it may be transposed."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.beat import Beat, estimate_beat
from livegen.engines.config import ALL_VOICES
from livegen.errors import TrainingError
from livegen.score import NOTE_RANGE, PITCHED, SILENCE, Voice, onsets
from livegen.training.made import Made

_MAX_SHIFT: Final = 6
"""Most semitones that a song is transposed."""


@dataclass(frozen=True)
class Songs:
    """A split: its songs, their beats, and how far they may be transposed.

    Attributes
    ----------
    frames : ndarray of uint8, shape (total frames, 4, 3)
        The songs, one after another.
    offsets : ndarray of int64, shape (songs + 1,)
        Where each song begins in `frames`.
    lowest_shift, highest_shift : ndarray of int64, shape (songs,)
        Semitones by which P1, P2 and TR may move and stay in range, within -6..6.
    beats : tuple of Beat or None
        The beat of each song, with its phase in the song's first frame; None if the song has no clear beat.
    voices : tuple of Voice
        The voices that may sound.
    is_learnt : ndarray of bool, shape (total frames, 4), or None
        What is learnt: of jams what their players played; None if that is everything. All of it is heard.
    made : Made or None
        What a model made of the songs.
    """

    frames: NDArray[np.uint8]
    offsets: NDArray[np.int64]
    lowest_shift: NDArray[np.int64]
    highest_shift: NDArray[np.int64]
    beats: tuple[Beat | None, ...]
    voices: tuple[Voice, ...] = ALL_VOICES
    is_learnt: NDArray[np.bool_] | None = None
    made: Made | None = None

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def n_frames(self) -> int:
        """Number of frames of all songs together."""
        return len(self.frames)

    def song(self, index: int) -> NDArray[np.uint8]:
        """Return one song, ``uint8 (N, 4, 3)``."""
        return self.frames[self.offsets[index] : self.offsets[index + 1]]

    def digest(self) -> str:
        """Return the SHA-256, in hexadecimal, of the frames and of where each song begins."""
        digest = hashlib.sha256(np.ascontiguousarray(self.offsets, "<i8").tobytes())
        digest.update(np.ascontiguousarray(self.frames).tobytes())
        return digest.hexdigest()

    def learnt(self, index: int) -> NDArray[np.bool_] | None:
        """Return what is learnt of one song, ``bool (N, 4)``, or None if that is everything."""
        if self.is_learnt is None:
            return None
        own = self.is_learnt[self.offsets[index] : self.offsets[index + 1]]
        return None if own.all() else own


class Unknown:
    """Stands for the beat of a song that nobody has told."""


UNKNOWN: Final = Unknown()


def songs_of(
    scores: Sequence[NDArray[np.uint8]],
    exact: Sequence[Beat | Unknown | None] = (),
    learnt: Sequence[NDArray[np.bool_] | None] = (),
) -> Songs:
    """Prepare scores, each ``uint8 (N, 4, 3)`` with N > 0, as the songs of a split.

    `exact` has each song's beat, or `UNKNOWN` where it is to be found in the frames; nothing if all are. `learnt` has
    what is learnt of each, ``bool (N, 4)``, or None for all of it; nothing if that is all of all.
    """
    offsets = np.concatenate([[0], np.cumsum([len(score) for score in scores])]).astype(np.int64)
    shifts = np.array([allowed_shifts(score) for score in scores], np.int64)
    beats = tuple(
        estimate_beat(np.nonzero(onsets(score))[0]) if isinstance(beat, Unknown) else beat
        for score, beat in zip(scores, exact or [UNKNOWN] * len(scores), strict=True)
    )
    is_learnt = None
    if any(part is not None for part in learnt):
        parts = [
            np.ones(score.shape[:2], np.bool_) if part is None else part
            for score, part in zip(scores, learnt, strict=True)
        ]
        is_learnt = np.concatenate(parts)
    return Songs(np.concatenate(scores), offsets, shifts[:, 0], shifts[:, 1], beats, is_learnt=is_learnt)


def only(songs: Songs, voices: tuple[Voice, ...]) -> Songs:
    """Return the songs with only these voices sounding, without songs that are then silent.

    Raises
    ------
    TrainingError
        If no song is left.
    """
    if voices == songs.voices:
        return songs
    frames = songs.frames.copy()
    frames[:, [voice for voice in Voice if voice not in voices]] = SILENCE[0]
    scores = np.split(frames, songs.offsets[1:-1])
    kept = [i for i, score in enumerate(scores) if score[..., 0].any()]
    if not kept:
        raise TrainingError(f"none of the {len(songs)} songs has {' or '.join(voice.name for voice in voices)} in it")
    return replace(songs_of([scores[i] for i in kept], learnt=[songs.learnt(i) for i in kept]), voices=voices)


def allowed_shifts(score: NDArray[np.uint8]) -> tuple[int, int]:
    """Return by how many semitones P1, P2 and TR of a score, ``uint8 (N, 4, 3)``, may move and stay in range."""
    down, up = _MAX_SHIFT, _MAX_SHIFT
    for voice in PITCHED:
        notes = score[:, voice, 0]
        notes = notes[notes > 0].astype(np.int64)
        if len(notes):
            lowest, highest = NOTE_RANGE[voice]
            down, up = min(down, notes.min() - lowest), min(up, highest - notes.max())
    return -int(down), int(up)
