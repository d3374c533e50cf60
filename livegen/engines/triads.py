"""Major and minor triads, and the three moves of the Tonnetz that lead from one to its neighbours.

On the Tonnetz a triad is a triangle of pitch classes: fifths along one side, major and minor thirds along the others.
Two triads that share a side have two of their three pitch classes in common, and a move goes over that side.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.controls import SCALES
from livegen.engines.tonality import Key, key_at, pitch_class_bits

MOVES: Final = ("p", "l", "r")
"""Parallel (C major, C minor), leading-tone exchange (C major, E minor), relative (C major, A minor)."""

_TO_MINOR: Final = {"p": 0, "l": 4, "r": 9}
"""By how many semitones the root goes up where a move leads from a major triad. From a minor one it goes back."""

_OF_TRIAD: Final = ((0, 4, 7), (0, 3, 7))
_OF_SCALE: Final = (SCALES["major"], SCALES["minor"])
"""Semitones over the root, in major and in minor."""


_SPEAKS_FOR: Final = ((1.0, 0, 0, 0, 0.7, 0, 0, 0.8, 0, 0, 0, 0), (1.0, 0, 0, 0.7, 0, 0, 0, 0.8, 0, 0, 0, 0))
"""How well a pitch class speaks for a triad, from its root up, in major and minor."""

_TRIADS: Final = np.array([np.roll(_SPEAKS_FOR[mode], tonic) for tonic in range(12) for mode in (0, 1)])


def fitting_triad(chroma: NDArray[np.float64]) -> Key:
    """Return the triad that pitch classes speak for.

    Of triads that fit alike, the one whose root is lowest from C up is taken, major before minor.

    Parameters
    ----------
    chroma : ndarray of float64, shape (12,)
        How much there is of each pitch class, from C up.
    """
    return key_at(int(np.argmax(_TRIADS @ np.sqrt(chroma))))


def triad_pitch_classes(triad: Key) -> int:
    """Return the pitch classes of a triad as bits, bit 0 for C."""
    return pitch_class_bits(triad.tonic, _OF_TRIAD[triad.is_minor])


def scale_pitch_classes(triad: Key) -> int:
    """Return the pitch classes of the major or natural minor scale over a triad's root as bits, bit 0 for C."""
    return pitch_class_bits(triad.tonic, _OF_SCALE[triad.is_minor])


def moved(triad: Key, move: str) -> Key:
    """Return the triad to which one of `MOVES` leads; the same move leads back."""
    semitones = _TO_MINOR[move]
    return Key((triad.tonic + (-semitones if triad.is_minor else semitones)) % 12, not triad.is_minor)
