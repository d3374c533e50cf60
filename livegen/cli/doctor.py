"""What is missing on this machine, and the line to type that fixes it. Also the list of devices.

These functions always answer: a library that does not load is a finding, not an error.
"""

import contextlib
import getpass
import importlib.util
import os
import re
import shutil
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from livegen.engines.checkpoint import load_engine
from livegen.errors import AudioError, LivegenError, PortError
from livegen.inputs.midi_settings import wirings
from livegen.inputs.osc import DEFAULT_PORT
from livegen.outputs.devices import AudioDevice, list_devices
from livegen.patch import list_patches, load_patch
from livegen.rig import list_rigs, load_rig
from livegen.system import kernels, resources
from livegen.system.midi_names import choose_ports
from livegen.system.midi_ports import MidiSystem, Ports, find_midi, how_to_build, list_ports
from livegen.system.threads import least_priority
from livegen.web.page.address import open_page
from livegen.web.settings import DEFAULT_PORT as WEB_PORT

_OLDEST_PYTHON: Final = (3, 11)
_GOOD_GOVERNORS: Final = {"performance", "schedutil"}
_GOVERNOR_FILES: Final = "devices/system/cpu/cpu*/cpufreq/scaling_governor"
_SYSTEM_FILES: Final = Path("/sys")
_ALSA_SEQUENCER: Final = Path("/dev/snd/seq")
_AUDIO_GROUP: Final = "audio"
_LIMITS_LINE: Final = f"echo '@{_AUDIO_GROUP} - rtprio 95' | sudo tee /etc/security/limits.d/95-audio.conf"
_REINSTALL: Final = "python -m pip install --force-reinstall"
_PORTAUDIO_CURES: Final = {"linux": "sudo apt install libportaudio2", "darwin": "brew install portaudio"}
_LIVEGEN_CURE: Final = "install livegen again; in its checkout: make clean setup"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was checked.

    Attributes
    ----------
    what : str
        Its name.
    is_fine : bool
    says : str
        Its state, in one line.
    cure : str
        What to type or do, in one line, if that helps; else empty.
    """

    what: str
    is_fine: bool
    says: str
    cure: str = ""


class _State(NamedTuple):
    """The state of one thing; `Finding` explains the fields."""

    is_fine: bool
    says: str
    cure: str = ""


def examine() -> list[Finding]:
    """Check everything that livegen needs or can use.

    Returns
    -------
    list of Finding
        In the order in which they are best fixed. What does not exist on this platform is left out.
    """
    findings = []
    for what, look in _LOOKS.items():
        try:
            state = look()
        except Exception as error:  # even if one check fails, the user needs the rest of the list
            state = _State(False, f"could not be looked at: {error!r}")
        if state is not None:
            findings.append(Finding(what, state.is_fine, _in_one_line(state.says), _in_one_line(state.cure)))
    return findings


def without_names(text: str) -> str:
    """Return a sentence without home folder, host name and user name, so that it may be posted in public."""
    hidden = {str(Path.home()): "~", socket.gethostname(): "<host>"}
    with contextlib.suppress(OSError, KeyError, ImportError):  # a container may know no user
        hidden[getpass.getuser()] = "<user>"
    for name, stands_for in hidden.items():
        text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", stands_for, text, flags=re.IGNORECASE)
    return text


def find_devices() -> dict[str, list[str]]:
    """Return the names of the devices and ports that livegen can use.

    Returns
    -------
    dict
        ``"audio outputs"``, ``"MIDI inputs"`` and ``"MIDI outputs"``, each a list. If the library is missing, the only
        entry is a sentence that says so.
    """
    try:
        audio = [f"{device.host_api}: {device.name}, {device.sample_rate} Hz" for device in _outputs()]
    except LivegenError as error:
        audio = [_in_one_line(str(error))]
    try:
        with _midi() as midi:
            ports = list_ports(midi)
            inputs, outputs = list(ports.inputs), list(ports.outputs)
    except LivegenError as error:
        inputs, outputs = [_in_one_line(str(error))], [_in_one_line(str(error))]
    return {"audio outputs": audio, "MIDI inputs": inputs, "MIDI outputs": outputs}


def _outputs() -> list[AudioDevice]:
    """Return every audio output; raises LivegenError if PortAudio or its wrapper is missing or fails."""
    try:
        return list_devices()
    except LivegenError:
        raise
    except Exception as error:  # sounddevice is not installed, or PortAudio's drivers fail
        raise LivegenError(f"the library sounddevice does not work ({error}): install it again") from error


@contextlib.contextmanager
def _midi(api: str = "auto") -> Iterator[MidiSystem]:
    """Join a MIDI interface while the body runs; raises LivegenError if there is none."""
    midi, reason = find_midi(api)
    if midi is None:
        raise PortError(reason)
    try:
        yield midi
    finally:
        midi.close()


def _in_one_line(text: str) -> str:
    return " ".join(text.split())


def _look_at_python() -> _State:
    version = sys.version.split()[0]
    if sys.version_info[:2] >= _OLDEST_PYTHON:
        return _State(True, version)
    return _State(False, f"{version}, but livegen needs 3.11 or later", "install Python 3.12, then: make setup")


def _look_at_portaudio() -> _State:
    try:
        _outputs()
    except AudioError as error:
        is_missing = isinstance(error.__cause__, OSError)  # the library itself; else its wrapper is broken
        cures = _PORTAUDIO_CURES if is_missing else {}
        return _State(False, str(error), cures.get(sys.platform, f"{_REINSTALL} sounddevice"))
    except LivegenError as error:
        return _State(False, str(error), f"{_REINSTALL} sounddevice")
    return _State(True, "loads")


def _look_at_audio() -> _State:
    with contextlib.suppress(LivegenError):
        devices = _outputs()
        if devices:
            return _State(True, ", ".join(f"{device.host_api}: {device.name}" for device in devices))
    cure = "plug in a sound card" if sys.platform != "linux" else f"plug in a sound card, or: {_start_jack()}"
    return _State(False, "no output: jam plays on the null clock, without sound", cure)


def _look_at_jack() -> _State | None:
    if sys.platform != "linux":
        return None
    try:
        with _midi("jack"):
            return _State(True, "a server runs")
    except LivegenError:
        is_needed = not _ALSA_SEQUENCER.exists()
        says = "no server runs" + ("" if is_needed else ", and none is needed: ALSA is there")
        return _State(not is_needed, says, _start_jack() if is_needed else "")


def _start_jack() -> str:
    install = "" if shutil.which("jackd") else "sudo apt install jackd2; "
    return f"{install}jackd -d alsa"


def _look_at_alsa() -> _State | None:
    if sys.platform != "linux":
        return None
    if _ALSA_SEQUENCER.exists():
        return _State(True, "the sequencer is there")
    return _State(False, "the sequencer is missing: MIDI needs a JACK server", "sudo modprobe snd-seq")


def _look_at_midi() -> _State:
    try:
        with _midi() as midi:
            own = "" if midi.has_virtual_ports else "; it has no virtual ports, so a port must be there"
            return _State(True, f"by {midi.api}{own}")
    except LivegenError as error:
        return _State(False, str(error), _midi_cure())


def _midi_cure() -> str:
    try:
        import rtmidi  # noqa: F401
    except ModuleNotFoundError:
        return how_to_build()
    except ImportError:
        return f"{_REINSTALL} python-rtmidi"
    return "sudo modprobe snd-seq" if sys.platform == "linux" else ""


def _look_at_keyboards() -> _State:
    ports, hardware = Ports((), ()), []
    with contextlib.suppress(LivegenError), _midi() as midi:
        ports = list_ports(midi)
        hardware = midi.hardware_inputs(ports.inputs)
    if hardware:
        return _State(True, ", ".join(hardware))
    others = f"; jam --midi-in NAME plays from a program: {', '.join(ports.inputs)}" if ports.inputs else ""
    says = f"none: the model plays alone, and the terminal's keys play too{others}"
    return _State(False, says, "plug in a MIDI keyboard")


def _look_at_rigs() -> _State | None:
    """Tell whether every saved rig opens, and which of the MIDI inputs that it names are not there now."""
    names = list_rigs()
    if not names:
        return None
    ports = Ports((), ())
    with contextlib.suppress(LivegenError), _midi() as midi:
        ports = list_ports(midi)
    says, broken = [], []
    for name in names:
        try:
            wanted = [each.port for each in wirings(load_rig(name).midi_ins or ()) if each.port is not None]
        except LivegenError as error:
            broken.append(str(error))
            continue
        try:
            choose_ports(ports.inputs, wanted, "in")
            says.append(name)
        except PortError as error:
            says.append(f"{name} (not now: {error})")
    if broken:
        return _State(False, "; ".join(broken), f"edit the file in {resources.rigs_folder()}")
    return _State(True, ", ".join(says))


def _look_at_priority() -> _State | None:
    if sys.platform != "linux":
        return None
    with least_priority() as is_granted:
        pass
    if is_granted:
        return _State(True, "granted")
    cure = f"{_LIMITS_LINE}; {_join_audio_group()}then log in again"
    return _State(False, "not granted: other programs can make the sound stutter", cure)


def _join_audio_group() -> str:
    import grp  # there is none on Windows

    with contextlib.suppress(KeyError):
        if grp.getgrnam(_AUDIO_GROUP).gr_gid in os.getgroups():
            return ""
    return f"sudo usermod -aG {_AUDIO_GROUP} $USER; "


def _look_at_governor() -> _State | None:
    found = set()
    for path in _SYSTEM_FILES.glob(_GOVERNOR_FILES):
        with contextlib.suppress(OSError):
            found.add(path.read_text().strip())
    if not found:
        return None
    says = ", ".join(sorted(found))
    if found <= _GOOD_GOVERNORS:
        return _State(True, says)
    return _State(
        False, f"{says}: the processor slows down between blocks", "sudo cpupower frequency-set -g performance"
    )


def _look_at_kernels() -> _State:
    folder = kernels.CACHE_FOLDER
    there = next(parent for parent in (folder, *folder.parents) if parent.exists())
    if not (there.is_dir() and os.access(there, os.W_OK)):
        cure = "export LIVEGEN_CACHE_DIR=/a/folder/you/can/write"
        return _State(False, f"{there} cannot be written to: every start compiles, up to a minute", cure)
    if not kernels.is_compiled():
        return _State(False, "not compiled yet: the next start takes up to a minute", "livegen jam --seconds 1")
    return _State(True, f"in {folder}")


def _look_at_model() -> _State:
    try:
        load_engine(resources.models_folder() / "default")
    except LivegenError as error:
        return _State(False, str(error), _LIVEGEN_CURE)
    return _State(True, "the default one loads")


def _look_at_patches() -> _State:
    try:
        names = list_patches()
        for name in names:
            load_patch(name)
    except (LivegenError, OSError) as error:
        return _State(False, str(error), _LIVEGEN_CURE)
    return _State(True, ", ".join(names)) if names else _State(False, "there is none", _LIVEGEN_CURE)


def _look_at_torch() -> _State:
    if importlib.util.find_spec("torch") is None:
        return _State(True, "not installed: only train and eval need it", "python -m pip install 'livegen[train]'")
    return _State(True, "installed: train and eval work")


def _look_at_service() -> _State:
    if importlib.util.find_spec("fastapi") is None:
        return _State(True, "not installed: only serve and worker need it", "python -m pip install 'livegen[serve]'")
    return _State(True, "installed: serve and worker work")


def _look_at_osc() -> _State:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(("127.0.0.1", DEFAULT_PORT))
        except OSError:
            return _State(True, f"UDP port {DEFAULT_PORT} is in use, as while another jam plays: jam takes a free one")
    return _State(True, f"UDP port {DEFAULT_PORT} is free")


def _look_at_page() -> _State:
    page = open_page()
    page.listener.close()
    if page.settings.port == WEB_PORT:
        return _State(True, f"jam serves it on {page.address}")
    return _State(True, f"port {WEB_PORT} is in use, as while another jam plays: jam takes a free one")


_LOOKS: Final[dict[str, Callable[[], _State | None]]] = {
    "Python": _look_at_python,
    "PortAudio": _look_at_portaudio,
    "audio output": _look_at_audio,
    "JACK": _look_at_jack,
    "ALSA": _look_at_alsa,
    "MIDI": _look_at_midi,
    "MIDI keyboard": _look_at_keyboards,
    "rigs": _look_at_rigs,
    "realtime scheduling": _look_at_priority,
    "CPU governor": _look_at_governor,
    "compiled kernels": _look_at_kernels,
    "model": _look_at_model,
    "patches": _look_at_patches,
    "torch": _look_at_torch,
    "service": _look_at_service,
    "OSC": _look_at_osc,
    "stage page": _look_at_page,
}
