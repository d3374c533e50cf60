"""The filters that drop our own MIDI output where a cable or a patch bay brings it back as input."""

import math
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

_HORIZON_SECONDS: Final = 5.0
"""What has not come back for so long does not come back."""

_MOST_SENT: Final = 1024
"""So many messages are remembered at most."""

_SAME_DELAY_SECONDS: Final = 0.05
"""By how much the delays of two messages differ at most where a cable brings both back, and no hand."""

_N_CHANNELS: Final = 16

_MOST_LEFT_OUT: Final = 3
"""So many note_ons that a port left out are remembered at most."""

_N_PROOFS: Final = 2
_PRESSED: Final = 64  # from this value on a controller that is a button is down


@dataclass(frozen=True, slots=True)
class _Leaving:
    """A message that left, whether it hands on what a keyboard plays, and the ports from which it came back."""

    seconds: float
    data: bytes
    is_thru: bool
    returned: set[str] = field(default_factory=set)


class _Port:
    """What came back from one port: the keys that are down by an echo.

    By channel it is counted, too, how many note_ons came back or stayed away, and how many of the latter speak for a
    keyboard still.
    """

    def __init__(self) -> None:
        self.echoing_keys: set[tuple[int, ...]] = set()
        self._n_counted = [0] * _N_CHANNELS
        self._n_left_out = [0] * _N_CHANNELS

    def leaves_out(self, channel: int, n_note_ons: int) -> bool:
        """Tell whether the port left out note_ons that speak for a keyboard, when one comes that was sent; count it.

        Parameters
        ----------
        channel : int
            The channel of the note_on that comes, 0 to 15.
        n_note_ons : int
            So many note_ons of the channel have had their time to come back.
        """
        newly = max(n_note_ons - self._n_counted[channel], 0)
        n_left_out = min(self._n_left_out[channel] + newly, _MOST_LEFT_OUT)
        self._n_counted[channel] += newly + 1
        self._n_left_out[channel] = max(n_left_out - 1, 0)
        return n_left_out > 0


class EchoFilter:
    """Recognises our own output when it comes back as input, through a cable or a patch bay.

    A message is an echo if the same bytes were sent a moment ago; from each port a sent message has one echo. A
    note_off is an echo only if its note_on was one, so that a key which the performer holds is always released.

    What `thru` has just sent on for one keyboard may also be struck on a second one. A cable brings back every note_on
    of a channel, and a keyboard next to none. So of such messages a port that left out some note_ons may send as many
    that are the same before one counts as an echo. What the model plays is always an echo when it comes back.

    Parameters
    ----------
    window_seconds : float
        Longest time that an echo takes: two JACK periods of 1024 samples, or a few messages on a MIDI cable.

    Notes
    -----
    The output's thread calls `sent`, the inputs' thread `is_echo`.
    """

    def __init__(self, window_seconds: float = 0.05) -> None:
        self._window_seconds = window_seconds
        self._lock = threading.Lock()
        self._sent: deque[_Leaving] = deque()
        self._n_note_ons = [0] * _N_CHANNELS
        self._ports: dict[str, _Port] = {}

    def sent(self, message: Sequence[int], now_seconds: float, *, is_thru: bool = False) -> None:
        """Remember a message that leaves now; `is_thru` where it hands on what a keyboard plays."""
        with self._lock:
            self._forget(now_seconds)
            self._sent.append(_Leaving(now_seconds, _canonical(message), is_thru))

    def is_echo(self, message: Sequence[int], now_seconds: float, port: str = "") -> bool:
        """Tell whether a message that arrives now at the port of this name is our own and is to be dropped."""
        if not message:
            return False
        data = _canonical(message)
        kind, channel, key = data[0] & 0xF0, data[0] & 0x0F, (data[0] & 0x0F, *data[1:2])
        with self._lock:
            self._forget(now_seconds)
            there = self._ports.setdefault(port, _Port())
            if kind == 0x80:
                was_echoing = key in there.echoing_keys
                there.echoing_keys.discard(key)
                if not was_echoing:
                    return False
            sent = self._first(data, now_seconds, port)
            if sent is None:
                return False
            sent.returned.add(port)
            if kind == 0x90:
                is_keyboard = there.leaves_out(channel, self._n_note_ons[channel])
                if sent.is_thru and is_keyboard:
                    return False
                there.echoing_keys.add(key)
            return True

    def _first(self, data: bytes, now_seconds: float, port: str) -> _Leaving | None:
        """Return the first message that these bytes can be the echo of."""
        for sent in self._sent:
            is_fresh = 0.0 <= now_seconds - sent.seconds <= self._window_seconds
            if sent.data == data and is_fresh and port not in sent.returned:
                return sent
        return None

    def _forget(self, now_seconds: float) -> None:
        """Forget what has had its time to come back, and count its note_ons."""
        while self._sent and now_seconds - self._sent[0].seconds > self._window_seconds:
            sent = self._sent.popleft()
            if sent.data and sent.data[0] & 0xF0 == 0x90:
                self._n_note_ons[sent.data[0] & 0x0F] += 1


@dataclass(frozen=True, slots=True)
class _Sent:
    """A message that has left and not come back, and whether it tells where a knob stands."""

    data: bytes
    seconds: float
    is_position: bool

    @property
    def address(self) -> bytes:
        return self.data[:2]


class LateEcho:
    """Recognises what was sent to light one device when it comes back from there, however late within five seconds.

    A message that is the same may also be the performer's. So it counts as an echo only where that does no harm, or
    where the device is known to send everything back. It does no harm if it tells the position of a knob, the last one
    that the device was sent, for there the knob stands anyhow; or if it is the release of a pad or a button that is not
    down. The device is known by two messages in a row that come in the order in which they were sent, after the same
    delay, and none is left out: no hand does that. From then on what comes after another delay is the performer's, and
    as soon as a message stays away, the device is taken for one that sends none back.

    Notes
    -----
    The thread that sends calls `sent`, the inputs' thread `is_echo` for every message of the device.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sent: deque[_Sent] = deque()
        self._down: set[bytes] = set()
        self._n_proofs = 0
        self._delay_seconds = math.nan

    def sent(self, message: Sequence[int], now_seconds: float, *, is_position: bool = False) -> None:
        """Remember a message that leaves now; `is_position` where the device's knob stands there afterwards."""
        with self._lock:
            if len(self._sent) == _MOST_SENT:
                self._lose()
            self._forget(now_seconds)
            self._sent.append(_Sent(_canonical(message), now_seconds, is_position))

    def is_echo(self, message: Sequence[int], now_seconds: float) -> bool:
        """Tell whether a message that arrives now is what was sent, and is to be dropped."""
        if not message:
            return False
        data = _canonical(message)
        kind, button = data[0] & 0xF0, bytes((data[0] & 0xAF, *data[1:2]))  # 0x80 and 0x90 are of one key
        is_release = kind == 0x80 or (kind == 0xB0 and data[-1] < _PRESSED)
        with self._lock:
            self._forget(now_seconds)
            found, is_last = self._found(data, now_seconds)
            if found is not None and found.is_position:
                return is_last or self._is_known
            if is_release and button not in self._down:
                return found is not None
            is_echo = found is not None and not is_release and self._is_known
            if is_release:
                self._down.remove(button)
            elif not is_echo:
                self._down.add(button)
            return is_echo

    def _found(self, data: bytes, now_seconds: float) -> tuple[_Sent | None, bool]:
        """Take out what came back, if these bytes did; tell whether its light was sent nothing since."""
        index = self._index_of(data, now_seconds)
        if index is None:
            return None, False
        found = self._sent[index]
        del self._sent[index]
        is_alike, self._delay_seconds = self._is_alike(found, now_seconds), now_seconds - found.seconds
        if index > 0:
            self._n_proofs = self._n_proofs if self._is_known else 0
        else:
            self._n_proofs = self._n_proofs + 1 if is_alike else 1
        return found, not any(each.address == found.address for each in islice(self._sent, index, None))

    def _index_of(self, data: bytes, now_seconds: float) -> int | None:
        """Return which message these bytes are: the first that is the same, and of a device that is known, in time."""
        same = (index for index, each in enumerate(self._sent) if each.data == data)
        if self._is_known:
            same = (index for index in same if self._is_alike(self._sent[index], now_seconds))
        return next(same, None)

    @property
    def _is_known(self) -> bool:
        return self._n_proofs >= _N_PROOFS

    def _is_alike(self, sent: _Sent, now_seconds: float) -> bool:
        return abs(now_seconds - sent.seconds - self._delay_seconds) <= _SAME_DELAY_SECONDS

    def _forget(self, now_seconds: float) -> None:
        while self._sent and self._sent[0].seconds < now_seconds - _HORIZON_SECONDS:
            self._lose()

    def _lose(self) -> None:
        self._sent.popleft()
        self._n_proofs = 0


def _canonical(message: Sequence[int]) -> bytes:
    """Return a message's bytes. MIDI has three forms of a note_off; they all become the same one."""
    data = bytes(message)
    if len(data) == 3 and (data[0] & 0xF0 == 0x80 or (data[0] & 0xF0 == 0x90 and data[2] == 0)):
        return bytes((0x80 | data[0] & 0x0F, data[1], 0))
    return data
