import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livegen.beat import Beat, clarity, coherence, estimate_beat, follow_beat, possible_beats


def _distance(phase: float, other: float) -> float:
    return abs((phase - other + 0.5) % 1.0 - 0.5)


@given(st.sampled_from([20, 24, 28, 32, 36, 40]), st.floats(0, 1), st.integers(0, 2**32 - 1))
def test_the_beat_of_a_rhythm_is_found(ticks, phase, seed):
    period = ticks * 0.4
    generator = np.random.default_rng(seed)
    quarters = np.sort(generator.choice(400, 160, replace=False))
    quarters = np.union1d(quarters, np.arange(0, 400, 4))  # something on every beat
    times = np.floor((quarters / 4 + 1.0 - phase) * period)
    beat = estimate_beat(times)
    assert beat is not None
    assert beat.period_frames in (*(pytest.approx(factor * period, rel=2e-3) for factor in (1, 2, 0.5)),)
    if beat.period_frames == pytest.approx(period, rel=2e-3):
        # Onsets fall in the frame before: they are half a frame early in the mean.
        assert _distance(beat.phase, phase + 0.5 / period) < 0.1


def test_no_beat_is_found_where_there_is_none():
    assert estimate_beat(np.arange(10) * 12.0) is None
    assert estimate_beat(np.sort(np.random.default_rng(0).uniform(0, 4000, 800))) is None


def test_a_beat_goes_on():
    beat = Beat(12.0, 0.25)
    assert beat.after(12).phase == pytest.approx(0.25)
    assert beat.after(-3).phase == pytest.approx(0.0, abs=1e-9)


def test_onsets_on_a_grid_are_coherent():
    assert abs(coherence(np.arange(40) * 6.0, 12.0, 2)) == pytest.approx(1.0)
    assert abs(coherence(np.arange(40) * 6.0, 12.0, 1)) == pytest.approx(0.0, abs=1e-9)


@given(st.floats(75, 190), st.floats(0, 8), st.integers(0, 2**32 - 1))
def test_a_performer_s_beat_is_any_period_and_is_found_within_half_a_percent(bpm, first, seed):
    period = 1440 / bpm
    generator = np.random.default_rng(seed)
    eighths = np.union1d(np.arange(0, 16), generator.choice(32, 8, replace=False))  # some syncopation, no gap
    times = first + eighths[eighths * period / 2 < 192] * period / 2
    beat = follow_beat(times)
    assert beat is not None
    assert beat.period_frames in (*(pytest.approx(factor * period, rel=5e-3) for factor in (0.5, 1, 2)),)
    on_grid = (beat.phase + times / beat.period_frames) * 4
    assert abs(on_grid - np.round(on_grid)).max() < 0.1


def test_steady_eighths_are_no_quarters_of_twice_the_tempo():
    for bpm in (90, 120, 160):
        beat = follow_beat(np.arange(18) * 720 / bpm)
        assert beat.period_frames == pytest.approx(1440 / bpm, rel=1e-3)
        assert _distance(beat.phase, 0.0) < 0.01  # who begins, begins on the beat


@pytest.mark.parametrize("bpm", [90, 100, 120])
def test_a_shuffle_is_followed_and_kept(bpm):
    period = 1440 / bpm
    times = np.union1d(np.arange(14), np.arange(14) + 2 / 3) * period
    for current in (None, Beat(2 / 3 * period, 0.3)):  # the first few notes may have been taken for something else
        beat = follow_beat(times, current)
        assert beat.period_frames == pytest.approx(period, rel=2e-3)
        assert _distance(beat.phase, 0.0) < 0.01
    quarters = np.union1d(times, np.arange(14, 19) * period)
    kept = follow_beat(quarters, beat)
    assert kept.period_frames == pytest.approx(period, rel=2e-3)
    assert _distance(kept.phase, 0.0) < 0.01


def test_what_is_followed_is_kept_until_something_else_fits_much_better():
    times = np.arange(-180, 0, 8.0)  # eighths at 90, or quarters at 180
    assert follow_beat(times, Beat(8.0, 0.0)).period_frames == pytest.approx(8.0, rel=1e-3)
    assert follow_beat(times, Beat(13.0, 0.0)).period_frames == pytest.approx(16.0, rel=1e-3)
    for phase in (0.25, 0.75):  # steady eighths say no more than that
        assert _distance(follow_beat(times, Beat(16.0, phase + 0.1)).phase, phase) < 0.01


@pytest.mark.parametrize("quarter", [0, 1, 2, 3])
def test_steady_sixteenths_leave_the_beat_where_it_is_and_accents_move_it(quarter):
    phase, period = 0.4, 11.2
    for seed in range(20):
        generator = np.random.default_rng(seed)
        sixteenths = np.arange(-60, 1)[generator.random(61) < 0.8]  # some are missing, and which they are tells nothing
        times = np.round((sixteenths / 4 - phase) * period)
        times -= times[-1]
        beat = follow_beat(times, Beat(period, 0.05 + quarter / 4))
        expected = follow_beat(times, Beat(period, 0.05)).phase + quarter / 4
        assert _distance(beat.phase, expected) < 0.01
    accents = np.union1d(np.arange(-15, 1), [-10.25, -6.75, -2.5])
    times = (accents - phase) * period
    beat = follow_beat(times - times[-1], Beat(period, quarter / 4))
    assert _distance(beat.phase, 0.0) < 0.02


def test_a_steady_performer_is_heard_for_longer_and_the_beat_wanders_less():
    generator = np.random.default_rng(0)

    def wandering(n_seconds: float) -> float:
        phases = []
        for _ in range(100):
            exact = np.arange(-24 * n_seconds, 0.5, 6.0)  # eighths at 120
            beat = follow_beat(np.round(exact + generator.normal(0, 0.4, len(exact))), Beat(12.0, 0.0))
            phases.append(_distance(2 * beat.phase, 0.0))
        return float(np.mean(phases))

    assert wandering(24.0) < 0.75 * wandering(8.0)


@pytest.mark.parametrize("bpm", [90, 112, 124, 150])
def test_who_changes_the_tempo_is_followed_by_what_was_played_since(bpm):
    before, period = np.arange(-576.0, -190.0, 6.0), 1440 / bpm
    after = np.arange(before[-1] + period / 2, 0.0, period / 2)
    beat, alone = (follow_beat(times, Beat(period, 0.0)) for times in (np.union1d(before, after), after))
    assert beat.period_frames == pytest.approx(alone.period_frames, rel=2e-3)
    assert _distance(beat.phase, alone.phase) < 0.005


def test_a_few_onsets_tell_no_beat():
    steady = np.arange(11) * 6.0
    assert follow_beat(steady[:5]) is None
    assert follow_beat(steady[:6]).period_frames == pytest.approx(12.0, rel=1e-3)
    assert follow_beat(steady, Beat(20.0, 0.0)) is None  # one that is followed is not left for as few
    assert follow_beat([]) is None


@pytest.mark.parametrize(("n_onsets", "share"), [(6, 0.3), (12, 0.1), (20, 0.04), (40, 0.0)])
def test_onsets_at_random_are_seldom_taken_for_a_beat_and_many_of_them_never(n_onsets, share):
    rng, n_draws = np.random.default_rng(0), 200
    found = [follow_beat(np.sort(rng.uniform(-190, 0, n_onsets))) is not None for _ in range(n_draws)]
    assert sum(found) <= share * n_draws


@given(st.floats(60, 200), st.floats(0, 100), st.integers(0, 2**32 - 1))
def test_the_tempo_of_exact_onsets_is_among_the_possible_ones(bpm, first, seed):
    generator = np.random.default_rng(seed)
    sixteenths = np.union1d(np.arange(0, 256, 4), generator.choice(256, 120, replace=False))
    times = np.round((first + sixteenths / 4 * 1440 / bpm) * 1837.5) / 1837.5  # to the sample, as files have them
    beats = possible_beats(np.sort(np.append(times, times[::3])))
    beat = min(beats, key=lambda beat: abs(1440 / beat.period_frames - bpm))
    assert 1440 / beat.period_frames == pytest.approx(bpm, rel=1e-5)
    assert clarity(times, beat) > 0.99
    on_grid = (beat.phase + times / beat.period_frames) * 4
    assert abs(on_grid - np.round(on_grid)).max() < 0.01
    assert all(58 <= 1440 / beat.period_frames <= 207 for beat in beats)


def test_a_beat_in_thirds_is_possible_and_clear():
    times = np.union1d(np.arange(0, 60, 1), np.arange(0, 60, 1) + 2 / 3) * 1440 / 110
    beat = min(possible_beats(times), key=lambda beat: abs(1440 / beat.period_frames - 110))
    assert beat.period_frames == pytest.approx(1440 / 110, rel=1e-6)
    assert clarity(times, beat) > 0.99


def test_a_beat_begins_where_most_voices_do():
    beats = np.arange(64) * 0.25  # of a voice in sixteenths, and of three with each third one of four
    times = np.sort(np.concatenate([beats, *[np.arange(16) + 0.5] * 3])) * 12.0
    beat = min(possible_beats(times), key=lambda beat: abs(beat.period_frames - 12.0))
    assert _distance(beat.phase, 0.5) < 0.01


def test_few_onsets_have_no_beat():
    assert possible_beats([]) == []
    assert possible_beats(np.arange(7) * 12.0) == []
    assert possible_beats(np.zeros(100)) == []
