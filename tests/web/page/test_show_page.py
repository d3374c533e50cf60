"""The page of an audience in a real browser: what it shows, and that nothing it says reaches a session."""

import json
from collections.abc import Iterator
from typing import Any, Final

import pytest
from hash_engine import HashEngine
from page_checks import weak_texts
from played_session import PlayedSession
from waiting import wait_until
from websockets.sync.client import connect

from livegen.controls import DEFAULTS
from livegen.events import NoteOn
from livegen.patch import load_patch
from livegen.session.build import build_session
from livegen.session.session import Session
from livegen.session.settings import Settings
from livegen.units import FRAME_RATE_HZ, note_to_hz
from livegen.web.page.address import open_page
from livegen.web.stage import Stage

SIZES: Final = ((1280, 800), (1024, 768), (390, 844))
LASTING_FRAMES: Final = 300  # long enough for a busy machine to look
PULSE: Final = [142.0, 1.0, "0ff00000"]  # 880 Hz
TRIANGLE: Final = [141.0, 0.5, "fedcba98765432100123456789abcdef"]
SILENT: Final = [100.0, 1.0, ""]
LIT: Final = """([left, top, right, bottom]) => {
    const canvas = document.querySelector("canvas");
    const [width, height] = [canvas.width, canvas.height];
    const [x, y] = [Math.round(left * width), Math.round(top * height)];
    const size = [Math.round((right - left) * width), Math.round((bottom - top) * height)];
    const { data } = canvas.getContext("2d").getImageData(x, y, ...size);
    const rows = new Set();
    for (let i = 0; i < data.length; i += 4) {
        if (Math.max(data[i], data[i + 1], data[i + 2]) > 110) rows.add(Math.floor(i / 4 / size[0]));
    }
    return rows.size / size[1];
}"""  # share of the rows of a part of the picture, given in shares of it, in which there is light


class Show(PlayedSession):
    """A session that is shown; a show hears no more of it than this."""

    view = "/?view=show"

    def __init__(self, page: Any) -> None:
        super().__init__(page)
        self.said: list[str] = []

    def begin(self, at: int = 100) -> None:
        self.send("hello", session=self.word, name="Friday, second set", version="0", frame_rate=FRAME_RATE_HZ)
        self.send("values", values={"lookahead": 12, "beats_a_bar": 4, "p2.mute": False})
        for first in range(at, at + LASTING_FRAMES, 42):  # as many rows as there are of one time
            self.send("plan", now=float(at), horizon=at + 2, frames=self.rows(first))

    def _hear(self, text: str) -> None:
        super()._hear(text)
        self.said.append(json.loads(text)["type"])


@pytest.fixture(params=SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def show(browser: Any, request: pytest.FixtureRequest) -> Iterator[Show]:
    width, height = request.param
    page = browser.new_page(viewport={"width": width, "height": height})
    show = Show(page)
    show.open()
    yield show
    page.close()
    assert show.errors == []


def scope(show: Show, voice: int) -> list[float]:
    """Return where a voice's scope is, without its name."""
    size = show.page.viewport_size
    columns, top = (4, 0.73) if size["width"] >= size["height"] else (2, 0.64)
    rows = 4 // columns
    height = (1 - top) / rows
    left, y = (voice % columns) / columns, top + (voice // columns) * height
    return [left, y, left + 1 / columns, y + 0.82 * height]


def test_it_shows_notes_waves_and_the_name_and_fits(show: Show) -> None:
    page = show.page
    assert page.get_by_role("heading").text_content() == "Friday, second set"
    assert page.title() == "Friday, second set · livegen"
    page.wait_for_function(f"() => ({LIT})([0, 0.05, 1, 0.6]) > 0.05")
    fields = [PULSE, [*PULSE[:1], 0.0, PULSE[2]], TRIANGLE, SILENT]
    position = page.evaluate("livegen.position")
    for frame in range(0, LASTING_FRAMES, 5):
        show.send("waves", at=position + frame, voices=fields)
    page.wait_for_function(f"() => ({LIT})({json.dumps(scope(show, 0))}) > 0.5")
    lit = [page.evaluate(LIT, scope(show, voice)) for voice in range(4)]
    assert lit[0] > 1.5 * lit[2] > 0.3  # half as loud
    assert max(lit[1], lit[3]) < 0.1  # muted and silent: a line at most
    assert page.evaluate("[document.documentElement.scrollWidth > innerWidth, scrollY]") == [False, 0]
    assert weak_texts(page) == []


def test_it_has_no_controls_and_says_nothing_but_that_it_is_there(show: Show) -> None:
    page = show.page
    for selector in ("button", "input", "select", "a", "[tabindex]", "[role=slider]"):
        assert page.locator(selector).count() == 0
    page.keyboard.press("Space")
    page.keyboard.press("Escape")
    page.keyboard.press("z")
    page.mouse.click(100, 100)
    page.wait_for_function("() => livegen.link.roundTripMs !== null")
    assert set(show.said) == {"ping"}


def test_it_goes_dark_without_a_session_and_comes_back(show: Show) -> None:
    dark = "() => document.body.classList.contains('is-away')"
    show.send("lost")
    show.page.wait_for_function(dark)
    show.begin(200)
    show.page.wait_for_function(f"() => !({dark})()")
    show.page.wait_for_function("() => livegen.position > 199")


def test_a_wave_is_shown_when_it_is_heard(modules: Any) -> None:
    found = modules.evaluate(
        """async () => {
            const { Waves } = await import("/static/waves.js");
            const told = {};
            const waves = new Waves({ on: (type, hear) => (told[type] = hear) });
            for (const at of [10, 11, 12]) told.waves({ at, voices: [[100, 0.5, "0" + "f".repeat(at - 9)]] });
            const length = (position) => waves.at(position)[0]?.levels.length ?? null;
            const early = length(9.9);
            const levels = waves.at(10.5)[0].levels;
            return [early, levels, length(11), length(17.9), length(18.1)];
        }"""
    )
    assert found == [None, [0, 0.5], 3, 4, None]


@pytest.fixture
def jam() -> Iterator[tuple[Session, Stage, str, int]]:
    """A session that plays, its stage, its address and its port."""
    page = open_page(port=0)
    session = build_session(
        HashEngine(), load_patch("plain"), Settings(audio="null", midi_api="none", osc_port=0, seed=7)
    )
    stage = Stage(session, page)
    session.start(lambda: None)
    yield session, stage, page.address, page.settings.port
    session.stop()
    stage.close()


def test_a_running_session_is_shown_as_it_sounds(browser: Any, jam: tuple[Session, Stage, str, int]) -> None:
    session, _, address, _ = jam
    tab = browser.new_page()
    tab.goto(f"{address}?view=show")
    session.receive(NoteOn(0, 69, 127), "test")
    period = """() => {
        const [wave] = livegen.link.state === "here" ? livegen.waves.at(livegen.position ?? -1) : [];
        return wave?.levels.length ? wave.levels.length * wave.stepMs : 0;
    }"""
    tab.wait_for_function(f"() => Math.abs(({period})() - {1000 / note_to_hz(69)}) < 0.02")
    assert tab.evaluate("livegen.link.values").keys() == {name for name in DEFAULTS if name.endswith(".mute")} | {
        "lookahead",
        "beats_a_bar",
    }
    tab.close()
    assert wait_until(lambda: session.instrument.held_keys != ())  # it was not the show's


def test_nothing_that_a_show_says_reaches_the_session(jam: tuple[Session, Stage, str, int]) -> None:
    session, stage, _, port = jam
    before = dict(session.instrument.values)
    with connect(f"ws://127.0.0.1:{port}/show", open_timeout=20.0) as line:
        for message in (
            {"type": "set", "name": "temperature", "value": 0.1},
            {"type": "set", "name": "panic", "value": True},
            {"type": "midi", "data": [0x90, 60, 100]},
            {"type": "listen", "on": True},
            {"type": "lost"},
        ):
            line.send(json.dumps(message))
        line.send(b"\0" * 8)
        line.send(json.dumps({"type": "ping", "t": 1}))
        heard: list[dict[str, Any]] = []
        while not any(each["type"] == "pong" for each in heard):
            heard.append(json.loads(line.recv(timeout=5.0)))
    reasons = [each["reason"] for each in heard if each["type"] == "refused"]
    assert len(reasons) == 6
    assert reasons[0] == "a show only looks on: set is for the stage page"
    assert {each["type"] for each in heard} <= {"hello", "values", "songs", "plan", "waves", "refused", "pong", "lost"}
    assert wait_until(lambda: session.status.counts()["refusals by the page's server"] == 6)
    assert session.instrument.values == before
    assert session.instrument.held_keys == ()
    assert session.instrument.state.is_running
    assert wait_until(lambda: (stage._n_pages, stage._n_shows) == (0, 0))


def test_a_view_that_there_is_not_is_told_in_a_sentence(jam: tuple[Session, Stage, str, int], browser: Any) -> None:
    tab = browser.new_page()
    answer = tab.goto(f"{jam[2]}?view=lights")
    assert answer.status == 404
    assert "there is no view 'lights'" in answer.text()
    tab.close()
