"""https://www.nesdev.org/wiki/APU_Mixer."""

import itertools

import numpy as np
import pytest

from livegen.apu.mixer import (
    FILTERS,
    LINEAR,
    OTHERS_FACTOR,
    PULSES_FACTOR,
    WEIGHTS,
    amplitude,
    filter_samples,
    set_filters,
)


def pulses(mixer: int, p1: int, p2: int) -> float:
    return amplitude(mixer == LINEAR, PULSES_FACTOR, WEIGHTS[mixer, :2] @ (p1, p2))


def others(mixer: int, triangle: int, noise: int, dmc: int) -> float:
    return amplitude(mixer == LINEAR, OTHERS_FACTOR, WEIGHTS[mixer, 2:] @ (triangle, noise, dmc))


def test_the_non_linear_formulas() -> None:
    assert pulses(0, 0, 0) == others(0, 0, 0, 0) == 0
    for p1, p2 in itertools.product(range(16), repeat=2):
        if p1 + p2:
            assert pulses(0, p1, p2) == pytest.approx(95.88 / (8128 / (p1 + p2) + 100), rel=1e-12)
    for t, n, d in itertools.product(range(0, 16, 3), range(0, 16, 3), range(0, 128, 7)):
        if t + n + d:
            expected = 159.79 / (1 / (t / 8227 + n / 12241 + d / 22638) + 100)
            assert others(0, t, n, d) == pytest.approx(expected, rel=1e-12)


def test_the_linear_approximation() -> None:
    assert pulses(LINEAR, 15, 4) == pytest.approx(0.00752 * 19)
    assert others(LINEAR, 15, 7, 100) == pytest.approx(0.00851 * 15 + 0.00494 * 7 + 0.00335 * 100)


@pytest.mark.parametrize("sample_rate", [32_000, 44_100, 48_000, 96_000])
def test_the_filters_are_the_console_s(sample_rate: int) -> None:
    filters = np.zeros(1, FILTERS)[0]
    set_filters(filters, sample_rate)
    impulse = np.zeros(sample_rate)
    impulse[0] = 1.0
    filter_samples(filters, impulse)
    hz = np.arange(sample_rate // 2 + 1, dtype=float)
    ideal = 1 / (1 + 1j * hz / 14_000)
    for cutoff in (90, 440):
        ideal = ideal * (1j * hz / cutoff) / (1 + 1j * hz / cutoff)
    heard = np.abs(np.fft.rfft(impulse))
    audible = slice(20, min(20_000, sample_rate // 2))
    decibels = 20 * np.log10(heard[audible] / np.abs(ideal[audible]))
    assert np.abs(decibels).max() < 0.25
