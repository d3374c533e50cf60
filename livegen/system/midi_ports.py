"""The MIDI ports of this machine: list them, choose one, open it, and notice when it goes.

Python-rtmidi does the work, and on JACK `livegen.system.jack_midi`. Both are imported on first use: RtMidi's wheels
need a system library (ALSA's on Linux), later Pythons have no wheel, and whatever needs no MIDI must run without.
"""

import contextlib
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from livegen.errors import PortError
from livegen.system.libjack import PORT_IS_INPUT, PORT_IS_OUTPUT, PORT_IS_PHYSICAL, JackClient
from livegen.system.midi_names import CLIENT_NAME, Choice, Direction, alsa_client, choose_port, is_own, stem

if TYPE_CHECKING:
    from livegen.system.jack_midi import JackMidi

API_NAMES: Final = ("auto", "alsa", "jack", "coremidi", "windows", "none")
"""What ``--midi-api`` allows."""

_DIRECTIONS: Final[tuple[Direction, Direction]] = ("in", "out")

_RTMIDI_NAME: Final = {"alsa": "LINUX_ALSA", "coremidi": "MACOSX_CORE", "windows": "WINDOWS_MM"}
_PLATFORM_API: Final = {"darwin": "coremidi", "win32": "windows"}
_ALSA_SEQUENCER: Final = Path("/dev/snd/seq")
_ALSA_HARDWARE_CLIENTS: Final = range(16, 128)  # 0 is the system, 14 Midi Through, applications begin at 128
_LOOPBACKS: Final = ("midi through", "iac driver")  # ports that return to software what software sends
NO_VIRTUAL_PORTS: Final = (
    "Windows has no virtual MIDI ports: plug in a keyboard, or install loopMIDI, add a port to it, and name that port "
    "with --midi-in or --midi-out"
)
_NO_JACK: Final = "no JACK server runs here: start one (jackd, or qjackctl), or choose another --midi-api"
_NO_ALSA_AND_NO_JACK: Final = (
    "there is no MIDI here: load ALSA's sequencer (`modprobe snd-seq`) or start a JACK server (jackd, or qjackctl)"
)
_HOW_TO_BUILD: Final[dict[str, str]] = {
    "linux": "sudo apt install g++ pkg-config libasound2-dev; ",
    "darwin": "xcode-select --install; ",
    "win32": "install the Build Tools for Visual Studio; ",
}
"""What to type before python-rtmidi can be built, where it has no wheel for this Python, by `sys.platform`."""

_REFUSALS: Final = (OSError, RuntimeError, ValueError, IndexError)  # the last where a port went since it was listed
_INPUT_QUEUE: Final = 4096  # length in messages; RtMidi writes to stderr when the queue is full


@dataclass(frozen=True, slots=True)
class Ports:
    """Names of the MIDI ports that others offer: `inputs` to play from, `outputs` to play to."""

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


class MidiSystem:
    """One MIDI interface of the operating system, such as ALSA's sequencer; made by `find_midi`.

    Attributes
    ----------
    api : {"alsa", "jack", "coremidi", "windows"}
    has_virtual_ports : bool
        Whether livegen can open a port that other programs connect with. Windows has no such ports.

    Notes
    -----
    Any thread may call it.
    """

    def __init__(self, api: str) -> None:
        self.api = api
        self.has_virtual_ports = api != "windows"
        self._lock = threading.Lock()
        self._jack: JackClient | None = None
        self._jack_midi: JackMidi | None = None
        self._n_clients = 0
        if api == "jack" and not self.is_alive():
            raise PortError(_NO_JACK if _ALSA_SEQUENCER.exists() else _NO_ALSA_AND_NO_JACK)

    def is_alive(self) -> bool:
        """Tell whether the interface works. If JACK's server is gone, join the next one that runs.

        That is tried only once all ports on the old server are deleted: libjack crashes on them otherwise.
        """
        if self.api != "jack":
            return True
        with self._lock:
            if self._jack is not None and self._jack.is_alive:
                return True
            if self._n_clients == 0:
                self._leave_jack()
                with contextlib.suppress(OSError):
                    self._jack = JackClient(CLIENT_NAME)
            return self._jack is not None and self._jack.is_alive

    def new_client(self, direction: Direction, name: str) -> Any:
        """Return a `rtmidi.MidiIn` or `MidiOut`, or a `JackPort`, that is not open yet. `delete_client` must delete it.

        Raises
        ------
        PortError
            If the interface refuses.
        """
        with self._lock:
            try:
                client = self._new_jack_port(direction) if self.api == "jack" else self._new_rtmidi(direction, name)
            except (OSError, RuntimeError, ValueError) as error:
                raise PortError(f"MIDI by {self.api} does not open ({error}): choose another --midi-api") from error
            self._n_clients += 1
        return client

    def _new_jack_port(self, direction: Direction) -> Any:
        from livegen.system.jack_midi import JackMidi  # only here: it loads the compiler

        if self._jack is None or not self._jack.is_alive:
            raise OSError("the JACK server is gone")
        if self._jack_midi is None:
            self._jack_midi = JackMidi(self._jack)
        return self._jack_midi.port(direction)

    def _new_rtmidi(self, direction: Direction, name: str) -> Any:
        rtmidi = _rtmidi()
        api = getattr(rtmidi, f"API_{_RTMIDI_NAME[self.api]}")
        if direction == "out":
            return rtmidi.MidiOut(api, name=name)
        client = rtmidi.MidiIn(api, name=name, queue_size_limit=_INPUT_QUEUE)
        client.ignore_types(sysex=True, timing=False, active_sense=True)
        return client

    def delete_client(self, client: Any) -> None:
        """Close a client's port and delete the client. All that was sent has left the port when this returns."""
        with self._lock:
            self._n_clients -= 1
            try:
                client.close_port()
            finally:
                client.delete()

    @property
    def n_xruns(self) -> int:
        """How often what was sent may have reached nobody, as far as the interface tells."""
        jack = self._jack
        return 0 if jack is None else jack.n_xruns

    def port_names(self, direction: Direction) -> list[str]:
        """Return the names of all ports of a direction, ours too. It may make a client: do not call it often."""
        if self.api == "jack":
            return self._jack_ports(PORT_IS_OUTPUT if direction == "in" else PORT_IS_INPUT)
        client = self.new_client(direction, f"{CLIENT_NAME}-list")
        try:
            return _port_names(client)
        finally:
            self.delete_client(client)

    def hardware_inputs(self, names: Sequence[str]) -> list[str]:
        """Return those of the input ports that belong to a keyboard or other device, not to software."""
        foreign = [name for name in names if not is_own(name) and not name.lower().startswith(_LOOPBACKS)]
        if self.api == "jack":
            physical = set(self._jack_ports(PORT_IS_OUTPUT | PORT_IS_PHYSICAL))
            return [name for name in foreign if name in physical and "midi through" not in name.lower()]
        if self.api == "alsa":
            return [name for name in foreign if alsa_client(name) in _ALSA_HARDWARE_CLIENTS]
        return foreign

    def is_connected(self, name: str) -> bool:
        """Tell whether a port of ours is connected with the port of this name. True where the interface cannot tell.

        A port that goes and comes back between two checks has its old name but has lost its connections.
        """
        with self._lock:
            return self._jack is None or any(is_own(port) for port in self._jack.connections(name))

    def virtual_input_partners(self) -> frozenset[str]:
        """Return the ports that are connected with our virtual input; none where the interface cannot tell."""
        with self._lock:
            return frozenset() if self._jack is None else frozenset(self._jack.connections(f"{self._jack.name}:in"))

    def close(self) -> None:
        """Leave the interface. Whoever opened a port closes it."""
        with self._lock:
            self._leave_jack()

    def _leave_jack(self) -> None:
        if self._jack is not None:
            self._jack.close()
        self._jack = self._jack_midi = None

    def _jack_ports(self, flags: int) -> list[str]:
        with self._lock:
            return [] if self._jack is None else self._jack.ports(flags)


def find_midi(api: str = "auto", *, is_needed: bool = False) -> tuple[MidiSystem | None, str]:
    """Choose the MIDI interface.

    Parameters
    ----------
    api : str
        One of `API_NAMES`. ``auto`` is the platform's own, and on Linux JACK where ALSA's sequencer is missing and a
        JACK server runs.
    is_needed : bool
        Whether the user named a port, so that no MIDI at all is an error.

    Returns
    -------
    MidiSystem or None
        None if there is no MIDI.
    str
        One sentence that says why there is no MIDI; else empty.

    Raises
    ------
    PortError
        If the interface was asked for by name and is not there, or none is there and one is needed.
    """
    api = api.lower()
    if api not in API_NAMES:
        raise PortError(f"there is no MIDI interface {api!r}: allowed is {', '.join(API_NAMES)}")
    try:
        if api == "none":
            raise PortError("MIDI is switched off by --midi-api none")
        return _platform_system() if api == "auto" else MidiSystem(_checked(api)), ""
    except PortError as error:
        if is_needed or api not in ("auto", "none"):
            raise
        return None, str(error)


def list_ports(midi: MidiSystem) -> Ports:
    """Return the MIDI ports that other programs and devices offer, without ours."""
    inputs, outputs = ([name for name in midi.port_names(way) if not is_own(name)] for way in _DIRECTIONS)
    return Ports(tuple(inputs), tuple(outputs))


class Port:
    """A MIDI port that is open, or will be when its device comes back.

    Parameters
    ----------
    midi : MidiSystem
    direction : {"in", "out"}
    wanted : str or None
        A part of the name of the port to connect with. None opens a virtual port that others connect with.
    choice : Choice, optional
        The port that was chosen by that name, if it was.
    siblings : callable
        Returns the session's other ports of this direction, whose devices it leaves alone.
    is_patient : bool
        Whether it waits for its device if that is not there, as it does for one that went.

    Attributes
    ----------
    name : str
        Full name of the port it is connected with, or of the virtual port.
    warning : str
        What the user should know about how the port was chosen, or empty.
    is_open : bool

    Raises
    ------
    PortError
        If there is no such port, or it refuses, and it does not wait.

    Notes
    -----
    One thread makes it; then one thread at a time may use it.
    """

    def __init__(
        self,
        midi: MidiSystem,
        direction: Direction,
        wanted: str | None,
        choice: Choice | None = None,
        siblings: Callable[[], Iterable["Port"]] = tuple,
        *,
        is_patient: bool = False,
    ) -> None:
        self._midi = midi
        self._direction: Direction = direction
        self._wanted = wanted
        self._siblings = siblings
        self._client: Any = None
        self.name, self.warning = ("", "") if choice is None else (choice.name, choice.warning)
        self.is_open = False
        if wanted is None and not midi.has_virtual_ports:
            raise PortError(NO_VIRTUAL_PORTS)
        try:
            self._open()
        except PortError:
            self.close()
            if not is_patient or wanted is None:
                raise

    def check(self) -> bool:
        """Notice if the port is gone, and open it again when it is back. Return True if it is open.

        To be called about twice a second. Never raises. Takes a fraction of a millisecond while all is well.
        """
        try:
            if not self._midi.is_alive():
                self.close()
            elif not self.is_open:
                self._open()
            elif self._wanted is not None and not self._is_connected():
                self._client.close_port()
                self.is_open = False
        except PortError:  # not back yet
            pass
        except Exception:  # a driver may raise anything while its device vanishes, and the music must go on
            self.close()
        return self.is_open

    def waits_for(self, name: str) -> bool:
        """Tell whether it is closed, and would open the port of this name if that came."""
        if self.is_open or self._wanted is None:
            return False
        return self._wanted.lower() in name.lower() or stem(name) == stem(self.name)

    def neighbours(self) -> list[str]:
        """Return the names of all ports of this direction, ours too; none while the port is not open."""
        return _port_names(self._client) if self.is_open else []

    def close(self) -> None:
        """Close it; calling it again does nothing. All that was sent has left the port when this returns."""
        client, self._client = self._client, None
        self.is_open = False
        if client is not None:
            self._midi.delete_client(client)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _is_connected(self) -> bool:
        return self.name in _port_names(self._client) and self._midi.is_connected(self.name)

    def _open(self) -> None:
        if self._client is None:
            self._client = self._midi.new_client(self._direction, CLIENT_NAME)
        try:
            self._connect()
        except _REFUSALS as error:
            raise self._refusal(error) from error
        self.is_open = True

    def _refusal(self, error: Exception) -> PortError:
        """Close the port, since the interface refuses, and return the error to raise."""
        self.close()
        return PortError(f"the MIDI port {self.name!r} refuses ({error}): plug it in again")

    def _connect(self) -> None:
        if self._wanted is None:
            self.name = f"{CLIENT_NAME} {self._direction}"
            # CoreMIDI shows only the name of the port, the other interfaces show client and port
            self._client.open_virtual_port(self.name if self._midi.api == "coremidi" else self._direction)
        else:
            names = _port_names(self._client)
            choice = self._choose(names)
            self.name, self.warning = choice.name, choice.warning
            self._client.open_port(names.index(choice.name), self._direction)

    def _choose(self, names: list[str]) -> Choice:
        assert self._wanted is not None
        others = [port for port in self._siblings() if port is not self]
        used = {port.name for port in others if port.is_open}
        free = [name for name in names if name not in used]
        if self.name:  # it was open before: ALSA may have given it another address
            same = [name for name in free if stem(name) == stem(self.name)]
            if same:
                return Choice(self.name if self.name in same else same[0], self.warning)
            awaited = {stem(port.name) for port in others}
            free = [name for name in free if stem(name) not in awaited]
        return choose_port(free, self._wanted, self._direction)


class InputPort(Port):
    """A port whose messages are polled: a callback from RtMidi would run Python in the driver's thread."""

    def __init__(
        self,
        midi: MidiSystem,
        wanted: str | None,
        choice: Choice | None = None,
        siblings: Callable[[], Iterable[Port]] = tuple,
        *,
        is_patient: bool = False,
    ) -> None:
        super().__init__(midi, "in", wanted, choice, siblings, is_patient=is_patient)
        self.queue_size = _INPUT_QUEUE
        self._partners: frozenset[str] = frozenset()

    def has_lost_partner(self) -> bool:
        """Tell whether a port that was connected with our virtual one no longer is. Only JACK can tell."""
        before = self._partners
        self._partners = self._midi.virtual_input_partners() if self._wanted is None else frozenset()
        return not before <= self._partners

    def poll(self) -> list[list[int]]:
        """Return all messages that wait, as lists of bytes; never raises."""
        messages: list[list[int]] = []
        if not self.is_open:
            return messages
        while len(messages) < _INPUT_QUEUE:
            pending = self._client.get_message()
            if pending is None:
                break
            messages.append(pending[0])
        return messages


class OutputPort(Port):
    """A port that messages are sent to."""

    def __init__(
        self, midi: MidiSystem, wanted: str | None, choice: Choice | None = None, *, is_patient: bool = False
    ) -> None:
        super().__init__(midi, "out", wanted, choice, is_patient=is_patient)

    @property
    def n_xruns(self) -> int:
        """How often what was sent may have reached nobody, as far as the interface tells."""
        return self._midi.n_xruns

    def send(self, message: list[int]) -> None:
        """Send the bytes of one message.

        Raises
        ------
        PortError
            If the port is closed or refuses. The notes that sound cannot be ended until it is open again.
        """
        if not self.is_open:
            raise PortError(f"the MIDI port {self.name!r} is gone: plug it in again")
        try:
            self._client.send_message(message)
        except _REFUSALS as error:
            raise self._refusal(error) from error


def how_to_build() -> str:
    """Return what to type to install python-rtmidi where it is missing."""
    return f"{_HOW_TO_BUILD.get(sys.platform, '')}python -m pip install python-rtmidi"


def _platform_system() -> MidiSystem:
    """Return the platform's own interface; raises PortError."""
    if sys.platform in _PLATFORM_API:
        return MidiSystem(_checked(_PLATFORM_API[sys.platform]))
    try:
        _rtmidi()
    except PortError as error:
        try:
            return MidiSystem("jack")
        except PortError:
            raise error from None
    return MidiSystem(_checked("alsa" if _ALSA_SEQUENCER.exists() else "jack"))


def _checked(api: str) -> str:
    """Return an interface's name if it can be had on this machine."""
    if api == "jack":
        with contextlib.suppress(PortError):  # not by RtMidi, but its wheel may bring along the only libjack here
            _rtmidi()
        return api
    rtmidi = _rtmidi()
    compiled = rtmidi.get_compiled_api()
    there = [name for name, constant in _RTMIDI_NAME.items() if getattr(rtmidi, f"API_{constant}", None) in compiled]
    if api not in there:
        raise PortError(f"MIDI by {api} is not to be had on this system: allowed is {', '.join([*there, 'jack'])}")
    if api == "alsa" and not _ALSA_SEQUENCER.exists():
        raise PortError("ALSA's sequencer is missing here: load it with `modprobe snd-seq`, or try --midi-api jack")
    return api


def _rtmidi() -> Any:
    try:
        import rtmidi
    except ModuleNotFoundError as error:
        raise PortError(
            f"there are no MIDI ports without python-rtmidi, which is not installed; type: {how_to_build()}"
        ) from error
    except ImportError as error:
        raise PortError(f"python-rtmidi does not load ({error}): on Linux, install the package libasound2") from error
    return rtmidi


def _port_names(client: Any) -> list[str]:
    """Return the names of a client's possible ports in the order of their numbers, each made unique."""
    names: list[str] = []
    for name in client.get_ports():
        twins = sum(known == name or known.startswith(f"{name} #") for known in names)
        names.append(f"{name} #{twins + 1}" if twins else name)
    return names
