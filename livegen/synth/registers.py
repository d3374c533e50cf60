"""The register writes with which the synth makes each voice sound.

Length counters are halted and volumes are constant, so a note lasts until another write ends it. Only where a patch
uses the chip's own envelope or sweep do these run. The triangle has no volume and is gated by its bit in $4015, which
stops it at once and holds its level: no click. Register layout: https://www.nesdev.org/wiki/APU_registers.
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
        ("level", np.int64),  # value of $4000, $4004 or $400C; for the triangle, 1 while its gate is open
        ("period", np.int64),  # timer period; for the noise, value of $400E
        ("sweep", np.int64),  # value of $4001 or $4005
    ],
    align=True,
)
"""The values in a voice's registers. They are kept so that only what changes is written."""

WRITES_MAX: Final = 64

WRITES: Final = np.dtype(
    [
        ("n_writes", np.int64),
        ("cycle", np.int64),  # earliest cycle of the next write
        ("cycles", np.int64, WRITES_MAX),
        ("addresses", np.int64, WRITES_MAX),
        ("values", np.int64, WRITES_MAX),
    ],
    align=True,
)
"""The writes of one event to a chip, in order. No event needs half of the room."""

_HALT: Final = 0x20
_CONSTANT_VOLUME: Final = 0x10
_LONGEST_LENGTH: Final = 0x08  # 254 half frames, unless the length counter is halted
_NO_SWEEP: Final = 0x08  # negated, so that low notes are not muted
_FRAME_COUNTER: Final = 0x4017
_FIVE_STEPS: Final = 0x80  # five-step mode; writing it also clocks the counters and the sweeps at once

_SWEEP_DOWN: Final = 0x8F  # lowers the timer period by a 128th at the next half frame
_SWEEP_UP: Final = 0x87  # raises the timer period by a 128th at the next half frame


@kernel
def _write(writes: Record, cycle: int, address: int, value: int) -> None:
    """Add a write in a cycle, or as soon after it as the earlier writes allow.

    A write after one to $4017 comes late enough to find that in effect.
    """
    if writes.n_writes < WRITES_MAX:
        writes.cycle = max(writes.cycle, cycle)
        writes.cycles[writes.n_writes] = writes.cycle
        writes.addresses[writes.n_writes], writes.values[writes.n_writes] = address, value
        writes.n_writes += 1
        if address == _FRAME_COUNTER:
            writes.cycle += RESET_CYCLES


@kernel
def power_up(writes: Record) -> None:
    """Enable every voice, all silent, and load the triangle's linear counter."""
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
    """Store what `power_up` leaves in the registers in zeroed elements of `WRITTEN`, shape (4,), one for each voice."""
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

    An attack restarts the pulse's sequence and its envelope. So does a new period while the chip sweeps, because the
    sweep has changed the old period to one that only the chip knows.
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
    """Move a sounding pulse to a near timer period without $4003, which would restart its sequence with a click.

    Where the upper bits of the period change by one, the sweep unit makes the carry: it adds to $xFF, or subtracts
    from $x00, at a half frame that a write to $4017 causes. That half frame clocks all envelopes and sweeps, so this
    is only for patches that use none of the chip's. https://www.nesdev.org/wiki/APU_Sweep
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
    """Let the noise sound with a level ($400C) and a period with its mode ($400E). An attack restarts its envelope."""
    if level != written.level:
        _write(writes, cycle, 0x400C, level)
    if period != written.period:
        _write(writes, cycle, 0x400E, period)
    if is_attack:
        _write(writes, cycle, 0x400F, _LONGEST_LENGTH)
    written.level, written.period = level, period
