"""Which port is meant, and what happens where there is no MIDI."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from remote_port import RemotePort
from waiting import wait_until

from livegen.errors import PortError
from livegen.system import midi_ports
from livegen.system.jack_midi import N_PORTS
from livegen.system.midi_names import choose_port, choose_ports, is_own, is_same_device, output_beside
from livegen.system.midi_ports import InputPort, MidiSystem, OutputPort, find_midi, list_ports

NAMES = ["Midi Through:Midi Through Port-0 14:0", "Keystation 49:Keystation 49 MIDI 1 20:0", "Keys 24:0", "livegen:out"]


def test_a_part_of_the_name_in_any_case_finds_the_port() -> None:
    choice = choose_port(NAMES, "kEYSTATION", "in")
    assert (choice.name, choice.warning) == (NAMES[1], "")


def test_several_take_the_first_and_say_so() -> None:
    choice = choose_port(NAMES, "key", "in")
    assert choice.name == NAMES[1]
    assert "'Keys 24:0'" in choice.warning


def test_an_exact_name_goes_before_a_part() -> None:
    choice = choose_port(NAMES, "keys", "in")
    assert (choice.name, choice.warning) == ("Keys 24:0", "")


def test_no_port_says_what_was_asked_and_what_is_there() -> None:
    with pytest.raises(PortError, match=r"'moog'.*'Keys 24:0'.*--midi-out"):
        choose_port(NAMES, "moog", "out")


TWINS = ["MiniLab:MiniLab MIDI 1 20:0", "MiniLab:MiniLab MIDI 1 24:0", "Keystation:Keystation MIDI 1 28:0"]


@pytest.mark.parametrize(
    ("wanted", "taken"),
    [
        (["minilab", "keystation"], [0, 2]),
        (["minilab", "minilab"], [0, 1]),  # two of one make
        (["24:0", "minilab"], [1, 0]),
        (["minilab", "20:0"], [1, 0]),  # who fits fewer ports chooses first
        (["midi 1", "minilab", "keystation"], [1, 0, 2]),
    ],
)
def test_several_names_find_a_port_each(wanted: list[str], taken: list[int]) -> None:
    assert [choice.name for choice in choose_ports(TWINS, wanted, "in")] == [TWINS[i] for i in taken]


def test_only_ports_that_nobody_took_are_worth_a_warning() -> None:
    assert [choice.warning for choice in choose_ports(TWINS, ["minilab", "minilab"], "in")] == ["", ""]
    assert "'MiniLab:MiniLab MIDI 1 24:0'" in choose_ports(TWINS, ["minilab", "keystation"], "in")[0].warning


def test_a_port_that_is_named_twice_is_refused_in_one_sentence() -> None:
    with pytest.raises(
        PortError, match=r"--midi-in 'MIDI 1 28' fits 'Keystation.*' alone, which another --midi-in has"
    ):
        choose_ports(TWINS, ["keystation", "MIDI 1 28"], "in")


def test_our_own_ports_are_never_chosen() -> None:
    with pytest.raises(PortError, match="no MIDI input port has 'livegen'"):
        choose_port(NAMES, "livegen", "in")
    assert is_own("livegen-01:out")
    assert not is_own("my livegenerator:out")


@pytest.mark.parametrize("api", ["alsa", "coremidi", "windows"])
def test_hardware_leaves_out_loopbacks_and_ourselves(api: str) -> None:
    hardware = MidiSystem(api).hardware_inputs([*NAMES, "DAW:out 128:0"])
    assert hardware[:2] == ["Keystation 49:Keystation 49 MIDI 1 20:0", "Keys 24:0"]
    assert ("DAW:out 128:0" in hardware) == (api != "alsa")  # ALSA's numbers tell software from hardware


def test_an_unknown_interface_is_refused() -> None:
    with pytest.raises(PortError, match=r"'oss'.*auto, alsa"):
        find_midi("oss")


def test_no_midi_is_no_error_unless_a_port_is_named() -> None:
    assert find_midi("none") == (None, "MIDI is switched off by --midi-api none")
    with pytest.raises(PortError, match="switched off"):
        find_midi("none", is_needed=True)


def test_without_python_rtmidi_there_are_no_ports_and_a_sentence_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_server(name: str) -> None:
        raise OSError

    monkeypatch.setitem(sys.modules, "rtmidi", None)
    monkeypatch.setattr(midi_ports, "JackClient", no_server)
    midi, why_not = find_midi("auto")
    assert midi is None
    assert why_not.startswith("there are no MIDI ports without python-rtmidi, which is not installed; type: ")
    assert why_not.endswith("python -m pip install python-rtmidi")
    with pytest.raises(PortError, match="python-rtmidi"):
        find_midi("auto", is_needed=True)
    with pytest.raises(PortError, match="python-rtmidi"):
        find_midi("alsa")


@pytest.mark.device
@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere JACK is not what is taken by default")
def test_without_python_rtmidi_jack_has_its_ports(jack: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rtmidi", None)
    midi, why_not = find_midi("auto")
    assert midi is not None, why_not
    assert midi.api == "jack"
    with InputPort(midi, None) as port:
        assert port.is_open
    midi.close()


def test_windows_says_what_to_do_instead_of_a_virtual_port() -> None:
    with pytest.raises(PortError, match="loopMIDI"):
        InputPort(MidiSystem("windows"), None)


def test_twins_get_names_of_their_own() -> None:
    class Client:
        def get_ports(self) -> list[str]:
            return ["Keys", "Pads", "Keys", "Keys"]

    assert midi_ports._port_names(Client()) == ["Keys", "Pads", "Keys #2", "Keys #3"]


@pytest.mark.parametrize("error", [OSError("no"), IndexError("it went")])
def test_a_port_that_refuses_to_open_raises_one_error_and_leaves_no_client(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Client:
        def get_ports(self) -> list[str]:
            return ["Keys"]

        def open_port(self, index: int, name: str) -> None:
            raise error

        def close_port(self) -> None:
            deleted.append("port")

        def delete(self) -> None:
            deleted.append("client")

    deleted: list[str] = []
    midi = MidiSystem("alsa")
    monkeypatch.setattr(midi, "_new_rtmidi", lambda direction, name: Client())
    with pytest.raises(PortError, match=f"^the MIDI port 'Keys' refuses .{error}.: plug it in again$"):
        InputPort(midi, "keys")
    assert deleted == ["port", "client"]


@pytest.mark.parametrize(
    ("source", "name", "is_same"),
    [
        ("midi:Moog Sub:Moog Sub MIDI 1 20:0", "Moog Sub:Moog Sub MIDI 1 24:0", True),
        ("midi:moog:out", "moog:in", True),
        ("midi:moog:out", "moogerfooger:in", False),
        ("midi:a2j:Moog [20] (capture): MIDI 1", "a2j:Moog [20] (playback): MIDI 1", True),
        ("midi:a2j:Moog [20] (capture): MIDI 1", "a2j:Keys [24] (playback): MIDI 1", False),
        ("midi:system:midi_capture_2", "system:midi_playback_2", True),
        ("midi:system:midi_capture_1", "system:midi_playback_2", False),
        ("osc:127.0.0.1:9000", "osc:in", False),
    ],
)
def test_the_two_halves_of_a_device_are_known_by_their_names(source: str, name: str, is_same: bool) -> None:
    assert is_same_device(source, name) == is_same


LAUNCHPADS = {
    "Launchpad X:Launchpad X LPX MIDI In 24:1": [
        "Launchpad X:Launchpad X LPX DAW In 24:0",
        "Launchpad X:Launchpad X LPX MIDI In 24:1",
    ],
    "Launchpad X:Launchpad X LPX MIDI In 28:1": [
        "Launchpad X:Launchpad X LPX MIDI In 24:1",
        "Launchpad X:Launchpad X LPX MIDI In 28:1",
    ],
    "Launchpad X LPX MIDI Out": ["Launchpad X LPX DAW In", "Launchpad X LPX MIDI In"],
    "MIDIIN2 (LPX MIDI)": ["LPX MIDI", "MIDIOUT2 (LPX MIDI)"],
    "system:midi_capture_2": ["system:midi_playback_1", "system:midi_playback_2"],
    "a2j:Launchpad X [24] (capture): LPX MIDI In": ["livegen:out", "a2j:Launchpad X [24] (playback): LPX MIDI In"],
    "launchpad:keys": ["synth:in", "launchpad:lights"],
    "pad keys:out": ["launcher:in", "the launchpad's lights:in"],
}
"""By the name of an input, as systems name ports: what outputs there are, the right one last."""


@pytest.mark.parametrize("name", LAUNCHPADS)
def test_the_output_beside_an_input_is_found_by_its_name(name: str) -> None:
    assert output_beside(name, "launchpad", LAUNCHPADS[name]) == LAUNCHPADS[name][-1]
    assert output_beside(name, "launchpad", ["livegen:launchpad", "synth:x"]) is None


@pytest.mark.device
def test_virtual_ports_are_named_livegen_and_messages_go_through(midi: MidiSystem) -> None:
    with InputPort(midi, None) as virtual_in, OutputPort(midi, None) as virtual_out:
        assert "livegen:in" in midi.port_names("out")
        assert "livegen:out" in midi.port_names("in")
        assert list_ports(midi).inputs == ()
        assert list_ports(midi).outputs == ("system:midi_playback_1",) or list_ports(midi).outputs == ()
        assert virtual_in.poll() == []
        virtual_out.send([0x90, 60, 100])  # nobody listens, and nothing happens
        assert virtual_out.check()


@pytest.mark.device
def test_all_ports_are_of_one_client(midi: MidiSystem, other: "OtherProgram") -> None:
    """Of a second one in the same process, libjack may take the number for that of a program that has left."""
    with InputPort(midi, "keyboard"), InputPort(midi, None), OutputPort(midi, "listener"), OutputPort(midi, None):
        own = [name for name in (*midi.port_names("in"), *midi.port_names("out")) if is_own(name)]
        assert sorted(own) == ["livegen:in", "livegen:in-2", "livegen:out", "livegen:out-2"]


@pytest.mark.device
def test_a_port_that_closes_makes_room_for_another(midi: MidiSystem) -> None:
    ports = [midi.new_client("in", "livegen") for _ in range(N_PORTS)]
    with pytest.raises(PortError, match=f"{N_PORTS} MIDI ports are in use"):
        OutputPort(midi, None)
    midi.delete_client(ports.pop())
    with OutputPort(midi, None) as port:
        assert port.is_open
    for each in ports:
        midi.delete_client(each)


@pytest.mark.device
def test_what_is_sent_before_the_close_arrives(midi: MidiSystem, other: "OtherProgram") -> None:
    with OutputPort(midi, "listener") as port:
        assert port.name == "listener:in"
        for note in range(100):
            port.send([0x80, note, 0])
    heard: list[list[int]] = []

    def is_complete() -> bool:
        heard.extend(other.heard())
        return len(heard) >= 100

    assert wait_until(is_complete)
    assert heard == [[0x80, note, 0] for note in range(100)]


@pytest.mark.device
def test_a_port_that_vanishes_is_noticed_and_opened_when_it_is_back(midi: MidiSystem, other: "OtherProgram") -> None:
    with InputPort(midi, "KEYBOARD") as port:
        other.send([0x90, 60, 100])
        heard: list[list[int]] = []
        assert wait_until(lambda: bool(heard.extend(port.poll()) or heard))
        assert heard == [[0x90, 60, 100]]
        other.unplug()
        assert wait_until(lambda: not port.check())
        assert port.poll() == []
        other.plug_in()
        assert wait_until(port.check)
        other.send([0x80, 60, 0])
        assert wait_until(lambda: bool(heard.extend(port.poll()) or len(heard) == 2))


@pytest.mark.device
def test_a_port_that_went_and_came_back_between_two_looks_is_connected_anew(
    midi: MidiSystem, other: "OtherProgram"
) -> None:
    with InputPort(midi, "keyboard") as port:
        assert port.check()
        other.unplug()
        other.plug_in()
        assert wait_until(lambda: not port.check())  # so that its keys are let go of
        assert wait_until(port.check)
        other.send([0x90, 60, 100])
        assert wait_until(lambda: port.poll() == [[0x90, 60, 100]])


@pytest.mark.device
def test_a_named_port_that_is_not_there_stops_the_start(midi: MidiSystem) -> None:
    with pytest.raises(PortError, match="'moog'"):
        OutputPort(midi, "moog")


_ORPHAN = """
import sys, threading, numpy
from jack_server import jack_server
from waiting import wait_until
from livegen.events import SourceLost
from livegen.inputs.midi import MidiInput
from livegen.system.jack_midi import N_SLOTS
from livegen.system.midi_ports import OutputPort, find_midi
from livegen.errors import PortError
heard = []
with jack_server(sys.argv[1]) as server:
    midi, _ = find_midi("jack")
    keys = MidiInput([], midi, lambda event, source: heard.append((event, source)))
    port = OutputPort(midi, None)
    full = OutputPort(midi, None)
    server.kill()
    server.wait()
    try:
        for note in range(2 * N_SLOTS):  # nobody takes them any more, and it must not wait for room
            full.send([0x80, note % 128, 0])
    except PortError:
        print("full")
    assert wait_until(lambda: not midi.is_alive())
    keys.check()
    assert heard == [(SourceLost(), "midi:livegen in")], heard
    assert not port.check() and not port.is_open
    try:
        port.send([0x90, 60, 100])
    except PortError:
        print("refused")
with jack_server(sys.argv[1]):
    assert wait_until(midi.is_alive)
    keys.check()
    assert keys.names == ["livegen in"] and port.check()
    keys.close()
    port.close()
    midi.close()
print("back")
"""


def run_script(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    # of its own process: one process cannot be the client of two JACK servers
    root = Path(__file__).parents[1]
    paths = os.pathsep.join([str(root), str(root.parent), os.environ.get("PYTHONPATH", "")])
    return subprocess.run(
        [sys.executable, "-c", script, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=os.environ | {"PYTHONPATH": paths},
    )


@pytest.mark.device
def test_a_server_that_dies_is_survived_and_joined_when_it_is_back() -> None:
    done = run_script(_ORPHAN, f"livegen-mortal-{os.getpid()}")
    assert (done.returncode, done.stdout) == (0, "full\nrefused\nback\n"), done.stderr
    assert done.stderr == ""  # libjack is silenced: its messages would tear the status screen


@pytest.mark.device
def test_looking_for_a_server_starts_none_and_prints_nothing() -> None:
    script = """
import os
os.environ["JACK_DEFAULT_SERVER"] = "livegen-nobody"
from livegen.system.midi_ports import find_midi
from livegen.errors import PortError
try:
    find_midi("jack")
except PortError as error:
    print(error)
"""
    done = run_script(script)
    assert done.returncode == 0
    assert "JACK server" in done.stdout
    assert done.stderr == ""


class OtherProgram:
    """Other programs on JACK: a keyboard that can be unplugged, and a listener."""

    def __init__(self) -> None:
        self._listener = RemotePort("in", "listener", "in")
        self.plug_in()

    def plug_in(self) -> None:
        self._keyboard = RemotePort("out", "keyboard", "keys")

    def unplug(self) -> None:
        self._keyboard.unplug()

    def send(self, message: list[int]) -> None:
        self._keyboard.send(*message)

    def heard(self) -> list[list[int]]:
        return self._listener.take()

    def close(self) -> None:
        self.unplug()
        self._listener.unplug()


@pytest.fixture
def other(jack: str) -> Iterator[OtherProgram]:
    program = OtherProgram()
    yield program
    program.close()
