"""Banks: each holds all sounds of one patch. There are several, so that the patch can change while it plays.

A new patch is written to a bank that no sounding note uses; then a command makes it the bank in which notes begin. A
note keeps the sound with which it began, so that a change of patch never cuts a note, clicks or leaves a note hanging.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.patch import Patch
from livegen.patch.delta import REST
from livegen.patch.keys import DRUMS_MAX, MIDI_KEY_MAX
from livegen.patch.samples import sample_places
from livegen.score import N_VOICES, NOTE_RANGE, Voice
from livegen.synth.echo import echo_settings
from livegen.synth.sample import SAMPLES_BYTES
from livegen.synth.sound import NO_ENVELOPE, SOUND, fill_drums, fill_sound

N_SOUNDS: Final = N_VOICES + DRUMS_MAX
"""Number of sounds in a bank: one for each voice, then the drums."""

N_BANKS: Final = N_VOICES + 3
"""Number of banks: one in which notes begin, one for each older note (of the voices and the kick), and a free one."""

NO_DRUM: Final = -1

BANK: Final = np.dtype(
    [
        ("bends_smoothly", np.int64),  # 1: no voice uses the chip's envelope or sweep
        ("plays_model", np.int64, N_VOICES),  # 1: the model's notes sound like the player's
        ("drum_of_key", np.int64, MIDI_KEY_MAX + 1),  # index of a MIDI key's drum, or NO_DRUM
        ("drum_of_note", np.int64, NOTE_RANGE[Voice.NO][1] + 1),  # the same by noise note
        ("echo_volume", np.int64),
        ("echo_delay_samples", np.int64),
        ("echo_detune", np.float64),
        ("serial", np.int64),  # one for each patch that was written to a bank
        ("samples", np.uint8, SAMPLES_BYTES),  # what the DMC finds from $C000 on
    ],
    align=True,
)
"""The fields of a bank, without its sounds."""


def fill_bank(synth: NDArray[np.void], index: int, patch: Patch) -> None:
    """Write a patch to a bank that no sounding note uses.

    Parameters
    ----------
    synth : ndarray of SYNTH, shape (1,)
        Its sample rate must be set.
    index : int
        Index of the bank, as `free_bank` returns it.
    patch : Patch
    """
    sounds, bank = synth["sounds"][0, index * N_SOUNDS : (index + 1) * N_SOUNDS], synth["banks"][0, index]
    sounds[:] = np.zeros(1, SOUND)
    for voice in Voice:
        fill_sound(sounds[voice], patch.voices[voice])
        bank["plays_model"][voice] = patch.voices[voice].model_sound == "patch"
    bank["drum_of_key"] = bank["drum_of_note"] = NO_DRUM
    places = sample_places(drum.sample for drum in patch.drums.values() if drum.sample is not None)
    fill_drums(sounds[N_VOICES:], bank["drum_of_key"], patch.voices[Voice.NO], patch.drums, places)
    bank["serial"] = synth["banks"]["serial"].max() + 1
    bank["samples"] = REST
    for sample, place in places.items():
        bank["samples"][place : place + len(sample)] = np.frombuffer(sample, np.uint8)
    for key, drum in patch.drums.items():
        bank["drum_of_note"][drum.note] = bank["drum_of_key"][key]
    bank["bends_smoothly"] = all(v.envelope == NO_ENVELOPE and v.sweep_shift == 0 for v in patch.voices)
    settings = echo_settings(patch.voices[Voice.P2], float(synth["sample_rate"][0]))
    bank["echo_volume"], bank["echo_delay_samples"], bank["echo_detune"] = settings


def free_bank(synth: NDArray[np.void]) -> int:
    """Return the index of a bank that no note uses, and that none will use until a command says so.

    There always is one: see `N_BANKS`. Call this only when the last `USE_BANK` command has been carried out.
    """
    voices, kick = synth["voices"][0], synth["kick"][0]
    in_use = {int(synth["bank"][0])} | {int(v["sound"]) // N_SOUNDS for v in voices if v["playing"]["note"] != 0}
    if kick["is_sounding"]:
        in_use.add(int(synth["kick_sound"][0]) // N_SOUNDS)
    return min(set(range(N_BANKS)) - in_use)
