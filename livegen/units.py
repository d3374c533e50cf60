"""Units and the pure conversions between them.

Positions are computed from integer indices and never accumulated: 44100 / 24 is 1837.5 samples. Frames
(24 a second) and MIDI clock ticks (24 a quarter note) are different things that share a number.
"""

import math
from typing import Final

from livegen.system.kernels import portable

FRAME_RATE_HZ: Final = 24
"""Score frames a second, as in NES-MDB."""

MIDI_CLOCK_PPQN: Final = 24
"""MIDI clock messages a quarter note."""

ENGINE_RATE_HZ: Final = 60.0988
"""Rate of a game's sound engine: the NTSC picture rate (https://www.nesdev.org/wiki/Cycle_reference_chart)."""

CPU_CLOCK_HZ: Final[dict[str, float]] = {"ntsc": 236.25e6 / 11 / 12, "pal": 26.601712e6 / 16}
"""CPU clock by region; NTSC is 21.477272... MHz / 12 (https://www.nesdev.org/wiki/CPU)."""

MAX_TIMER_PERIOD: Final = 0x7FF
"""Largest value of the 11-bit period of the pulse and triangle timers."""

MAX_VOLUME: Final = 15
MAX_VELOCITY: Final = 127


@portable
def frame_to_sample(frame_index: int, sample_rate: int) -> int:
    """Return the first sample of a frame: ceil(frame_index * sample_rate / 24)."""
    return -(-frame_index * sample_rate // FRAME_RATE_HZ)


@portable
def engine_ticks_to_samples(n_ticks: int, sample_rate: float) -> int:
    """Return the number of samples in a number of engine ticks, rounded up."""
    return math.ceil(n_ticks * sample_rate / ENGINE_RATE_HZ)


def sample_to_frame(sample: int, sample_rate: int) -> int:
    """Return the index of the frame that holds a sample; the inverse of `frame_to_sample`."""
    return sample * FRAME_RATE_HZ // sample_rate


def frame_to_seconds(frame_index: int) -> float:
    """Return the time at which a frame begins, in seconds since frame 0."""
    return frame_index / FRAME_RATE_HZ


def seconds_to_frame(seconds: float) -> int:
    """Return the index of the frame that holds a time in seconds since frame 0."""
    return math.floor(seconds * FRAME_RATE_HZ)


def bpm_to_period(bpm: float) -> float:
    """Return the period of a beat in frames, at a tempo in beats a minute."""
    return 60.0 * FRAME_RATE_HZ / bpm


def period_to_bpm(period_frames: float) -> float:
    """Return the tempo in beats a minute, given the period of a beat in frames; the inverse of `bpm_to_period`."""
    return 60.0 * FRAME_RATE_HZ / period_frames


@portable
def note_to_hz(note: float) -> float:
    """Return the frequency of a MIDI note number in equal temperament, A4 = note 69 = 440 Hz."""
    return 440.0 * 2.0 ** ((note - 69.0) / 12.0)


def hz_to_note(hz: float) -> float:
    """Return the MIDI note number, with its fraction, of a frequency above 0; the inverse of `note_to_hz`."""
    return 69.0 + 12.0 * math.log2(hz / 440.0)


@portable
def pulse_note_to_timer_period(note: float, cpu_clock_hz: float) -> int:
    """Return the pulse timer period nearest to a note.

    f = cpu / (16 (t + 1)), https://www.nesdev.org/wiki/APU_Pulse. NES-MDB's lowest pulse note, 32, would need
    a period of 2154, over the 11 bits that the chip has: it is clamped here to 2047 (54.6 Hz instead of 51.9).
    """
    return _nearest_period(cpu_clock_hz / (16.0 * note_to_hz(note)))


@portable
def triangle_note_to_timer_period(note: float, cpu_clock_hz: float) -> int:
    """Return the triangle timer period nearest to a note: f = cpu / (32 (t + 1)).

    https://www.nesdev.org/wiki/APU_Triangle. Clamped to the 11 bits that the chip has.
    """
    return _nearest_period(cpu_clock_hz / (32.0 * note_to_hz(note)))


def pulse_timer_period_to_note(timer_period: int, cpu_clock_hz: float) -> float:
    """Return the MIDI note number, with its fraction, that a pulse has at a timer period."""
    return hz_to_note(cpu_clock_hz / (16.0 * (timer_period + 1)))


def triangle_timer_period_to_note(timer_period: int, cpu_clock_hz: float) -> float:
    """Return the MIDI note number, with its fraction, that the triangle has at a timer period."""
    return hz_to_note(cpu_clock_hz / (32.0 * (timer_period + 1)))


@portable
def _nearest_period(timer_steps: float) -> int:
    return min(max(round(timer_steps) - 1, 0), MAX_TIMER_PERIOD)


def velocity_to_volume(velocity: int) -> int:
    """Return the APU level (1..15) of a MIDI velocity (1..127); velocity 0 is silence, 0."""
    return 0 if velocity <= 0 else max(1, round(min(velocity, MAX_VELOCITY) * MAX_VOLUME / MAX_VELOCITY))


def volume_to_velocity(volume: int) -> int:
    """Return the MIDI velocity (0..127) of an APU level (0..15)."""
    return round(min(max(volume, 0), MAX_VOLUME) * MAX_VELOCITY / MAX_VOLUME)
