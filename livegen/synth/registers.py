"""What a sound engine writes to the chip to make a voice sound what it wants.

Lengths are halted and volumes constant, so a note lasts until it is told otherwise; a voice that uses the chip's
own envelope or sweep leaves them running. The triangle has no volume and is gated by its bit in $4015, which stops
it at once and holds its level: no click. Register layout: https://www.nesdev.org/wiki/APU_registers.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.apu.frame_counter import RESET_CYCLES
from livegen.score import Voice
from livegen.system.kernels import Record, kernel

P1: Final = int(Voice.P1)
P2: Final = int(Voice.P2)
TR: Final = int(Voice.TR)
NO: Final = int(Voice.NO)

WRITTEN: Final = np.dtype(
    [
        ("level", np.int64),  # $4000, $4004 or $400C; of the triangle 1 where its gate is open
        ("period", np.int64),  # of the timer; of the noise $400E
        ("sweep", np.int64),
    ],
    align=True,
)
"""What a voice's registers hold, so that only what changes is written."""

WRITES_MAX: Final = 64

WRITES: Final = np.dtype(
    [
        ("n_writes", np.int64),
        ("cycle", np.int64),  # before which nothing more can be written
        ("cycles", np.int64, WRITES_MAX),
        ("addresses", np.int64, WRITES_MAX),
        ("values", np.int64, WRITES_MAX),
    ],
    align=True,
)
"""What one event writes to a chip, in order. No event writes half as much as there is room for."""

_HALT: Final = 0x20
_CONSTANT_VOLUME: Final = 0x10
_LONGEST_LENGTH: Final = 0x08  # 254 half frames, where it is not halted
_NO_SWEEP: Final = 0x08  # negated, so that low notes are not muted
_FRAME_COUNTER: Final = 0x4017
_FIVE_STEPS: Final = 0x80  # also clocks the counters and the sweeps at once

_SWEEP_DOWN: Final = 0x8F  # subtract the 128th part at the next half frame
_SWEEP_UP: Final = 0x87


@kernel
def _write(writes: Record, cycle: int, address: int, value: int) -> None:
    """Write in a cycle, or as soon after it as the writes before it let one; what follows $4017 finds it in effect."""
    if writes.n_writes < WRITES_MAX:
        writes.cycle = max(writes.cycle, cycle)
        writes.cycles[writes.n_writes] = writes.cycle
        writes.addresses[writes.n_writes], writes.values[writes.n_writes] = address, value
        writes.n_writes += 1
        if address == _FRAME_COUNTER:
            writes.cycle += RESET_CYCLES


@kernel
def power_up(writes: Record) -> None:
    """Enable every voice, silent, and let the triangle's linear counter fill."""
    for base in (0x4000, 0x4004, 0x400C):
        _write(writes, 0, base, _HALT | _CONSTANT_VOLUME)
    _write(writes, 0, 0x4015, 0x0B)
    _write(writes, 0, 0x4001, _NO_SWEEP)
    _write(writes, 0, 0x4005, _NO_SWEEP)
    _write(writes, 0, 0x4008, 0xFF)
    _write(writes, 0, 0x400B, _LONGEST_LENGTH)
    _write(writes, 0, 0x400F, _LONGEST_LENGTH)
    _write(writes, 0, _FRAME_COUNTER, _FIVE_STEPS)  # clocks the linear counter now


def remember_power_up(written: NDArray[np.void]) -> None:
    """Note what `power_up` leaves in the registers in zeroed elements of `WRITTEN`, shape (4,), one a voice."""
    written["level"][[P1, P2, NO]] = _HALT | _CONSTANT_VOLUME
    written["sweep"][[P1, P2]] = _NO_SWEEP


@kernel
def constant_level(volume: int) -> int:
    """Return the lower bits of $4000, $4004 and $400C for a volume (0..15) that stays."""
    return _HALT | _CONSTANT_VOLUME | volume


@kernel
def envelope_level(rate: int, loops: bool) -> int:
    """Return the lower bits of $4000, $4004 and $400C for the chip's own decay at a rate (0..15)."""
    return (_HALT if loops else 0) | rate


@kernel
def write_pulse(
    writes: Record, cycle: int, voice: int, written: Record, level: int, period: int, sweep: int, is_attack: bool
) -> None:
    """Let a pulse sound with a level ($4000), a timer period (8..2047) and a sweep ($4001, 0: none).

    An attack starts the pulse's sequence and its envelope anew. So does a new period while the chip sweeps, which
    has moved the old one to where only the chip knows.
    """
    base = 0x4000 + 4 * voice
    sweep = sweep if sweep else _NO_SWEEP
    is_whole = is_attack or (written.sweep != _NO_SWEEP and period != written.period)
    if level != written.level:
        _write(writes, cycle, base, level)
    if sweep != written.sweep or (is_attack and sweep != _NO_SWEEP):
        _write(writes, cycle, base + 1, sweep)
    if is_whole or period != written.period:
        _write(writes, cycle, base + 2, period & 0xFF)
    if is_whole or period >> 8 != written.period >> 8:
        _write(writes, cycle, base + 3, _LONGEST_LENGTH | period >> 8)
    written.level, written.period, written.sweep = level, period, sweep


@kernel
def bend_pulse(writes: Record, cycle: int, voice: int, written: Record, period: int) -> None:
    """Move a sounding pulse to a near period, without the click of $4003, which starts its sequence anew.

    Where the period's upper bits change by one, the sweep unit carries: it is told to add to $xFF, or to subtract
    from $x00, at a half frame that a write to $4017 brings on. For chips whose envelopes and sweeps nobody needs.
    https://www.nesdev.org/wiki/APU_Sweep
    """
    rise = (period >> 8) - (written.period >> 8)
    if rise == 1 or rise == -1:
        base = 0x4000 + 4 * voice
        _write(writes, cycle, base + 2, 0xFF if rise > 0 else 0x00)
        _write(writes, cycle, base + 1, _SWEEP_UP if rise > 0 else _SWEEP_DOWN)
        _write(writes, cycle, _FRAME_COUNTER, _FIVE_STEPS)
        _write(writes, cycle, base + 1, _NO_SWEEP)
        _write(writes, cycle, base + 2, period & 0xFF)
        written.period = period


@kernel
def write_triangle(writes: Record, cycle: int, written: Record, is_on: bool, period: int) -> None:
    """Let the triangle sound with a timer period (0..2047), or hold its level."""
    if not is_on:
        if written.level:
            _write(writes, cycle, 0x4015, 0x0B)
        written.level = 0
        return
    if not written.level:
        _write(writes, cycle, 0x4015, 0x0F)
    if period != written.period or not written.level:
        _write(writes, cycle, 0x400A, period & 0xFF)
    if period >> 8 != written.period >> 8 or not written.level:
        _write(writes, cycle, 0x400B, _LONGEST_LENGTH | period >> 8)
    written.level, written.period = 1, period


@kernel
def write_noise(writes: Record, cycle: int, written: Record, level: int, period: int, is_attack: bool) -> None:
    """Let the noise sound with a level ($400C) and a period with its mode ($400E); an attack starts its envelope."""
    if level != written.level:
        _write(writes, cycle, 0x400C, level)
    if period != written.period:
        _write(writes, cycle, 0x400E, period)
    if is_attack:
        _write(writes, cycle, 0x400F, _LONGEST_LENGTH)
    written.level, written.period = level, period
