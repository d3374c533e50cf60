"""How the session's helpers, processes of its own, are kept apart from its terminal, its signals and its scheduling."""

import contextlib
import os
import signal
import sys
from collections.abc import Iterator


def set_apart() -> None:
    """Separate this process from the terminal, the signals and the scheduling of the session's process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(os, "setpgid"):
        with contextlib.suppress(OSError):
            os.setpgid(0, 0)  # so that signals to the session's process group do not come here
    if hasattr(os, "sched_setscheduler"):
        with contextlib.suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (sys.stdout, sys.stderr):  # only the session may write to the screen
        if stream is not None:
            with contextlib.suppress(OSError, ValueError):
                os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


@contextlib.contextmanager
def deaf_to_signals() -> Iterator[None]:
    """Block signals that ask to leave for processes that the body starts, because they are for the session alone."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    from multiprocessing import resource_tracker

    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGHUP})
    try:
        # It would die of SIGHUP, and say so in the terminal. Starting it unblocks SIGINT, so it is blocked again.
        resource_tracker.ensure_running()
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
