"""OSC: the live controls over UDP, to ask for and to set (https://opensoundcontrol.stanford.edu/spec-1_0.html).

A message to the address of a control asks for its value; with an argument it sets it. The value in force is sent back
on the same address. The controls are in `livegen.controls`. Beside them there are

    /livegen/register [port]        send answers and news to this port of the sender, else to the one it sends from
    /livegen/unregister [port]
    /livegen/dump                   every value in force
    /livegen/note channel note velocity     a key: channel 1..16, velocity 0 releases it

and livegen sends

    /livegen/error sentence         what was wrong with a message
    /livegen/news sentence          what the performer reads on the status line
    /livegen/heartbeat seconds late_frames underflows received dropped      once a second; the last two count for OSC
"""

import contextlib
import select
import socket
import threading
from collections.abc import Callable
from typing import Any, Final

from livegen.controls import ADDRESSES, CONTROLS, OSC_PREFIX, Value, Values, osc_address
from livegen.errors import ControlError, PortError
from livegen.events import Sink, SourceLost
from livegen.inputs.osc_packet import NotOscError, build_packet, note_event, parse_packet, set_event, shown

Address = tuple[str, int]
"""A host and a UDP port."""

DEFAULT_PORT: Final = 9124

MAX_LISTENERS: Final = 32
"""Largest number of listeners that may register, and of machines that may play notes."""

_WAIT_SECONDS: Final = 0.1
_BURST: Final = 256  # packets taken before `stop` is checked again
_RECEIVE_BUFFER: Final = 1 << 20  # bytes: half a second of 2,000 messages a second, at about 800 bytes each


class OscServer:
    """The OSC socket. It takes packets on its thread and sends from any thread.

    Parameters
    ----------
    sink : Sink
        Gets `SetControl`, `NoteOn`, `NoteOff`; called on the thread that runs `run`.
    values : callable
        Returns the values in force; called on the same thread.
    host : str
        Address to bind. ``127.0.0.1`` takes packets of this machine only.
    port : int
        UDP port; 0 takes a free one.

    Attributes
    ----------
    host, port : str, int
        Where it listens.
    received, dropped, unsent : int
        Number of messages understood; of packets that were not OSC and messages that made no sense; of packets that
        could not be sent.

    Raises
    ------
    PortError
        If the port is in use, or the address is not one of this machine's.
    """

    def __init__(
        self, sink: Sink, values: Callable[[], Values], host: str = "127.0.0.1", port: int = DEFAULT_PORT
    ) -> None:
        self._sink = sink
        self._values = values
        self._lock = threading.Lock()
        self._listeners: dict[Address, Address] = {}  # for each sender, where its answers go
        self._askers: dict[str, set[Address]] = {}  # who set a control whose value is not announced yet
        self._players: set[str] = set()
        self._chosen: set[Address] = set()  # listeners that chose their port and can be found there again
        self.received = self.dropped = self.unsent = 0
        self._socket = _bound_socket(host, port)
        self.host, self.port = self._socket.getsockname()[:2]

    def run(self, stop: threading.Event) -> None:
        """Take packets until `stop`."""
        while not stop.is_set():
            self.poll(_WAIT_SECONDS)

    def poll(self, patience_seconds: float = 0.0) -> None:
        """Wait at most this long for a packet and take all that are there; never raises."""
        try:
            select.select([self._socket], [], [], patience_seconds)
            for _ in range(_BURST):
                packet, sender = self._socket.recvfrom(65536)
                self._take(packet, sender[:2])
        except BlockingIOError:
            pass
        except OSError:  # on Windows, the answer to a client that is gone comes back as an error
            self.dropped += 1

    def announce(self, name: str, value: Value) -> None:
        """Tell whoever set a control, and every listener, the value that is in force now.

        The session calls it whenever a `SetControl` took effect, from OSC or elsewhere, also if the value is the same
        as before. Never blocks.
        """
        with self._lock:
            targets = self._askers.pop(name, set()) | set(self._listeners.values())
        self._send(targets, osc_address(name), value)

    def refuse(self, name: str, reason: str) -> None:
        """Tell whoever asked for an action why it was not done; never blocks."""
        with self._lock:
            targets = self._askers.pop(name, set())
        self._send(targets, f"{OSC_PREFIX}/error", reason)

    def heartbeat(self, *numbers: float) -> None:
        """Send a few numbers to every listener, to show that livegen is running. Called about once a second."""
        self._tell("heartbeat", *(n if isinstance(n, float) else int(n) for n in numbers))

    def tell_news(self, sentence: str) -> None:
        """Tell every listener what a performer would read on the status line."""
        self._tell("news", sentence)

    def add_peer(self, host: str, port: int) -> bool:
        """Register a listener that did not ask for it, as a rig does. False if its host's name is unknown.

        Looking up the name may take seconds, so this must not be called while playing.
        """
        try:
            found = socket.getaddrinfo(host, port, self._socket.family, socket.SOCK_DGRAM)[0][4]
        except (OSError, UnicodeError):
            return False
        target = (str(found[0]), port)
        with self._lock:
            self._listeners[target] = target
        return True

    @property
    def peers(self) -> tuple[Address, ...]:
        """Listeners that can be found at the same address again, because they chose their port."""
        with self._lock:
            return tuple(sorted(self._chosen & set(self._listeners.values())))

    def close(self) -> None:
        """Close the socket and release the keys that came by OSC."""
        for player in self._players:
            self._sink(SourceLost(), player)
        self._players.clear()
        self._socket.close()

    @property
    def n_listeners(self) -> int:
        """How many have registered."""
        return len(self._listeners)

    def _take(self, packet: bytes, sender: Address) -> None:
        try:
            messages = parse_packet(packet)
        except NotOscError:
            self.dropped += 1
            return
        for address, arguments in messages:
            try:
                self._obey(address, arguments, sender)
                self.received += 1
            except ControlError as error:
                self.dropped += 1
                self._send({self._reply_address(sender)}, f"{OSC_PREFIX}/error", str(error))

    def _obey(self, address: str, arguments: list[Any], sender: Address) -> None:
        name = ADDRESSES.get(address)
        command = _COMMANDS.get(address)
        if name is not None:
            self._ask_or_set(name, arguments, sender)
        elif command is not None:
            command(self, arguments, sender)
        else:
            raise ControlError(f"there is no OSC address {shown(address)}: `livegen controls` lists them")

    def _ask_or_set(self, name: str, arguments: list[Any], sender: Address) -> None:
        if not arguments and not CONTROLS[name].is_action:
            self._send({self._reply_address(sender)}, osc_address(name), self._values()[name])
            return
        event = set_event(name, arguments)
        if event is None:
            return
        with self._lock:
            askers = self._askers.setdefault(name, set())
            if len(askers) < MAX_LISTENERS:
                askers.add(self._reply_address(sender))
        self._sink(event, _source(sender))

    def _register(self, arguments: list[Any], sender: Address) -> None:
        target = (sender[0], _port_argument(arguments, sender[1]))
        with self._lock:
            is_full = len(self._listeners) >= MAX_LISTENERS and sender not in self._listeners
            gone = next((source for source, known in self._listeners.items() if known == target), None)
            if is_full and gone is not None:  # the program was started again and sends from another port than before
                del self._listeners[gone]
                is_full = False
            if not is_full:
                self._listeners[sender] = target
                self._chosen |= {target} if arguments else set()
        if is_full:
            raise ControlError(f"{MAX_LISTENERS} listeners are registered already: unregister one first")

    def _unregister(self, arguments: list[Any], sender: Address) -> None:
        target = (sender[0], _port_argument(arguments, sender[1]))
        with self._lock:
            self._listeners = {
                source: known
                for source, known in self._listeners.items()
                if known != target and not (source == sender and not arguments)
            }

    def _dump(self, _arguments: list[Any], sender: Address) -> None:
        for name, value in self._values().items():
            self._send({self._reply_address(sender)}, osc_address(name), value)

    def _note(self, arguments: list[Any], sender: Address) -> None:
        event = note_event(arguments)
        if len(self._players) >= MAX_LISTENERS and _source(sender) not in self._players:
            raise ControlError(f"{MAX_LISTENERS} players are here already: play from one of their machines")
        self._players.add(_source(sender))
        self._sink(event, _source(sender))

    def _tell(self, what: str, *arguments: Value) -> None:
        with self._lock:
            targets = set(self._listeners.values())
        self._send(targets, f"{OSC_PREFIX}/{what}", *arguments)

    def _reply_address(self, sender: Address) -> Address:
        return self._listeners.get(sender, sender)

    def _send(self, targets: set[Address], address: str, *arguments: Value) -> None:
        if not targets:
            return
        packet = build_packet(address, *arguments)
        for target in targets:
            try:
                self._socket.sendto(packet, target)
            except OSError:  # the buffer is full or nobody is there: the music must not wait
                self.unsent += 1


_COMMANDS: Final[dict[str, Callable[[OscServer, list[Any], Address], None]]] = {
    f"{OSC_PREFIX}/register": OscServer._register,
    f"{OSC_PREFIX}/unregister": OscServer._unregister,
    f"{OSC_PREFIX}/dump": OscServer._dump,
    f"{OSC_PREFIX}/note": OscServer._note,
}


def _bound_socket(host: str, port: int) -> socket.socket:
    bound = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
    try:
        if not host:  # an empty address would mean the whole network
            raise OSError("there is no address")
        bound.bind((host, port))
    except (OSError, OverflowError, TypeError) as error:  # TypeError: a name that cannot be encoded
        bound.close()
        raise PortError(
            f"OSC cannot listen on {host}, port {port} ({error}): give a free port 1024..65535 with --osc-port, "
            f"and with --osc-host 127.0.0.1, 0.0.0.0 or an address of this machine"
        ) from error
    bound.setblocking(False)
    with contextlib.suppress(OSError):  # as much as the system allows
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
    return bound


def _port_argument(arguments: list[Any], default: int) -> int:
    if not arguments:
        return default
    number = arguments[0]
    if len(arguments) > 1 or not isinstance(number, (int, float)) or not 1 <= number <= 65535:
        raise ControlError(f"a reply port is one number from 1 to 65535, not {shown(arguments)}")
    return int(number)


def _source(sender: Address) -> str:
    """Return the name of a source. It has no port, because many programs send from a new port each time."""
    return f"osc:{sender[0]}"
