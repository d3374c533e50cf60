"""What a sound engine writes to the chip to make a voice sound a note.

Lengths are halted and volumes constant, so a note lasts until it is told otherwise. The triangle has no volume
and is gated by its bit in $4015, which stops it at once and holds its level: no click. Register layout:
https://www.nesdev.org/wiki/APU_registers.
"""

from typing import Final

import numpy as np

from livegen.apu import write_register
from livegen.kernels import Record, kernel
from livegen.score import NOTE_RANGE, Voice
from livegen.units import CPU_CLOCK_HZ, pulse_note_to_timer_period, triangle_note_to_timer_period

P1: Final = int(Voice.P1)
P2: Final = int(Voice.P2)
TR: Final = int(Voice.TR)
NO: Final = int(Voice.NO)

_N_NOTES: Final = NOTE_RANGE[Voice.TR][1] + 1
_PULSE_PERIOD: Final = np.array([pulse_note_to_timer_period(note, CPU_CLOCK_HZ["ntsc"]) for note in range(_N_NOTES)])
_TRIANGLE_PERIOD: Final = np.array(
    [triangle_note_to_timer_period(note, CPU_CLOCK_HZ["ntsc"]) for note in range(_N_NOTES)]
)

_HALT_AND_CONSTANT_VOLUME: Final = 0x30
_LONGEST_LENGTH: Final = 0x08  # any length does: it is halted
_NO_SWEEP: Final = 0x08  # negated, so that low notes are not muted


@kernel
def power_up(chip: Record) -> None:
    """Enable every voice, silent, and let the triangle's linear counter fill."""
    write_register(chip, 0, 0x4015, 0x0B)
    write_register(chip, 0, 0x4001, _NO_SWEEP)
    write_register(chip, 0, 0x4005, _NO_SWEEP)
    write_register(chip, 0, 0x4008, 0xFF)
    write_register(chip, 0, 0x400B, _LONGEST_LENGTH)
    write_register(chip, 0, 0x400C, _HALT_AND_CONSTANT_VOLUME)
    write_register(chip, 0, 0x400F, _LONGEST_LENGTH)
    write_register(chip, 0, 0x4017, 0x80)  # clocks the linear counter now


@kernel
def write_level(chip: Record, cycle: int, voice: int, volume: int, timbre: int) -> None:
    """Set the volume (0..15) and duty of a pulse, or the volume of the noise, under a note that sounds on."""
    if voice == NO:
        write_register(chip, cycle, 0x400C, _HALT_AND_CONSTANT_VOLUME | volume)
    elif voice != TR:
        write_register(chip, cycle, 0x4000 + 4 * voice, (timbre << 6) | _HALT_AND_CONSTANT_VOLUME | volume)


@kernel
def write_note(chip: Record, cycle: int, voice: int, note: int, volume: int, timbre: int) -> None:
    """Attack a note: its pitch, volume and timbre, and the phase of a pulse from its start."""
    write_level(chip, cycle, voice, volume, timbre)
    if voice == NO:
        write_register(chip, cycle, 0x400E, (timbre << 7) | (16 - note))
    elif voice == TR:
        period = _TRIANGLE_PERIOD[note]
        write_register(chip, cycle, 0x4015, 0x0F)
        write_register(chip, cycle, 0x400A, period & 0xFF)
        write_register(chip, cycle, 0x400B, _LONGEST_LENGTH | (period >> 8))
    else:
        period = _PULSE_PERIOD[note]
        write_register(chip, cycle, 0x4002 + 4 * voice, period & 0xFF)
        write_register(chip, cycle, 0x4003 + 4 * voice, _LONGEST_LENGTH | (period >> 8))


@kernel
def write_silence(chip: Record, cycle: int, voice: int) -> None:
    """End the note of a voice."""
    if voice == TR:
        write_register(chip, cycle, 0x4015, 0x0B)
    else:
        write_level(chip, cycle, voice, 0, 0)
