"""Sounds: the settings of a voice or a drum in a patch, in the units in which an engine tick needs them."""

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.patch import Drum, Macro, VoicePatch
from livegen.synth.macros import MACRO, ends_by_itself, fill_macro
from livegen.synth.sample import NO_SAMPLE, SAMPLE_SOUND, fill_sample
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

_DECAY_CLOCKS_A_TICK: Final = 192.0 / ENGINE_RATE_HZ  # quarter frames: 192 a second in the five-step mode

SOUND: Final = np.dtype(
    [
        ("macros", MACRO, N_MACROS),
        ("kick", MACRO),  # notes that the triangle plays with a drum
        ("sample", SAMPLE_SOUND),  # what the DMC plays with it
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
        ("modulation", np.float64),  # depth of the modulation wheel's vibrato, in semitones
        ("aftertouch", np.int64),
        ("detune", np.float64),  # semitones
        ("envelope", np.int64),  # the chip's, 0..15 or NO_ENVELOPE
        ("envelope_loops", np.int64),
        ("sweep", np.int64),  # $4001 or $4005, or 0: off
    ],
    align=True,
)


def fill_sound(record: NDArray[np.void], voice: VoicePatch) -> None:
    """Write the settings of a voice to a zeroed element of `SOUND`."""
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
    record["sample"]["place"] = NO_SAMPLE
    record["sweep"] = _sweep_register(voice.sweep_period, voice.sweep_shift)


def fill_drums(
    records: NDArray[np.void],
    drum_of_key: NDArray[np.int64],
    noise: VoicePatch,
    drums: Mapping[int, Drum],
    places: dict[bytes, int],
) -> None:
    """Write drums to zeroed elements of `SOUND`, and the index of each to `drum_of_key`, int64 (128,).

    What a drum does not set is as in `noise`, with three exceptions: its arpeggio is absolute, it does not use the
    chip's envelope, and it always has an attack. `places` are those of the samples, from $C000 on.
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
        fill_sample(records[index]["sample"], drum.sample, drum.sample_rate, places)
        drum_of_key[key] = index


def _replace_macro(record: NDArray[np.void], macro: Macro) -> None:
    record["values"] = 0
    fill_macro(record, macro)


def _sweep_register(period: int, shift: int) -> int:
    """Return ``EPPP NSSS`` of https://www.nesdev.org/wiki/APU_Sweep. To raise the pitch, the period must shrink."""
    return 0 if shift == 0 else 0x80 | period << 4 | (0x08 if shift > 0 else 0) | abs(shift)


@kernel
def rings_out(sound: Record, is_noise: bool) -> bool:
    """Tell whether the note sounds to its own end after its key comes up, as a drum does."""
    if sound.envelope != NO_ENVELOPE:
        return is_noise and not sound.envelope_loops
    return ends_by_itself(sound.macros[VOLUME])


@kernel
def decay_volume(sound: Record, n_ticks: int) -> int:
    """Return the approximate volume (0..15) of the chip's own decay, some engine ticks after the attack.

    It falls by one every rate + 1 quarter frames, https://www.nesdev.org/wiki/APU_Envelope.
    """
    steps = int(n_ticks * _DECAY_CLOCKS_A_TICK) // (sound.envelope + 1)
    return MAX_VOLUME - (steps % (MAX_VOLUME + 1) if sound.envelope_loops else min(steps, MAX_VOLUME))


@kernel
def vibrato_by_hand(sound: Record, modulation: float, pressure: float) -> float:
    """Return the depth, in semitones, of the vibrato from the modulation wheel and the key pressure."""
    amount = modulation + (pressure if sound.aftertouch == _TO_VIBRATO else 0.0)
    return sound.modulation * min(amount, 1.0)


@kernel
def swell(sound: Record, volume: float, pressure: float, loudest: int) -> float:
    """Return the volume of a key with its pressure."""
    return volume + (loudest - volume) * pressure if sound.aftertouch == _TO_VOLUME else volume
