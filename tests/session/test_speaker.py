"""What makes time pass when the sound card goes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from portaudio import portaudio_on_jack

from livegen.outputs.audio import choose_device
from livegen.outputs.callback import new_callback, warm_up
from livegen.patch import load_patch
from livegen.session.speaker import Speaker


def test_the_null_clock_is_named_has_no_latency_and_stops_twice() -> None:
    warm_up(load_patch("plain"))
    speaker = Speaker(new_callback(48_000, load_patch("plain")), None)
    speaker.stop()  # before the start
    speaker.start()
    speaker.check()
    assert (speaker.name, speaker.latency_seconds, speaker.losses) == ("null", 0.0, 0)
    speaker.stop()
    speaker.stop()


@pytest.mark.device
def test_a_measured_latency_goes_before_what_the_device_says(jack: str) -> None:
    with portaudio_on_jack():
        device = choose_device("JACK")
        callback = new_callback(device.sample_rate, load_patch("plain"))
        speaker = Speaker(callback, device, latency_seconds=0.0125)
        assert speaker.latency_seconds == 0.0125
        speaker.stop()
        assert speaker.latency_seconds == 0.0  # nothing sounds


@pytest.mark.device
def test_the_music_goes_on_without_the_jack_server_and_the_program_ends(jack: str) -> None:
    """In a program of its own: PortAudio never recovers from a server that died."""
    here = Path(__file__).parent
    paths = [str(here.parent.parent), str(here.parent), str(here)]
    done = subprocess.run(
        [sys.executable, str(here / "lose_the_server.py")],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    sounded, noticed, went_on, faults, said = json.loads(done.stdout.splitlines()[-1])
    assert (sounded, noticed, went_on, faults) == (True, True, True, 0)
    assert "is gone" in said
