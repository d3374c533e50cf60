"""Keys: how phrases are transposed to one another.

The network learns from phrases that are all in C major or A minor, as far as one can tell. So it need not learn
everything twelve times, and a phrase is transposed as a whole to where it is played.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

_MAJOR: Final = np.array([6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88])
_MINOR: Final = np.array([6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17])
"""How well pitch classes fit a key, from its tonic up (Krumhansl and Kessler 1982)."""

LOWEST_SHIFT: Final = -5
N_SHIFTS: Final = 12
"""Phrases are transposed by -5 to 6 semitones: to each key once, by the shortest way."""


def _templates() -> NDArray[np.float64]:
    """Return, for each key signature, the templates of its major and its minor key, (12, 2, 12)."""
    each = np.array([[np.roll(_MAJOR, tonic), np.roll(_MINOR, tonic - 3)] for tonic in range(12)])
    each -= each.mean(-1, keepdims=True)
    return each / np.linalg.norm(each, axis=-1, keepdims=True)


_TEMPLATES: Final = _templates()


def signature_fits(chroma: NDArray) -> NDArray[np.float64]:
    """Return how well a chroma, (12,), fits each key signature, (12,), from that of C on: a correlation, -1..1."""
    centred = np.asarray(chroma, np.float64) - np.mean(chroma)
    size = float(np.sqrt(np.sum(centred * centred)))
    if size <= 0.0:
        return np.zeros(12)
    return (_TEMPLATES @ centred).max(-1) / size


def signature_of(chroma: NDArray) -> int:
    """Return the key signature, 0..11, that fits a chroma best: that of C is 0, of C sharp 1."""
    return int(np.argmax(signature_fits(chroma)))


def shift_up(semitones: int) -> int:
    """Return a transposition by the shortest way, within -5..6."""
    return (semitones - LOWEST_SHIFT) % N_SHIFTS + LOWEST_SHIFT
