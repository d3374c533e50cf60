"""The server's process: set apart from the music before anything of the server is even imported."""

import contextlib
import os
import signal
import socket
import sys
import time
from multiprocessing import parent_process
from multiprocessing.connection import Connection, wait
from threading import Thread
from typing import Final

from livegen.web.settings import ServerSettings
from livegen.web.wire import encode

_LEAVE_SECONDS: Final = 1.0


def run(pipe: Connection, listener: socket.socket, settings: ServerSettings) -> None:
    """Serve until the session's end of the pipe closes, and say into the pipe what else ended it.

    Parameters
    ----------
    pipe : Connection
        To the session.
    listener : socket
        Bound, and listens.
    settings : ServerSettings
    """
    _set_apart()
    Thread(target=_leave_with_parent, name="livegen parent", daemon=True).start()
    try:
        from livegen.web.server.server import serve

        serve(pipe, listener, settings)
    except Exception as error:  # the session says it; nobody reads what this process prints
        with contextlib.suppress(OSError):
            pipe.send_bytes(encode("failed", reason=f"{type(error).__name__}: {error}"))


def _set_apart() -> None:
    """Take no part in what the session's process gets from its terminal and its scheduler."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(os, "setpgid"):
        with contextlib.suppress(OSError):
            os.setpgid(0, 0)  # signals to the session's group are the session's
    if hasattr(os, "sched_setscheduler"):
        with contextlib.suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (sys.stdout, sys.stderr):  # the screen is the session's
        if stream is not None:
            with contextlib.suppress(OSError, ValueError):
                os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def _leave_with_parent() -> None:
    """End the process soon after the session's has ended, however busy the server is."""
    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        time.sleep(_LEAVE_SECONDS)
        os._exit(0)
