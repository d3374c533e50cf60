"""The events of one track of a MIDI file, whatever its bytes are.

Channel messages as the standard has them are found many at a time, by tables of how long an event would be that begins
at each byte of a block. Everything else is taken one by one: it never fails, but is read as most programs read it, or
passed over up to where whole events begin again, and is counted with its place.
"""

import re
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

NOTE_OFF: Final = 0x80
NOTE_ON: Final = 0x90

META_TRACK_NAME: Final = 0x03
META_MARKER: Final = 0x06
META_TEMPO: Final = 0x51
META_TIME_SIGNATURE: Final = 0x58
_META_END: Final = 0x2F
_KEPT_METAS: Final = (META_TRACK_NAME, META_MARKER, META_TEMPO, META_TIME_SIGNATURE)
_SURE_METAS: Final = (*_KEPT_METAS, _META_END)

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

_META: Final = 0xFF
_SYSEX: Final = 0xF0
_SYSEX_END: Final = 0xF7
_REAL_TIME: Final = 0xF8
_SYSTEM_DATA_BYTES: Final = {0xF1: 1, 0xF2: 2, 0xF3: 1}  # time code, song position, song select
_NUMBER_BYTES: Final = 4
_MOST_NUMBER_BYTES: Final = 5
_MOST_NUMBER: Final = 0x0FFF_FFFF
_MOST_PADDING: Final = 16
_EVENTS_AHEAD: Final = 4
"""So many whole events in a row are not there by chance: where they begin, reading goes on."""
_LONGEST_RAW_SYSEX: Final = 256  # bytes that are searched for the end of a sysex without a length

_BLOCK_BYTES: Final = 1 << 15
_LONGEST_MESSAGE: Final = 8  # delta time, status and data, rounded up
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
        # Of each block delta times, offsets, statuses (0 of running ones), and first and second data bytes.
        self._blocks: list[tuple[NDArray[np.integer[Any]], ...]] = []
        self._pending: list[int] = []  # places of messages in the block
        self._n_messages = 0  # without those
        self._steps: list[tuple[int, int]] = []  # how many messages came before, and the delta time
        self._found: list[tuple[int, int, int, int]] = []  # metas: which step, kind, offset and length
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
        self._table = table = _Table(self._data, begin, size, self._end)
        at = 0
        while at < size and not self.has_end and self.n_events <= self._most_events:
            found = self._pending
            add, n_before = found.append, len(found)
            lengths = table.lengths[data_bytes(self._status)]
            while length := lengths[at]:
                add(at)
                at += length
            self.n_events += len(found) - n_before
            status = table.statuses[at]
            if status:  # a message that is longer or shorter than those before
                self._status = status
            elif at < size:
                at = self._step(begin + at) - begin
        self._take_pending()
        return begin + at

    def _take_pending(self) -> None:
        """Keep the messages that were found in the block."""
        if not self._pending:
            return
        at = np.array(self._pending, np.int32)
        self._pending = []
        delta, status, first, second = self._table.messages(at)
        said = np.flatnonzero(status)
        if len(said):
            self._status = int(status[said[-1]])
        self._blocks.append((delta, (at + self._table.begin).astype(np.uint32), status, first, second))
        self._n_messages += len(at)

    def _pass(self, delta: int) -> None:
        """Let time pass by an event that is no channel message."""
        self._steps.append((self._n_messages + len(self._pending), delta))

    def _step(self, begin: int) -> int:
        """Take whatever begins at an offset, and return where the next event begins."""
        self.n_events += 1
        if (after := self._behind_text(begin)) >= 0:
            return after
        delta, at, fault = self._delta(begin)
        if fault not in (BROKEN, BREAKS_OFF):
            first = self._data[at]
            if first in (_META, _SYSEX, _SYSEX_END):
                at, wrong = self._packet(at, delta)
            elif first > _SYSEX:
                at, wrong = self._behind_system_message(at), STRAY_MESSAGE
                self._pass(delta)
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

    def _behind_text(self, begin: int) -> int:
        """Return the offset behind a meta event that nobody needs, or -1: the usual case of `_packet`, at a glance."""
        data = self._data
        if begin + 4 > self._end or data[begin + 1] != _META:
            return -1
        delta, _, kind, length = data[begin : begin + 4]
        after = begin + 4 + length
        if max(delta, kind, length) >= 0x80 or kind in _SURE_METAS or not self._begins_event(after):
            return -1
        self._pass(delta)
        return after

    def _delta(self, begin: int) -> tuple[int, int, str]:
        """Return a delta time, the offset of its event, and what is wrong with it."""
        data, at = self._data, begin
        if data[at] < 0x80 and at + 1 < self._end:
            return data[at], at + 1, ""
        while at - begin < _MOST_PADDING and data[at : at + 1] == b"\x80" and data[at + 1 : at + 2] >= b"\x80":
            at += 1
        delta, after = self._number(at, _MOST_NUMBER_BYTES)
        if after < 0:
            return 0, at, BREAKS_OFF if at + _NUMBER_BYTES >= self._end else BROKEN
        if delta > _MOST_NUMBER and data[at] >= _REAL_TIME:  # a real-time byte in front
            delta &= _MOST_NUMBER
        if after >= self._end:
            return 0, at, BREAKS_OFF
        return delta, after, LONG_NUMBER if after - begin > _NUMBER_BYTES else ""

    def _packet(self, at: int, delta: int) -> tuple[int, str]:
        """Take a meta event or a sysex; return where the next event begins, and what is wrong."""
        data, end, first = self._data, self._end, self._data[at]
        after_first = at = at + 1
        kind = -1
        if first == _META and at < end:
            kind = data[at]
            at += 1
        length, body = self._number(at, _MOST_NUMBER_BYTES)
        if body < 0:
            return end, BREAKS_OFF if at + _NUMBER_BYTES >= end else BROKEN
        after = body + length
        raw_end = self._raw_end(first, kind, after_first, after)
        if raw_end >= 0:
            self._pass(delta)
            return raw_end, STRAY_MESSAGE
        if after > end:
            return end, BREAKS_OFF if after <= self._declared else BROKEN
        if kind in _KEPT_METAS:
            self._found.append((len(self._steps), kind, body, length))
        self._pass(delta)
        if kind == _META_END:
            self.has_end = after == end or not self._is_whole(after, self._status)
            return after, "" if self.has_end else EARLY_END
        return after, LONG_NUMBER if body - at > _NUMBER_BYTES else ""

    def _begins_event(self, at: int) -> bool:
        """Tell at a glance whether an event with a status begins here; where not, nothing is known."""
        data = self._data
        is_meta = at + 2 < self._end and data[at] < 0x80 and data[at + 1] == _META and data[at + 2] < 0x80
        return is_meta or self._table.begins_message(at)

    def _raw_end(self, first: int, kind: int, at: int, after: int) -> int:
        """Return the offset behind a message as a cable carries it, or -1 if it is none.

        `at` is the offset behind its first byte, and `after` where it ends if a length follows.
        """
        data = self._data
        if first == _META:  # there a reset, of a single byte
            is_meta = kind in _SURE_METAS or self._begins_event(after) or self._is_whole(after, self._status)
            return -1 if is_meta or not self._is_whole(at, 0) else at
        if first == _SYSEX and (after > self._end or data[after - 1] != _SYSEX_END):  # it ends in one, not by a length
            status = _STATUS.search(data, at, min(at + _LONGEST_RAW_SYSEX, self._end, after))
            if status and status[0][0] == _SYSEX_END and self._is_whole(status.end(), 0):
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
        row = np.array([status]), np.array([first]), np.array([second])
        self._blocks.append((np.array([delta]), np.array([begin], np.uint32), *row))
        self._n_messages += 1
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
            _, at = self._number(at, _NUMBER_BYTES)
            if at < 0 or at >= end:
                return n
            first = data[at]
            if first in (_META, _SYSEX, _SYSEX_END):
                at += 1
                if first == _META and (at >= end or data[at] >= 0x80):
                    return n
                is_end = first == _META and data[at] == _META_END
                length, at = self._number(at + (first == _META), _NUMBER_BYTES)
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
        """Join what was found."""
        joined = [np.concatenate(parts) for parts in zip(*self._blocks, strict=True)] or [np.empty(0, np.int64)] * 5
        self._blocks.clear()
        delta, offset, status, first, second = joined
        self.offset = offset.astype(np.uint32, copy=False)
        before, steps = np.array(self._steps, np.int64).reshape(-1, 2).T
        tick = delta.astype(np.int64)
        is_between = before < len(tick)
        np.add.at(tick, before[is_between], steps[is_between])
        np.cumsum(tick, out=tick)
        self.tick = tick
        passed = np.concatenate([[0], np.cumsum(steps)])

        def tick_behind(step: NDArray[np.int64]) -> NDArray[np.int64]:
            first = np.searchsorted(before, before[step])  # of those behind the same message
            base = np.where(before[step] > 0, tick[before[step] - 1], 0) if len(tick) else 0
            return base + passed[step + 1] - passed[first]

        self.metas = np.array(self._found, np.int64).reshape(-1, 4)
        self.metas[:, 0] = tick_behind(self.metas[:, 0])
        self.last_tick = int(tick[-1]) if len(tick) else 0
        if len(before):
            self.last_tick = max(self.last_tick, int(tick_behind(np.array([len(before) - 1]))[0]))
        self._steps.clear()
        self._found.clear()
        said = np.flatnonzero(status)
        status = np.repeat(status[said], np.diff(np.append(said, len(status)))).astype(np.uint8, copy=False)
        self.message = np.empty((len(tick), 3), np.uint8)
        self.message[:, 0], self.message[:, 1] = status, first
        self.message[:, 2] = np.where((status & 0xE0) == 0xC0, 0, second)
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


class _Table:
    """How long the channel message would be that begins at each byte of a block.

    Attributes
    ----------
    begin : int
        Offset of the block.
    lengths : tuple of bytes
        By the number of data bytes (0 where nobody knows yet) that a message with running status would have: for each
        byte of the block the length of the message there, 0 if there is none.
    statuses : bytes
        The status byte of each of these messages, 0 if there is none or it is the running one.
    """

    def __init__(self, data: bytes, begin: int, size: int, end: int) -> None:
        self.begin = begin
        span = min(size + _LONGEST_MESSAGE, len(data) - begin)
        self._bytes = np.full(size + _LONGEST_MESSAGE, 0xFF, np.uint8)
        self._bytes[:span] = np.frombuffer(data, np.uint8, span, begin)
        high = self._bytes >> 7
        number = 1 + high[:size] * (1 + high[1 : size + 1] * (1 + high[2 : size + 2] * (1 + high[3 : size + 3])))
        place = np.arange(size, dtype=np.int32)
        at_status = place + number
        status = self._bytes[at_status]
        is_explicit = (status >= 0x80) & (status < 0xF0)
        is_short = (status & 0xE0) == 0xC0
        at_data = at_status + is_explicit
        may_be = (number <= _NUMBER_BYTES) & (status < 0xF0) & (high[at_data] == 0)
        one = may_be & (is_short | ~is_explicit) & (at_data + 1 <= end - begin)
        two = may_be & ~(is_short & is_explicit) & (high[at_data + 1] == 0) & (at_data + 2 <= end - begin)
        self._number, self._at_data = number, at_data
        self._status = np.where(is_explicit & (one | two), status, 0).astype(np.uint8)
        padding = bytes(_LONGEST_MESSAGE)
        lengths = [np.where(which, at_data + n - place, 0).astype(np.uint8) for n, which in ((1, one), (2, two))]
        self.lengths = (bytes(size) + padding, *(row.tobytes() + padding for row in lengths))
        self.statuses = self._status.tobytes() + padding

    def begins_message(self, offset: int) -> bool:
        """Tell whether a message with a status begins at an offset; of one behind the block, nothing is known."""
        place = offset - self.begin
        return place < len(self.statuses) and self.statuses[place] > 0

    def messages(self, at: NDArray[np.int32]) -> tuple[NDArray[np.integer[Any]], ...]:
        """Return delta time, status (0 if it is the running one) and two bytes of the messages at places."""
        number, data = self._number[at], self._at_data[at]
        delta = np.zeros(len(at), np.uint32)
        for n in range(_NUMBER_BYTES):
            delta = np.where(n < number, delta << 7 | self._bytes[at + n] & 0x7F, delta)
        return delta, self._status[at], self._bytes[data], self._bytes[data + 1]


def data_bytes(status: int) -> int:
    """Return how many data bytes a channel message has, 0 where the status is none."""
    return 0 if not status else 1 if 0xC0 <= status < 0xE0 else 2
