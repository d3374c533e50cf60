"""Which device is meant, and what is said when there is none."""

import sys
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from livegen.errors import AudioError
from livegen.outputs.devices import AudioDevice, choose_channels, choose_device, find_again, list_devices


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


def test_a_device_that_was_lost_is_found_under_another_number(
    machine: FakePortAudio, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[str] = []
    monkeypatch.setattr(machine, "_terminate", lambda: begun.append("terminate"), raising=False)
    monkeypatch.setattr(machine, "_initialize", lambda: begun.append("initialize"), raising=False)
    box = AudioDevice(7, "USB Box", "ALSA", 96_000, 8)
    assert find_again(box).index == 2
    assert begun == ["terminate", "initialize"]  # PortAudio sees a new device only when it begins anew
    with pytest.raises(AudioError, match=r"^CoreAudio: USB Box is gone$"):
        find_again(replace(box, host_api="CoreAudio"))


def test_a_device_with_too_few_channels_cannot_keep_the_voices_apart() -> None:
    stereo = AudioDevice(0, "HDA Intel", "ALSA", 48_000, 2)
    with pytest.raises(AudioError, match=r"^ALSA: HDA Intel takes 2 channels, and the voices apart need 4: .*--audio"):
        choose_channels(stereo, is_apart=True)
    assert choose_channels(stereo, is_apart=False) == 2
    assert choose_channels(replace(stereo, n_channels=1), is_apart=False) == 1
    assert choose_channels(replace(stereo, n_channels=8), is_apart=True) == 4
    assert choose_channels(None, is_apart=True) == 4
