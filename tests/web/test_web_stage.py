"""A session with its page: real threads on the null clock, the server's real process, and pages on real sockets."""

import contextlib
import json
import os
import signal
import struct
import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hash_engine import HashEngine
from osc_packets import bundle, message, tag_in
from waiting import wait_until
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from livegen.events import NoteOn, SetControl
from livegen.patch import load_patch
from livegen.performance.turn import FrameReport
from livegen.session.build import build_session
from livegen.session.settings import Settings
from livegen.units import FRAME_RATE_HZ, note_to_hz
from livegen.web import stage
from livegen.web.page.address import open_page
from livegen.web.server.process import ServerProcess
from livegen.web.stage import Stage

START_SECONDS = 20.0  # a process that imports much, on a machine that others use
SILENT = {"audio": "null", "midi_api": "none", "osc_port": 0, "seed": 7}


class Guest:
    """A page, or a show, that connects and keeps what it hears."""

    def __init__(self, port: int, path: str = "stage") -> None:
        self._opened = contextlib.ExitStack()
        address = f"ws://127.0.0.1:{port}/{path}"
        self._socket: ClientConnection = self._opened.enter_context(connect(address, open_timeout=START_SECONDS))
        self.heard: list[dict[str, Any]] = []
        self.sound: list[bytes] = []
        self.is_there = True
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        with contextlib.suppress(ConnectionClosed):
            for message in self._socket:
                if isinstance(message, bytes):
                    self.sound.append(message)
                else:
                    self.heard.append(json.loads(message))
        self.is_there = False

    def say(self, kind: str, **fields: object) -> None:
        self._socket.send(json.dumps({"type": kind, **fields}))

    def all(self, kind: str) -> list[dict[str, Any]]:
        return [message for message in list(self.heard) if message["type"] == kind]

    def has(self, kind: str, **fields: object) -> bool:
        return any(all(message[name] == value for name, value in fields.items()) for message in self.all(kind))

    def rows(self) -> dict[int, list[Any]]:
        return {row[0]: row for message in self.all("plan") for row in message["frames"]}

    def close(self) -> None:
        self._opened.close()
        self._thread.join(5.0)


class Play:
    """A session that plays with its page, and its guests."""

    def __init__(self) -> None:
        self.page = open_page(port=0)
        self.session = build_session(HashEngine(), load_patch("plain"), Settings(**SILENT))
        self.stage = Stage(self.session, self.page)
        self.guests: list[Guest] = []
        self.session.start(lambda: None)

    @property
    def port(self) -> int:
        return self.page.settings.port

    @property
    def pid(self) -> int:
        """Of the server's process."""
        server = self.stage._server
        assert server is not None
        return server._process.pid

    def guest(self) -> Guest:
        guest = Guest(self.port)
        self.guests.append(guest)
        assert wait_until(lambda: guest.has("gauges"), START_SECONDS), guest.heard
        return guest

    def stop(self) -> None:
        for guest in self.guests:
            guest.close()
        self.session.stop()
        self.stage.close()


@pytest.fixture
def play() -> Iterator[Play]:
    playing = Play()
    yield playing
    playing.stop()
    playing.stage.close()  # twice does no harm
    assert playing.session.status.faults == 0, playing.session.status.last_fault


def is_alive(pid: int) -> bool:
    """Tell whether a process is there and no zombie."""
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_page_is_told_all_there_is(play: Play) -> None:
    session = play.session
    assert wait_until(lambda: session.instrument.state.horizon >= 30, 20.0)
    guest = play.guest()
    hello = guest.all("hello")[0]
    assert hello["models"] == session.model_names
    assert "plain" in hello["patches"]
    assert (hello["frame_rate"], hello["sample_rate"]) == (24, 48_000)
    assert guest.all("values")[0]["values"] == dict(session.instrument.values)
    assert set(guest.all("knobs")[0]["knobs"]) == {"p1.volume", "p2.volume", "tr.volume", "no.volume"}
    assert wait_until(lambda: len(guest.rows()) > 60)
    rows, state = guest.rows(), session.instrument.state
    assert min(rows) == 0  # the past too, and nothing is left out
    assert sorted(rows) == list(range(max(rows) + 1))
    for index in range(30):
        step = state.timeline.at(index)
        assert rows[index][1:4] == step.planned.frame.T.tolist()
        assert rows[index][4] == step.planned.owner.tolist()
    in_time = [plan for plan in guest.all("plan") if plan["now"] < plan["horizon"]]  # on a busy machine some are late
    assert in_time
    assert in_time[-1]["horizon"] <= max(rows)


def test_what_is_planned_is_told_once(play: Play) -> None:
    guest = play.guest()
    play.session.receive(SetControl("stop", True), "test")
    horizon = play.session.instrument.state.horizon
    assert wait_until(lambda: play.session.instrument.state.horizon > horizon + 15)
    begun = len(guest.all("plan"))
    assert wait_until(lambda: len(guest.all("plan")) >= begun + 10)
    told = [row[0] for message in guest.all("plan")[begun : begun + 10] for row in message["frames"]]
    assert len(set(told)) == len(told)


def test_a_control_and_a_key_of_a_page_are_heard_and_seen_by_another(play: Play) -> None:
    instrument = play.session.instrument
    one, other = play.guest(), play.guest()
    one.say("set", name="temperature", value=0.25)
    assert wait_until(lambda: instrument.values["temperature"] == 0.25)
    assert wait_until(lambda: any(m["values"].get("temperature") == 0.25 for m in other.all("values")))
    one.say("midi", data=[0x90, 64, 100])
    assert wait_until(lambda: [key.key for key in instrument.held_keys] == [64])
    assert wait_until(lambda: other.has("keys", keys=[64]))
    one.close()
    assert wait_until(lambda: instrument.held_keys == ())
    assert wait_until(lambda: other.all("keys")[-1]["keys"] == [])


def test_what_makes_no_sense_is_counted_and_plays_on(play: Play) -> None:
    play.guest()
    hostile = [
        b"", b"{", b"[]", b"null", b"7", b"{}", b"\xff\xfe", b'{"type":"set"}', b'{"type":"gone","source":"web:1"}',
        b'{"type":"midi","data":"\\u0090","source":"web:1"}', b'{"type":"midi","data":[1e9],"source":"web:1"}',
        b'{"type":"midi","data":[144,60,true],"source":"web:1"}', b'{"type":"alive"}', b'{"type":"alive","pages":[]}',
        b'{"type":"set","name":["a"],"value":1,"source":"web:1"}', b'{"type":"set","name":"panic","source":4}',
        b"[" * 1500, b'{"type":"alive","pages":1,"refused":"many"}', b'{"type":"listen","source":"web:1"}',
    ]  # fmt: skip
    for each in hostile:
        play.stage._obey(each)
    assert play.session.status.counts()["messages of pages dropped"] == len(hostile)
    play.stage._obey(b'{"type":"set","name":"temperature","value":"hot","source":"web:1"}')
    assert wait_until(lambda: play.guests[0].has("refused", name="temperature"))


def test_a_bundle_of_an_oscquery_client_takes_effect_together_at_its_time(play: Play) -> None:
    reports: list[FrameReport] = []
    play.session.observers.append(reports.append)
    play.guest()
    parts = (
        message("/livegen/*/mute", "T"),
        message("/livegen/mode/answer"),
        message("/livegen/note", "iif", 1, 60, 1.0),
    )
    with connect(f"ws://127.0.0.1:{play.port}/", open_timeout=START_SECONDS) as client:
        client.send(bundle(*parts, tag=tag_in(0.5)))
        assert wait_until(lambda: bool(play.session.instrument.held_keys))
        assert play.session.instrument.values["no.mute"]
        client.send(message("/livegen/tempo", "f", 120.0))
        client.send(bundle(*[message("/livegen//volume", "f", 0.25)] * 20))
        assert wait_until(lambda: play.session.instrument.values["volume"] == 0.25)
    assert wait_until(lambda: play.session.instrument.held_keys == ())  # it is gone
    assert wait_until(lambda: play.session.status.counts().get("OSCQuery unknown addresses") == 1)
    assert play.session.status.counts()["refusals by the page's server"] == 0
    (report,) = (report for report in list(reports) if NoteOn(0, 60, 127) in [each.event for each in report.events])
    (at,) = {each.position for each in report.events if each.event == NoteOn(0, 60, 127)}
    together = [each.event for each in report.events if each.position == at]  # what came later may share the report
    assert [event for event in together if isinstance(event, SetControl)] == [
        *(SetControl(f"{voice}.mute", True) for voice in ("p1", "p2", "tr", "no")),
        SetControl("mode", "answer"),
    ]


def test_a_bundle_that_is_too_long_to_hand_on_is_refused_and_the_server_lives(play: Play) -> None:
    with connect(f"ws://127.0.0.1:{play.port}/", open_timeout=START_SECONDS) as client:
        client.send(bundle(*[message("/livegen/*", "s", "é" * 32)] * 42))
        client.send(message("/livegen/volume", "f", 0.25))
        assert wait_until(lambda: play.session.instrument.values["volume"] == 0.25)
    assert wait_until(lambda: play.session.status.counts()["refusals by the page's server"] == 1)


def test_the_sound_is_what_the_card_gets(play: Play) -> None:
    callback = play.session.instrument.callback
    guest = play.guest()
    assert not callback["tap"]["is_on"][0]
    guest.say("listen", on=True)
    assert wait_until(lambda: len(guest.sound) > 30)
    firsts = [struct.unpack("<I", message[:4])[0] for message in guest.sound]
    pieces = [np.frombuffer(message[4:], "<i2") for message in guest.sound]
    for first, piece, following in zip(firsts, pieces, firsts[1:], strict=False):
        assert first + len(piece) == following
    assert np.abs(np.concatenate(pieces)).max() > 500
    guest.say("listen", on=False)
    assert wait_until(lambda: not callback["tap"]["is_on"][0])
    guest.say("listen", on=True)
    assert wait_until(lambda: bool(callback["tap"]["is_on"][0]))
    guest.close()
    assert wait_until(lambda: not callback["tap"]["is_on"][0])


def test_waveforms_are_told_while_a_show_is_open_for_the_time_at_which_they_sound(play: Play) -> None:
    session, page = play.session, play.guest()
    session.receive(NoteOn(0, 60, 100), "test")
    show = Guest(play.port, "show")
    play.guests.append(show)
    pitch = pytest.approx(note_to_hz(60), rel=0.02)  # what the model played on P1 before the key may come first

    def of_key() -> list[dict[str, Any]]:
        sounding = [wave for wave in show.all("waves") if wave["voices"][0][2]]
        return [wave for wave in sounding if 1e6 / (8 * wave["voices"][0][0]) == pitch]

    assert wait_until(lambda: bool(of_key()))
    wave = of_key()[-1]
    step_us, gain, digits = wave["voices"][0]
    assert (len(digits), gain) == (8, session.instrument.values["p1.volume"])
    assert set(digits) <= set("0123456789abcdef")
    assert 1e6 / (8 * step_us) == pitch
    assert wave["at"] == pytest.approx(session.seconds() * FRAME_RATE_HZ, abs=2.0 * FRAME_RATE_HZ)
    assert (page.all("waves"), show.all("gauges"), show.all("keys")) == ([], [], [])
    assert show.all("hello")[0].keys() == {"type", "session", "name", "version", "frame_rate"}
    show.close()
    assert wait_until(lambda: play.stage._n_shows == 0)
    assert play.stage._n_pages == 1


@pytest.mark.parametrize("blow", [signal.SIGKILL, signal.SIGSTOP, signal.SIGTERM])
def test_a_server_that_dies_or_hangs_is_there_again_soon(play: Play, blow: signal.Signals) -> None:
    session = play.session
    guest = play.guest()
    guest.say("midi", data=[0x90, 64, 100])
    assert wait_until(lambda: session.instrument.held_keys != ())
    old, horizon = play.pid, session.instrument.state.horizon
    began = time.monotonic()
    os.kill(old, blow)
    assert wait_until(lambda: play.stage.restarts == 1, 10.0)
    assert time.monotonic() - began < 2.0
    assert session.instrument.held_keys == ()
    again = play.guest()
    assert again.all("hello")[0]["session"] == guest.all("hello")[0]["session"]
    assert again.all("values")[0]["values"] == dict(session.instrument.values)
    assert wait_until(lambda: {horizon - 1, horizon} <= set(again.rows()))
    assert not is_alive(old)
    assert session.instrument.state.horizon > horizon
    assert any("restarts of the page's server: " in trouble for trouble in session.status.troubles())


def test_a_fault_of_our_own_is_counted_and_the_page_comes_back(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    session, guest = play.session, play.guest()
    guest.say("midi", data=[0x90, 64, 100])
    assert wait_until(lambda: session.instrument.held_keys != ())
    old = play.pid
    monkeypatch.setattr(stage, "gauges", lambda session: {"mix": float("nan")})
    assert wait_until(lambda: session.status.faults > 0)
    assert wait_until(lambda: session.instrument.held_keys == ())  # nobody would hear it come up
    assert "page's server" in session.status.last_fault
    monkeypatch.undo()
    assert play.guest().has("hello")
    assert not is_alive(old)
    assert session.status.faults < 4
    session.status.faults = 0  # which are none where nobody breaks anything


def test_a_key_of_a_server_that_is_given_up_is_not_played(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    guest, is_quiet = play.guest(), threading.Event()
    hear = ServerProcess.hear

    def hear_and_lose(server: ServerProcess) -> None:
        """Lose the server once the key is off the pipe and before it is obeyed."""
        hear(server)
        if not is_quiet.is_set():
            is_quiet.set()  # it has just said that it lives: next comes the key
            return
        server.lose()
        play.stage._wake.set()
        assert wait_until(lambda: play.stage.restarts == 1)
        monkeypatch.undo()

    monkeypatch.setattr(ServerProcess, "hear", hear_and_lose)
    assert is_quiet.wait(5.0)
    guest.say("midi", data=[0x90, 64, 100])
    assert wait_until(lambda: play.stage.restarts == 1)
    play.guest()
    assert play.session.instrument.held_keys == ()


def test_the_end_is_told_and_the_server_is_gone_within_a_second(play: Play) -> None:
    guest = play.guest()
    pid = play.pid
    began = time.monotonic()
    play.session.stop()
    play.stage.close()
    assert time.monotonic() - began < 1.5
    assert not is_alive(pid)
    assert wait_until(lambda: not guest.is_there)
    assert guest.has("ended")
    with contextlib.closing(open_page(port=play.port).listener):
        pass  # the port is free again


def test_a_server_that_hangs_keeps_nobody_from_leaving(play: Play) -> None:
    play.guest()
    pid = play.pid
    os.kill(pid, signal.SIGSTOP)
    began = time.monotonic()
    play.session.stop()
    play.stage.close()
    assert time.monotonic() - began < 2.0
    assert not is_alive(pid)


def test_nothing_that_the_session_says_waits_for_a_server_that_hangs(play: Play) -> None:
    play.guest()
    os.kill(play.pid, signal.SIGSTOP)
    longest = 0.0
    for number in range(20_000):
        began = time.perf_counter()
        play.stage.announce("temperature", number / 20_000)
        play.stage.tell_news("x" * 200)
        longest = max(longest, time.perf_counter() - began)
    assert longest < 0.1
    assert len(play.stage._waiting) <= 256


def test_it_runs_apart_from_the_music(play: Play) -> None:
    play.guest()
    pid = play.pid
    assert os.sched_getscheduler(pid) == os.SCHED_OTHER
    assert os.getpgid(pid) != os.getpgid(0)
    os.kill(pid, signal.SIGINT)
    before = play.session.instrument.state.horizon
    assert wait_until(lambda: play.session.instrument.state.horizon > before + 10)
    assert (play.pid, play.stage.restarts) == (pid, 0)


def test_who_keeps_no_page_is_told_no_more_than_the_server_needs(play: Play) -> None:
    guest = play.guest()
    guest.close()
    assert wait_until(lambda: play.stage._n_pages == 0)
    play.session.receive(NoteOn(0, 60, 100), "test")
    again = play.guest()
    assert wait_until(lambda: again.has("keys", keys=[60]))
    assert len(again.rows()) > 5


def test_a_session_that_never_starts_leaves_nothing() -> None:
    page = open_page(port=0)
    session = build_session(HashEngine(), load_patch("plain"), Settings(**SILENT))
    stage = Stage(session, page)
    session.stop()
    stage.close()
    assert page.listener.fileno() == -1
