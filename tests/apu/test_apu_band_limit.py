import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livegen.apu.band_limit import (
    BAND_LIMIT,
    LATENCY_SAMPLES,
    LEVEL_UNITS,
    N_PHASES,
    N_TAPS,
    POSITION_BITS,
    STEP_DIFFERENCES,
    TAP_UNITS,
    add_binned_step,
    add_step,
    close_bins,
    drop_samples,
    open_bins,
    sample_to_cycle_of,
    samples_per_cycle,
    sum_steps,
)


def band_limit_of(cpu_clock_hz: float, sample_rate: float) -> np.void:
    band_limit = np.zeros(1, BAND_LIMIT)[0]
    band_limit["samples_per_cycle"] = samples_per_cycle(cpu_clock_hz, sample_rate)
    return band_limit


def test_every_phase_is_a_whole_step() -> None:
    assert (STEP_DIFFERENCES.sum(axis=1) == TAP_UNITS).all()
    assert (np.rint(STEP_DIFFERENCES) == STEP_DIFFERENCES).all()
    assert (STEP_DIFFERENCES[N_PHASES:, 1:] == STEP_DIFFERENCES[:2, :-1]).all()
    assert (STEP_DIFFERENCES[:2, -1] == 0).all()


@given(cycle=st.integers(0, 20_000))
def test_a_step_ends_on_its_level_and_has_its_middle_at_its_time(cycle: int) -> None:
    band_limit = band_limit_of(1_789_773, 48_000)
    add_step(band_limit, cycle, LEVEL_UNITS)
    samples = band_limit["differences"][:1000].copy()
    sum_steps(band_limit, samples)
    position = cycle * 48_000 / 1_789_773 + LATENCY_SAMPLES
    assert (samples[: max(int(position) - N_TAPS // 2, 0)] == 0).all()
    assert (samples[int(position) + N_TAPS // 2 + 1 :] == 1).all()
    centre = len(samples) - 0.5 - samples.sum()  # where an ideal step of the same area lies
    assert centre == pytest.approx(position, abs=2e-4)


@given(
    sample=st.integers(0, 1 << 42),
    sample_rate=st.sampled_from([8000, 44_100, 48_000, 192_000]),
    cpu_clock_hz=st.floats(5e5, 8e6),
)
def test_the_first_cycle_of_a_sample(sample: int, sample_rate: int, cpu_clock_hz: float) -> None:
    ratio = samples_per_cycle(cpu_clock_hz, sample_rate)
    cycle = sample_to_cycle_of(ratio, sample)
    assert (cycle - 1) * ratio < sample << POSITION_BITS <= cycle * ratio


def test_dropping_samples_keeps_the_rest() -> None:
    band_limit = band_limit_of(1_536_000, 48_000)
    add_step(band_limit, 32 * 50, 12_345)
    before = band_limit["differences"].copy()
    drop_samples(band_limit, 40, 90)
    assert band_limit["origin_sample"] == 40
    assert (band_limit["differences"][:50] == before[40:90]).all()
    assert not band_limit["differences"][50:].any()


@given(
    steps=st.lists(st.tuples(st.integers(0, 2000), st.integers(-LEVEL_UNITS, LEVEL_UNITS)), max_size=200),
    begin=st.integers(0, 5000),
)
def test_bins_give_the_very_same_samples(steps: list[tuple[int, int]], begin: int) -> None:
    direct, binned = band_limit_of(1_789_773, 48_000), band_limit_of(1_789_773, 48_000)
    end = min(open_bins(binned, begin), begin + 2001)
    for after, units in steps:
        if begin + after < end:
            add_step(direct, begin + after, units)
            add_binned_step(binned, begin + after, units)
    close_bins(binned, end)
    assert direct.tobytes() == binned.tobytes()
    assert end - begin > 1000
