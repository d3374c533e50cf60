"""The band follows how hard the performer plays, and only in what sounds."""

import numpy as np
import pytest
from test_cues import band
from test_performance import frames

from livegen.controls import Value
from livegen.events import NoteOff, NoteOn, SetControl
from livegen.performance.state import State
from livegen.score import Voice
from livegen.score_table import MODEL

LONG = 200
BAND = (Voice.P2, Voice.NO)


def played(velocity: int, follow: float, *, until: int = LONG, **values: Value) -> State:
    """Return a performance in which a key is struck every second, so hard, up to a frame."""
    strikes = [(k, NoteOn(0, 60, velocity)) for k in range(5, until, 24)]
    ends = [(k + 20, NoteOff(0, 60)) for k, _ in strikes]
    return band(LONG, *sorted([*strikes, *ends], key=lambda move: move[0]), follow=follow, **values)


def ratio(state: State, first: int, last: int) -> float:
    """Return how loud P2 and the noise sounded, beside how loud they were drawn."""
    steps = [state.timeline.at(k) for k in range(first, last)]
    sounded = np.array([step.planned.frame[BAND, 1] for step in steps], float)
    return sounded.sum() / np.array([step.heard[BAND, 1] for step in steps], float).sum()


@pytest.mark.parametrize(("velocity", "gain"), [(34, 0.4), (85, 1.0), (110, 1.2)])
def test_the_band_is_as_soft_and_as_loud_as_the_performer(velocity: int, gain: float) -> None:
    state = played(velocity, 1.0)
    assert ratio(state, 120, LONG) == pytest.approx(gain, abs=0.06)  # those of 1.3 times over 15 are 15
    assert ratio(played(velocity, 0.5), 120, LONG) == pytest.approx(1 + 0.5 * (gain - 1), abs=0.06)
    assert ratio(state, 0, 24) == 1.0
    for k in range(LONG):  # the performer's own voice is as it was played, and no note of the band is lost
        step = state.timeline.at(k)
        assert (step.planned.frame[Voice.P1] == step.heard[Voice.P1]).all()
        assert (step.planned.frame[Voice.TR] == step.heard[Voice.TR]).all()
        assert ((step.planned.frame[:, 1] > 0) == (step.heard[:, 1] > 0)).all()


def test_it_comes_in_and_goes_away_little_by_little() -> None:
    state = played(34, 1.0, until=60)
    step_up = [ratio(state, k, k + 1) for k in range(24, LONG) if state.timeline.at(k).heard[BAND, 1].min() >= 10]
    assert 0.35 < min(step_up) < 0.8
    gains = np.array([ratio(state, k, k + 8) for k in range(24, LONG - 8)])
    assert np.abs(np.diff(gains)).max() < 0.25


def test_without_a_performer_or_with_a_follow_of_0_all_sounds_as_it_is_drawn() -> None:
    alone = band(LONG, follow=1.0)
    assert frames(alone, 0, LONG) == frames(band(LONG, follow=0.0), 0, LONG)
    state = played(34, 0.0)
    for k in range(LONG):
        step = state.timeline.at(k)
        model_s = step.planned.owner == MODEL
        assert (step.planned.frame == step.heard)[model_s].all()


def test_what_the_engine_hears_is_the_same_however_loud_it_sounds() -> None:
    soft, as_drawn = (played(34, follow, tightness=0.0) for follow in (1.0, 0.0))  # no attack is moved to the grid
    for k in range(LONG):
        assert (soft.timeline.at(k).heard == as_drawn.timeline.at(k).heard).all()


def test_a_change_of_it_counts_from_the_next_frame_that_is_open() -> None:
    strikes = [(k, NoteOn(0, 60, 34)) for k in range(5, LONG, 24)]
    changed = band(LONG, *strikes, (150, SetControl("follow", 0.0)), follow=1.0)
    assert ratio(changed, 130, 150) < 0.6
    assert ratio(changed, 152, LONG) == 1.0
