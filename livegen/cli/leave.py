"""Being asked to leave, by a signal or by a key."""

import queue
import signal


class Leave:
    """What a command that plays waits for, and what ends it.

    `threading.Event` would not do: a signal's handler interrupts the main thread anywhere, inside the event's `wait`
    too, and would then wait for ever for the lock that it interrupted. A SimpleQueue's `put` may be called there.
    """

    def __init__(self) -> None:
        self._asked: queue.SimpleQueue[None] = queue.SimpleQueue()

    def ask(self, *_: object) -> None:
        """Ask to leave; any thread may, a signal's handler at any moment, and more than once."""
        self._asked.put(None)

    def wait(self, seconds: float) -> bool:
        """Wait until asked to leave, up to some seconds, and tell whether that came."""
        try:
            self._asked.get(timeout=seconds)
        except queue.Empty:
            return False
        return True


def leave_on_signals() -> Leave:
    """Return what Ctrl-C, SIGTERM and the terminal's end ask to leave, instead of interrupting."""
    leave = Leave()
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), leave.ask)
    return leave
