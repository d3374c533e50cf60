"""How much of what a model makes is a copy: 95 % of the cells of a training phrase, in any transposition.

A cell is the note of a voice in a step. P1, P2 and TR are transposed together, the noise not at all.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.score import Voice
from livegen.system.kernels import kernel

COPIED_SHARE: Final = 0.95
N_COPIES: Final = 500
"""Phrases that are made to tell how many of them are copies."""

_N_PITCHED: Final = int(Voice.NO)
_WIDEST: Final = 87
"""Most semitones between two notes of the chip."""


def copies(made: NDArray[np.uint8], train: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Tell which phrases are copies of training phrases.

    Parameters
    ----------
    made, train : ndarray of uint8, shape (n, steps, 4, 3) and (m, steps, 4, 3)

    Returns
    -------
    ndarray of bool, shape (n,)
    """
    is_copy = np.zeros(len(made), np.bool_)
    _find(_columns(made), _columns(train), int((1.0 - COPIED_SHARE) * made[0, ..., 0].size + 1e-9), is_copy)
    return is_copy


def copied_share(made: NDArray[np.uint8], train: NDArray[np.uint8]) -> float:
    """Return the share of phrases that are copies of training phrases."""
    return float(copies(made, train).mean())


def _columns(phrases: NDArray[np.uint8]) -> NDArray[np.int16]:
    return np.ascontiguousarray(phrases[..., 0].astype(np.int16))


@kernel
def _find(made: NDArray[np.int16], train: NDArray[np.int16], budget: int, is_copy: NDArray[np.bool_]) -> None:
    """Mark what differs in at most `budget` cells from a training phrase, at the best transposition."""
    n_steps, n_voices = made.shape[1], made.shape[2]
    n_shifts = 2 * _WIDEST + 1
    same = np.zeros(n_shifts, np.int64)
    for i in range(len(made)):
        for j in range(len(train)):
            wrong, pitched = 0, 0
            same[:] = 0
            for t in range(n_steps):
                for voice in range(n_voices):
                    a, b = made[i, t, voice], train[j, t, voice]
                    if voice >= _N_PITCHED:
                        wrong += a != b
                    elif (a > 0) != (b > 0):
                        wrong += 1
                    elif a > 0:
                        pitched += 1
                        same[a - b + _WIDEST] += 1
                if wrong > budget:  # no transposition helps
                    break
            if wrong <= budget and wrong + pitched - same.max() <= budget:
                is_copy[i] = True
                break
