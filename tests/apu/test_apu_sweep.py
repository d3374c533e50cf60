"""https://www.nesdev.org/wiki/APU_Sweep."""

import numpy as np
import pytest

from livegen.apu.sweep import SWEEP, clock_sweep, sweep_mutes, target_period, write_sweep


def sweep_of(value: int, ones_complement: bool = False) -> np.void:
    sweep = np.zeros(1, SWEEP)[0]
    sweep["ones_complement"] = ones_complement
    write_sweep(sweep, value)
    return sweep


@pytest.mark.parametrize(
    ("value", "ones_complement", "period", "target"),
    [
        (0x81, True, 100, 150),
        (0x81, False, 100, 150),
        (0x89, True, 100, 49),
        (0x89, False, 100, 50),
        (0x88, True, 100, 0),  # -101, clamped
        (0x88, False, 100, 0),
        (0x87, False, 1024, 1032),
    ],
)
def test_the_target(value: int, ones_complement: bool, period: int, target: int) -> None:
    assert target_period(sweep_of(value, ones_complement), period) == target


@pytest.mark.parametrize(
    ("value", "period", "mutes"),
    [
        (0x08, 7, True),
        (0x08, 8, False),
        (0x08, 0x7FF, False),
        (0x00, 0x400, True),  # not even enabled, but the target is 0x800
        (0x00, 0x3FF, False),
        (0x01, 0x556, True),
        (0x01, 0x555, False),
    ],
)
def test_it_mutes_even_when_disabled(value: int, period: int, mutes: bool) -> None:
    assert sweep_mutes(sweep_of(value), period) == mutes


def test_the_period_changes_every_p_plus_one_half_frames() -> None:
    sweep = sweep_of(0x80 | 2 << 4 | 1)
    periods, period = [], 100
    for _ in range(8):
        period = clock_sweep(sweep, period)
        periods.append(period)
    assert periods == [150, 150, 150, 225, 225, 225, 337, 337]


def test_a_write_reloads_the_divider_without_a_change_before_its_end() -> None:
    sweep = sweep_of(0x80 | 3 << 4 | 1)
    period = clock_sweep(sweep, 100)
    write_sweep(sweep, 0x80 | 1 << 4 | 1)
    assert [clock_sweep(sweep, period) for _ in range(3)] == [150, 150, 225]


@pytest.mark.parametrize("value", [0x08, 0x80, 0x02])
def test_a_sweep_that_is_disabled_or_has_no_shift_leaves_the_period(value: int) -> None:
    sweep = sweep_of(value)
    assert [clock_sweep(sweep, 200) for _ in range(5)] == [200] * 5
