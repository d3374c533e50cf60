"""Rewriting a gap of a score: what is drawn follows what is before the gap, and is chosen by what comes after it.

A model goes from the past to the future. So several candidates are drawn from the left, and of these the one is taken
after which the right side is the likeliest.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.beat import Beat
from livegen.engines.protocol import Conditions, Distribution, Engine, Sampling, Scores, State
from livegen.score import N_VOICES, SILENCE, Column, Voice
from livegen.units import FRAME_RATE_HZ

HEARD_FRAMES: Final = 120 * FRAME_RATE_HZ
"""How much before the gap the model hears."""

RIGHT_FRAMES: Final = 8 * FRAME_RATE_HZ
"""By how much after it a candidate is judged."""


_LEAST: Final = -30.0
"""Nats of what a model holds to be impossible."""


@dataclass(frozen=True, slots=True)
class Infilled:
    """A score with a gap that was rewritten.

    Attributes
    ----------
    frames : ndarray of uint8, shape (N, 4, 3)
    log_probs : tuple of float
        Of what comes after the gap, by candidate, in nats; the first candidate just goes on from the left.
    chosen : int
        Which candidate it is.
    """

    frames: NDArray[np.uint8]
    log_probs: tuple[float, ...]
    chosen: int


def infill(
    engine: Engine,
    frames: NDArray[np.uint8],
    first: int,
    end: int,
    voices: tuple[Voice, ...],
    *,
    beat: Beat | None = None,
    sampling: Sampling | None = None,
    n_candidates: int = 8,
    seed: int = 0,
    progress: Callable[[], None] = lambda: None,
) -> Infilled:
    """Return a score with some voices rewritten from one frame up to another.

    Parameters
    ----------
    engine : Engine
    frames : ndarray of uint8, shape (N, 4, 3)
    first, end : int
        ``0 <= first < end <= N``.
    voices : tuple of Voice
    beat : Beat, optional
        Of the score, with its phase in frame 0.
    sampling : Sampling, optional
    n_candidates : int
        1 or more; 1 just goes on from the left.
    progress : callable
        Called after each candidate.
    """
    begin = max(first - HEARD_FRAMES, 0)
    start = engine.step(SILENCE, engine.initial_state(), _told(beat, begin - 1))
    *_, (_, distribution, state) = _walk(engine, frames[begin:first], start, beat, begin)
    after = frames[end : end + RIGHT_FRAMES]
    gaps, log_probs = [], []
    for k in range(n_candidates):
        gap, left = _drawn(engine, frames, first, end, voices, (distribution, state), beat, sampling, seed + k)
        gaps.append(gap)
        log_probs.append(_log_prob(engine, after, left, beat, end))
        progress()
    chosen = int(np.argmax(log_probs))
    return Infilled(np.concatenate([frames[:first], gaps[chosen], frames[end:]]), tuple(log_probs), chosen)


def _drawn(
    engine: Engine,
    frames: NDArray[np.uint8],
    first: int,
    end: int,
    voices: tuple[Voice, ...],
    start: tuple[Distribution, State],
    beat: Beat | None,
    sampling: Sampling | None,
    seed: int,
) -> tuple[NDArray[np.uint8], tuple[Distribution, State]]:
    """Return a gap as it is drawn from the left, and what the engine expects after it."""
    is_kept = np.array([voice not in voices for voice in Voice])
    (distribution, state), drawn = start, []
    for i in range(first, end):
        frame = distribution.sample(frames[i], is_kept, sampling or Sampling(), seed=seed, frame_index=i)
        drawn.append(frame)
        distribution, state = engine.step(frame, state, _told(beat, i))
    return np.array(drawn), (distribution, state)


def log_prob(engine: Engine, frames: NDArray[np.uint8], first: int, end: int, beat: Beat | None = None) -> float:
    """Return the log-probability of the notes of a part of a score, given all before it, in nats."""
    start = engine.step(SILENCE, engine.initial_state(), _told(beat, -1))
    *_, (_, distribution, state) = _walk(engine, frames[:first], start, beat, 0)
    return _log_prob(engine, frames[first:end], (distribution, state), beat, first)


def _log_prob(
    engine: Engine, frames: NDArray[np.uint8], start: tuple[Distribution, State], beat: Beat | None, first: int
) -> float:
    walk = _walk(engine, frames, start, beat, first)
    voices = engine.info.voices
    return sum(_of_frame(distribution, frame, voices) for frame, distribution, _ in walk if frame is not None)


def _of_frame(distribution: Distribution, frame: NDArray[np.uint8], voices: tuple[Voice, ...]) -> float:
    if isinstance(distribution, Scores):
        return max(distribution.log_prob(frame), _LEAST)
    total, is_known = 0.0, np.zeros(N_VOICES, np.bool_)
    for voice in voices:
        found = distribution.note_log_probs(voice, frame, is_known)
        total += max(float(found[frame[voice, Column.NOTE]]), _LEAST)
        is_known[voice] = True
    return total


def _walk(
    engine: Engine, frames: NDArray[np.uint8], start: tuple[Distribution, State], beat: Beat | None, first: int
) -> Iterator[tuple[NDArray[np.uint8] | None, Distribution, State]]:
    """Yield each frame with what the engine expects of it; at last None, and what it expects after all of them."""
    distribution, state = start
    for i, frame in enumerate(frames):
        yield frame, distribution, state
        distribution, state = engine.step(frame, state, _told(beat, first + i))
    yield None, distribution, state


def _told(beat: Beat | None, frame_index: int) -> Conditions:
    return Conditions(beat=None if beat is None else beat.after(frame_index))
