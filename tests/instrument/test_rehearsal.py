"""Answers that are worked out before they are due: the same music, and nothing left to be drawn when they are."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from offline_stage import FRAME_SAMPLES, Stage

from livegen.events import ClockTick, Event, NoteOff, NoteOn, SetControl
from livegen.score_table import read_frame
from livegen.units import frame_to_sample


class CountedStage(Stage):
    """One that counts the steps of its engine."""

    def __init__(self) -> None:
        super().__init__()
        self.n_steps = 0
        engine = self.instrument.state.timeline.steps[0].context.engine
        step = engine.step

        def counted(*arguments: object) -> object:
            self.n_steps += 1
            return step(*arguments)

        engine.step = counted

    def come(self, *events: Event, at: float = 0.3) -> None:
        """Let events come at a place in the frame that sounds."""
        end = frame_to_sample(self.frame_index, FRAME_SAMPLES * 24) + round(at * FRAME_SAMPLES)
        self.render(end - self.sample)
        self.send(*events)

    def rehearse(self) -> bool:
        return self.instrument.rehearse(self.frame_index + 1, self.clock.position_at)

    def answer(self) -> int:
        """Plan the next frame, and return how many steps were taken until it was published."""
        n_before, answered = self.n_steps, []
        self.instrument.announce = lambda report: answered.append(self.n_steps - n_before)
        self.frame_index += 1
        self.instrument.play_frame(self.frame_index, self.clock.position_at)
        return answered[0]


def test_what_was_rehearsed_is_there_at_once_and_is_the_same() -> None:
    plain, rehearsed = CountedStage(), CountedStage()
    for stage in (plain, rehearsed):
        stage.frames(3)
        stage.come(NoteOn(0, 60, 100))
    assert rehearsed.rehearse()
    assert not rehearsed.rehearse()  # nothing has come since
    assert (plain.answer(), rehearsed.answer()) == (1, 0)
    assert plain.n_steps == rehearsed.n_steps
    for frame_index in range(plain.frame_index + 12):
        assert np.array_equal(*(read_frame(s.instrument.table, frame_index).frame for s in (plain, rehearsed)))


def test_what_comes_after_a_rehearsal_is_in_the_answer_too() -> None:
    stage = CountedStage()
    stage.frames(3)
    stage.come(NoteOn(0, 60, 100))
    assert stage.rehearse()
    stage.come(SetControl("temperature", 0.5), at=0.4)
    assert stage.answer() == 1
    assert stage.instrument.state.values["temperature"] == 0.5
    assert [key.key for key in stage.instrument.state.keyboard.held] == [60]


def test_a_chord_is_rehearsed_twice_at_most_and_what_is_no_key_never() -> None:
    stage = CountedStage()
    stage.frames(3)
    stage.come(SetControl("temperature", 0.5), ClockTick())
    assert not stage.rehearse()
    for number, is_done in enumerate((True, True, False)):
        stage.come(NoteOn(0, 60 + number, 100), at=0.4 + 0.1 * number)
        assert stage.rehearse() == is_done
    stage.answer()
    stage.come(NoteOff(0, 60))
    assert stage.rehearse()  # another frame


def test_a_rehearsal_for_another_frame_is_forgotten() -> None:
    stage = CountedStage()
    stage.frames(3)
    stage.come(NoteOn(0, 60, 100))
    assert stage.rehearse()
    stage.frame_index += 1  # one was missed
    assert stage.answer() > 0
    assert [key.key for key in stage.instrument.state.keyboard.held] == [60]


KEYS = st.one_of(
    st.builds(NoteOn, st.just(0), st.sampled_from((60, 64, 67)), st.just(100)),
    st.builds(NoteOff, st.just(0), st.sampled_from((60, 64, 67))),
    st.builds(SetControl, st.just("temperature"), st.sampled_from((0.4, 1.2))),
    st.just(SetControl("reroll", True)),
    st.just(ClockTick()),
)


@given(st.lists(st.tuples(st.lists(KEYS, max_size=3), st.booleans(), st.lists(KEYS, max_size=1)), max_size=8))
def test_the_music_is_the_same_however_often_it_is_rehearsed(
    moves: list[tuple[list[Event], bool, list[Event]]],
) -> None:
    plain, rehearsed = CountedStage(), CountedStage()
    for first, is_rehearsed, later in moves:
        for stage in (plain, rehearsed):
            stage.come(*first)
            if is_rehearsed and stage is rehearsed:
                stage.rehearse()
            stage.come(*later, at=0.6)
            if stage is rehearsed:
                stage.rehearse()
            stage.answer()
    one, other = (stage.instrument.state for stage in (plain, rehearsed))
    assert [step.planned.frame.tolist() for step in one.timeline.steps] == [
        step.planned.frame.tolist() for step in other.timeline.steps
    ]
    assert (one.keyboard, one.values) == (other.keyboard, other.values)
