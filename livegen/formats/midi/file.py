"""Scores from and to MIDI files: NES-MDB's own layout exactly, and any other file that a musician has.

The four voices of an ordinary file are these: channels 1, 2, 3 and 10 are P1, P2, TR and NO. The remaining melodic
parts (a track and channel) fill the remaining voices, in the order of the file. A voice plays the newest key that is
held, and of a chord the highest. The sustain pedal holds keys. A key that goes down and up within a frame sounds for
that frame. So nothing of a part is lost, except notes that a voice would have to play at the same time.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import mido
import numpy as np
from numpy.typing import NDArray

from livegen.errors import FormatError
from livegen.formats.files import Warn, ignore
from livegen.formats.midi import nesmdb as nesmdb_midi
from livegen.formats.midi.held import held_notes
from livegen.formats.midi.smf import CONTROL_CHANGE, NOTE_ON, Events, Song, message_bytes, read_song
from livegen.formats.midi.timeline import changes_to_timeline
from livegen.formats.score.piece import Piece
from livegen.score import MIDI_CHANNEL, N_COLUMNS, N_VOICES, ONSET_VOLUME_RISE, Column, Voice, fit_note
from livegen.units import FRAME_RATE_HZ, MAX_VELOCITY, MAX_VOLUME, velocity_to_volume

_DRUM_CHANNEL: Final = MIDI_CHANNEL[Voice.NO]

_DEFAULT_TIMBRE: Final[dict[Voice, int]] = {Voice.P1: 2, Voice.P2: 2, Voice.TR: 0, Voice.NO: 0}
"""Timbre of each voice. The pulses have the square wave, the most frequent duty in NES-MDB."""

_CYMBAL_FRAMES: Final[dict[int, int]] = {49: 12, 57: 12, 52: 10, 55: 6, 46: 6, 42: 1, 44: 1}
_DRUM_FRAMES: Final = 3
"""Frames that a drum sounds, unless `_CYMBAL_FRAMES` has its key. The ends of notes in drum tracks mean nothing."""

LONGEST_DRUM_FRAMES: Final = max(_CYMBAL_FRAMES.values())

VOLUMES: Final = np.array([velocity_to_volume(velocity) for velocity in range(MAX_VELOCITY + 1)])
"""The chip's volume of each of MIDI's velocities."""

N_KEYS: Final = 128
"""MIDI has so many."""

_EDGE_SECONDS: Final = 1e-6
"""Tolerance for rounding: an event that is at the start of a frame up to this error belongs to that frame."""

_Part = tuple[int, int]  # track and channel


def read_midi_score(path: Path, warn: Warn = ignore) -> NDArray[np.uint8]:
    """Read any MIDI file as a score.

    Parameters
    ----------
    path : Path
        One in NES-MDB's layout, such as `write_midi_score` makes, is read exactly.
    warn : callable
        As `livegen.formats.midi.smf.read_song` has it.

    Returns
    -------
    ndarray of uint8, shape (N, 4, 3)
        Frames up to the end of the song. For an ordinary file, that is its last sounding frame.

    Raises
    ------
    FormatError
        If the file is no MIDI file, has no note that can be read, or is beyond the bounds of
        `livegen.formats.midi.smf`; or as `warn` does.
    """
    return read_midi_piece(path, warn).frames


def read_midi_piece(path: Path, warn: Warn = ignore) -> Piece:
    """Read any MIDI file as a score with its tempos and markers, and of NES-MDB's layout who played it.

    Raises as `read_midi_score` does.
    """
    return song_to_piece(read_song(path, warn))


def song_to_piece(song: Song) -> Piece:
    """Return any song as a score, as `read_midi_piece` has it; raises FormatError if it has no notes."""
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


def midi_timeline(path: Path, warn: Warn = ignore) -> Sequence[tuple[float, mido.Message]]:
    """Return what a MIDI file would send: its channel messages with the seconds at which they are due.

    Returns
    -------
    sequence of (float, mido.Message)
        In time order, the tempo map applied. The channels are the file's own. A file in NES-MDB's layout comes
        as notes on channels 0, 1, 2 and 9 with velocities of a performer.

    Raises
    ------
    FormatError
        As `read_midi_score`, but not for a file without notes: that gives the messages that it has.
    """
    song = read_song(path, warn)
    if nesmdb_midi.is_nesmdb_layout(song):
        return changes_to_timeline(nesmdb_midi.song_to_changes(song))
    return Timeline(song)


class Timeline(Sequence[tuple[float, mido.Message]]):
    """The messages of a song with their seconds, each made when it is asked for: mido's are large."""

    def __init__(self, song: Song) -> None:
        self._seconds, self._messages = song.seconds, song.events.message

    def __len__(self) -> int:
        return len(self._seconds)

    def __getitem__(self, index):  # type: ignore[no-untyped-def]
        if isinstance(index, slice):
            return [self[place] for place in range(*index.indices(len(self)))]
        return float(self._seconds[index]), mido.Message.from_bytes(message_bytes(self._messages[index]))


def event_frames(song: Song) -> NDArray[np.int64]:
    """Return the frame in which each event of a song falls."""
    return np.floor((song.seconds + _EDGE_SECONDS) * FRAME_RATE_HZ).astype(np.int64)


def _ordinary_to_frames(song: Song) -> NDArray[np.uint8]:
    voices = _assign_voices(song)
    if not voices:
        raise FormatError(f"{song.file_name} holds no notes: choose a MIDI file with music in it")
    at = event_frames(song)
    n_frames = int(at[-1]) + 1 + LONGEST_DRUM_FRAMES
    frames = np.zeros((n_frames, N_VOICES, N_COLUMNS), np.uint8)
    for part, voice in voices.items():
        concerned = np.flatnonzero(_concerns(part, song.events))
        fill = fill_drums if voice is Voice.NO else _fill_melody
        fill(frames[:, voice], voice, at[concerned], song.events.message[concerned])
    sounding = np.flatnonzero(frames[..., Column.NOTE].any(axis=1))
    return frames[: sounding[-1] + 1]


def _assign_voices(song: Song) -> dict[_Part, Voice]:
    """Return the voice of each part that gets one: by its channel first, then in the order of the file."""
    is_on = song.events.kind == NOTE_ON
    track, channel = song.events.track[is_on], song.events.channel[is_on]
    _, first = np.unique(track.astype(np.uint16) << 4 | channel, return_index=True)  # 16 bits are sorted at once
    first = first[np.lexsort((first, track[first]))]
    parts = list(zip(track[first].tolist(), channel[first].tolist(), strict=True))
    assigned: dict[_Part, Voice] = {}
    for voice, channel_of_voice in MIDI_CHANNEL.items():
        own = next((part for part in parts if part[1] == channel_of_voice), None)
        if own is not None:
            assigned[own] = voice
    free = (voice for voice in Voice if voice is not Voice.NO and voice not in assigned.values())
    others = (part for part in parts if part not in assigned and part[1] != _DRUM_CHANNEL)
    return assigned | dict(zip(others, free, strict=False))


def _concerns(part: _Part, events: Events) -> NDArray[np.bool_]:
    """Tell which messages are a part's: its notes, and the controls of its channel from any track.

    All drums are one part, because editors often put each drum on a track of its own.
    """
    is_own = events.channel == part[1]
    if part[1] == _DRUM_CHANNEL:
        return is_own
    return is_own & ((events.track == part[0]) | (events.kind == CONTROL_CHANGE))


def _fill_melody(column: NDArray[np.uint8], voice: Voice, at: NDArray[np.int64], messages: NDArray[np.uint8]) -> None:
    """Write one part, the frames of its messages and these, into a voice's frames, shape (N, 3)."""
    held = held_notes(messages, messages[:, 1])
    at = np.append(at, at[-1] + 1)
    start, end = at[held.strike], at[np.minimum(held.release, held.again)]
    key, velocity = messages[held.strike, 1], messages[held.strike, 2]
    order = np.argsort(start << 7 | key, kind="stable")
    start, end, key, velocity = start[order], end[order], key[order], velocity[order]
    heard = _newest(start, end, len(column))
    last = np.flatnonzero(np.diff(start, append=-1))  # of those struck in a frame, the highest
    struck = start[last]
    is_over = (heard[struck] < 0) | (start[heard[struck]] < struck)
    heard[struck[is_over]] = last[is_over]
    frames = np.flatnonzero(heard >= 0)
    note = heard[frames]
    column[frames, Column.NOTE] = notes_of_keys(voice)[key[note]]
    if voice is not Voice.TR:
        column[frames, Column.VOLUME] = VOLUMES[velocity[note]]
    column[frames, Column.TIMBRE] = _DEFAULT_TIMBRE[voice]
    separate(column, struck)


def _newest(start: NDArray[np.int64], end: NDArray[np.int64], n_frames: int) -> NDArray[np.int64]:
    """Return for each frame the last of the notes that sound then, or -1.

    A note is two spans as long as the greatest power of two that fits, and such a span is two of half its length.
    """
    newest = np.full(n_frames, -1)
    level = np.frexp(end - start)[1] - 1
    for n in range(level.max(initial=-1), -1, -1):
        span = 1 << n
        newest[span:] = np.maximum(newest[span:], newest[:-span])
        notes = np.flatnonzero(level == n)
        np.maximum.at(newest, start[notes], notes)
        np.maximum.at(newest, end[notes] - span, notes)
    return newest


def separate(column: NDArray[np.uint8], struck: NDArray[np.int64]) -> None:
    """Make repeated notes of a voice, shape (N, 3), onsets, by silencing the frame before each.

    Parameters
    ----------
    column : ndarray of uint8, shape (N, 3)
    struck : ndarray of int64
        The frames in which notes are struck, ascending. A note that has only one frame stays one with the next.
    """
    struck = struck[struck >= 2]
    note, volume = column[:, Column.NOTE], column[:, Column.VOLUME].astype(np.int64)
    is_repeated = (note[struck] == note[struck - 1]) & (note[struck] == note[struck - 2])
    repeated = struck[is_repeated & (volume[struck] < volume[struck - 1] + ONSET_VOLUME_RISE)]
    column[repeated[every_second(repeated)] - 1] = 0


def notes_of_keys(voice: Voice) -> NDArray[np.uint8]:
    """Return the note with which a voice plays each of MIDI's keys."""
    return np.array([fit_note(voice, key) for key in range(N_KEYS)], np.uint8)


def every_second(frames: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Tell which of some frames, ascending, are the first, third, and so on of those that follow one another."""
    place = np.arange(len(frames))
    first = np.maximum.accumulate(np.where(np.diff(frames, prepend=-1) != 1, place, 0))
    return (place - first) % 2 == 0


def fill_drums(column: NDArray[np.uint8], voice: Voice, at: NDArray[np.int64], messages: NDArray[np.uint8]) -> None:
    """Write the drums, the frames of their messages and these, into a voice's frames, shape (N, 3).

    Each hit fades out, and the deepest of several wins.
    """
    is_on = messages[:, 0] & 0xF0 == NOTE_ON
    at = at[is_on]
    notes = notes_of_keys(voice)[messages[is_on, 1]].astype(np.int32)
    hits = notes << 14 | messages[is_on, 1].astype(np.int32) << 7 | messages[is_on, 2]
    first = np.flatnonzero(np.diff(at, prepend=-1))
    hits, at = np.minimum.reduceat(hits, first), at[first]
    lengths = np.array([_CYMBAL_FRAMES.get(key, _DRUM_FRAMES) for key in range(N_KEYS)])[hits >> 7 & 0x7F]
    volumes = VOLUMES[hits & 0x7F]
    room = np.diff(at, append=len(column))  # up to the next one
    for age in range(LONGEST_DRUM_FRAMES):
        sounds = (age < lengths) & (age < room)
        fading = np.ceil(volumes[sounds] * (1 - age / lengths[sounds]))
        frames = at[sounds] + age
        column[frames, Column.NOTE] = hits[sounds] >> 14
        column[frames, Column.VOLUME] = np.clip(fading, 1, MAX_VOLUME)
        column[frames, Column.TIMBRE] = _DEFAULT_TIMBRE[voice]
