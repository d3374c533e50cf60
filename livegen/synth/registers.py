"""The register writes with which the synth makes each voice sound.

Length counters are halted and volumes are constant, so a note lasts until another write ends it. Only where a patch
uses the chip's own envelope or sweep do these run. The triangle has no volume and is gated by its bit in $4015, which
stops it at once and holds its level: no click. Register layout: https://www.nesdev.org/wiki/APU_registers.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.apu.dmc import DMC_BIT
from livegen.apu.frame_counter import RESET_CYCLES
from livegen.apu.sweep import LOWEST_TIMER_PERIOD as LOWEST_PULSE_PERIOD
from livegen.apu.triangle import LOWEST_TIMER_PERIOD as LOWEST_TRIANGLE_PERIOD
from livegen.score import Voice
from livegen.system.kernels import Record, kernel
from livegen.units import (
    CPU_CLOCK_HZ,
    MAX_TIMER_PERIOD,
    pulse_note_to_timer_period,
    triangle_note_to_timer_period,
)

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

_REST_PLACE, _REST_LENGTH = 0xFF, 0  # values of $4012 and $4013 for a byte of rest, at the end of the memory

WRITES_MAX: Final = 64
NO_BANK: Final = -1

WRITES: Final = np.dtype(
    [
        ("n_writes", np.int64),
        ("loaded_bank", np.int64),  # bank whose samples the chip's memory takes before these writes, or NO_BANK
        ("load_cycle", np.int64),
        ("cycle", np.int64),  # earliest cycle of the next write
        ("cycles", np.int64, WRITES_MAX),
        ("addresses", np.int64, WRITES_MAX),
        ("values", np.int64, WRITES_MAX),
    ],
    align=True,
)
"""The writes of one event to a chip, in order. No event needs half of the room."""

_CPU_CLOCK_HZ: Final = CPU_CLOCK_HZ["ntsc"]
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
    writes.loaded_bank = NO_BANK
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
def write_triangle(writes: Record, cycle: int, written: Record, is_on: bool, period: int, sample_bit: int) -> None:
    """Let the triangle sound with a timer period (0..2047), or hold its level. `sample_bit` is the DMC's of $4015."""
    if not is_on:
        if written.level:
            _write(writes, cycle, 0x4015, _status(False, sample_bit))
        written.level = 0
        return
    if not written.level:
        _write(writes, cycle, 0x4015, _status(True, sample_bit))
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


@kernel
def write_sample(writes: Record, cycle: int, rate: int, place: int, length: int, triangle_is_on: bool) -> None:
    """Begin a sample from level 0, in place of one that plays, given the values of $4010, $4012 and $4013."""
    stop_sample(writes, cycle, triangle_is_on)
    _write(writes, cycle, 0x4010, rate)
    _write(writes, cycle, 0x4012, place)
    _write(writes, cycle, 0x4013, length)
    _write(writes, cycle, 0x4015, _status(triangle_is_on, DMC_BIT))
    _write(writes, cycle, 0x4012, _REST_PLACE)
    _write(writes, cycle, 0x4013, _REST_LENGTH)


@kernel
def stop_sample(writes: Record, cycle: int, triangle_is_on: bool) -> None:
    """End the sample that plays and set its level to 0."""
    _write(writes, cycle, 0x4015, _status(triangle_is_on, 0))
    _write(writes, cycle, 0x4011, 0)


@kernel
def _status(triangle_is_on: bool, sample_bit: int) -> int:
    """Return the value of $4015 with all voices on, the triangle if it sounds."""
    return 0x0B | (0x04 if triangle_is_on else 0) | sample_bit


@kernel
def pulse_period(pitch: float, offset: int) -> int:
    """Return the timer period of a pulse at a pitch, a MIDI note with its fraction, within what sounds."""
    period = pulse_note_to_timer_period(pitch, _CPU_CLOCK_HZ) + offset
    return min(max(period, LOWEST_PULSE_PERIOD), MAX_TIMER_PERIOD)


@kernel
def triangle_period(pitch: float, offset: int) -> int:
    """Return the timer period of the triangle at a pitch, within what sounds."""
    period = triangle_note_to_timer_period(pitch, _CPU_CLOCK_HZ) + offset
    return min(max(period, LOWEST_TRIANGLE_PERIOD), MAX_TIMER_PERIOD)
