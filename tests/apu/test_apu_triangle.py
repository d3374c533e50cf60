"""https://www.nesdev.org/wiki/APU_Triangle."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livegen.apu.length_counter import enable_length
from livegen.apu.triangle import (
    TRIANGLE,
    advance_triangle,
    clock_linear_counter,
    triangle_output,
    triangle_runs,
    write_triangle,
)


def triangle_of(timer_period: int, linear: int = 0xFF) -> np.void:
    triangle = np.zeros(1, TRIANGLE)[0]
    enable_length(triangle["length"], True)
    write_triangle(triangle, 0, linear)
    write_triangle(triangle, 2, timer_period & 255)
    write_triangle(triangle, 3, timer_period >> 8)
    clock_linear_counter(triangle)
    return triangle


def test_each_step_lasts_t_plus_one_cycles() -> None:
    triangle = triangle_of(6)
    triangle["next_clock"] = 7
    heard = []
    for cycle in range(64 * 7):
        advance_triangle(triangle, cycle + 1)
        heard.append(triangle_output(triangle))
    steps = np.array(heard).reshape(64, 7)
    assert (steps == steps[:, :1]).all()
    assert steps[:, 0].tolist() == [*range(15, -1, -1), *range(16)] * 2


@pytest.mark.parametrize("gate", ["length", "linear", "ultrasonic"])
def test_a_closed_gate_holds_the_level_while_the_timer_runs(gate: str) -> None:
    triangle = triangle_of(1 if gate == "ultrasonic" else 50)
    triangle["position"] = 5
    if gate == "length":
        enable_length(triangle["length"], False)
    if gate == "linear":
        triangle["linear_count"] = 0
    assert not triangle_runs(triangle)
    advance_triangle(triangle, 10_000)
    assert triangle_output(triangle) == 10
    assert 10_000 <= triangle["next_clock"] <= 10_050


@given(period=st.integers(2, 0x7FF), cuts=st.lists(st.integers(0, 49_999), max_size=20))
def test_a_jump_is_its_steps(period: int, cuts: list[int]) -> None:
    jumped, stepped = triangle_of(period), triangle_of(period)
    advance_triangle(jumped, 50_000)
    for cycle in [*sorted(cuts), 50_000]:
        advance_triangle(stepped, cycle)
    assert jumped == stepped


def test_the_linear_counter_counts_quarter_frames_from_its_reload() -> None:
    triangle = triangle_of(50, linear=3)
    counts = []
    for _ in range(5):
        counts.append(int(triangle["linear_count"]))
        clock_linear_counter(triangle)
    assert counts == [3, 2, 1, 0, 0]


def test_the_control_bit_keeps_reloading() -> None:
    triangle = triangle_of(50, linear=0x80 | 3)
    for _ in range(5):
        clock_linear_counter(triangle)
    assert triangle["linear_count"] == 3
    write_triangle(triangle, 0, 9)  # the reload flag is still set, and taken once more
    clock_linear_counter(triangle)
    clock_linear_counter(triangle)
    assert triangle["linear_count"] == 8
