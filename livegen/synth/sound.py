"""Sounds: what a patch says of a voice or a drum, in the units that a tick needs."""

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.patch import Drum, Macro, VoicePatch
from livegen.synth.macros import MACRO, ends_by_itself, fill_macro
from livegen.system.kernels import Record, kernel
from livegen.units import ENGINE_RATE_HZ, MAX_VOLUME

VOLUME: Final = 0
TIMBRE: Final = 1
ARPEGGIO: Final = 2
PITCH: Final = 3
HI_PITCH: Final = 4
N_MACROS: Final = 5
_MACROS: Final = ("volume", "timbre", "arpeggio", "pitch", "hi_pitch")  # fields of a VoicePatch, in that order

ABSOLUTE: Final = 0
RELATIVE: Final = 1
FIXED: Final = 2
_ARPEGGIO_MODES: Final = {"absolute": ABSOLUTE, "relative": RELATIVE, "fixed": FIXED}

_TO_VIBRATO: Final = 1
_TO_VOLUME: Final = 2
_AFTERTOUCH: Final = {"off": 0, "vibrato": _TO_VIBRATO, "volume": _TO_VOLUME}

NO_ENVELOPE: Final = -1

_DECAY_CLOCKS_A_TICK: Final = 192.0 / ENGINE_RATE_HZ  # quarter frames of the frame counter's five steps

SOUND: Final = np.dtype(
    [
        ("macros", MACRO, N_MACROS),
        ("kick", MACRO),  # of a drum
        ("arpeggio_mode", np.int64),
        ("has_velocity", np.int64),
        ("is_legato", np.int64),
        ("portamento", np.float64),  # semitones a tick
        ("slide_from", np.float64),  # semitones
        ("slide_to", np.float64),
        ("slide_step", np.float64),  # semitones a tick
        ("vibrato_depth", np.float64),  # semitones
        ("vibrato_step", np.float64),  # turns a tick
        ("vibrato_delay", np.int64),  # ticks
        ("tremolo_depth", np.float64),  # share of the volume, 0..1
        ("tremolo_step", np.float64),  # turns a tick
        ("tremolo_delay", np.int64),  # ticks
        ("modulation", np.float64),  # semitones
        ("aftertouch", np.int64),
        ("detune", np.float64),  # semitones
        ("envelope", np.int64),  # the chip's, 0..15 or NO_ENVELOPE
        ("envelope_loops", np.int64),
        ("sweep", np.int64),  # $4001 or $4005, or 0: off
    ],
    align=True,
)


def fill_sound(record: NDArray[np.void], voice: VoicePatch) -> None:
    """Write how notes sound on a voice to a zeroed element of `SOUND`."""
    for index, name in enumerate(_MACROS):
        fill_macro(record["macros"][index], getattr(voice, name))
    record["arpeggio_mode"] = _ARPEGGIO_MODES[voice.arpeggio_mode]
    record["has_velocity"] = voice.velocity
    record["is_legato"] = voice.legato
    record["portamento"] = voice.portamento / ENGINE_RATE_HZ
    record["slide_from"] = voice.slide_from
    record["slide_to"] = voice.slide_to
    record["slide_step"] = voice.slide_speed / ENGINE_RATE_HZ
    record["vibrato_depth"] = voice.vibrato_depth / 100
    record["vibrato_step"] = voice.vibrato_speed / ENGINE_RATE_HZ
    record["vibrato_delay"] = voice.vibrato_delay
    record["tremolo_depth"] = voice.tremolo_depth / MAX_VOLUME
    record["tremolo_step"] = voice.tremolo_speed / ENGINE_RATE_HZ
    record["tremolo_delay"] = voice.tremolo_delay
    record["modulation"] = voice.modulation / 100
    record["aftertouch"] = _AFTERTOUCH[voice.aftertouch]
    record["detune"] = voice.detune / 100
    record["envelope"] = voice.envelope
    record["envelope_loops"] = voice.envelope_loop
    record["sweep"] = _sweep_register(voice.sweep_period, voice.sweep_shift)


def fill_drums(
    records: NDArray[np.void], drum_of_key: NDArray[np.int64], noise: VoicePatch, drums: Mapping[int, Drum]
) -> None:
    """Write drums to zeroed elements of `SOUND`, and the index of each to `drum_of_key`, int64 (128,).

    What a drum does not say is as `noise` has it, but for its arpeggio, which is absolute, and its attack: it has one.
    """
    for index, (key, drum) in enumerate(drums.items()):
        fill_sound(records[index], noise)
        for macro, values in ((VOLUME, drum.volume), (TIMBRE, drum.timbre), (ARPEGGIO, drum.arpeggio)):
            _replace_macro(records[index]["macros"][macro], values)
        records[index]["arpeggio_mode"] = ABSOLUTE
        records[index]["envelope"] = NO_ENVELOPE
        records[index]["is_legato"] = False
        if drum.kick is not None:
            fill_macro(records[index]["kick"], drum.kick)
        drum_of_key[key] = index


def _replace_macro(record: NDArray[np.void], macro: Macro) -> None:
    record["values"] = 0
    fill_macro(record, macro)


def _sweep_register(period: int, shift: int) -> int:
    """Return ``EPPP NSSS`` of https://www.nesdev.org/wiki/APU_Sweep; a pitch that rises is a period that shrinks."""
    return 0 if shift == 0 else 0x80 | period << 4 | (0x08 if shift > 0 else 0) | abs(shift)


@kernel
def rings_out(sound: Record, is_noise: bool) -> bool:
    """Tell whether a key that comes up lets the note sound to its own end, as a drum does."""
    if sound.envelope != NO_ENVELOPE:
        return is_noise and not sound.envelope_loops
    return ends_by_itself(sound.macros[VOLUME])


@kernel
def decay_volume(sound: Record, n_ticks: int) -> int:
    """Return about where the chip's own decay stands (0..15) so many engine ticks after the attack.

    It falls by one each rate + 1 quarter frames, https://www.nesdev.org/wiki/APU_Envelope.
    """
    steps = int(n_ticks * _DECAY_CLOCKS_A_TICK) // (sound.envelope + 1)
    return MAX_VOLUME - (steps % (MAX_VOLUME + 1) if sound.envelope_loops else min(steps, MAX_VOLUME))


@kernel
def vibrato_by_hand(sound: Record, modulation: float, pressure: float) -> float:
    """Return the depth of vibrato, in semitones, that the modulation wheel and the pressed key ask for."""
    amount = modulation + (pressure if sound.aftertouch == _TO_VIBRATO else 0.0)
    return sound.modulation * min(amount, 1.0)


@kernel
def swell(sound: Record, volume: float, pressure: float, loudest: int) -> float:
    """Return the volume of a key that is pressed harder."""
    return volume + (loudest - volume) * pressure if sound.aftertouch == _TO_VOLUME else volume
