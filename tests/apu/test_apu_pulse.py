"""https://www.nesdev.org/wiki/APU_Pulse."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livegen.apu.length_counter import enable_length
from livegen.apu.pulse import PULSE, advance_pulse, next_pulse_edge, pulse_output, pulse_volume, write_pulse

SEQUENCES = ["01000000", "01100000", "01111000", "10011111"]


def pulse_of(duty: int, timer_period: int, volume: int = 9) -> np.void:
    pulse = np.zeros(1, PULSE)[0]
    enable_length(pulse["length"], True)
    for register, value in enumerate((duty << 6 | 0x30 | volume, 0x08, timer_period & 255, timer_period >> 8)):
        write_pulse(pulse, register, value)
    return pulse


@pytest.mark.parametrize("duty", range(4))
def test_each_step_of_the_duty_lasts_t_plus_one_apu_cycles(duty: int) -> None:
    pulse = pulse_of(duty, 10)
    pulse["next_clock"] = 22
    heard = []
    for cycle in range(16 * 22):
        advance_pulse(pulse, cycle + 1)
        heard.append(pulse_output(pulse))
    steps = np.array(heard).reshape(16, 22)
    assert (steps == steps[:, :1]).all()
    assert "".join(map(str, steps[:, 0])) == SEQUENCES[duty] * 2


@given(duty=st.integers(0, 3), period=st.integers(8, 0x7FF), cuts=st.lists(st.integers(0, 99_999), max_size=20))
def test_a_jump_is_its_steps(duty: int, period: int, cuts: list[int]) -> None:
    jumped, stepped = pulse_of(duty, period), pulse_of(duty, period)
    advance_pulse(jumped, 100_000)
    for cycle in [*sorted(cuts), 100_000]:
        advance_pulse(stepped, cycle)
    assert jumped == stepped


@given(duty=st.integers(0, 3), period=st.integers(8, 0x7FF), start=st.integers(0, 60_000))
def test_the_next_edge_is_where_the_output_changes(duty: int, period: int, start: int) -> None:
    pulse = pulse_of(duty, period)
    advance_pulse(pulse, start)
    output, edge = pulse_output(pulse), next_pulse_edge(pulse)
    advance_pulse(pulse, edge)
    assert pulse_output(pulse) == output
    advance_pulse(pulse, edge + 1)
    assert pulse_output(pulse) == 1 - output


def test_the_fourth_register_restarts_the_sequence_and_not_the_timer() -> None:
    pulse = pulse_of(2, 100)
    advance_pulse(pulse, 1000)
    before = pulse["next_clock"]
    write_pulse(pulse, 3, 0x08)
    assert (pulse["position"], pulse["next_clock"]) == (0, before)
    assert pulse["envelope"]["start"]


def test_a_new_period_counts_from_the_next_clock() -> None:
    pulse = pulse_of(2, 100)
    advance_pulse(pulse, 1)
    assert pulse["next_clock"] == 202
    write_pulse(pulse, 2, 50)
    advance_pulse(pulse, 203)
    assert pulse["next_clock"] == 202 + 102


def test_the_first_register_moves_no_position() -> None:
    pulse = pulse_of(2, 100)
    advance_pulse(pulse, 700)
    position = pulse["position"]
    write_pulse(pulse, 0, 0xFF)
    assert pulse["position"] == position
    assert pulse_volume(pulse) == 15


def test_length_and_sweep_mute() -> None:
    assert pulse_volume(pulse_of(2, 8)) == 9
    assert pulse_volume(pulse_of(2, 7)) == 0
    pulse = pulse_of(2, 100)
    enable_length(pulse["length"], False)
    assert pulse_volume(pulse) == 0
