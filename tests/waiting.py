"""Waiting for real input and output: poll until it is there, never longer than a bound."""

import time
from collections.abc import Callable


def wait_until(is_done: Callable[[], bool], patience_seconds: float = 20.0) -> bool:
    """Return True as soon as `is_done` does, False if it has not within the patience."""
    deadline = time.monotonic() + patience_seconds
    while time.monotonic() < deadline:
        if is_done():
            return True
        time.sleep(0.002)
    return is_done()
