"""How the process and its threads are set up for playing in time."""

import contextlib
import gc
import os
import sys
import time
from collections.abc import Callable, Iterator
from typing import Final

SWITCH_INTERVAL_SECONDS: Final = 0.0005
"""How long a busy Python thread may keep the others waiting. With Python's default of 5 ms, keys would sound late."""

_PRIORITY: Final = 3  # below the threads that make sound: JACK's server usually runs at 10, its clients at 5
_LEAST_PRIORITY: Final = 1
_RESET_ON_FORK: Final = getattr(os, "SCHED_RESET_ON_FORK", 0)  # Linux has it
_GARBAGE_THRESHOLDS: Final = (20_000, 50, 1_000)


@contextlib.contextmanager
def real_time_process() -> Iterator[None]:
    """Prepare the interpreter while the body runs: short switch interval, no long garbage collections."""
    interval, thresholds = sys.getswitchinterval(), gc.get_threshold()
    sys.setswitchinterval(SWITCH_INTERVAL_SECONDS)
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_GARBAGE_THRESHOLDS)
    try:
        yield
    finally:
        sys.setswitchinterval(interval)
        gc.set_threshold(*thresholds)
        gc.unfreeze()


def raise_priority(*, is_in_hurry: bool = True) -> bool:
    """Ask for real-time scheduling of the calling thread; False if the system does not grant it.

    A thread that is in no hurry gets the lowest real-time priority: it gives way to the session's other threads but not
    to other programs. Every thread that runs Python while a session plays needs at least this. One that is put aside by
    another program while it holds the interpreter's lock keeps all others waiting, however urgent they are.

    Processes that the thread starts do not inherit it.
    """
    if not hasattr(os, "sched_setscheduler"):
        return False
    try:
        priority = _PRIORITY if is_in_hurry else _LEAST_PRIORITY
        os.sched_setscheduler(0, os.SCHED_FIFO | _RESET_ON_FORK, os.sched_param(priority))
    except OSError:
        return False
    return True


@contextlib.contextmanager
def least_priority() -> Iterator[bool]:
    """Give the calling thread the lowest real-time priority while the body runs; tell whether the system grants it."""
    if not hasattr(os, "sched_setscheduler"):
        yield False
        return
    policy, parameter = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        yield raise_priority(is_in_hurry=False)
    finally:
        os.sched_setscheduler(0, policy | _RESET_ON_FORK, parameter)  # only root may take that flag away


def cpu_clock(ident: int) -> Callable[[], int]:
    """Return what tells how much of the processor's time a thread has taken, in nanoseconds; 0 where nobody knows.

    `ident` is the thread's own, so it must have been started. Once it has ended, the answer is 0.
    """
    if not hasattr(time, "pthread_getcpuclockid"):
        return lambda: 0
    try:
        number = time.pthread_getcpuclockid(ident)
    except OSError:
        return lambda: 0

    def taken_ns() -> int:
        try:
            return time.clock_gettime_ns(number)
        except OSError:
            return 0

    return taken_ns
