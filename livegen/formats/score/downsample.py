"""From NES-MDB's 44.1 kHz grid to frames and back: where a frame begins, and which values it keeps.

The rule is that of nesmdb's `exprsco_downsample` (https://github.com/chrisdonahue/nesmdb), including its rounding in
floating point, so that NES-MDB's MIDI files give exactly the frames that it published.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.score import N_COLUMNS, Column
from livegen.units import FRAME_RATE_HZ

GRID_RATE_HZ: Final = 44_100
"""Rate of the grid: NES-MDB counts time in samples of this rate."""


def frame_edges(n_frames: int) -> NDArray[np.int64]:
    """Return the first grid sample of each frame and of the one after the last, shape (n_frames + 1,)."""
    return (np.arange(n_frames + 1) / FRAME_RATE_HZ * GRID_RATE_HZ).astype(np.int64)


def samples_to_frames(n_samples: int) -> int:
    """Return how many whole frames a number of grid samples holds."""
    return int(n_samples / GRID_RATE_HZ * FRAME_RATE_HZ)


def frames_to_samples(n_frames: int) -> int:
    """Return the smallest number of grid samples that holds `n_frames`."""
    n_samples = int(frame_edges(n_frames)[-1])
    while samples_to_frames(n_samples) < n_frames:
        n_samples += 1
    return n_samples


def downsample(starts: NDArray[np.int64], values: NDArray[np.uint8], n_frames: int) -> NDArray[np.uint8]:
    """Return the frames of one voice, given the changes of its state.

    In each column, a frame keeps the value that lasts longest in it (of two that last equally long, the smaller). If
    the voice sounds anywhere in the frame, only the samples where it sounds count.

    Parameters
    ----------
    starts : ndarray of int64, shape (K,)
        Grid samples where the state changes, rising; the first is 0.
    values : ndarray of uint8, shape (K, 3)
        Note, volume and timbre from each of these samples on.
    n_frames : int
        How many frames to return.

    Returns
    -------
    ndarray of uint8, shape (n_frames, 3)
    """
    edges = frame_edges(n_frames)
    cuts = np.union1d(edges, starts[starts < edges[-1]])
    lengths = np.diff(cuts)
    frame = np.searchsorted(edges, cuts[:-1], side="right") - 1
    piece = values[np.searchsorted(starts, cuts[:-1], side="right") - 1]
    sounds = piece[:, Column.NOTE] > 0
    frame_sounds = np.bincount(frame, sounds, minlength=n_frames) > 0
    counts = sounds | ~frame_sounds[frame]
    frame, piece, lengths = frame[counts], piece[counts], lengths[counts]
    result = np.empty((n_frames, N_COLUMNS), np.uint8)
    for column in Column:
        result[:, column] = _longest(frame, piece[:, column].astype(np.int64), lengths)
    return result


def _longest(frame: NDArray[np.int64], value: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the value with the greatest total length in each frame. Every frame must have at least one piece."""
    keys, place = np.unique(frame * 256 + value, return_inverse=True)
    totals = np.bincount(place, lengths)
    order = np.lexsort((keys % 256, -totals, keys // 256))
    _, first = np.unique(keys[order] // 256, return_index=True)
    return keys[order][first] % 256
