"""The stage page in a browser, against a `livegen jam` on a real JACK server: seen, played, heard and mistreated."""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from jack_listener import Listener
from livegen_process import CHECKOUT, Jam, assert_left_well
from page_checks import unfit_widgets, weak_texts
from PIL import Image
from waiting import wait_until

from livegen.controls import CONTROLS

pytestmark = pytest.mark.device

C4_HZ, A4_HZ = 261.63, 440.0
DESK = {"width": 1280, "height": 800}
PHONE = {"width": 360, "height": 640}
PICTURE = CHECKOUT / "docs" / "stage.png"
OpenPage = Callable[..., Any]


@pytest.fixture
def web_jam(jack_jam: Callable[..., Jam]) -> Callable[..., Jam]:
    """Start a jam that serves its page on any port."""
    return lambda *arguments: jack_jam("--web-port", "0", *arguments)


@pytest.fixture
def faults() -> list[str]:
    """What went wrong on the pages of a test."""
    return []


NO_ANSWER = ("net::ERR_CONNECTION", "net::ERR_SOCKET_NOT_CONNECTED")


@pytest.fixture
def open_page(browser: Any, faults: list[str]) -> Iterator[OpenPage]:
    """Open a jam's page in a tab and wait until its roll moves; nothing may go wrong on any of them.

    That a jam does not answer which has ended is no fault of the page.
    """
    context = browser.new_context(viewport=DESK)

    def hear(message: Any) -> None:
        if message.type == "error" and not any(error in message.text for error in NO_ANSWER):
            faults.append(message.text)

    def open_(jam: Jam, *, viewport: dict[str, int] = DESK) -> Any:
        page = context.new_page()
        page.set_viewport_size(viewport)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", hear)
        page.goto(jam.page)
        assert_moves(page)
        return page

    yield open_
    context.close()
    assert faults == []


def assert_moves(page: Any) -> None:
    """Wait until the roll has drawn frames of a session and goes on."""
    page.wait_for_function("() => window.livegen?.position > 0 && window.livegen.frames > 2")
    position, frames = page.evaluate("[window.livegen.position, window.livegen.frames]")
    page.wait_for_function(f"() => window.livegen.position > {position} && window.livegen.frames > {frames}")


def widget(page: Any, control: str, inner: str) -> Any:
    """Return the part of a control's widget, unfolded, that a CSS selector finds."""
    found = page.locator(f'[data-control="{control}"]')
    found.evaluate("(each) => { for (let at = each; at; at = at.parentElement) if ('open' in at) at.open = true; }")
    return found.locator(inner)


def silence_the_model(page: Any, listener: Listener) -> None:
    widget(page, "stop", "button").click()
    assert listener.falls_silent()


def test_keys_of_the_computer_and_of_the_page_sound_and_none_hangs(
    web_jam: Callable[..., Jam], open_page: OpenPage, listener: Listener
) -> None:
    jam = web_jam()
    page = open_page(jam)
    silence_the_model(page, listener)
    page.keyboard.down("z")
    assert wait_until(lambda: listener.hears(C4_HZ))
    page.keyboard.up("z")
    assert listener.falls_silent()
    page.get_by_role("button", name="A4").hover()
    page.mouse.down()
    assert wait_until(lambda: listener.hears(A4_HZ))
    assert page.locator('.key[aria-label^="A4"]').evaluate("(key) => key.matches('.is-lit, .is-down')")
    page.mouse.up()
    assert listener.falls_silent()
    page.keyboard.down("n")
    assert wait_until(lambda: listener.hears(A4_HZ))
    page.close()  # with the key down
    assert listener.falls_silent()
    assert_left_well(jam)


def test_a_control_that_moves_in_one_tab_is_heard_and_seen_everywhere(
    web_jam: Callable[..., Jam], open_page: OpenPage
) -> None:
    jam = web_jam()
    page, other, osc = open_page(jam), open_page(jam), jam.osc()
    osc.send("/livegen/register")
    slider = widget(page, "temperature", "input[type=range]")
    before = float(slider.input_value())
    slider.press("ArrowRight")
    (value,) = osc.receive_from("/livegen/temperature")
    assert value == pytest.approx(float(slider.input_value())) != before
    assert wait_until(lambda: widget(other, "temperature", "input").input_value() == slider.input_value())
    osc.send("/livegen/mode", "free")
    for tab in (page, other):
        assert wait_until(lambda tab=tab: widget(tab, "mode", "input:checked").input_value() == "free")
    widget(page, "panic", "button").click()
    assert osc.receive_from("/livegen/panic")
    assert_left_well(jam)


def test_a_page_that_lost_its_session_says_so_and_finds_the_next_one(
    web_jam: Callable[..., Jam], jack_jam: Callable[..., Jam], open_page: OpenPage
) -> None:
    jam = web_jam()
    page = open_page(jam)
    port = jam.page.split(":")[2].strip("/")
    first = page.evaluate("window.livegen.position")
    jam.leave(signal.SIGKILL)
    away = page.locator("#away")
    away.get_by_text("livegen").first.wait_for(state="visible", timeout=5000)
    jack_jam("--web-port", port)
    away.wait_for(state="hidden", timeout=20_000)
    assert_moves(page)
    assert page.evaluate("window.livegen.position") < first + 24 * 60


def test_every_widget_has_a_name_a_key_and_contrast_and_the_page_fits(
    web_jam: Callable[..., Jam], open_page: OpenPage
) -> None:
    jam = web_jam()
    for viewport in (DESK, PHONE):
        page = open_page(jam, viewport=viewport)
        shown = page.locator("[data-control]").evaluate_all("(widgets) => widgets.map((each) => each.dataset.control)")
        assert set(shown) == set(CONTROLS)
        page.locator("details").evaluate_all("(folds) => folds.forEach((fold) => { fold.open = true; })")
        assert unfit_widgets(page) == []
        assert weak_texts(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
        assert page.locator("#roll canvas").first.bounding_box()["height"] > viewport["height"] / 5
        page.close()
    assert_left_well(jam)


def test_every_control_moves_from_the_keyboard(web_jam: Callable[..., Jam], open_page: OpenPage) -> None:
    jam = web_jam()
    page, osc = open_page(jam), jam.osc()
    for name, control in CONTROLS.items():
        if control.is_action:
            continue
        (before,) = osc.ask(f"/livegen/{name.replace('.', '/')}")[1]
        part = widget(page, name, "[type=range], [type=radio]:checked, select, [role=switch]")
        if control.kind == "bool":
            key = "Space"
        elif control.kind == "choice":
            key = "ArrowUp" if before == control.choices[-1] else "ArrowDown"
        else:
            key = "ArrowLeft" if before == control.maximum else "ArrowRight"
        part.press(key)

        def is_moved(name: str = name, before: object = before) -> bool:
            return osc.ask(f"/livegen/{name.replace('.', '/')}")[1] != [before]

        assert wait_until(is_moved), f"{key} does not move {name}"
    assert_left_well(jam)


def test_the_sound_is_heard_in_the_browser(web_jam: Callable[..., Jam], open_page: OpenPage) -> None:
    jam = web_jam()
    page = open_page(jam)
    page.get_by_role("button", name="Listen here").click()
    page.wait_for_function("() => Number(document.querySelector('.listen-says').dataset.ms) > 0")
    assert int(page.locator(".listen-says").get_attribute("data-ms")) < 1000
    assert_left_well(jam)


@pytest.fixture
def unheard_jam(jack: str, model: Path, tmp_path: Path) -> Iterator[Jam]:
    """A jam whose sound nobody listens to: a listener in Python makes JACK late on a busy machine.

    It has the model of the tests, or where the picture is to be kept the one that users have.
    """
    played = "default" if os.environ.get("LIVEGEN_PICTURE") else model
    devices = ("--audio", "JACK", "--midi-api", "jack", "--web-port", "0")
    jam = Jam(tmp_path, "--model", played, "--seed", "1", *devices, "--set", "bpm=132")
    yield jam
    jam.close()


def test_the_picture_in_the_guide_shows_the_page(unheard_jam: Jam, open_page: OpenPage, tmp_path: Path) -> None:
    """Where LIVEGEN_PICTURE is set, this is how the picture is made: somebody plays over the model for a while."""
    is_kept = bool(os.environ.get("LIVEGEN_PICTURE"))
    picture = PICTURE if is_kept else tmp_path / PICTURE.name
    jam = unheard_jam
    page = open_page(jam)
    for key in 3 * "zcbnqnbcxvnwnv" if is_kept else "z":
        page.keyboard.down(key)
        page.wait_for_timeout(227)  # an eighth note
        page.keyboard.up(key)
    page.keyboard.down("b")
    page.wait_for_function("() => document.querySelectorAll('.key.is-down').length === 1")
    page.screenshot(path=picture)
    page.keyboard.up("b")
    with Image.open(picture) as image:
        colours = image.convert("RGB").getcolors(1 << 24)
    assert colours is not None
    assert len(colours) > 100  # neither blank nor words alone
    assert PICTURE.exists()
    assert "](stage.png)" in (CHECKOUT / "docs" / "stage-page.md").read_text("utf-8")
    assert_left_well(jam)
