"""The namespace that other programs read, over HTTP and the WebSocket, by hand and with a client of somebody else's."""

import asyncio
import contextlib
import json
import re
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from osc_packets import bundle, message, tag_in
from pythonosc.osc_message import OscMessage
from scripted_session import Page, ScriptedSession
from waiting import wait_until
from websockets.exceptions import ConnectionClosed
from zeroconf import ServiceStateChange
from zeroconf.asyncio import AsyncServiceBrowser, AsyncServiceInfo, AsyncZeroconf

from livegen.controls import ADDRESSES, CONTROLS, DEFAULTS, osc_address, parse_value
from livegen.inputs.osc import _COMMANDS
from livegen.inputs.osc_message import MIDI, NOTE
from livegen.inputs.osc_packet import build_packet
from livegen.web.oscquery.announce import OSC, OSCQUERY, Announcement, Service, reachable_at, service_name
from livegen.web.oscquery.tree import _UNITS, ATTRIBUTES, EXTENSIONS, UnknownAttributeError, asked, find, namespace

VALUES = dict(DEFAULTS)
PYTHON_TYPES: dict[str, type] = {"f": float, "i": int, "s": str}


def methods(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if "TYPE" in node:
        yield node
    for inner in node.get("CONTENTS", {}).values():
        yield from methods(inner)


def test_every_control_and_command_is_there_once() -> None:
    found = [node["FULL_PATH"] for node in methods(namespace(VALUES, {}))]
    assert sorted(found) == sorted([*ADDRESSES, *_COMMANDS, NOTE, MIDI])


@pytest.mark.parametrize("name", CONTROLS)
def test_a_node_says_what_the_control_does(name: str) -> None:
    control = CONTROLS[name]
    node = find(namespace(VALUES, {"patch": ["plain", "lead"]}), osc_address(name))
    assert node is not None
    assert node["DESCRIPTION"] == control.description
    assert node.get("UNIT") == ([_UNITS.get(control.unit, control.unit)] if control.unit else None)
    assert (node["TYPE"] == "N") == (control.kind == "trigger")  # for which others draw a button
    assert node["ACCESS"] == (2 if control.is_action else 3)
    assert ("VALUE" in node) == (not control.is_action)
    for value in node.get("VALUE", []):
        assert type(value) is PYTHON_TYPES[node["TYPE"]]
        assert parse_value(name, value) == DEFAULTS[name]
    for span in node.get("RANGE", []):
        for end in (*span.get("VALS", []), *(span[key] for key in ("MIN", "MAX") if key in span)):
            assert type(end) is PYTHON_TYPES[node["TYPE"]]
            assert parse_value(name, end) == end  # the range is true
        if node.get("CLIPMODE") == ["both"]:
            assert parse_value(name, span["MAX"] + 1) == span["MAX"]
    if name == "patch":
        assert node["RANGE"] == [{"VALS": ["plain", "lead"]}]


def test_containers_are_no_methods() -> None:
    root = namespace(VALUES, {})
    for path in ("/", "/livegen", "/livegen/p1", "/livegen/no/"):
        node = find(root, path)
        assert node is not None
        assert node["ACCESS"] == 0
        assert node["CONTENTS"]
        assert "TYPE" not in node
    assert find(root, "/livegen/p5") is None
    assert find(root, "/livegen/bpm/x") is None


@given(st.text())
def test_any_path_and_query_is_answered(text: str) -> None:
    root = namespace({}, {})
    node = find(root, text)
    assert node is None or node["FULL_PATH"].strip("/") == text.strip("/")
    try:
        assert set(asked(text)) <= {*ATTRIBUTES, "HOST_INFO"}
    except UnknownAttributeError as error:
        assert len(str(error)) < 400


def test_it_is_answered_by_http(session: ScriptedSession) -> None:
    root = session.get("/").json()
    assert root == session.get("/", accept="*/*").json()
    assert session.get("/?FULL_PATH", accept="text/html").json() == {"FULL_PATH": "/"}
    assert find(root, "/livegen/p1/role") == session.get("/livegen/p1/role").json()
    assert session.get("/livegen/p1/role?VALUE").json() == {"VALUE": ["player"]}
    assert session.get("/livegen/bpm?RANGE").json() == {"RANGE": [{"MIN": 0.0, "MAX": 400.0}]}
    assert session.get("/livegen/bpm?RANGE&UNIT").json()["UNIT"] == ["time.bpm"]
    codes = {
        **{"/livegen/start?VALUE": 204, "/livegen?TYPE": 204, "/livegen/bpm?TAGS": 204, "/livegen/store?RANGE": 204},
        **{"/livegen/bpm?COLOUR": 400, "/livegen/bpm?value": 400, "/livegen/nothing": 404, "/nothing?VALUE": 404},
    }
    assert {path: session.get(path).status_code for path in codes} == codes


def test_host_info_is_true(session: ScriptedSession) -> None:
    info = session.get("/?HOST_INFO").json()
    assert info == session.get("/livegen/bpm?HOST_INFO").json()
    assert (info["OSC_IP"], info["OSC_PORT"], info["OSC_TRANSPORT"]) == ("127.0.0.1", 9124, "UDP")
    assert (info["WS_IP"], info["WS_PORT"]) == ("127.0.0.1", session.port)
    assert str(session.port) in info["NAME"]
    root = session.get("/").json()
    used = {key for node in methods(root) for key in node} - {"FULL_PATH", "TYPE"}
    assert used == {name for name in ATTRIBUTES if EXTENSIONS.get(name)}


def next_packet(client: Page) -> tuple[str, list[Any]]:
    message = OscMessage(client.hear("sound")["bytes"])
    return message.address, message.params


def command(client: Page, name: str, path: object) -> None:
    client.line.send(json.dumps({"COMMAND": name, "DATA": path}))


def test_listened_values_come_as_they_change(session: ScriptedSession) -> None:
    session.say("values", values={"temperature": 0.25, "hold": False})
    with session.page("/") as client:
        command(client, "LISTEN", "/livegen/temperature")
        assert next_packet(client) == ("/livegen/temperature", [0.25])
        command(client, "LISTEN", "/livegen/hold")
        assert next_packet(client) == ("/livegen/hold", [0])
        session.say("values", values={"top_p": 0.5, "temperature": 0.75})
        assert next_packet(client) == ("/livegen/temperature", [0.75])
        command(client, "IGNORE", "/livegen/temperature")
        client.line.send(build_packet("/livegen/top_p"))  # asks, and shows that all before is done
        assert next_packet(client) == ("/livegen/top_p", [0.5])
        session.say("values", values={"temperature": 1.0, "hold": True})
        assert next_packet(client) == ("/livegen/hold", [1])


def test_osc_packets_set_and_play(session: ScriptedSession) -> None:
    with session.page("/") as client:
        client.line.send(build_packet("/livegen/temperature", 9.0))
        client.line.send(build_packet("/livegen/p1/role", "off"))
        client.line.send(build_packet("/livegen/start", 0))  # a button that comes up
        client.line.send(build_packet("/livegen/start"))
        for tag in (b",N", b",I", b",T"):
            client.line.send(b"/livegen/start\0\0" + tag + b"\0\0")
        client.line.send(build_packet("/livegen/note", 2, 60, 100))
        client.line.send(build_packet("/livegen/note", 2, 60, 0))
        assert wait_until(lambda: len(session.heard("midi")) == 2)
        asked_for = [(message["name"], message["value"]) for message in session.heard("set")]
        assert asked_for == [("temperature", 2.0), ("p1.role", "off"), *[("start", True)] * 4]
        assert [message["data"] for message in session.heard("midi")] == [[0x91, 60, 100], [0x81, 60, 0]]
        source = session.heard("midi")[0]["source"]
        client.line.send(build_packet("/livegen/dump"))
        assert {next_packet(client)[0] for _ in DEFAULTS} == {osc_address(name) for name in DEFAULTS}
    assert wait_until(lambda: {"type": "lost", "source": source} in session.heard("lost"))


def together(session: ScriptedSession, n: int = 1) -> list[tuple[list[Any], int]]:
    """Wait for what takes effect together, and return it with its times."""
    assert wait_until(lambda: len(session.heard("together")) >= n)
    return [(message["events"], message["tag"]) for message in session.heard("together")[-n:]]


def test_a_pattern_and_a_bundle_are_handed_on_whole(new_session: ScriptedSession) -> None:
    session, tag = new_session, tag_in(2.0)
    session.say_hello()
    with session.page("/") as client:
        client.line.send(message("/livegen/{p1,p2}/mute", "T"))
        assert together(session) == [([["p1.mute", True], ["p2.mute", True]], 1)]
        unknown = b"/livegen/bpm\0\0\0\0,q\0\0"
        keys = message("/livegen/note", "iif", 1, 60, 1.0), message("/livegen/midi", "m", b"\xe0\x00\x50")
        client.line.send(bundle(message("/livegen/rewind", "f", 1.0), *keys, unknown, tag=tag))
        expected = [["rewind", 4], [0x90, 60, 127], [0xE0, 0, 0x50]]
        assert together(session, 2)[1:] == [(expected, tag)]
        assert "there is no OSC type 'q'" in next_packet(client)[1][0]


def test_a_button_of_a_client_fires_once_and_a_pad_has_its_word(new_session: ScriptedSession) -> None:
    session = new_session
    session.say_hello()
    with session.page("/") as client:
        for name in ("capture", "store/verse", "mode/answer"):
            for value in (1.0, 0.0):
                client.line.send(message(f"/livegen/{name}", "f", value))
        assert wait_until(lambda: len(session.heard("set")) >= 3)
        asked_for = [(heard["name"], heard["value"]) for heard in session.heard("set")]
        assert asked_for == [("capture", 8), ("store", "verse"), ("mode", "answer")]


def test_a_client_is_told_once_that_its_clock_is_off_and_of_what_it_asked_in_vain(new_session: ScriptedSession) -> None:
    session = new_session
    session.say_hello()
    with session.page("/") as client:
        began = time.monotonic()
        for _ in range(2):
            client.line.send(bundle(message("/livegen/recall/verse"), tag=tag_in(99.0)))
        said = re.match(r"the clock of this client is ([\d.]+) s ahead", next_packet(client)[1][0])
        assert said is not None
        assert (
            99.0 >= float(said[1]) >= 98.9 - (time.monotonic() - began)
        )  # it comes nearer while the bundle is on its way
        together(session, 2)
        session.say("refused", name="model", reason="somebody else's")
        session.say("refused", name="recall", reason="there is no verse")
        assert next_packet(client) == ("/livegen/error", ["there is no verse"])


def test_what_makes_no_sense_is_refused_in_a_sentence(session: ScriptedSession) -> None:
    n_refused = session.refused_so_far()
    with session.page("/") as client:
        hostile: list[str | bytes] = [
            b"",
            b"hello",
            b"#bundle\0" + b"\0" * 8 + b"\xff" * 4,
            build_packet("/nowhere", 1),
        ]
        hostile += [build_packet("/livegen/temperature", "hot"), build_packet("/livegen/bpm", 1, 2)]
        hostile += [build_packet("/livegen/note", 17, 60, 1), build_packet("/livegen/register", 9000)]
        hostile += ["", "[]", '{"COMMAND": "SHOUT"}', "[" * 4000, '{"COMMAND": "LISTEN"}']
        hostile += [
            json.dumps({"COMMAND": "LISTEN", "DATA": path}) for path in ("/nowhere", "/livegen/start", ["/"], "\ud800")
        ]
        for message in hostile:
            client.line.send(message)
            address, arguments = next_packet(client)
            assert address == "/livegen/error", message
            assert len(arguments[0]) > 10
    assert wait_until(lambda: session.refused() == n_refused + len(hostile))
    drops = session.heard("alive")[-1]["drops"]
    assert {"unknown addresses", "damaged packets", "values refused"} <= set(drops)


def test_other_patches_are_a_path_that_changed(new_session: ScriptedSession) -> None:
    session = new_session
    session.say_hello()
    with session.page("/") as client:
        command(client, "LISTEN", "/livegen/bpm")
        next_packet(client)
        session.say_hello(patches=("plain", "lead"))
        assert json.loads(client.line.recv(timeout=5)) == {"COMMAND": "PATH_CHANGED", "DATA": "/livegen/patch"}
        assert session.get("/livegen/patch?RANGE").json() == {"RANGE": [{"VALS": ["plain", "lead"]}]}


def test_any_text_and_any_bytes_leave_the_server_standing(session: ScriptedSession) -> None:
    @settings(max_examples=examples(150))
    @given(st.text(max_size=300) | st.binary(max_size=300), st.sampled_from(["/", "/stage"]))
    def send(message: str | bytes, path: str) -> None:
        lines[path].line.send(message)

    with session.page("/") as client, session.page("/stage") as page:
        lines = {"/": client, "/stage": page}
        send()
        page.round_trip()
        client.line.send(build_packet("/livegen/bpm"))
        while next_packet(client)[0] != "/livegen/bpm":
            pass
    assert session.heard("alive")[-1]["faults"] == 0


def test_any_bytes_on_the_wire_leave_the_server_standing(session: ScriptedSession) -> None:
    upgrade = (
        b"GET /stage HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    )
    starts = st.sampled_from(
        [b"", upgrade, b"GET /", b"GET / HTTP/1.1\r\nHost: ", b"POST / HTTP/1.1\r\nHost: localhost\r\n"]
    )

    @settings(max_examples=examples(100))
    @given(starts, st.binary(max_size=200))
    def send(start: bytes, rest: bytes) -> None:
        with socket.create_connection(("127.0.0.1", session.port)) as line:
            line.sendall(start + rest)

    send()
    with session.page() as page:
        page.round_trip()
    assert session.heard("alive")[-1]["faults"] == 0


def test_a_client_of_somebody_elses_reads_it(session: ScriptedSession) -> None:
    client_module = pytest.importorskip("pythonoscquery.osc_query_client")
    info = AsyncServiceInfo(OSCQUERY, f"x.{OSCQUERY}", parsed_addresses=["127.0.0.1"], port=session.port)
    client = client_module.OSCQueryClient(info)
    told = client.get_host_info()
    assert (told.osc_ip, told.osc_port) == ("127.0.0.1", 9124)
    for name in ("p1", "no"):  # it reads no tree that holds a method to be written only, as the proposal allows
        container = client.query_node(f"/livegen/{name}")
        nodes = {key.name: value for key, value in container.attributes.items()}["CONTENTS"]
        paths = {value for node in nodes for key, value in node.attributes.items() if key.name == "FULL_PATH"}
        beneath = (address.split("/") for address in ADDRESSES if address.startswith(f"/livegen/{name}/"))
        assert paths == {"/".join(parts[:4]) for parts in beneath}
    assert client.query_node("/livegen/nothing") is None


async def browse(kind: str) -> tuple[AsyncZeroconf, AsyncServiceBrowser, dict[str, AsyncServiceInfo | None]]:
    found: dict[str, AsyncServiceInfo | None] = {}
    browser = AsyncZeroconf(interfaces=["127.0.0.1"])

    def hear(zeroconf: Any, service_type: str, name: str, state_change: ServiceStateChange) -> None:
        if state_change is ServiceStateChange.Removed:
            found.pop(name, None)
        else:
            found[name] = None

    return browser, AsyncServiceBrowser(browser.zeroconf, kind, handlers=[hear]), found


async def until(is_done: Any, patience_seconds: float = 8.0) -> bool:
    deadline = asyncio.get_running_loop().time() + patience_seconds
    while not is_done() and asyncio.get_running_loop().time() < deadline:
        await asyncio.sleep(0.01)
    return bool(is_done())


@pytest.mark.parametrize("kind", [OSCQUERY, OSC])
def test_both_services_are_found_and_withdrawn_at_the_end(new_session: ScriptedSession, kind: str) -> None:
    session = new_session
    name = f"{service_name(session.port)}.{kind}"

    async def look() -> None:
        try:
            browser, browsing, found = await browse(kind)
        except OSError as error:
            pytest.skip(f"no multicast here: {error}")
        session.say_hello()
        assert await until(lambda: name in found)
        info = await browser.async_get_service_info(kind, name)
        assert info is not None
        assert info.parsed_addresses() == ["127.0.0.1"]
        assert info.port == (session.port if kind == OSCQUERY else 9124)
        session.pipe.close()
        assert await until(lambda: name not in found)
        await browsing.async_cancel()
        await browser.async_close()

    asyncio.run(look())


def test_two_livegens_have_two_names() -> None:
    assert service_name(9125) != service_name(9126)
    assert len(service_name(65535).encode()) <= 63


def test_what_listens_everywhere_is_told_with_addresses_that_reach_it() -> None:
    assert reachable_at("127.0.0.1") == ["127.0.0.1"]
    everywhere = reachable_at("0.0.0.0")
    assert everywhere
    assert "0.0.0.0" not in everywhere


def test_a_network_that_takes_no_announcement_is_one_sentence() -> None:
    async def tell() -> str | None:
        announcement = Announcement("livegen test 1")
        trouble = await announcement.tell(Service(OSCQUERY, "203.0.113.9", 9125))  # no address of this machine
        await announcement.withdraw()
        return trouble

    trouble = asyncio.run(tell())
    assert trouble is not None
    assert trouble.startswith("programs cannot find livegen")
    assert "9125" in trouble
    assert "\n" not in trouble


def test_a_closed_client_is_no_error(session: ScriptedSession) -> None:
    with session.page("/") as client:
        command(client, "LISTEN", "/livegen/bpm")
        client.line.socket.shutdown(socket.SHUT_RDWR)
        with contextlib.suppress(ConnectionClosed):
            while client.line.recv(timeout=5):
                pass
    session.say("values", values={"bpm": 99.0})
    with session.page("/") as client:
        command(client, "LISTEN", "/livegen/bpm")
        assert next_packet(client) == ("/livegen/bpm", [99.0])
