"""What the engine is told of the performer: whose voices there are, and which keys are held."""

from collections.abc import Sequence

import pytest
from hash_engine import HashEngine

from livegen.controls import DEFAULTS, Value
from livegen.engines.protocol import NOBODY, UNCONDITIONED, Performer
from livegen.events import Event, NoteOff, NoteOn, StampedEvent
from livegen.performance.keyboard import Keyboard
from livegen.performance.performance import advance, begin
from livegen.performance.shaping import beside_performer, sampling_of
from livegen.performance.state import State
from livegen.score import PITCHED, Voice
from livegen.score_table import PLAYER

P1_ALONE = (True, False, False, False)


class Listener(HashEngine):
    """Remembers in its state what it was told last."""

    def initial_state(self):
        return 1, NOBODY

    def step(self, frame, state, conditions=UNCONDITIONED):
        distribution, digest = super().step(frame, state[0])
        return distribution, (digest, conditions.performer)


def new(**values: Value) -> State:
    return play(begin(Listener(), {**DEFAULTS, **values}, seed=1), 0)


def play(state: State, to_frame: int, *events: Event) -> State:
    """Go on to a frame; the events fall in the one before."""
    return advance(state, to_frame, [StampedEvent(event, "keys", to_frame - 1) for event in events])[0]


def told(state: State, frame_index: int) -> Performer:
    """Return what the engine was told of a frame."""
    return state.timeline.at(frame_index).context.state[1]


def told_from(state: State, start: int) -> Sequence[Performer]:
    return [told(state, frame_index) for frame_index in range(start, state.timeline.end)]


def test_it_is_told_of_nobody_until_somebody_plays_and_of_the_performer_from_then_on() -> None:
    state = play(new(), 6)
    assert set(told_from(state, 1)) == {NOBODY}
    state = play(state, 7, NoteOn(0, 60, 100))
    assert set(told_from(state, 7)) == {Performer(P1_ALONE, (60,))}
    state = play(state, 8, NoteOff(0, 60))
    assert set(told_from(state, 8)) == {Performer(P1_ALONE, ())}


def test_all_keys_that_are_held_are_told_sounding_or_not_and_drums_are_none() -> None:
    state = play(new(**{"no.role": "player"}), 7, NoteOn(0, 67, 100), NoteOn(0, 52, 90), NoteOn(9, 38, 80))
    assert state.keyboard.sounding(Voice.P1).note == 52
    assert set(told_from(state, 7)) == {Performer((True, False, False, True), (52, 67))}


def test_a_key_that_comes_up_and_did_not_sound_is_a_reason_to_plan_anew() -> None:
    state = play(new(), 7, NoteOn(0, 67, 100), NoteOn(0, 52, 90))
    after = play(state, 8, NoteOff(0, 67))
    assert set(told_from(after, 8)) == {Performer(P1_ALONE, (52,))}
    assert after.timeline.at(9).planned.frame[Voice.P1, 0] == 52


@pytest.mark.parametrize("mode", ["free", "trade", "answer"])
def test_who_performs_are_those_whose_voice_it_is_in_that_frame(mode: str) -> None:
    state = play(new(mode=mode, bpm=120.0), 7, NoteOn(0, 60, 100))
    state = play(state, 40, NoteOff(0, 60))
    for frame_index in range(8, 80):
        if frame_index > 40:
            state = play(state, frame_index)
        step = state.timeline.at(min(frame_index, state.timeline.end - 1))
        assert step.context.told.performer.voices == tuple((step.planned.owner == PLAYER).tolist())


def test_notes_are_told_as_they_sound_transposed() -> None:
    state = play(new(**{"p1.transpose": 12}), 7, NoteOn(0, 60, 100))
    assert told(state, 8) == Performer(P1_ALONE, (72,))
    assert Keyboard().pitches() == ()


def test_harmony_is_how_much_counts_of_what_the_network_has_learnt() -> None:
    assert sampling_of({**DEFAULTS, "harmony": 0.0}).harmony == 0.0
    assert sampling_of(DEFAULTS).harmony == 2.25
    assert sampling_of({**DEFAULTS, "harmony": 1.0}).harmony == 3.0


def test_voices_that_listen_more_move_no_more_often_beside_a_performer() -> None:
    usual = sampling_of(DEFAULTS)
    beside = beside_performer(usual)
    assert all(beside.density[voice] < usual.density[voice] for voice in PITCHED)
    assert beside.density[Voice.NO] == usual.density[Voice.NO]
    for harmony in (0.0, 0.3):
        as_learnt = sampling_of({**DEFAULTS, "harmony": harmony})
        assert beside_performer(as_learnt) == as_learnt
