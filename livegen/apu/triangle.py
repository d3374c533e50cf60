"""Triangle voice with its linear counter, https://www.nesdev.org/wiki/APU_Triangle.

Times are absolute CPU cycles; `next_clock` is the cycle of the timer's next clock. The timer never stops. The
sequence stops, and holds its level, while length or linear counter is 0, and at timer periods 0 and 1: those are
ultrasonic (27.9 kHz and more), and a stopped sequence makes neither an alias nor a click.
"""

from typing import Final

import numpy as np

from livegen.apu.length_counter import LENGTH_COUNTER, load_length
from livegen.apu.tables import TRIANGLE_SEQUENCE
from livegen.system.kernels import kernel

TRIANGLE: Final = np.dtype(
    [
        ("length", LENGTH_COUNTER),
        ("linear_count", np.int64),
        ("linear_reload", np.int64),
        ("control", np.bool_),
        ("reload", np.bool_),
        ("position", np.int64),
        ("timer_period", np.int64),
        ("next_clock", np.int64),
    ],
    align=True,
)

POWER_UP_POSITION: Final = 31
"""Position in the sequence at power-up: level 15, as in a console. The first clock begins the sequence.

Tried and rejected: a voice at level 0 until it first runs. The step that it then takes is audible, and in the quiet
bands of a soft triangle it measures 10 dB over the reference.
"""

LOWEST_TIMER_PERIOD: Final = 2


@kernel
def write_triangle(triangle: np.record, register: int, value: int) -> None:
    """Take a write to one of the voice's registers, 0..3."""
    if register == 0:
        triangle.control = (value & 0x80) != 0
        triangle.length.halt = triangle.control
        triangle.linear_reload = value & 0x7F
    elif register == 2:
        triangle.timer_period = (triangle.timer_period & 0x700) | value
    elif register == 3:
        triangle.timer_period = (triangle.timer_period & 0xFF) | ((value & 7) << 8)
        load_length(triangle.length, value)
        triangle.reload = True


@kernel
def clock_linear_counter(triangle: np.record) -> None:
    """Advance by a quarter frame."""
    if triangle.reload:
        triangle.linear_count = triangle.linear_reload
    elif triangle.linear_count > 0:
        triangle.linear_count -= 1
    if not triangle.control:
        triangle.reload = False


@kernel
def triangle_runs(triangle: np.record) -> bool:
    """Tell whether the timer moves the sequence."""
    return triangle.length.count > 0 and triangle.linear_count > 0 and triangle.timer_period >= LOWEST_TIMER_PERIOD


@kernel
def triangle_output(triangle: np.record) -> int:
    """Return the level now, 0..15."""
    return TRIANGLE_SEQUENCE[triangle.position]


@kernel
def advance_triangle(triangle: np.record, end: int) -> None:
    """Advance the timer, and the sequence if it moves, by all clocks before the cycle `end`."""
    if triangle.next_clock < end:
        period = triangle.timer_period + 1
        clocks = (end - 1 - triangle.next_clock) // period + 1
        triangle.next_clock += clocks * period
        if triangle_runs(triangle):
            triangle.position = (triangle.position + clocks) & 31
