"""The sound card: which device is meant, what it says when there is none, and a stream on a JACK server."""

import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from portaudio import portaudio_on_jack
from ring import push_command
from waiting import wait_until

from livegen.errors import AudioError
from livegen.outputs.audio import (
    AudioDevice,
    AudioStream,
    NullStream,
    choose_channels,
    choose_device,
    list_devices,
)
from livegen.outputs.callback import new_callback, warm_up
from livegen.patch import load_patch
from livegen.score import Voice
from livegen.synth.commands import COMMAND, KEY_DOWN


class FakePortAudio(SimpleNamespace):
    """What livegen asks of sounddevice about a machine with two host APIs."""

    class PortAudioError(Exception):
        pass

    default = SimpleNamespace(device=[-1, 0])

    def query_hostapis(self) -> list[dict[str, Any]]:
        return [
            {"name": "ALSA", "default_output_device": 0},
            {"name": "JACK Audio Connection Kit", "default_output_device": 3},
        ]

    def query_devices(self) -> list[dict[str, Any]]:
        rows = [("HDA Intel", 0, 2, 44_100.0), ("Microphone", 0, 0, 44_100.0), ("USB Box", 0, 8, 96_000.0)]
        rows += [("system", 1, 2, 48_000.0), ("Ardour", 1, 2, 48_000.0)]
        return [
            {"index": i, "name": name, "hostapi": api, "max_output_channels": n, "default_samplerate": rate}
            for i, (name, api, n, rate) in enumerate(rows)
        ]


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> FakePortAudio:
    fake = FakePortAudio()
    monkeypatch.setitem(sys.modules, "sounddevice", fake)
    return fake


def test_only_outputs_are_listed_with_their_own_rate(machine: FakePortAudio) -> None:
    assert [(d.name, d.sample_rate) for d in list_devices()] == [
        ("HDA Intel", 44_100),
        ("USB Box", 96_000),
        ("system", 48_000),
        ("Ardour", 48_000),
    ]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [("jack", "system"), ("ALSA", "HDA Intel"), ("usb", "USB Box"), ("alsa: usb", "USB Box"), (None, "system")],
)
def test_a_device_is_meant_by_its_name_or_its_host_api(machine: FakePortAudio, wanted: str | None, found: str) -> None:
    assert choose_device(wanted).name == found


def test_without_a_jack_server_the_system_s_default_plays(
    machine: FakePortAudio, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = machine.query_devices()[:3]
    monkeypatch.setattr(machine, "query_devices", lambda: rows, raising=False)
    machine.default = SimpleNamespace(device=[-1, 2])
    assert choose_device(None).name == "USB Box"
    machine.default = SimpleNamespace(device=[-1, -1])
    assert choose_device(None).name == "HDA Intel"
    monkeypatch.setattr(machine, "query_devices", list, raising=False)
    assert choose_device(None) is None


def test_an_unknown_device_is_refused_with_what_there_is(machine: FakePortAudio) -> None:
    with pytest.raises(AudioError, match=r"'gramophone'.*ALSA: HDA Intel.*--audio null"):
        choose_device("gramophone")


def test_null_needs_no_portaudio_and_a_missing_portaudio_matters_only_where_a_device_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Missing:
        def find_spec(self, name: str, *_: object) -> None:
            if name == "sounddevice":
                raise OSError("PortAudio library not found")

    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Missing(), *sys.meta_path])
    assert choose_device("Null") is None
    assert choose_device(None) is None
    with pytest.raises(AudioError, match="libportaudio2"):
        choose_device("jack")


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
def test_a_stream_plays_natively_and_ramps_both_ways(device: AudioDevice) -> None:
    callback = new_callback(device.sample_rate, load_patch("plain"))
    callback["mix"]["master"] = 0.5
    callback["mix"]["master_now"] = 0.9  # a level from before the device went: it begins at silence all the same
    stream = AudioStream(callback, device)
    press(callback, Voice.P1)
    stream.start()
    try:
        assert wait_until(lambda: callback["stats"]["blocks"][0, 0] > 20)
        assert callback["mix"]["master_now"] == 0.5
        assert callback["stats"]["block_samples_max"] == 128
        assert callback["stats"]["levels"][0, 0] > 0.5
        assert callback["sample"][0] % 128 == 0
    finally:
        stream.stop()
    assert callback["mix"]["master_now"] == 0.0
    n_blocks = int(callback["stats"]["blocks"][0, 0])
    stream.stop()
    assert callback["stats"]["blocks"][0, 0] == n_blocks


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
            stream.stop()


def test_a_device_with_too_few_channels_cannot_keep_the_voices_apart() -> None:
    stereo = AudioDevice(0, "HDA Intel", "ALSA", 48_000, 2)
    with pytest.raises(AudioError, match=r"^ALSA: HDA Intel takes 2 channels, and the voices apart need 4: .*--audio"):
        choose_channels(stereo, is_apart=True)
    assert choose_channels(stereo, is_apart=False) == 2
    assert choose_channels(replace(stereo, n_channels=1), is_apart=False) == 1
    assert choose_channels(replace(stereo, n_channels=8), is_apart=True) == 4
    assert choose_channels(None, is_apart=True) == 4
