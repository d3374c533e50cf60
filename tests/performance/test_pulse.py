"""The session's own pulse: its tempo, what counts before it, and how the performer's beat takes its place."""

from collections import Counter

import numpy as np
import pytest
from examples import examples
from hash_engine import HashEngine
from hypothesis import given, settings
from hypothesis import strategies as st
from test_time_machine import do, wait

from livegen.beat import FASTEST_PERIOD_FRAMES, SLOWEST_PERIOD_FRAMES, Beat
from livegen.cli.screen import tempo_text
from livegen.controls import DEFAULTS, Values
from livegen.engines.checkpoint import load_engine
from livegen.events import ClockTick, Event, LinkBeat, NoteOff, NoteOn, SetControl, StampedEvent
from livegen.outputs.midi_beat import ClockState, clock_messages
from livegen.performance.performance import advance, begin
from livegen.performance.pulse import OWN_TICKS, TAKE_OVER_BEATS, Glide, draw_period
from livegen.performance.tempo import Line, Tempo
from livegen.score import attacks
from livegen.score_table import MODEL, FrameBeat
from livegen.session.link import own_beat
from livegen.system.resources import models_folder
from livegen.units import ENGINE_RATE_HZ, FRAME_RATE_HZ, bpm_to_period

STEP = 0.2
"""Frames between two looks at the beat."""

TICK_FRAMES = FRAME_RATE_HZ / ENGINE_RATE_HZ


def hear(tempo: Tempo, position: float, event: Event, values: Values = DEFAULTS) -> Tempo:
    return tempo.hear(StampedEvent(event, "keys", position), values)


def performed(tempo: Tempo, times: list[float], values: Values = DEFAULTS) -> Tempo:
    """Return the tempo after the performer's onsets."""
    for time in times:
        tempo = hear(tempo, time, NoteOn(0, 60, 90), values)
    return tempo


# The tempo is drawn.


def test_tempos_are_drawn_as_often_as_songs_have_them() -> None:
    n_draws = 4000
    drawn = Counter(round(draw_period(seed, 0) / TICK_FRAMES, 6) for seed in range(n_draws))
    n_songs = sum(OWN_TICKS.values())
    assert set(drawn) <= set(OWN_TICKS)
    for ticks, n in OWN_TICKS.items():
        share = n / n_songs
        assert drawn[ticks] / n_draws == pytest.approx(share, abs=4 * (share * (1 - share) / n_draws) ** 0.5)


def test_every_tempo_that_can_be_drawn_is_one_that_a_performer_s_can_be() -> None:
    assert min(OWN_TICKS) * TICK_FRAMES >= FASTEST_PERIOD_FRAMES
    assert max(OWN_TICKS) * TICK_FRAMES <= SLOWEST_PERIOD_FRAMES


@given(st.integers(-(2**63), 2**64), st.integers(0, 2**40))
def test_the_seed_and_the_song_decide_the_tempo(seed: int, frame_index: int) -> None:
    assert draw_period(seed, frame_index) == draw_period(seed, frame_index)
    assert round(draw_period(seed, frame_index) / TICK_FRAMES) in OWN_TICKS


def test_another_song_has_another_tempo_and_begins_at_bar_one() -> None:
    periods = set()
    for position in np.arange(100.3, 600.0, 37.0).tolist():
        tempo = hear(Tempo.at_start(DEFAULTS, seed=5), position, SetControl("reset", True))
        assert (tempo.source, tempo.bar_and_beat_at(position + 1.0, 4)) == ("own", (1, 1))
        periods.add(tempo.period_frames)
    assert len(periods) > 3
    followed = performed(Tempo.at_start(DEFAULTS, seed=5), [10.0 + 7.0 * i for i in range(9)])
    assert followed.source == "player"
    again = hear(followed, 200.2, SetControl("reset", True))
    assert (again.source, again.beats_at(201.0)) == ("own", 0.0)


# What counts before it.


def test_auto_ends_in_the_session_s_own_beat_and_shows_it() -> None:
    tempo = Tempo.at_start(DEFAULTS, seed=3)
    assert tempo.source == "own"
    assert tempo.beat_at(7.0) is not None
    assert tempo_text(tempo, tempo.period_frames * 5.5, 4) == f"{tempo.bpm:.1f} BPM (own) · 2.2"
    asked_for = Tempo.at_start({**DEFAULTS, "sync": "own"}, seed=3)
    assert asked_for == tempo


@pytest.mark.parametrize("sync", ["none", "clock", "link", "set", "player"])
def test_who_asks_for_another_beat_or_for_none_has_no_beat_until_it_is_there(sync: str) -> None:
    tempo = Tempo.at_start({**DEFAULTS, "sync": sync}, seed=3)
    assert (tempo.source, tempo.beat_at(7.0)) == ("none", None)
    assert tempo_text(tempo, 9.0, 4) == "tempo free"


@pytest.mark.parametrize(
    ("source", "events"),
    [
        ("clock", [(0.5 * i, ClockTick()) for i in range(49)]),
        ("link", [(10.0, LinkBeat(2.0, 100.0, 1))]),
        ("tap", [(10.0, SetControl("tap", True)), (22.0, SetControl("tap", True))]),
        ("set", [(10.0, SetControl("bpm", 100.0))]),
        ("player", [(10.0 + 6.0 * i, NoteOn(0, 60, 90)) for i in range(8)]),
    ],
)
def test_every_beat_that_somebody_gives_counts_before_it_unless_it_is_asked_for(
    source: str, events: list[tuple[float, Event]]
) -> None:
    tempo = asked_for = Tempo.at_start(DEFAULTS, seed=3)
    for position, event in events:
        tempo = hear(tempo, position, event)
        asked_for = hear(asked_for, position, event, {**DEFAULTS, "sync": "own"})
    assert tempo.source == source
    assert (asked_for.source, asked_for.beats_at(99.0)) == ("own", pytest.approx(tempo_of_own(99.0)))


def tempo_of_own(frame: float) -> float:
    return frame / Tempo.at_start(DEFAULTS, seed=3).period_frames


@pytest.mark.parametrize("ending", [SetControl("bpm", 0.0), SetControl("sync", "own")])
def test_a_beat_that_is_taken_away_leaves_the_own_one_in_its_place(ending: SetControl) -> None:
    tempo = hear(Tempo.at_start(DEFAULTS, seed=3), 30.0, SetControl("bpm", 97.0))
    left = hear(tempo, 81.3, ending, {**DEFAULTS, **({"sync": "own"} if ending.name == "sync" else {})})
    assert left.source == "own"
    assert left.period_frames == Tempo.at_start(DEFAULTS, seed=3).period_frames
    assert left.beats_at(81.3) == pytest.approx(tempo.beats_at(81.3))


def test_a_set_tempo_goes_on_from_the_count_of_the_own_one() -> None:
    own = Tempo.at_start(DEFAULTS, seed=3)
    assert hear(own, 50.0, SetControl("bpm", 100.0)).beats_at(50.0) == pytest.approx(own.beats_at(50.0))


# The performer takes over.


@settings(max_examples=examples(60))
@given(
    st.integers(0, 10_000),
    st.floats(67.0, 200.0),
    st.floats(20.0, 400.0),
    st.sampled_from([(0.5,), (1.0, 0.5, 0.5), (0.75, 0.25)]),
    st.sampled_from([-150.0, 0.0, 150.0]),
)
def test_the_performer_s_first_phrase_takes_over_within_two_bars_without_a_jump(
    seed: int, bpm: float, first: float, rhythm: tuple[float, ...], phase_offset: float
) -> None:
    values = {**DEFAULTS, "phase_offset": phase_offset}
    before = Tempo.at_start(values, seed=seed)
    period = bpm_to_period(bpm)
    steps = np.resize(rhythm, 24)
    times = first + period * np.r_[0.0, np.cumsum(steps[:-1])]
    for time in times.tolist():
        tempo = hear(before, time, NoteOn(0, 60, 90), values)
        if tempo.source == "player":
            break
        before = tempo
    assert tempo.source == "player"
    assert time - first <= max(6, len(rhythm) * 4) * period

    line, end = tempo.player.line, time + TAKE_OVER_BEATS * tempo.period_frames
    assert line is not None
    assert tempo.beats_at(time) == pytest.approx(before.beats_at(time), abs=1e-6)
    frames = np.arange(time - 5.0, end + 50.0, STEP)
    beats = np.array([(before if frame < time else tempo).beats_at(frame) for frame in frames])
    slopes = np.diff(beats) / STEP
    assert (slopes > 0.0).all()
    taken = slopes[frames[:-1] >= time] * tempo.period_frames
    assert np.abs(taken - 1.0).max() < 0.5 / TAKE_OVER_BEATS + 0.01
    after, offset = frames[frames > end], phase_offset * FRAME_RATE_HZ / 1000.0
    assert [tempo.beats_at(frame) for frame in after] == [line.at(frame - offset) for frame in after]


def test_a_beat_that_is_found_again_moves_the_one_that_is_followed_half_way() -> None:
    line = Line(100.0, 7.0, 12.0)
    pulled = line.pulled_to(Beat(12.2, 0.1), 100.0)
    assert pulled == Line(100.0, pytest.approx(7.05), pytest.approx(12.1))
    assert line.pulled_to(Beat(12.3, 0.1), 100.0) is None  # another tempo
    assert line.pulled_to(Beat(12.0, 0.5), 100.0) is None  # another place in the bar


def test_who_gets_faster_is_followed_within_an_eighth_of_a_beat() -> None:
    n_beats = 80
    periods = np.linspace(12.0, 10.5, n_beats)  # from 120 to 137 beats a minute
    times = np.cumsum(np.repeat(periods / 2.0, 2))  # in eighths
    tempo = performed(Tempo.at_start(DEFAULTS, seed=3), times[:32].tolist())
    for index, time in enumerate(times[32:].tolist(), 32):
        tempo = hear(tempo, time, NoteOn(0, 60, 90))
        eighths = 2.0 * tempo.beats_at(time) - index
        assert abs((eighths + 0.5) % 1.0 - 0.5) < 0.25


def test_beside_a_shuffle_the_band_plays_on_beats_and_on_their_last_thirds() -> None:
    period, n_frames = bpm_to_period(120.0), 600
    starts = np.union1d(np.arange(50), np.arange(50) + 2 / 3) * period
    keys = []
    for i, start in enumerate(starts.tolist()):
        note = 60 + 2 * (i // 2 % 5)
        keys += [StampedEvent(NoteOn(0, note, 90), "keys", start), StampedEvent(NoteOff(0, note), "keys", start + 3.0)]
    state = begin(load_engine(models_folder() / "default"), DEFAULTS, seed=1)
    places = []
    for frame in range(1, n_frames):
        state, _, _ = advance(state, frame, [key for key in keys if frame - 1 <= key.position < frame])
        planned, before = (state.timeline.at(frame - back).planned for back in (0, 1))
        starts_here = attacks(before.frame, planned.frame) & (planned.owner == MODEL)
        places += ((frame + planned.onset_offset[starts_here]) / period % 1.0).tolist() if frame > n_frames // 2 else []
    assert state.tempo.source == "player"
    assert state.tempo.period_frames == pytest.approx(period, rel=0.01)
    nearest = [min((0.0, 2 / 3, 1.0), key=lambda third: abs(place - third)) for place in places]
    is_there = np.abs(np.array(places) - nearest) < 0.1
    assert len(places) > 40
    assert is_there.mean() > 0.9
    assert (np.array(nearest) == 2 / 3).mean() > 0.02


def test_the_phrase_that_took_over_is_on_its_own_beat_in_the_end() -> None:
    for bpm in (80.0, 120.0, 170.0):
        period = bpm_to_period(bpm)
        tempo = performed(Tempo.at_start(DEFAULTS, seed=3), [33.4 + 0.5 * period * i for i in range(40)])
        beats = [tempo.beats_at(33.4 + period * k) for k in range(15, 40)]
        assert np.abs(np.array(beats) - np.round(beats)).max() < 0.01


def test_five_onsets_leave_the_own_beat_and_a_new_phrase_on_the_same_beat_moves_nothing() -> None:
    own = Tempo.at_start(DEFAULTS, seed=3)
    few = performed(own, [20.0 + 6.0 * i for i in range(5)])
    assert (few.source, few.beats_at(70.0)) == ("own", own.beats_at(70.0))
    period = own.period_frames
    same = performed(own, [period * (2.0 + 0.5 * i) for i in range(30)])
    assert same.source == "player"
    assert same.beats_at(200.0) == pytest.approx(own.beats_at(200.0), abs=0.02)


def test_the_difference_fades_evenly_to_nothing() -> None:
    glide = Glide(10.0, -0.4, 100.0)
    assert [glide.at(frame) for frame in (0.0, 10.0, 60.0, 110.0, 900.0)] == pytest.approx([-0.4, -0.4, -0.2, 0.0, 0.0])
    assert Glide().at(5.0) == 0.0


# Who is told of it.


def test_it_is_sent_as_midi_clock_through_the_take_over() -> None:
    own = Tempo.at_start(DEFAULTS, seed=3)
    onsets = [40.3 + 7.0 * i for i in range(12)]
    taken = performed(own, onsets)
    last = onsets[-1]
    played = next(tempo for tempo in _over(own, onsets) if tempo.source == "player")
    switched = played.glide.frame
    state, ticks, words = ClockState(), [], []
    for frame_index in range(200):
        tempo = own if frame_index < switched else (played if frame_index < last else taken)
        beats = tempo.beats_at(frame_index)
        beat = FrameBeat(beats, tempo.beats_at(frame_index + 1) - beats, 4)
        state, messages = clock_messages(state, beat, is_running=True)
        ticks += [frame_index + 24.0 * each.time for each in messages if each.type == "clock"]
        words += [each.type for each in messages if each.type != "clock"]
    assert words == ["start"]
    before = np.diff([tick for tick in ticks if tick < switched - 1.0])
    assert before == pytest.approx(np.full(len(before), own.period_frames / 24), abs=1e-6)
    through = np.diff([tick for tick in ticks if tick > switched + 1.0])
    assert np.abs(through / (taken.period_frames / 24) - 1.0).max() < 0.15


def _over(tempo: Tempo, onsets: list[float]) -> list[Tempo]:
    tempos = []
    for onset in onsets:
        tempo = performed(tempo, [onset])
        tempos.append(tempo)
    return tempos


def test_link_is_told_of_it_as_of_a_beat_that_nobody_has_set() -> None:
    tempo = Tempo.at_start({**DEFAULTS, "phase_offset": 100.0}, seed=3)
    told = own_beat(tempo, 96.0, 4)
    assert (told.beats, told.bpm) == (pytest.approx(tempo_of_own(96.0)), tempo.bpm)
    assert (told.by_hand_bpm, told.is_links) == (None, False)


@pytest.mark.parametrize(
    "moves",
    [
        [SetControl("rewind", 4.0)],
        [SetControl("temperature", 0.7), SetControl("undo", True)],
        [SetControl("store", "verse"), SetControl("rewind", 8.0), SetControl("recall", "verse")],
        [SetControl("hold", True), SetControl("hold", False), SetControl("reroll", True)],
    ],
)
def test_going_back_in_the_song_keeps_the_beat(moves: list[SetControl]) -> None:
    state = wait(begin(HashEngine(), DEFAULTS, seed=3), 200)
    before = state.tempo
    for move in moves:
        state = wait(do(state, move), 30)
    assert state.tempo == before
    assert state.tempo.source == "own"


def test_the_model_is_told_of_it_from_the_first_frame_on() -> None:
    state, _, _ = advance(begin(HashEngine(), DEFAULTS, seed=3), 60)
    told = [state.timeline.at(frame_index).context.told.beat for frame_index in range(1, 60)]
    assert None not in told
    assert {round(beat.period_frames, 9) for beat in told if beat} & {
        round(state.tempo.period_frames * factor, 9) for factor in (1.0, 2.0)
    }


def test_a_key_that_is_let_go_tells_nothing() -> None:
    tempo = Tempo.at_start(DEFAULTS, seed=3)
    for position in range(20):
        tempo = hear(tempo, 6.0 * position, NoteOff(0, 60))
    assert tempo == Tempo.at_start(DEFAULTS, seed=3)
