"""The reader of Standard MIDI Files: from bytes to timed channel messages. It does not trust the file.

mido writes our MIDI files, but its reader has no bounds: a delta time may be megabytes long, a message takes hundreds
of bytes, and bad input raises any kind of error. Here all that a file claims is checked before it is used, and an error
names the byte. Layout: https://midi.org/standard-midi-files-specification
"""

from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.errors import FormatError
from livegen.formats.files import MAX_SECONDS, read_bytes

MAX_BYTES: Final = 16 * 2**20
MAX_EVENTS: Final = 500_000
"""Largest number of events: more than any music has. It keeps a hostile file from filling memory."""

NOTE_OFF: Final = 0x80
NOTE_ON: Final = 0x90
CONTROL_CHANGE: Final = 0xB0

_DEFAULT_TEMPO: Final = 500_000  # microseconds a quarter note
_META, _SYSEX, _SYSEX_CONTINUED = 0xFF, 0xF0, 0xF7
_META_TRACK_NAME, _META_MARKER, _META_TEMPO, _META_TIME_SIGNATURE, _META_END = 0x03, 0x06, 0x51, 0x58, 0x2F
_MAX_TEXT_BYTES: Final = 80
_ONE_DATA_BYTE: Final = (0xC0, 0xD0)  # program change, channel aftertouch
_MAX_VARINT_BYTES: Final = 4

Event = tuple[int, int, bytes]
"""A channel message: tick, index of its track, and its bytes. A `note_on` of velocity 0 has become a `NOTE_OFF`."""


@dataclass(frozen=True, slots=True)
class Song:
    """A MIDI file: its channel messages in time order, and when they happen.

    Attributes
    ----------
    file_name : str
        For messages to the user.
    track_names : list of str
    events : list of Event
        All channel messages. Those of the same tick are in the order of the tracks and of the file.
    seconds : ndarray of float64, shape (len(events),)
    time_signatures : list of (float, int, int)
        Seconds, numerator and denominator of each time signature.
    tempos : list of (float, float)
        Seconds and beats a minute of each change of tempo; none if the file counts in seconds.
    markers : list of (float, str)
        Seconds and text.
    ticks_per_beat : int
        0 if the file counts in seconds.
    """

    file_name: str
    track_names: list[str]
    events: list[Event]
    seconds: NDArray[np.float64]
    time_signatures: list[tuple[float, int, int]]
    tempos: list[tuple[float, float]]
    markers: list[tuple[float, str]]
    ticks_per_beat: int


def read_song(path: Path) -> Song:
    """Read a MIDI file of type 0 or 1.

    Raises
    ------
    FormatError
        If it is no MIDI file, is truncated or broken, has more than 16 MiB or 500,000 events, or lasts over 11.5 hours.
    """
    return _Parser(path).song()


class _Parser:
    """One pass over the bytes of a file; `at` is always the offset of the next byte."""

    def __init__(self, path: Path) -> None:
        self.name = path.name
        self.data = read_bytes(path, MAX_BYTES)
        self.at = 0
        self.n_events = 0
        self.track_names: list[str] = []
        self.events: list[Event] = []
        self.tempos: list[tuple[int, int]] = [(0, _DEFAULT_TEMPO)]
        self.time_signatures: list[tuple[int, int, int]] = []
        self.markers: list[tuple[int, str]] = []

    def song(self) -> Song:
        n_tracks, division = self.header()
        while len(self.track_names) < n_tracks:
            self.chunk(n_tracks)
        self.events.sort(key=itemgetter(0))
        seconds = self.to_seconds([event[0] for event in self.events], division)
        mark_seconds = self.to_seconds([mark[0] for mark in self.time_signatures], division)
        length = max(seconds.max(initial=0), mark_seconds.max(initial=0))
        if length > MAX_SECONDS:
            raise FormatError(f"{self.name} lasts {length / 3600:.1f} hours: at most {MAX_SECONDS / 3600:.1f} are read")
        signatures = [
            (at, numerator, denominator)
            for at, (_, numerator, denominator) in zip(mark_seconds.tolist(), self.time_signatures, strict=True)
        ]
        said = sorted(self.tempos[1:]) if division > 0 else []
        tempo_seconds = self.to_seconds([tick for tick, _ in said], division).tolist()
        tempos = [(at, 60e6 / tempo) for at, (_, tempo) in zip(tempo_seconds, said, strict=True)]
        marker_seconds = self.to_seconds([tick for tick, _ in self.markers], division).tolist()
        markers = sorted((at, text) for at, (_, text) in zip(marker_seconds, self.markers, strict=True))
        return Song(self.name, self.track_names, self.events, seconds, signatures, tempos, markers, max(division, 0))

    def header(self) -> tuple[int, int]:
        """Return the number of tracks and the signed division."""
        if self.data[:4] != b"MThd" or len(self.data) < 14:
            raise FormatError(f"{self.name} is not a MIDI file: it does not begin with a MIDI header")
        length = int.from_bytes(self.data[4:8])
        kind, n_tracks = int.from_bytes(self.data[8:10]), int.from_bytes(self.data[10:12])
        division = int.from_bytes(self.data[12:14], signed=True)
        if kind > 1:
            raise FormatError(f"{self.name} is a MIDI file of type {kind}: save it as type 0 or 1")
        if length < 6:
            raise FormatError(f"{self.name} has a MIDI header of {length} bytes instead of 6: it is damaged")
        if division == 0 or (division < 0 and division & 0xFF == 0):
            raise FormatError(f"{self.name} counts 0 ticks a beat: it is damaged")
        self.at = 8 + length
        return n_tracks, division

    def chunk(self, n_tracks: int) -> None:
        """Read a track, or skip a chunk of another kind."""
        start = self.at
        kind, length = self.data[start : start + 4], int.from_bytes(self.data[start + 4 : start + 8])
        self.at = start + 8
        end = self.at + length
        if end > len(self.data):
            found = len(self.track_names)
            raise FormatError(
                f"{self.name} is truncated at byte {start}: {found} of {n_tracks} tracks are whole; get another copy"
            )
        if kind == b"MTrk":
            self.track(end)
        self.at = end

    def track(self, end: int) -> None:
        data, index = self.data, len(self.track_names)
        self.track_names.append("")
        tick, status = 0, 0
        while self.at < end:
            self.n_events += 1
            if self.n_events > MAX_EVENTS:
                raise FormatError(f"{self.name} has more than {MAX_EVENTS:,} events: that is no music for four voices")
            tick += self.varint(end)
            if self.at >= end:
                raise self.broken("a delta time with no event after it")
            if data[self.at] >= 0x80:
                first = data[self.at]
                self.at += 1
            else:
                first = status
            if first in (_META, _SYSEX, _SYSEX_CONTINUED):
                if self.meta_or_sysex(first, tick, index, end):
                    return
                continue
            if not 0x80 <= first < 0xF0:
                raise self.broken("a byte that belongs to no message")
            status = first
            self.channel_message(status, tick, index, end)

    def channel_message(self, status: int, tick: int, track: int, end: int) -> None:
        n_data = 1 if status & 0xF0 in _ONE_DATA_BYTE else 2
        body = self.data[self.at : self.at + n_data]
        if self.at + n_data > end or max(body) >= 0x80:
            raise self.broken("a message without its data bytes")
        self.at += n_data
        if status & 0xF0 == NOTE_ON and body[1] == 0:
            status += NOTE_OFF - NOTE_ON
        self.events.append((tick, track, bytes((status,)) + body))

    def meta_or_sysex(self, first: int, tick: int, track: int, end: int) -> bool:
        """Read a meta event or skip a sysex; return whether the track ends here."""
        kind = -1
        if first == _META:
            if self.at >= end:
                raise self.broken("a meta event without a type")
            kind = self.data[self.at]
            self.at += 1
        length = self.varint(end)
        body = self.data[self.at : self.at + length]
        if self.at + length > end:
            raise self.broken(f"an event of {length} bytes that runs over the end of its track")
        if kind == _META_TEMPO and length == 3:
            if not any(body):
                raise self.broken("a tempo of 0")
            self.tempos.append((tick, int.from_bytes(body)))
        elif kind == _META_TIME_SIGNATURE and length >= 2 and body[1] < 8:
            self.time_signatures.append((tick, body[0], 1 << body[1]))
        elif kind == _META_TRACK_NAME and not self.track_names[track]:
            self.track_names[track] = body[:_MAX_TEXT_BYTES].decode("latin-1")
        elif kind == _META_MARKER:
            self.markers.append((tick, body[:_MAX_TEXT_BYTES].decode("utf-8", errors="replace")))
        self.at += length
        return kind == _META_END

    def varint(self, end: int) -> int:
        value = 0
        for at in range(self.at, min(self.at + _MAX_VARINT_BYTES, end)):
            byte = self.data[at]
            value = value << 7 | byte & 0x7F
            if byte < 0x80:
                self.at = at + 1
                return value
        raise self.broken("a number without an end")

    def broken(self, what: str) -> FormatError:
        return FormatError(f"{self.name} is damaged near byte {self.at}: {what}; get another copy")

    def to_seconds(self, at: list[int], division: int) -> NDArray[np.float64]:
        """Apply the tempo map to ticks. A negative division holds SMPTE frames a second and ticks a frame."""
        ticks = np.array(at, np.int64)
        if division < 0:
            frames_per_second = -(division >> 8)
            rate = 30_000 / 1_001 if frames_per_second == 29 else frames_per_second
            return ticks / (rate * (division & 0xFF))
        tempos = sorted(self.tempos, key=itemgetter(0))
        tempo_ticks = np.array([tick for tick, _ in tempos], np.int64)
        tick_seconds = np.array([tempo for _, tempo in tempos]) / (1e6 * division)
        tempo_seconds = np.concatenate([[0.0], np.cumsum(np.diff(tempo_ticks) * tick_seconds[:-1])])
        place = np.searchsorted(tempo_ticks, ticks, side="right") - 1
        return tempo_seconds[place] + (ticks - tempo_ticks[place]) * tick_seconds[place]
