"""Being asked to leave, by a signal or by a key."""

import queue
import signal


class Leave:
    """The request to leave: a command that plays waits for it.

    `threading.Event` cannot be used. A signal's handler may interrupt the main thread inside the event's `wait`, and
    would then wait for ever for the lock that is held there. A SimpleQueue's `put` may be called there.
    """

    def __init__(self) -> None:
        self._asked: queue.SimpleQueue[None] = queue.SimpleQueue()

    def ask(self, *_: object) -> None:
        """Ask to leave. Any thread may call this, and a signal's handler at any time, more than once too."""
        self._asked.put(None)

    def wait(self, seconds: float) -> bool:
        """Wait up to some seconds for the request to leave, and tell whether it came."""
        try:
            self._asked.get(timeout=seconds)
        except queue.Empty:
            return False
        return True


def leave_on_signals() -> Leave:
    """Return a `Leave`, and let Ctrl-C, SIGTERM and the end of the terminal ask it instead of interrupting."""
    leave = Leave()
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), leave.ask)
    return leave
