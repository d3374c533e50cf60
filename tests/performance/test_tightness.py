"""Tight time: the model's onsets on the grid of the beat, exact in the score and at the sound."""

import math
import zlib
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from examples import examples
from hash_engine import HashDistribution, HashEngine
from hypothesis import given, settings
from hypothesis import strategies as st

from livegen.controls import DEFAULTS, Value
from livegen.engines.checkpoint import load_engine
from livegen.engines.protocol import Engine
from livegen.events import ClockTick, Event, NoteOff, NoteOn, SetControl, StampedEvent, Start
from livegen.instrument.instrument import Instrument
from livegen.offline.render import render
from livegen.patch import load_patch
from livegen.performance.performance import State, advance, begin
from livegen.performance.pulse import Glide
from livegen.performance.tempo import Tempo
from livegen.performance.tightness import Groove
from livegen.score import N_COLUMNS, N_VOICES, SILENCE, Voice, onsets
from livegen.score_table import MODEL, OFF, PLAYER, PlannedFrame
from livegen.system.resources import models_folder
from livegen.units import FRAME_RATE_HZ, frame_to_sample

NOTHING_HEARD = np.zeros((0, N_VOICES, N_COLUMNS), np.uint8)
NO_OFFSETS = np.zeros(N_VOICES)


def tempo_of(bpm: float, first_beat: float = 0.0) -> Tempo:
    """Return a tempo whose beats fall on `first_beat` and every beat after it, in frames."""
    return Tempo.at_start({**DEFAULTS, "bpm": bpm, "phase_offset": first_beat * 1000 / FRAME_RATE_HZ})


def groove(bpm: float = 100.0, first_beat: float = 0.0, **given: Value) -> Groove:
    return Groove.of(tempo_of(bpm, first_beat), {**DEFAULTS, "tightness": 1.0, **given})


@pytest.mark.parametrize("source", ["own", "set", "player", "clock"])
@pytest.mark.parametrize("swing", [0.0, 0.37, 1.0])
def test_times_are_the_same_one_by_one_and_all_at_once(source: str, swing: float) -> None:
    """To the last bit: where a boundary lies, a take must be cut in the same frame for ever."""
    tempo = tempo_of(97.3, 1.7)
    if source == "player":
        line = replace(tempo.own, frame=3.1, beats=-0.45, period_frames=13.37)
        tempo = replace(tempo, player=replace(tempo.player, line=line), glide=Glide(40.0, 0.31, 100.7))
    if source == "clock":
        for i in range(60):
            tempo = tempo.hear(StampedEvent(ClockTick(), "drums", 0.1 + 0.613 * i), DEFAULTS)
    of = Groove.of(replace(tempo, source=source), {**DEFAULTS, "tightness": 0.9, "swing": swing})
    frames = np.random.default_rng(3).integers(-50, 5000, 400)
    assert of.straight_beats_of(frames + of.middle).tolist() == [of._straight_beats(int(frame)) for frame in frames]
    at = frames + 0.123
    assert of.tempo.beats_of(at).tolist() == [of.tempo.beats_at(frame) for frame in at.tolist()]
    assert of.tempo.beats_of(np.array([])).tolist() == []


def score(notes: Sequence[int], owner: int = MODEL, first: int = 0) -> list[PlannedFrame]:
    """Return frames in which P1 plays notes, one a frame."""
    frames = []
    for i, note in enumerate(notes):
        frame = SILENCE.copy()
        frame[Voice.P1] = note, 10 * (note > 0), 0
        frames.append(PlannedFrame(first + i, frame, np.full(N_VOICES, owner, np.uint8), NO_OFFSETS))
    return frames


def times(of: Groove, planned: list[PlannedFrame]) -> np.ndarray:
    """Return when each frame of P1 begins to sound, in frames."""
    offsets = of.offsets(NOTHING_HEARD, NO_OFFSETS, planned, of.reach(planned[0].frame_index, len(planned)))
    assert (np.abs(offsets) < 1.0).all()
    return np.array([frame.frame_index for frame in planned]) + offsets[:, Voice.P1]


def notes_at(*onsets: int, n: int) -> list[int]:
    """Return a melody that changes its note in these frames."""
    return [60 + sum(onset <= k for onset in onsets) for k in range(n)]


@given(st.floats(60, 200), st.floats(0, 4), st.integers(20, 40))
def test_an_onset_with_a_point_of_the_grid_within_a_frame_falls_on_it(bpm: float, first: float, at: int) -> None:
    planned = score(notes_at(at, n=48))
    time = times(groove(bpm, first), planned)[at]
    sixteenth = 15 * FRAME_RATE_HZ / bpm / groove(bpm).octave
    points = first + sixteenth * np.arange(400)
    nearest = points[np.argmin(np.abs(points - at - 0.35))]
    if abs(nearest - at) <= 0.98:
        assert time == pytest.approx(nearest, abs=1e-6)
    assert abs(time - at) < 1.0


@given(st.lists(st.integers(0, 3), min_size=2, max_size=40), st.floats(40, 240), st.floats(0, 1), st.floats(0, 1))
def test_frames_of_a_voice_never_change_their_order(changes: list[int], bpm: float, tight: float, swing: float) -> None:
    planned = score([60 + change for change in changes])
    assert (np.diff(times(groove(bpm, 0.7, tightness=tight, swing=swing), planned)) >= 0.0).all()


def test_a_note_that_follows_in_the_next_frame_keeps_a_distance() -> None:
    at = times(groove(100.0), score(notes_at(18, 19, n=30)))  # a grid point lies on frame 18
    assert at[18] == pytest.approx(18.0)
    assert at[19] - at[18] >= 0.25


def test_of_two_notes_in_a_row_the_nearer_one_has_the_point() -> None:
    at = times(groove(100.0, 0.1), score(notes_at(17, 18, n=30)))  # a grid point lies on 18.1
    assert at[17] == pytest.approx(17.35)
    assert at[18] == pytest.approx(18.1)


def test_half_tight_is_half_as_far_and_loose_is_as_planned() -> None:
    planned = score(notes_at(7, n=20))  # a point lies on 7.2
    loose, tight = times(groove(tightness=0.0), planned), times(groove(), planned)
    assert (loose == np.arange(20)).all()
    assert tight[7] == pytest.approx(7.2)
    middle = 7 + 0.35 / 2
    assert times(groove(tightness=0.5), planned)[7] == pytest.approx(middle + 0.5 * (7.2 - middle))


def test_without_a_beat_nothing_moves() -> None:
    nobody_s = {**DEFAULTS, "sync": "none", "tightness": 1.0}
    free = Groove.of(Tempo.at_start(nobody_s), nobody_s)
    assert (times(free, score(notes_at(7, n=20))) == np.arange(20)).all()
    assert free.beat_at(7) is None


def test_only_the_model_s_voices_move() -> None:
    for owner in (PLAYER, OFF):
        assert (times(groove(), score(notes_at(7, n=20), owner)) == np.arange(20)).all()


def test_swing_moves_every_second_sixteenth_and_the_model_is_told_none() -> None:
    swung, straight = groove(75.0, swing=1.0), groove(75.0)  # a sixteenth is 4.8 frames, its swing 1.6
    at = times(swung, score(notes_at(6, 9, 16, n=24)))
    assert at[6] == pytest.approx(4.8 + 1.6)
    assert at[9] == pytest.approx(9.6)
    assert at[16] == pytest.approx(14.4 + 1.6)
    told = [swung.beat_at(k).phase for k in range(20)]
    assert (np.diff(np.unwrap(told, period=1.0)) > 0.0).all()
    on_eighth = [swung.tempo.beats_at(k + 0.35) * 2 % 1 for k in range(200)]
    same = min(range(200), key=lambda k: on_eighth[k])
    assert swung.beat_at(same).phase == pytest.approx(straight.beat_at(same).phase, abs=0.01)


def test_triplets_are_kept_where_the_music_is_in_triplets() -> None:
    period = 60 * FRAME_RATE_HZ / 75
    of_triplets = [round(i * period / 3) for i in range(1, 24)]
    n = of_triplets[-1] + 8
    frames = np.array([frame.frame for frame in score(notes_at(*of_triplets, n=n))])
    point = math.ceil((n + 1) / (period / 3)) * period / 3
    at = int(point) - n
    fitted = groove(75.0).fitted(frames, n)
    offsets = fitted.offsets(frames, NO_OFFSETS, score(notes_at(at, n=12), first=n), fitted.reach(0, n + 12))
    assert n + at + offsets[at, Voice.P1] == pytest.approx(point, abs=1e-6)


def test_very_slow_and_very_fast_beats_are_heard_an_octave_nearer() -> None:
    assert groove(40.0).beat_at(5).period_frames == pytest.approx(18.0)
    assert groove(320.0).beat_at(5).period_frames == pytest.approx(9.0)
    assert groove(60.0).beat_at(5).period_frames == pytest.approx(24.0)


@pytest.mark.parametrize(("bpm", "heard"), [(160.0, 160.0), (163.0, 163.0), (164.0, 82.0), (200.0, 100.0)])
def test_a_beat_is_heard_half_as_fast_where_music_lies_on_eighths(bpm: float, heard: float) -> None:
    assert groove(bpm).beat_at(5).period_frames == pytest.approx(60 * FRAME_RATE_HZ / heard)


def test_of_a_fast_beat_swing_moves_every_second_eighth() -> None:
    at = times(groove(180.0, swing=1.0), score(notes_at(5, 8, n=14)))  # a beat is eight frames
    assert at[5] == pytest.approx(8 * 2 / 3)
    assert at[8] == pytest.approx(8.0)


@pytest.mark.parametrize("bpm", [166.0, 180.0, 200.0, 230.0])
def test_sixteenths_of_a_fast_beat_are_for_runs_and_nothing_is_finer(bpm: float) -> None:
    fast = groove(bpm)
    for each in fast.reach(0, 200):
        if each.is_open and each.point is not None:
            assert each.is_for_runs == (each.point % 2 == 1)  # numbered in sixteenths
    assert any(each.is_for_runs for each in fast.reach(0, 200))
    frames = played(Busy(0.1), bpm, 1, n_frames=720)
    attacks = onsets(np.array([each.frame for each in frames]))
    attacks[:150] = False
    of, _ = np.nonzero(attacks)
    turns = 2 * (of - first_tick(1)) * bpm / (60 * FRAME_RATE_HZ)
    assert abs(np.exp(2j * np.pi * turns).mean()) > 0.5


class Eighths(HashEngine):
    """Plays a new note on P1 and the noise in every frame in which, as it is told, an eighth falls; silence between."""

    def step(self, frame, state, conditions=None):  # type: ignore[no-untyped-def]
        distribution, state = super().step(frame, state)
        beat = conditions and conditions.beat and conditions.beat.after(1)
        to_eighth = None if beat is None else ((2.0 * beat.phase + 0.5) % 1.0 - 0.5) * beat.period_frames / 2
        return EighthsDistribution(distribution.digest, to_eighth is not None and -0.5 <= to_eighth < 0.5), state


class EighthsDistribution(HashDistribution):
    def __init__(self, digest: int, is_eighth: bool) -> None:
        super().__init__(digest)
        object.__setattr__(self, "is_eighth", is_eighth)

    def sample(self, forced, is_forced, sampling, *, seed, frame_index):  # type: ignore[no-untyped-def]
        frame = np.where(is_forced[:, None], forced, 0).astype(np.uint8)
        for voice in (Voice.P1, Voice.NO):
            if not is_forced[voice] and self.is_eighth:
                frame[voice] = 10 + 50 * (voice is Voice.P1), 12, 0
        return frame


def clock(bpm: float, seconds: float, first: float) -> list[tuple[float, Event]]:
    tick = 2.5 / bpm
    return [(0.0, Start())] + [(first + i * tick, ClockTick()) for i in range(int((seconds - first) / tick))]


@pytest.mark.parametrize(("bpm", "first"), [(60, 0.01), (97, 0.013), (120, 0.0), (120, 0.0208), (200, 0.03)])
def test_at_the_sound_every_attack_is_within_2_ms_of_the_clock_s_grid(bpm: float, first: float) -> None:
    rate, seconds = 48_000, 10
    controls: dict[str, Value] = {"tightness": 1.0, "p2.role": "off", "tr.role": "off", "no.role": "off"}
    instrument = Instrument(Eighths(), load_patch("plain"), rate, controls=controls, n_channels=1)
    rendered = list(render(instrument, seconds * FRAME_RATE_HZ, clock(bpm, seconds, first)))
    sound = np.abs(np.concatenate([frame.samples for frame in rendered])[:, 0])
    loud = np.flatnonzero(sound > 0.01)
    attacks = loud[np.concatenate([[True], np.diff(loud) > rate // 100])] / rate
    attacks = attacks[attacks > first + 4 * 60 / bpm]
    eighth = 30 / bpm / groove(bpm).octave
    late_ms = ((attacks - first + eighth / 2) % eighth - eighth / 2) * 1000
    assert len(attacks) >= (seconds - 5 * 60 / bpm) / eighth
    assert np.abs(late_ms).max() < 2.0
    assert instrument.n_missed_plans == 0
    assert int(instrument.callback["stats"]["late_frames"][0]) == 0


def test_an_early_onset_stands_a_frame_before_the_rest_which_is_conditioned_on_what_is_played() -> None:
    state = tight_state()
    early = next(k for k in range(40, 200) if (state := play_to(state, k)) and offset(state, k + 1, Voice.NO) < 0.0)
    before = offset(state, early + 1, Voice.NO)
    frame = state.timeline.at(early + 1).planned.frame[Voice.NO].copy()
    events = [StampedEvent(NoteOn(0, 60, 90), "keys", early + 0.9), StampedEvent(SetControl("reset", True), "o", early)]
    state = advance(state, early + 1, events)[0]
    assert offset(state, early + 1, Voice.NO) == before
    assert (state.timeline.at(early + 1).planned.frame[Voice.NO] == frame).all()
    assert state.timeline.at(early + 1).planned.owner[Voice.P1] == PLAYER


def test_no_other_onset_of_the_frame_that_is_about_to_begin_is_early() -> None:
    state = play_to(tight_state(), 39)
    for k in range(40, 200):
        was = [offset(state, k, voice) for voice in Voice]
        events = [StampedEvent(SetControl("phase_offset", float(k % 7) * 9), "o", k - 0.5)]
        state = advance(state, k, events)[0]
        for voice in Voice:
            assert offset(state, k, voice) >= 0.0 or offset(state, k, voice) == was[voice]


def tight_state() -> State:
    values = {**DEFAULTS, "tightness": 1.0, "bpm": 137.0, "p1.role": "player"}
    return advance(begin(Restless(), values, seed=1), 0)[0]


class Restless(HashEngine):
    """Strikes the noise every fourth frame or so, whatever the beat."""

    def step(self, frame, state, conditions=None):  # type: ignore[no-untyped-def]
        distribution, state = super().step(frame, state)
        return EighthsDistribution(distribution.digest, distribution.digest % 4 == 0), state


def play_to(state: State, frame_index: int) -> State:
    return advance(state, frame_index)[0]


def offset(state: State, frame_index: int, voice: Voice) -> float:
    return float(state.timeline.at(frame_index).planned.onset_offset[voice])


def test_a_frame_that_begins_early_is_not_taken_for_a_late_plan() -> None:
    instrument = Instrument(Restless(), load_patch("plain"), 48_000, controls={"tightness": 1.0, "bpm": 137.0})
    frames = list(render(instrument, 240))
    offsets = np.array([instrument.state.timeline.at(k).planned.onset_offset for k in range(240)])
    assert (offsets < 0.0).any()
    assert instrument.n_missed_plans == 0
    assert sum(len(frame.samples) for frame in frames) == frame_to_sample(240, 48_000)


class Busy(HashEngine):
    """Attacks on every voice in about `share` of all frames, whatever the beat."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def step(self, frame, state, conditions=None):  # type: ignore[no-untyped-def]
        distribution, state = super().step(frame, state)
        return BusyDistribution(distribution.digest, frame, self.share), state


class BusyDistribution(HashDistribution):
    def __init__(self, digest: int, before: np.ndarray, share: float) -> None:
        super().__init__(digest)
        object.__setattr__(self, "before", before)
        object.__setattr__(self, "share", share)

    def sample(self, forced, is_forced, sampling, *, seed, frame_index):  # type: ignore[no-untyped-def]
        frame = np.where(is_forced[:, None], forced, self.before).astype(np.uint8)
        for voice in Voice:
            number = zlib.crc32(repr((seed, frame_index, int(voice))).encode()) / 2**32
            if not is_forced[voice] and number < self.share:
                note = 40 + (frame_index + 3 * voice) % 7 if voice != Voice.NO else 1 + frame_index % 7
                frame[voice] = note, 0 if voice == Voice.TR else 10, 0
        return frame


def played(engine: Engine, bpm: float, seed: int, n_frames: int = 360, **given: Value) -> list[PlannedFrame]:
    """Return what sounds under a clock of a steady tempo, whose first tick comes somewhere in the first frames."""
    values = {**DEFAULTS, "p1.role": "model", "arrangement": 0.0, **given}
    state = begin(engine, values, seed=seed)
    events = [StampedEvent(Start(), "clock", 0.0)]
    tick, first = 60 * FRAME_RATE_HZ / bpm / 24, first_tick(seed)
    events += [StampedEvent(ClockTick(), "clock", first + i * tick) for i in range(int((n_frames - first) / tick))]
    frames = []
    for k in range(n_frames):
        heard = [event for event in events if k - 1 <= event.position < k]
        state = advance(state, k, heard)[0]
        frames.append(state.timeline.at(k).planned)
    return frames


def first_tick(seed: int) -> float:
    return 1.0 + 0.37 * seed


def grid_misses_ms(
    frames: list[PlannedFrame], bpm: float, seed: int, points: int = 4, swing: float = 0.0
) -> np.ndarray:
    """Return how far onsets sound from the grid, of those that have a point of it within a frame of either the frame
    that they belong to or of where they sound."""
    attacks = onsets(np.array([each.frame for each in frames]))
    attacks[: int(first_tick(seed) + 4 * 60 * FRAME_RATE_HZ / bpm)] = False
    of, voice = np.nonzero(attacks)
    sounds = of + np.array([each.onset_offset for each in frames])[of, voice]
    beat = 60 * FRAME_RATE_HZ / bpm
    numbers = np.arange(int(len(frames) / beat * points) + points)
    grid = first_tick(seed) + (numbers / points + (numbers % 2) * swing / 12) * beat
    from_sound = np.abs(sounds[:, None] - grid).min(1)
    is_within = (np.abs(of[:, None] - grid).min(1) < 1.0) | (from_sound < 1.0)
    return from_sound[is_within] * 1000 / FRAME_RATE_HZ


@pytest.mark.parametrize("bpm", [60.0, 97.0, 120.0, 200.0])
@pytest.mark.parametrize("share", [0.2, 0.5])
def test_99_of_100_onsets_near_the_grid_are_within_2_ms_of_it(bpm: float, share: float) -> None:
    misses = np.concatenate([grid_misses_ms(played(Busy(share), bpm, seed), bpm, seed) for seed in range(3)])
    assert len(misses) > 100
    assert np.percentile(misses, 99) < 2.0


def test_swung_onsets_are_within_2_ms_of_the_swung_grid() -> None:
    frames = played(Busy(0.3), 100.0, 1, swing=0.7)
    assert np.percentile(grid_misses_ms(frames, 100.0, 1, swing=0.7), 99) < 2.0


@pytest.mark.parametrize("bpm", [60.0, 120.0, 200.0])
def test_a_run_of_notes_goes_on_as_fast_as_the_grid_allows(bpm: float) -> None:
    frames = played(Busy(1.0), bpm, 2)
    attacks = onsets(np.array([each.frame for each in frames]))[180:]
    n_points = len(attacks) / (15 * FRAME_RATE_HZ / bpm)
    assert (attacks.sum(0) >= 0.95 * n_points).all()
    if bpm == 60.0:
        assert (attacks.sum(0) >= 2.9 * n_points).all()


def test_loose_time_lets_every_onset_be_and_half_tight_half_of_those_beside_the_grid() -> None:
    n_onsets = {
        tight: int(onsets(np.array([each.frame for each in played(Busy(1.0), 120.0, 1, tightness=tight)])).sum())
        for tight in (0.0, 0.5, 1.0)
    }
    assert n_onsets[0.0] == 4 * 360
    assert n_onsets[1.0] < n_onsets[0.5] < n_onsets[0.0]


def test_what_is_held_back_depends_on_nothing_but_the_frame_and_the_seed() -> None:
    once, again = (played(Busy(0.5), 120.0, 3, n_frames=200) for _ in range(2))
    for one, other in zip(once, again, strict=True):
        assert (one.frame == other.frame).all()
        assert (one.onset_offset == other.onset_offset).all()


@pytest.mark.parametrize("bpm", [60.0, 120.0, 200.0])
def test_the_shipped_model_is_within_2_ms_of_the_grid(bpm: float) -> None:
    model = models_folder() / "default"
    if not model.exists():
        pytest.skip("the model is not there")
    frames = played(load_engine(model), bpm, 3, n_frames=288)
    misses = grid_misses_ms(frames, bpm, 3)
    assert len(misses) > 20
    assert np.percentile(misses, 99) < 2.0


@pytest.mark.parametrize("bpm", [170.0, 200.0])
def test_the_shipped_model_follows_a_fast_beat(bpm: float) -> None:
    model = models_folder() / "default"
    if not model.exists():
        pytest.skip("the model is not there")
    frames = played(load_engine(model), bpm, 3, n_frames=480)
    attacks = onsets(np.array([each.frame for each in frames]))
    attacks[:144] = False
    of, _ = np.nonzero(attacks)
    eighths = 2 * (of - first_tick(3)) * bpm / (60 * FRAME_RATE_HZ)
    assert len(of) > 80
    assert abs(np.exp(2j * np.pi * eighths).mean()) > 0.5


@given(
    st.lists(st.tuples(st.floats(0.05, 12.0), st.floats(0.02, 9.0)), min_size=1, max_size=12),
    st.floats(60, 200),
    st.sampled_from([0, 1]),
)
@settings(max_examples=examples(25), deadline=None)
def test_nothing_that_is_played_is_moved_or_held_back(keys: list[tuple[float, float]], bpm: float, ahead: int) -> None:
    """Keys go down in frames that sound, or in those that are about to begin, where onsets may be early."""
    values = {**DEFAULTS, "bpm": bpm, "p1.role": "player"}
    state, position, events = begin(Busy(1.0), values, seed=3), 30.0, list[StampedEvent]()
    played_notes = {}
    for i, (gap, length) in enumerate(keys):
        position += gap
        played_notes[math.floor(position)] = 60 + i
        events += [StampedEvent(NoteOn(0, 60 + i, 90), "keys", position)]
        events += [StampedEvent(NoteOff(0, 60 + i), "keys", position + length)]
    events.sort(key=lambda event: event.position)
    for k in range(int(events[-1].position) + 4):
        state = advance(state, k, [event for event in events if k - 1 <= event.position - ahead < k])[0]
    for step in state.timeline.since(30):
        is_player_s = step.planned.owner == PLAYER
        assert (step.planned.onset_offset[is_player_s] == 0.0).all()
    for frame_index, note in played_notes.items():
        planned = state.timeline.at(frame_index).planned
        assert planned.owner[Voice.P1] == PLAYER
        assert planned.frame[Voice.P1, 0] == note


class Late(HashEngine):
    """Means to attack on every voice in every fifth frame only, whatever it hears."""

    def step(self, frame, state, conditions=None):  # type: ignore[no-untyped-def]
        distribution, state = super().step(frame, state)
        return LateDistribution(distribution.digest, frame), state


class LateDistribution(HashDistribution):
    def __init__(self, digest: int, before: np.ndarray) -> None:
        super().__init__(digest)
        object.__setattr__(self, "before", before)

    def sample(self, forced, is_forced, sampling, *, seed, frame_index):  # type: ignore[no-untyped-def]
        frame = np.where(is_forced[:, None], forced, self.before).astype(np.uint8)
        if frame_index % 5 == 0:
            for voice in (Voice.P1, Voice.P2):
                if not is_forced[voice]:
                    frame[voice] = 32 + frame_index // 5 % 76, 10, 0
        return frame


@pytest.mark.parametrize("bpm", [60.0, 75.0, 96.0, 120.0, 150.0])
def test_no_note_is_lost_that_can_wait_for_its_point(bpm: float) -> None:
    frames = played(Late(), bpm, 1)
    notes = [frame.frame[Voice.P1, 0] for frame in frames[150:]]
    assert set(range(min(notes), max(notes) + 1)) == set(notes)
    assert np.percentile(grid_misses_ms(frames, bpm, 1), 99) < 2.0


@pytest.mark.parametrize(("bpm", "least"), [(60.0, 3.5), (75.0, 2.5), (96.0, 1.7), (120.0, 1.7)])
def test_a_run_is_faster_than_the_grid_and_even(bpm: float, least: float) -> None:
    frames = played(Busy(1.0), bpm, 2)
    attacks = onsets(np.array([each.frame for each in frames]))[180:]
    assert (attacks.sum(0) >= least * len(attacks) / (15 * FRAME_RATE_HZ / bpm)).all()
    sounds = np.flatnonzero(attacks[:, Voice.P2])
    sounds = sounds + np.array([each.onset_offset[Voice.P2] for each in frames[180:]])[sounds]
    gaps = np.diff(sounds)
    assert gaps.max() <= 2.05 * gaps.min()


@pytest.mark.parametrize("bpm", [100.0, 180.0])
def test_the_model_keeps_to_the_triplets_that_a_player_plays(bpm: float) -> None:
    beat, n = 60 * FRAME_RATE_HZ / bpm, 400
    state, events = begin(Busy(0.2), {**DEFAULTS, "bpm": bpm}, seed=1), list[StampedEvent]()
    for i in range(1, int(3 * n / beat)):
        events += [StampedEvent(NoteOn(0, 60 + i % 9, 90), "keys", i * beat / 3 + 0.05 * (i % 5 - 2))]
        events += [StampedEvent(NoteOff(0, 60 + i % 9), "keys", (i + 0.8) * beat / 3)]
    frames = []
    for k in range(n):
        state = advance(state, k, [event for event in events if k - 1 <= event.position < k])[0]
        frames.append(state.timeline.at(k).planned)
    attacks = onsets(np.array([each.frame for each in frames]))
    attacks[:150], attacks[:, Voice.P1] = False, False
    of, voice = np.nonzero(attacks)
    sounds = of + np.array([each.onset_offset for each in frames])[of, voice]
    points = beat / 3 * np.arange(3 * n / beat + 3)
    misses = np.abs(sounds[:, None] - points).min(1)
    near = misses[misses < 1.0]
    assert len(near) > 50
    assert np.percentile(near, 99) * 1000 / FRAME_RATE_HZ < 2.0


def test_what_is_within_reach_is_the_same_frame_by_frame_and_many_at_once() -> None:
    at_once = groove(bpm=97.0, swing=0.4).reach(0, 90)
    of = groove(bpm=97.0, swing=0.4)
    assert [of.reach(frame, 1)[0] for frame in range(90)] == at_once
