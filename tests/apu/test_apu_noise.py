"""https://www.nesdev.org/wiki/APU_Noise."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livegen.apu.noise import (
    MAX_STRIDE,
    NOISE,
    advance_noise,
    clocks_to_edge,
    noise_output,
    noise_period_cycles,
    step_shift_register,
    write_noise,
)
from livegen.apu.tables import NOISE_TAPS

registers = st.integers(1, 0x7FFF)
modes = st.integers(0, 1)


def clocked(register: int, mode: int) -> int:
    """One clock, word for word as the page has it."""
    feedback = (register & 1) ^ ((register >> (6 if mode else 1)) & 1)
    return (register >> 1) | (feedback << 14)


def noise_of(register: int, mode: int, period_index: int = 0, region: int = 0) -> np.void:
    noise = np.zeros(1, NOISE)[0]
    noise["region"], noise["shift_register"] = region, register
    write_noise(noise, 2, mode << 7 | period_index)
    return noise


@given(register=registers, mode=modes, clocks=st.integers(1, MAX_STRIDE))
def test_a_stride_is_its_clocks(register: int, mode: int, clocks: int) -> None:
    expected = register
    for _ in range(clocks):
        expected = clocked(expected, mode)
    assert step_shift_register(register, int(NOISE_TAPS[mode]), clocks) == expected


@given(register=registers, mode=modes)
def test_the_next_edge_is_where_the_output_changes(register: int, mode: int) -> None:
    clocks, after = 0, register
    while clocks < MAX_STRIDE and after & 1 == register & 1:
        after = clocked(after, mode)
        clocks += 1
    assert clocks_to_edge(register) == clocks


@given(register=registers, mode=modes, clocks=st.integers(0, 3000))
def test_a_jump_is_its_clocks(register: int, mode: int, clocks: int) -> None:
    noise, expected = noise_of(register, mode), register
    advance_noise(noise, 4 * clocks)
    for _ in range(clocks):
        expected = clocked(expected, mode)
    assert (noise["shift_register"], noise["next_clock"]) == (expected, 4 * clocks)


@pytest.mark.parametrize(("mode", "register", "length"), [(0, 1, 32_767), (1, 1, 93), (1, 0b11100110111, 31)])
def test_the_sequence_comes_round(mode: int, register: int, length: int) -> None:
    noise = noise_of(register, mode)
    seen = []
    for clock in range(1, length + 1):
        advance_noise(noise, 4 * clock)
        seen.append(int(noise["shift_register"]))
    assert seen[-1] == register
    assert register not in seen[:-1]


def test_bit_0_mutes() -> None:
    assert noise_output(noise_of(1, 0)) == 0
    assert noise_output(noise_of(2, 0)) == 1


@pytest.mark.parametrize(("region", "slowest"), [(0, 4068), (1, 3778)])
def test_the_periods_are_the_region_s(region: int, slowest: int) -> None:
    assert noise_period_cycles(noise_of(1, 0, 0, region)) == 4
    assert noise_period_cycles(noise_of(1, 0, 15, region)) == slowest
