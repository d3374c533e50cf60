"""How the process and its threads are set up for playing in time."""

import contextlib
import gc
import os
import sys
from collections.abc import Iterator
from typing import Final

SWITCH_INTERVAL_SECONDS: Final = 0.0005
"""How long a busy Python thread may keep the others waiting; Python's own 5 ms would be heard at the keyboard."""

_PRIORITY: Final = 3  # under those that make sound: JACK's usual server runs at 10, and its clients at 5
_LEAST_PRIORITY: Final = 1
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
    """Ask for real-time scheduling of the calling thread; False where the system does not grant it.

    A thread that is in no hurry gives way to the others, but to no other program: it may hold the interpreter's lock.
    """
    if not hasattr(os, "sched_setscheduler"):
        return False
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(_PRIORITY if is_in_hurry else _LEAST_PRIORITY))
    except OSError:
        return False
    return True
