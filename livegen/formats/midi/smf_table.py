"""How long the events would be that begin at each byte of a part of a MIDI file, for all bytes at once."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

META: Final = 0xFF
SYSEX: Final = 0xF0
SYSEX_END: Final = 0xF7

META_TRACK_NAME: Final = 0x03
META_MARKER: Final = 0x06
META_TEMPO: Final = 0x51
META_TIME_SIGNATURE: Final = 0x58
META_END: Final = 0x2F
KEPT_METAS: Final = (META_TRACK_NAME, META_MARKER, META_TEMPO, META_TIME_SIGNATURE)
SURE_METAS: Final = (*KEPT_METAS, META_END)

NUMBER_BYTES: Final = 4
"""A number of variable length has so many at most."""

_LONGEST_MESSAGE: Final = 8  # delta time, status and data, rounded up
_LONGEST_EVENT: Final = 256  # of those found here, rounded up
_LENGTH: Final = 0x07
_LONG: Final = 0x40
_SHORT: Final = 0x80
"""Bits of a message: its length, and that it has a status and two data bytes, or one."""

_LONG_STATUS: Final = np.uint8(_LONG | 3)
_SHORT_STATUS: Final = np.uint8(_SHORT | 2)


def data_bytes(status: int) -> int:
    """Return how many data bytes a channel message has, 0 where the status is none."""
    return 0 if not status else 1 if 0xC0 <= status < 0xE0 else 2


def is_kept(kinds: NDArray[np.integer[Any]]) -> NDArray[np.bool_]:
    """Tell which kinds of meta events are kept."""
    return np.logical_or.reduce([kinds == kind for kind in KEPT_METAS])


class Table:
    """The events as the standard has them that may begin in a block.

    Parameters
    ----------
    data : bytes
        The file.
    begin, size : int
        Offset and length of the block.
    end : int
        Where the track ends.
    """

    def __init__(self, data: bytes, begin: int, size: int, end: int) -> None:
        self._begin, self._size, self._end = begin, size, end
        self._data = np.frombuffer(data, np.uint8)
        self._bytes = np.full(size + _LONGEST_MESSAGE, 0xFF, np.uint8)
        span = min(len(self._bytes), end - begin)
        self._bytes[:span] = self._data[begin : begin + span]
        self._is_low = (self._bytes < 0x80).view(np.uint8)
        status, low = self._bytes[:-2], self._is_low
        is_short = (status & 0xE0) == 0xC0
        one = ((status >= 0x80) & (status < SYSEX)).view(np.uint8) & low[1:-1]
        short, long = one & is_short.view(np.uint8), one & (~is_short).view(np.uint8) & low[2:]
        running = low[:-2] & low[1:-1]
        self._messages = self._behind_delta(short * _SHORT_STATUS + long * _LONG_STATUS + running * np.uint8(2))
        self._messages = np.concatenate([self._messages, np.zeros(_LONGEST_EVENT, np.uint8)])
        self._packets = self._find_packets()
        self._lengths: dict[int, NDArray[np.uint8]] = {}
        self._steps: dict[int, bytes] = {}

    def _behind_delta(self, lengths: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return, for each byte of the block, the length with a delta time of what such a time leads to."""
        found = np.zeros(self._size, np.uint8)
        is_end = self._is_low
        for _ in range(NUMBER_BYTES):  # from the last byte of the delta time to the first
            lengths = (lengths + (lengths > 0).view(np.uint8))[1:] * is_end[: len(lengths) - 1]
            found += lengths[: self._size]
            is_end = 1 - self._is_low
        return found

    def _find_packets(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return places and lengths of meta events and sysex of less than 128 bytes, ends of tracks aside.

        Left out is also what may be a byte that a cable carries.
        """
        at = np.flatnonzero(self._bytes[: min(self._size + NUMBER_BYTES, self._end - self._begin)] >= SYSEX)
        first = self._bytes[at]
        at = at[(first == META) | (first == SYSEX) | (first == SYSEX_END)]
        if not len(at):
            return at, at
        last = self._end - 1
        first, offset = self._bytes[at], at + self._begin
        kind, size = (self._data[np.minimum(offset + n, last)].astype(np.int64) for n in (1, 2))
        is_meta = first == META
        length = np.where(is_meta, 3 + size, 2 + kind)
        after = offset + length
        is_meta_sure = (kind < 0x80) & (kind != META_END) & (is_kept(kind) | self._begins_event(after))
        is_sysex_sure = (first == SYSEX_END) | (self._data[np.minimum(after, self._end) - 1] == SYSEX_END)
        is_whole = (np.where(is_meta, size, kind) < 0x80) & (after <= self._end)
        sure = np.flatnonzero(is_whole & np.where(is_meta, is_meta_sure, is_sysex_sure))
        place, length = at[sure], length[sure]
        places, lengths, is_end = [place[:0]], [length[:0]], self._is_low
        for _ in range(NUMBER_BYTES):
            place, length = place - 1, length + 1
            is_number = (place >= 0) & (is_end[place] > 0)
            place, length = place[is_number], length[is_number]
            places.append(place)
            lengths.append(length)
            is_end = 1 - self._is_low
        place = np.concatenate(places)
        is_here = place < self._size
        return place[is_here], np.concatenate(lengths)[is_here]

    def _begins_event(self, offset: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Tell at a glance whether events with a status begin at offsets; where not, nothing is known."""
        last = self._end - 1
        first, second, third = (self._data[np.minimum(offset + n, last)] for n in range(3))
        is_meta = (offset + 2 < self._end) & (first < 0x80) & (second == META) & (third < 0x80)
        return is_meta | (self._messages[np.minimum(offset - self._begin, self._size)] >= _LONG)

    def begins_event(self, offset: int) -> bool:
        """Tell at a glance whether an event with a status begins at an offset; where not, nothing is known."""
        return bool(self._begins_event(np.array([offset]))[0])

    def status(self, place: int) -> int:
        """Return the status byte of the message that begins at a place of the block, 0 if it has none."""
        code = int(self._messages[place])
        n_data = 1 if code & _SHORT else 2
        return int(self._bytes[place + (code & _LENGTH) - 1 - n_data]) if code >= _LONG else 0

    def steps(self, n_data: int) -> bytes:
        """Return for each byte of the block how far to go from an event that begins there, 0 if none does.

        Parameters
        ----------
        n_data : int
            How many data bytes a message has now that has no status, 0 where nobody knows. Where a message of another
            length begins, and one without a status may follow, is a 0.

        Returns
        -------
        bytes
            The length of an event, or of two in a row, which `places` takes apart.
        """
        if n_data not in self._steps:
            lengths = steps = self._lengths_of(n_data)
            if n_data == 2:  # the others are too few to hurry
                steps = lengths.copy()
                for length in range(2, _LONGEST_MESSAGE):
                    steps[: self._size] += (lengths[: self._size] == length) * lengths[length : self._size + length]
            self._lengths[n_data], self._steps[n_data] = lengths, steps.tobytes()
        return self._steps[n_data]

    def _lengths_of(self, n_data: int) -> NDArray[np.uint8]:
        lengths = np.zeros(len(self._messages), np.uint8)
        if n_data:
            lengths[:] = self._messages & _LENGTH
            if n_data == 1:
                lengths[self._messages < _LONG] = 0
                lengths[: self._size] += self._behind_delta(self._is_low[:-2])
            others = np.flatnonzero(self._messages & (_SHORT if n_data == 2 else _LONG))
            after = others + (self._messages[others] & _LENGTH)
            lengths[others[self._messages[after] < _LONG]] = 0
        place, length = self._packets
        lengths[place] = length
        return lengths

    def places(self, found: dict[int, list[int]]) -> NDArray[np.int32]:
        """Return the places of events, in order, that were found by `steps` of some numbers of data bytes."""
        parts = [np.empty(0, np.int32)]
        for n_data, begins in found.items():
            first = np.array(begins, np.int32)
            length = self._lengths[n_data][first]
            both = np.stack([first, first + length], axis=1).ravel()
            is_event = np.ones(len(both), np.bool_)
            is_event[1::2] = np.frombuffer(self._steps[n_data], np.uint8)[first] > length
            parts.append(both[is_event])
        places = np.concatenate(parts)
        return np.sort(places) if len(parts) > 2 else places

    def rows(self, places: NDArray[np.int32]) -> tuple[NDArray[np.integer[Any]], ...]:
        """Return offset, delta time, status and two bytes of the events at places.

        The status is 0 where it is the running one. Of a meta event the offset is that of its body, and the bytes are
        its kind and length.
        """
        delta, at = self._bytes[places].astype(np.int32), places + 1
        rest = np.flatnonzero(delta >= 0x80)
        delta[rest] &= 0x7F
        while len(rest):
            byte = self._bytes[at[rest]]
            delta[rest] = delta[rest] << 7 | byte & 0x7F
            at[rest] += 1
            rest = rest[byte >= 0x80]
        status = self._bytes[at]
        is_status = status >= 0x80
        offset = np.where(status == META, at + 3, places) + self._begin
        at += is_status
        return offset.astype(np.uint32), delta, status * is_status, self._bytes[at], self._bytes[at + 1]
