"""What makes time pass when the sound card goes, and that it comes back."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from jack_server import jack_server
from waiting import wait_until

from livegen.errors import AudioError
from livegen.outputs.callback import new_callback
from livegen.outputs.native import warm_up
from livegen.patch import load_patch
from livegen.session.clock import AudioClock
from livegen.session.sound.card import open_card
from livegen.session.sound.speaker import Speaker

DEVICE = "JACK Audio Connection Kit: system"


def test_the_null_clock_is_named_has_no_latency_and_stops_twice() -> None:
    warm_up(load_patch("plain"))
    speaker = Speaker(new_callback(48_000, load_patch("plain")))
    speaker.stop()  # before the start
    speaker = Speaker(new_callback(48_000, load_patch("plain")))
    speaker.start()
    speaker.check()
    assert (speaker.name, speaker.latency_seconds, speaker.losses) == ("null", 0.0, 0)
    speaker.stop()
    speaker.stop()


class OnJack:
    """A speaker on a JACK server of its own, with the thread that looks after it."""

    def __init__(self, **options: float) -> None:
        warm_up(load_patch("plain"))
        self._opened = contextlib.ExitStack()
        card = self._opened.enter_context(open_card("JACK"))
        assert card is not None
        assert card.begin()
        self.callback = new_callback(card.device.sample_rate, load_patch("plain"), record=card.record)
        self.speaker = Speaker(self.callback, card, **options)
        self.clock = AudioClock(self.callback)
        self.said: list[str] = []
        self.speaker.say = self.said.append
        self.speaker.start()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self.speaker.run, args=(self._stop,))
        self._thread.start()

    @property
    def plays_on_jack(self) -> bool:
        """Whether the sound card plays the callback."""
        return not self.callback["is_detached"]

    def goes_on(self) -> bool:
        """Wait until a fifth of a second more has been played, by whatever."""
        sample = int(self.callback["sample"][0])
        return wait_until(lambda: bool(self.callback["sample"][0] > sample + 9_600))

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
        self.speaker.stop()
        self._opened.close()


@pytest.fixture
def on_jack() -> Iterator[Callable[..., OnJack]]:
    made: list[OnJack] = []

    def make(**options: float) -> OnJack:
        made.append(OnJack(**options))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.mark.device
def test_a_measured_latency_goes_before_what_the_device_says(jack: str, on_jack: Callable[..., OnJack]) -> None:
    sound = on_jack(latency_seconds=0.0125)
    assert sound.speaker.latency_seconds == 0.0125
    assert sound.goes_on()
    assert sound.plays_on_jack
    sound.close()
    assert sound.speaker.latency_seconds == 0.0  # nothing sounds


@pytest.mark.device
def test_a_device_that_is_not_there_is_refused(jack: str) -> None:
    with open_card("gramophone") as card:
        assert card is not None
        with pytest.raises(AudioError, match=f"'gramophone'.*{DEVICE}"):
            card.begin()
    with open_card("Null") as card:
        assert card is None


@pytest.mark.device
def test_a_server_that_dies_is_tried_again_and_time_goes_on(on_jack: Callable[..., OnJack]) -> None:
    sound: OnJack | None = None
    for n_losses in range(3):
        with jack_server(f"livegen-dies-{os.getpid()}") as server:
            if sound is None:
                sound = on_jack()
            else:
                assert wait_until(lambda sound=sound: sound.said[-1] == f"sound again: {DEVICE} is back")
                assert (sound.speaker.name, sound.speaker.trouble) == (DEVICE, "")
            assert sound.goes_on()
            assert sound.plays_on_jack
            if n_losses == 2:
                sound.close()
                break
            server.kill()
            server.wait()
            trouble = f"no sound: {DEVICE} is gone, trying again"
            assert wait_until(lambda sound=sound, trouble=trouble: sound.said[-1:] == [trouble])
            assert (sound.speaker.trouble, sound.speaker.losses) == (trouble, n_losses + 1)
            assert not sound.plays_on_jack
            assert sound.goes_on()


@pytest.mark.device
def test_a_server_that_hangs_for_a_moment_is_not_waited_for(on_jack: Callable[..., OnJack]) -> None:
    with jack_server(f"livegen-hangs-{os.getpid()}") as server:
        sound = on_jack()
        assert sound.goes_on()
        server.send_signal(signal.SIGSTOP)
        try:
            assert wait_until(lambda: not sound.plays_on_jack)
            assert sound.goes_on()
        finally:
            server.send_signal(signal.SIGCONT)
        assert wait_until(lambda: sound.plays_on_jack)
        assert sound.goes_on()
        sound.close()


@pytest.mark.device
def test_a_driver_that_is_killed_is_started_again(jack: str, on_jack: Callable[..., OnJack]) -> None:
    sound = on_jack()
    assert sound.goes_on()
    os.killpg(sound.speaker._card._process.pid, signal.SIGKILL)
    assert wait_until(lambda: bool(sound.speaker.trouble))
    assert wait_until(lambda: sound.plays_on_jack, 20.0)  # a process that starts, on a machine that may be busy
    assert sound.goes_on()


@pytest.mark.device
def test_a_jam_outlives_its_jack_server(tmp_path: Path) -> None:
    """In a program of its own: one process cannot be the client of two JACK servers, and another test's is there."""
    here = Path(__file__).parent
    paths = [str(here.parent.parent), str(here.parent), str(here)]
    done = subprocess.run(
        [sys.executable, str(here / "lose_the_server.py"), str(tmp_path / "take")],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert json.loads(done.stdout) == {
        "sounded": True,
        "noticed": True,
        "released": True,
        "went on": True,
        "came back": True,
        "keys are heard again": True,
        "faults": 0,
        "said": [
            f"no sound: {DEVICE} is gone, trying again",
            f"sound again: {DEVICE} is back",
        ],
        "differences": 0,
    }
