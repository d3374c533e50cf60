"""PortAudio in the device tests.

It looks for a JACK server only when it begins, and aborts the process if one that it knew is gone by the end.
"""

import contextlib
import os
from collections.abc import Iterator

import pytest


@contextlib.contextmanager
def portaudio_on_jack() -> Iterator[None]:
    """Let PortAudio find the JACK server that runs now, and forget it afterwards."""
    sounddevice = pytest.importorskip("sounddevice")
    server = os.environ["JACK_DEFAULT_SERVER"]
    _restart(sounddevice)
    try:
        yield
    finally:
        os.environ["JACK_DEFAULT_SERVER"] = "none-of-this-name"
        try:
            _restart(sounddevice)
        finally:
            os.environ["JACK_DEFAULT_SERVER"] = server


def _restart(sounddevice: object) -> None:
    sounddevice._terminate()
    sounddevice._initialize()
