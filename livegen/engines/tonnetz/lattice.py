"""Where pitches lie on the lattice: 24 rows of 12, fifths along a row, major thirds from row to row.

Three rows are an octave and hold each of its twelve pitches three times. So a triad is a triangle of neighbours,
wherever it lies (C.-H. Chuan and D. Herremans, "Modeling Temporal Tonal Relations in Polyphonic Music through Deep
Networks with a Novel Image-Based Representation", AAAI 2018). A row goes round, after twelve
fifths.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

N_ROWS: Final = 24
N_COLUMNS: Final = 12
N_CELLS: Final = N_ROWS * N_COLUMNS

CELLS_A_PITCH: Final = 3
"""Rows of an octave, and how many cells have the same pitch."""

N_PITCHES: Final = N_CELLS // CELLS_A_PITCH

LOWEST_NOTE: Final = 12
"""The note of the first pitch, C0. Notes beyond the last one, B7, are taken an octave lower."""

BITS: Final = 1 << np.arange(N_COLUMNS)
"""By pitch class, its bit in a set of them."""

_FIFTH, _THIRD, _OCTAVE = 7, 4, 12


def _pitch_of_cell() -> NDArray[np.int64]:
    row, column = np.divmod(np.arange(N_CELLS), N_COLUMNS)
    pitch_class = (_FIFTH * column + _THIRD * row) % _OCTAVE
    return row // CELLS_A_PITCH * _OCTAVE + pitch_class


PITCH_OF_CELL: Final = _pitch_of_cell()
"""By cell, row after row, its pitch, (288,): 0..95."""

CELLS_OF_PITCH: Final = np.argsort(PITCH_OF_CELL, kind="stable").reshape(N_PITCHES, CELLS_A_PITCH)
"""By pitch, its cells, (96, 3)."""


def pitch_of(note: int) -> int:
    """Return the pitch, 0..95, of a note that sounds."""
    pitch = note - LOWEST_NOTE
    if 0 <= pitch < N_PITCHES:
        return pitch
    return pitch % _OCTAVE if pitch < 0 else N_PITCHES - _OCTAVE + pitch % _OCTAVE


def pitch_classes_of(pitches: NDArray) -> NDArray[np.bool_]:
    """Return which pitch classes sound, (..., 12), where pitches do, (..., 96)."""
    by_octave = pitches.reshape(*pitches.shape[:-1], N_PITCHES // _OCTAVE, _OCTAVE)
    return np.asarray(by_octave.any(-2))


def pitch_classes_in(bits: int) -> NDArray[np.bool_]:
    """Return a set of pitch classes, as bits, as an array, (12,)."""
    return BITS & bits != 0
