"""Scores from and to MIDI files: NES-MDB's own layout exactly, and any other file that a musician has.

The four voices of an ordinary file are these: channels 1, 2, 3 and 10 are P1, P2, TR and NO. The remaining melodic
parts (a track and channel) fill the remaining voices, in the order of the file. A voice plays the newest key that is
held, and of a chord the highest. The sustain pedal holds keys. A key that goes down and up within a frame sounds for
that frame. So nothing of a part is lost, except notes that a voice would have to play at the same time.
"""

from collections.abc import Iterable
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Final

import mido
import numpy as np
from numpy.typing import NDArray

from livegen.errors import FormatError
from livegen.formats.midi import nesmdb as nesmdb_midi
from livegen.formats.midi.smf import CONTROL_CHANGE, NOTE_OFF, NOTE_ON, Song, read_song
from livegen.formats.score.piece import Piece
from livegen.score import MIDI_CHANNEL, N_COLUMNS, N_VOICES, ONSET_VOLUME_RISE, Column, Voice, fit_note
from livegen.units import FRAME_RATE_HZ, MAX_VOLUME, velocity_to_volume

_DRUM_CHANNEL: Final = MIDI_CHANNEL[Voice.NO]
SUSTAIN: Final = 64
ALL_SOUND_OFF: Final = 120
RESET: Final = 121
ALL_NOTES_OFF: Final = 123
PEDAL_DOWN: Final = 64
"""MIDI's numbers of the controls that end notes, and the value from which on the sustain pedal is down."""

_DEFAULT_TIMBRE: Final[dict[Voice, int]] = {Voice.P1: 2, Voice.P2: 2, Voice.TR: 0, Voice.NO: 0}
"""Timbre of each voice. The pulses have the square wave, the most frequent duty in NES-MDB."""

_CYMBAL_FRAMES: Final[dict[int, int]] = {49: 12, 57: 12, 52: 10, 55: 6, 46: 6, 42: 1, 44: 1}
_DRUM_FRAMES: Final = 3
"""Frames that a drum sounds, unless `_CYMBAL_FRAMES` has its key. The ends of notes in drum tracks mean nothing."""

LONGEST_DRUM_FRAMES: Final = max(_CYMBAL_FRAMES.values())

_EDGE_SECONDS: Final = 1e-6
"""Tolerance for rounding: an event that is at the start of a frame up to this error belongs to that frame."""

_Timed = tuple[int, bytes]  # frame and message
_Part = tuple[int, int]  # track and channel


def read_midi_score(path: Path) -> NDArray[np.uint8]:
    """Read any MIDI file as a score.

    Parameters
    ----------
    path : Path
        A file of type 0 or 1. One in NES-MDB's layout, such as `write_midi_score` makes, is read exactly.

    Returns
    -------
    ndarray of uint8, shape (N, 4, 3)
        Frames up to the end of the song. For an ordinary file, that is its last sounding frame.

    Raises
    ------
    FormatError
        If the file is no MIDI file, is damaged or beyond the bounds of `livegen.formats.midi.smf`, or has no notes.
    """
    return read_midi_piece(path).frames


def read_midi_piece(path: Path) -> Piece:
    """Read any MIDI file as a score with its tempos and markers and, in NES-MDB's layout, with the player's part.

    Raises as `read_midi_score` does.
    """
    song = read_song(path)
    if nesmdb_midi.is_nesmdb_layout(song):
        return nesmdb_midi.song_to_piece(song)
    return Piece(_ordinary_to_frames(song), **nesmdb_midi.tempos_markers_and_title(song))


def write_midi_score(path: Path, frames: NDArray[np.uint8], *, player: NDArray[np.bool_] | None = None) -> None:
    """Write a score in NES-MDB's layout, so that `read_midi_score` gives exactly these frames back.

    Parameters
    ----------
    path : Path
    frames : ndarray of uint8, shape (N, 4, 3)
    player : ndarray of bool, shape (N, 4), optional
        True where a performer played. These notes go to tracks named "p1 player" and so on.

    Raises
    ------
    ScoreError
        If `frames` breaks the ranges of a score, or `player` has another shape.
    FormatError
        If the file cannot be written.
    """
    write_midi_piece(path, Piece(frames, player))


def write_midi_piece(path: Path, piece: Piece) -> None:
    """Write a score in NES-MDB's layout with its player's part, tempos and markers; raises as `write_midi_score` does.

    If the piece has tempos, the file has them too, so that the bars of a DAW are those of the song. If it has none, a
    tick is a sample at 44.1 kHz as in NES-MDB. `read_midi_piece` gives exactly these frames back in both cases.
    """
    nesmdb_midi.write(path, piece)


def midi_timeline(path: Path) -> list[tuple[float, mido.Message]]:
    """Return the channel messages of a MIDI file with the seconds at which they are due.

    Returns
    -------
    list of (float, mido.Message)
        In the order of time, by the file's tempo map. The channels are those of the file. A file in NES-MDB's layout
        gives notes on channels 0, 1, 2 and 9 with velocities as a performer's.

    Raises
    ------
    FormatError
        As `read_midi_score`, but not for a file without notes: that gives the messages that it has.
    """
    song = read_song(path)
    if nesmdb_midi.is_nesmdb_layout(song):
        return nesmdb_midi.song_to_timeline(song)
    return [
        (seconds, mido.Message.from_bytes(message))
        for seconds, (_, _, message) in zip(song.seconds.tolist(), song.events, strict=True)
    ]


def event_frames(song: Song) -> list[int]:
    """Return the frame in which each event of a song falls."""
    return np.floor((song.seconds + _EDGE_SECONDS) * FRAME_RATE_HZ).astype(np.int64).tolist()


def _ordinary_to_frames(song: Song) -> NDArray[np.uint8]:
    voices = _assign_voices(song)
    if not voices:
        raise FormatError(f"{song.file_name} holds no notes: choose a MIDI file with music in it")
    at = event_frames(song)
    n_frames = at[-1] + 1 + LONGEST_DRUM_FRAMES
    frames = np.zeros((n_frames, N_VOICES, N_COLUMNS), np.uint8)
    for part, voice in voices.items():
        timed = [
            (frame, message)
            for frame, (_, track, message) in zip(at, song.events, strict=True)
            if _concerns(part, track, message)
        ]
        fill = fill_drums if voice is Voice.NO else _fill_melody
        fill(frames[:, voice], voice, timed)
    sounding = np.flatnonzero(frames[..., Column.NOTE].any(axis=1))
    return frames[: sounding[-1] + 1]


def _assign_voices(song: Song) -> dict[_Part, Voice]:
    """Return the voice of each part that gets one: first by channel, then in the order of the file."""
    parts = dict.fromkeys(
        (track, message[0] & 0x0F)
        for _, track, message in sorted(song.events, key=itemgetter(1))
        if message[0] & 0xF0 == NOTE_ON
    )
    assigned: dict[_Part, Voice] = {}
    for voice, channel in MIDI_CHANNEL.items():
        own = next((part for part in parts if part[1] == channel), None)
        if own is not None:
            assigned[own] = voice
    free = (voice for voice in Voice if voice is not Voice.NO and voice not in assigned.values())
    others = (part for part in parts if part not in assigned and part[1] != _DRUM_CHANNEL)
    return assigned | dict(zip(others, free, strict=False))


def _concerns(part: _Part, track: int, message: bytes) -> bool:
    """Tell whether a message belongs to a part: its notes, and the controls of its channel from any track.

    All drums are one part, because editors often put each drum on a track of its own.
    """
    if message[0] & 0x0F != part[1]:
        return False
    return part[1] == _DRUM_CHANNEL or track == part[0] or message[0] & 0xF0 == CONTROL_CHANGE


def _fill_melody(column: NDArray[np.uint8], voice: Voice, timed: Iterable[_Timed]) -> None:
    """Write one part into a voice's frames, shape (N, 3)."""
    held: dict[int, tuple[int, int]] = {}  # key to the frame in which it was struck, and its velocity
    pedalled: set[int] = set()  # keys that only the pedal holds
    pedal = False
    sounding, filled = (0, 0, 0), 0
    for frame, group in groupby(timed, key=itemgetter(0)):
        column[filled:frame] = sounding
        struck: dict[int, tuple[int, int]] = {}
        for _, message in group:
            kind, first = message[0] & 0xF0, message[1]
            if kind == NOTE_ON:
                struck[first] = held[first] = (frame, message[2])
                pedalled.discard(first)
            elif kind == NOTE_OFF:
                if pedal and first in held:
                    pedalled.add(first)
                elif not pedal:
                    held.pop(first, None)
            elif kind == CONTROL_CHANGE:
                if first in (ALL_SOUND_OFF, ALL_NOTES_OFF):
                    held.clear()
                if first in (SUSTAIN, RESET):
                    pedal = first == SUSTAIN and message[2] >= PEDAL_DOWN
                if not pedal:
                    for key in pedalled:
                        held.pop(key, None)
                    pedalled.clear()
        sounding = _newest(voice, held)
        still_held = {key: strike for key, strike in struck.items() if key in held}
        column[frame] = _newest(voice, still_held or struck) if struck else sounding
        if struck:
            separate(column, frame)
        filled = frame + 1
    column[filled:] = 0


def _newest(voice: Voice, keys: dict[int, tuple[int, int]]) -> tuple[int, int, int]:
    """Return note, volume and timbre of the key that was struck last, or of several the highest; silence for none."""
    if not keys:
        return 0, 0, 0
    key = max(keys, key=lambda key: (keys[key][0], key))
    volume = 0 if voice is Voice.TR else velocity_to_volume(keys[key][1])
    return fit_note(voice, key), volume, _DEFAULT_TIMBRE[voice]


def separate(column: NDArray[np.uint8], frame: int) -> None:
    """Make a note that is repeated in a frame of a voice, shape (N, 3), an onset, by silencing the frame before.

    If the first note has only that one frame, the two stay one note.
    """
    if frame < 2:
        return
    two_before, before, now = (column[at].tolist() for at in (frame - 2, frame - 1, frame))
    repeats = now[Column.NOTE] == before[Column.NOTE] == two_before[Column.NOTE]
    if repeats and now[Column.VOLUME] < before[Column.VOLUME] + ONSET_VOLUME_RISE:
        column[frame - 1] = 0


def fill_drums(column: NDArray[np.uint8], voice: Voice, timed: Iterable[_Timed]) -> None:
    """Write the drums into a voice's frames, shape (N, 3). Each hit fades out; of several, the lowest note is kept."""
    strikes = (strike for strike in timed if strike[1][0] & 0xF0 == NOTE_ON)
    for frame, group in groupby(strikes, key=itemgetter(0)):
        note, key, velocity = min((fit_note(voice, message[1]), message[1], message[2]) for _, message in group)
        length, volume = _CYMBAL_FRAMES.get(key, _DRUM_FRAMES), velocity_to_volume(velocity)
        fading = np.ceil(volume * (1 - np.arange(length) / length)).astype(np.uint8)
        column[frame : frame + LONGEST_DRUM_FRAMES] = 0
        column[frame : frame + length, Column.NOTE] = note
        column[frame : frame + length, Column.VOLUME] = np.clip(fading, 1, MAX_VOLUME)
        column[frame : frame + length, Column.TIMBRE] = _DEFAULT_TIMBRE[voice]
