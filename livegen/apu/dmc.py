"""Delta modulation channel, https://www.nesdev.org/wiki/APU_DMC.

Times are absolute CPU cycles. The memory reader fetches bytes into the sample buffer, and the output unit plays them
bit by bit: a 1 raises the level by 2, a 0 lowers it. The timer never stops. An output cycle of eight clocks takes over
the byte in the buffer, or is silent if there is none; silent ones in a row are skipped at once. The interrupt is left
out, because there is no CPU here to receive it.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.apu.tables import DMC_PERIODS
from livegen.system.kernels import kernel

MEMORY_BYTES: Final = 0x8000
"""Bytes that the memory reader reaches: $8000..$FFFF. Offsets into them count from $8000."""

SAMPLE_ALIGNMENT: Final = 64
"""Bytes between two addresses at which a sample can begin."""

FIRST_SAMPLE_OFFSET: Final = 0x4000
"""Offset of the lowest address at which a sample can begin, $C000."""

LONGEST_SAMPLE_BYTES: Final = 0xFF * 16 + 1

HIGHEST_LEVEL: Final = 127

DMC_BIT: Final = 0x10
"""The channel's bit of $4015."""

FETCH_CYCLES: Final = 4
"""CPU cycles from the moment when the reader wants a byte until the byte is there; it halts the CPU meanwhile.

The console needs 3 or 4, https://www.nesdev.org/wiki/DMA, depending on whether the cycle is even, and on the CPU.
"""

NEVER: Final = 1 << 62

_BITS: Final = 8

DMC: Final = np.dtype(
    [
        ("region", np.int64),  # row of DMC_PERIODS
        ("loops", np.bool_),
        ("period_cycles", np.int64),
        ("level", np.int64),
        ("first_offset", np.int64),  # this and the next: where a sample begins and its length, as written last
        ("length_bytes", np.int64),
        ("offset", np.int64),  # of the next byte that is fetched
        ("bytes_remaining", np.int64),
        ("fetch_cycle", np.int64),  # cycle at which that byte arrives, or NEVER
        ("buffer", np.int64),
        ("is_full", np.bool_),  # whether the buffer holds a byte
        ("shift_register", np.int64),
        ("bits_remaining", np.int64),  # of the output cycle, 1..8
        ("is_silent", np.bool_),  # whether the output cycle has no byte
        ("next_clock", np.int64),
        ("memory", np.uint8, (MEMORY_BYTES,)),
    ],
    align=True,
)


def power_up_dmc(dmc: NDArray[np.void], region: int) -> None:
    """Set a zeroed element of `DMC` to what it is at power-up: silent, at the beginning of an output cycle."""
    dmc["region"] = region
    dmc["period_cycles"] = dmc["next_clock"] = DMC_PERIODS[region, 0]
    dmc["first_offset"], dmc["length_bytes"] = FIRST_SAMPLE_OFFSET, 1
    dmc["fetch_cycle"], dmc["is_silent"], dmc["bits_remaining"] = NEVER, True, _BITS


@kernel
def write_dmc(dmc: np.record, register: int, value: int) -> None:
    """Take a write to one of the channel's registers, 0..3. A new period counts from the next clock on."""
    if register == 0:
        dmc.loops = (value & 0x40) != 0
        dmc.period_cycles = DMC_PERIODS[dmc.region, value & 0x0F]
    elif register == 1:
        dmc.level = value & HIGHEST_LEVEL
    elif register == 2:
        dmc.first_offset = FIRST_SAMPLE_OFFSET + value * SAMPLE_ALIGNMENT
    else:
        dmc.length_bytes = value * 16 + 1


@kernel
def enable_dmc(dmc: np.record, cycle: int, enabled: bool) -> None:
    """Take the channel's bit of $4015: begin the sample unless one is still being fetched, or fetch no more of it."""
    if not enabled:
        dmc.bytes_remaining, dmc.fetch_cycle = 0, NEVER
    elif dmc.bytes_remaining == 0:
        _begin_sample(dmc)
        if not dmc.is_full:
            dmc.fetch_cycle = cycle + FETCH_CYCLES


@kernel
def dmc_due(dmc: np.record) -> int:
    """Return the cycle at which the channel next does something; `NEVER` if nothing is left to play."""
    if dmc.is_silent and not dmc.is_full and dmc.bytes_remaining == 0:
        return NEVER
    return min(dmc.next_clock, dmc.fetch_cycle)


@kernel
def clock_dmc(dmc: np.record) -> None:
    """Do what is due. A byte that arrives in the cycle of a clock comes before it."""
    if dmc.fetch_cycle <= dmc.next_clock:
        _fetch(dmc)
    else:
        _clock_output(dmc)


@kernel
def advance_idle_dmc(dmc: np.record, end: int) -> None:
    """Advance a channel that has nothing to play by all clocks before the cycle `end`."""
    if dmc.next_clock < end:
        clocks = (end - 1 - dmc.next_clock) // dmc.period_cycles + 1
        dmc.next_clock += clocks * dmc.period_cycles
        dmc.bits_remaining = (dmc.bits_remaining - 1 - clocks) % _BITS + 1


@kernel
def set_memory(dmc: np.record, offset: int, data: NDArray[np.uint8]) -> None:
    """Store bytes from an offset on; those that lie outside of the memory are dropped."""
    for i in range(max(-offset, 0), min(len(data), MEMORY_BYTES - offset)):
        dmc.memory[offset + i] = data[i]


@kernel
def _begin_sample(dmc: np.record) -> None:
    dmc.offset, dmc.bytes_remaining = dmc.first_offset, dmc.length_bytes


@kernel
def _fetch(dmc: np.record) -> None:
    """Take a byte into the buffer. After $FFFF comes $8000; after the last byte, a sample that loops begins again."""
    dmc.buffer, dmc.is_full = dmc.memory[dmc.offset & (MEMORY_BYTES - 1)], True
    dmc.offset = (dmc.offset + 1) & (MEMORY_BYTES - 1)
    dmc.fetch_cycle = NEVER
    dmc.bytes_remaining -= 1
    if dmc.bytes_remaining == 0 and dmc.loops:
        _begin_sample(dmc)


@kernel
def _clock_output(dmc: np.record) -> None:
    cycle = dmc.next_clock
    dmc.next_clock += dmc.period_cycles
    if not dmc.is_silent:
        level = dmc.level + (2 if dmc.shift_register & 1 else -2)
        if 0 <= level <= HIGHEST_LEVEL:
            dmc.level = level
        dmc.shift_register >>= 1
    dmc.bits_remaining -= 1
    if dmc.bits_remaining == 0:
        dmc.bits_remaining = _BITS
        dmc.is_silent = not dmc.is_full
        if dmc.is_full:
            dmc.shift_register, dmc.is_full = dmc.buffer, False
            if dmc.bytes_remaining > 0:
                dmc.fetch_cycle = cycle + FETCH_CYCLES
