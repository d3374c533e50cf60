"""OSC: the live controls over UDP, to ask for and to set (https://opensoundcontrol.stanford.edu/spec-1_0.html).

A message to the address of a control asks for its value; with an argument it sets it. The value in force is sent back
on the same address. The controls are in `livegen.controls`. Beside them there are

    /livegen/register [port]        send answers and news to this port of the sender, else to the one it sends from
    /livegen/unregister [port]
    /livegen/dump                   every value in force

and the pads, keys and MIDI messages of `livegen.inputs.osc_message`. livegen sends

    /livegen/error sentence         what was wrong with a message
    /livegen/news sentence          what the performer reads on the status line
    /livegen/heartbeat seconds late_frames underflows received dropped [kind number ...]
        once a second; received and dropped count for OSC. For each kind that was dropped, its name and its count follow

What plays and sets waits for the time of its bundle. A question or a registration is answered at once.
"""

import contextlib
import select
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final

from livegen.controls import OSC_PREFIX, Value, Values, osc_address
from livegen.errors import ControlError, PortError
from livegen.events import Event, SetControl, SourceLost, TogetherSink
from livegen.inputs.osc_message import TOO_MUCH_WAITS, Meaning, NoRoomError, OwnWordsError, meaning_of
from livegen.inputs.osc_packet import Message, build_packet, parse_packet, shown
from livegen.inputs.osc_time import WallClock, clock_warning
from livegen.inputs.osc_types import NotOscError, kind_of

Address = tuple[str, int]
"""A host and a UDP port."""

DEFAULT_PORT: Final = 9124

MAX_LISTENERS: Final = 32
"""Largest number of listeners that may register, and of machines that may play notes."""

MAX_EVENTS: Final = 1024
"""How much one packet may come to: a pattern reaches many controls."""

_WAIT_SECONDS: Final = 0.1
_MOST_TOLD: Final = 256  # senders whose clock is off
_SOON_NS: Final = 1_000_000_000
"""An asker whose bundle is due within this may be answered by the next announcement; nothing is announced earlier."""

_BURST: Final = 256  # packets taken before `stop` is looked at again
_RECEIVE_BUFFER: Final = 1 << 20  # bytes; half a second of 2,000 messages a second, each of which takes about 800


class OscServer:
    """The OSC socket. It takes packets on its thread and sends from any thread.

    Parameters
    ----------
    sink : TogetherSink
        Gets what a packet plays and sets, by the time that it is due; called on the thread that runs `run`.
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
    received, unsent : int
        Messages understood; answers that could not be sent.
    last_drop : str
        What was dropped last, and whose it was, in a sentence; or empty.

    Raises
    ------
    PortError
        If the port is in use, or the address is not one of this machine's.
    """

    def __init__(
        self, sink: TogetherSink, values: Callable[[], Values], host: str = "127.0.0.1", port: int = DEFAULT_PORT
    ) -> None:
        self._sink = sink
        self._values = values
        self._lock = threading.Lock()
        self._listeners: dict[Address, Address] = {}  # whom we hear from, to where it wants its answers
        self._askers: dict[str, dict[Address, int]] = {}  # who set a control, and when that is due
        self._clock = WallClock()
        self._told_of_clock: dict[Address, None] = {}
        self._players: set[str] = set()
        self._chosen: set[Address] = set()  # who will be found again at the port that it chose
        self._drops: Counter[str] = Counter()
        self.received = self.unsent = 0
        self.last_drop = ""
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
            self._drops[NotOscError.kind] += 1

    @property
    def drops(self) -> Mapping[str, int]:
        """How much was dropped, by kind; any thread may ask."""
        return dict(self._drops)

    @property
    def dropped(self) -> int:
        """How much was dropped: packets and messages that made no sense, or found no room."""
        return sum(self.drops.values())

    def announce(self, name: str, value: Value) -> None:
        """Tell whoever set a control, and every listener, the value that is in force now.

        The session calls it whenever a `SetControl` took effect, from OSC or elsewhere, also if the value is the same
        as before. Never blocks.
        """
        targets = self._answered(name)
        with self._lock:
            targets |= set(self._listeners.values())
        self._send(targets, osc_address(name), value)

    def refuse(self, name: str, reason: str) -> None:
        """Tell whoever asked for an action why it was not done; never blocks."""
        self._send(self._answered(name), f"{OSC_PREFIX}/error", reason)

    def heartbeat(self, *numbers: float) -> None:
        """Send a few numbers to every listener, about once a second: that livegen lives, and what it has dropped."""
        drops = (word for drop in sorted(self.drops.items()) for word in drop)
        self._tell("heartbeat", *(n if isinstance(n, float) else int(n) for n in numbers), *drops)

    def tell_news(self, sentence: str, about: Collection[str] = ()) -> None:
        """Tell every listener what a performer would read on the status line, and whoever has set a control of these.

        These must be announced afterwards, for then it is forgotten who has set them.
        """
        with self._lock:
            targets = {address for name in about for address in self._askers.get(name, ())}
            targets |= set(self._listeners.values())
        self._send(targets, f"{OSC_PREFIX}/news", sentence)

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
            self._sink((SourceLost(),), player, None)
        self._players.clear()
        self._socket.close()

    @property
    def n_listeners(self) -> int:
        """How many have registered."""
        return len(self._listeners)

    def _take(self, packet: bytes, sender: Address) -> None:
        messages, faults = parse_packet(packet)
        for fault in faults:
            self._drop(fault, sender)
        due_of_tag = {tag: self._due_ns(tag, sender) for tag in {message.tag: None for message in messages}}
        together: dict[int | None, list[Message]] = {}
        for message in messages:
            together.setdefault(due_of_tag[message.tag], []).append(message)
        for due_ns, those in together.items():
            self._serve(those, due_ns, sender)

    def _due_ns(self, tag: int, sender: Address) -> int | None:
        """Return when a time tag is due; a sender whose clock is off is told so once."""
        due_ns = self._clock.due_ns(tag)
        if due_ns is None and sender not in self._told_of_clock and self._clock.is_off(tag):
            if len(self._told_of_clock) >= _MOST_TOLD:
                self._told_of_clock.pop(next(iter(self._told_of_clock)))
            self._told_of_clock[sender] = None
            self._answer(sender, f"{OSC_PREFIX}/error", clock_warning(sender[0], self._clock.seconds_ahead(tag)))
        return due_ns

    def _serve(self, messages: Sequence[Message], due_ns: int | None, sender: Address) -> None:
        """Do what messages say that take effect together."""
        events: list[Event] = []
        questions: list[tuple[Meaning, tuple[Any, ...]]] = []
        for message in messages:
            try:
                meaning = meaning_of(message, _COMMANDS)
                if len(events) + len(meaning.events) > MAX_EVENTS:
                    raise NoRoomError(f"a packet can set and play {MAX_EVENTS} things at most: send several")
                self._welcome(meaning.events, sender)
            except ControlError as error:
                self._drop(error, sender)
                continue
            for refused in meaning.refused:
                self._drop(refused, sender)
            events += meaning.events
            questions.append((meaning, message.arguments))
        if events and not self._hand_on(events, due_ns, sender):
            self._drop(NoRoomError(TOO_MUCH_WAITS), sender)
        for meaning, arguments in questions:
            self._reply(meaning, arguments, sender)

    def _hand_on(self, events: Sequence[Event], due_ns: int | None, sender: Address) -> bool:
        reply_address = self._reply_address(sender)
        with self._lock:
            for name in {event.name for event in events if isinstance(event, SetControl)}:
                askers = self._askers.setdefault(name, {})
                if len(askers) < MAX_LISTENERS or reply_address in askers:
                    askers[reply_address] = max(due_ns or 0, askers.get(reply_address, 0))
        return self._sink(events, _source(sender), due_ns)

    def _answered(self, name: str) -> set[Address]:
        """Return who asked for a control; who asked for a later time still waits for it."""
        soon_ns = time.perf_counter_ns() + _SOON_NS
        with self._lock:
            askers = self._askers.pop(name, {})
            waiting = {address: due_ns for address, due_ns in askers.items() if due_ns > soon_ns}
            if waiting:
                self._askers[name] = waiting
        return set(askers)

    def _reply(self, meaning: Meaning, arguments: Sequence[Any], sender: Address) -> None:
        """Answer the questions of a message, and do what only the server can."""
        values = self._values() if meaning.asked else {}
        for name in meaning.asked:
            self._answer(sender, osc_address(name), values[name])
        try:
            if meaning.command:
                _COMMANDS[meaning.command](self, arguments, sender)
            self.received += bool(meaning.events or not meaning.refused)
        except ControlError as error:
            self._drop(error, sender)

    def _drop(self, error: ControlError, sender: Address) -> None:
        """Count what is dropped, and tell its sender why, unless that may be no program that speaks OSC."""
        self._drops[kind_of(error)] += 1
        self.last_drop = f"{sender[0]}: {error}"
        if not isinstance(error, (NotOscError, OwnWordsError)):
            self._answer(sender, f"{OSC_PREFIX}/error", str(error))

    def _welcome(self, events: Sequence[Event], sender: Address) -> None:
        """Note who plays: what they hold is let go of in the end."""
        if all(isinstance(event, SetControl) for event in events) or _source(sender) in self._players:
            return
        if len(self._players) >= MAX_LISTENERS:
            raise NoRoomError(f"{MAX_LISTENERS} players are here already: play from one of their machines")
        self._players.add(_source(sender))

    def _register(self, arguments: Sequence[Any], sender: Address) -> None:
        target = (sender[0], _port_argument(arguments, sender[1]))
        with self._lock:
            is_full = len(self._listeners) >= MAX_LISTENERS and sender not in self._listeners
            if is_full:  # a program that is started again, perhaps for each message, sends from another port each time
                n_sources = Counter([target, *self._listeners.values()])
                spare = next((source for source, known in self._listeners.items() if n_sources[known] > 1), None)
                if spare is not None:
                    del self._listeners[spare]
                    is_full = False
            if not is_full:
                self._listeners[sender] = target
                self._chosen |= {target} if arguments else set()
        if is_full:
            raise NoRoomError(f"{MAX_LISTENERS} listeners are registered already: unregister one first")

    def _unregister(self, arguments: Sequence[Any], sender: Address) -> None:
        target = (sender[0], _port_argument(arguments, sender[1]))
        with self._lock:
            self._listeners = {
                source: known
                for source, known in self._listeners.items()
                if known != target and not (source == sender and not arguments)
            }

    def _dump(self, _arguments: Sequence[Any], sender: Address) -> None:
        for name, value in self._values().items():
            self._answer(sender, osc_address(name), value)

    def _tell(self, what: str, *arguments: Value) -> None:
        with self._lock:
            targets = set(self._listeners.values())
        self._send(targets, f"{OSC_PREFIX}/{what}", *arguments)

    def _reply_address(self, sender: Address) -> Address:
        return self._listeners.get(sender, sender)

    def _answer(self, sender: Address, address: str, *arguments: Value) -> None:
        self._send({self._reply_address(sender)}, address, *arguments)

    def _send(self, targets: set[Address], address: str, *arguments: Value) -> None:
        if not targets:
            return
        packet = build_packet(address, *arguments)
        for target in targets:
            try:
                self._socket.sendto(packet, target)
            except OSError:  # the buffer is full or nobody is there: the music must not wait
                self.unsent += 1


_COMMANDS: Final[dict[str, Callable[[OscServer, Sequence[Any], Address], None]]] = {
    f"{OSC_PREFIX}/register": OscServer._register,
    f"{OSC_PREFIX}/unregister": OscServer._unregister,
    f"{OSC_PREFIX}/dump": OscServer._dump,
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


def _port_argument(arguments: Sequence[Any], default: int) -> int:
    if not arguments:
        return default
    number = arguments[0]
    if len(arguments) > 1 or not isinstance(number, (int, float)) or not 1 <= number <= 65535:
        raise ControlError(f"a reply port is one number from 1 to 65535, not {shown(arguments)}")
    return int(number)


def _source(sender: Address) -> str:
    """Return the name of a source. It has no port, because many programs send from a new port each time."""
    return f"osc:{sender[0]}"
