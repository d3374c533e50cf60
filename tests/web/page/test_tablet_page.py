"""The stage view in a real browser: what is read and pressed on it, with sessions of tests and with one that plays."""

from collections.abc import Iterator
from typing import Any, Final

import pytest
from hash_engine import HashEngine
from page_checks import unfit_widgets, weak_texts
from played_session import GAUGES, HeardSession
from waiting import wait_until

from livegen.patch import load_patch
from livegen.rig import Rig, SetList, Song, load_library
from livegen.session.build import build_session
from livegen.session.session import Session
from livegen.session.settings import Settings
from livegen.web.page.address import open_page
from livegen.web.stage import Stage

SIZES: Final = ((768, 1024), (1024, 768), (1280, 800), (390, 844), (844, 390))
NAMES: Final = ("Opening", "Night drive over the old bridges", "Donaudampfschifffahrtsgesellscha", 32 * "W")
TEMPO: Final = {"bpm": 150.2, "source": "own", "is_lost": False, "bar": 1412, "beat": 3, "peers": 2}
PLAYING: Final = GAUGES | {"song_seconds": 203.4, "seconds": 3803.0, "tempo": TEMPO, "cues": [], "count_in": None}
BUTTONS: Final = {
    **{name: (name, True) for name in ("previous", "next", "start", "stop", "fill", "drop", "tutti", "end", "undo")},
    **{"count in": ("start", 3), "break": ("break", 1), "build": ("build", 4), "panic": ("panic", True)},
    **{f"solo {voice.upper()}": ("solo", voice) for voice in ("p1", "p2", "tr", "no")},
}
"""The control that each button sets, and to what, in a bar of three beats."""

FAULTS: Final = """() => {
    const found = [];
    const within = (inner, outer, slack = 1) =>
        inner.left >= outer.left - slack && inner.right <= outer.right + slack &&
        inner.top >= outer.top - slack && inner.bottom <= outer.bottom + slack;
    const page = new DOMRect(0, 0, innerWidth, innerHeight);
    const { scrollWidth, scrollHeight } = document.documentElement;
    if (scrollWidth > innerWidth || scrollHeight > innerHeight) found.push(`scrolls to ${scrollWidth}x${scrollHeight}`);
    for (const element of document.querySelectorAll("#tablet *")) {
        if (!element.checkVisibility() || element.closest(".unseen")) continue;
        const box = element.getBoundingClientRect();
        const isButton = element.tagName === "BUTTON";
        if (box.width && !within(box, page)) found.push(`out of sight: ${element.outerHTML}`);
        if (isButton && Math.min(box.width, box.height) < 64) found.push(`small: ${element.outerHTML}`);
        const place = (element.closest("button, #name, #next, .news") ?? element).getBoundingClientRect();
        for (const node of element.childNodes) {
            if (node.nodeType !== Node.TEXT_NODE || !node.data.trim()) continue;
            const range = document.createRange();
            range.selectNode(node);
            const words = range.getBoundingClientRect();
            const slack = 0.2 * parseFloat(getComputedStyle(element).fontSize); // letters' boxes are higher than lines
            if (!within(words, place, slack) || words.left < place.left - 1 || words.right > place.right + 1) {
                found.push(`cut off: ${node.data}`);
            }
        }
    }
    const seen = [...document.querySelectorAll("button, #name, #next, .state, .speed, .place, .clock, .time, .news")]
        .filter((each) => each.checkVisibility()).map((each) => [each, each.getBoundingClientRect()]);
    for (const [one, a] of seen) {
        for (const [other, b] of seen) {
            const isOver = a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 6 && b.top < a.bottom - 6;
            if (one !== other && a.width && b.width && isOver) found.push(`over another: ${one.outerHTML}`);
        }
    }
    return found;
}"""


class Tablet(HeardSession):
    """A session with songs that the stage view shows."""

    view = "/?view=stage"
    songs: tuple[str, ...] = ("Opening", "Night", "Coda")

    def begin(self, at: int = 100) -> None:
        super().begin(at)
        self.send("values", values={"beats_a_bar": 3})
        self.tell(0)
        self.send("gauges", **PLAYING)

    def rows(self, at: int) -> list[list[Any]]:
        """Return rows that are late in a song: its bars have four digits."""
        return [[*row[:-1], row[-1] + 4200] for row in super().rows(at)]

    def tell(self, current: int, wanted: int | None = None) -> None:
        """Say which song plays, and which one is wanted."""
        self.send("songs", songs=self.songs, current=current, wanted=wanted)

    def button(self, name: str) -> Any:
        return self.page.get_by_role("button", name=name, exact=True)

    def states(self) -> dict[str, str]:
        """Return the state of the buttons that are lit, by their names."""
        self.settle()
        lit = self.page.locator("#keys [aria-pressed=true]").all()
        return {each.get_attribute("aria-label"): each.get_attribute("data-state") for each in lit}


def shows(page: Any, selector: str, text: str) -> None:
    """Wait until a text stands there."""
    page.wait_for_function(
        "([selector, text]) => document.querySelector(selector).textContent === text", arg=[selector, text]
    )


@pytest.fixture
def tablet(browser: Any) -> Iterator[Tablet]:
    page = browser.new_page(viewport={"width": 1024, "height": 768}, has_touch=True)
    tablet = Tablet(page)
    tablet.open()
    shows(page, "#name", "Opening")
    shows(page, ".state", "playing")
    yield tablet
    page.close()
    assert tablet.errors == []


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_all_is_in_sight_whatever_it_says(browser: Any, size: tuple[int, int]) -> None:
    page = browser.new_page(viewport={"width": size[0], "height": size[1]}, has_touch=True)
    tablet = Tablet(page)
    tablet.songs = NAMES
    tablet.open()
    news = "there is no song 'Nightfall' in the set-list"
    solo = {"name": "solo", "voice": "p2", "begin": None, "strike": None, "until": None}
    for current, wanted, gauges in (
        (0, None, {}),
        (1, 2, {"is_running": False, "count_in": 3}),
        (2, 3, {"cues": [solo]}),
        (3, None, {"is_running": False, "tempo": {**TEMPO, "is_lost": True}}),
    ):
        tablet.tell(current, wanted)
        tablet.send("gauges", **PLAYING | gauges)
        tablet.send("refused", name="song", reason=news)
        shows(page, "#name", NAMES[current])
        shows(page, ".news", f"{news}")
        tablet.settle()
        assert page.evaluate(FAULTS) == []
        assert weak_texts(page) == []
        is_broken = page.evaluate("document.querySelector('#name span').style.overflowWrap === 'anywhere'")
        assert is_broken == (len(NAMES[current].split()[0]) == 32)  # no word is broken that can be read as it is
    assert unfit_widgets(page) == []
    page.close()
    assert tablet.errors == []


def test_it_says_which_song_is_where_and_which_is_to_come(tablet: Tablet) -> None:
    page = tablet.page
    assert page.title() == "Opening · livegen"
    shows(page, ".place-in-set", "1 of 3")
    shows(page, "#next", "next: Night")
    shows(page, ".of-song b", "3:23")
    shows(page, ".of-session b", "1:03:23")
    assert tablet.button("previous").is_disabled()
    tablet.tell(0, 1)
    shows(page, "#next", "Night, on the next bar line")
    tablet.send("gauges", **PLAYING | {"is_running": False})
    shows(page, "#next", "Night, in a moment")
    shows(page, ".state", "stopped")
    shows(page, "#name", "Opening")  # until it begins
    tablet.tell(0, 2)
    page.locator("[aria-label=next]:disabled").wait_for()  # it goes on from the one that is wanted
    tablet.tell(2)
    shows(page, "#name", "Coda")
    shows(page, "#next", "the last song")
    assert (tablet.button("previous").is_disabled(), tablet.button("next").is_disabled()) == (False, True)


def test_a_finger_presses_as_it_comes_down_and_once(tablet: Tablet) -> None:
    tablet.tell(1)
    tablet.send("gauges", **PLAYING | {"is_running": False})
    shows(tablet.page, ".state", "stopped")
    touch = tablet.page.context.new_cdp_session(tablet.page)
    for name, control in BUTTONS.items():
        box = tablet.button(name).bounding_box()
        point = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
        touch.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [point]})
        assert tablet.sets() == [control], name
        touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        assert tablet.sets() == [], name
    style = "(({ touchAction, userSelect }) => [touchAction, userSelect])(getComputedStyle(document.body))"
    assert tablet.page.evaluate(style) == ["manipulation", "none"]  # no double tap zooms, nothing is marked


def test_every_button_is_reached_and_pressed_by_the_keyboard(tablet: Tablet) -> None:
    page = tablet.page
    tablet.tell(1)
    tablet.send("gauges", **PLAYING | {"is_running": False})
    shows(page, ".state", "stopped")
    reached: dict[str, tuple[str, Any]] = {}
    for _ in range(len(BUTTONS) + 1):
        page.keyboard.press("Tab")
        name = page.evaluate("document.activeElement.ariaLabel")
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid", name
        if name not in BUTTONS:
            continue  # that of the list
        page.keyboard.press("Enter")
        page.keyboard.down("Space")
        page.keyboard.down("Space")  # the keyboard repeats a key that is held
        page.keyboard.up("Space")
        (first, second) = tablet.sets()
        assert first == second
        reached[name] = first
    assert reached == BUTTONS
    page.keyboard.down("Enter")
    page.keyboard.down("Enter")
    assert len(tablet.sets()) == 1
    page.keyboard.up("Enter")


def test_panic_is_far_from_every_other_button(tablet: Tablet) -> None:
    for width, height in SIZES:
        tablet.page.set_viewport_size({"width": width, "height": height})
        panic = tablet.button("panic").bounding_box()
        for other in tablet.page.locator("#tablet button:not([data-control=panic])").all():
            box = other.bounding_box()
            across = max(box["x"] - panic["x"] - panic["width"], panic["x"] - box["x"] - box["width"])
            down = max(box["y"] - panic["y"] - panic["height"], panic["y"] - box["y"] - box["height"])
            assert max(across, down) > 100, (width, other.get_attribute("aria-label"))


def test_a_cue_is_lit_while_it_is_planned_and_while_it_is_in_force(tablet: Tablet) -> None:
    def cue(name: str, begin: int | None, voice: str | None = None) -> dict[str, Any]:
        return {"name": name, "voice": voice, "begin": begin, "strike": None, "until": None}

    assert tablet.states() == {"start": "now"}
    tablet.send("gauges", **PLAYING | {"cues": [cue("drop", 50), cue("solo", 100_000, "tr")]})
    assert tablet.states() == {"start": "now", "drop": "now", "solo TR": "planned"}
    tablet.send("gauges", **PLAYING | {"is_running": False, "count_in": 2, "cues": [cue("end", None)]})
    assert tablet.states() == {"count in": "now", "end": "planned"}
    shows(tablet.page, "[aria-label='count in'] small", "2")
    tablet.send("gauges", **PLAYING | {"is_running": False})
    assert tablet.states() == {"stop": "now"}
    assert tablet.button("count in").is_enabled()


def test_the_beat_is_a_light_and_a_place(tablet: Tablet) -> None:
    page = tablet.page
    shows(page, ".speed b", "150.2")
    assert page.locator(".lamps i").count() == 3
    lit = "() => [...document.querySelectorAll('.lamps i')].findIndex((each) => each.matches('.is-lit'))"
    first = page.evaluate(lit)
    page.wait_for_function(f"(first) => ({lit})() !== first", arg=first)
    page.wait_for_function(
        f"() => document.querySelector('.place').textContent.endsWith(`.${{({lit})() + 1}}`)"
    )  # the light and the place say the same


def test_any_song_is_picked_from_the_list_and_a_finger_that_scrolls_picks_none(tablet: Tablet) -> None:
    page = tablet.page
    tablet.songs = tuple(f"Song {number}" for number in range(1, 41))
    tablet.tell(19, 22)
    shows(page, "#name", "Song 20")
    page.locator(".place-in-set").tap()
    page.get_by_role("dialog", name="Songs").wait_for()
    assert page.evaluate("document.activeElement.dataset.song") == "Song 20"  # and it is in sight
    assert page.locator("#set [aria-current=true]").get_attribute("data-song") == "Song 20"
    assert page.locator("#set .is-wanted").get_attribute("data-song") == "Song 23"
    before = page.evaluate("document.querySelector('#set ol').scrollTop")
    touch = page.context.new_cdp_session(page)
    x, y = 512, 500
    touch.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]})
    for moved in range(20, 301, 20):
        touch.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [{"x": x, "y": y - moved}]})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    page.wait_for_function("(before) => document.querySelector('#set ol').scrollTop > before + 100", arg=before)
    assert tablet.sets() == []
    song = page.locator("[data-song='Song 37']")
    song.scroll_into_view_if_needed()
    song.tap()
    assert tablet.sets() == [("song", "Song 37")]
    page.locator("#set").wait_for(state="hidden")
    page.locator(".place-in-set").press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert tablet.sets() == [("song", "Song 21")]
    page.locator(".place-in-set").press("Enter")
    assert unfit_widgets(page) == []
    assert weak_texts(page) == []
    page.keyboard.press("Escape")
    page.locator("#set").wait_for(state="hidden")
    assert tablet.sets() == []


def test_without_a_set_list_it_has_the_rig_s_name_and_its_cues(browser: Any) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 844}, has_touch=True)
    tablet = Tablet(page)
    tablet.songs = ()
    tablet.open()
    shows(page, "#name", "livegen")
    tablet.send("hello", session="two", name="friday-rig", version="0", frame_rate=24, sample_rate=48_000, table=[])
    shows(page, "#name", "friday-rig")
    shows(page, ".place-in-set", "no set-list")
    for name in ("previous", "next", "no set-list"):
        assert tablet.button(name).is_disabled()
    assert page.locator(".of-song").is_hidden()
    tablet.sets()
    tablet.button("drop").tap()
    assert tablet.sets() == [("drop", True)]
    assert page.evaluate(FAULTS) == []
    page.close()
    assert tablet.errors == []


def test_a_line_that_is_lost_is_said_over_all_and_comes_back(tablet: Tablet) -> None:
    page = tablet.page
    page.locator(".place-in-set").tap()
    tablet.send("lost")
    page.get_by_text("livegen does not answer").wait_for()
    page.locator("#set").wait_for(state="hidden")
    tablet.begin()
    page.locator("#away").wait_for(state="hidden")
    tablet.send("news", sentence="patch lead")
    shows(page, ".news", "patch lead")


@pytest.fixture
def jam() -> Iterator[tuple[Session, str]]:
    """A session of three songs that plays, and the address of its page."""
    songs = (Song("Opening", Rig(), {"bpm": 240.0}), Song("Night", Rig(), {"bpm": 200.0}), Song("Coda"))
    page = open_page(port=0)
    session = build_session(
        HashEngine("default"),  # in place of the shipped model
        load_patch("plain"),
        Settings(
            **{"audio": "null", "midi_api": "none", "osc_port": 0, "seed": 7},
            **{"controls": songs[0].controls, "library": load_library(Rig()), "set_list": SetList("Friday", songs)},
        ),
    )
    stage = Stage(session, page)
    session.start(lambda: None)
    yield session, page.address
    session.stop()
    stage.close()
    assert (session.status.faults, session.status.last_fault) == (0, "")


def test_a_running_session_goes_from_song_to_song_and_obeys_cues(browser: Any, jam: tuple[Session, str]) -> None:
    session, address = jam
    tab = browser.new_page(viewport={"width": 768, "height": 1024}, has_touch=True)
    faults: list[str] = []
    tab.on("pageerror", lambda error: faults.append(str(error)))
    tab.goto(f"{address}?view=stage")
    shows(tab, "#name", "Opening")
    shows(tab, ".state", "playing")
    tab.evaluate(
        """() => {
            window.said = [];
            const next = document.querySelector("#next");
            new MutationObserver(() => said.push(next.textContent)).observe(next, { subtree: true, childList: true });
        }"""
    )
    tab.get_by_role("button", name="next").tap()
    shows(tab, "#name", "Night")
    assert "Night, on the next bar line" in tab.evaluate("said")
    assert wait_until(lambda: session.instrument.state.song == "Night")
    shows(tab, ".place-in-set", "2 of 3")
    seconds = "Number(document.querySelector('.of-song b').textContent.split(':')[1])"
    whole = "Number(document.querySelector('.of-session b').textContent.split(':')[1])"
    tab.wait_for_function(f"() => {seconds} >= 1 && {seconds} < {whole}")  # it counts from where the song began
    tab.get_by_role("button", name="drop").tap()
    assert wait_until(lambda: [cue.name for cue in session.instrument.state.cues.pending] == ["drop"])
    tab.locator("[data-control=drop][data-state=now]").wait_for()
    tab.get_by_role("button", name="solo TR").tap()
    tab.locator("[data-control=solo][data-voice=tr][data-state=now]").wait_for()
    assert tab.locator("[data-control=solo][aria-pressed=true]").count() == 1
    tab.get_by_role("button", name="song 2 of 3: show all songs").tap()
    tab.get_by_role("button", name="Coda").tap()
    shows(tab, "#name", "Coda")
    shows(tab, "#next", "the last song")
    assert tab.get_by_role("button", name="next").is_disabled()
    tab.get_by_role("button", name="stop").tap()
    assert wait_until(lambda: not session.instrument.state.is_running)
    shows(tab, ".state", "stopped")
    tab.get_by_role("button", name="count in").tap()
    shows(tab, ".state", "counting")
    shows(tab, ".state", "playing")
    tab.close()
    assert faults == []


def test_the_show_has_the_song_s_name_and_not_those_to_come(browser: Any, jam: tuple[Session, str]) -> None:
    _, address = jam
    tab = browser.new_page()
    heard: list[str] = []
    tab.on("websocket", lambda line: line.on("framereceived", lambda text: heard.append(str(text))))
    tab.goto(f"{address}?view=show")
    shows(tab, "#name", "Opening")
    tab.close()
    assert [text for text in heard if '"songs"' in text]
    assert not [text for text in heard if "Night" in text or "Coda" in text]
