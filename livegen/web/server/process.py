"""The session's handle of the server's process: it starts, watches and ends the process."""

import socket
import time
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Final

from livegen.system.processes import deaf_to_signals
from livegen.web.server import child
from livegen.web.settings import ServerSettings

_SILENCE_SECONDS: Final = 1.25
_START_SECONDS: Final = 30.0  # longest time until a server's first message, on a small machine that plays
_ASKED_SECONDS: Final = 0.15
_KILLED_SECONDS: Final = 0.3


class ServerProcess:
    """A server that runs, and this process's end of the pipe to it.

    Parameters
    ----------
    listener : socket
        Bound and listening. The caller must close it.
    settings : ServerSettings

    Attributes
    ----------
    pipe : Connection
        Closed when nothing refers to it any more, because a thread that still reads it must not find another file in
        its place.
    began : float
        Time of `time.monotonic` at which it was started.

    Raises
    ------
    OSError
        If the system starts no process.
    """

    def __init__(self, listener: socket.socket, settings: ServerSettings) -> None:
        context = get_context("spawn")
        self.pipe: Connection
        self.pipe, theirs = context.Pipe()
        self.began = time.monotonic()
        self._heard_at: float | None = None
        self._is_lost = False
        self._process = context.Process(
            target=child.run, args=(theirs, listener, settings), name="livegen web", daemon=True
        )
        try:
            with deaf_to_signals():
                self._process.start()
        finally:
            theirs.close()

    @property
    def is_lost(self) -> bool:
        """Whether it has ended or was given up."""
        return self._is_lost

    def hear(self) -> None:
        """Note that it is alive."""
        self._heard_at = time.monotonic()

    def check(self) -> None:
        """Give it up if it has fallen silent, or has not sent a first message in time."""
        silent_at = self.began + _START_SECONDS if self._heard_at is None else self._heard_at + _SILENCE_SECONDS
        if time.monotonic() > silent_at:
            self.lose()

    def lose(self) -> None:
        """Give it up and kill it. A thread that waits to write to it then waits no more."""
        self._is_lost = True
        self._process.kill()

    def end(self, patience_seconds: float) -> None:
        """Wait until it has ended: first by itself, then by `terminate`, then by `kill`."""
        for end, seconds in (
            (lambda: None, patience_seconds),
            (self._process.terminate, _ASKED_SECONDS),
            (self._process.kill, _KILLED_SECONDS),
        ):
            end()
            self._process.join(seconds)
            if self._process.exitcode is not None:
                return
