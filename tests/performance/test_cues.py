"""Cues in a performance: they land on the bar line, do what they say, are taken back by undo, and end as they began."""

import numpy as np
import pytest
from hash_engine import HashEngine
from test_modes import BAR, BEAT, DOWN, script
from test_performance import at, frames, fresh, owner, play, row

from livegen.controls import MODES, Value
from livegen.engines.protocol import Info
from livegen.events import ClockTick, Event, SetControl, Start
from livegen.performance.performance import advance
from livegen.performance.state import ControlInForce, Refused, State
from livegen.score import N_VOICES, Voice
from livegen.score_table import MODEL, OFF, PLAYER

FILL, END, UNDO, STOP = (SetControl(name, True) for name in ("fill", "end", "undo", "stop"))


def band(end: int, *moves: tuple[int, Event], **values: Value) -> State:
    """Return a performance of a model alone at 120 beats a minute, whose bars begin at 0, 48, 96 and so on."""
    return script(play(fresh(lookahead=6, bpm=120.0, **values), 0), end, *moves)


def off(state: State, voice: Voice, end: int) -> list[int]:
    return [k for k in range(end) if owner(state, k, voice) == OFF]


@pytest.mark.parametrize("n_bars", [1, 2])
def test_in_a_break_all_but_the_performer_rest_for_its_bars(n_bars: int) -> None:
    state = band(4 * BAR, (10, SetControl("break", n_bars)), (60, DOWN))
    rest = list(range(BAR, BAR + n_bars * BAR))
    for voice in (Voice.P2, Voice.TR, Voice.NO):
        assert off(state, voice, 4 * BAR) == rest
        assert {row(state, k, voice) for k in rest} == {(0, 0, 0)}
    assert row(state, 70)[0] == 60  # the key
    assert state.timeline.at(BAR + 1).heard[Voice.TR].any()  # the model goes on unheard


def test_a_drop_lasts_until_the_next_cue() -> None:
    state = band(4 * BAR, (10, SetControl("drop", True)), (2 * BAR + 5, SetControl("tutti", True)))
    for voice in (Voice.TR, Voice.NO):
        assert off(state, voice, 4 * BAR) == list(range(BAR, 3 * BAR))
    assert not off(state, Voice.P2, 4 * BAR)


def test_a_fill_changes_its_bar_of_the_drums_and_nothing_before_it() -> None:
    plain, filled = band(3 * BAR), band(3 * BAR, (10, FILL))
    assert frames(plain, 0, BAR) == frames(filled, 0, BAR)
    assert frames(plain, BAR, 2 * BAR) != frames(filled, BAR, 2 * BAR)


def test_a_build_rises_from_soft_to_loud_up_to_a_bar_line() -> None:
    state = band(4 * BAR, (10, SetControl("build", 2)))
    steps = [state.timeline.at(k) for k in range(BAR, 3 * BAR)]
    is_loud = np.array([step.heard[Voice.P2, 1] >= 4 for step in steps])
    ratio = np.array([step.planned.frame[Voice.P2, 1] / max(step.heard[Voice.P2, 1], 1) for step in steps])
    first, last = ratio[:BEAT][is_loud[:BEAT]], ratio[-BEAT:][is_loud[-BEAT:]]
    assert first.max() < 0.8 < 0.95 < last.min()
    assert (state.timeline.at(3 * BAR).planned.frame == state.timeline.at(3 * BAR).heard).all()


def test_in_a_solo_the_others_step_back() -> None:
    state = band(3 * BAR, (10, SetControl("solo", "P2")))
    for k in range(BAR, 3 * BAR):
        step = state.timeline.at(k)
        assert step.planned.frame[Voice.P2, 1] >= step.heard[Voice.P2, 1]
        assert step.planned.frame[Voice.NO, 1] <= step.heard[Voice.NO, 1]
    assert state.cues.in_force is not None
    assert state.cues.in_force.voice is Voice.P2


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("at_frame", [50, 60, 75, 90])
def test_an_ending_stops_all_voices_in_one_frame_and_then_the_session(mode: str, at_frame: int) -> None:
    state = band(at_frame + 1, mode=mode)
    messages = []
    for k in range(at_frame + 1, at_frame + 2 * BAR + 3):
        state, _, said = advance(state, k, at(k - 1, END) if k == at_frame + 1 else [])
        messages += [(k, message) for message in said]
        if k == at_frame + 1:
            cue = state.cues.planned or state.cues.in_force
    assert cue is not None
    stop = cue.until.frame_index
    assert stop <= at_frame + 2 * BAR
    assert not state.is_running
    assert state.cues.pending == ()
    sounding = np.array([step.planned.frame[:, 0] for step in state.timeline.since(stop - 1)])
    assert not sounding[1:].any()
    assert sounding[0].all() == (mode != "listen")
    if mode != "listen":
        assert {owner(state, stop - 1, voice) for voice in Voice} == {MODEL}
    assert (stop, ControlInForce("stop", True, "keys", is_consequence=True)) in messages


def test_after_an_ending_the_model_plays_again_when_it_is_started() -> None:
    state = band(4 * BAR, (10, END), (3 * BAR, SetControl("start", True)))
    assert state.is_running
    assert any(frame != frames(state, 2 * BAR + 10, 2 * BAR + 11)[0] for frame in frames(state, 3 * BAR + 2))
    assert state.runs_at(10 * BAR)


def test_an_ending_leaves_the_performers_voice_alone_and_plays_no_voice_that_the_model_lacks() -> None:
    state = play(fresh(lookahead=6, bpm=120.0), 0)
    engine = HashEngine("hash", Info("hash", (Voice.P1, Voice.TR)))
    state = script(state.with_engine(engine), 2 * BAR, (10, DOWN))
    state = script(play(state, 2 * BAR + 1, at(2 * BAR, END)), 4 * BAR + 2)
    last = next(k for k in range(state.horizon) if not state.timeline.at(k).is_fed) - 1
    assert owner(state, last) == PLAYER
    assert row(state, last)[0] == 60
    step = state.timeline.at(last)
    assert step.planned.frame[Voice.TR, 0] > 0


@pytest.mark.parametrize("name", ["fill", "break", "drop", "build", "solo", "end"])
@pytest.mark.parametrize("undone_at", [30, BAR + 4])
def test_undo_takes_a_cue_back_as_if_it_had_never_been_given(name: str, undone_at: int) -> None:
    value: Value = {"break": 1, "build": 4, "solo": "p2"}.get(name, True)
    plain = band(undone_at)
    state = band(undone_at, (10, SetControl(name, value)))
    assert state.cues.pending
    state = play(state, undone_at + 1, at(undone_at, UNDO))
    assert state.cues.pending == ()
    assert state.values == plain.values
    if undone_at < BAR and name != "end":  # whose cadence has begun by then
        assert frames(state) == frames(play(plain, undone_at + 1))
    assert state.runs_at(20 * BAR)


def test_undo_takes_back_what_was_before_once_a_cue_is_over() -> None:
    moves = [(5, SetControl("temperature", 1.5)), (10, FILL), (3 * BAR, UNDO)]
    assert band(3 * BAR + 2, *moves).values["temperature"] == 0.9


@pytest.mark.parametrize(
    ("moves", "reason"),
    [
        ([STOP, FILL], "does not play"),
        ([END, FILL], "comes to its end already"),
        ([END, END], "comes to its end already"),
        ([SetControl("solo", "drums")], "allowed is p1, p2, tr, no"),
        ([SetControl("start", 4)], "plays already"),
    ],
)
def test_what_cannot_be_done_is_refused_in_a_sentence(moves: list[Event], reason: str) -> None:
    _, _, messages = advance(band(20), 21, at(20, *moves))
    assert isinstance(messages[-1], Refused)
    assert reason in messages[-1].reason


def test_stop_and_panic_end_what_was_planned() -> None:
    for name in ("stop", "panic"):
        state = band(3 * BAR, (10, END), (20, SetControl(name, True)), (25, SetControl("start", True)))
        assert state.is_running
        assert state.cues.pending == ()


def test_a_button_that_comes_up_gives_no_cue() -> None:
    state, _, messages = advance(band(20), 21, at(20, SetControl("end", False)))
    assert not state.cues.pending
    assert not messages


def clocked(end: int, period: float, *moves: tuple[int, Event]) -> State:
    """Return a performance under a MIDI clock that ticks every `period` frames from frame 0 on."""
    state, n_ticks = play(fresh(lookahead=6, sync="auto", bpm=0.0), 0), 0
    for k in range(1, end + 1):
        events = [each for when, event in moves if when == k - 1 for each in at(k - 1, event)]
        while n_ticks * period < k:
            stamped = at(0, ClockTick(), source="clock")[0]
            events.append(type(stamped)(stamped.event, stamped.source, n_ticks * period))
            n_ticks += 1
        state = play(state, k, events)
    return state


@pytest.mark.parametrize("bpm", [83.0, 120.0, 171.0])
def test_under_a_midi_clock_a_cue_is_on_its_bar_line_within_a_frame(bpm: float) -> None:
    period = 60 / bpm
    for given_at in (70, 95, 110):
        state = clocked(given_at + int(4 * 24 * period) + 4, period, (given_at, SetControl("drop", True)))
        cue = state.cues.in_force
        assert cue is not None
        beats = cue.begin.frame_index / (24 * period)
        assert abs(beats - round(beats / 4) * 4) * 24 * period <= 1.0


def test_a_clock_that_starts_anew_takes_the_cue_along_to_its_own_bar_line() -> None:
    period = 60 / 120
    state = clocked(100, period, (97, SetControl("drop", True)))
    planned = state.cues.planned
    assert planned is not None
    state = play(state, 101, at(100, Start(), ClockTick(), source="clock"))
    moved = state.cues.planned
    assert moved is not None
    assert moved.begin.beats % 4 == 0
    assert 100 < moved.begin.frame_index <= 100 + 2 * BAR
    assert abs(state.tempo.beats_at(moved.begin.frame_index) - moved.begin.beats) <= 0.6 / 12


def test_a_count_in_is_silent_and_the_music_begins_on_bar_1() -> None:
    state = band(20, (10, STOP))
    state = script(play(state, 21, at(20, SetControl("start", 4))), 100)
    begin = next(k for k in range(21, 100) if state.timeline.at(k).is_fed)
    assert begin - 22 in (4 * BEAT - 1, 4 * BEAT, 4 * BEAT + 1)
    assert abs(state.tempo.beats_at(begin)) <= 0.5 / BEAT
    assert all(frame == bytes(3 * N_VOICES) for frame in frames(state, 21, begin))
    assert state.is_running
    assert state.count_in is None


def test_stop_ends_a_count_in() -> None:
    state = band(20, (10, STOP))
    state = script(play(state, 21, at(20, SetControl("start", 4))), 100, (30, STOP))
    assert not any(state.timeline.at(k).is_fed for k in range(12, 100))
    assert state.count_in is None
