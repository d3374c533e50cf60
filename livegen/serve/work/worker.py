"""A worker: a process that plays one job after another, and says meanwhile that it is there."""

import contextlib
import os
import signal
import time
from collections.abc import Callable, Sequence

from livegen.errors import LivegenError, QueueError
from livegen.serve.jobs.port import BEAT_SECONDS, Attempt, Jobs
from livegen.serve.place import Place
from livegen.serve.work.band import Band, StoppedError


def run(place: Place, name: str, models: Sequence[str] | None = None, parent: int | None = None) -> None:
    """Work until SIGTERM or SIGINT, or until the process that started this one has ended.

    Parameters
    ----------
    place : Place
        Where the queue and the models are.
    name : str
        The worker's own, that no other one has.
    models : sequence of str, optional
        Takes jobs of these models alone.
    parent : int, optional
        Process id of who started this one.

    Raises
    ------
    LivegenError
        If it cannot begin.
    """
    is_to_leave = False

    def leave(*_: object) -> None:
        nonlocal is_to_leave
        is_to_leave = True

    def is_asked_to_leave() -> bool:
        return is_to_leave or (parent is not None and os.getppid() != parent)

    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGINT, signal.SIG_IGN if parent is not None else leave)  # Ctrl-C comes to both
    shelf = place.open_shelf()
    band = Band(shelf)
    there = shelf.models()
    for each in there if models is None else filter(there.__contains__, models):
        with contextlib.suppress(LivegenError):  # the job that needs it will say what is wrong
            band.warm(each, there[each].hash)
    jobs = place.open_jobs()
    jobs.work(name, models, lambda attempt: perform(jobs, band, attempt, is_asked_to_leave), is_asked_to_leave)


def perform(jobs: Jobs, band: Band, attempt: Attempt, is_asked_to_leave: Callable[[], bool] = lambda: False) -> None:
    """Play a job and give in the result; where it was cancelled or this process is to leave, stop between frames."""
    heard = 0.0

    def on_frame(done: float) -> bool:
        nonlocal heard
        if is_asked_to_leave():
            return False  # it falls silent, and another one takes the job
        if time.monotonic() - heard < BEAT_SECONDS:
            return True
        heard = time.monotonic()
        try:
            return jobs.beat(attempt, done)
        except QueueError:  # it may be back before this is done
            return True

    try:
        result = band.play(attempt.order, on_frame)
    except StoppedError:
        return
    except LivegenError as error:
        sentence = str(error)
    except Exception as error:
        sentence = f"something went wrong that should not have ({type(error).__name__}: {error})"
    else:
        _patiently(lambda: jobs.finish(attempt, result), is_asked_to_leave)
        return
    _patiently(lambda: jobs.fail(attempt, sentence), is_asked_to_leave)


def _patiently(say: Callable[[], object], is_asked_to_leave: Callable[[], bool]) -> None:
    """Say something to a queue, again and again while it is not there."""
    while True:
        try:
            say()
            return
        except QueueError:
            if is_asked_to_leave():
                return
            time.sleep(BEAT_SECONDS)
