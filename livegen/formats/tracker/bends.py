"""What a patch does to the pitch and the volume of a note, in the units of trackers: the timer's periods, and ticks."""

from dataclasses import dataclass
from typing import Final

from livegen.formats.tracker.changes import Instrument
from livegen.score import NOTE_RANGE, Voice
from livegen.units import (
    CPU_CLOCK_HZ,
    ENGINE_RATE_HZ,
    MAX_VOLUME,
    pulse_note_to_timer_period,
    triangle_note_to_timer_period,
)

_CENTS: Final = 1200.0
_LONGEST_SLIDE: Final = 15  # semitones
_TURN: Final = 64  # steps in a turn of a vibrato


@dataclass(frozen=True, slots=True)
class Bends:
    """How a note bends.

    Attributes
    ----------
    start : int
        Semitones from its note at which it begins.
    slide : int
        Semitones by which it moves from there, -15..15.
    slide_ticks : float
        How long that takes.
    slide_periods : float
        By how much the period changes with it.
    glide_periods : int
        Periods a tick at which it is reached from the note before; 0 if it does not glide.
    vibrato_periods : float
        How far a vibrato swings to either side.
    vibrato_speed : float
        64ths of a turn in a tick.
    vibrato_delay : int
        Ticks.
    tremolo_depth : int
        0..15: how far the volume dips.
    tremolo_speed : float
        64ths of a turn in a tick.
    detune_periods : int
        Added to the period.
    """

    start: int = 0
    slide: int = 0
    slide_ticks: float = 0.0
    slide_periods: float = 0.0
    glide_periods: int = 0
    vibrato_periods: float = 0.0
    vibrato_speed: float = 0.0
    vibrato_delay: int = 0
    tremolo_depth: int = 0
    tremolo_speed: float = 0.0
    detune_periods: int = 0


STRAIGHT: Final = Bends()


def bends_of(instrument: Instrument, note: int, previous_note: int) -> Bends:
    """Return how a note of an instrument bends.

    Parameters
    ----------
    instrument : Instrument
    note : int
        Of a score.
    previous_note : int
        The note that sounds until it begins, or 0.
    """
    patch, voice = instrument.patch, instrument.voice
    if patch is None:
        return STRAIGHT
    tremolo = min(patch.tremolo_depth, MAX_VOLUME)
    turns = _TURN / ENGINE_RATE_HZ
    if voice is Voice.NO:
        return Bends(tremolo_depth=tremolo, tremolo_speed=patch.tremolo_speed * turns)
    lowest, highest = NOTE_RANGE[voice]
    start, end = (min(max(round(at), lowest - note), highest - note) for at in (patch.slide_from, patch.slide_to))
    start = min(max(start, end - _LONGEST_SLIDE), end + _LONGEST_SLIDE)
    period = timer_period(voice, note)
    glide = 0
    if patch.portamento and previous_note and previous_note != note:
        n_ticks = abs(note - previous_note) / patch.portamento * ENGINE_RATE_HZ
        glide = max(round(abs(timer_period(voice, previous_note) - period) / max(n_ticks, 1.0)), 1)
    return Bends(
        start=start,
        slide=end - start,
        slide_ticks=max(abs(end - start) / patch.slide_speed * ENGINE_RATE_HZ, 1.0),
        slide_periods=abs(timer_period(voice, note + start) - timer_period(voice, note + end)),
        glide_periods=glide,
        vibrato_periods=period * (2.0 ** (patch.vibrato_depth / _CENTS) - 1.0) if patch.vibrato_speed else 0.0,
        vibrato_speed=patch.vibrato_speed * turns,
        vibrato_delay=patch.vibrato_delay,
        tremolo_depth=tremolo if patch.tremolo_speed else 0,
        tremolo_speed=patch.tremolo_speed * turns,
        detune_periods=round(period * (2.0 ** (-patch.detune / _CENTS) - 1.0)),
    )


def timer_period(voice: Voice, note: int) -> int:
    """Return the timer period of a note of a pulse or of the triangle."""
    convert = triangle_note_to_timer_period if voice is Voice.TR else pulse_note_to_timer_period
    return convert(float(note), CPU_CLOCK_HZ["ntsc"])
