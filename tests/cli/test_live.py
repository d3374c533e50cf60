"""`livegen doctor --live`: a session on the null clock, asked through the door of its page."""

import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hash_engine import HashEngine
from livegen_process import run_livegen
from waiting import wait_until

from livegen import cli
from livegen.cli.live import ask_jam, show_pace
from livegen.errors import PortError
from livegen.events import NoteOff, NoteOn
from livegen.patch import load_patch
from livegen.session.build import build_session
from livegen.session.pacing.plans import COLUMNS
from livegen.session.settings import Settings
from livegen.web.page.address import Page, open_page
from livegen.web.stage import Stage

N_KEYS = 6


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    """The page of a session that plays, and has answered some keys."""
    opened = open_page(port=0)
    settings = Settings(audio="null", midi_api="none", osc_port=0, seed=7)
    session = build_session(HashEngine(), load_patch("plain"), settings)
    stage = Stage(session, opened)
    session.start(lambda: None)
    try:
        for number in range(N_KEYS):
            session.instrument.receive((NoteOff if number % 2 else NoteOn)(0, 60, *[100] * (number % 2 == 0)), "test")
            horizon = session.instrument.state.horizon
            assert wait_until(lambda at=horizon: session.instrument.state.horizon > at + 1)
        yield opened
        assert session.status.faults == 0, session.status.last_fault
    finally:
        session.stop()
        stage.close()


def test_a_jam_tells_its_plans_through_its_page(page: Page, capsys: pytest.CaptureFixture[str]) -> None:
    told = ask_jam(page.address)
    assert told["columns"] == list(COLUMNS)
    assert len(told["plans"]) > N_KEYS
    show_pace(told, as_json=True)
    found = json.loads(capsys.readouterr().out)
    assert (found["lookahead"], found["log"]["keys"]) == (12, N_KEYS)
    assert 0 < found["log"]["answer_ms"]["p50"] <= found["log"]["plan_ms"]["p50"] < 1000
    assert sum(found["log"]["plans"].values()) == len(told["plans"])
    assert found["log"]["plans"]["key"] == N_KEYS
    assert len(ask_jam(page.address)["plans"]) >= len(told["plans"])  # it plays on, and may be asked again


def test_it_is_a_few_lines_for_people(page: Page, tmp_path: Path) -> None:
    said = run_livegen("doctor", "--live", "--page", page.address, folder=tmp_path)
    assert (said.returncode, said.stderr) == (0, "")
    assert f" of {N_KEYS} keys were answered in the first frame that could know of them" in said.stdout
    assert "12 frames ahead, blocks of " in said.stdout
    assert "99 % within" in said.stdout


def test_no_jam_is_one_sentence(tmp_path: Path) -> None:
    free = open_page(port=0)
    free.listener.close()
    said = run_livegen("doctor", "--live", "--page", free.address, folder=tmp_path)
    assert (said.returncode, said.stdout) == (cli.EXIT_USAGE, "")
    assert said.stderr.count("\n") == 1
    assert f"no jam answers at {free.address}" in said.stderr
    said = run_livegen("doctor", "--page", free.address, folder=tmp_path)
    assert (said.returncode, "add --live" in said.stderr) == (cli.EXIT_USAGE, True)


@pytest.mark.parametrize("address", ["127.0.0.1:9125", "file:///etc/passwd", "http://"])
def test_an_address_of_something_else_is_refused(address: str) -> None:
    with pytest.raises(PortError, match="is no address of a page"):
        ask_jam(address)


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"{}", b'{"columns": ["frame"], "plans": [[1]], "now_ns": 1}'])
def test_what_is_no_jam_is_told_from_one(body: bytes) -> None:
    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Answer) as other:
        thread = threading.Thread(target=other.handle_request, daemon=True)
        thread.start()
        with pytest.raises(PortError, match="no jam of this version"):
            ask_jam(f"http://127.0.0.1:{other.server_port}/")
        thread.join(5.0)
