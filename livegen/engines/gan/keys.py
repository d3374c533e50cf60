"""Keys: how phrases are transposed to one another.

The network learns from phrases that are all in C major or A minor, as far as one can tell. So it need not learn
everything twelve times, and a phrase is transposed as a whole to where it is played.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.engines.tonality import LISTENERS, MAJOR, MINOR, key_fits

_RELATIVE_MAJOR: Final = 3
"""How many semitones over the tonic of a minor key that of the major key with its signature is."""

LOWEST_SHIFT: Final = -5
N_SHIFTS: Final = 12
"""Phrases are transposed by -5 to 6 semitones: to each key once, by the shortest way."""


def signature_fits(chroma: NDArray) -> NDArray[np.float64]:
    """Return how well a chroma, (12,), fits each key signature, (12,), from that of C on: a correlation, -1..1."""
    fits = key_fits(chroma, LISTENERS)
    return np.maximum(fits[:, MAJOR], np.roll(fits[:, MINOR], _RELATIVE_MAJOR))


def signature_of(chroma: NDArray) -> int:
    """Return the key signature, 0..11, that fits a chroma best: that of C is 0, of C sharp 1."""
    return int(np.argmax(signature_fits(chroma)))


def shift_up(semitones: int) -> int:
    """Return a transposition by the shortest way, within -5..6."""
    return (semitones - LOWEST_SHIFT) % N_SHIFTS + LOWEST_SHIFT
