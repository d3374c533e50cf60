"""The events of one track of a MIDI file, whatever its bytes are.

Events as the standard has them are found many at a time, by tables (`smf_table`) of how long an event would be that
begins at each byte of a block. Everything else is taken one by one: it never fails, but is read as most programs read
it, or passed over up to where whole events begin again, and is counted with its place.
"""

import re
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from livegen.formats.midi.smf_table import (
    KEPT_METAS,
    META,
    META_END,
    NUMBER_BYTES,
    SURE_METAS,
    SYSEX,
    SYSEX_END,
    Table,
    data_bytes,
    is_kept,
)

NOTE_OFF: Final = 0x80
NOTE_ON: Final = 0x90

LARGE_DATA: Final = "a data byte over 127, taken as 127"
STRAY_MESSAGE: Final = "a system message, passed over"
LONG_NUMBER: Final = "a number of over four bytes"
EARLY_END: Final = "an end of track with events behind it, passed over"
BROKEN: Final = "bytes that are no event, passed over"
BREAKS_OFF: Final = "an event that breaks off, left out"
TOO_MUCH: Final = "more damage than can be mended, the rest of the track passed over"
"""What may be wrong with an event."""

MOST_FAULTS: Final = 50_000
"""So many in a file are mended, numbers of over four bytes aside; more is no music, and would take long."""

_REAL_TIME: Final = 0xF8
_SYSTEM_DATA_BYTES: Final = {0xF1: 1, 0xF2: 2, 0xF3: 1}  # time code, song position, song select
_MOST_NUMBER_BYTES: Final = 5
_MOST_NUMBER: Final = 0x0FFF_FFFF
_MOST_PADDING: Final = 16
_EVENTS_AHEAD: Final = 4
"""So many whole events in a row are not there by chance: where they begin, reading goes on."""
_LONGEST_RAW_SYSEX: Final = 256  # bytes that are searched for the end of a sysex without a length

_BLOCK_BYTES: Final = 1 << 15
_STATUS: Final = re.compile(rb"[\x80-\xff]")
_MAYBE_EVENT: Final = re.compile(rb"[\x80-\xff]{0,3}[\x00-\x7f](?:[\x80-\xf0\xf7]|\xff[\x00-\x7f])", re.DOTALL)


class TrackScan:
    """What there is in a track.

    Parameters
    ----------
    data : bytes
        The file.
    start, end : int
        Where the track's events begin, and where at the latest they end.
    declared : int
        Where they end by the length that the file says.
    most_events, most_faults : int
        More events are not read, and more faults not mended.

    Attributes
    ----------
    has_end : bool
        Whether an end of track was found.
    stop : int
        The offset behind the last byte that was taken.
    n_events : int
        Of every kind, also broken ones.
    faults : list of (int, str)
        Offset and words of what is wrong, in order.
    tick : ndarray of int64, shape (n,)
        Of the channel messages.
    offset : ndarray of uint32, shape (n,)
    message : ndarray of uint8, shape (n, 3)
        A `note_on` of velocity 0 is a `NOTE_OFF` already; the last byte of messages of two is 0.
    metas : ndarray of int64, shape (m, 4)
        Tick, kind, and offset and length of the body of each name, marker, tempo and time signature.
    last_tick : int
    """

    def __init__(self, data: bytes, start: int, end: int, declared: int, most_events: int, most_faults: int) -> None:
        self._data, self._end, self._declared = data, end, declared
        self._most_events, self._most_faults = most_events, most_faults
        self._status = 0  # the running one; between two messages of a block, one that is as long
        # Of each block offsets, delta times, statuses (0 of running ones), and first and second data bytes.
        self._blocks: list[tuple[NDArray[np.integer[Any]], ...]] = []
        self._rows: list[tuple[int, int, int, int, int]] = []  # the same of what is taken one by one
        self._pending: dict[int, list[int]] = {}  # places in the block that were found, by the table they are of
        self.faults: list[tuple[int, str]] = []
        self._n_mended = 0
        self.has_end = False
        self.n_events = 0
        at = start
        while at < end and not self.has_end and self.n_events <= most_events:
            at = self._block(at)
        self.stop = at
        self._finish()

    @property
    def is_clean(self) -> bool:
        """Whether everything is as the standard has it, from the first byte to the end of the track."""
        return not self.faults and self.has_end and self.stop == self._declared

    def _block(self, begin: int) -> int:
        """Read the events that begin in a block, and return where the next one begins."""
        size = min(_BLOCK_BYTES, self._end - begin)
        self._table = table = Table(self._data, begin, size, self._end)
        at = 0
        while at < size and not self.has_end and self.n_events <= self._most_events:
            n_data = data_bytes(self._status)
            found, steps = self._pending.setdefault(n_data, []), table.steps(n_data)
            add = found.append
            while step := steps[at]:
                add(at)
                at += step
            status = table.status(at)
            if status:  # a message that is longer or shorter than those before
                self._status = status
            elif at < size:
                at = self._step(begin + at) - begin
        self._take_pending()
        return begin + at

    def _take_pending(self) -> None:
        """Keep the events that were found in the block."""
        places = self._table.places(self._pending)
        self._pending = {}
        self.n_events += len(places)
        if len(places):
            rows = self._table.rows(places)
            said = np.flatnonzero((rows[2] > 0) & (rows[2] < SYSEX))
            if len(said):
                self._status = int(rows[2][said[-1]])
            self._blocks.append(rows)

    def _pass(self, at: int, delta: int) -> None:
        """Let time pass by an event that nobody needs."""
        self._rows.append((at, delta, SYSEX, 0, 0))

    def _step(self, begin: int) -> int:
        """Take whatever begins at an offset, and return where the next event begins."""
        self.n_events += 1
        delta, at, fault = self._delta(begin)
        if fault not in (BROKEN, BREAKS_OFF):
            first = self._data[at]
            if first in (META, SYSEX, SYSEX_END):
                at, wrong = self._packet(at, delta)
            elif first > SYSEX:
                self._pass(at, delta)
                at, wrong = self._behind_system_message(at), STRAY_MESSAGE
            else:
                at, wrong = self._message(begin, at, delta)
            fault = wrong or fault
        if fault:
            self.faults.append((begin, fault))
            self._n_mended += fault != LONG_NUMBER
            if self._n_mended > self._most_faults:
                self.faults.append((at, TOO_MUCH))
                return self._end
        if fault == BREAKS_OFF:
            return self._end
        if fault == BROKEN:
            self._take_pending()
            self._status = 0
            return self._next_whole(begin + 1)
        return at

    def _delta(self, begin: int) -> tuple[int, int, str]:
        """Return a delta time, the offset of its event, and what is wrong with it."""
        data, at = self._data, begin
        if data[at] < 0x80 and at + 1 < self._end:
            return data[at], at + 1, ""
        while at - begin < _MOST_PADDING and data[at : at + 1] == b"\x80" and data[at + 1 : at + 2] >= b"\x80":
            at += 1
        delta, after = self._number(at, _MOST_NUMBER_BYTES)
        if after < 0:
            return 0, at, BREAKS_OFF if at + NUMBER_BYTES >= self._end else BROKEN
        if delta > _MOST_NUMBER and data[at] >= _REAL_TIME:  # a real-time byte in front
            delta &= _MOST_NUMBER
        if after >= self._end:
            return 0, at, BREAKS_OFF
        return delta, after, LONG_NUMBER if after - begin > NUMBER_BYTES else ""

    def _packet(self, at: int, delta: int) -> tuple[int, str]:
        """Take a meta event or a sysex; return where the next event begins, and what is wrong."""
        data, end, first = self._data, self._end, self._data[at]
        after_first = at = at + 1
        kind = -1
        if first == META and at < end:
            kind = data[at]
            at += 1
        length, body = self._number(at, _MOST_NUMBER_BYTES)
        if body < 0:
            return end, BREAKS_OFF if at + NUMBER_BYTES >= end else BROKEN
        after = body + length
        raw_end = self._raw_end(first, kind, after_first, after)
        if raw_end >= 0:
            self._pass(after_first - 1, delta)
            return raw_end, STRAY_MESSAGE
        if after > end:
            return end, BREAKS_OFF if after <= self._declared else BROKEN
        if kind in KEPT_METAS:
            self._rows.append((body, delta, META, kind, min(length, 0xFF)))
        else:
            self._pass(after_first - 1, delta)
        if kind == META_END:
            self.has_end = after == end or not self._is_whole(after, self._status)
            return after, "" if self.has_end else EARLY_END
        return after, LONG_NUMBER if body - at > NUMBER_BYTES else ""

    def _raw_end(self, first: int, kind: int, at: int, after: int) -> int:
        """Return the offset behind a message as a cable carries it, or -1 if it is none.

        `at` is the offset behind its first byte, and `after` where it ends if a length follows.
        """
        data = self._data
        if first == META:  # there a reset, of a single byte
            is_meta = kind in SURE_METAS or self._table.begins_event(after) or self._is_whole(after, self._status)
            return -1 if is_meta or not self._is_whole(at, 0) else at
        if first == SYSEX and (after > self._end or data[after - 1] != SYSEX_END):  # it ends in one, not by a length
            status = _STATUS.search(data, at, min(at + _LONGEST_RAW_SYSEX, self._end, after))
            if status and status[0][0] == SYSEX_END and self._is_whole(status.end(), 0):
                return status.end()
        return -1

    def _behind_system_message(self, at: int) -> int:
        """Return the offset behind a message that only cables carry; its data may be missing."""
        after = at + 1
        most = min(after + _SYSTEM_DATA_BYTES.get(self._data[at], 0), self._end)
        while after < most and self._data[after] < 0x80:
            after += 1
        if self._n_whole(after, self._status):
            return after
        return next((place for place in range(at + 1, after) if self._is_whole(place, self._status)), after)

    def _message(self, begin: int, at: int, delta: int) -> tuple[int, str]:
        """Take a channel message that is not as the standard has it."""
        data, end = self._data, self._end
        self._take_pending()
        status = self._status
        if data[at] >= 0x80:
            status = data[at]
            at += 1
        if not status:
            return end, BROKEN
        after = at + data_bytes(status)
        if after > end:
            return end, BREAKS_OFF
        fault = ""
        if max(data[at:after]) >= 0x80:
            fault = LARGE_DATA
            if not self._n_whole(after, status) and any(self._is_whole(place, 0) for place in range(at, after)):
                return end, BROKEN  # the next event stands in the place of its data
        self._status = status
        first, second = min(data[at], 0x7F), min(data[after - 1], 0x7F)
        self._rows.append((begin, delta, status, first, second))
        return after, fault

    def _number(self, at: int, most: int) -> tuple[int, int]:
        """Return a number of variable length, and the offset behind it: -1 if it has no end within so many bytes."""
        if at < self._end and self._data[at] < 0x80:
            return self._data[at], at + 1
        value = 0
        for place in range(at, min(at + most, self._end)):
            byte = self._data[place]
            value = value << 7 | byte & 0x7F
            if byte < 0x80:
                return value, place + 1
        return 0, -1

    def _next_whole(self, at: int) -> int:
        """Return where whole events begin again, or the end."""
        while (maybe := _MAYBE_EVENT.search(self._data, at, self._end)) is not None:
            if self._is_whole(maybe.start(), 0):
                return maybe.start()
            at = maybe.start() + 1
        return self._end

    def _is_whole(self, at: int, status: int) -> bool:
        """Tell whether events as the standard has them begin here, up to the end or as many as are looked at.

        Where the running status is 0, which is none, there must be events, and the first must have one.
        """
        return self._n_whole(at, status) == _EVENTS_AHEAD

    def _n_whole(self, at: int, status: int) -> int:
        """Return how many such events begin here, `_EVENTS_AHEAD` if there is nothing else up to the end."""
        data, end = self._data, self._end
        for n in range(_EVENTS_AHEAD):
            if at == end:
                return _EVENTS_AHEAD if n or status else 0
            _, at = self._number(at, NUMBER_BYTES)
            if at < 0 or at >= end:
                return n
            first = data[at]
            if first in (META, SYSEX, SYSEX_END):
                at += 1
                if first == META and (at >= end or data[at] >= 0x80):
                    return n
                is_end = first == META and data[at] == META_END
                length, at = self._number(at + (first == META), NUMBER_BYTES)
                at += length
                if at < length or at > end or (is_end and length):
                    return n
                if is_end:
                    return _EVENTS_AHEAD
                continue
            if first >= 0x80:
                status, at = first, at + 1
            if not 0x80 <= status < 0xF0:
                return n
            after = at + data_bytes(status)
            if after > end or max(data[at:after]) >= 0x80:
                return n
            at = after
        return _EVENTS_AHEAD

    def _finish(self) -> None:
        """Join what was found, in order."""
        if self._rows or not self._blocks:
            rows = np.array(self._rows, np.int64).reshape(-1, 5).T
            self._blocks.append((rows[0].astype(np.uint32), rows[1], *rows[2:].astype(np.uint8)))
        columns = [np.concatenate(parts) for parts in zip(*self._blocks, strict=True)]
        self._blocks.clear()
        if len(self._rows) > self.has_end:  # the end of the track is in its place
            order = np.argsort(columns[0], kind="stable")
            columns = [column[order] for column in columns]
        self._rows.clear()
        offset, delta, status, first, second = columns
        tick = np.cumsum(delta, dtype=np.int64)
        self.last_tick = int(tick[-1]) if len(tick) else 0
        metas = np.flatnonzero(status == META)
        metas = metas[is_kept(first[metas])]
        self.metas = np.stack([column[metas].astype(np.int64) for column in (tick, first, offset, second)], axis=1)
        messages = np.flatnonzero(status < SYSEX)
        self.tick, self.offset = tick[messages], offset[messages]
        status = status[messages]
        if not status.all():
            said = np.flatnonzero(status)
            status = np.repeat(status[said], np.diff(said, append=len(status)))
        self.message = np.empty((len(status), 3), np.uint8)
        self.message[:, 0], self.message[:, 1] = status, first[messages]
        self.message[:, 2] = np.where((status & 0xE0) == 0xC0, 0, second[messages])
        is_release = (status & 0xF0 == NOTE_ON) & (self.message[:, 2] == 0)
        self.message[is_release, 0] -= NOTE_ON - NOTE_OFF

    def held(self) -> NDArray[np.uint8]:
        """Return a `NOTE_OFF` for each key that is still down at the end, shape (k, 3)."""
        kind = self.message[:, 0] & 0xF0
        is_note = (kind == NOTE_ON) | (kind == NOTE_OFF)
        rows = self.message[is_note][::-1]
        keys = (rows[:, 0] & 0x0F).astype(np.int64) << 7 | rows[:, 1]
        _, last = np.unique(keys, return_index=True)
        down = rows[last]
        down = down[down[:, 0] & 0xF0 == NOTE_ON]
        down[:, 0] -= NOTE_ON - NOTE_OFF
        down[:, 2] = 0
        return down

    def forget(self) -> None:
        """Give up the channel messages, which somebody else has now."""
        self.tick, self.offset, self.message = self.tick[:0].copy(), self.offset[:0].copy(), self.message[:0].copy()
