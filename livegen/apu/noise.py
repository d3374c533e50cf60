"""Noise voice, https://www.nesdev.org/wiki/APU_Noise.

Times are absolute CPU cycles; `next_clock` is the cycle of the timer's next clock. The shift register moves
right, so its lower bits already hold the next outputs. So an audible noise is computed from edge to edge, and a silent
one jumps ahead by powers of two clocks.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.apu.envelope import ENVELOPE, envelope_volume, write_envelope
from livegen.apu.length_counter import LENGTH_COUNTER, load_length
from livegen.apu.tables import NOISE_PERIODS, NOISE_TAPS
from livegen.system.kernels import kernel

NOISE: Final = np.dtype(
    [
        ("envelope", ENVELOPE),
        ("length", LENGTH_COUNTER),
        ("region", np.int64),  # row of NOISE_PERIODS
        ("mode", np.int64),
        ("period_index", np.int64),
        ("shift_register", np.int64),
        ("next_clock", np.int64),
    ],
    align=True,
)

POWER_UP_SHIFT_REGISTER: Final = 1

MAX_STRIDE: Final = 8
"""Largest number of clocks that `step_shift_register` takes at once.

In mode 1 the feedback of the tenth clock would depend on that of the first.
"""

_N_JUMPS: Final = 16  # jumps of 1, 2, 4, ... 32768 clocks


def _clocks_to_edge() -> NDArray[np.int64]:
    differs = np.arange(1 << MAX_STRIDE)
    lowest_bit = differs & -differs
    return np.where(differs == 0, MAX_STRIDE, np.log2(np.maximum(lowest_bit, 1)).astype(np.int64) + 1)


def _jumps() -> NDArray[np.int64]:
    """Return, for each mode and power of two, the register after that many clocks, by its lower 8 and upper 7 bits.

    The register is linear over GF(2): after n clocks it is the exclusive or of what each of its bits becomes alone.
    """
    jumps = np.zeros((len(NOISE_TAPS), _N_JUMPS, 2, 256), np.int64)
    values = np.arange(256)
    registers = np.stack([values, (values & 127) << 8])
    for mode, tap in enumerate(NOISE_TAPS):
        feedback = (registers ^ (registers >> tap)) & 1
        jumps[mode, 0] = (registers >> 1) | (feedback << 14)
        for power in range(1, _N_JUMPS):
            half = jumps[mode, power - 1]
            jumps[mode, power] = half[0, half & 255] ^ half[1, half >> 8]
    return jumps


CLOCKS_TO_EDGE: Final = _clocks_to_edge()
"""Clocks until bit 0 changes, by the lower bits of the exclusive or of the register and the register shifted by one."""

JUMPS: Final = _jumps()


@kernel
def write_noise(noise: np.record, register: int, value: int) -> None:
    """Take a write to one of the voice's registers, 0..3."""
    if register == 0:
        noise.length.halt = (value & 0x20) != 0
        write_envelope(noise.envelope, value)
    elif register == 2:
        noise.mode = value >> 7
        noise.period_index = value & 0x0F
    elif register == 3:
        load_length(noise.length, value)
        noise.envelope.start = True


@kernel
def noise_volume(noise: np.record) -> int:
    """Return the level of the high parts of the wave, 0..15."""
    return 0 if noise.length.count == 0 else envelope_volume(noise.envelope)


@kernel
def noise_output(noise: np.record) -> int:
    """Return the output now, 0 or 1."""
    return 1 - (noise.shift_register & 1)


@kernel
def noise_period_cycles(noise: np.record) -> int:
    """Return the CPU cycles between two clocks."""
    return NOISE_PERIODS[noise.region, noise.period_index]


@kernel
def clocks_to_edge(shift_register: int) -> int:
    """Return the clocks until bit 0 changes, at most `MAX_STRIDE`."""
    return CLOCKS_TO_EDGE[(shift_register ^ (shift_register >> 1)) & ((1 << MAX_STRIDE) - 1)]


@kernel
def step_shift_register(shift_register: int, tap: int, clocks: int) -> int:
    """Return the register after 1..`MAX_STRIDE` clocks."""
    feedback = (shift_register ^ (shift_register >> tap)) & ((1 << clocks) - 1)
    return (shift_register >> clocks) | (feedback << (15 - clocks))


@kernel
def advance_noise(noise: np.record, end: int) -> None:
    """Advance by all clocks before the cycle `end`, at most 65,535 of them."""
    if noise.next_clock < end:
        period = noise_period_cycles(noise)
        clocks = (end - 1 - noise.next_clock) // period + 1
        noise.next_clock += clocks * period
        register = noise.shift_register
        for power in range(_N_JUMPS):
            if clocks >> power & 1:
                register = JUMPS[noise.mode, power, 0, register & 255] ^ JUMPS[noise.mode, power, 1, register >> 8]
        noise.shift_register = register
