"""The start of the server's process: it is separated from the music before anything of the server is imported."""

import contextlib
import os
import socket
from multiprocessing.connection import Connection
from threading import Thread
from typing import Final

from livegen.system.processes import leave_with_parent, set_apart
from livegen.web.settings import ServerSettings
from livegen.web.wire import encode

_LEAVE_SECONDS: Final = 1.0


def run(pipe: Connection, listener: socket.socket, settings: ServerSettings) -> None:
    """Serve until the session's end of the pipe closes. If an error ends it, send that over the pipe.

    Parameters
    ----------
    pipe : Connection
        To the session.
    listener : socket
        Bound and listening.
    settings : ServerSettings
    """
    set_apart()
    Thread(target=leave_with_parent, args=(_LEAVE_SECONDS,), name="livegen parent", daemon=True).start()
    try:
        from livegen.web.server.server import serve

        serve(pipe, listener, settings)
    except Exception as error:  # the session must show it, because nobody reads what this process prints
        with contextlib.suppress(OSError):
            pipe.send_bytes(encode("failed", reason=f"{type(error).__name__}: {error}"))
    os._exit(0)  # taking down the interpreter takes longer than a session that leaves waits
