"""The notes of a MIDI file by part (a track and channel), with the numbers that tell a melody from a bass."""

from collections import Counter
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from livegen.formats.midi.file import VOLUMES
from livegen.formats.midi.held import held_notes
from livegen.formats.midi.smf import CONTROL_CHANGE, NOTE_ON, Song
from livegen.units import MAX_VELOCITY

_MOST_SHORT_TRACKS: Final = 1 << 9  # so many tracks and 128 keys fit 16 bits, which are sorted sooner
_PROGRAM_CHANGE: Final = 0xC0
_CHANNEL_VOLUME, _EXPRESSION = 7, 11
_DEFAULT_CHANNEL_VOLUME: Final = 100


@dataclass(frozen=True, slots=True)
class Notes:
    """Notes in the order in which they were struck, int64 (n,) each.

    Attributes
    ----------
    start, end, tail : ndarray
        The frames in which a note is struck, in which its key comes up, and until which the pedal holds it.
    key : ndarray
        MIDI's.
    volume : ndarray
        The chip's, 1..15; it includes the channel's volume and expression at `start`.
    """

    start: NDArray[np.int64]
    end: NDArray[np.int64]
    tail: NDArray[np.int64]
    key: NDArray[np.int64]
    volume: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.start)

    def __getitem__(self, which: Any) -> "Notes":
        return Notes(*(getattr(self, field.name)[which] for field in fields(self)))


def together(several: list[Notes]) -> Notes:
    """Return the notes of several in the order of their starts, those of one frame in the order given."""
    notes = Notes(*(np.concatenate([getattr(some, field.name) for some in several]) for field in fields(Notes)))
    return notes[np.argsort(notes.start, kind="stable")]


@dataclass(frozen=True)
class Part:
    """The notes of a track on a channel.

    Attributes
    ----------
    name : str
        Name of the track.
    channel : int
        0..15.
    program : int
        General MIDI's, 0..127: the one with which most of the notes were struck.
    notes : Notes
    n_frames : int
        Length of the whole song, for `coverage`.
    """

    name: str
    channel: int
    program: int
    notes: Notes
    n_frames: int

    def with_notes(self, notes: Notes) -> "Part":
        """Return the part with other notes."""
        return replace(self, notes=notes)

    @cached_property
    def sounding_frames(self) -> int:
        """The number of frames in which any key is down."""
        done = np.maximum.accumulate(np.append(0, self.notes.end))[:-1]
        return int(np.maximum(self.notes.end - np.maximum(self.notes.start, done), 0).sum())

    @cached_property
    def median_key(self) -> float:
        """The median of its notes' keys."""
        return float(np.median(self.notes.key))

    @property
    def coverage(self) -> float:
        """Share of the song in which a key is down, 0..1."""
        return self.sounding_frames / self.n_frames

    @cached_property
    def polyphony(self) -> float:
        """Mean number of keys that are down, over the frames in which any is: 1 or more."""
        return max(int((self.notes.end - self.notes.start).sum()) / max(self.sounding_frames, 1), 1.0)


def collect_parts(song: Song, at: NDArray[np.int64]) -> list[Part]:
    """Return the parts of a song that have notes, in the order in which they begin.

    Parameters
    ----------
    song : Song
    at : ndarray of int64
        The frame of each event. A note lasts a frame at least.
    """
    n_frames = int(at[-1]) + 1 if len(at) else 0
    found: list[tuple[int, int, int, int, Notes]] = []  # first event, track, channel, program
    for channel in np.unique(song.events.channel[song.events.kind == NOTE_ON]).tolist():
        events = np.flatnonzero(song.events.channel == channel)
        found += _parts_of_channel(song, channel, events, np.append(at[events], n_frames))
    found.sort(key=lambda part: part[0])
    n_parts = Counter(track for _, track, *_ in found)  # a track of many parts has the song's name
    return [
        Part(song.track_names[track] if n_parts[track] == 1 else "", channel, program, notes, max(n_frames, 1))
        for _, track, channel, program, notes in found
    ]


def _parts_of_channel(
    song: Song, channel: int, events: NDArray[np.int64], at: NDArray[np.int64]
) -> list[tuple[int, int, int, int, Notes]]:
    """Return of each part of a channel the first note's event, track, channel, program and notes.

    `events` are the channel's, and `at` are their frames, and the end of the song.
    """
    messages = song.events.message[events]
    tracks, index = np.unique(song.events.track[events], return_inverse=True)
    keys = index << 7 | messages[:, 1]
    held = held_notes(messages, keys.astype(np.uint16) if len(tracks) <= _MOST_SHORT_TRACKS else keys)
    strike = held.strike
    start = at[strike]
    end = np.maximum(at[held.up], start + 1)
    key, velocity = messages[strike, 1].astype(np.int64), messages[strike, 2]
    notes = Notes(start, end, np.maximum(at[held.release], end), key, _heard(messages, strike, velocity))
    programs = _in_force(messages[:, 0] & 0xF0 == _PROGRAM_CHANGE, messages[:, 1], strike, 0)
    parts = []
    by_track = np.argsort(index[strike].astype(np.uint16), kind="stable")
    ends = np.cumsum(np.bincount(index[strike], minlength=len(tracks)))
    for track, own in zip(tracks.tolist(), np.split(by_track, ends[:-1]), strict=True):
        if len(own):
            parts.append((int(events[strike[own[0]]]), track, channel, _most_frequent(programs[own]), notes[own]))
    return parts


def _heard(messages: NDArray[np.uint8], strike: NDArray[np.int64], velocity: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Return the chip's volume for velocities, by the channel's volume and expression where they are struck."""
    is_control = messages[:, 0] & 0xF0 == CONTROL_CHANGE
    volume, expression = (
        _in_force(is_control & (messages[:, 1] == number), messages[:, 2], strike, default)
        for number, default in ((_CHANNEL_VOLUME, _DEFAULT_CHANNEL_VOLUME), (_EXPRESSION, MAX_VELOCITY))
    )
    loud = velocity * volume / _DEFAULT_CHANNEL_VOLUME * expression / MAX_VELOCITY
    return VOLUMES[np.clip(np.rint(loud), 1, MAX_VELOCITY).astype(np.int64)]


def _in_force(
    is_said: NDArray[np.bool_], values: NDArray[np.uint8], at: NDArray[np.int64], default: int
) -> NDArray[np.int64]:
    """Return the value that was said last before each of some places."""
    said = np.flatnonzero(is_said)
    return np.append(default, values[said])[np.searchsorted(said, at)]


def _most_frequent(programs: NDArray[np.int64]) -> int:
    """Return the most frequent one, the first of several."""
    found, first, counts = np.unique(programs, return_index=True, return_counts=True)
    return int(found[np.lexsort((first, -counts))[0]])
