"""The stage page by the keyboard alone: Tab leads through all of it and out again, and what it reaches works."""

from collections.abc import Callable
from typing import Any, Final

import pytest
from played_session import HeardSession

STOP: Final = """() => {
    const at = document.activeElement;
    if (!at || at === document.body) return null;
    const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(at);
    const isSeen = (outlineStyle !== "none" && parseFloat(outlineWidth) > 0) || boxShadow !== "none";
    const said = at.getAttribute("aria-label") || at.textContent.trim() || at.id || at.name || at.tagName;
    return { control: at.closest("[data-control]")?.dataset.control ?? "", said, isSeen, id: at.id, tag: at.tagName };
}"""
UNFOLD: Final = "for (const fold of document.querySelectorAll('details')) fold.open = true"
REACHABLE: Final = """() => [...new Set([...document.querySelectorAll("[data-control]")]
    .filter((each) => each.checkVisibility())
    .filter((each) => [each, ...each.querySelectorAll("button, input, select")]
        .some((part) => part.matches("button:enabled, input:enabled, select:enabled")))
    .map((each) => each.dataset.control))]"""
MOST_STOPS: Final = 1000


class Stage(HeardSession):
    """One in which there are patches, models and songs to choose from."""

    patches, models = ("lead", "plain"), ("default", "solo")

    def begin(self, at: int = 100) -> None:
        super().begin(at)
        self.send("songs", songs=["Opening", "Night", "Coda"], current=1, wanted=None)


def stops(page: Any) -> list[dict[str, Any]]:
    """Press Tab until the browser itself has the keyboard, and return what had it on the way."""
    found = []
    while len(found) < MOST_STOPS:
        page.keyboard.press("Tab")
        at = page.evaluate(STOP)
        if at is None or (found and at == found[0]):
            return found
        found.append(at)
    pytest.fail(f"Tab does not leave the page: it is at {found[-1]} after {MOST_STOPS} stops")


@pytest.fixture
def page(browser: Any) -> Any:
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    yield page
    page.close()


def test_tab_reaches_every_control_and_shows_where_it_is(page: Any) -> None:
    session = Stage(page)
    session.open()
    page.evaluate(UNFOLD)
    reached = stops(page)
    assert set(page.evaluate(REACHABLE)) - {each["control"] for each in reached} == set()
    assert [each for each in reached if not each["isSeen"]] == []
    assert session.errors == []


def tab_to(page: Any, wanted: Callable[[dict[str, Any]], bool]) -> None:
    """Press Tab until what is wanted has the keyboard."""
    for _ in range(MOST_STOPS):
        page.keyboard.press("Tab")
        at = page.evaluate(STOP)
        if at and wanted(at):
            return
    pytest.fail("Tab does not come to it")


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("temperature", "ArrowLeft"),
        ("mode", "ArrowRight"),
        ("end", "Space"),
    ],
)
def test_what_tab_reaches_is_worked_by_keys(page: Any, name: str, key: str) -> None:
    session = Stage(page)
    session.open()
    page.evaluate(UNFOLD)
    tab_to(page, lambda at: bool(at["control"] == name))
    page.keyboard.press(key)
    assert name in dict(session.sets())
    assert session.errors == []


def test_a_fold_opens_and_shuts_by_keys(page: Any) -> None:
    Stage(page).open()
    tab_to(page, lambda at: bool(at["tag"] == "SUMMARY"))
    is_open = "document.activeElement.parentElement.open"
    before = page.evaluate(is_open)
    for key in ("Enter", "Space"):
        page.keyboard.press(key)
        before = not before
        assert page.evaluate(is_open) is before


def test_the_tablet_is_worked_by_keys(page: Any) -> None:
    session = Stage(page)
    session.view = "/?view=stage"
    session.open()
    reached = stops(page)
    buttons = "[...document.querySelectorAll('button:enabled')].filter((each) => each.checkVisibility()).length"
    assert len([each for each in reached if each["tag"] == "BUTTON"]) == page.evaluate(buttons)
    assert [each for each in reached if not each["isSeen"]] == []
