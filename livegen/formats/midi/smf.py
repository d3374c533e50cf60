"""The reader of Standard MIDI Files: from bytes to timed channel messages. It does not trust the file.

Files are read as most programs read them: what is whole is taken, and what was lost or guessed is said in one
warning. Everything that a file claims is checked before it is believed. mido writes our MIDI files, but its reader has
no bounds and no patience. Layout: https://midi.org/standard-midi-files-specification
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from livegen.errors import FormatError
from livegen.formats.files import MAX_SECONDS, Warn, ignore, read_bytes
from livegen.formats.midi.damage import HEADER, Damage, behind_track, in_track
from livegen.formats.midi.smf_scan import MOST_FAULTS, NOTE_OFF, NOTE_ON, TrackScan
from livegen.formats.midi.smf_table import (
    META_MARKER,
    META_TEMPO,
    META_TIME_SIGNATURE,
    META_TRACK_NAME,
    data_bytes,
)

__all__ = ["CONTROL_CHANGE", "NOTE_OFF", "NOTE_ON", "Events", "Song", "message_bytes", "read_song"]

MAX_BYTES: Final = 16 * 2**20
MAX_EVENTS: Final = 2_000_000
"""More than any music has; keeps a hostile file from filling memory."""

MAX_TRACKS: Final = 4_096
"""More are left out: each costs time, however little is in it."""

CONTROL_CHANGE: Final = 0xB0

_HEADER_MAGIC: Final = b"MThd"
_TRACK_MAGIC: Final = b"MTrk"
_HEADER_BYTES: Final = 6
_CHUNK_HEAD_BYTES: Final = 8
_MACBINARY_BYTES: Final = 128
_USUAL_DIVISION: Final = 480
_DEFAULT_TEMPO: Final = 500_000  # microseconds a quarter note
_TEMPO_BYTES: Final = 3
_MAX_TEXT_BYTES: Final = 80

_BLOCK: Final = 1 << 16
_FAR_SECONDS: Final = 3600.0
_FEW_EVENTS: Final = 16
_SHORT_PAUSE_SECONDS: Final = 0.5
"""So few events so far behind the rest are damage, and come after a short pause instead."""


class Events(Sequence[tuple[int, int, bytes]]):
    """Channel messages: tick, index of the track, and bytes; a `note_on` of velocity 0 is a `NOTE_OFF` already.

    Attributes
    ----------
    tick : ndarray of int64, shape (n,)
    track : ndarray of int32, shape (n,)
    message : ndarray of uint8, shape (n, 3)
        The last byte of messages of two bytes is 0.
    """

    def __init__(self, tick: NDArray[np.int64], track: NDArray[np.int32], message: NDArray[np.uint8]) -> None:
        self.tick, self.track, self.message = tick, track, message

    @property
    def kind(self) -> NDArray[np.uint8]:
        """The status byte of each message without its channel."""
        return self.message[:, 0] & np.uint8(0xF0)

    @property
    def channel(self) -> NDArray[np.uint8]:
        """The channel of each message, 0..15."""
        return self.message[:, 0] & np.uint8(0x0F)

    def __len__(self) -> int:
        return len(self.tick)

    def __getitem__(self, index):  # type: ignore[no-untyped-def]
        if isinstance(index, int):
            return int(self.tick[index]), int(self.track[index]), message_bytes(self.message[index])
        return Events(self.tick[index], self.track[index], self.message[index])

    def __iter__(self) -> Iterator[tuple[int, int, bytes]]:
        return zip(self.tick.tolist(), self.track.tolist(), map(message_bytes, self.message), strict=True)


def message_bytes(message: NDArray[np.uint8]) -> bytes:
    """Return the bytes of a row of `Events.message`."""
    data = message.tobytes()
    return data[: 1 + data_bytes(data[0])]


@dataclass(frozen=True, slots=True)
class Song:
    """A MIDI file: its channel messages in time order, and when they happen.

    Attributes
    ----------
    file_name : str
        For messages to the user.
    track_names : list of str
    events : Events
        All channel messages; at the same tick they stand in the order of the tracks and of the file.
    seconds : ndarray of float64, shape (len(events),)
    time_signatures : list of (float, int, int)
        Seconds, numerator and denominator of each time signature.
    tempos : list of (float, float)
        Seconds and beats a minute of each change of tempo; none if the file counts in seconds.
    markers : list of (float, str)
        Seconds and text.
    ticks_per_beat : int
        0 where the file counts in seconds.
    is_damaged : bool
        Whether something was lost or guessed.
    """

    file_name: str
    track_names: list[str]
    events: Events
    seconds: NDArray[np.float64]
    time_signatures: list[tuple[float, int, int]]
    tempos: list[tuple[float, float]]
    markers: list[tuple[float, str]]
    ticks_per_beat: int
    is_damaged: bool = False


def read_song(path: Path, warn: Warn = ignore) -> Song:
    """Read a MIDI file.

    Parameters
    ----------
    path : Path
    warn : callable
        Is told in one sentence what was lost or guessed, with track and offset, if anything was.

    Raises
    ------
    FormatError
        If it is no MIDI file, is damaged so that not one message can be read, has more than 16 MiB or 2,000,000 events,
        or begins after 11.5 hours; or as `warn` does.
    """
    return _Reader(path).song(warn)


class _Reader:
    """One pass over the chunks of a file."""

    def __init__(self, path: Path) -> None:
        self.name = path.name
        self.data = read_bytes(path, MAX_BYTES)
        self.damage = Damage()
        self.scans: list[TrackScan] = []
        self.n_events = 0

    def song(self, warn: Warn) -> Song:
        at, n_tracks, division = self.header()
        self.chunks(at)
        if n_tracks is not None and n_tracks != len(self.scans):
            n_found = len(self.scans)
            self.damage.add(behind_track(n_found), len(self.data), f"{n_found} tracks, where {n_tracks} should be")
        song = self.timed(division)
        if self.damage.n_faults:
            sentence = self.damage.sentence(self.name)
            if not len(song.events):
                raise FormatError(f"{sentence}; not one note can be read: get another copy")
            warn(sentence)
        return song

    def header(self) -> tuple[int, int | None, int]:
        """Return where the chunks begin, the number of tracks that there should be, and the signed division."""
        data, damage = self.data, self.damage
        begin = data.find(_HEADER_MAGIC)
        start = begin + _CHUNK_HEAD_BYTES + _HEADER_BYTES
        if begin < 0 or start > len(data):
            first_track = data.find(_TRACK_MAGIC)
            if first_track < 0:
                raise FormatError(f"{self.name} is not a MIDI file: it does not begin with a MIDI header")
            damage.add(HEADER, 0, f"no header, so that {_USUAL_DIVISION} ticks a beat are taken")
            return first_track, None, _USUAL_DIVISION
        if begin > 0:
            damage.add(HEADER, 0, f"{_wrapper(data, begin)} in front of the MIDI header, passed over")
        length = int.from_bytes(data[begin + 4 : begin + 8])
        kind, n_tracks = int.from_bytes(data[begin + 8 : begin + 10]), int.from_bytes(data[begin + 10 : begin + 12])
        division = int.from_bytes(data[begin + 12 : begin + 14], signed=True)
        if kind > 1:
            damage.add(HEADER, begin + 8, f"format {kind}, read as format 1, with all tracks at once")
        if division == 0 or (division < 0 and division & 0xFF == 0):
            damage.add(HEADER, begin + 12, f"0 ticks a beat, taken as {_USUAL_DIVISION}")
            division = _USUAL_DIVISION
        end = begin + _CHUNK_HEAD_BYTES + length
        if length != _HEADER_BYTES and not (length > _HEADER_BYTES and self.is_chunk(end)):
            damage.add(HEADER, begin + 4, f"a length of {length} bytes, taken as {_HEADER_BYTES}")
            end = start
        return end, n_tracks, division

    def is_chunk(self, at: int) -> bool:
        """Tell whether a chunk begins at an offset, or the file ends there."""
        name, length = self.data[at : at + 4], int.from_bytes(self.data[at + 4 : at + _CHUNK_HEAD_BYTES])
        if at == len(self.data) or name in (_TRACK_MAGIC, _HEADER_MAGIC):
            return True
        return len(name) == 4 and name.isalnum() and at + _CHUNK_HEAD_BYTES + length <= len(self.data)

    def chunks(self, at: int) -> None:
        """Read all tracks, and step over what else there is."""
        data = self.data
        while at < len(data):
            name = data[at : at + 4]
            place = behind_track(len(self.scans))
            if name == _TRACK_MAGIC and len(self.scans) < MAX_TRACKS:
                at = self.track(at)
                continue
            if name in (_TRACK_MAGIC, _HEADER_MAGIC):
                what = "another MIDI file behind this one" if name == _HEADER_MAGIC else "too many tracks, the rest"
                self.damage.add(place, at, f"{what} left out")
                return
            end = at + _CHUNK_HEAD_BYTES + int.from_bytes(data[at + 4 : at + _CHUNK_HEAD_BYTES])
            if self.is_chunk(at) and self.is_chunk(end):
                self.damage.add(place, at, f"a chunk of the unknown type {name.decode('ascii')}, passed over")
            else:
                found = data.find(_TRACK_MAGIC, at)
                end = found if found >= 0 else len(data)
                self.damage.add(place, at, f"{end - at} bytes that are no track, passed over")
            at = end

    def track(self, start: int) -> int:
        """Read a track, and return where the next chunk begins."""
        data, body = self.data, start + _CHUNK_HEAD_BYTES
        length = int.from_bytes(data[start + 4 : body])
        body, declared = min(body, len(data)), body + length
        if declared <= len(data):
            scan = self.scan(body, declared, declared, most_faults=0)
            if scan.is_clean:
                self.take(scan)
                return declared
        is_placed = declared <= len(data) and self.is_chunk(declared)
        limit = declared if is_placed else len(data)
        following = data.find(_TRACK_MAGIC, body, limit)
        most_faults = max(MOST_FAULTS - self.damage.n_faults, 0)
        scan = self.scan(body, limit if following < 0 else following, declared, most_faults)
        self.take(scan)
        return self.end_of(scan, start, length, is_placed=is_placed and following < 0)

    def scan(self, body: int, limit: int, declared: int, most_faults: int) -> TrackScan:
        left = MAX_EVENTS - self.n_events
        scan = TrackScan(self.data, body, limit, declared, left, most_faults)
        if scan.n_events > left:
            raise FormatError(f"{self.name} has more than {MAX_EVENTS:,} events: that is no music for four voices")
        return scan

    def take(self, scan: TrackScan) -> None:
        self.scans.append(scan)
        self.n_events += scan.n_events
        for offset, what in scan.faults:
            self.damage.add(in_track(len(self.scans)), offset, what)

    def end_of(self, scan: TrackScan, start: int, length: int, *, is_placed: bool) -> int:
        """Say what is wrong with the end of a track, and return where the next chunk begins.

        `is_placed` tells whether there is a chunk where the track's length says that it ends.
        """
        place, stop = in_track(len(self.scans)), scan.stop
        body = start + _CHUNK_HEAD_BYTES
        declared = body + length
        if not scan.has_end:
            is_cut = stop >= len(self.data) < declared
            self.damage.add(place, stop, "the file is cut off" if is_cut else "no end of track")
        elif stop < declared and is_placed:
            self.damage.add(place, stop, f"{declared - stop} bytes behind the end of the track, passed over")
            return declared
        elif stop != declared:
            self.damage.add(place, start + 4, f"a length of {length} bytes instead of {stop - body}")
        return stop

    def merged(self) -> tuple[Events, NDArray[np.uint32]]:
        """Return the events of all tracks in the order of time, and their offsets.

        In a track that is damaged, keys that are still down at its end are let up there.
        """
        tick, offset = [np.empty(0, np.int64)], [np.empty(0, np.uint32)]
        track, message = [np.empty(0, np.int32)], [np.empty((0, 3), np.uint8)]
        for number, scan in enumerate(self.scans):
            ups = scan.message[:0] if scan.is_clean else scan.held()
            tick += [scan.tick, np.full(len(ups), scan.last_tick + 1)]
            offset += [scan.offset, np.full(len(ups), scan.stop, np.uint32)]
            message += [scan.message, ups]
            track.append(np.full(len(scan.tick) + len(ups), number, np.int32))
            scan.forget()
        ticks = _joined(tick)
        order = np.argsort(ticks, kind="stable")
        events = Events(ticks[order], _joined(track)[order], _joined(message)[order])
        return events, _joined(offset)[order]

    def tempos(self, track: NDArray[np.int64], rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return ticks and microseconds a beat of those that can be."""
        data = np.frombuffer(self.data, np.uint8)
        is_full = rows[:, 3] >= _TEMPO_BYTES
        body = np.where(is_full, rows[:, 2], 0)
        first, second, third = (data[body + n].astype(np.int64) for n in range(_TEMPO_BYTES))
        tempo = np.where(is_full, first << 16 | second << 8 | third, 0)
        bad = np.flatnonzero((tempo == 0) | (rows[:, 3] != _TEMPO_BYTES))
        if len(bad):
            where = bad[0]
            what = "a tempo of another length than 3 bytes" if tempo[where] else "a tempo of 0, left out"
            self.damage.add(in_track(int(track[where]) + 1), int(rows[where, 2]), what, len(bad))
        return rows[tempo > 0, 0], tempo[tempo > 0]

    def find_far(
        self, events: Events, offsets: NDArray[np.uint32], seconds: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return begin and end, in seconds, of pauses that only damage makes, shape (n, 2)."""
        before = np.flatnonzero(np.diff(seconds) > _FAR_SECONDS)
        n_before, n_behind = before + 1, len(seconds) - before - 1
        if not len(before) or seconds[-1] <= MAX_SECONDS:
            before = before[(n_behind <= _FEW_EVENTS) & (n_behind * 4 <= n_before)]
        if len(before):
            first = before[0] + 1
            hours = (seconds[first] - seconds[first - 1]) / 3600
            what = f"an event {hours:.1f} hours behind all before it, moved there"
            self.damage.add(in_track(int(events.track[first]) + 1), int(offsets[first]), what, len(before))
        return np.stack([seconds[before] + _SHORT_PAUSE_SECONDS, seconds[before + 1]], axis=1)

    def cut(self, events: Events, offsets: NDArray[np.uint32], is_late: NDArray[np.bool_], seconds: float) -> None:
        """Say that events come too late to be read."""
        hours = f"{seconds / 3600:.1f} hours"
        if not (events.kind[~is_late] == NOTE_ON).any():
            raise FormatError(f"{self.name} lasts {hours}: at most {MAX_SECONDS / 3600:.1f} are read")
        late = np.flatnonzero(is_late)
        first = int(late[0]) if len(late) else len(events) - 1
        what = f"{hours} of music, of which {MAX_SECONDS / 3600:.1f} are read"
        self.damage.add(in_track(int(events.track[first]) + 1), int(offsets[first]), what)

    def timed(self, division: int) -> Song:
        """Return the song of all tracks together."""
        events, offsets = self.merged()
        metas = [(index, scan.metas) for index, scan in enumerate(self.scans) if len(scan.metas)]
        track = np.repeat([index for index, _ in metas], [len(rows) for _, rows in metas]).astype(np.int64)
        rows = np.concatenate([np.empty((0, 4), np.int64), *(rows for _, rows in metas)])
        is_tempo = rows[:, 1] == META_TEMPO
        clock = TickClock(division, *self.tempos(track[is_tempo], rows[is_tempo]))
        seconds = clock.seconds(events.tick)
        meta_seconds = clock.seconds(rows[:, 0])
        far = self.find_far(events, offsets, seconds)
        seconds, meta_seconds = _without(far, seconds), _without(far, meta_seconds)
        is_late, is_meta_late = seconds > MAX_SECONDS, meta_seconds > MAX_SECONDS
        if is_late.any() or is_meta_late.any():
            length = max(seconds.max(initial=0), meta_seconds.max(initial=0))
            self.cut(events, offsets, is_late, length)
            events, seconds = events[~is_late], seconds[~is_late]
        names = [""] * len(self.scans)
        signatures: list[tuple[float, int, int]] = []
        markers: list[tuple[float, str]] = []
        is_text = ~is_tempo & ~is_meta_late
        for at, index, (_, kind, body, size) in zip(
            meta_seconds[is_text].tolist(), track[is_text].tolist(), rows[is_text].tolist(), strict=True
        ):
            said = self.data[body : body + min(size, _MAX_TEXT_BYTES)]
            if kind == META_TIME_SIGNATURE and size >= 2 and said[1] < 8:
                signatures.append((at, said[0], 1 << said[1]))
            elif kind == META_TRACK_NAME and not names[index]:
                names[index] = said.decode("latin-1")
            elif kind == META_MARKER:
                markers.append((at, said.decode("utf-8", errors="replace")))
        markers.sort()
        at, tempos = clock.tempos()
        return Song(
            self.name,
            names,
            events,
            seconds,
            signatures,
            list(zip(_without(far, at).tolist(), tempos.tolist(), strict=True)),
            markers,
            max(division, 0),
            is_damaged=self.damage.n_faults > 0,
        )


class TickClock:
    """Ticks to seconds.

    Parameters
    ----------
    division : int
        Ticks a beat; negative, SMPTE frames a second and ticks a frame, which no tempo changes.
    ticks : ndarray of int64, shape (n,)
        Where tempos begin, in any order; before the first one there are 120 beats a minute.
    tempos : ndarray of int64 or float64, shape (n,)
        Microseconds a beat of each.
    """

    def __init__(
        self, division: int, ticks: NDArray[np.int64], tempos: NDArray[np.int64] | NDArray[np.float64]
    ) -> None:
        self._rate = 0.0
        self._said = ticks, tempos
        if division < 0:
            frames_per_second = -(division >> 8)
            self._rate = (30_000 / 1_001 if frames_per_second == 29 else frames_per_second) * (division & 0xFF)
            return
        order = np.argsort(ticks, kind="stable")
        self._ticks = np.concatenate([[0], ticks[order]])
        self._tick_seconds = np.concatenate([[_DEFAULT_TEMPO], tempos[order]]) / (1e6 * division)
        passed = np.cumsum(np.diff(self._ticks) * self._tick_seconds[:-1])
        self._begins = np.concatenate([[0.0], passed])

    def seconds(self, ticks: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the times of ticks."""
        if self._rate:
            return ticks / self._rate
        seconds = np.empty(len(ticks))
        for begin in range(0, len(ticks), _BLOCK):  # in blocks, to need little memory
            block = ticks[begin : begin + _BLOCK]
            place = np.searchsorted(self._ticks, block, side="right") - 1
            passed = (block - self._ticks[place]) * self._tick_seconds[place]
            seconds[begin : begin + _BLOCK] = self._begins[place] + passed
        return seconds

    def tempos(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return seconds and beats a minute of all tempos that were said."""
        ticks, tempos = self._said
        if self._rate:
            return np.empty(0), np.empty(0)
        order = np.lexsort((tempos, ticks))
        return self.seconds(ticks[order]), 60e6 / tempos[order]


def _without(pauses: NDArray[np.float64], seconds: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return times as they are when pauses, shape (n, 2), are taken out."""
    if not len(pauses):
        return seconds
    lengths = pauses[:, 1] - pauses[:, 0]
    taken = np.cumsum(np.stack([np.zeros_like(lengths), lengths], axis=1).ravel())
    return seconds - np.interp(seconds, pauses.ravel(), taken)


def _joined(parts: list[NDArray[Any]]) -> NDArray[Any]:
    """Return arrays as one, and forget them: a large file has room in memory once."""
    joined = np.concatenate(parts)
    parts.clear()
    return joined


def _wrapper(data: bytes, begin: int) -> str:
    """Return in words what lies in front of a MIDI header at an offset."""
    if data.startswith(b"RIFF"):
        return "the head of a RIFF file"
    return "a MacBinary header" if begin == _MACBINARY_BYTES and data[0] == 0 else f"{begin} bytes"
