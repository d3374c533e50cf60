"""A controller on a JACK server that a live session lights: its keys and its lights are programs of their own."""

import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

import pytest
from hash_engine import HashEngine
from jack_keyboard import Keyboard
from livegen_process import OscClient
from remote_port import RemotePort
from waiting import wait_until

from livegen.controls import CONTROLS, Control, osc_address, parse_value
from livegen.events import SetControl
from livegen.inputs.midi_settings import parse_settings
from livegen.patch import load_patch
from livegen.rig import Knob, Rig, SetList, Song, load_library
from livegen.session.build import build_session
from livegen.session.session import Session
from livegen.session.settings import Settings

pytestmark = pytest.mark.device

NUMBERS = [name for name, control in CONTROLS.items() if control.kind in ("float", "int") and name != "lookahead"][:100]
KNOBS = tuple(Knob(name, index // 50, "cc", 60 + index % 50) for index, name in enumerate(NUMBERS))
PAD = Knob("p2.mute", 9, "note", 36)
LIT = Rig(knobs=(*KNOBS, PAD), midi_ins=(parse_settings("surface,feedback=on"),))


class Lights:
    """The lights of a controller, each as it was set last."""

    def __init__(self) -> None:
        self._port: RemotePort | None = None
        self.plug_in()

    def plug_in(self) -> None:
        """Be there, all dark."""
        self._port = RemotePort("in", "surface lights", "in")
        self.shown: dict[tuple[int, int], int] = {}

    def unplug(self) -> None:
        """Be gone."""
        if self._port is not None:
            self._port.unplug()
            self._port = None

    def show(self, wanted: Mapping[tuple[int, int], int]) -> bool:
        """Tell whether lights are set so, by status and number."""
        assert self._port is not None
        for status, number, value in self._port.take():
            self.shown[status, number] = value
        return all(self.shown.get(light) == value for light, value in wanted.items())


@pytest.fixture
def lights(jack: str) -> Iterator[Lights]:
    lights = Lights()
    yield lights
    lights.unplug()


@pytest.fixture
def surface(jack: str) -> Iterator[Keyboard]:
    surface = Keyboard("surface")
    yield surface
    surface.unplug()


@pytest.fixture
def open_session(jack: str, surface: Keyboard) -> Iterator[Callable[..., Session]]:
    opened: list[Session] = []

    def start(*songs: Song) -> Session:
        rig = songs[0].rig if songs else LIT
        settings = Settings(
            audio="null",
            midi_api="jack",
            osc_port=0,
            seed=7,
            midi_ins=rig.midi_ins or (),
            rig=rig,
            library=load_library(rig),
            set_list=SetList("set", songs) if songs else None,
        )
        opened.append(build_session(HashEngine("default"), load_patch("plain"), settings))
        opened[-1].start(lambda: None)
        return opened[-1]

    yield start
    for session in opened:
        session.stop()
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("livegen ")]


def place(knob: Knob) -> tuple[int, int]:
    return (0xB0 if knob.kind == "cc" else 0x90) | knob.channel, knob.number


DARK = dict.fromkeys(map(place, (*KNOBS, PAD)), 0)


def step(knob: Knob, share: float) -> tuple[float, int]:
    """Return a value of a knob's control, and where that stands in 127 steps."""
    control: Control = CONTROLS[knob.control]
    value = parse_value(knob.control, control.minimum + share * (control.maximum - control.minimum))
    return value, round(127 * (value - control.minimum) / (control.maximum - control.minimum))


def move(osc: OscClient, share: float) -> dict[tuple[int, int], int]:
    """Move all knobs by OSC; return what their lights are to show."""
    wanted = {}
    for index, knob in enumerate(KNOBS):
        value, wanted[place(knob)] = step(knob, (share + index / len(KNOBS)) % 1.0)
        osc.send(osc_address(knob.control), value)
    return wanted


def test_osc_moves_two_hundred_controls_and_the_device_shows_all_of_them(
    open_session: Callable[..., Session], lights: Lights
) -> None:
    session = open_session()
    osc = OscClient(session.osc.port)
    try:
        for share in (0.25, 0.75):
            wanted = move(osc, share)
            assert wait_until(lambda wanted=wanted: lights.show(wanted)), session.status.troubles()
        osc.send("/livegen/p2/mute", 1)
        assert wait_until(lambda: lights.show({place(PAD): 127}))
        osc.send("/livegen/panic")
        assert wait_until(lambda: lights.show(DARK))
        osc.send("/livegen/start")
        assert wait_until(lambda wanted=wanted: lights.show({**wanted, place(PAD): 127}))
    finally:
        osc.close()
    assert session.midi_in is not None
    assert (session.midi_in.received, session.status.faults) == (0, 0)
    session.stop()
    assert wait_until(lambda: lights.show(DARK))


def test_what_a_cable_brings_back_moves_nothing(open_session: Callable[..., Session], lights: Lights) -> None:
    session = open_session()
    assert session.midi_in is not None
    assert wait_until(lambda: lights.show({place(PAD): 0}))
    (output,) = (name for name in outputs_of("surface lights:in") if name.startswith("livegen"))
    (keys,) = (name for name in outputs_of("surface:keys") if name.startswith("livegen"))
    subprocess.run(["jack_connect", output, keys], check=True, capture_output=True)
    osc = OscClient(session.osc.port)
    try:
        wanted = move(osc, 0.5)
        osc.send("/livegen/p2/mute", 1)
        assert wait_until(lambda: lights.show({**wanted, place(PAD): 127}))
        midi_in = session.midi_in
        assert wait_until(lambda: midi_in.echoes >= len(KNOBS))
        osc.send(osc_address(KNOBS[0].control), CONTROLS[KNOBS[0].control].maximum)
        assert wait_until(lambda: lights.show({place(KNOBS[0]): 127}))
    finally:
        osc.close()
    assert session.midi_in.received == 0
    for knob in KNOBS[1:]:
        assert step(knob, share_of(session, knob))[1] == wanted[place(knob)]


def test_a_device_that_is_pulled_gets_everything_anew_when_it_is_back(
    open_session: Callable[..., Session], lights: Lights, surface: Keyboard
) -> None:
    session = open_session()
    assert wait_until(lambda: lights.show({place(PAD): 0}))
    lights.unplug()
    assert wait_until(lambda: session.status.counts()["lights not taken"] > 0)
    osc = OscClient(session.osc.port)
    try:
        osc.send("/livegen/p2/mute", 1)
        lights.plug_in()
        assert wait_until(lambda: lights.show({place(PAD): 127}) and len(lights.shown) == len(KNOBS) + 1)
    finally:
        osc.close()


def test_a_device_that_is_not_there_to_be_lit_is_a_warning(open_session: Callable[..., Session]) -> None:
    session = open_session()
    assert session.warnings == [
        "surface:keys has no output port beside its input: feedback has nothing to light there",
    ]


def test_the_lights_are_those_of_the_song_that_plays(open_session: Callable[..., Session], lights: Lights) -> None:
    dark, other = Rig(), replace(LIT, knobs=(replace(PAD, control="tr.mute"),))
    session = open_session(Song("A", dark), Song("B", LIT), Song("C", other), Song("D", dark))

    def go_to(song: str) -> None:
        session.receive(SetControl("song", song), "keys")
        assert wait_until(lambda: session.instrument.state.song == song, 20.0)

    session.receive(SetControl("cue_when", "now"), "keys")
    go_to("B")
    session.receive(SetControl("p2.mute", True), "keys")
    assert wait_until(lambda: lights.show({place(PAD): 127}) and len(lights.shown) == len(KNOBS) + 1)
    go_to("C")
    assert wait_until(lambda: lights.show(dict.fromkeys(DARK, 0)))
    session.receive(SetControl("tr.mute", True), "keys")
    assert wait_until(lambda: lights.show({place(PAD): 127}))
    go_to("D")
    assert wait_until(lambda: lights.show(DARK))
    assert wait_until(lambda: not any(line.startswith("livegen") for line in outputs_of("surface lights:in")))
    assert session.status.faults == 0


def share_of(session: Session, knob: Knob) -> float:
    control = CONTROLS[knob.control]
    value = float(session.instrument.values[knob.control])
    return (value - control.minimum) / (control.maximum - control.minimum)


def outputs_of(port: str) -> list[str]:
    """Return what a port is connected with."""
    listing = subprocess.run(["jack_lsp", "-c", port], check=True, capture_output=True, text=True)
    return [line.strip() for line in listing.stdout.splitlines() if line.startswith(" ")]
