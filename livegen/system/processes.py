"""How the session's helpers, processes of its own, are kept apart from its terminal, its signals and its scheduling."""

import contextlib
import ctypes
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from multiprocessing import parent_process
from multiprocessing.connection import wait
from typing import Final

_SET_PARENT_DEATH_SIGNAL: Final = 1  # of prctl(2)


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


def leave_with_parent(patience_seconds: float = 0.0) -> None:
    """Wait until the process that spawned this one has ended, and end this one soon after, however busy it is.

    For a thread of its own; returns at once in a process that was not spawned by another.
    """
    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        time.sleep(patience_seconds)
        os._exit(0)


def n_cores() -> int:
    """Return how many of the processor's cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class SideBySide:
    """Functions that are called for what they leave on disk, each in a process.

    For Linux alone: elsewhere a process that has loaded libraries cannot be forked safely. However this process ends,
    the others end with it.

    Parameters
    ----------
    parts : sequence of callable
    niceness : int
        How much less urgent than this process they are, as nice(2) has it.
    """

    def __init__(self, parts: Sequence[Callable[[], object]], niceness: int = 0) -> None:
        self._children: list[int] = []
        try:
            self._children += (_begin(part, niceness) for part in parts)
        except BaseException:
            self.end()
            raise

    def wait(self) -> None:
        """Wait until all have returned or raised; if this is interrupted, they end."""
        try:
            while self._children:
                os.waitpid(self._children[-1], 0)
                self._children.pop()
        except BaseException:  # asked to leave meanwhile
            self.end()
            raise

    def end(self) -> None:
        """End those that still run; safe to call twice."""
        for child in self._children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)


def _begin(part: Callable[[], object], niceness: int) -> int:
    child = os.fork()
    if child == 0:
        try:
            ctypes.CDLL(None).prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)
            os.nice(niceness)
            part()
        finally:
            os._exit(0)
    return child


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
