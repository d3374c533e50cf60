"""Frame counter, https://www.nesdev.org/wiki/APU_Frame_Counter.

It clocks envelopes and linear counter four times a sequence (quarter frames), length counters and sweeps
twice (half frames). Times are absolute CPU cycles. Its interrupt is left out: there is no CPU here to receive it.
"""

from typing import Final

import numpy as np

from livegen.apu.tables import FRAME_LOOPS, FRAME_STEPS
from livegen.system.kernels import kernel

FRAME_COUNTER: Final = np.dtype(
    [
        ("region", np.int64),  # first index of FRAME_STEPS
        ("mode", np.int64),  # 0: four steps, 1: five
        ("next_clock", np.int64),  # index of the next one of a sequence's four clocks
        ("sequence_start", np.int64),
        ("reset_pending", np.bool_),
        ("reset_mode", np.int64),
        ("reset_cycle", np.int64),
    ],
    align=True,
)

QUARTER_FRAME: Final = 1
HALF_FRAME: Final = 2

RESET_CYCLES: Final = 4
"""Number of cycles after which a write to $4017 is certainly in effect, whether its cycle was even or odd."""

_N_CLOCKS: Final = 4


@kernel
def write_frame_counter(frame_counter: np.record, cycle: int, value: int) -> None:
    """Take $4017; it takes effect 3 or 4 cycles after the CPU's write, in an odd cycle.

    `cycle` is the first cycle that finds the register written; the CPU wrote in the cycle before. So the write takes
    effect 3 cycles after an even `cycle` and 2 cycles after an odd one.
    """
    frame_counter.reset_pending = True
    frame_counter.reset_mode = (value >> 7) & 1
    frame_counter.reset_cycle = cycle + 3 - (cycle & 1)


@kernel
def frame_counter_due(frame_counter: np.record) -> int:
    """Return the cycle at which the counter next does something."""
    due = _next_step(frame_counter)
    return min(due, frame_counter.reset_cycle) if frame_counter.reset_pending else due


@kernel
def due_clocks(frame_counter: np.record) -> int:
    """Return what is clocked at the cycle that is due: the bitwise or of `QUARTER_FRAME` and `HALF_FRAME`, or 0.

    A step and a reset may fall on the same cycle; two quarter frames at once count as one.
    """
    due, clocks = frame_counter_due(frame_counter), 0
    if _next_step(frame_counter) == due:
        clocks = (QUARTER_FRAME | HALF_FRAME) if frame_counter.next_clock % 2 == 1 else QUARTER_FRAME
    if frame_counter.reset_pending and frame_counter.reset_cycle == due and frame_counter.reset_mode == 1:
        clocks = QUARTER_FRAME | HALF_FRAME
    return clocks


@kernel
def clock_frame_counter(frame_counter: np.record) -> int:
    """Do what is due, and return what it clocks, as `due_clocks` returns it."""
    clocks = due_clocks(frame_counter)
    if frame_counter.reset_pending and frame_counter.reset_cycle <= _next_step(frame_counter):
        frame_counter.reset_pending = False
        frame_counter.mode = frame_counter.reset_mode
        frame_counter.sequence_start = frame_counter.reset_cycle
        frame_counter.next_clock = 0
    else:
        frame_counter.next_clock += 1
        if frame_counter.next_clock == _N_CLOCKS:
            frame_counter.next_clock = 0
            frame_counter.sequence_start += FRAME_LOOPS[frame_counter.region, frame_counter.mode]
    return clocks


@kernel
def _next_step(frame_counter: np.record) -> int:
    steps = FRAME_STEPS[frame_counter.region, frame_counter.mode]
    return frame_counter.sequence_start + steps[frame_counter.next_clock]
