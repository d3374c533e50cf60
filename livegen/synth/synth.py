"""The synth: frames of the score and commands of the player in, register writes out.

A voice sounds either the model's frames, with their own volume and timbre, or notes with the patch's sound. The
player's notes always have the patch's sound, the model's notes have it where the patch says so. Macros step on an
engine tick of 60.0988 Hz that restarts with each note. Times are absolute samples. The synth owns its chip, or one
chip for each voice where they are to be heard apart. What an event writes is stored first and sent by `send_writes`, so
that only that kernel contains the chip's code.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.apu import CHIP, VOICES, new_chip, sample_to_cycle, write_memory, write_register
from livegen.apu.dmc import FIRST_SAMPLE_OFFSET
from livegen.patch import Patch
from livegen.patch.keys import MIDI_KEY_MAX
from livegen.score import N_VOICES, NOTE_RANGE, Voice, is_onset
from livegen.synth.bank import BANK, N_BANKS, N_SOUNDS, NO_DRUM, fill_bank
from livegen.synth.commands import (
    EXPRESS,
    GIVE_TO_MODEL,
    KEY_DOWN,
    KEY_UP,
    SET_CHORD,
    SILENCE_ALL,
    USE_BANK,
)
from livegen.synth.echo import ECHO, next_tone_sample, remember_tone, set_echo, take_tone
from livegen.synth.kick import KICK, begin_kick, kick_note, next_kick_sample, step_kick
from livegen.synth.note import (
    NOTE,
    begin_note,
    is_spent,
    move_note,
    note_pitch,
    note_step,
    note_timbre,
    note_volume,
    release_note,
    set_key_volume,
    step_note,
)
from livegen.synth.registers import (
    NO,
    NO_BANK,
    P1,
    P2,
    TR,
    WRITES,
    WRITTEN,
    bend_pulse,
    constant_level,
    envelope_level,
    power_up,
    pulse_period,
    remember_power_up,
    triangle_period,
    write_noise,
    write_pulse,
    write_triangle,
)
from livegen.synth.sample import NO_SAMPLE, SAMPLE, begin_sample, end_sample, sample_bit
from livegen.synth.sound import NO_ENVELOPE, SOUND, VOLUME, decay_volume, rings_out
from livegen.system.kernels import Record, kernel
from livegen.units import CPU_CLOCK_HZ, MAX_VOLUME, engine_ticks_to_samples
from livegen.voices import MAX_CHORD_NOTES

NEVER: Final = np.iinfo(np.int64).max
"""Sample number that means that nothing is due."""

SHORTEST_NOTE_SECONDS: Final = 0.010
"""Shortest time that a note sounds, even if its key goes down and up within one audio block."""

N_LANES: Final = N_VOICES + 2
"""Number of lanes. Each has events of its own: first the voices, then the kick, then the echo."""

_KICK_LANE: Final = N_VOICES
_ECHO_LANE: Final = N_VOICES + 1

_CPU_CLOCK_HZ: Final = CPU_CLOCK_HZ["ntsc"]
_LOWEST_NOISE, _HIGHEST_NOISE = NOTE_RANGE[Voice.NO]

VOICE_SYNTH: Final = np.dtype(
    [
        ("playing", NOTE),
        ("sound", np.int64),  # index into the sounds
        ("is_player", np.int64),  # 1: the player's keys sound here, and frames do not
        ("runs_macros", np.int64),  # 1: the note has the patch's sound, 0: it sounds as the frame says
        ("order", np.int64),  # of the last key command; an older one is ignored
        ("express_order", np.int64),  # the same of the last EXPRESS
        ("attack_sample", np.int64),
        ("release_sample", np.int64),  # sample at which a note whose key came up is released, or NEVER
        ("frame_note", np.int64),  # this and the next two: the voice in the last frame
        ("frame_volume", np.int64),
        ("frame_timbre", np.int64),
        ("written", WRITTEN),
    ],
    align=True,
)

SYNTH: Final = np.dtype(
    [
        ("sample_rate", np.float64),
        ("chord_ticks", np.int64),  # engine ticks for each note of a chord, a live control
        ("chip_of_voice", np.int64, N_VOICES),
        ("bank", np.int64),  # index of the bank in which notes begin
        ("banks", BANK, N_BANKS),
        ("sounds", SOUND, N_BANKS * N_SOUNDS),
        ("voices", VOICE_SYNTH, N_VOICES),
        ("triangle_is_on", np.int64),  # this and the next: what the triangle would sound without the kick
        ("triangle_period", np.int64),
        ("kick", KICK),
        ("kick_sound", np.int64),
        ("sample", SAMPLE),
        ("echo", ECHO),
        ("writes", WRITES, N_VOICES),  # writes of the present event, for each chip
        ("chips", CHIP, N_VOICES),
    ],
    align=True,
)


def set_up_synth(
    synth: NDArray[np.void], sample_rate: int, patch: Patch, *, is_apart: bool = False, filters: bool = True
) -> None:
    """Prepare a zeroed synth to play a patch.

    Parameters
    ----------
    synth : ndarray of SYNTH, shape (1,)
    sample_rate : int
        In Hz.
    patch : Patch
        How notes sound.
    is_apart : bool
        Whether each voice has a chip of its own, in the order of the voices; else the first chip plays them all.
    filters : bool
        Whether the console's output filters are on.
    """
    synth["sample_rate"] = sample_rate
    synth["chord_ticks"] = 1
    voices = synth["voices"][0]
    voices["release_sample"] = NEVER
    remember_power_up(voices["written"])
    synth["chip_of_voice"] = range(N_VOICES) if is_apart else 0
    fill_bank(synth, 0, patch)
    _use_bank(synth[0], 0, 0)
    for index in range(N_VOICES if is_apart else 1):
        audible = VOICES[index : index + 1 + (index == NO)] if is_apart else VOICES  # the noise with the DMC
        chip = new_chip(cpu_clock_hz=_CPU_CLOCK_HZ, sample_rate=sample_rate, voices=audible, filters=filters)
        synth["chips"][0, index] = chip[0]
        power_up(synth["writes"][0, index])
    send_writes(synth[0])


@kernel
def send_writes(synth: Record) -> None:
    """Send to the chips what an event has to write. To be called after each command, frame and event."""
    for index in range(N_VOICES):
        writes = synth.writes[index]
        if writes.n_writes > 0 and writes.loaded_bank != NO_BANK:
            samples = synth.banks[writes.loaded_bank].samples
            write_memory(synth.chips[index], writes.load_cycle, FIRST_SAMPLE_OFFSET, samples)
            writes.loaded_bank = NO_BANK
        for i in range(writes.n_writes):
            write_register(synth.chips[index], writes.cycles[i], writes.addresses[i], writes.values[i])
        writes.n_writes = 0


@kernel
def run_command(synth: Record, sample: int, command: Record) -> None:
    """Carry out a record of `livegen.synth.commands.COMMAND`, unless it is older than the voice's last one."""
    if command.kind == SILENCE_ALL:
        for voice in range(N_VOICES):
            if command.order >= synth.voices[voice].order:
                synth.voices[voice].order = command.order
                silence_voice(synth, sample, voice)
        return
    if command.kind == USE_BANK:
        _use_bank(synth, sample, command.note)
        return
    state = synth.voices[command.voice]
    if command.kind == EXPRESS:
        if command.order >= state.express_order:
            state.express_order = command.order
            playing = state.playing
            playing.bend, playing.modulation, playing.pressure = command.bend, command.modulation, command.pressure
        return
    if command.order < state.order:
        return
    state.order = command.order
    if command.kind == KEY_DOWN:
        _key_down(synth, sample, command)
    elif command.kind == SET_CHORD:
        if state.is_player:
            _change_chord(synth, sample, command)
    elif command.kind == KEY_UP:
        if state.is_player:
            _let_go(synth, state, sample)
    elif command.kind == GIVE_TO_MODEL and state.is_player:
        _silence(synth, sample, command.voice)
        state.is_player = 0


@kernel
def play_frame_voice(synth: Record, sample: int, voice: int, note: int, volume: int, timbre: int) -> None:
    """Let a voice of the model's sound what a frame of the score says. Does nothing on a voice of the player's."""
    state = synth.voices[voice]
    if state.is_player:
        return
    attacks = is_onset(state.frame_note, state.frame_volume, note, volume)
    is_same = note == state.frame_note and volume == state.frame_volume and timbre == state.frame_timbre
    loudness = MAX_VOLUME if voice == TR else volume  # the triangle's volume is 0 in every frame
    bank = synth.banks[synth.bank]
    if attacks and bank.plays_model[voice]:
        drum = bank.drum_of_note[note] if voice == NO else NO_DRUM
        state.playing.n_notes = 1
        _attack(synth, sample, voice, _sound_index(synth, voice, drum), note, loudness, state.playing.note != 0)
    elif bank.plays_model[voice]:
        if note == 0 and not state.runs_macros:  # the note began under a patch that does not change the model's sound
            _silence(synth, sample, voice)
        elif note == 0 and state.frame_note != 0:
            _let_go(synth, state, sample)
        elif note != 0:
            set_key_volume(state.playing, synth.sounds[state.sound], loudness)
    elif note == 0:
        _silence(synth, sample, voice)
    elif not is_same:
        state.runs_macros = 0
        state.playing.note, state.playing.base = note, note
        _sound(synth, sample, voice, float(note), 0, constant_level(loudness), loudness, timbre, 0, attacks)
    state.frame_note, state.frame_volume, state.frame_timbre = note, volume, timbre


@kernel
def silence_voice(synth: Record, sample: int, voice: int) -> None:
    """End whatever sounds, without a release."""
    _silence(synth, sample, voice)
    if voice == NO:
        end_sample(synth, _writes(synth, NO), _cycle(synth, sample), sample)
    if voice in (TR, NO):
        _end_kick(synth, sample)
    else:
        synth.echo.read = synth.echo.written
        _silence_echo(synth, sample)


@kernel
def next_event_sample(synth: Record, lane: int) -> int:
    """Return the sample of a lane's next event, or `NEVER`."""
    if lane == _KICK_LANE:
        return next_kick_sample(synth.kick, synth.sample_rate, NEVER)
    if lane == _ECHO_LANE:
        return next_tone_sample(synth.echo, NEVER)
    state = synth.voices[lane]
    if not state.runs_macros or state.playing.note == 0:
        return NEVER
    tick_sample = state.attack_sample + engine_ticks_to_samples(state.playing.n_ticks + 1, synth.sample_rate)
    return min(tick_sample, state.release_sample)


@kernel
def run_event(synth: Record, sample: int, lane: int) -> None:
    """Carry out the event that `next_event_sample` announced."""
    if lane == _KICK_LANE:
        step_kick(synth.kick, synth.sounds[synth.kick_sound].kick)
        _send_triangle(synth, sample)
    elif lane == _ECHO_LANE:
        _run_echo(synth, sample)
    elif synth.voices[lane].release_sample <= sample:
        _release(synth, sample, lane)
    else:
        _tick(synth, sample, lane)


@kernel
def _use_bank(synth: Record, sample: int, index: int) -> None:
    bank = synth.banks[index]
    synth.bank = index
    if set_echo(synth.echo, bank.echo_volume, bank.echo_delay_samples, bank.echo_detune):
        _silence_echo(synth, sample)


@kernel
def _sound_index(synth: Record, voice: int, drum: int) -> int:
    return synth.bank * N_SOUNDS + (voice if drum == NO_DRUM else N_VOICES + drum)


@kernel
def _key_down(synth: Record, sample: int, command: Record) -> None:
    voice = command.voice
    state = synth.voices[voice]
    drum = synth.banks[synth.bank].drum_of_key[command.key & MIDI_KEY_MAX] if voice == NO else NO_DRUM
    sound_index = _sound_index(synth, voice, drum)
    sounds_on = state.is_player and state.playing.note != 0
    is_held = sounds_on and state.release_sample == NEVER
    _take_chord(state.playing, command)
    is_same_sound = state.sound == sound_index and not state.playing.is_released
    sound = synth.sounds[sound_index]
    if is_held and is_same_sound and sound.is_legato and not is_spent(state.playing, sound):
        move_note(state.playing, sound, command.note)
        _send_note(synth, sample, voice, False)
    else:
        state.is_player = 1
        _attack(synth, sample, voice, sound_index, command.note, command.volume, sounds_on)


@kernel
def _change_chord(synth: Record, sample: int, command: Record) -> None:
    """Change the notes of a chord without an attack. A chord that has faded out begins again when a key is added."""
    state = synth.voices[command.voice]
    playing = state.playing
    if command.n_notes > playing.n_notes and is_spent(playing, synth.sounds[state.sound]):
        _key_down(synth, sample, command)
        return
    _take_chord(playing, command)
    if playing.note != 0 and command.n_notes == 1:
        playing.note = command.notes[0]


@kernel
def _take_chord(playing: Record, command: Record) -> None:
    playing.n_notes = min(max(command.n_notes, 1), MAX_CHORD_NOTES)
    for index in range(MAX_CHORD_NOTES):
        playing.notes[index] = command.notes[index]


@kernel
def _attack(synth: Record, sample: int, voice: int, sound_index: int, note: int, volume: int, glides: bool) -> None:
    """Begin a note. With `glides` its pitch may glide from the note that sounds, which the same hand played."""
    state = synth.voices[voice]
    state.sound, state.runs_macros = sound_index, 1
    state.attack_sample, state.release_sample = sample, NEVER
    state.frame_note = 0
    begin_note(state.playing, synth.sounds[sound_index], note, volume, glides)
    _send_note(synth, sample, voice, True)
    if voice == NO and synth.sounds[sound_index].kick.length > 0:
        synth.kick_sound = sound_index
        begin_kick(synth.kick, sample)
        _send_triangle(synth, sample)
    if voice == NO and synth.sounds[sound_index].sample.place != NO_SAMPLE:
        bank = sound_index // N_SOUNDS
        begin_sample(synth, _writes(synth, NO), _cycle(synth, sample), sample, bank, synth.sounds[sound_index].sample)


@kernel
def _let_go(synth: Record, state: Record, sample: int) -> None:
    playing = state.playing
    if playing.note == 0 or playing.is_released or not state.runs_macros:
        return
    shortest = np.int64(SHORTEST_NOTE_SECONDS * synth.sample_rate)
    state.release_sample = max(sample, state.attack_sample + shortest)


@kernel
def _release(synth: Record, sample: int, voice: int) -> None:
    state = synth.voices[voice]
    sound = synth.sounds[state.sound]
    state.release_sample = NEVER
    release_note(state.playing, sound)
    has_release = sound.envelope == NO_ENVELOPE and sound.macros[VOLUME].release >= 0
    if has_release or rings_out(sound, voice == NO):
        _send_note(synth, sample, voice, False)
    else:
        _silence(synth, sample, voice)


@kernel
def _tick(synth: Record, sample: int, voice: int) -> None:
    state = synth.voices[voice]
    if step_note(state.playing, synth.sounds[state.sound]):
        _send_note(synth, sample, voice, False)
    else:
        _silence(synth, sample, voice)


@kernel
def _silence(synth: Record, sample: int, voice: int) -> None:
    state = synth.voices[voice]
    if state.playing.note != 0:
        _sound(synth, sample, voice, state.playing.base, 0, constant_level(0), 0, 0, 0, False)
    state.playing.note, state.release_sample, state.frame_note = 0, NEVER, 0


@kernel
def _send_note(synth: Record, sample: int, voice: int, is_attack: bool) -> None:
    """Let the voice sound its note with the present volume, timbre and pitch."""
    state = synth.voices[voice]
    playing, sound = state.playing, synth.sounds[state.sound]
    volume, timbre = note_volume(playing, sound), note_timbre(playing, sound)
    level = constant_level(volume)
    if sound.envelope != NO_ENVELOPE:
        volume = decay_volume(sound, playing.n_ticks)
        level = envelope_level(sound.envelope, sound.envelope_loops != 0)
    if voice == NO:
        pitch = float(note_step(playing, sound, _LOWEST_NOISE, _HIGHEST_NOISE))
    else:
        pitch = note_pitch(playing, sound, synth.chord_ticks)
    _sound(synth, sample, voice, pitch, playing.period_offset, level, volume, timbre, sound.sweep, is_attack)


@kernel
def _sound(
    synth: Record,
    sample: int,
    voice: int,
    pitch: float,
    period_offset: int,
    level: int,
    volume: int,
    timbre: int,
    sweep: int,
    is_attack: bool,
) -> None:
    """Write to the chip what a voice is to sound. The pitch of the noise is its noise note."""
    written = synth.voices[voice].written
    if voice == TR:
        synth.triangle_is_on = volume > 0
        synth.triangle_period = triangle_period(pitch, period_offset)
        _send_triangle(synth, sample)
    elif voice == NO:
        period = timbre << 7 | 16 - int(pitch) if volume > 0 else written.period
        write_noise(_writes(synth, NO), _cycle(synth, sample), written, level, period, is_attack)
    else:
        period = pulse_period(pitch, period_offset) if volume > 0 else written.period
        _send_pulse(synth, sample, voice, timbre << 6 | level, period, sweep, is_attack)
        if voice == P1:
            remember_tone(synth.echo, sample, pitch, period_offset, volume, timbre, is_attack)
        else:
            synth.echo.is_sounding = 0


@kernel
def _send_pulse(synth: Record, sample: int, voice: int, level: int, period: int, sweep: int, is_attack: bool) -> None:
    writes, written, cycle = _writes(synth, voice), synth.voices[voice].written, _cycle(synth, sample)
    if not is_attack and synth.banks[synth.bank].bends_smoothly:
        bend_pulse(writes, cycle, voice, written, period)
    write_pulse(writes, cycle, voice, written, level, period, sweep, is_attack)


@kernel
def _send_triangle(synth: Record, sample: int) -> None:
    """Let the triangle sound the kick while there is one, else its own note."""
    writes, written, cycle = _writes(synth, TR), synth.voices[TR].written, _cycle(synth, sample)
    bit = sample_bit(synth, sample)
    if synth.kick.is_sounding:
        note = kick_note(synth.kick, synth.sounds[synth.kick_sound].kick)
        write_triangle(writes, cycle, written, True, triangle_period(float(note), 0), bit)
    else:
        write_triangle(writes, cycle, written, synth.triangle_is_on != 0, synth.triangle_period, bit)


@kernel
def _end_kick(synth: Record, sample: int) -> None:
    if synth.kick.is_sounding:
        synth.kick.is_sounding = 0
        _send_triangle(synth, sample)


@kernel
def _run_echo(synth: Record, sample: int) -> None:
    tone = take_tone(synth.echo)
    if synth.voices[P2].playing.note != 0:
        return
    if tone.volume == 0:
        _silence_echo(synth, sample)
        return
    is_attack = tone.is_attack != 0 or not synth.echo.is_sounding
    synth.echo.is_sounding = 1
    level = tone.timbre << 6 | constant_level(tone.volume)
    _send_pulse(synth, sample, P2, level, pulse_period(tone.pitch, tone.offset), 0, is_attack)


@kernel
def _silence_echo(synth: Record, sample: int) -> None:
    if synth.echo.is_sounding:
        synth.echo.is_sounding = 0
        _send_pulse(synth, sample, P2, constant_level(0), synth.voices[P2].written.period, 0, False)


@kernel
def _writes(synth: Record, voice: int) -> Record:
    return synth.writes[synth.chip_of_voice[voice]]


@kernel
def _cycle(synth: Record, sample: int) -> int:
    """Return the cycle of a sample, the same on every chip."""
    return sample_to_cycle(synth.chips[0], sample)
