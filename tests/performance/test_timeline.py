from itertools import pairwise

from hash_engine import HashEngine

from livegen.controls import DEFAULTS
from livegen.performance.performance import advance, begin

N_FRAMES = 700


class ListeningEngine(HashEngine):
    """Remembers what it was told beside the frames."""

    def __init__(self):
        super().__init__()
        self.told = []

    def step(self, frame, state, conditions=None):
        self.told.append(conditions)
        return super().step(frame, state, conditions)


def _told(memory: float, seed: int = 3) -> list:
    engine = ListeningEngine()
    values = {**DEFAULTS, "memory": memory, "sync": "none"}  # a plan on a beat is not of one whole number of frames
    state = begin(engine, values, seed=seed)
    advance(state, N_FRAMES)
    return engine.told[1:]  # but for the silence before the song


def test_the_engine_is_told_of_the_memory_and_of_plans_in_sections():
    told = _told(1.0)
    assert {conditions.memory for conditions in told} == {1.0}
    plans = [conditions.plan for conditions in told]
    assert not any(plans[:100])
    assert any(plans)
    n_changes = sum(one != other for one, other in pairwise(plans))
    assert n_changes < N_FRAMES / 20


def test_without_memory_nothing_is_planned():
    assert {(conditions.memory, conditions.plan) for conditions in _told(0.0)} == {(0.0, 0)}


def test_the_form_follows_from_the_seed():
    assert _told(1.0) == _told(1.0)
    assert _told(1.0) != _told(1.0, seed=4)


def test_planning_the_same_frames_again_finds_the_same_form():
    engine = ListeningEngine()
    state, _, _ = advance(begin(engine, DEFAULTS, seed=3), N_FRAMES)
    timeline = state.timeline
    for frame_index in range(200, N_FRAMES, 37):
        cut = timeline.cut(frame_index)
        again = cut.append(timeline.at(frame_index)).next_context(seed=3)
        assert again.form == timeline.at(frame_index + 1).context.form
