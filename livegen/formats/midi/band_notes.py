"""The notes of a MIDI file by part (a track and channel), with the numbers that tell a melody from a bass."""

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.formats.midi.file import ALL_NOTES_OFF, ALL_SOUND_OFF, PEDAL_DOWN, RESET, SUSTAIN
from livegen.formats.midi.smf import CONTROL_CHANGE, NOTE_OFF, NOTE_ON, Song
from livegen.units import MAX_VELOCITY, velocity_to_volume

_PROGRAM_CHANGE: Final = 0xC0
_CHANNEL_VOLUME, _EXPRESSION = 7, 11
_DEFAULT_CHANNEL_VOLUME: Final = 100


@dataclass(slots=True)
class Note:
    """A note. It is struck in frame `start`, its key comes up in frame `end`, and the pedal holds it until `tail`.

    `key` is MIDI's. `volume` is the chip's, 1..15; it includes the channel's volume and expression at `start`.
    """

    start: int
    end: int
    tail: int
    key: int
    volume: int


@dataclass(frozen=True)
class Part:
    """The notes of a track on a channel, in the order in which they were struck.

    Attributes
    ----------
    name : str
        Name of the track.
    channel : int
        0..15.
    program : int
        General MIDI's, 0..127: the one with which most of the notes were struck.
    notes : list of Note
    n_frames : int
        Length of the whole song, for `coverage`.
    """

    name: str
    channel: int
    program: int
    notes: list[Note]
    n_frames: int
    _sounding_frames: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_sounding_frames", length_frames(self.notes))

    def with_notes(self, notes: list[Note]) -> "Part":
        """Return the part with other notes."""
        return replace(self, notes=notes)

    @property
    def median_key(self) -> float:
        """The median of its notes' keys."""
        return float(np.median([note.key for note in self.notes]))

    @property
    def coverage(self) -> float:
        """Share of the song in which a key is down, 0..1."""
        return self._sounding_frames / self.n_frames

    @property
    def polyphony(self) -> float:
        """Mean number of keys that are down, over the frames in which any is: 1 or more."""
        return max(sum(note.end - note.start for note in self.notes) / max(self._sounding_frames, 1), 1.0)


def length_frames(notes: list[Note]) -> int:
    """Return the number of frames in which any key is down. The notes must be in the order of their starts."""
    total, done = 0, 0
    for note in notes:
        total += max(note.end - max(note.start, done), 0)
        done = max(done, note.end)
    return total


def collect_parts(song: Song, at: NDArray[np.int64]) -> list[Part]:
    """Return the parts of a song that have notes, in the order in which they begin.

    Parameters
    ----------
    song : Song
    at : ndarray of int64
        The frame of each event. A note lasts a frame at least.
    """
    reader = _Reader()
    tracks, messages = song.events.track.tolist(), song.events.message.tolist()
    for frame, track, message in zip(at.tolist(), tracks, messages, strict=True):
        reader.take(frame, track, message)
    n_frames = int(at[-1]) + 1 if len(at) else 0
    reader.finish(n_frames)
    n_parts = Counter(track for track, _ in reader.notes)
    parts = []
    for (track, channel), notes in reader.notes.items():
        name = song.track_names[track] if n_parts[track] == 1 else ""  # a track of many parts has the song's name
        programs = reader.programs[track, channel]
        parts.append(Part(name, channel, max(programs, key=lambda p: programs[p]), notes, max(n_frames, 1)))
    return parts


class _Channel:
    """The settings that a channel was sent last."""

    def __init__(self) -> None:
        self.program = 0
        self.volume = _DEFAULT_CHANNEL_VOLUME
        self.expression = MAX_VELOCITY
        self.pedal = False

    def level(self, velocity: int) -> int:
        """Return the chip's volume for a velocity."""
        loud = velocity * self.volume / _DEFAULT_CHANNEL_VOLUME * self.expression / MAX_VELOCITY
        return velocity_to_volume(max(1, min(round(loud), MAX_VELOCITY)))


class _Reader:
    """One pass over the events of a song."""

    def __init__(self) -> None:
        self.notes: dict[tuple[int, int], list[Note]] = {}
        self.programs: dict[tuple[int, int], dict[int, int]] = {}
        self.channels = [_Channel() for _ in range(16)]
        self.down: list[dict[tuple[int, int], Note]] = [{} for _ in range(16)]  # by track and key, for each channel
        self.pedalled: list[list[Note]] = [[] for _ in range(16)]

    def take(self, frame: int, track: int, message: list[int]) -> None:
        kind, channel = message[0] & 0xF0, message[0] & 0x0F
        of, down = self.channels[channel], self.down[channel]
        if kind == NOTE_ON:
            self.lift(channel, track, message[1], frame)
            note = Note(frame, -1, -1, message[1], of.level(message[2]))
            down[track, message[1]] = note
            self.notes.setdefault((track, channel), []).append(note)
            programs = self.programs.setdefault((track, channel), {})
            programs[of.program] = programs.get(of.program, 0) + 1
        elif kind == NOTE_OFF:
            self.lift(channel, track, message[1], frame)
        elif kind == _PROGRAM_CHANGE:
            of.program = message[1]
        elif kind == CONTROL_CHANGE:
            self.control(frame, channel, message[1], message[2])

    def control(self, frame: int, channel: int, number: int, value: int) -> None:
        of = self.channels[channel]
        if number == _CHANNEL_VOLUME:
            of.volume = value
        elif number == _EXPRESSION:
            of.expression = value
        elif number in (SUSTAIN, RESET):
            of.pedal = number == SUSTAIN and value >= PEDAL_DOWN
            if not of.pedal:
                self.release(channel, frame)
        elif number in (ALL_SOUND_OFF, ALL_NOTES_OFF):
            for track, key in list(self.down[channel]):
                self.lift(channel, track, key, frame)
            self.release(channel, frame)

    def lift(self, channel: int, track: int, key: int, frame: int) -> None:
        """Let a key up, if it is down."""
        note = self.down[channel].pop((track, key), None)
        if note is not None:
            note.end = note.tail = max(frame, note.start + 1)
            if self.channels[channel].pedal:
                self.pedalled[channel].append(note)

    def release(self, channel: int, frame: int) -> None:
        """Let the pedal up."""
        for note in self.pedalled[channel]:
            note.tail = max(note.tail, frame)
        self.pedalled[channel].clear()

    def finish(self, frame: int) -> None:
        """Let everything up at the end of the song."""
        for channel, down in enumerate(self.down):
            for track, key in list(down):
                self.lift(channel, track, key, frame)
            self.release(channel, frame)
