"""The filters that drop our own MIDI output where a cable or a patch bay brings it back as input."""

import math
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

_HORIZON_SECONDS: Final = 5.0
"""What has not come back for so long does not come back."""

_MOST_SENT: Final = 1024
"""So many messages are remembered at most."""

_SAME_DELAY_SECONDS: Final = 0.03
"""By how much the delays of two messages differ at most where a cable brings both back, and no hand."""

_N_PROOFS: Final = 2


class EchoFilter:
    """Recognises our own output when it comes back as input, through a cable or a patch bay.

    A note_on or other message is an echo if the same bytes were sent a moment ago; each sent message has one echo.
    A note_off is an echo only if its note_on was one, so that a key which the performer holds is always released.

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
        self._sent: dict[bytes, list[float]] = {}
        self._echoing_keys: set[tuple[int, int]] = set()

    def sent(self, message: Sequence[int], now_seconds: float) -> None:
        """Remember a message that leaves now."""
        with self._lock:
            oldest = now_seconds - self._window_seconds
            self._sent = {data: times for data, times in self._sent.items() if times[-1] >= oldest}
            self._sent.setdefault(_canonical(message), []).append(now_seconds)

    def is_echo(self, message: Sequence[int], now_seconds: float) -> bool:
        """Tell whether a message that arrives now is our own and is to be dropped."""
        if not message:
            return False
        data = _canonical(message)
        with self._lock:
            times = self._sent.get(data, [])
            fresh = next((time for time in times if 0.0 <= now_seconds - time <= self._window_seconds), None)
            kind, key = data[0] & 0xF0, (data[0] & 0x0F, data[1] if len(data) > 1 else 0)
            if kind == 0x80:
                was_echoing = key in self._echoing_keys
                self._echoing_keys.discard(key)
                if not was_echoing:
                    return False
            if fresh is None:
                return False
            times.remove(fresh)
            if not times:
                del self._sent[data]
            if kind == 0x90:
                self._echoing_keys.add(key)
            return True


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
    """Recognises what was sent to one device when it comes back from there, however late within five seconds.

    A message that is the same may also be the performer's. So it counts as an echo only in two cases. One is that it
    tells a knob's position, the last one that the device was sent: then the knob stands there anyhow. The other is that
    the device is known to send everything back: two messages in a row have come, in the order in which they were sent,
    after the same delay, and none was left out. A hand does not do that, and if a message stays away the device is
    taken for one that sends nothing back. A note_off of a key that is down is never an echo.

    Notes
    -----
    The thread that sends calls `sent`, the inputs' thread `is_echo`.
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
        kind, key = data[0] & 0xF0, bytes((data[0] & 0x0F, *data[1:2]))
        with self._lock:
            self._forget(now_seconds)
            is_echo = self._comes_back(data, now_seconds)
            if kind == 0x80 and key in self._down:
                self._down.remove(key)
                return False
            if kind == 0x90 and not is_echo:
                self._down.add(key)
            return is_echo

    def _comes_back(self, data: bytes, now_seconds: float) -> bool:
        index = next((index for index, each in enumerate(self._sent) if each.data == data), None)
        if index is None:
            return False
        found = self._sent[index]
        is_last = not any(each.address == found.address for each in list(self._sent)[index + 1 :])
        del self._sent[index]
        delay = now_seconds - found.seconds
        is_alike = self._n_proofs == 0 or abs(delay - self._delay_seconds) <= _SAME_DELAY_SECONDS
        self._n_proofs = self._n_proofs + 1 if index == 0 and is_alike else int(index == 0)
        self._delay_seconds = delay
        return self._n_proofs >= _N_PROOFS or (found.is_position and is_last)

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
