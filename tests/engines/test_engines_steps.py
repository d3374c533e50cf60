import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livegen.beat import Beat
from livegen.engines.steps import N_STEPS, onsets_of_windows, score_of_steps, score_on_the_beat
from livegen.score import onsets


def music(seed: int = 0, every: int = 3) -> np.ndarray:
    """Return a window with an attack on every third step or so, each of another note."""
    generator = np.random.default_rng(seed)
    steps = np.zeros((N_STEPS, 4, 3), np.uint8)
    for voice in range(4):
        for place in range(0, N_STEPS, every):
            note = (1 + place // every % 16) if voice == 3 else 40 + int(generator.integers(0, 30))
            steps[place : place + every, voice] = note, 0 if voice == 2 else 9, 0
    return steps


@pytest.mark.parametrize("period", [12.0, 24.0, 15.0, 13.2])
def test_a_window_becomes_frames_and_these_the_same_window(period: float):
    steps = music()
    frames = score_of_steps(steps, period)
    assert len(frames) == round(8 * period)
    assert (score_on_the_beat(frames, Beat(period, 0.0))[:96] == steps[: len(frames)]).mean() > (
        0.99 if period in (12.0, 24.0) else 0.85
    )


@given(st.floats(5.0, 30.0), st.integers(0, 20))
def test_no_attack_is_lost_that_has_a_frame_of_its_own(period: float, seed: int):
    steps = music(seed)
    frames = score_of_steps(steps, period)
    if period >= 9.0:  # three steps are two frames or more
        assert onsets(frames).sum() >= onsets(steps).sum() * 0.97
    assert set(np.unique(frames[..., 0])) <= set(np.unique(steps[..., 0]))


def test_a_hit_of_one_step_is_heard_in_a_frame_of_two():
    steps = np.zeros((N_STEPS, 4, 3), np.uint8)
    steps[::2, 3] = 5, 9, 0  # every other step: the frames' middles lie on the ones between
    steps[0, 3] = 0
    frames = score_of_steps(steps, 6.0)
    assert (frames[1:, 3, 0] == 5).all()


def test_windows_are_struck_each_for_itself():
    windows = np.stack([music(seed, every) for seed, every in ((0, 3), (1, 96), (1, 5))])
    assert (onsets_of_windows(windows) == np.stack([onsets(window) for window in windows])).all()
