"""What goes between a session and its pages: a real server in a process, a scripted session, real sockets."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import Pipe
from typing import Any

import pytest
from scripted_session import FRAME_RATE, Page, ScriptedSession
from uvicorn.config import Config
from uvicorn.server import ServerState
from waiting import wait_until
from websockets.exceptions import ConnectionClosed, InvalidStatus

from livegen.controls import CONTROLS
from livegen.web.server import server
from livegen.web.server.app import App
from livegen.web.server.guest import BURST
from livegen.web.server.hub import _BURST_SECONDS, ALL_MESSAGES_A_SECOND, MAX_GUESTS, Hub
from livegen.web.server.server import HttpProtocol
from livegen.web.settings import ServerSettings
from livegen.web.wire import MAX_MESSAGE_BYTES, PLANS_PATH


def test_a_new_page_has_everything_at_once(session: ScriptedSession) -> None:
    session.say("knobs", knobs={"temperature": "CC 21"})
    session.say("songs", songs=["Opening", "Night"], current=0, wanted=1)
    session.say("gauges", seconds=1)
    session.say("values", values={"temperature": 0.5})
    session.say_plan(300.0, *range(298, 312))
    session.say_plan(301.0, *range(40, 60), 312)
    with session.page() as watching:
        watching.hear("plan")
        with session.page() as page:
            hello = page.hear("hello")
            assert [row["name"] for row in hello["table"]] == list(CONTROLS)
            assert hello["table"][0]["description"] == CONTROLS["temperature"].description
            assert page.hear("values")["values"]["temperature"] == 0.5
            assert page.hear("knobs")["knobs"] == {"temperature": "CC 21"}
            songs = page.hear("songs")
            assert (songs["songs"], songs["current"], songs["wanted"]) == (["Opening", "Night"], 0, 1)
            assert page.hear("gauges")["seconds"] == 1
            plan = page.hear("plan")
    assert [row[0] for row in plan["frames"]] == list(range(298, 313))  # not what was long ago
    assert 301.0 <= plan["now"] < 301.0 + 5 * FRAME_RATE


def test_the_plans_are_asked_of_the_session_once_for_all_who_ask_meanwhile(session: ScriptedSession) -> None:
    n_asked = len(session.heard("plans"))
    with ThreadPoolExecutor() as pool:
        asking = [pool.submit(session.get, PLANS_PATH) for _ in range(3)]
        assert wait_until(lambda: len(session.heard("plans")) > n_asked)
        assert wait_until(lambda: all(each.running() for each in asking))
        rows = struct.pack("<4q", 1, 2, -3, 4 << 40)
        while not all(each.done() for each in asking):  # who came a moment later is told by the next message
            session.say("plans", columns=["frame", "due_ns"], packed=b64encode(rows).decode(), seconds=2.5)
            wait_until(lambda: all(each.done() for each in asking), 0.05)
    told = {"columns": ["frame", "due_ns"], "plans": [[1, 2], [-3, 4 << 40]], "seconds": 2.5}
    assert [each.result().json() for each in asking] == [told] * 3
    assert len(session.heard("plans")) - n_asked <= 3


def test_a_session_that_does_not_tell_its_plans_is_a_sentence(session: ScriptedSession) -> None:
    refused = session.get(PLANS_PATH)
    assert (refused.status_code, "does not answer" in refused.text) == (503, True)
    with session.page() as page:  # nobody but who asks is told of plans that come late
        session.say("plans", columns=["frame"], packed="", seconds=0)
        session.say("news", sentence="later")
        while (heard := json.loads(page.line.recv(timeout=5.0)))["type"] != "news":
            assert heard["type"] != "plans"


def test_what_is_said_comes_to_every_page(session: ScriptedSession) -> None:
    with session.page() as one, session.page() as other:
        session.say("values", values={"bpm": 120.0})
        session.say("news", sentence="tuned")
        for page in (one, other):
            while page.hear("values")["values"].get("bpm") != 120.0:
                pass
            assert page.hear("news")["sentence"] == "tuned"


def test_a_show_hears_what_it_draws_and_a_page_hears_no_waves(session: ScriptedSession) -> None:
    with session.page() as page, session.page("/show") as show:
        hello = show.hear("hello")
        assert hello.keys() == {"type", "session", "version", "frame_rate"}  # and a name, where there is one
        assert wait_until(lambda: session.heard("alive")[-1]["shows"] == 1)
        assert session.heard("alive")[-1]["pages"] == 2
        session.say("gauges", seconds=2)
        session.say("knobs", knobs={"temperature": "CC 22"})
        session.say("songs", songs=["Opening", "Night", "Coda"], current=1, wanted=2)
        session.say("values", values={"temperature": 0.6})
        session.say("values", values={"temperature": 0.7, "p1.mute": True})
        session.say_sound(1, b"\0\0")
        session.say("waves", at=1.0, voices=[])
        session.say("news", sentence="after")
        heard: list[dict[str, Any]] = []
        while {"type": "waves", "at": 1.0, "voices": []} not in heard:
            heard.append(json.loads(show.line.recv(timeout=5)))
        assert {each["type"] for each in heard} <= {"values", "songs", "waves", "plan"}
        songs = [each for each in heard if each["type"] == "songs"]
        assert songs[-1] == {"type": "songs", "songs": ["Night"], "current": 0, "wanted": None}
        values = [each["values"] for each in heard if each["type"] == "values"]
        assert values[-1]["p1.mute"] is True
        assert not any("temperature" in each for each in values)
        while (text := page.line.recv(timeout=5)) and json.loads(text)["type"] != "news":
            assert json.loads(text)["type"] != "waves"
    assert wait_until(lambda: session.heard("alive")[-1]["shows"] == 0)


def test_what_a_page_says_comes_to_the_session_with_its_source(session: ScriptedSession) -> None:
    with session.page() as page:
        page.say("set", name="temperature", value=99)
        page.say("midi", data=[0x90, 60, 100])
        page.say("listen", on=True)
        page.round_trip()
    assert wait_until(lambda: session.heard("lost") != [])
    kinds = [message for message in session.heard() if message["type"] in ("set", "midi", "listen", "lost")][-4:]
    source = kinds[0]["source"]
    assert kinds == [
        {"type": "set", "name": "temperature", "value": 2.0, "source": source},
        {"type": "midi", "data": [0x90, 60, 100], "source": source},
        {"type": "listen", "on": True, "source": source},
        {"type": "lost", "source": source},
    ]


def test_sound_goes_to_pages_that_listen(session: ScriptedSession) -> None:
    samples = b'"type":' + bytes(range(93))
    with session.page() as listening, session.page() as deaf:
        listening.say("listen", on=True)
        listening.round_trip()
        session.say_sound(0x7B000001, samples)
        session.say("news", sentence="after")
        assert listening.hear("sound")["bytes"] == struct.pack("<I", 0x7B000001) + samples
        while (text := deaf.line.recv(timeout=5)) and json.loads(text)["type"] != "news":
            pass  # json.loads would stumble over sound
        listening.say("listen", on=False)
        listening.round_trip()
        session.say_sound(1, samples)
        session.say("news", sentence="again")
        assert (
            json.loads(next(m for m in listening.line if '"news"' in str(m) or isinstance(m, bytes)))["type"] == "news"
        )


@contextlib.asynccontextmanager
async def door() -> AsyncIterator[tuple[App, int]]:
    """Serve from this process; the port comes with the app."""
    pipe, theirs = Pipe()
    app = App(Hub(theirs), ServerSettings(), "livegen")
    config = Config(app, interface="asgi3", log_config=None, log_level="critical", proxy_headers=False)
    config.load()
    state = ServerState()
    serving = await asyncio.get_running_loop().create_server(lambda: HttpProtocol(config, state, {}), "127.0.0.1", 0)
    async with serving:
        yield app, serving.sockets[0].getsockname()[1]
    pipe.close()
    theirs.close()


def test_what_is_small_is_sent_at_once() -> None:
    """Without TCP_NODELAY half of the messages wait 40 ms, and asyncio does not set it on a socket like this."""

    async def accept() -> int:
        with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_connection(listener.getsockname()):
            protocol = HttpProtocol(Config(None, log_config=None), ServerState(), {})
            transport, _ = await asyncio.get_running_loop().connect_accepted_socket(
                lambda: protocol, listener.accept()[0]
            )
            try:
                return int(transport.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            finally:
                transport.close()

    assert asyncio.run(accept())


GET = b"GET /livegen HTTP/1.1\r\nHost: localhost\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n"


@pytest.mark.parametrize("begun", [b"", b"G", GET[:-2], GET + b"G", POST, GET + POST])
@pytest.mark.parametrize("trickle", [b"", b"a"])
def test_who_asks_nothing_or_never_comes_to_an_end_is_closed(
    monkeypatch: pytest.MonkeyPatch, begun: bytes, trickle: bytes
) -> None:
    monkeypatch.setattr(server, "_REQUEST_SECONDS", 0.1)

    async def talk() -> None:
        async with door() as (_, port), asyncio.timeout(3.0):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            reading = asyncio.create_task(reader.read())
            writer.write(begun)
            while not reading.done():
                writer.write(trickle)
                await asyncio.sleep(0.01)
            with contextlib.suppress(ConnectionError):
                await reading

    asyncio.run(talk())


def test_what_is_no_http_and_what_there_is_no_room_for_is_refused_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "_MOST_CONNECTIONS", 2)

    async def talk() -> int:
        async with door() as (app, port), asyncio.timeout(3.0):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"\x16\x03\x01 hello\r\n\r\n")
            assert (await reader.read()).startswith(b"HTTP/1.1 400")
            lines = await asyncio.gather(*(asyncio.open_connection("127.0.0.1", port) for _ in range(20)))
            n_answered = 0
            for reader, writer in lines:
                with contextlib.suppress(ConnectionError):
                    writer.write(GET)
                    n_answered += (await reader.readline()).startswith(b"HTTP/1.1 200")
            assert n_answered == 2
            return app._hub.refused

    assert asyncio.run(talk()) == 1 + 18


def test_pages_are_counted_at_once(new_session: ScriptedSession) -> None:
    session = new_session
    with session.page():
        assert wait_until(lambda: session.heard("alive")[-1]["pages"] == 1, 0.4)
    assert wait_until(lambda: session.heard("alive")[-1]["pages"] == 0, 0.4)


def test_a_silent_session_is_lost_and_comes_back(new_session: ScriptedSession) -> None:
    session = new_session
    session.say_hello(temperature=0.3)
    with session.page() as page:
        page.hear("hello")
        page.hear("lost", 3.0)
        with session.page() as late:
            late.hear("hello")
            late.hear("lost")
            session.say("values", values={"temperature": 0.4})
            for each in (page, late):
                each.hear("hello")
                assert each.hear("values")["values"]["temperature"] == 0.4


def test_a_new_session_forgets_the_one_before(new_session: ScriptedSession) -> None:
    session = new_session
    session.say_hello(temperature=0.3)
    session.say("knobs", knobs={"bpm": "CC 1"})
    session.say_plan(10.0, 10)
    session.say_hello("two")
    session.say_plan(5.0, 6)
    with session.page() as page:
        assert page.hear("hello")["session"] == "two"
        assert page.hear("values")["values"]["temperature"] == 0.9
        assert [row[0] for row in page.hear("plan")["frames"]] == [6]


def test_hostile_messages_are_refused_counted_and_the_session_goes_on(session: ScriptedSession) -> None:
    n_refused = session.refused_so_far()
    hostile = [
        "",
        "{",
        "[]",
        '{"type":"lost"}',
        '{"type":"set","name":"x","value":1}',
        '{"type":"midi","data":[240,1]}',
        b"\x00\xff",
    ]
    with session.page() as page:
        for text in hostile:
            page.line.send(text)
            assert page.hear("refused")["reason"]
        page.say("set", name="temperature", value="hot")
        assert page.hear("refused")["name"] == "temperature"
        with session.page() as flood:
            flood.line.send("x" * (MAX_MESSAGE_BYTES + 1))
            assert closed_with(flood) == 1009
        with session.page() as babble:
            babble.line.send(b"\xff\xfe", text=True)
            assert closed_with(babble) == 1007
        page.round_trip()
    assert wait_until(lambda: session.refused() == n_refused + len(hostile) + 3), session.heard("alive")[-1]
    assert session.process.is_alive()


def closed_with(page: Page) -> int:
    """Read until the server closes the socket, and return its code."""
    try:
        while True:
            page.line.recv(timeout=10)
    except ConnectionClosed as closed:
        assert closed.rcvd is not None
        return int(closed.rcvd.code)


def test_a_socket_of_another_version_is_refused_and_counted(session: ScriptedSession) -> None:
    n_refused = session.refused_so_far()
    upgrade = {"upgrade": "websocket", "connection": "Upgrade", "sec_websocket_version": "8"}
    assert session.get("/stage", **upgrade).status_code in (400, 426)
    assert wait_until(lambda: session.refused() == n_refused + 1)


def test_a_page_that_says_too_much_is_sent_away_and_its_keys_come_up(session: ScriptedSession) -> None:
    n_refused, note = session.refused_so_far(), json.dumps({"type": "midi", "data": [0x90, 60, 1]})
    with session.page() as page:
        try:
            for _ in range(3 * BURST):
                page.line.send(note)
        except ConnectionClosed:
            pass
        assert closed_with(page) == 1008
    assert wait_until(lambda: session.refused() > n_refused)
    source = session.heard("midi")[-1]["source"]
    assert wait_until(lambda: {"type": "lost", "source": source} in session.heard("lost"))


def test_pages_that_say_too_much_together_wait_and_nothing_is_lost(session: ScriptedSession) -> None:
    note, n_notes = json.dumps({"type": "midi", "data": [0xB0, 1, 1]}), BURST - 100
    began, n_before = time.monotonic(), len(session.heard("midi"))
    with session.page() as one, session.page() as other:
        for at in range(n_notes):
            one.line.send(note)
            other.line.send(note)
            if at % 100 == 0:  # a session that does not read loses messages, however slowly they are sent
                session.heard()
        assert wait_until(lambda: len(session.heard("midi")) == n_before + 2 * n_notes)
    n_at_once = round(_BURST_SECONDS * ALL_MESSAGES_A_SECOND)
    assert time.monotonic() - began > (2 * n_notes - n_at_once) / ALL_MESSAGES_A_SECOND


def test_a_page_that_says_little_does_not_wait_for_those_that_say_too_much() -> None:
    pipe, theirs = Pipe()
    n_flood, n_taken = round(_BURST_SECONDS * ALL_MESSAGES_A_SECOND), 0

    async def flood(hub: Hub) -> None:
        nonlocal n_taken
        for _ in range(n_flood):
            await hub.wait_for_turn()
            n_taken += 1

    async def play() -> int:
        hub = Hub(theirs)
        floods = [asyncio.create_task(flood(hub)) for _ in range(2)]
        while n_taken < n_flood:  # what may come at once has come: from now on they wait
            await asyncio.sleep(0)
        n_before = n_taken
        await hub.wait_for_turn()
        n_between = n_taken - n_before
        for task in floods:
            task.cancel()
        return n_between

    with pipe, theirs:
        assert asyncio.run(play()) < n_flood // 2


def test_so_many_pages_and_no_more(session: ScriptedSession) -> None:
    with contextlib.ExitStack() as stack:
        pages = [stack.enter_context(session.page()) for _ in range(MAX_GUESTS)]
        pages[-1].hear("hello")
        with session.page() as late:
            assert closed_with(late) == 1013
        pages[0].line.close()
        assert wait_until(lambda: session.heard("alive")[-1]["pages"] == MAX_GUESTS - 1)
        with session.page() as late:
            late.hear("hello")


def mute_socket(session: ScriptedSession) -> socket.socket:
    """Open a page that takes nothing and answers nothing, as one does whose machine has lost its network."""
    line = socket.socket()
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    line.connect(("127.0.0.1", session.port))
    line.sendall(
        b"GET /stage HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    )
    assert line.recv(12) == b"HTTP/1.1 101"
    return line


def test_a_page_that_is_cut_off_holds_up_nobody_and_its_keys_come_up(new_session: ScriptedSession) -> None:
    session = new_session
    session.say_hello()
    with mute_socket(session), session.page() as page:
        gone = "web:1"
        page.hear("hello")
        filler = "x" * 60_000
        began = time.monotonic()
        n = 0
        while {"type": "lost", "source": gone} not in session.heard("lost"):
            session.say("news", sentence=f"{n} {filler}")
            assert page.hear("news")["sentence"].startswith(f"{n} ")
            n += 1
            assert time.monotonic() - began < 10.0
        assert n > 100  # far more than the sockets' buffers hold


def test_a_page_that_only_reads_slowly_gets_every_value(session: ScriptedSession) -> None:
    with session.page() as slow:
        slow.hear("hello")
        for n in range(3000):
            session.say("values", values={"temperature": n / 3000, f"p1.{'key_low' if n % 2 else 'key_high'}": n % 128})
        session.say("news", sentence="done")
        heard: dict[str, object] = {}
        while True:
            message = json.loads(slow.line.recv(timeout=5))
            if message["type"] == "values":
                heard |= message["values"]
            if message["type"] == "news" and message["sentence"] == "done":
                break
        assert (heard["temperature"], heard["p1.key_low"], heard["p1.key_high"]) == (
            2999 / 3000,
            2999 % 128,
            2998 % 128,
        )


def test_a_session_that_hears_nothing_for_long_is_told_what_was_lost(new_session: ScriptedSession) -> None:
    session = new_session
    session.say_hello()
    with session.page() as page, session.page() as other:
        for n in range(BURST - 100):
            page.say("midi", data=[0x90 if n % 2 else 0x80, 60, 1])
        page.round_trip()
        other.round_trip()  # the pipe is full, and nobody waits for it
        assert wait_until(lambda: session.heard("lost") != [])
        source = session.heard("midi")[0]["source"]
        assert session.heard("lost") == [{"type": "lost", "source": source}]
        assert len(session.heard("midi")) < BURST - 100
        page.say("midi", data=[0x90, 64, 1])  # and it plays on
        assert wait_until(lambda: session.heard("midi")[-1]["data"][1] == 64)


@pytest.mark.parametrize("how", ["pipe", "ended"])
def test_it_ends_at_once_with_the_session(new_session: ScriptedSession, how: str) -> None:
    session = new_session
    session.say_hello()
    with session.page() as page, mute_socket(session), socket.create_connection(("127.0.0.1", session.port)):
        page.hear("hello")
        began = time.monotonic()
        session.say("ended") if how == "ended" else session.pipe.close()
        page.hear("ended" if how == "ended" else "lost")
        assert closed_with(page) == 1001
        session.process.join(5.0)
        assert session.process.exitcode == 0
        assert time.monotonic() - began < 3.0


def test_ctrl_c_is_the_sessions_to_answer(session: ScriptedSession) -> None:
    os.kill(session.process.pid or 0, signal.SIGINT)
    with session.page() as page:
        page.hear("hello")
        page.round_trip()


def test_the_process_loads_no_compiler() -> None:
    heavy = ("numba", "llvmlite", "numpy", "zeroconf", "mido")
    code = f"import sys, livegen.web.server.server; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_no_socket_where_there_is_none(session: ScriptedSession) -> None:
    with pytest.raises(InvalidStatus), session.page("/nowhere"):
        pass
