"""OSC through real UDP sockets: asking, setting, being told, and packets that are no OSC."""

import socket
import struct
import time
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from osc_packets import bundle, message, tag_in
from pythonosc.osc_message import OscMessage
from pythonosc.osc_message_builder import build_msg

from livegen.controls import ADDRESSES, DEFAULTS, OSC_PREFIX, Values, with_value
from livegen.errors import PortError
from livegen.events import Event, NoteOff, NoteOn, SetControl, SourceLost
from livegen.inputs.osc import MAX_EVENTS, MAX_LISTENERS, OscServer
from livegen.inputs.osc_packet import Message, parse_packet


class Stage:
    """An OSC server with values that the tests set, and what its sink got."""

    def __init__(self) -> None:
        self.values: Values = DEFAULTS
        self.heard: list[tuple[Event, str]] = []
        self.bundles: list[tuple[tuple[Event, ...], int | None]] = []
        self.has_room = True
        self.server = OscServer(self.take, lambda: self.values, port=0)

    def take(self, events: Sequence[Event], source: str, due_ns: int | None) -> bool:
        """Keep what comes; the sink of the server."""
        self.heard += [(event, source) for event in events]
        self.bundles.append((tuple(events), due_ns))
        return self.has_room

    def serve(self) -> None:
        """Take the packets that have come: on the loopback they are there when `sendto` returns."""
        self.server.poll(1.0)


class Client:
    """A UDP socket that speaks OSC to a stage."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(20.0)
        self.port = self._socket.getsockname()[1]

    def send(self, address: str, *arguments: object) -> None:
        self.send_bytes(build_msg(f"{OSC_PREFIX}/{address}", arguments or "").dgram)

    def send_bytes(self, packet: bytes) -> None:
        self.send_raw(packet)
        self._stage.serve()

    def send_raw(self, packet: bytes) -> None:
        self._socket.sendto(packet, ("127.0.0.1", self._stage.server.port))

    def receive(self) -> tuple[str, list[object]]:
        message = OscMessage(self._socket.recv(65536))
        return message.address.removeprefix(f"{OSC_PREFIX}/"), message.params

    def has_nothing(self) -> bool:
        self._socket.setblocking(False)
        try:
            self._socket.recv(65536)
        except BlockingIOError:
            return True
        finally:
            self._socket.settimeout(20.0)
        return False

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def stage() -> Iterator[Stage]:
    stage = Stage()
    yield stage
    stage.server.close()


@pytest.fixture
def client(stage: Stage) -> Iterator[Client]:
    client = Client(stage)
    yield client
    client.close()


@pytest.fixture
def other(stage: Stage) -> Iterator[Client]:
    client = Client(stage)
    yield client
    client.close()


def test_no_argument_asks(stage: Stage, client: Client) -> None:
    stage.values = with_value(DEFAULTS, "p2.role", "off")
    client.send("p2/role")
    assert client.receive() == ("p2/role", ["off"])
    client.send("p1/mute")
    assert client.receive() == ("p1/mute", [0])
    assert stage.heard == []


def test_an_argument_sets_and_the_value_in_force_comes_back(stage: Stage, client: Client, other: Client) -> None:
    client.send("temperature", 7.0)
    assert stage.heard == [(SetControl("temperature", 2.0), "osc:127.0.0.1")]
    assert client.has_nothing()  # not in force yet
    stage.server.announce("temperature", 2.0)
    assert client.receive() == ("temperature", [2.0])
    assert other.has_nothing()
    stage.server.announce("temperature", 1.0)  # somebody else's doing
    assert client.has_nothing()


def test_listeners_hear_every_change_at_the_port_they_chose(stage: Stage, client: Client, other: Client) -> None:
    client.send("register", other.port)
    stage.server.announce("p1.role", "model")
    assert other.receive() == ("p1/role", ["model"])
    client.send("volume")
    assert other.receive()[0] == "volume"
    stage.server.heartbeat(12, 0.5)
    assert other.receive() == ("heartbeat", [12, 0.5])
    client.send("volume", 0.25)
    stage.server.announce("volume", 0.25)
    assert other.receive() == ("volume", [0.25])
    assert other.has_nothing()  # once, though it both asked and listens
    assert client.has_nothing()
    client.send("unregister")
    stage.server.announce("volume", 0.5)
    assert other.has_nothing()


def test_a_listener_unregisters_by_its_port(stage: Stage, client: Client, other: Client) -> None:
    client.send("register", other.port)
    other.send("unregister")
    assert stage.server.n_listeners == 0


def test_peers_of_a_rig_listen_from_the_start(stage: Stage, client: Client, other: Client) -> None:
    assert stage.server.add_peer("localhost", client.port)
    stage.server.announce("volume", 0.5)
    assert client.receive() == ("volume", [0.5])
    stage.server.tell_news("patch lead")
    assert client.receive() == ("news", ["patch lead"])
    client.send("unregister")
    assert stage.server.n_listeners == 0


def test_those_who_chose_a_port_will_be_found_there_again(stage: Stage, client: Client, other: Client) -> None:
    client.send("register")  # from a port of the moment
    other.send("register", 9000)
    assert stage.server.peers == (("127.0.0.1", 9000),)
    other.send("unregister")
    assert stage.server.peers == ()


def test_a_peer_that_nobody_knows_harms_nobody(stage: Stage, client: Client) -> None:
    assert not stage.server.add_peer("no.such.host.invalid", 9)
    assert not stage.server.add_peer("x" * 100, 9)
    client.send("register")
    stage.server.announce("volume", 0.5)
    assert client.receive() == ("volume", [0.5])
    assert stage.server.unsent == 0


def test_what_only_the_session_can_refuse_is_told_to_whoever_asked(stage: Stage, client: Client, other: Client) -> None:
    other.send("register")
    client.send("patch", "heavy")
    stage.server.refuse("patch", "there is no patch 'heavy'")
    assert client.receive() == ("error", ["there is no patch 'heavy'"])
    assert other.has_nothing()
    stage.server.announce("patch", "lead")  # the asker has had its answer
    assert client.has_nothing()


def test_a_thousand_packets_wait_in_the_socket(stage: Stage, client: Client) -> None:
    packet = message("/livegen/volume", "f", 0.5)
    for _ in range(1000):
        client.send_raw(packet)
    for _ in range(5):
        stage.serve()
    assert stage.server.received == 1000


def test_listeners_are_bounded(stage: Stage, client: Client) -> None:
    clients = [Client(stage) for _ in range(MAX_LISTENERS)]
    for one in clients:
        one.send("register")
    client.send("register")
    assert client.receive()[0] == "error"
    assert stage.server.n_listeners == MAX_LISTENERS
    for one in clients:
        one.close()


def test_a_program_that_is_started_again_and_again_is_one_listener_where_there_is_no_room(
    stage: Stage, client: Client, other: Client
) -> None:
    for _ in range(MAX_LISTENERS + 3):
        again = Client(stage)
        again.send("register", other.port)
        assert again.has_nothing()
        again.close()
    assert stage.server.n_listeners == MAX_LISTENERS
    stage.server.announce("volume", 0.5)
    assert other.receive() == ("volume", [0.5])
    assert other.has_nothing()
    client.send("register")  # it leaves room for the others
    stage.server.announce("volume", 0.25)
    assert client.receive() == ("volume", [0.25])
    assert other.receive() == ("volume", [0.25])


def test_a_dump_has_every_value(stage: Stage, client: Client) -> None:
    client.send("dump")
    answers = dict(client.receive() for _ in DEFAULTS)
    assert set(answers) == {name.replace(".", "/") for name in DEFAULTS}
    assert answers["p1/role"] == ["player"]


@pytest.mark.parametrize(
    ("arguments", "fires"), [((), True), ((1,), True), ((True,), True), ((None,), True), ((0,), False), ((0.0,), False)]
)
def test_triggers_fire_on_anything_but_zero(
    stage: Stage, client: Client, arguments: tuple[object, ...], fires: bool
) -> None:
    client.send("panic", *arguments)
    assert [event for event, _ in stage.heard] == ([SetControl("panic", True)] if fires else [])


@pytest.mark.parametrize(
    ("address", "arguments", "says"),
    [
        ("temperature", ("hot",), "temperature cannot be 'hot'"),
        ("temperature", (1.0, 2.0), "one argument"),
        ("p1/role", ("drummer",), "player or model or off"),
        ("tempo", (120,), "no OSC address '/livegen/tempo'"),
        ("register", (70000,), "1 to 65535"),
        ("note", (0, 60, 100), "channel 0"),
        ("note", (1, 60), "three numbers"),
        ("note", (1, 60, float("nan")), "three numbers"),
        ("learn", ("tempo",), "the name of a control"),
        ("learn", ("temperature", "p1.volume"), "one argument"),
    ],
)
def test_the_sender_is_told_what_was_wrong(
    stage: Stage, client: Client, address: str, arguments: tuple[object, ...], says: str
) -> None:
    client.send(address, *arguments)
    answer, (sentence,) = client.receive()
    assert answer == "error"
    assert says in str(sentence)
    assert stage.server.dropped == 1
    assert stage.heard == []


def test_notes_come_in_and_are_released_at_the_end(stage: Stage, client: Client) -> None:
    client.send("note", 2, 60, 100)
    client.send("note", 2, 61.0, 100.0)
    client.send("note", 2, 60, 0)
    stage.server.close()
    events = [event for event, _ in stage.heard]
    assert events == [NoteOn(1, 60, 100), NoteOn(1, 61, 100), NoteOff(1, 60), SourceLost()]


def test_a_bundle_is_all_its_messages(stage: Stage, client: Client) -> None:
    client.send_bytes(bundle(message("/livegen/p1/mute", "i", 1), bundle(message("/livegen/p2/mute", "i", 0))))
    assert [event for event, _ in stage.heard] == [SetControl("p1.mute", True), SetControl("p2.mute", False)]


def nested(depth: int) -> bytes:
    packet = message("/livegen/panic")
    for _ in range(depth):
        packet = bundle(packet)
    return packet


NOT_OSC = {
    "nothing": b"",
    "text": b"hello",
    "no end": b"/livegen/panic",
    "an argument that is not there": b"/a\x00\x00,i\x00\x00",
    "half a bundle": b"#bundle\x00\x00",
    "an element of negative size": b"#bundle\x00" + bytes(8) + struct.pack(">i", -4) + bytes(8),
    "an element that is too long": b"#bundle\x00" + bytes(8) + struct.pack(">i", 400) + bytes(8),
    "a deep bundle": nested(300),
    "a huge packet": message("/livegen/p1/role", "s", "x" * 20_000),
    "a bad string": b"/a\xff\x00,s\x00\x00\xff\xfe\x00\x00",
    "brackets": b"/a\x00\x00,[[\x00",
}


@pytest.mark.parametrize("packet", NOT_OSC.values(), ids=NOT_OSC)
def test_what_is_no_osc_is_dropped_and_counted(stage: Stage, client: Client, packet: bytes) -> None:
    client.send_bytes(packet)
    assert (stage.server.dropped, stage.server.received) == (1, 0)
    assert stage.heard == []
    client.send("volume")  # it still lives
    assert client.receive()[0] == "volume"


@given(st.binary(max_size=200) | st.binary(max_size=200).map(lambda tail: b"#bundle\x00" + tail))
def test_any_bytes_parse_or_are_no_osc(packet: bytes) -> None:
    messages, faults = parse_packet(packet)
    assert all(isinstance(message, Message) for message in messages)
    assert messages or faults or len(packet) == 16  # a bundle may be empty


_ARGUMENTS = st.one_of(
    st.integers(-(2**31), 2**31 - 1),
    st.floats(width=32),
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20),  # NUL ends a string in OSC
    st.booleans(),
    st.none(),
    st.binary(min_size=1, max_size=20),
)


@given(
    st.lists(
        st.tuples(
            st.sampled_from([*ADDRESSES, "/livegen/note", "/livegen/register", "/livegen/unregister", "/livegen/x"]),
            st.lists(_ARGUMENTS, max_size=3),
        ),
        max_size=8,
    )
)
def test_any_messages_are_understood_or_counted(messages: list[tuple[str, list[object]]]) -> None:
    stage = Stage()
    try:
        for address, arguments in messages:
            stage.server._take(build_msg(address, arguments or "").dgram, ("127.0.0.1", 9))
        server = stage.server
        assert server.received + server.dropped == len(messages)
        assert all(isinstance(event, (SetControl, NoteOn, NoteOff)) for event, _ in stage.heard)
    finally:
        stage.server.close()


def test_a_port_in_use_stops_the_start(stage: Stage) -> None:
    with pytest.raises(PortError, match=rf"port {stage.server.port} .*--osc-port"):
        OscServer(lambda events, source, due_ns: True, lambda: DEFAULTS, port=stage.server.port)


@pytest.mark.parametrize(("host", "port"), [("127.0.0.1", 70000), ("no.such.host.invalid", 0)])
def test_an_address_that_cannot_be_bound_stops_the_start(host: str, port: int) -> None:
    with pytest.raises(PortError, match="--osc-host"):
        OscServer(lambda events, source, due_ns: True, lambda: DEFAULTS, host=host, port=port)


def test_who_asked_for_an_action_that_was_refused_is_told_why(stage: Stage, client: Client) -> None:
    client.send("recall", "verse")
    stage.server.refuse("recall", "there is no verse")
    assert client.receive() == ("error", ["there is no verse"])
    stage.server.refuse("recall", "it was asked for elsewhere")
    assert client.has_nothing()


def test_an_unknown_type_is_told_to_its_sender_and_the_rest_of_its_bundle_served(stage: Stage, client: Client) -> None:
    unknown = b"/livegen/volume\0,q\0\0" + bytes(8)
    client.send_bytes(bundle(message("/livegen/p1/mute", "i", 1), unknown, message("/livegen/p2/mute", "i", 1)))
    assert client.receive() == (
        "error",
        ["'/livegen/volume': there is no OSC type 'q': send one of i f s b h d t S c r m T F N I [ ]"],
    )
    assert stage.bundles == [((SetControl("p1.mute", True), SetControl("p2.mute", True)), None)]
    assert stage.server.drops == {"unknown types": 1}


def test_every_control_that_a_pattern_reaches_answers(stage: Stage, client: Client) -> None:
    client.send("*/mute", 1)
    for name in ("p1", "p2", "tr", "no"):
        stage.server.announce(f"{name}.mute", True)
    assert [client.receive() for _ in range(4)] == [(f"{name}/mute", [1]) for name in ("p1", "p2", "tr", "no")]
    client.send("/volume")
    asked = [client.receive() for _ in range(5)]
    assert [name for name, _ in asked] == ["volume", "p1/volume", "p2/volume", "tr/volume", "no/volume"]


def test_what_a_pattern_cannot_do_is_told_and_the_rest_is_done(stage: Stage, client: Client) -> None:
    client.send("p1/{role,volume}", 0.5)
    assert client.receive()[0] == "error"
    assert [event for event, _ in stage.heard] == [SetControl("p1.volume", 0.5)]
    assert (stage.server.received, stage.server.drops) == (1, {"values refused": 1})


def test_a_bundle_ahead_is_handed_on_whole_with_its_time(stage: Stage, client: Client) -> None:
    packet = bundle(message("/livegen/p1/mute", "i", 1), message("/livegen/note", "iif", 1, 60, 1.0), tag=tag_in(2.0))
    client.send_bytes(packet)
    ((events, due_ns),) = stage.bundles
    assert events == (SetControl("p1.mute", True), NoteOn(0, 60, 127))
    assert due_ns is not None
    assert abs(due_ns - time.perf_counter_ns() - 2e9) < 50e6


def test_no_bundle_is_split(stage: Stage, client: Client) -> None:
    for _ in range(100):
        client.send_bytes(bundle(*[message("/livegen/hold", "i", hold) for hold in (1, 0, 1, 0)], tag=tag_in(2.0)))
    assert [len(events) for events, _ in stage.bundles] == [4] * 100


def test_bundles_in_a_bundle_have_their_own_times(stage: Stage, client: Client) -> None:
    inner = bundle(message("/livegen/hold", "i", 1), tag=tag_in(3.0))
    client.send_bytes(bundle(message("/livegen/hold", "i", 0), inner, message("/livegen/panic"), tag=tag_in(1.0)))
    assert [events for events, _ in stage.bundles] == [
        (SetControl("hold", False), SetControl("panic", True)),
        (SetControl("hold", True),),
    ]
    first_ns, second_ns = (due_ns for _, due_ns in stage.bundles)
    assert first_ns is not None
    assert second_ns is not None
    assert abs(second_ns - first_ns - 2e9) < 10e6


def test_late_bundles_and_those_of_tag_1_are_at_once_and_no_clock_is_blamed(stage: Stage, client: Client) -> None:
    for tag in (1, tag_in(-0.5), tag_in(-8.0)):
        client.send_bytes(bundle(message("/livegen/hold", "i", 1), tag=tag))
    assert stage.bundles == [((SetControl("hold", True),), None)] * 3
    assert client.has_nothing()


@pytest.mark.parametrize(("seconds", "says"), [(60.0, "ahead of"), (-3600.0, "behind"), (-4e8, "behind")])
def test_a_sender_whose_clock_is_off_is_told_once_and_served_at_once(
    stage: Stage, client: Client, other: Client, seconds: float, says: str
) -> None:
    for _ in range(3):
        client.send_bytes(bundle(message("/livegen/hold", "i", 1), tag=tag_in(seconds)))
    assert stage.bundles == [((SetControl("hold", True),), None)] * 3
    answer, (sentence,) = client.receive()
    assert answer == "error"
    assert f"the clock of 127.0.0.1 is {abs(seconds):.0f}"[:-1] in str(sentence)
    assert says in str(sentence)
    assert client.has_nothing()
    other.send_bytes(bundle(message("/livegen/hold", "i", 1), tag=tag_in(seconds)))
    assert other.receive()[0] == "error"


def test_who_asked_for_a_later_time_is_answered_then_too(stage: Stage, client: Client, other: Client) -> None:
    client.send_bytes(bundle(message("/livegen/hold", "i", 1), tag=tag_in(5.0)))
    stage.server.announce("hold", False)  # somebody else's doing
    stage.server.announce("hold", True)
    assert [client.receive() for _ in range(2)] == [("hold", [0]), ("hold", [1])]


def test_a_bundle_that_finds_no_room_is_told(stage: Stage, client: Client) -> None:
    stage.has_room = False
    client.send_bytes(bundle(message("/livegen/hold", "i", 1), tag=tag_in(5.0)))
    assert "too much waits" in str(client.receive()[1])
    assert stage.server.drops == {"without room": 1}


def test_a_packet_comes_to_so_much_at_most(stage: Stage, client: Client) -> None:
    client.send_bytes(bundle(*[message("/livegen//volume", "f", 0.5)] * (MAX_EVENTS // 5 + 1)))
    assert f"{MAX_EVENTS} things" in str(client.receive()[1])
    assert len(stage.heard) == MAX_EVENTS // 5 * 5


def test_what_is_dropped_is_counted_by_kind_and_in_the_heartbeat(stage: Stage, client: Client, other: Client) -> None:
    other.send("register")
    client.send("tempo", 120)
    client.send("temp", 1)
    client.send("temperature", "hot")
    client.send_bytes(b"hello")
    client.send_bytes(b"/livegen/volume\0,q\0\0")
    kinds = {"unknown addresses": 2, "values refused": 1, "damaged packets": 1, "unknown types": 1}
    assert stage.server.drops == kinds
    assert stage.server.dropped == 5
    assert "127.0.0.1: '/livegen/volume': there is no OSC type 'q'" in stage.server.last_drop
    stage.server.heartbeat(1.5, 0)
    name, (seconds, late, *rest) = other.receive()
    assert (name, seconds, late) == ("heartbeat", 1.5, 0)
    assert dict(zip(rest[::2], rest[1::2], strict=True)) == kinds


@pytest.mark.parametrize("word", ["error", "news", "heartbeat"])
def test_its_own_words_are_not_answered_or_two_livegens_would_never_end(
    stage: Stage, client: Client, word: str
) -> None:
    client.send(word, "what is this")
    assert client.has_nothing()
    assert stage.server.drops == {"unknown addresses": 1}


def test_a_midi_message_plays_and_is_let_go_of_in_the_end(stage: Stage, client: Client) -> None:
    client.send_bytes(message("/livegen/midi", "m", b"\x90\x3c\x64"))
    stage.server.close()
    assert [event for event, _ in stage.heard] == [NoteOn(0, 60, 100), SourceLost()]
