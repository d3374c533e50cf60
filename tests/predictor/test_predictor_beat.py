import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livegen.predictor.beat import Beat, beat_buckets, coherence, estimate_beat
from livegen.predictor.features import NO_BEAT


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


@given(st.floats(2.0, 100.0), st.floats(-5, 5), st.integers(1, 40))
def test_buckets_are_in_range_and_follow_the_frames(period, phase, n):
    beat = Beat(period, phase)
    buckets = beat_buckets(beat, n)
    assert buckets.shape == (n, 2)
    assert (buckets < NO_BEAT).all()
    one_by_one = [beat_buckets(Beat(period, phase + i / period))[0] for i in range(n)]
    turned = (buckets[:, 0].astype(int) - np.array(one_by_one)[:, 0] + 24) % 48 - 24
    assert (abs(turned) <= 1).all()  # rounding may decide at an edge
    assert (beat_buckets(None, n) == NO_BEAT).all()


def test_onsets_on_a_grid_are_coherent():
    assert abs(coherence(np.arange(40) * 6.0, 12.0, 2)) == pytest.approx(1.0)
    assert abs(coherence(np.arange(40) * 6.0, 12.0, 1)) == pytest.approx(0.0, abs=1e-9)
