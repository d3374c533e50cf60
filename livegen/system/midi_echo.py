"""The filter that drops our own MIDI output where a cable or a patch bay brings it back as input."""

import threading
from collections.abc import Sequence


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


def _canonical(message: Sequence[int]) -> bytes:
    """Return a message's bytes. MIDI has three forms of a note_off; they all become the same one."""
    data = bytes(message)
    if len(data) == 3 and (data[0] & 0xF0 == 0x80 or (data[0] & 0xF0 == 0x90 and data[2] == 0)):
        return bytes((0x80 | data[0] & 0x0F, data[1], 0))
    return data
