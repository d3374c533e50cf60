"""What is counted in the notes of one voice, ``(n,)`` by frame and 0 for silence."""

import numpy as np
from numpy.typing import NDArray

Notes = NDArray[np.int64]


def notes_of(frames: NDArray[np.uint8], voice: int) -> Notes:
    """Return a voice's notes in frames, ``uint8 (n, 4, 3)``."""
    return frames[:, voice, 0].astype(np.int64)


def changes(notes: Notes) -> NDArray[np.int64]:
    """Return the frames, after the first, in which the voice changes to a note."""
    return np.flatnonzero((notes[1:] != notes[:-1]) & (notes[1:] > 0)) + 1


def in_turn(notes: Notes) -> Notes:
    """Return the notes in their order, however long each lasts."""
    if not len(notes):
        return notes
    begins = np.concatenate([[True], notes[1:] != notes[:-1]])
    return notes[begins & (notes > 0)]


def intervals(upper: Notes, lower: Notes) -> NDArray[np.int64]:
    """Return how many frames two voices sound together in each interval within the octave, ``(12,)``."""
    both = (upper > 0) & (lower > 0)
    return np.bincount((upper[both] - lower[both]) % 12, minlength=12)


def pitch_classes(notes: Notes) -> NDArray[np.int64]:
    """Return how many frames the voice sounds in each pitch class, ``(12,)``."""
    return np.bincount(notes[notes > 0] % 12, minlength=12)
