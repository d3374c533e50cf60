"""Frame counter, https://www.nesdev.org/wiki/APU_Frame_Counter.

It clocks envelopes and linear counter four times a sequence (quarter frames), length counters and sweeps
twice (half frames). Times are absolute CPU cycles. Its interrupt is left out: nothing here could take it.
"""

from typing import Final

import numpy as np

from livegen.apu.tables import FRAME_LOOPS, FRAME_STEPS
from livegen.kernels import kernel

FRAME_COUNTER: Final = np.dtype(
    [
        ("region", np.int64),  # first index of FRAME_STEPS
        ("mode", np.int64),  # 0: four steps, 1: five
        ("next_clock", np.int64),  # of the four of a sequence
        ("sequence_start", np.int64),
        ("reset_pending", np.bool_),
        ("reset_mode", np.int64),
        ("reset_cycle", np.int64),
    ],
    align=True,
)

QUARTER_FRAME: Final = 1
HALF_FRAME: Final = 2

_N_CLOCKS: Final = 4


@kernel
def write_frame_counter(frame_counter: np.record, cycle: int, value: int) -> None:
    """Take $4017; it takes effect 3 cycles after a write in an even CPU cycle, 4 after one in an odd cycle."""
    frame_counter.reset_pending = True
    frame_counter.reset_mode = (value >> 7) & 1
    frame_counter.reset_cycle = cycle + 3 + (cycle & 1)


@kernel
def frame_counter_due(frame_counter: np.record) -> int:
    """Return the cycle at which the counter next does something."""
    steps = FRAME_STEPS[frame_counter.region, frame_counter.mode]
    due = frame_counter.sequence_start + steps[frame_counter.next_clock]
    return min(due, frame_counter.reset_cycle) if frame_counter.reset_pending else due


@kernel
def clock_frame_counter(frame_counter: np.record) -> int:
    """Do what is due, and return what it clocks: an or of `QUARTER_FRAME` and `HALF_FRAME`, or 0."""
    if frame_counter.reset_pending and frame_counter.reset_cycle == frame_counter_due(frame_counter):
        frame_counter.reset_pending = False
        frame_counter.mode = frame_counter.reset_mode
        frame_counter.sequence_start = frame_counter.reset_cycle
        frame_counter.next_clock = 0
        return (QUARTER_FRAME | HALF_FRAME) if frame_counter.mode == 1 else 0
    clocks = QUARTER_FRAME | (HALF_FRAME if frame_counter.next_clock % 2 == 1 else 0)
    frame_counter.next_clock += 1
    if frame_counter.next_clock == _N_CLOCKS:
        frame_counter.next_clock = 0
        frame_counter.sequence_start += FRAME_LOOPS[frame_counter.region, frame_counter.mode]
    return clocks
