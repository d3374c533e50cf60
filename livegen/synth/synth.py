"""The sound engine: frames of the score and keys of the player in, register writes out.

A voice sounds either the model's frames, with their own volume and timbre, or the player's keys through the
patch's macros, which step on a 60.0988 Hz tick that restarts with each note. Times are absolute samples.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.apu import sample_to_cycle
from livegen.kernels import Record, kernel
from livegen.patch import Macro, Patch
from livegen.score import N_VOICES, Voice, is_onset
from livegen.synth.macros import MACRO, ends_by_itself, macro_value, release_macro, restart_macro, step_macro
from livegen.synth.registers import NO, TR, power_up, write_level, write_note, write_silence
from livegen.units import ENGINE_RATE_HZ, MAX_VOLUME

NEVER: Final = np.iinfo(np.int64).max
"""A sample that does not come: nothing is due."""

SHORTEST_NOTE_SECONDS: Final = 0.010
"""A tap that begins and ends within one audio block still sounds this long."""

VOICE_SYNTH: Final = np.dtype(
    [
        ("note", np.int64),  # what sounds; 0 is silence
        ("volume", np.int64),
        ("timbre", np.int64),
        ("is_player", np.int64),  # the player's keys sound here, and frames do not
        ("order", np.int64),  # of the last key command, so that a late one is told
        ("key_volume", np.int64),  # of the player's note, before its macro
        ("has_velocity", np.int64),
        ("is_released", np.int64),
        ("attack_sample", np.int64),
        ("release_sample", np.int64),  # when a key that came up lets go, or NEVER
        ("n_ticks", np.int64),  # engine ticks since the attack
        ("volume_macro", MACRO),
        ("timbre_macro", MACRO),
    ],
    align=True,
)

SYNTH: Final = np.dtype([("sample_rate", np.float64), ("voices", VOICE_SYNTH, N_VOICES)], align=True)


def set_up_synth(synth: NDArray[np.void], chip: NDArray[np.void], sample_rate: int, patch: Patch) -> None:
    """Prepare a zeroed synth and a chip at power-up to play a patch.

    Parameters
    ----------
    synth : ndarray of SYNTH, shape (1,)
    chip : ndarray of CHIP, shape (1,)
    sample_rate : int
        In Hz.
    patch : Patch
        How the player's notes sound.
    """
    synth["sample_rate"] = sample_rate
    voices = synth["voices"][0]
    voices["release_sample"] = NEVER
    for voice in Voice:
        wanted = patch.voices[voice]
        _fill(voices[voice]["volume_macro"], wanted.volume)
        _fill(voices[voice]["timbre_macro"], wanted.timbre)
        voices[voice]["has_velocity"] = wanted.velocity
    power_up(chip[0])


def _fill(record: NDArray[np.void], macro: Macro) -> None:
    record["values"][: len(macro.values)] = macro.values
    record["length"] = len(macro.values)
    record["loop"] = -1 if macro.loop is None else macro.loop
    record["release"] = -1 if macro.release is None else macro.release


@kernel
def play_frame_voice(synth: Record, chip: Record, sample: int, voice: int, note: int, volume: int, timbre: int) -> None:
    """Let a voice of the model sound what a frame of the score says."""
    state = synth.voices[voice]
    if state.is_player:
        return
    cycle = sample_to_cycle(chip, sample)
    if note == 0:
        _silence(state, chip, cycle, voice)
    elif is_onset(state.note, state.volume, note, volume):
        write_note(chip, cycle, voice, note, volume, timbre)
    elif volume != state.volume or timbre != state.timbre:
        if voice == NO and timbre != state.timbre:
            write_note(chip, cycle, voice, note, volume, timbre)
        else:
            write_level(chip, cycle, voice, volume, timbre)
    state.note, state.volume, state.timbre = note, volume, timbre


@kernel
def key_down(synth: Record, chip: Record, sample: int, voice: int, note: int, volume: int) -> None:
    """Sound a player's note, which takes the voice over from the model."""
    state = synth.voices[voice]
    state.is_player = 1
    state.is_released = 0
    state.key_volume = volume if state.has_velocity else MAX_VOLUME
    state.attack_sample = sample
    state.release_sample = NEVER
    state.n_ticks = 0
    restart_macro(state.volume_macro)
    restart_macro(state.timbre_macro)
    state.note, state.volume, state.timbre = note, _macro_volume(state), macro_value(state.timbre_macro)
    write_note(chip, sample_to_cycle(chip, sample), voice, note, state.volume, state.timbre)


@kernel
def key_up(synth: Record, chip: Record, sample: int, voice: int) -> None:
    """Let go of the player's note; its macro plays its release."""
    state = synth.voices[voice]
    if state.note == 0 or state.is_released or not state.is_player:
        return
    shortest = np.int64(SHORTEST_NOTE_SECONDS * synth.sample_rate)
    state.release_sample = max(sample, state.attack_sample + shortest)


@kernel
def give_to_model(synth: Record, chip: Record, sample: int, voice: int) -> None:
    """End the player's note and let frames sound here again."""
    state = synth.voices[voice]
    if state.is_player:
        state.is_player = 0
        _silence(state, chip, sample_to_cycle(chip, sample), voice)


@kernel
def silence_voice(synth: Record, chip: Record, sample: int, voice: int) -> None:
    """End whatever sounds, without a release."""
    _silence(synth.voices[voice], chip, sample_to_cycle(chip, sample), voice)


@kernel
def next_tick_sample(synth: Record, voice: int) -> int:
    """Return the sample at which the voice next has something to do on its own, or `NEVER`."""
    state = synth.voices[voice]
    if not state.is_player or state.note == 0:
        return NEVER
    return min(_tick_sample(synth, state), state.release_sample)


@kernel
def run_tick(synth: Record, chip: Record, sample: int, voice: int) -> None:
    """Do what `next_tick_sample` announced: let go of the note, or step its macros."""
    state = synth.voices[voice]
    if state.release_sample <= sample:
        state.release_sample = NEVER
        state.is_released = 1
        release_macro(state.volume_macro)
        release_macro(state.timbre_macro)
        if state.volume_macro.release < 0 and not ends_by_itself(state.volume_macro):
            _silence(state, chip, sample_to_cycle(chip, sample), voice)
        return
    state.n_ticks += 1
    cycle = sample_to_cycle(chip, sample)
    step_macro(state.timbre_macro, state.is_released != 0)
    if not step_macro(state.volume_macro, state.is_released != 0):
        _silence(state, chip, cycle, voice)
        return
    volume, timbre = _macro_volume(state), macro_value(state.timbre_macro)
    if volume != state.volume or timbre != state.timbre:
        if voice == TR and volume == 0:
            write_silence(chip, cycle, voice)
        elif (voice == TR and state.volume == 0) or (voice == NO and timbre != state.timbre):
            write_note(chip, cycle, voice, state.note, volume, timbre)
        else:
            write_level(chip, cycle, voice, volume, timbre)
        state.volume, state.timbre = volume, timbre


@kernel
def _silence(state: Record, chip: Record, cycle: int, voice: int) -> None:
    if state.note != 0:
        write_silence(chip, cycle, voice)
    state.note, state.volume, state.release_sample = 0, 0, NEVER


@kernel
def _tick_sample(synth: Record, state: Record) -> int:
    return state.attack_sample + np.int64(np.ceil((state.n_ticks + 1) * synth.sample_rate / ENGINE_RATE_HZ))


@kernel
def _macro_volume(state: Record) -> int:
    """Scale the macro by the key's volume as FamiTracker does: a product over 15, and never silent by rounding."""
    macro = macro_value(state.volume_macro)
    if macro == 0 or state.key_volume == 0:
        return 0
    return max(macro * state.key_volume // MAX_VOLUME, 1)
