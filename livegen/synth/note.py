"""A sounding note: its volume, timbre and pitch at each engine tick, from its macros, slides and vibrato.

Nothing here touches the chip. A pitch is a MIDI note with a fraction; angles are in turns.
"""

import math
from typing import Final

import numpy as np

from livegen.synth.macros import has_ended, macro_value, next_position, released_position
from livegen.synth.sound import (
    ARPEGGIO,
    FIXED,
    HI_PITCH,
    N_MACROS,
    NO_ENVELOPE,
    PITCH,
    RELATIVE,
    TIMBRE,
    VOLUME,
    decay_volume,
    swell,
    vibrato_by_hand,
)
from livegen.system.kernels import Record, kernel
from livegen.units import MAX_TIMER_PERIOD, MAX_VOLUME
from livegen.voices import MAX_CHORD_NOTES

NOTE: Final = np.dtype(
    [
        ("note", np.int64),  # what sounds; 0 is silence
        ("notes", np.int64, MAX_CHORD_NOTES),  # the chord that the voice runs through
        ("n_notes", np.int64),  # under 2 where there is no chord
        ("key_volume", np.int64),  # volume of the key, 0..15, which the volume macro scales
        ("is_released", np.int64),
        ("n_ticks", np.int64),  # engine ticks since the attack
        ("positions", np.int64, N_MACROS),
        ("base", np.float64),  # pitch, which may still glide to `note`
        ("slide", np.float64),  # distance of the slide from the note, in semitones
        ("arpeggio", np.int64),  # sum of a relative arpeggio so far
        ("period_offset", np.int64),  # sum of the pitch macros so far, added to the timer period
        ("bend", np.float64),  # semitones
        ("modulation", np.float64),  # 0..1
        ("pressure", np.float64),  # 0..1
    ],
    align=True,
)

_TURN: Final = 2.0 * math.pi
_HI_PITCH_STEP: Final = 16
_MAX_ARPEGGIO: Final = 128  # limit of a relative arpeggio that loops; it is further than any voice reaches


@kernel
def begin_note(state: Record, sound: Record, note: int, volume: int, glides: bool) -> None:
    """Attack a note, or the chord in `notes`. Macros start at their first value; with `glides`, the pitch glides."""
    state.base = state.base if glides and sound.portamento > 0.0 else float(note)
    state.note = note
    set_key_volume(state, sound, volume)
    state.is_released, state.n_ticks = 0, 0
    state.positions[:] = 0
    state.slide = sound.slide_from
    state.arpeggio, state.period_offset = 0, 0
    _add_up(state, sound)


@kernel
def set_key_volume(state: Record, sound: Record, volume: int) -> None:
    """Take the volume (0..15) with which a note is played. A sound without velocity takes any but 0 as full volume."""
    state.key_volume = volume if sound.has_velocity or volume == 0 else MAX_VOLUME


@kernel
def move_note(state: Record, sound: Record, note: int) -> None:
    """Go on to another note without an attack."""
    state.note = note
    if sound.portamento == 0.0:
        state.base = float(note)


@kernel
def release_note(state: Record, sound: Record) -> None:
    """Let the macros jump to their release points."""
    state.is_released = 1
    for index in range(N_MACROS):
        state.positions[index] = released_position(sound.macros[index], state.positions[index])


@kernel
def step_note(state: Record, sound: Record) -> bool:
    """Move on by an engine tick. Return False once a released note has nothing left to play."""
    state.n_ticks += 1
    for index in range(N_MACROS):
        state.positions[index] = next_position(sound.macros[index], state.positions[index], state.is_released != 0)
    _add_up(state, sound)
    goal = float(state.note)
    state.base = _toward(state.base, goal, sound.portamento) if sound.portamento > 0.0 else goal
    state.slide = _toward(state.slide, sound.slide_to, sound.slide_step)
    if not state.is_released:
        return True
    if sound.envelope != NO_ENVELOPE:
        return decay_volume(sound, state.n_ticks) > 0
    return not has_ended(sound.macros[VOLUME], state.positions[VOLUME])


@kernel
def is_spent(state: Record, sound: Record) -> bool:
    """Tell whether a note that is still held has faded to silence, as a plucked one does."""
    if sound.envelope != NO_ENVELOPE:
        return not sound.envelope_loops and decay_volume(sound, state.n_ticks) == 0
    position = state.positions[VOLUME]
    return has_ended(sound.macros[VOLUME], position) and macro_value(sound.macros[VOLUME], position) == 0


@kernel
def note_volume(state: Record, sound: Record) -> int:
    """Return the volume, 0..15: the macro times the key's volume as in FamiTracker, then reduced by the tremolo.

    Rounding the product down never makes it 0.
    """
    macro = macro_value(sound.macros[VOLUME], state.positions[VOLUME])
    key_volume = swell(sound, state.key_volume, state.pressure, MAX_VOLUME)
    if macro == 0 or key_volume < 1.0:
        return 0
    volume = max(int(macro * key_volume) // MAX_VOLUME, 1)
    if sound.tremolo_depth > 0.0 and state.n_ticks >= sound.tremolo_delay:
        dip = 0.5 - 0.5 * math.cos(_TURN * sound.tremolo_step * (state.n_ticks - sound.tremolo_delay))
        volume -= round(volume * sound.tremolo_depth * dip)
    return volume


@kernel
def note_timbre(state: Record, sound: Record) -> int:
    """Return the duty of a pulse or the mode of the noise."""
    return macro_value(sound.macros[TIMBRE], state.positions[TIMBRE])


@kernel
def note_pitch(state: Record, sound: Record, chord_ticks: int) -> float:
    """Return the pitch. The caller must still add `period_offset` to the timer period of this pitch."""
    pitch = state.base
    if state.n_notes > 1:
        pitch = float(state.notes[(state.n_ticks // chord_ticks) % state.n_notes])
    depth = sound.vibrato_depth if state.n_ticks >= sound.vibrato_delay else 0.0
    depth += vibrato_by_hand(sound, state.modulation, state.pressure)
    vibrato = depth * math.sin(_TURN * sound.vibrato_step * (state.n_ticks - sound.vibrato_delay))
    return _arpeggiate(state, sound, pitch) + state.slide + state.bend + vibrato + sound.detune


@kernel
def note_step(state: Record, sound: Record, lowest: int, highest: int) -> int:
    """Return the noise note, its arpeggio included."""
    return min(max(int(_arpeggiate(state, sound, float(state.note))), lowest), highest)


@kernel
def _arpeggiate(state: Record, sound: Record, pitch: float) -> float:
    position = state.positions[ARPEGGIO]
    if sound.arpeggio_mode == RELATIVE:
        return pitch + state.arpeggio
    value = macro_value(sound.macros[ARPEGGIO], position)
    if sound.arpeggio_mode == FIXED:
        return pitch if has_ended(sound.macros[ARPEGGIO], position) else float(value)
    return pitch + value


@kernel
def _add_up(state: Record, sound: Record) -> None:
    """Add this tick's values of the macros that add up. Macros that have ended add nothing."""
    arpeggio = state.arpeggio + _running_value(sound.macros[ARPEGGIO], state.positions[ARPEGGIO])
    offset = state.period_offset + _running_value(sound.macros[PITCH], state.positions[PITCH])
    offset += _HI_PITCH_STEP * _running_value(sound.macros[HI_PITCH], state.positions[HI_PITCH])
    state.arpeggio = min(max(arpeggio, -_MAX_ARPEGGIO), _MAX_ARPEGGIO)
    state.period_offset = min(max(offset, -MAX_TIMER_PERIOD), MAX_TIMER_PERIOD)


@kernel
def _running_value(macro: Record, position: int) -> int:
    return 0 if has_ended(macro, position) else macro_value(macro, position)


@kernel
def _toward(now: float, goal: float, step: float) -> float:
    return min(now + step, goal) if now < goal else max(now - step, goal)
