"""The pure core: what stands stands, what is planned follows what was really played, and nothing is lost."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hash_engine import HashEngine
from hypothesis import example, given
from hypothesis import strategies as st

from livegen.controls import CHORDS, DEFAULTS, MODES, ROLES, VOICE_PREFIX, Value
from livegen.events import (
    Aftertouch,
    ClockTick,
    ControlChange,
    Event,
    NoteOff,
    NoteOn,
    PitchWheel,
    PolyTouch,
    SetControl,
    SourceLost,
    StampedEvent,
    Start,
    Stop,
)
from livegen.performance.performance import advance, begin
from livegen.performance.state import ControlInForce, Notation, Refused, State
from livegen.performance.timeline import HISTORY_FRAMES, first_context
from livegen.score import SILENCE, Voice
from livegen.score_table import MODEL, OFF, PLAYER

LOOKAHEAD = DEFAULTS["lookahead"]


def fresh(seed: int = 1, **values: Value) -> State:
    """Return a performance before its first frame; `p1_role` stands for the control p1.role."""
    named = {name.replace("_role", ".role"): value for name, value in values.items()}
    if "bpm" not in named:
        named = {"sync": "none", **named}  # no beat but where a test is about one
    state = begin(HashEngine(), {**DEFAULTS, **named}, seed=seed, notation=Notation(timbres=(2, 1, 0, 1)))
    return replace(state, models={**state.models, "other": HashEngine("other")})


def new(seed: int = 1, **values: Value) -> State:
    """Return a performance whose first frames are planned."""
    return play(fresh(seed, **values), 0)


def at(frame_index: int, *events: Event, source: str = "keys") -> list[StampedEvent]:
    return [StampedEvent(event, source, frame_index) for event in events]


def play(state: State, to_frame: int, events: Sequence[StampedEvent] = (), plan_to: int | None = None) -> State:
    return advance(state, to_frame, events, plan_to=plan_to)[0]


def frames(state: State, start: int = 0, end: int | None = None) -> list[bytes]:
    """Return the frames of a timeline from `start` on."""
    steps = state.timeline.since(start)
    return [step.planned.frame.tobytes() for step in steps[: None if end is None else end - start]]


def row(state: State, frame_index: int, voice: Voice = Voice.P1) -> tuple[int, int, int]:
    return tuple(map(int, state.timeline.at(frame_index).planned.frame[voice]))


def owner(state: State, frame_index: int, voice: Voice = Voice.P1) -> int:
    return int(state.timeline.at(frame_index).planned.owner[voice])


def knows(state: State, frame_index: int) -> int:
    """Return what the hash engine knows before a frame."""
    return state.timeline.at(frame_index).context.state


def picture(state: State) -> tuple:
    """Return all that a state is, in values that can be compared."""
    steps = [
        (s.planned.frame_index, s.planned.frame.tobytes(), s.planned.owner.tobytes(), s.context.state, s.is_fed)
        for s in state.timeline.steps
    ]
    return steps, state.timeline.end, state.horizon, dict(state.values), state.keyboard, state.tapped, state.is_running


def test_it_plays_at_once_and_plans_the_lookahead() -> None:
    state, planned, messages = advance(fresh(), 0)
    assert [frame.frame_index for frame in planned] == list(range(LOOKAHEAD))
    assert messages == []
    for voice in Voice:  # nobody has touched P1: the model plays it too
        assert {owner(state, k, voice) for k in range(LOOKAHEAD)} == {MODEL}
        assert len({row(state, k, voice) for k in range(LOOKAHEAD)}) > 3


def test_advance_is_pure() -> None:
    state = play(new(), 3, at(1, NoteOn(0, 60, 100)))
    before = picture(state)
    events = at(3, NoteOff(0, 60), SetControl("temperature", 0.5), SetControl("reset", True), NoteOn(0, 62, 9))
    first, second = advance(state, 4, events), advance(state, 4, events)
    assert picture(state) == before
    assert picture(first[0]) == picture(second[0])
    assert [frame.frame.tobytes() for frame in first[1]] == [frame.frame.tobytes() for frame in second[1]]
    assert first[2] == second[2]


def test_the_seed_and_the_sampling_shape_what_is_drawn() -> None:
    assert frames(play(new(seed=1), 5)) == frames(play(new(seed=1), 5))
    assert frames(play(new(seed=1), 5)) != frames(play(new(seed=2), 5))
    assert frames(play(new(temperature=0.5), 5)) != frames(play(new(), 5))


@given(st.lists(st.integers(0, LOOKAHEAD), max_size=8))
def test_jumps_within_the_plan_are_as_good_as_single_frames(jumps: list[int]) -> None:
    leaping, stepping = new(), new()
    for jump in jumps:
        leaping = play(leaping, leaping.horizon + jump)
    for frame_index in range(sum(jumps) + 1):
        stepping = play(stepping, frame_index)
    leaping = play(leaping, sum(jumps))
    assert picture(leaping) == picture(stepping)


def test_planning_in_two_phases_is_as_good_as_at_once() -> None:
    state = play(new(), 5)
    events = at(4, NoteOn(0, 60, 100), SetControl("top_p", 0.3))
    at_once, all_frames, _ = advance(state, 6, events)
    half, near, _ = advance(state, 6, events, plan_to=7)
    whole, far, _ = advance(half, 6)
    assert picture(whole) == picture(at_once)
    assert [frame.frame_index for frame in near] == [6]
    assert [f.frame.tobytes() for f in [*near, *far]] == [f.frame.tobytes() for f in all_frames]


def test_without_events_only_the_new_frame_is_returned_and_the_plan_is_kept() -> None:
    state = play(new(), 5)
    after, planned, _ = advance(state, 6)
    assert [frame.frame_index for frame in planned] == [6 + LOOKAHEAD - 1]
    assert frames(after, 0, 17) == frames(state, 0, 17)
    assert advance(state, 5, plan_to=6)[1] == []
    assert advance(state, 5, plan_to=6)[0].timeline.end == state.timeline.end


def test_a_key_is_in_the_frame_in_which_it_fell_and_in_all_that_follow_until_it_comes_up() -> None:
    state = play(new(), 6, at(4, NoteOn(0, 60, 127)))
    assert owner(state, 3) == MODEL
    for frame_index in range(4, 6 + LOOKAHEAD):
        assert owner(state, frame_index) == PLAYER
        assert row(state, frame_index) == (60, 15, 2)
    state = play(state, 8, at(7, NoteOff(0, 60)))
    assert row(state, 6) == (60, 15, 2)
    assert [row(state, k) for k in range(7, state.timeline.end)] == [(0, 0, 0)] * (state.timeline.end - 7)
    assert owner(state, 9) == PLAYER  # a voice that was touched stays the player's


def test_a_frame_that_stands_keeps_the_model_s_voices_as_they_sounded() -> None:
    before = play(new(), 6)
    after = play(before, 7, at(4, NoteOn(0, 60, 127)))
    for frame_index in range(7):
        for voice in (Voice.P2, Voice.TR, Voice.NO):
            assert row(after, frame_index, voice) == row(before, frame_index, voice)
    assert frames(after, 0, 4) == frames(before, 0, 4)
    assert frames(after, 7, 18) != frames(before, 7, 18)


def test_the_first_open_frame_is_conditioned_on_a_key_in_the_same_frame() -> None:
    state = play(new(), 6)
    pressed, untouched = play(state, 6, at(6, NoteOn(0, 60, 127))), play(state, 6)
    assert knows(pressed, 6) == knows(untouched, 6)  # the past is the same
    model = slice(Voice.P2, None)
    a, b = (s.timeline.at(6).planned.frame[model] for s in (pressed, untouched))
    assert not np.array_equal(a, b)
    late = play(state, 6, at(5, NoteOn(0, 60, 127)))
    assert row(late, 5) == row(late, 6) == (60, 15, 2)
    assert np.array_equal(late.timeline.at(5).planned.frame[model], state.timeline.at(5).planned.frame[model])
    assert knows(late, 6) != knows(state, 6)  # and hears the frame as it was really played


def test_a_note_that_begins_and_ends_in_a_frame_is_not_lost() -> None:
    state = play(new(), 5, at(4, NoteOn(0, 60, 127), NoteOff(0, 60)))
    assert row(state, 4) == (60, 15, 2)
    assert row(state, 5) == (0, 0, 0)


def test_a_tap_over_a_held_key_is_not_lost_and_the_held_key_comes_back() -> None:
    state = play(new(), 5, at(3, NoteOn(0, 60, 127)))
    state = play(state, 6, at(5, NoteOn(0, 64, 127), NoteOff(0, 64)))
    assert [row(state, k)[0] for k in (4, 5, 6)] == [60, 64, 60]


def test_what_sounds_at_the_end_of_a_frame_counts() -> None:
    presses = NoteOn(0, 60, 127), NoteOn(0, 64, 127), NoteOff(0, 60)
    assert row(play(new(), 5, at(4, *presses)), 4)[0] == 64
    tap_then_hold = NoteOn(0, 60, 127), NoteOff(0, 60), NoteOn(0, 64, 127)
    assert row(play(new(), 5, at(4, *tap_then_hold)), 4)[0] == 64


def test_a_tap_told_of_in_two_calls_is_one_tap() -> None:
    state = play(new(), 4, at(4, NoteOn(0, 60, 127)))
    state = play(state, 5, at(4, NoteOff(0, 60)))
    assert row(state, 4) == (60, 15, 2)
    assert row(state, 5) == (0, 0, 0)


def test_a_frame_that_was_never_planned_holds_the_one_before_but_not_a_tap() -> None:
    state = play(new(lookahead=2), 4, at(4, NoteOn(0, 60, 127), NoteOff(0, 60)), plan_to=5)
    assert row(state, 4) == (60, 15, 2)
    after = play(state, 9)
    assert frames(after, 0, 5) == frames(state)
    for frame_index in range(5, 9):
        assert row(after, frame_index) == (0, 0, 0)
        for voice in (Voice.P2, Voice.TR, Voice.NO):
            assert row(after, frame_index, voice) == row(state, 4, voice)
    assert_engine_heard_all(after)


def test_a_jump_at_the_start_holds_silence() -> None:
    state, planned, _ = advance(fresh(), 3)
    assert frames(state, 0, 3) == [SILENCE.tobytes()] * 3
    assert [frame.frame_index for frame in planned] == list(range(3, 3 + LOOKAHEAD))


def test_the_horizon_never_moves_back() -> None:
    state = play(new(), 9)
    assert play(state, 4).horizon == 9
    assert frames(play(state, 4)) == frames(state)


def test_an_event_from_the_future_takes_effect_in_the_first_open_frame() -> None:
    state = play(new(), 5, at(5000, NoteOn(0, 60, 127)))
    assert row(state, 5) == (60, 15, 2)
    state = play(state, 6, at(5, NoteOff(0, 60)))
    assert row(state, 6) == (0, 0, 0)


def test_an_event_of_a_frame_that_is_forgotten_counts_in_the_oldest_one() -> None:
    state = play(new(), 5)
    for frame_index in range(HISTORY_FRAMES // 10):
        state = play(state, 10 * frame_index)
    late = play(state, state.horizon + 1, at(0, NoteOn(0, 60, 127)))
    assert row(late, late.timeline.start)[0] == 60
    assert_engine_heard_all(late)


def test_history_is_bounded() -> None:
    state = new(lookahead=2)
    for frame_index in range(0, HISTORY_FRAMES + 60, 2):
        state = play(state, frame_index)
    assert len(state.timeline.steps) == HISTORY_FRAMES
    assert state.timeline.start == state.timeline.end - HISTORY_FRAMES


def n_steps(state: State, to_frame: int, events: Sequence[StampedEvent]) -> int:
    engine = state.engine
    before = engine.n_steps
    advance(state, to_frame, events)
    return engine.n_steps - before


def test_however_many_events_there_is_one_plan_a_call() -> None:
    state = play(new(), 6)
    one = n_steps(state, 7, at(6, NoteOn(0, 60, 100)))
    keys = [NoteOn(0, 60 + i % 12, 100) for i in range(200)]
    turns = [SetControl("temperature", i / 200) for i in range(200)]
    assert one <= LOOKAHEAD + 1
    assert n_steps(state, 7, at(6, *keys, *turns)) == one
    assert n_steps(state, 7, []) <= 1
    assert n_steps(state, 7, at(6, SetControl("volume", 0.1), SetControl("p2.mute", True), NoteOff(0, 3))) <= 1
    assert n_steps(state, 7, at(6, SetControl("temperature", 0.5))) <= LOOKAHEAD


@pytest.mark.parametrize(
    "event",
    [
        PitchWheel(0, 5000),
        Aftertouch(0, 9),
        PolyTouch(0, 60, 9),
        ControlChange(0, 1, 9),
        ControlChange(0, 64, 127),
        SetControl("chords", "arpeggio"),
        SetControl("bend_range", 12),
        SetControl("p1.key_low", 61),
        SetControl("p1.transpose", 5),
    ],
    ids=repr,
)
def test_what_the_score_has_not_voids_no_plan(event: Event) -> None:
    held = play(new(), 6, at(5, NoteOn(0, 50, 100), NoteOn(0, 60, 100)))
    expressed, untouched = play(held, 7, at(6, event)), play(held, 7)
    assert frames(expressed) == frames(untouched)
    before = held.engine.n_steps
    play(held, 7, at(6, event))
    assert held.engine.n_steps - before <= 1
    assert play(expressed, 8, at(7, SourceLost())).keyboard.held == ()


def test_a_wheel_is_remembered_and_a_note_after_it_is_planned_for() -> None:
    state = play(new(), 7, at(6, PitchWheel(0, 8191), NoteOn(0, 60, 127)))
    assert state.keyboard.expression(Voice.P1, 2).bend == 2.0
    assert row(state, 6) == (60, 15, 2)  # the score knows no bends


def test_a_chord_is_its_last_key_or_a_note_for_each_voice() -> None:
    chord = [NoteOn(0, 60, 127), NoteOn(0, 64, 127), NoteOn(0, 55, 127)]
    arpeggio = play(new(chords="arpeggio"), 7, at(6, *chord))
    assert row(arpeggio, 7)[0] == 55
    spread = play(new(chords="spread", p2_role="player", tr_role="player"), 7, at(6, *chord))
    assert [row(spread, 7, voice)[0] for voice in (Voice.P1, Voice.P2, Voice.TR)] == [60, 64, 55]


def test_drums_are_written_as_the_patch_has_them() -> None:
    values = {**DEFAULTS, "no.role": "player"}
    state = begin(HashEngine(), values, seed=1, notation=Notation(drum_notes={60: 5}))
    assert row(play(state, 2, at(1, NoteOn(9, 60, 127))), 1, Voice.NO)[0] == 5


def test_controls_that_took_effect_are_reported_in_order_with_their_source() -> None:
    events = at(4, SetControl("temperature", 0.5), SetControl("volume", 0.1), source="osc") + at(4, NoteOn(0, 1, 1))
    state, _, messages = advance(play(new(), 4), 5, events)
    assert [(m.name, m.value, m.source) for m in messages] == [("temperature", 0.5, "osc"), ("volume", 0.1, "osc")]
    assert (state.values["temperature"], state.values["volume"]) == (0.5, 0.1)


@pytest.mark.parametrize("name", ["stop", "panic"])
def test_stop_silences_the_model_from_the_horizon_on_and_start_lets_it_go_on(name: str) -> None:
    playing = play(new(), 6)
    stopped = play(playing, 7, at(6, SetControl(name, True)))
    assert not stopped.is_running
    assert frames(stopped, 0, 7) == frames(playing, 0, 7)
    assert set(frames(stopped, 7)) == {SILENCE.tobytes()}
    stopped = play(stopped, 30)
    again = play(stopped, 31, at(30, SetControl("start", True)))
    assert set(frames(again, 7, 31)) == {SILENCE.tobytes()}
    assert knows(again, 31) == knows(stopped, 30)  # from where it stopped: it has heard nothing since
    assert SILENCE.tobytes() not in frames(again, 31)


def test_while_the_model_is_stopped_the_player_s_notes_are_written_down() -> None:
    state = play(new(), 7, at(6, SetControl("stop", True)))
    state = play(state, 9, at(8, NoteOn(0, 60, 127)))
    assert row(state, 9) == (60, 15, 2)
    assert row(state, 9, Voice.P2) == (0, 0, 0)


def test_a_trigger_that_is_not_fired_does_nothing() -> None:
    state = play(new(), 6)
    events = at(6, *(SetControl(name, False) for name in ("start", "stop", "panic", "reset")))
    assert picture(play(state, 7, events)) == picture(play(state, 7))


def test_reset_forgets_what_was_played_and_begins_a_new_song() -> None:
    state = play(new(), 6)
    after = play(state, 7, at(6, SetControl("reset", True)))
    assert frames(after, 0, 7) == frames(state, 0, 7)
    assert knows(after, 7) == first_context(HashEngine()).state
    assert_engine_heard_all(after, since=7)


def test_a_song_begins_anew_at_bar_1_and_nothing_before_it_can_be_undone() -> None:
    cue, tap = SetControl("drop", True), SetControl("tap", True)
    events = [*at(2, tap), *at(12, tap), *at(19, SetControl("temperature", 0.5), cue)]
    state = play(new(sync="auto"), 20, events)
    assert (state.tempo.source, state.song, len(state.cues.pending)) == ("tap", "", 1)
    after = play(state, 21, at(20, SetControl("song", "Night")))
    assert frames(after, 0, 21) == frames(state, 0, 21)
    assert knows(after, 21) == first_context(HashEngine()).state
    assert_engine_heard_all(after, since=21)
    assert (after.song, after.song_from, after.cues.pending, after.tempo.source) == ("Night", 21, (), "own")
    assert [after.tempo.bar_and_beat_at(position, 4) for position in (19.9, 20.1)] == [(0, 4), (1, 1)]
    undone, _, messages = advance(after, 22, at(21, SetControl("undo", True)))
    assert [type(message) for message in messages] == [Refused]
    assert undone.values == after.values


def test_a_song_without_a_name_tells_which_one_plays() -> None:
    state, _, _ = advance(new(), 1, at(0, SetControl("song", "Night")))
    after, _, messages = advance(state, 2, at(1, SetControl("song", "")))
    assert messages == [ControlInForce("song", "Night", "keys")]
    assert after.tempo.own == state.tempo.own


def test_a_late_key_from_before_a_reset_does_not_bring_the_old_song_back() -> None:
    state = play(new(), 7, at(6, SetControl("reset", True)))
    state = play(state, 8, at(6, NoteOn(0, 60, 127)))
    assert row(state, 6) == (60, 15, 2)
    assert knows(state, 7) == first_context(HashEngine()).state
    assert_engine_heard_all(state, since=7)


def test_roles_give_voices_away_and_take_them() -> None:
    state = play(new(), 6)
    off = play(state, 7, at(6, SetControl("p2.role", "off")))
    assert (owner(off, 6, Voice.P2), owner(off, 7, Voice.P2)) == (MODEL, OFF)
    assert row(off, 7, Voice.P2) == (0, 0, 0)
    player = play(state, 7, at(6, SetControl("p2.role", "player")))
    assert owner(player, 7, Voice.P2) == MODEL  # until it is touched
    player = play(player, 8, at(7, NoteOn(1, 60, 127)))
    assert (owner(player, 6, Voice.P2), owner(player, 7, Voice.P2)) == (MODEL, PLAYER)
    model = play(player, 9, at(8, SetControl("p2.role", "model")))
    assert row(model, 7, Voice.P2)[0] == 60
    assert row(model, 8, Voice.P2) == (0, 0, 0)
    assert owner(model, 9, Voice.P2) == MODEL
    assert any(row(model, k, Voice.P2)[0] for k in range(9, 15))


def test_a_lost_keyboard_gives_its_voice_back_to_the_model() -> None:
    state = play(new(), 5, at(4, NoteOn(0, 60, 127)))
    state = play(state, 7, at(6, SourceLost()))
    assert row(state, 5)[0] == 60
    assert row(state, 6) == (0, 0, 0)
    assert owner(state, 7) == MODEL
    assert any(row(state, k)[0] for k in range(7, 15))


def test_lookahead_is_live_and_keeps_what_is_planned() -> None:
    state = play(new(), 6)
    longer, planned, _ = advance(state, 7, at(6, SetControl("lookahead", 20)))
    assert [frame.frame_index for frame in planned] == list(range(18, 27))
    shorter, planned, _ = advance(longer, 8, at(7, SetControl("lookahead", 2)))
    assert planned == []
    assert shorter.timeline.end == 27
    assert frames(shorter, 0, 18) == frames(state)


def test_a_triangle_has_no_volume_in_the_score() -> None:
    state = play(new(tr_role="player"), 5, at(4, NoteOn(2, 48, 127)))
    assert row(state, 4, Voice.TR) == (48, 0, 0)


def assert_engine_heard_all(state: State, since: int = 0) -> None:
    """Feed the frames as they stand to an engine: it knows what the timeline says it knew, whichever it is."""
    context = first_context(HashEngine())
    steps = state.timeline.since(since)
    if state.timeline.start > since:
        context = steps[0].context
    leaps = dict(state.timeline.leaps)
    for step in steps:
        leap = leaps.get(step.planned.frame_index)
        context = context if leap is None else leap.context
        assert step.context.state == context.state
        if step.is_fed:
            context = context.after(step.heard)


KEYS = st.integers(60, 62)
CHANNELS = st.sampled_from((0, 1, 4))
ROLE_NAMES = [prefix + "role" for prefix in VOICE_PREFIX.values()]
PLAYING = st.one_of(st.builds(NoteOn, CHANNELS, KEYS, st.just(127)), st.builds(NoteOff, CHANNELS, KEYS))
ANYTHING = st.one_of(
    PLAYING,
    PLAYING,
    st.builds(ControlChange, CHANNELS, st.sampled_from((64, 123)), st.sampled_from((0, 127))),
    st.builds(SetControl, st.sampled_from(ROLE_NAMES), st.sampled_from(ROLES)),
    st.builds(SetControl, st.sampled_from(("start", "stop", "panic", "reset", "reroll", "undo")), st.just(True)),
    st.builds(SetControl, st.sampled_from(("fill", "drop", "tutti", "end")), st.just(True)),
    st.builds(SetControl, st.sampled_from(("break", "build")), st.integers(1, 4)),
    st.builds(SetControl, st.just("start"), st.integers(2, 16)),
    st.builds(SetControl, st.just("mode"), st.sampled_from(MODES)),
    st.builds(SetControl, st.sampled_from(("rest_beats", "hold_beats")), st.sampled_from((0.25, 0.4))),
    st.builds(SetControl, st.just("hold"), st.booleans()),
    st.builds(SetControl, st.just("rewind_frames"), st.integers(1, 30)),
    st.builds(SetControl, st.sampled_from(("store", "recall")), st.sampled_from(("verse", "chorus"))),
    st.builds(SetControl, st.just("song"), st.sampled_from(("Night", ""))),
    st.builds(SetControl, st.just("model"), st.sampled_from(("hash", "other", "nobody", ""))),
    st.builds(
        SetControl, st.sampled_from(("p2.model", "no.model")), st.sampled_from(("hash", "other", "same", "nobody", ""))
    ),
    st.builds(SetControl, st.just("bpm"), st.sampled_from((0.0, 400.0))),
    st.sampled_from((ClockTick(), Start(), Stop())),
    st.builds(SetControl, st.just("chords"), st.sampled_from(CHORDS)),
    st.builds(SetControl, st.just("p1.key_low"), st.sampled_from((0, 61))),
    st.builds(PitchWheel, CHANNELS, st.sampled_from((0, 8191))),
    st.builds(SetControl, st.just("temperature"), st.sampled_from((0.5, 1.0))),
    st.builds(SetControl, st.just("lookahead"), st.sampled_from((2, 5))),
    st.just(SourceLost()),
)
LATE = st.integers(0, 3)
"""How many frames before the horizon an event fell."""


def calls(events: st.SearchStrategy[Event]) -> st.SearchStrategy[list]:
    """Make calls of `advance`: by how many frames, and events with their lateness, most of the time on time."""
    one = st.tuples(st.sampled_from((1, 1, 1, 0, 2, 7)), st.lists(st.tuples(LATE, events), max_size=4))
    return st.lists(one, min_size=1, max_size=12)


@given(calls(ANYTHING))
@example([(1, [(1, NoteOn(0, 60, 127)), (0, SetControl("reset", True)), (1, SetControl("p1.role", "model"))])])
def test_whatever_comes_the_plan_follows_from_what_was_played(jam: list) -> None:
    state = play(new(lookahead=5), 2)
    published = {step.planned.frame_index: step.planned.frame.tobytes() for step in state.timeline.steps}
    for n_frames, batch in jam:
        before, horizon = state, state.horizon + n_frames
        events = [event for late, event in batch for event in at(max(horizon - late, 0), event)]
        state, planned, _ = advance(before, horizon, events)
        published |= {frame.frame_index: frame.frame.tobytes() for frame in planned}
        assert_engine_heard_all(state)
        assert all(frame.frame_index >= horizon for frame in planned)
        for frame_index in range(horizon, state.timeline.end):  # what the outputs read is what is planned
            assert published[frame_index] == frames(state, frame_index)[0]
        for frame_index in range(min(horizon, before.timeline.end)):  # what stands stands
            for voice in Voice:
                if owner(before, frame_index, voice) != PLAYER and owner(state, frame_index, voice) != PLAYER:
                    assert row(state, frame_index, voice) == row(before, frame_index, voice)


@given(calls(PLAYING))
def test_the_score_has_the_last_key_pressed_in_a_frame_or_else_what_sounds_at_its_end(jam: list) -> None:
    """Against a plain model: P1 and P2, both the player's, each with a stack of keys."""
    state = play(new(lookahead=5, p2_role="player"), 2)
    held: dict[Voice, list[tuple[int, int]]] = {Voice.P1: [], Voice.P2: []}
    expected: dict[tuple[int, Voice], int] = {}
    last_frame = -1

    def fill(end: int) -> None:
        for voice, keys in held.items():
            expected.update({(k, voice): keys[-1][1] if keys else 0 for k in range(last_frame + 1, end)})

    for n_frames, batch in jam:
        horizon = state.horizon + n_frames
        stamped = [event for late, event in batch for event in at(max(horizon - late, last_frame, 0), event)]
        stamped.sort(key=lambda event: event.frame_index)
        for event, frame_index in ((each.event, each.frame_index) for each in stamped):
            if frame_index > last_frame:
                fill(frame_index + 1)
                last_frame, pressed = frame_index, set()
            voice = Voice.P2 if event.channel == 1 else Voice.P1
            key = event.channel, event.note
            is_held = key in held[voice]
            held[voice] = [other for other in held[voice] if other != key]
            if isinstance(event, NoteOn):
                held[voice].append(key)
                pressed.add(voice)
                expected[frame_index, voice] = event.note
            elif is_held and voice not in pressed:
                expected[frame_index, voice] = held[voice][-1][1] if held[voice] else 0
        state = play(state, horizon, stamped)
    fill(state.timeline.end)
    for k in range(state.timeline.end):
        for voice in held:
            if owner(state, k, voice) == PLAYER:
                assert row(state, k, voice)[0] == expected[k, voice], (k, voice)
