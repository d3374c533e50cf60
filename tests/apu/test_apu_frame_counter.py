"""https://www.nesdev.org/wiki/APU_Frame_Counter."""

import numpy as np
import pytest

from livegen.apu.frame_counter import (
    FRAME_COUNTER,
    HALF_FRAME,
    QUARTER_FRAME,
    clock_frame_counter,
    frame_counter_due,
    write_frame_counter,
)

Q, QH = QUARTER_FRAME, QUARTER_FRAME | HALF_FRAME


def counter_of(region: int) -> np.void:
    counter = np.zeros(1, FRAME_COUNTER)[0]
    counter["region"] = region
    return counter


def events(counter: np.void, n: int) -> list[tuple[int, int]]:
    return [(frame_counter_due(counter), clock_frame_counter(counter)) for _ in range(n)]


@pytest.mark.parametrize(
    ("region", "steps", "loop"), [(0, (7457, 14913, 22371, 29829), 29830), (1, (8313, 16627, 24939, 33253), 33254)]
)
def test_four_steps(region: int, steps: tuple[int, ...], loop: int) -> None:
    expected = [(turn * loop + step, (Q, QH)[i % 2]) for turn in range(3) for i, step in enumerate(steps)]
    assert events(counter_of(region), 12) == expected


@pytest.mark.parametrize(
    ("region", "steps", "loop"), [(0, (7457, 14913, 22371, 37281), 37282), (1, (8313, 16627, 24939, 41565), 41566)]
)
def test_five_steps_clock_at_once_and_leave_out_the_fourth(region: int, steps: tuple[int, ...], loop: int) -> None:
    counter = counter_of(region)
    write_frame_counter(counter, 1000, 0x80)
    expected = [(1003 + turn * loop + step, (Q, QH)[i % 2]) for turn in range(2) for i, step in enumerate(steps)]
    assert events(counter, 9) == [(1003, QH), *expected]


@pytest.mark.parametrize(("cycle", "reset"), [(20_000, 20_003), (20_001, 20_003)])
def test_a_write_resets_three_or_four_cycles_after_the_cpu_s_cycle(cycle: int, reset: int) -> None:
    counter = counter_of(0)
    assert events(counter, 2) == [(7457, Q), (14913, QH)]
    write_frame_counter(counter, cycle, 0x40)
    assert events(counter, 2) == [(reset, 0), (reset + 7457, Q)]


@pytest.mark.parametrize("value", [0x00, 0x80])
def test_a_reset_on_the_cycle_of_a_step_loses_no_clock(value: int) -> None:
    counter = counter_of(0)
    assert events(counter, 1) == [(7457, Q)]
    write_frame_counter(counter, 14913 - 2, value)
    assert events(counter, 2) == [(14913, QH), (14913 + 7457, Q)]
