"""How quickly this machine plays a model, and how far ahead it can be planned."""

import time
from typing import Final

import numpy as np

from livegen.engines.protocol import Engine, Sampling
from livegen.errors import CheckpointError
from livegen.score import N_VOICES, SILENCE
from livegen.units import FRAME_RATE_HZ

MOST_PLAN_MS: Final = 40.0
"""Longest time that a plan may take: a frame, since every key that the performer presses voids the plan before."""

LEAST_AHEAD_FRAMES: Final = 2
"""Shortest plan that is of any use: the frame that is due next, and the one after it."""

_ROUNDS: Final = 5
_ROUND_FRAMES: Final = 24


def ms_per_second(engine: Engine) -> float:
    """Return how many milliseconds a second of music takes here, drawn frame by frame; the best of a few seconds.

    It is the processor's time, so what else runs hardly counts.

    Parameters
    ----------
    engine : Engine
        Warmed up.
    """
    frame, state, nothing_known = SILENCE, engine.initial_state(), np.zeros(N_VOICES, np.bool_)
    best = np.inf
    for round_index in range(_ROUNDS):
        started = time.thread_time()
        for k in range(_ROUND_FRAMES):
            distribution, state = engine.step(frame, state)
            frame_index = round_index * _ROUND_FRAMES + k
            frame = distribution.sample(SILENCE, nothing_known, Sampling(), seed=0, frame_index=frame_index)
        best = min(best, time.thread_time() - started)
    return 1000.0 * best * FRAME_RATE_HZ / _ROUND_FRAMES


def frames_ahead(name: str, pace_ms: float, most: int) -> int:
    """Return how many frames can be planned ahead.

    Parameters
    ----------
    name : str
        Of the model.
    pace_ms : float
        Milliseconds that a second of music takes.
    most : int
        No more than that many frames.

    Raises
    ------
    CheckpointError
        If the model is too slow for this machine.
    """
    ahead = min(int(MOST_PLAN_MS * FRAME_RATE_HZ / max(pace_ms, 1e-6)), most)
    if ahead < LEAST_AHEAD_FRAMES:
        limit_ms = MOST_PLAN_MS * FRAME_RATE_HZ / LEAST_AHEAD_FRAMES
        raise CheckpointError(
            f"the model {name} takes {pace_ms:.0f} ms for a second of music on this machine, and may take "
            f"{limit_ms:.0f}: choose a smaller one (`livegen models`), or close what else is running"
        )
    return ahead
