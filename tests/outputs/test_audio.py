"""A stream on a JACK server, and the null clock."""

import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest
from portaudio import portaudio_on_jack
from ring import push_command
from waiting import wait_until

from livegen.errors import AudioError
from livegen.outputs.audio import AudioStream, NullStream, skip
from livegen.outputs.callback import attach, detach, new_callback
from livegen.outputs.devices import AudioDevice, choose_device
from livegen.outputs.native import play_offline, warm_up
from livegen.patch import load_patch
from livegen.score import Voice
from livegen.synth.commands import COMMAND, KEY_DOWN


def test_the_null_stream_keeps_time_until_it_is_told_to_stop() -> None:
    warm_up(load_patch("plain"))
    callback = new_callback(48_000, load_patch("plain"))
    stop = threading.Event()
    thread = threading.Thread(target=NullStream(callback, 128).run, args=(stop,))
    began = time.perf_counter()
    thread.start()
    assert wait_until(lambda: callback["stats"]["blocks"][0, 0] >= 20)
    stop.set()
    thread.join(5.0)
    assert not thread.is_alive()
    elapsed_seconds = time.perf_counter() - began
    assert callback["sample"] == callback["stats"]["blocks"][0, 0] * 128
    assert callback["sample"] <= elapsed_seconds * 48_000 + 128  # never ahead of time


def press(callback: np.ndarray, voice: Voice) -> None:
    command = np.zeros(1, COMMAND)
    command["kind"], command["voice"], command["note"], command["volume"] = KEY_DOWN, int(voice), 69, 15
    assert push_command(callback[0], 0, command[0])


@pytest.fixture
def device(jack: str) -> Iterator[AudioDevice]:
    with portaudio_on_jack():
        yield choose_device("jack")


@pytest.mark.device
def test_a_stream_plays_natively_while_the_callback_is_attached(device: AudioDevice) -> None:
    callback = new_callback(device.sample_rate, load_patch("plain"))
    callback["mix"]["master"] = 0.5
    callback["mix"]["master_now"] = 0.9  # a level from before the device went: it begins at silence all the same
    detach(callback[0])
    stream = AudioStream(callback, device)
    press(callback, Voice.P1)
    stream.start()
    try:
        assert wait_until(lambda: callback["idle_blocks"][0, 0] > 20)
        assert stream.is_active
        assert callback["sample"][0] == 0
        attach(callback[0])
        assert wait_until(lambda: callback["stats"]["blocks"][0, 0] > 20)
        assert callback["mix"]["master_now"] == 0.5
        assert callback["stats"]["block_samples_max"] == 128
        assert callback["stats"]["levels"][0, 0] > 0.5
        assert callback["sample"][0] % 128 == 0
    finally:
        stream.close()
    n_blocks = int(callback["stats"]["blocks"][0, 0])
    stream.close()
    assert not stream.is_active
    assert callback["stats"]["blocks"][0, 0] == n_blocks


def test_what_is_skipped_sounds_as_if_it_had_been_played() -> None:
    """Piece by piece as any other block; nothing is stamped, since it takes no time."""
    played, skipped = (new_callback(48_000, load_patch("plain")) for _ in range(2))
    ends = []
    for callback in (played, skipped):
        press(callback, Voice.P1)
    for callback, step in ((played, 1_000), (skipped, 5_000)):
        for _ in range(5_000 // step):
            skip(callback, step)
        out = np.zeros(2 * 64, np.float32)
        play_offline(callback, out, 64)
        ends.append(out)
    assert skipped["sample"] == 5_064
    assert skipped["stats"]["blocks"][0, 0] == 0
    np.testing.assert_array_equal(*ends)
    skip(skipped, -3)
    assert skipped["sample"] == 5_064


@pytest.mark.device
def test_a_rate_that_the_device_has_not_is_refused_in_one_sentence(device: AudioDevice) -> None:
    with pytest.raises(AudioError, match=r"refuses 11025 Hz.*--rate"):
        AudioStream(new_callback(11_025, load_patch("plain")), device)


@pytest.mark.device
def test_the_voices_apart_reach_a_daw_on_four_ports(jack: str) -> None:
    daw = pytest.importorskip("jack").Client("daw", servername=jack)
    ports = [daw.inports.register(voice.name) for voice in Voice]
    with daw, portaudio_on_jack():
        callback = new_callback(48_000, load_patch("plain"), is_apart=True)
        stream = AudioStream(callback, choose_device("daw"))
        assert 0.0 <= stream.latency_seconds < 1.0
        stream.start()
        try:
            assert wait_until(lambda: all(len(daw.get_all_connections(port)) == 1 for port in ports))
            assert wait_until(lambda: callback["stats"]["blocks"][0, 0] > 20)
            sources = [daw.get_all_connections(port)[0].name for port in ports]
            assert [source[-1] for source in sources] == ["0", "1", "2", "3"]
        finally:
            stream.close()
