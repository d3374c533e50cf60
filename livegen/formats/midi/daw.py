"""A score as a MIDI file for a DAW: notes as a musician would write them, for any instrument to play.

Each voice has a track, and another one for what a performer played on it. An onset strikes a note with a velocity;
later changes of its volume become expression (control 11). A noise note becomes the nearest of General MIDI's drums.
Timbres and exact volumes are lost; NES-MDB's layout keeps them (`livegen.formats.midi.nesmdb`).
"""

from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Final

import mido
import numpy as np
from numpy.typing import NDArray

from livegen.formats.midi.clock import MidiClock, conductor_track, save, to_track
from livegen.formats.score.piece import Piece
from livegen.score import DRUM_NOTES, MIDI_CHANNEL, NOTE_RANGE, Column, Voice, onsets, validate_frames
from livegen.units import MAX_VELOCITY, volume_to_velocity

_NAMES: Final = {Voice.P1: "Pulse 1", Voice.P2: "Pulse 2", Voice.TR: "Triangle", Voice.NO: "Noise"}
_PROGRAMS: Final = {Voice.P1: 80, Voice.P2: 80, Voice.TR: 38}  # General MIDI's square lead and synth bass
_EXPRESSION: Final = 11
_TRIANGLE_VELOCITY: Final = 100
_STANDARD_TEMPO: Final = ((0, 120.0),)

_KEY_OF_DRUM: Final = {note: key for key, note in reversed(DRUM_NOTES.items())}
_DRUM_KEYS: Final = {
    note: _KEY_OF_DRUM[min(_KEY_OF_DRUM, key=lambda known: abs(known - note))]
    for note in range(NOTE_RANGE[Voice.NO][0], NOTE_RANGE[Voice.NO][1] + 1)
}
"""General MIDI drum key by noise note: one that `livegen.score.fit_note` turns into this note or a near one."""


def write_daw_midi(path: Path, piece: Piece) -> None:
    """Write a piece with its markers, its player's part, and its tempos, or 120 beats a minute if it has none.

    Raises
    ------
    ScoreError
        If the frames break the ranges of a score.
    FormatError
        If the file cannot be written.
    """
    frames = validate_frames(piece.frames)
    player = piece.is_player
    clock = MidiClock(piece.tempos or _STANDARD_TEMPO)
    edges = clock.frame_ticks(len(frames))
    attacks = onsets(frames)
    file = mido.MidiFile(type=1, ticks_per_beat=clock.ticks_per_beat, charset="utf-8")
    file.tracks.append(conductor_track(piece, clock, edges, []))
    for voice in Voice:
        for played in (False, True):
            mask = player[:, voice] if played else ~player[:, voice]
            preamble = _preamble(voice, played)
            messages = ((edges[at], message) for at, message in _messages(voice, frames, attacks, mask))
            track = to_track(chain(preamble, messages))
            if len(track) > len(preamble):
                file.tracks.append(track)
    save(path, file)


def _preamble(voice: Voice, played: bool) -> list[tuple[int, mido.Message]]:
    name = mido.MetaMessage("track_name", name=_NAMES[voice] + (" (player)" if played else ""))
    if voice not in _PROGRAMS:
        return [(0, name)]
    return [(0, name), (0, mido.Message("program_change", channel=MIDI_CHANNEL[voice], program=_PROGRAMS[voice]))]


def _messages(
    voice: Voice, frames: NDArray[np.uint8], attacks: NDArray[np.bool_], mask: NDArray[np.bool_]
) -> Iterator[tuple[int, mido.Message]]:
    """Yield each message for the frames of a voice in which `mask` is true, after the number of its frame."""
    channel = MIDI_CHANNEL[voice]
    sounds = mask & (frames[:, voice, Column.NOTE] > 0)
    is_taken_up = sounds & ~np.concatenate([[False], sounds[:-1]])  # after silence, or after the other player
    volumes = frames[:, voice, Column.VOLUME].astype(np.int64)
    changes = np.diff(volumes, prepend=0) != 0
    strikes = sounds & (attacks[:, voice] | is_taken_up)
    ends = ~sounds & np.concatenate([[False], sounds[:-1]])
    held, struck, expression = 0, 1, MAX_VELOCITY
    for at in np.flatnonzero(strikes | ends | (sounds & changes)).tolist():
        volume = int(volumes[at])
        if held and (strikes[at] or ends[at]):
            yield at, mido.Message("note_off", channel=channel, note=held)
            held = 0
        if strikes[at]:
            struck = max(volume, 1)
            velocity = _TRIANGLE_VELOCITY if voice is Voice.TR else max(volume_to_velocity(volume), 1)
            note = int(frames[at, voice, Column.NOTE])
            held = _DRUM_KEYS[note] if voice is Voice.NO else note
            if expression != MAX_VELOCITY:
                expression = MAX_VELOCITY
                yield at, _expression(channel, expression)
            yield at, mido.Message("note_on", channel=channel, note=held, velocity=velocity)
        elif held and voice is not Voice.TR:
            wanted = min(round(MAX_VELOCITY * volume / struck), MAX_VELOCITY)
            if wanted != expression:
                expression = wanted
                yield at, _expression(channel, expression)
    if held:
        yield len(frames), mido.Message("note_off", channel=channel, note=held)


def _expression(channel: int, value: int) -> mido.Message:
    return mido.Message("control_change", channel=channel, control=_EXPRESSION, value=value)
