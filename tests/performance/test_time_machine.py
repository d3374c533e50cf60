"""Going back in time: the model's state is really back, the record of what was played stands, and undo undoes."""

import numpy as np
import pytest
from examples import examples
from hypothesis import given, settings
from offline_stage import Stage
from test_performance import (
    ANYTHING,
    assert_engine_heard_all,
    at,
    calls,
    frames,
    fresh,
    knows,
    new,
    owner,
    picture,
    play,
    row,
)

from livegen.controls import DEFAULTS, Value
from livegen.engines.lstm import memory
from livegen.engines.lstm.memory import Memory
from livegen.events import Event, NoteOff, NoteOn, SetControl
from livegen.performance.form import LOOP_FRAMES
from livegen.performance.performance import advance
from livegen.performance.planning import beat_before
from livegen.performance.state import ControlInForce, Refused, State
from livegen.performance.time_machine import MAX_CHANGES, MAX_LEAPS, MAX_MEMORIES, Loop
from livegen.performance.timeline import HISTORY_FRAMES
from livegen.score import SILENCE, Voice
from livegen.score_table import MODEL, PLAYER

BEAT = 12


def set_(name: str, value: Value = True) -> SetControl:
    return SetControl(name, value)


def do(state: State, *events: Event) -> State:
    """Let the next frame stand, with events in it."""
    return play(state, state.horizon + 1, at(state.horizon, *events))


def wait(state: State, n_frames: int) -> State:
    for _ in range(n_frames):
        state = do(state)
    return state


def say(state: State, *events: Event) -> tuple[State, list]:
    state, _, messages = advance(state, state.horizon + 1, at(state.horizon, *events))
    return state, messages


def test_rewind_puts_the_model_back_and_goes_on_with_a_new_draw() -> None:
    before = wait(new(), 100)
    after = do(before, set_("rewind", 4))
    at_101 = after.timeline.at(101)
    assert at_101.context.state == knows(after, 101 - 4 * BEAT)
    assert frames(after, 0, 101) == frames(before, 0, 101)  # what was played stands
    assert frames(after, 101, 111) != frames(before, 101 - 4 * BEAT, 111 - 4 * BEAT)
    assert at_101.context.n_frames == 101 - 4 * BEAT
    assert_engine_heard_all(wait(after, 20))


def test_what_was_heard_last_is_that_of_the_song_wherever_it_leaps_and_stops() -> None:
    state = wait(new(), 30)
    moves = (
        set_("rewind_frames", 20),
        NoteOn(0, 60, 100),
        set_("stop"),
        set_("start"),
        set_("store", "a"),
        NoteOff(0, 60),
    )
    for move in (*moves, set_("reset"), set_("recall", "a"), set_("undo"), set_("rewind_frames", 70)):
        state = wait(do(state, move), 25)
        past = [step.heard for step in state.timeline.past(LOOP_FRAMES + 1)]
        before_last = past[:-1] if state.is_running else past
        assert state.timeline.steps[-1].context.heard.tolist() == np.array(before_last)[-LOOP_FRAMES:].tolist()


def test_rewind_goes_back_in_the_song_and_not_in_what_was_taken_back_already() -> None:
    state = do(wait(new(), 100), set_("rewind_frames", 50))  # at frame 101 in place 51
    state = do(wait(state, 9), set_("rewind_frames", 20))  # at frame 111 in place 61, so back to 41
    assert knows(state, 111) == knows(state, 41)
    together = do(wait(new(), 100), set_("rewind_frames", 30), set_("rewind_frames", 40))
    assert knows(together, 101) == knows(together, 31)


def test_eight_bars_at_sixty_beats_a_minute_can_be_rewound_and_what_is_forgotten_cannot() -> None:
    state = play(play(fresh(bpm=60.0), 0), 900)
    back = do(state, set_("rewind", 32))
    assert knows(back, 901) == knows(back, 901 - 32 * 24)
    state = play(state, HISTORY_FRAMES + 200)
    back = do(state, set_("rewind", 64))
    assert back.timeline.at(back.horizon).context.n_frames <= back.horizon - HISTORY_FRAMES + 64
    assert_engine_heard_all(back)


def test_a_rewind_at_the_start_begins_the_song_again() -> None:
    state = do(wait(new(), 5), set_("rewind", 64))
    assert knows(state, 6) == knows(state, 0)


def test_a_rewind_passes_over_what_the_stopped_model_did_not_hear() -> None:
    state = do(wait(do(wait(new(), 50), set_("stop")), 30), set_("start"))
    state = do(wait(state, 9), set_("rewind_frames", 20))
    assert state.timeline.at(state.horizon).context.n_frames == 51 + 10 - 20


def test_a_key_that_was_played_before_a_rewind_and_told_of_after_it_changes_the_past_alone() -> None:
    state = do(wait(new(), 60), set_("rewind", 2))
    late = play(state, 62, at(60, NoteOn(0, 60, 127)))
    assert row(late, 60)[0] == 60
    assert knows(late, 61) == knows(state, 61)
    assert_engine_heard_all(late)


def test_reroll_draws_what_was_not_heard_yet_anew() -> None:
    state = wait(new(), 20)
    once, plain = do(state, set_("reroll")), do(state)
    assert frames(once, 0, 21) == frames(plain, 0, 21)
    assert frames(once, 21) != frames(plain, 21)
    assert knows(once, 21) == knows(plain, 21)
    assert frames(do(once, set_("reroll")), 22) != frames(do(once), 22)
    assert picture(do(state, set_("reroll"))) == picture(once)


@pytest.mark.parametrize(("beats", "length"), [(1.0, 12.0), (0.25, 3.0), (0.9, 10.8), (32.0, 51.0)])
def test_hold_plays_the_last_beats_over_and_over(beats: float, length: float) -> None:
    state = do(wait(new(hold_beats=beats), 50), set_("hold"))
    state = wait(state, 60)
    for k in range(51, 111):
        turn = next(i for i in range(99) if round(i * length) <= k - 51 < round((i + 1) * length))
        assert frames(state, k, k + 1) == frames(
            state, k - round((turn + 1) * length), k + 1 - round((turn + 1) * length)
        )
    assert_engine_heard_all(state)
    released = wait(do(state, set_("hold", False)), 30)
    assert frames(released, 112, 124) != frames(released, 100, 112)


def test_a_loop_lasts_as_long_as_it_should_and_keys_sound_over_it() -> None:
    loop = Loop(100, 2.5, np.arange(3 * 12, dtype=np.uint8).reshape(3, 4, 3))
    assert [int(loop.at(k)[0, 0]) // 12 for k in range(100, 110)] == [1, 2, 0, 1, 2, 0, 1, 2, 1, 2]
    state = do(wait(new(), 50), set_("hold_beats", 1), set_("hold"))
    played = play(state, 53, at(52, NoteOn(0, 60, 127)))
    assert row(played, 53)[0] == 60
    assert row(played, 53, Voice.TR) == row(state, 53 - BEAT, Voice.TR)


def test_undo_takes_the_last_control_change_back_and_says_so() -> None:
    state = wait(do(wait(do(new(), set_("top_p", 0.2)), 20), set_("temperature", 0.1), set_("p2.density", 1.0)), 3)
    state, messages = say(state, set_("undo"))
    assert (state.values["p2.density"], state.values["temperature"]) == (DEFAULTS["p2.density"], 0.1)
    assert messages == [
        ControlInForce("p2.density", DEFAULTS["p2.density"], "keys", True),
        ControlInForce("undo", True, "keys"),
    ]
    state = do(state, set_("undo"), set_("undo"))
    assert (state.values["temperature"], state.values["top_p"]) == (0.9, 0.95)
    after, messages = say(state, set_("undo"))
    assert messages == [Refused("undo", "there is nothing to take back", "keys")]
    assert after.values == state.values


def test_moves_of_one_control_that_follow_each_other_within_half_a_second_are_one() -> None:
    state = new()
    for i in range(5):
        state = wait(do(state, set_("temperature", 0.1 * i)), 10)
    state = do(wait(state, 3), set_("temperature", 1.7))
    assert do(state, set_("undo")).values["temperature"] == 0.4
    assert do(state, set_("undo"), set_("undo")).values["temperature"] == 0.9


def test_undo_is_bounded() -> None:
    state = new()
    for i in range(MAX_CHANGES + 8):
        state = do(state, set_(("temperature", "top_p")[i % 2], i / 100))
    assert len(state.machine.changes) == MAX_CHANGES
    state = do(state, *[set_("undo")] * 50)
    assert (state.values["temperature"], state.values["top_p"]) == (0.06, 0.07)


def test_leaps_that_can_be_taken_back_are_few_for_each_keeps_a_past() -> None:
    state = wait(new(), 40)
    for i in range(MAX_LEAPS + 4):
        state = do(state, set_("temperature", i / 100), set_("rewind_frames", 1))
    places = [change.before.place for change in state.machine.changes]
    assert sum(place is not None for place in places) == MAX_LEAPS
    state = do(state, *[set_("undo")] * 50)
    assert state.values["temperature"] == 0.03  # when the leap was made that cannot be taken back


@pytest.mark.parametrize("move", [("rewind_frames", 30), ("recall", "1")])
def test_the_first_frame_after_a_leap_is_drawn_on_the_beat_that_is_now(move: tuple[str, Value]) -> None:
    state = play(play(fresh(bpm=120.0), 0), 100)
    state = wait(do(state, set_("store", "1")), 30)  # 31 frames later the beat is elsewhere
    after = do(state, set_(*move))
    told, now = after.timeline.at(after.horizon).context.told.beat, beat_before(after, after.horizon)
    assert told is not None
    assert told.phase == pytest.approx(now.phase)
    assert knows(after, after.horizon) == knows(state, after.horizon - (30 if move[1] == 30 else 31))
    assert_engine_heard_all(wait(after, 10))


def test_undo_takes_a_rewind_back() -> None:
    state = do(wait(new(), 100), set_("rewind", 4))
    state = do(wait(state, 19), set_("undo"))
    assert knows(state, 121) == knows(do(wait(new(), 100)), 101)  # where the model was before it rewound
    again = do(state, set_("rewind_frames", 1))
    assert knows(again, 122) == knows(again, 121)
    assert_engine_heard_all(state)


def test_undo_takes_back_a_role_with_its_keys_a_mode_a_hold_and_a_reset() -> None:
    state = do(wait(new(), 10), set_("p1.role", "model"), NoteOn(0, 60, 127))
    assert state.keyboard.held == ()
    state = do(do(state, set_("undo")), NoteOn(0, 60, 127))
    assert owner(state, state.horizon) == PLAYER
    state = do(state, NoteOff(0, 60), set_("hold"))
    assert do(state, set_("undo")).machine.loop is None
    state = do(state, set_("hold", False), set_("reset"))
    assert do(state, set_("undo")).timeline.tail is None
    assert do(state, set_("undo")).timeline.at(state.horizon + 1).context.n_frames == state.horizon


def test_a_memory_brings_back_the_model_and_the_controls_but_not_the_mix() -> None:
    state = do(wait(new(), 40), set_("temperature", 0.3), set_("p1.volume", 0.5), set_("mode", "free"))
    stored = do(state, set_("store", "verse"))
    later = do(wait(stored, 60), set_("temperature", 1.5), set_("p1.volume", 0.9), set_("mode", "trade"))
    back, messages = say(later, set_("recall", "verse"))
    assert knows(back, back.horizon) == knows(stored, stored.horizon)
    assert (back.values["temperature"], back.values["mode"], back.values["p1.volume"]) == (0.3, "free", 0.9)
    assert {(m.name, m.value) for m in messages if m.is_consequence} == {("temperature", 0.3), ("mode", "free")}
    assert_engine_heard_all(wait(back, 10))
    undone = do(back, set_("undo"))
    assert knows(undone, undone.horizon) == knows(do(later), later.horizon + 1)
    assert undone.values == later.values


def test_eight_memories_are_kept_a_ninth_is_refused_and_so_is_a_name_that_is_not_there() -> None:
    state = do(wait(new(), 5), *[set_("store", f"m{i}") for i in range(MAX_MEMORIES)])
    state, messages = say(state, set_("store", "m3"), set_("store", "one more"), set_("recall", "nothing"))
    assert [type(message) for message in messages] == [ControlInForce, Refused, Refused]
    assert "8 memories" in messages[1].reason
    assert "m0, m1" in messages[2].reason
    assert len(state.machine.memories) == MAX_MEMORIES


def test_a_past_so_old_that_the_memory_has_forgotten_it_begins_the_song_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "CAPACITY", 64)
    rng = np.random.default_rng(1)
    song = np.zeros((200, 4, 3), np.uint8)
    song[:, 0, 0] = np.repeat(rng.integers(60, 64, 50), 4)
    heard, past, old = Memory(), None, None
    for t, frame in enumerate(song):
        past, _ = heard.hear(past, frame)
        old = past if t == 20 else old
    new_memory, past = Memory(), None
    for _ in range(20):
        past, _ = new_memory.hear(past, SILENCE)
    past, _ = new_memory.hear(past, song[20])
    for frame in song[21:60]:  # proposes what a song proposes that was silent until then
        old, proposals = heard.hear(old, frame)
        past, expected = new_memory.hear(past, frame)
        assert np.array_equal(proposals[0, :2], expected[0, :2])


@settings(max_examples=examples(30))
@given(calls(ANYTHING))
def test_a_replay_is_the_jam_again(jam: list) -> None:
    def replay() -> list:
        state, said = play(new(lookahead=5), 2), []
        for n_frames, batch in jam:
            horizon = state.horizon + n_frames
            events = [event for late, event in batch for event in at(max(horizon - late, 0), event)]
            state, planned, messages = advance(state, horizon, events)
            said.append((messages, [(f.frame_index, f.frame.tobytes(), f.onset_offset.tobytes()) for f in planned]))
        return [picture(state), state.seed, state.playing, state.tempo, said]

    assert replay() == replay()


def test_the_sound_follows_what_undo_and_recall_change() -> None:
    stage = Stage()
    stage.frame(SetControl("store", "a"))
    stage.frame(SetControl("p1.volume", 0.25), SetControl("p2.role", "player"))
    stage.frame(NoteOn(1, 60, 100))
    assert stage.notes[Voice.P2] == 60
    stage.frame(SetControl("recall", "a"))
    assert stage.instrument.values["p2.role"] == "model"
    assert stage.agrees()
    stage.frames(2)
    planned = stage.instrument.state.timeline.at(stage.frame_index - 1).planned
    assert planned.owner[Voice.P2] == MODEL
    assert stage.notes[Voice.P2] == planned.frame[Voice.P2, 0]
    assert stage.instrument.callback["mix"]["gains"][0, 0] == 0.25  # the mix is not recalled
    stage.frame(*[SetControl("undo", True)] * 3)
    assert stage.instrument.callback["mix"]["gains"][0, 0] == 1.0  # but a change of it is undone


def test_a_knob_that_moves_while_an_undo_is_on_its_way_keeps_its_value() -> None:
    stage = Stage()
    stage.frame(SetControl("volume", 0.25))
    stage.send(SetControl("undo", True))
    instrument = stage.instrument
    plan = instrument._play_next

    def plan_while_the_knob_moves(*arguments):
        stage.send(SetControl("volume", 0.7))
        return plan(*arguments)

    instrument._play_next = plan_while_the_knob_moves
    stage.frame()
    assert instrument.values["volume"] == 0.7
    instrument._play_next = plan
    stage.frame()
    assert instrument.values["volume"] == instrument.state.values["volume"] == 0.7
