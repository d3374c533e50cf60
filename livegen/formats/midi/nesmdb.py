"""NES-MDB's own layout of a MIDI file, which holds a score without loss.

One tick is a sample at 44.1 kHz (22,050 ticks a beat at 120 beats a minute). Each voice has a track, named p1, p2, tr
or no. The velocity of a note is its volume, control 11 sets a new volume, control 12 a new timbre. A time signature 1/1
marks the end (https://github.com/chrisdonahue/nesmdb, `nesmdb/score/midi.py`). The triangle's notes have velocity 1
and its volume is 0. livegen adds tracks named "p1 player" and so on for what a performer played, markers, and, if a
piece has a beat, its tempos; a tick is then a part of that beat.
"""

from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any, Final

import mido
import numpy as np
from numpy.typing import NDArray

from livegen.formats.chip.register_log import Tags
from livegen.formats.midi.clock import (
    GRID_TICKS_PER_BEAT,
    MUSICAL_TICKS_PER_BEAT,
    MidiClock,
    conductor_track,
    save,
    to_track,
)
from livegen.formats.midi.smf import CONTROL_CHANGE, NOTE_OFF, NOTE_ON, Events, Song
from livegen.formats.score.changes import Changes, tidied
from livegen.formats.score.downsample import GRID_RATE_HZ, downsample, frame_edges, frames_to_samples, samples_to_frames
from livegen.formats.score.piece import Piece
from livegen.score import (
    MIDI_CHANNEL,
    N_COLUMNS,
    N_VOICES,
    NOTE_RANGE,
    SILENCE,
    TIMBRE_MAX,
    VOLUME_MAX,
    Column,
    Voice,
    fit_note,
    validate_frames,
)
from livegen.units import FRAME_RATE_HZ, MAX_VELOCITY, MAX_VOLUME
from livegen.voices import VOICE_OF_NAME

_PLAYER_SUFFIX: Final = " player"
_PROGRAMS: Final[dict[Voice, int]] = {Voice.P1: 80, Voice.P2: 81, Voice.TR: 38, Voice.NO: 121}  # as nesmdb writes them
_MOST_SAID: Final = 10_000  # largest number of tempos, and of markers; no music has more
_VOLUME_CONTROL: Final = 11
_TIMBRE_CONTROL: Final = 12


def is_nesmdb_layout(song: Song) -> bool:
    """Tell whether a song's tracks are NES-MDB's: by their names, and no velocity is over 15.

    Of a damaged one most notes must be so.
    """
    has_voice = np.array([_voice_of(name) is not None for name in song.track_names], np.bool_)
    if not has_voice.any():
        return False
    is_on = song.events.kind == NOTE_ON
    fits = has_voice[song.events.track[is_on]] & (song.events.message[is_on, 2] <= MAX_VOLUME)
    return bool(fits.all() or (song.is_damaged and fits.mean() > 0.5))


def song_to_frames(song: Song) -> NDArray[np.uint8]:
    """Return the score of a song in this layout, uint8 (N, 4, 3). A frame keeps what NES-MDB's rule says."""
    return _frames_of(song, voice_changes(song))


def _frames_of(song: Song, changes: dict[Voice, tuple[NDArray[np.int64], NDArray[np.uint8]]]) -> NDArray[np.uint8]:
    frames = np.empty((_n_frames(song), N_VOICES, N_COLUMNS), np.uint8)
    for voice, (starts, states) in changes.items():
        frames[:, voice] = downsample(starts, states[:, :N_COLUMNS], len(frames))
    return frames


def _to_the_sample(song: Song, changes: dict[Voice, tuple[NDArray[np.int64], NDArray[np.uint8]]]) -> Changes:
    length = song_end(song)
    voices = [tidied(starts, states[:, :N_COLUMNS], length) for starts, states in changes.values()]
    return Changes(tuple(starts for starts, _ in voices), tuple(states for _, states in voices), length)


def song_to_piece(song: Song) -> Piece:
    """Return a song in this layout with its tempos, its markers and, if it has one, the player's part.

    What nobody is said to have played has its changes to the sample, too, if the ticks of the file are samples.
    """
    changes = voice_changes(song)
    frames = _frames_of(song, changes)
    said = tempos_markers_and_title(song)
    if song.ticks_per_beat == GRID_TICKS_PER_BEAT:  # its tempo is that of the grid, not of the music
        said["tempos"] = ()
    has_player = any(name.endswith(_PLAYER_SUFFIX) for name in song.track_names)
    if not has_player and song.ticks_per_beat == GRID_TICKS_PER_BEAT:
        return Piece(frames, **said, changes=_to_the_sample(song, changes))
    if not has_player:
        return Piece(frames, **said)
    player = np.zeros(frames.shape[:2], np.bool_)
    for voice, (starts, states) in changes.items():
        # the owner is put where `downsample` expects the volume, because only samples that sound then decide
        owners = np.stack([states[:, 0], states[:, N_COLUMNS], np.zeros_like(starts, np.uint8)], axis=1)
        player[:, voice] = downsample(starts, owners, len(frames))[:, Column.VOLUME] > 0
    return Piece(frames, player, **said)


def tempos_markers_and_title(song: Song) -> dict[str, Any]:
    """Return the tempos and the markers of a song's `Piece`, each at the nearest frame, and the title in its tags."""
    fields: dict[str, Any] = {
        name: tuple((round(seconds * FRAME_RATE_HZ), what) for seconds, what in said[:_MOST_SAID])
        for name, said in (("tempos", song.tempos), ("markers", song.markers))
    }
    has_conductor = len(song.track_names) > 1 and bool((song.events.track > 0).all())
    return fields | {"tags": Tags(title=song.track_names[0] if has_conductor else "")}


def song_end(song: Song) -> int:
    """Return the grid sample at which a song in this layout ends."""
    if song.ticks_per_beat == MUSICAL_TICKS_PER_BEAT:
        return int(frame_edges(_n_frames(song))[-1])
    return round(_end_seconds(song) * GRID_RATE_HZ)


def _n_frames(song: Song) -> int:
    if song.ticks_per_beat == MUSICAL_TICKS_PER_BEAT:
        return round(_end_seconds(song) * FRAME_RATE_HZ)
    return samples_to_frames(song_end(song))


def _end_seconds(song: Song) -> float:
    ends = [at for at, *signature in song.time_signatures if signature == [1, 1]]
    return max([at for at in ends if at > 0] or song.seconds[-1:].tolist(), default=0.0)


def _grid_samples(song: Song) -> NDArray[np.int64]:
    """Return the grid sample of each event. In a file of ours with tempos, events are at the edges of frames."""
    if song.ticks_per_beat == MUSICAL_TICKS_PER_BEAT:
        at = np.rint(song.seconds * FRAME_RATE_HZ).astype(np.int64)
        return frame_edges(int(at.max(initial=0)))[at]
    return np.rint(song.seconds * GRID_RATE_HZ).astype(np.int64)


def song_to_changes(song: Song) -> Changes:
    """Return a song in this layout to the sample."""
    return _to_the_sample(song, voice_changes(song))


def write(path: Path, piece: Piece) -> None:
    """Write a score in this layout. `song_to_frames` gives exactly these frames back.

    What the player played goes to separate tracks. A piece that has its changes to the sample, and neither a player's
    part nor tempos, is written to the sample.

    Raises
    ------
    ScoreError
        If the frames break the ranges of a score.
    FormatError
        If the file cannot be written.
    """
    clock = MidiClock(piece.tempos)
    file = mido.MidiFile(type=1, ticks_per_beat=clock.ticks_per_beat, charset="utf-8")
    edges = clock.frame_ticks(len(piece.frames))
    lines = _lines(piece, edges)
    end = (lines[Voice.P1][0][-1], mido.MetaMessage("time_signature", numerator=1, denominator=1))
    file.tracks.append(conductor_track(piece, clock, edges, [end]))
    for played in (False, True):
        for voice, (ticks, states, player) in lines.items():
            messages = (
                (ticks[at], message)
                for at, by_player, message in _messages(voice, states, player)
                if by_player == played
            )
            preamble = _preamble(voice, played)
            track = to_track(chain(preamble, messages))
            if len(track) > len(preamble) or not played:
                file.tracks.append(track)
    save(path, file)


def _lines(piece: Piece, edges: list[int]) -> dict[Voice, tuple[list[int], NDArray[np.uint8], NDArray[np.bool_]]]:
    """Return for each voice the ticks of its states and of the end, the states, and which of them are the player's."""
    frames, changes = validate_frames(piece.frames), piece.changes
    if changes is None or piece.player is not None or piece.tempos:
        return {voice: (edges, frames[:, voice], piece.is_player[:, voice]) for voice in Voice}
    return {
        voice: ([*starts.tolist(), changes.length], states, np.zeros(len(states), np.bool_))
        for voice, starts, states in zip(Voice, changes.starts, changes.states, strict=True)
    }


def piece_to_song(piece: Piece, name: str) -> Song:
    """Return a score as a song in this layout whose ticks are samples; its player's part is one with the rest.

    `name` is that of the song, for messages to the user.
    """
    frames = validate_frames(piece.frames)
    edges, nobody = frame_edges(len(frames)), np.zeros(len(frames), np.bool_)
    rows = [
        (edges[at], int(voice), (*message.bytes(), 0)[:3])
        for voice in Voice
        for at, message in [(0, _program(voice)), *((at, m) for at, _, m in _messages(voice, frames[:, voice], nobody))]
    ]
    rows.sort(key=lambda row: row[:2])
    tick = np.array([row[0] for row in rows], np.int64)
    events = Events(
        tick,
        np.array([row[1] for row in rows], np.int32),
        np.array([row[2] for row in rows], np.uint8).reshape(-1, 3),
    )
    end = frames_to_samples(len(frames)) / GRID_RATE_HZ
    names = [voice.name.lower() for voice in Voice]
    tempos = [(0.0, 120.0)]
    return Song(name, names, events, tick / GRID_RATE_HZ, [(end, 1, 1)], tempos, [], GRID_TICKS_PER_BEAT)


def _voice_of(track_name: str) -> Voice | None:
    return VOICE_OF_NAME.get(track_name.removesuffix(_PLAYER_SUFFIX))


def voice_changes(song: Song) -> dict[Voice, tuple[NDArray[np.int64], NDArray[np.uint8]]]:
    """Return, for each voice, the grid samples where its state changes, and the states, shape (K, 4).

    A state is note, volume, timbre, and whether the note is the player's.
    """
    return {
        voice: _follow(voice, samples, messages, by_player)
        for voice, (samples, messages, by_player) in voice_messages(song).items()
    }


def voice_messages(song: Song) -> dict[Voice, tuple[NDArray[np.int64], NDArray[np.uint8], NDArray[np.bool_]]]:
    """Return, for each voice, its notes and controls in order: grid samples, bytes, and whether they are the player's.

    What ends a note comes before what begins one in the same sample, and controls come last.
    """
    events, samples = song.events, _grid_samples(song)
    ranks = np.full(256, -1, np.int8)
    ranks[[NOTE_OFF, NOTE_ON, CONTROL_CHANGE]] = range(3)
    rank = ranks[events.kind]
    is_player = np.array([name.endswith(_PLAYER_SUFFIX) for name in song.track_names], np.bool_)
    track_voices = np.array([-1 if (voice := _voice_of(name)) is None else voice for name in song.track_names], np.int8)
    event_voices = track_voices[events.track]
    found = {}
    for voice in Voice:
        at = np.flatnonzero((event_voices == voice) & (rank >= 0))
        at = at[np.lexsort((rank[at], samples[at]))]
        found[voice] = samples[at], events.message[at], is_player[events.track[at]]
    return found


def _follow(
    voice: Voice, samples: NDArray[np.int64], messages: NDArray[np.uint8], by_player: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Return what a voice's messages, in order, make of its state: the samples of changes, and the states."""
    kind, first = messages[:, 0] & 0xF0, messages[:, 1]
    is_on, is_off, is_control = kind == NOTE_ON, kind == NOTE_OFF, kind == CONTROL_CHANGE
    struck = _latest(is_on)
    key = np.where(struck >= 0, first[struck], 0)
    ends = np.flatnonzero(is_off & (struck >= 0) & (first == key))
    is_end = np.zeros(len(kind), np.bool_)
    is_end[ends[np.diff(struck[ends], prepend=-1) != 0]] = True  # the first that has the key
    sounds = struck > _latest(is_end)
    is_silenced = is_end | (is_off & (first == 0) & ~sounds)
    said_volume = _latest(is_on | is_silenced | (is_control & (first == _VOLUME_CONTROL)))
    volume = np.where(is_silenced, 0, np.minimum(messages[:, 2], VOLUME_MAX[voice]))
    said_timbre = _latest(is_control & (first == _TIMBRE_CONTROL))
    timbre = np.minimum(messages[:, 2], TIMBRE_MAX[voice])
    notes = np.array([_note_of(voice, key) for key in range(MAX_VELOCITY + 1)], np.uint8)
    states = np.stack(
        [
            np.where(sounds, notes[key], 0),
            np.where(said_volume >= 0, volume[said_volume], 0),
            np.where(said_timbre >= 0, timbre[said_timbre], 0),
            np.where(sounds, by_player[struck], 0),
        ],
        axis=1,
    ).astype(np.uint8)
    is_last = np.diff(samples, append=-1) != 0  # of its sample
    starts, states = samples[is_last], states[is_last]
    if not len(starts) or starts[0] != 0:
        starts, states = np.append(0, starts), np.append(np.zeros((1, 4), np.uint8), states, axis=0)
    return starts, states


def _latest(which: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return for each place the last one up to it where it is so, or -1."""
    return np.maximum.accumulate(np.where(which, np.arange(len(which)), -1))


def _note_of(voice: Voice, key: int) -> int:
    lowest, highest = NOTE_RANGE[voice]
    return min(max(key, lowest), highest) if voice is Voice.NO else fit_note(voice, key)


def _preamble(voice: Voice, played: bool) -> list[tuple[int, mido.Message]]:
    name = voice.name.lower() + (_PLAYER_SUFFIX if played else "")
    return [(0, mido.MetaMessage("track_name", name=name)), (0, _program(voice))]


def _program(voice: Voice) -> mido.Message:
    return mido.Message("program_change", channel=MIDI_CHANNEL[voice], program=_PROGRAMS[voice])


def _messages(
    voice: Voice, states: NDArray[np.uint8], player: NDArray[np.bool_]
) -> Iterator[tuple[int, bool, mido.Message]]:
    """Yield each message of a voice, after its frame and whether it is the player's."""
    channel = MIDI_CHANNEL[voice]
    before = np.concatenate([SILENCE[None, voice], states[:-1]])
    handed_over = np.diff(player, prepend=False)
    note = volume = timbre = 0  # what a reader knows
    by_player = False
    for at in np.flatnonzero((states != before).any(axis=1) | handed_over).tolist():
        new_note, new_volume, new_timbre = states[at].tolist()
        changes_hands = new_note > 0 and bool(player[at]) != by_player
        if new_note != note or changes_hands:
            if note:
                yield at, by_player, mido.Message("note_off", channel=channel, note=note)
            volume = 0
            if new_note:
                by_player, volume = bool(player[at]), max(1, new_volume)
                yield at, by_player, mido.Message("note_on", channel=channel, note=new_note, velocity=volume)
            if voice is Voice.TR:
                volume = 0
            note = new_note
        if new_volume != volume:
            volume = new_volume
            yield at, by_player, _control(channel, _VOLUME_CONTROL, volume)
        if new_timbre != timbre:
            timbre = new_timbre
            yield at, by_player, _control(channel, _TIMBRE_CONTROL, timbre)
    if note:
        yield len(states), by_player, mido.Message("note_off", channel=channel, note=note)


def _control(channel: int, control: int, value: int) -> mido.Message:
    return mido.Message("control_change", channel=channel, control=control, value=value)
