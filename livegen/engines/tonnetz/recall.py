"""What came the last time: the place in a song that was most like now, and the slice that followed there.

Game music comes back. The slices heard last are looked for in all that was heard before, once as the same pitches and
once as the same chords, and of the places found that counts where most slices before it are alike; of several of them
the latest one.
"""

from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.engines.tonnetz.config import LONGEST_MATCH, N_HEARD
from livegen.engines.tonnetz.lattice import BITS, N_COLUMNS, N_PITCHES, pitch_classes_in, pitch_classes_of
from livegen.engines.triads import fitting_triad
from livegen.system.kernels import kernel

NOWHERE: Final = -1
"""The place that is told where nothing was like now."""

_WORD_BITS: Final = 64


def last_times(
    pitches: NDArray[np.bool_], firsts: NDArray[np.int64], ends: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return where music was as it is now: how many slices are alike, and which slice came after them.

    Parameters
    ----------
    pitches : ndarray of bool, shape (slices, 96)
        Which pitches sound in each. An empty slice is like no other.
    firsts, ends : ndarray of int64, shape (n,)
        For each answer, the first slice that was heard, and the one that comes next. At most `N_HEARD` before it are
        looked at.

    Returns
    -------
    lengths : ndarray of int64, shape (n, 2)
        How many slices are alike, 0 to `LONGEST_MATCH`: with the same pitches, and with the same chords.
    places : ndarray of int64, shape (n, 2)
        The slice that followed, `NOWHERE` where none is alike.
    """
    found = np.empty((2, 2, len(ends)), np.int64)
    for kind, slices in enumerate((_by_pitches(pitches), _by_chord(pitches))):
        _find(slices, firsts, ends, *found[:, kind])
    lengths, places = found.transpose(0, 2, 1)
    return lengths, places


def followed(pitches: NDArray[np.bool_], places: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which pitches sound in the slices at some places, (..., 96); none at `NOWHERE`."""
    return pitches[places] & (places != NOWHERE)[..., None]


@kernel
def _find(
    slices: NDArray[np.int64],
    firsts: NDArray[np.int64],
    ends: NDArray[np.int64],
    lengths: NDArray[np.int64],
    places: NDArray[np.int64],
) -> None:
    """Write the longest match before each end, and the place after it. A slice of zeros is empty."""
    for i in range(len(ends)):
        end = ends[i]
        first = max(firsts[i], end - N_HEARD)
        lengths[i], places[i] = 0, NOWHERE
        place = end - 1
        while place > first and lengths[i] < LONGEST_MATCH:
            length = 0
            while (
                length < LONGEST_MATCH
                and place - 1 - length >= first
                and _are_alike(slices[place - 1 - length], slices[end - 1 - length])
            ):
                length += 1
            if length > lengths[i]:
                lengths[i], places[i] = length, place
            place -= 1


@kernel
def _are_alike(one: NDArray[np.int64], other: NDArray[np.int64]) -> bool:
    is_empty = True
    for word in range(len(one)):
        if one[word] != other[word]:
            return False
        is_empty = is_empty and one[word] == 0
    return not is_empty


def _by_pitches(pitches: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return all pitches of slices as bits, (slices, 2)."""
    n_words = -(-N_PITCHES // _WORD_BITS)
    packed = np.zeros((len(pitches), n_words * _WORD_BITS // 8), np.uint8)
    packed[:, : N_PITCHES // 8] = np.packbits(pitches, axis=1)
    return packed.view(np.int64)


def _by_chord(pitches: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return the chord of slices, (slices, 1): 1 to 24, and 0 for none."""
    return _chords()[pitch_classes_of(pitches) @ BITS][:, None]


@cache
def _chords() -> NDArray[np.int64]:
    """Return the triad that fits each set of pitch classes, by its bits, (4096,)."""
    triads = [fitting_triad(pitch_classes_in(bits).astype(np.float64)) for bits in range(1 << N_COLUMNS)]
    return np.array([0, *(1 + 2 * triad.tonic + triad.is_minor for triad in triads[1:])])
