"""The tempo: who says where the beat is, in every order of events, and what the model is told of it."""

import math

import numpy as np
import pytest
from hash_engine import HashEngine
from hypothesis import given
from hypothesis import strategies as st
from test_performance import fresh, play

from livegen.beat import Beat
from livegen.cli.screen import tempo_text
from livegen.controls import DEFAULTS, SYNCS, Value, Values
from livegen.events import (
    ClockTick,
    Continue,
    Event,
    LinkBeat,
    NoteOff,
    NoteOn,
    SetControl,
    SongPosition,
    SourceLost,
    StampedEvent,
    Start,
    Stop,
)
from livegen.performance.performance import State, advance, begin
from livegen.performance.tempo import Tempo
from livegen.units import FRAME_RATE_HZ, MIDI_CLOCK_PPQN

Timed = tuple[float, Event]
TICK = 0.5
"""Frames a tick at 120 beats a minute."""


def values(**given: Value) -> Values:
    return {**DEFAULTS, **given}


def heard(*events: Timed, tempo: Tempo | None = None, source: str = "drums", **given: Value) -> Tempo:
    """Return the tempo after events, each with its time in frames."""
    controls = dict(values(**given))
    tempo = Tempo.at_start(controls) if tempo is None else tempo
    for position, event in events:
        if isinstance(event, SetControl) and event.name in controls:
            controls[event.name] = event.value
        tempo = tempo.hear(StampedEvent(event, source, position), controls)
    return tempo


def clock(n_ticks: int, first: float = 0.0, tick: float = TICK) -> list[Timed]:
    return [(first + i * tick, ClockTick()) for i in range(n_ticks)]


def eighths(bpm: float, seconds: float, jitter_frames: float = 0.0, first: float = 5.2) -> list[Timed]:
    rng, step = np.random.default_rng(0), 30 * FRAME_RATE_HZ / bpm
    times = first + np.arange(int(seconds * FRAME_RATE_HZ / step)) * step
    return [(time, NoteOn(0, 60, 90)) for time in (times + rng.normal(0, jitter_frames, len(times))).tolist()]


def test_nobody_s_tempo_is_120_and_no_beat() -> None:
    tempo = heard(sync="none")
    assert (tempo.source, tempo.period_frames, tempo.beat_at(7.0)) == ("none", 12.0, None)
    assert tempo.beats_at(24.0) == 2.0


def test_bars_count_from_start() -> None:
    tempo = heard(*clock(50), (30.9, Start()), *clock(97, first=31.0))
    assert tempo.source == "clock"
    assert tempo.beats_at(31.0 + 48.0) == pytest.approx(4.0)
    assert tempo.beat_at(31.0 + 48.0 + 3.0).phase == pytest.approx(0.25)
    assert tempo.period_frames == pytest.approx(12.0)


def test_continue_and_song_position_go_on_where_they_say() -> None:
    stopped = heard((0.0, Start()), *clock(49), (24.1, Stop()))
    on = heard((200.0, Continue()), *clock(25, first=200.2), tempo=stopped)
    assert on.beats_at(212.2) == pytest.approx((49 + 24) / MIDI_CLOCK_PPQN)
    placed = heard((200.0, SongPosition(16)), (200.0, Continue()), *clock(25, first=200.2), tempo=stopped)
    assert placed.beats_at(212.2) == pytest.approx(4.0 + 1.0)


def test_a_clock_that_falls_silent_is_lost_and_its_tempo_runs_on() -> None:
    tempo = heard(*clock(97))
    assert not tempo.is_lost_at(48.0 + 11)
    assert tempo.is_lost_at(48.0 + 13)
    assert (tempo.source, tempo.beats_at(240.0)) == ("clock", pytest.approx(20.0))


def test_what_is_done_by_hand_counts_again_once_the_clock_is_lost() -> None:
    tempo = heard(*clock(97))
    assert heard((50.0, SetControl("bpm", 90.0)), tempo=tempo).source == "clock"
    assert heard((70.0, SetControl("bpm", 90.0)), tempo=tempo).source == "set"
    assert heard((70.0, SetControl("bpm", 90.0)), tempo=tempo, sync="clock").source == "clock"


def test_the_first_of_two_clocks_is_followed_until_it_is_silent_for_two_seconds() -> None:
    both = [(at, event, "one") for at, event in clock(100)] + [(at, event, "two") for at, event in clock(300, tick=0.3)]
    tempo = Tempo.at_start(DEFAULTS)
    for at, event, source in sorted(both, key=lambda each: each[0]):
        tempo = tempo.hear(StampedEvent(event, source, at), DEFAULTS)
    assert tempo.period_frames == pytest.approx(12.0)  # silent since 49.5, and two was last heard at 89.7
    tempo = heard(*clock(200, first=98.0, tick=0.3), tempo=tempo, source="two")
    assert tempo.period_frames == pytest.approx(7.2, rel=1e-3)


def test_a_set_tempo_begins_with_the_song_and_keeps_the_beat_when_it_changes() -> None:
    tempo = heard(bpm=90.0)
    assert (tempo.source, tempo.beats_at(32.0)) == ("set", 2.0)
    changed = heard((40.0, SetControl("bpm", 180.0)), tempo=tempo)
    assert changed.beats_at(40.0) == pytest.approx(tempo.beats_at(40.0))
    assert changed.period_frames == 8.0
    assert heard((50.0, SetControl("bpm", 0.0)), tempo=changed).source == "own"
    assert heard((50.0, SetControl("bpm", 0.0)), tempo=changed, sync="set").source == "none"


def test_taps_are_averaged_counted_and_forgotten() -> None:
    def taps(*times: float) -> list[Timed]:
        return [(time, SetControl("tap", True)) for time in times]

    assert heard(*taps(10.0)).source == "own"
    assert heard(*taps(10.0), sync="set").source == "none"
    tempo = heard(*taps(10.0, 24.5, 39.5, 55.0))
    assert (tempo.source, tempo.period_frames) == ("tap", pytest.approx(15.0))
    assert tempo.beats_at(55.0) == pytest.approx(3.0, abs=0.03)
    many = heard(*taps(*(10.0 + 12.0 * i for i in range(40))))
    assert many.beats_at(10.0 + 12.0 * 39) == pytest.approx(39.0)
    again = heard(*taps(55.0 + 49.0), tempo=tempo)
    assert again.period_frames == pytest.approx(15.0)  # one tap after two seconds is no tempo
    assert heard(*taps(55.0 + 49.0 + 10.0), tempo=again).period_frames == pytest.approx(10.0)
    assert heard((1.0, SetControl("tap", False)), *taps(10.0)).source == "own"


@pytest.mark.parametrize("jitter_frames", [0.0, 0.3])
@pytest.mark.parametrize("bpm", [90, 120, 160])
def test_steady_eighths_tell_the_tempo_within_six_seconds(bpm: float, jitter_frames: float) -> None:
    tempo = heard(*eighths(bpm, 6.0, jitter_frames), sync="player")
    assert tempo.source == "player"
    assert 60 * FRAME_RATE_HZ / tempo.period_frames == pytest.approx(bpm, rel=0.02)
    beats = tempo.beats_at(5.2 + 6 * FRAME_RATE_HZ)
    assert beats == pytest.approx(6 * bpm / 60, abs=0.1)  # who begins, begins on the beat


def test_the_performer_s_tempo_neither_wanders_nor_jumps_an_octave() -> None:
    tempo, periods = Tempo.at_start(DEFAULTS), []
    for position, event in eighths(120, 60.0, 0.4):
        tempo = heard((position, event), tempo=tempo)
        if tempo.source == "player":
            periods.append(tempo.period_frames)
    assert np.abs(np.array(periods) / 12.0 - 1.0).max() < 0.03
    sixteenths = [(1500.0 + 3.0 * i, NoteOn(0, 60, 90)) for i in range(120)]
    assert heard(*sixteenths, tempo=tempo).period_frames == pytest.approx(12.0, rel=0.01)


def test_a_chord_is_one_onset_and_a_rest_keeps_the_tempo() -> None:
    chords = [(at + late, event) for at, event in eighths(120, 8.0) for late in (0.0, 0.2, 0.4)]
    tempo = heard(*chords)
    assert len(tempo.player.onsets) == len(chords) // 3
    late = heard((900.0, NoteOn(0, 60, 90)), tempo=tempo)
    assert late.period_frames == tempo.period_frames == pytest.approx(12.0, rel=1e-3)
    assert heard((901.0, SetControl("reset", True)), tempo=late).source == "own"
    assert heard((901.0, SetControl("reset", True)), tempo=late, sync="player").source == "none"


def test_sync_says_whose_beat_counts() -> None:
    link = (205.0, LinkBeat(0.0, 100.0, 0))
    events = [*eighths(90, 8.0), (200.0, SetControl("bpm", 150.0)), link, *clock(100, first=210.0)]
    by_sync = {sync: heard(*events, (261.0, SetControl("sync", sync))).source for sync in SYNCS}
    said = {sync: sync for sync in ("clock", "link", "set", "player", "own", "none")}
    assert by_sync == {"auto": "clock", **said}


def link(first: float, until: float, bpm: float = 120.0, peers: int = 1, beats: float = 0.0) -> list[Timed]:
    """Return what Link tells four times a second, from a beat at the first of them on."""
    a_frame = bpm / 60.0 / FRAME_RATE_HZ
    times = np.arange(first, until, 6.0).tolist()
    return [(time, LinkBeat(beats + (time - first) * a_frame, bpm, peers)) for time in times]


def test_a_shared_link_session_says_beat_and_bar() -> None:
    tempo = heard(*link(10.0, 100.0, 90.0, beats=6.5))
    assert (tempo.source, tempo.period_frames) == ("link", 16.0)
    assert tempo.beats_at(106.0) == pytest.approx(6.5 + 6.0)
    assert tempo_text(tempo, 106.0, 4) == "90.0 BPM (link) · 4.1 · Link: 1 peer"
    assert tempo_text(tempo, 118.0, 4) == "90.0 BPM (link, lost) · 4.2 · Link: 1 peer"
    later = heard(*link(10.0, 100.0, 90.0, beats=6.5), phase_offset=125.0)
    assert later.beats_at(109.0) == pytest.approx(tempo.beats_at(106.0))


def test_nobody_else_in_the_link_session_leaves_the_tempo_to_the_performer() -> None:
    alone = heard(*link(0.0, 20.0, peers=0))
    assert alone.source == "own"
    assert tempo_text(alone, 0.0, 4) == f"{alone.bpm:.1f} BPM (own) · 1.1 · Link: 0 peers"
    assert tempo_text(heard(*link(0.0, 20.0, peers=0), sync="none"), 9.0, 4) == "tempo free · Link: 0 peers"
    assert heard((20.0, SetControl("bpm", 90.0)), tempo=alone).source == "set"
    assert heard(*eighths(90, 8.0), tempo=alone).source == "player"
    assert heard((20.0, SetControl("sync", "link")), tempo=alone, sync="link").source == "link"


def test_link_takes_turns_with_the_clock_and_goes_on_when_the_others_leave() -> None:
    tempo = heard((5.0, SetControl("bpm", 90.0)), *link(10.0, 30.0))
    assert tempo.source == "link"
    assert heard((31.0, SetControl("bpm", 100.0)), tempo=tempo).source == "link"  # which others are asked to take up
    ticking = heard(*clock(20, first=31.0), *link(41.0, 42.0), tempo=tempo)
    assert ticking.source == "clock"
    assert heard(*link(60.0, 61.0), tempo=ticking).source == "link"  # the clock is silent since 40.5
    left = heard(*link(30.0, 60.0, peers=0, beats=20 / 12), tempo=tempo)
    assert (left.source, left.beats_at(58.0)) == ("link", pytest.approx(4.0))
    by_hand = heard((60.0, SetControl("bpm", 100.0)), tempo=left)
    assert (by_hand.source, by_hand.beats_at(60.0)) == ("set", pytest.approx(left.beats_at(60.0)))


def test_link_s_line_smooths_jitter_and_takes_jumps_and_tempos_at_once() -> None:
    rng = np.random.default_rng(0)
    events = [(at + rng.normal(0, 0.01), event) for at, event in link(0.0, 600.0)]  # 0.4 ms
    errors, tempo = [], Tempo.at_start(DEFAULTS)
    for at, event in events:
        tempo = heard((at, event), tempo=tempo)
        errors.append(tempo.beats_at(at) - at / 12.0)
    assert np.std(errors[20:]) * 12.0 < 0.01 / 2
    skipped = heard((601.0, LinkBeat(600.9 / 12.0, 120.0, 1)), tempo=tempo)  # a block of 4 ms
    assert skipped.beats_at(601.0) == 600.9 / 12.0
    jumped = heard((601.0, LinkBeat(7.3, 120.0, 1)), tempo=tempo)
    assert jumped.beats_at(601.0) == 7.3
    faster = heard((601.1, LinkBeat(7.31, 160.0, 1)), tempo=jumped)
    assert (faster.beats_at(601.1), faster.period_frames) == (7.31, 9.0)


def test_the_phase_offset_lets_the_beat_fall_later() -> None:
    events = (0.0, Start()), *clock(97)
    assert heard(*events, phase_offset=125.0).beats_at(51.0) == pytest.approx(heard(*events).beats_at(48.0))
    moved = heard((48.5, SetControl("phase_offset", -125.0)), tempo=heard(*events))
    assert moved.beats_at(45.0) == pytest.approx(4.0)


EVENTS = st.one_of(
    st.just(ClockTick()),
    st.just(ClockTick()),
    st.just(Start()),
    st.just(Stop()),
    st.just(Continue()),
    st.builds(SongPosition, st.integers(0, 16383)),
    st.builds(NoteOn, st.just(0), st.integers(0, 127), st.just(64)),
    st.just(NoteOff(0, 60)),
    st.builds(LinkBeat, st.floats(-1e9, 1e9), st.floats(-1e9, 1e9), st.integers(-1, 99)),
    st.just(SourceLost()),
    st.builds(SetControl, st.sampled_from(["tap", "reset"]), st.booleans()),
    st.just(SetControl("song", "Night")),
    st.builds(SetControl, st.just("bpm"), st.floats(0, 400)),
    st.builds(SetControl, st.just("phase_offset"), st.floats(-200, 200)),
    st.builds(SetControl, st.just("sync"), st.sampled_from(SYNCS)),
)


@given(st.lists(st.tuples(st.floats(-0.5, 60), EVENTS, st.sampled_from("ab")), max_size=80))
def test_any_events_give_a_finite_positive_tempo(steps: list[tuple[float, Event, str]]) -> None:
    tempo, position, controls = Tempo.at_start(DEFAULTS), 0.0, dict(DEFAULTS)
    for step, event, source in steps:
        position += step
        if isinstance(event, SetControl) and event.name in controls:
            controls[event.name] = event.value
        tempo = tempo.hear(StampedEvent(event, source, position), controls)
        beat, beats = tempo.beat_at(position + 12), tempo.beats_at(position + 12)
        assert 0.0 < tempo.period_frames < math.inf
        assert math.isfinite(beats)
        assert (beat is None) == (tempo.source == "none")
        assert beat is None or 0.0 <= beat.phase <= 1.0


class ListeningEngine(HashEngine):
    """Remembers the beats it was told, by the frame that it was to expect."""

    def step(self, frame, state, conditions=None):  # type: ignore[no-untyped-def]
        self.beats = [*getattr(self, "beats", []), conditions and conditions.beat]
        return super().step(frame, state, conditions)


def played(n_frames: int, events: list[Timed], **given: Value) -> tuple[State, ListeningEngine]:
    engine = ListeningEngine()
    state, waiting = begin(engine, values(**given), seed=1), list(events)
    for k in range(n_frames):
        now = [waiting.pop(0) for _ in events if waiting and waiting[0][0] < k]
        state, _, _ = advance(state, k, [StampedEvent(event, "drums", position) for position, event in now])
    return state, engine


def test_the_model_is_told_the_clock_s_beat_of_each_frame_and_the_timeline_keeps_it() -> None:
    state, _ = played(120, [(0.2, Start()), *clock(239, first=0.3)], tightness=0.0)
    for frame_index in range(60, state.timeline.end):
        told = state.timeline.at(frame_index).context.told.beat
        assert told is not None
        assert told.period_frames == pytest.approx(12.0, rel=1e-3)
        assert told.after(1).phase == pytest.approx(((frame_index - 0.3) / 12.0) % 1.0, abs=0.01)


def test_sections_begin_on_the_bars_that_the_tempo_counts() -> None:
    state = play(fresh(sync="auto"), 0)
    state = play(state, 31, [StampedEvent(SetControl("bpm", 100.0), "keys", 30.0)])
    state = play(state, 700)
    begins = sorted({step.context.form.since for step in state.timeline.steps} - {0})
    late = [since for since in begins if since > 250]
    assert len(late) >= 3
    bars = [state.tempo.beats_at(since) / 4 for since in late]
    assert max(abs(bar - round(bar)) * 4 * state.tempo.period_frames for bar in bars) <= 0.51


def test_without_a_beat_the_model_is_told_of_none() -> None:
    _, engine = played(40, [(3.0, NoteOn(0, 60, 90))], sync="none")
    assert set(engine.beats) == {None}


def test_a_steady_clock_voids_no_plan_and_a_jump_one_a_frame() -> None:
    rng = np.random.default_rng(0)
    events = [(0.2, Start())] + [(0.3 + TICK * i + rng.uniform(0, 0.02), ClockTick()) for i in range(400)]
    state, engine = played(100, events)
    n_steps = engine.n_steps
    for k in range(100, 180):
        now = [StampedEvent(event, "drums", at) for at, event in events if k - 1 <= at < k]
        state, _, _ = advance(state, k, now)
        assert engine.n_steps - n_steps == 1
        n_steps = engine.n_steps
    jump = [StampedEvent(SetControl("phase_offset", 100.0), "osc", 180.0)]
    state, frames, _ = advance(state, 180, jump)
    assert len(frames) == state.values["lookahead"]
    assert engine.n_steps - n_steps == state.values["lookahead"]
    assert advance(state, 180)[1] == []


def test_the_status_line_says_tempo_source_and_bar() -> None:
    tempo = heard((0.0, Start()), *clock(24 * 9 + 1))
    assert tempo_text(tempo, 108.5, 4) == "120.0 BPM (clock) · 3.2"
    assert tempo_text(tempo, 108.5, 3) == "120.0 BPM (clock) · 4.1"
    assert tempo_text(tempo, 156.5, 4) == "120.0 BPM (clock, lost) · 4.2"
    assert tempo_text(heard(sync="none"), 9.0, 4) == "tempo free"
    assert isinstance(tempo.beat_at(1.0), Beat)
