"""Music on the grid of its beat, as engines of two bars have it: twelve steps a beat, at any tempo."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.beat import Beat
from livegen.score import N_COLUMNS, N_VOICES, Column, Voice, onsets

STEPS_A_BEAT: Final = 12
"""Twelve: triplets and sixteenths both lie on it."""

BEATS: Final = 8
N_STEPS: Final = BEATS * STEPS_A_BEAT
"""Length of a window in beats and in steps."""

ROUNDING: Final = 1e-6
"""Of a place, in steps: a frame's middle that lies on the edge of two steps is in the later one."""


def on_the_beat(changes: list[tuple[NDArray, NDArray[np.uint8]]], beat: Beat, n_frames: float) -> NDArray[np.uint8]:
    """Return a song on the grid of its beat.

    An onset lies in the step nearest to its exact time; of several in one step the last one is taken, as it is struck.
    A step without an onset is as the song is at its time.

    Parameters
    ----------
    changes : list of (array, ndarray of uint8)
        For each voice, the times, in frames, rising, at which its state changes, (K,), and the states, (K, 3): note,
        volume and timbre. The first time is 0.
    beat : Beat
        With its phase at time 0.
    n_frames : float
        The song's length.

    Returns
    -------
    ndarray of uint8, shape (N, 4, 3)
        From the last beat before the music, or on it, to the song's end.
    """
    steps_a_frame = STEPS_A_BEAT / beat.period_frames
    first = np.rint(beat.phase % 1.0 * STEPS_A_BEAT) // STEPS_A_BEAT * STEPS_A_BEAT
    at_zero = beat.phase % 1.0 * STEPS_A_BEAT - first  # the place of time 0 in steps from the first one
    n_steps = max(int(np.ceil(at_zero + n_frames * steps_a_frame - 0.5)), 0)
    score = np.zeros((n_steps, N_VOICES, N_COLUMNS), np.uint8)
    step = np.arange(n_steps)
    for voice, (frames, states) in enumerate(changes):
        place = at_zero + np.asarray(frames, np.float64) * steps_a_frame
        alone = np.zeros((len(states), N_VOICES, N_COLUMNS), np.uint8)
        alone[:, voice] = states
        struck = np.flatnonzero(onsets(alone)[:, voice])
        now = np.searchsorted(place, step, side="right") - 1
        score[:, voice] = np.where(now[:, None] >= 0, states[now], 0)
        nearest = np.floor(place[struck] + 0.5).astype(np.int64)
        is_inside = (nearest >= 0) & (nearest < n_steps)
        score[nearest[is_inside], voice] = states[struck[is_inside]]
    has_volume = [Voice.P1, Voice.P2, Voice.NO]
    is_silent = score[..., Column.NOTE] == 0
    is_silent[:, has_volume] |= score[:, has_volume, Column.VOLUME] == 0
    score[is_silent] = 0
    return score


def score_on_the_beat(frames: NDArray[np.uint8], beat: Beat) -> NDArray[np.uint8]:
    """Return a score, ``uint8 (N, 4, 3)``, on the grid of its beat; an onset is taken to be where its frame begins."""
    return on_the_beat([(np.arange(len(frames)), frames[:, voice]) for voice in Voice], beat, len(frames))


def onsets_of_windows(windows: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return where voices attack, (n, steps, 4), in windows ``uint8 (n, steps, 4, 3)``, each after silence."""
    n, n_steps = windows.shape[:2]
    apart = np.concatenate([np.zeros((n, 1, N_VOICES, N_COLUMNS), np.uint8), windows], 1)
    return onsets(apart.reshape(-1, N_VOICES, N_COLUMNS)).reshape(n, n_steps + 1, N_VOICES)[:, 1:]


def score_of_steps(steps: NDArray[np.uint8], period_frames: float) -> NDArray[np.uint8]:
    """Return music on a grid, ``uint8 (N, 4, 3)``, as a score at so many frames a beat.

    A frame is as the step that is in force at its middle. Where it covers two, a voice that attacks in the first of
    them and not in the second is as in the first.
    """
    n_frames = round(len(steps) * period_frames / STEPS_A_BEAT)
    middle = (np.arange(n_frames) + 0.5) * STEPS_A_BEAT / period_frames
    now = np.minimum((middle + ROUNDING).astype(np.int64), len(steps) - 1)
    score = steps[now]
    is_attack = onsets(steps)
    before = np.concatenate([[-1], now[:-1]])
    for back in range(1, int(np.diff(now, prepend=-1).max(initial=1))):
        earlier = np.maximum(now - back, 0)
        is_missed = (is_attack[earlier] & ~is_attack[now]) & (now - back > before)[:, None]
        score = np.where(is_missed[..., None], steps[earlier], score)
    return score
