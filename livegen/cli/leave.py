"""Being asked to leave, by a signal or by a key."""

import contextlib
import os
import queue
import signal
import socket
import threading
from collections.abc import Iterator

from livegen.cli.output import say


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


@contextlib.contextmanager
def leaving_at_once(code: int = 1) -> Iterator[None]:
    """Let SIGINT or SIGTERM end the process at once while the body loads or compiles, when nothing is to be saved.

    Python raises at a signal only between two of its instructions, and the compiler may take seconds for one. Or it
    raises in a function that the compiler calls, which only prints a traceback.
    """
    ours, signals = socket.socketpair()
    signals.setblocking(False)

    def watch() -> None:
        while number := ours.recv(1):
            if number[0] in before:
                say("livegen: interrupted", style="red")
                os._exit(code)

    before = {number: signal.signal(number, lambda *_: None) for number in (signal.SIGINT, signal.SIGTERM)}
    watched = signal.set_wakeup_fd(signals.fileno())
    watching = threading.Thread(target=watch, name="livegen leave", daemon=True)
    watching.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(watched)
        for number, handler in before.items():
            signal.signal(number, handler)
        signals.shutdown(socket.SHUT_RDWR)  # closing is not enough: who compiles beside has a copy of it
        signals.close()
        watching.join()
        ours.close()
