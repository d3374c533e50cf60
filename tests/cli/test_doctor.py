import socket
import sys

import pytest

from livegen.cli import doctor
from livegen.inputs.osc import DEFAULT_PORT
from livegen.system import midi_ports


def _by_name() -> dict[str, doctor.Finding]:
    return {finding.what: finding for finding in doctor.examine()}


def _hide(monkeypatch: pytest.MonkeyPatch, *modules: str) -> None:
    for module in modules:
        monkeypatch.setitem(sys.modules, module, None)


def _without_jack(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_server(name: str) -> None:
        raise OSError

    monkeypatch.setattr(midi_ports, "JackClient", no_server)


def test_a_finding_is_one_line_and_what_is_missing_has_a_cure():
    findings = doctor.examine()
    assert {"Python", "PortAudio", "audio output", "MIDI", "model", "patches", "torch", "OSC"} <= {
        finding.what for finding in findings
    }
    for finding in findings:
        assert finding.says, finding
        assert "\n" not in finding.says + finding.cure, finding
        assert finding.is_fine or finding.cure, finding


def test_what_is_posted_names_neither_home_nor_host_nor_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/anna")
    monkeypatch.setenv("LOGNAME", "anna")
    monkeypatch.setattr(socket, "gethostname", lambda: "annas-laptop")
    said = "in /home/anna/.cache/livegen, by Anna on annas-laptop; Annabel's keyboard, in /home/annabel"
    hidden = "in ~/.cache/livegen, by <user> on <host>; Annabel's keyboard, in /home/annabel"
    assert doctor.without_names(said) == hidden


def test_without_audio_and_midi_libraries_it_says_so_and_how_to_get_them(monkeypatch):
    _hide(monkeypatch, "sounddevice", "rtmidi", "torch")
    _without_jack(monkeypatch)
    found = _by_name()
    assert not found["PortAudio"].is_fine
    assert found["PortAudio"].cure.endswith("sounddevice")
    assert not found["audio output"].is_fine
    assert "null clock" in found["audio output"].says
    assert not found["MIDI"].is_fine
    assert found["MIDI"].cure.endswith("python-rtmidi")
    assert not found["MIDI keyboard"].is_fine
    assert found["torch"].is_fine
    assert "train and eval" in found["torch"].says
    assert found["patches"].is_fine


def test_devices_without_their_libraries_are_a_sentence_each(monkeypatch):
    _hide(monkeypatch, "sounddevice", "rtmidi")
    _without_jack(monkeypatch)
    devices = doctor.find_devices()
    assert list(devices) == ["audio outputs", "MIDI inputs", "MIDI outputs"]
    assert ["sounddevice" in entry for entry in devices["audio outputs"]] == [True]
    for ports in ("MIDI inputs", "MIDI outputs"):
        assert ["python-rtmidi" in entry for entry in devices[ports]] == [True]


def test_a_missing_portaudio_is_told_from_a_missing_sounddevice(monkeypatch):
    class NoPortAudio:
        def find_spec(self, name: str, path: object = None, target: object = None) -> None:
            if name == "sounddevice":
                raise OSError("PortAudio library not found")

    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    monkeypatch.setattr(sys, "meta_path", [NoPortAudio(), *sys.meta_path])
    finding = _by_name()["PortAudio"]
    assert not finding.is_fine
    assert "PortAudio is missing" in finding.says
    assert "portaudio" in finding.cure or "sounddevice" in finding.cure


def test_a_look_that_fails_is_a_finding_and_the_others_follow(monkeypatch):
    def fail() -> None:
        raise RuntimeError("no such\nthing")

    monkeypatch.setitem(doctor._LOOKS, "PortAudio", fail)
    found = _by_name()
    assert not found["PortAudio"].is_fine
    assert "no such" in found["PortAudio"].says
    assert found["Python"].is_fine


def test_a_port_in_use_is_found():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        try:
            other.bind(("127.0.0.1", DEFAULT_PORT))
        except OSError:
            pytest.skip(f"another program has UDP port {DEFAULT_PORT}")
        finding = _by_name()["OSC"]
    assert f"{DEFAULT_PORT} is in use" in finding.says
    assert finding.is_fine  # jam takes another


def test_a_cache_that_cannot_be_written_is_found(monkeypatch, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setattr(doctor.kernels, "CACHE_FOLDER", blocked / "kernels" / "0")
    finding = _by_name()["compiled kernels"]
    assert not finding.is_fine
    assert str(blocked) in finding.says
    assert "LIVEGEN_CACHE_DIR" in finding.cure


def test_kernels_that_were_never_compiled_are_found(monkeypatch, tmp_path):
    monkeypatch.setattr(doctor.kernels, "CACHE_FOLDER", tmp_path / "kernels" / "0")
    finding = _by_name()["compiled kernels"]
    assert not finding.is_fine
    assert "not compiled" in finding.says


@pytest.mark.parametrize(("governors", "is_fine"), [(["performance"], True), (["performance", "powersave"], False)])
def test_the_governor_is_read_where_there_is_one(monkeypatch, tmp_path, governors, is_fine):
    monkeypatch.setattr(doctor, "_SYSTEM_FILES", tmp_path)
    assert "CPU governor" not in _by_name()
    for cpu, governor in enumerate(governors):
        folder = tmp_path / f"devices/system/cpu/cpu{cpu}/cpufreq"
        folder.mkdir(parents=True)
        (folder / "scaling_governor").write_text(f"{governor}\n")
    finding = _by_name()["CPU governor"]
    assert finding.is_fine is is_fine
    assert finding.says.startswith(", ".join(governors))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux grants realtime scheduling by user")
def test_looking_leaves_the_scheduling_as_it_was():
    import os

    before = os.sched_getscheduler(0)
    finding = _by_name()["realtime scheduling"]
    assert os.sched_getscheduler(0) == before
    assert finding.is_fine or "rtprio" in finding.cure


def test_a_model_and_patches_that_are_missing_are_found(monkeypatch, tmp_path):
    monkeypatch.setattr(doctor.resources, "models_folder", lambda: tmp_path)
    monkeypatch.setattr(doctor, "list_patches", list)
    found = _by_name()
    assert not found["model"].is_fine
    assert str(tmp_path) in found["model"].says
    assert not found["patches"].is_fine


@pytest.mark.device
@pytest.mark.skipif(sys.platform != "linux", reason="JACK is looked for on Linux")
def test_a_jack_server_is_found(jack):
    found = _by_name()
    assert found["JACK"].is_fine
    assert found["MIDI"].is_fine
