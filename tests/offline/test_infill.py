"""A gap that is rewritten: what is around it stays, and of several candidates the one is taken that leads on best."""

import numpy as np
import pytest
from lstm_weights import random_engine as random_lstm
from transformer_weights import random_engine

from livegen.beat import Beat
from livegen.engines.protocol import Sampling
from livegen.offline.infill import RIGHT_FRAMES, infill, log_prob
from livegen.score import SILENCE, Voice, validate_frames

FIRST, END = 60, 110
ENGINES = {"transformer": random_engine(), "lstm": random_lstm()}


def song(engine, n_frames: int = 160, seed: int = 3) -> np.ndarray:
    """Return what an engine plays by itself."""
    state, frame, frames = engine.initial_state(), SILENCE, []
    for i in range(n_frames):
        distribution, state = engine.step(frame, state)
        frame = distribution.sample(SILENCE, np.zeros(4, np.bool_), Sampling(), seed=seed, frame_index=i)
        frames.append(frame)
    return np.array(frames)


@pytest.mark.parametrize("kind", ENGINES)
def test_a_gap_is_rewritten_for_what_comes_after_it(kind: str) -> None:
    engine = ENGINES[kind]
    frames, told = song(engine), []
    voices = (Voice.P2, Voice.TR)
    found = infill(engine, frames, FIRST, END, voices, n_candidates=4, progress=lambda: told.append(1))
    validate_frames(found.frames)
    assert len(told) == len(found.log_probs) == 4
    is_rest = np.ones(frames.shape[:2], np.bool_)
    is_rest[FIRST:END, list(voices)] = False
    assert np.array_equal(found.frames[is_rest], frames[is_rest])
    assert (found.frames != frames).any()
    assert found.chosen == int(np.argmax(found.log_probs))
    assert len(set(found.log_probs)) > 1
    after = log_prob(engine, found.frames, END, min(END + RIGHT_FRAMES, len(frames)))
    assert after == pytest.approx(max(found.log_probs), abs=1e-6)
    assert np.array_equal(infill(engine, frames, FIRST, END, voices, n_candidates=4).frames, found.frames)


def test_one_candidate_goes_on_from_the_left_as_the_model_does() -> None:
    engine = ENGINES["transformer"]
    frames = song(engine, seed=5)
    found = infill(engine, frames, FIRST, len(frames), tuple(Voice), n_candidates=1, seed=5)
    assert np.array_equal(found.frames, frames)
    assert found.log_probs == (0.0,)  # nothing comes after it
    begun = infill(engine, frames, 0, 30, tuple(Voice), n_candidates=1, seed=5, beat=Beat(12.0, 0.0))
    assert np.array_equal(begun.frames[30:], frames[30:])
