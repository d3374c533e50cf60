"""Turns between the processes that test side by side: who plays in real time has the machine to itself."""

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

try:
    import fcntl
except ImportError:  # Windows has no such locks, and tests in one process
    fcntl = None  # type: ignore[assignment]


def plays_in_real_time(item: pytest.Item) -> bool:
    """Tell whether a test plays on a JACK server or drives a browser, both of which wait for nobody."""
    return item.get_closest_marker("device") is not None or "browser" in getattr(item, "fixturenames", ())


@contextlib.contextmanager
def turn(item: pytest.Item) -> Iterator[None]:
    """Hold the machine while a test runs: together with others, or alone if it plays in real time."""
    run = getattr(item.config, "workerinput", {}).get("testrunuid")
    if run is None or fcntl is None:
        yield
        return
    folder = Path(tempfile.gettempdir())
    with (folder / f"livegen-{run}.queue").open("w") as queue, (folder / f"livegen-{run}.machine").open("w") as machine:
        fcntl.flock(queue, fcntl.LOCK_EX)  # or those who share the machine would never let it go to one who waits
        fcntl.flock(machine, fcntl.LOCK_EX if plays_in_real_time(item) else fcntl.LOCK_SH)
        fcntl.flock(queue, fcntl.LOCK_UN)
        yield
