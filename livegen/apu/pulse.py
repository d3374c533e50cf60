"""Pulse voice, https://www.nesdev.org/wiki/APU_Pulse.

Times are absolute CPU cycles. The timer is not counted down: `next_clock` is the cycle at which it next
advances the sequence, and a time without audible edges takes one step.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.apu.envelope import ENVELOPE, clock_envelope, envelope_volume, write_envelope
from livegen.apu.length_counter import LENGTH_COUNTER, clock_length, load_length
from livegen.apu.sweep import SWEEP, clock_sweep, sweep_mutes, write_sweep
from livegen.apu.tables import DUTY_SEQUENCE
from livegen.system.kernels import kernel

PULSE: Final = np.dtype(
    [
        ("envelope", ENVELOPE),
        ("length", LENGTH_COUNTER),
        ("sweep", SWEEP),
        ("duty", np.int64),
        ("position", np.int64),
        ("timer_period", np.int64),
        ("next_clock", np.int64),
    ],
    align=True,
)


def _steps_to_edge() -> NDArray[np.int64]:
    steps = np.zeros_like(DUTY_SEQUENCE)
    for duty, sequence in enumerate(DUTY_SEQUENCE):
        for position in range(8):
            ahead = np.roll(sequence, -position)
            steps[duty, position] = np.flatnonzero(ahead != ahead[0])[0]
    return steps


STEPS_TO_EDGE: Final = _steps_to_edge()
"""Clocks of the sequence until the output changes, by duty and position."""


@kernel
def write_pulse(pulse: np.record, register: int, value: int) -> None:
    """Take a write to one of the voice's registers, 0..3."""
    if register == 0:
        pulse.duty = value >> 6
        pulse.length.halt = (value & 0x20) != 0
        write_envelope(pulse.envelope, value)
    elif register == 1:
        write_sweep(pulse.sweep, value)
    elif register == 2:
        pulse.timer_period = (pulse.timer_period & 0x700) | value
    else:
        pulse.timer_period = (pulse.timer_period & 0xFF) | ((value & 7) << 8)
        load_length(pulse.length, value)
        pulse.envelope.start = True
        pulse.position = 0  # the sequence restarts, the timer runs on


@kernel
def clock_pulse_quarter(pulse: np.record) -> None:
    """Advance by a quarter frame."""
    clock_envelope(pulse.envelope)


@kernel
def clock_pulse_half(pulse: np.record) -> None:
    """Advance by a half frame."""
    clock_length(pulse.length)
    pulse.timer_period = clock_sweep(pulse.sweep, pulse.timer_period)


@kernel
def pulse_volume(pulse: np.record) -> int:
    """Return the level of the high part of the wave, 0..15; 0 where length counter or sweep mute it."""
    if pulse.length.count == 0 or sweep_mutes(pulse.sweep, pulse.timer_period):
        return 0
    return envelope_volume(pulse.envelope)


@kernel
def pulse_output(pulse: np.record) -> int:
    """Return the sequence's output now, 0 or 1."""
    return DUTY_SEQUENCE[pulse.duty, pulse.position]


@kernel
def next_pulse_edge(pulse: np.record) -> int:
    """Return the cycle at which the output next changes."""
    return pulse.next_clock + (STEPS_TO_EDGE[pulse.duty, pulse.position] - 1) * 2 * (pulse.timer_period + 1)


@kernel
def advance_pulse(pulse: np.record, end: int) -> None:
    """Advance the sequence by all clocks before the cycle `end`."""
    if pulse.next_clock < end:
        period = 2 * (pulse.timer_period + 1)
        clocks = (end - 1 - pulse.next_clock) // period + 1
        pulse.position = (pulse.position + clocks) & 7
        pulse.next_clock += clocks * period
