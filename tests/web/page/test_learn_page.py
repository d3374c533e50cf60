"""Learning on the stage page which press of a switch sets a control, with sessions of tests and with one that plays."""

from collections.abc import Iterator
from typing import Any

import pytest
from hash_engine import HashEngine
from page_checks import unfit_widgets, weak_texts
from played_session import GAUGES, HeardSession
from waiting import wait_until

from livegen.events import ControlChange
from livegen.patch import load_patch
from livegen.session.build import build_session
from livegen.session.session import Session
from livegen.session.settings import Settings
from livegen.web.page.address import open_page
from livegen.web.stage import Stage

PEDAL = 64


@pytest.fixture
def stage(browser: Any) -> Iterator[HeardSession]:
    page = browser.new_page(viewport={"width": 1024, "height": 768})
    stage = HeardSession(page)
    stage.open()
    page.locator('[data-control="learn"]').wait_for(state="attached")
    page.evaluate("for (const fold of document.querySelectorAll('#hands details')) fold.open = true")
    yield stage
    page.close()
    assert stage.errors == []


def choose(page: Any, press: str) -> None:
    page.get_by_role("radiogroup", name="press of a switch").get_by_role("radio", name=press, exact=True).check()


def test_the_press_is_chosen_before_the_control_is_touched_and_only_for_that_one(stage: HeardSession) -> None:
    page, presses = stage.page, stage.page.locator(".presses")
    assert presses.is_hidden()
    for press, word in (("long", "end long"), ("double", "end double"), ("single", "end")):
        stage.widget("learn", "button").click()
        assert presses.locator(":checked").input_value() == "single"
        choose(page, press)
        what = "a knob or a switch" if press == "single" else f"a {press} press of a switch"
        assert page.locator(".prompt").text_content() == f"touch the control that {what} is to set"
        stage.widget("end", "button").click()
        assert stage.sets() == [("learn", word)]
        assert presses.is_hidden()


def test_it_is_chosen_by_the_keyboard_too_and_taking_off_a_knob_asks_for_none(stage: HeardSession) -> None:
    page = stage.page
    stage.widget("learn", "button").press("Enter")
    page.locator(".presses :checked").press("ArrowLeft")  # round to the last one
    assert unfit_widgets(page) == []
    assert weak_texts(page) == []
    stage.widget("fill", "button").press("Enter")
    assert stage.sets() == [("learn", "fill long")]
    stage.widget("unlearn", "button").press("Enter")
    assert page.locator(".presses").is_hidden()
    stage.widget("fill", "button").press("Enter")
    assert stage.sets() == [("unlearn", "fill")]


def test_the_page_says_which_press_is_waited_for_and_on_which_one_a_control_was_learned(stage: HeardSession) -> None:
    prompt = stage.page.locator(".prompt")
    stage.send("gauges", **GAUGES | {"learning": "end", "learning_press": "long"})
    prompt.filter(has_text="now press the switch whose long press is to set end").wait_for()
    stage.send("gauges", **GAUGES | {"learning": "end", "learning_press": "single"})
    prompt.filter(has_text="now move the knob that is to set end").wait_for()
    stage.send("gauges", **GAUGES | {"learning": None, "learning_press": "single"})
    prompt.wait_for(state="hidden")
    knob = f"CC {PEDAL} on channel 1 of nano, pressed"
    stage.send(
        "knobs", knobs={"fill": f"CC {PEDAL} on channel 1 of nano", "drop": f"{knob} twice", "end": f"{knob} long"}
    )
    for control, words in (("fill", "CC 64"), ("drop", "CC 64 twice"), ("end", "CC 64 long")):
        stage.page.locator(f'[data-control="{control}"] .badge').get_by_text(words, exact=True).wait_for()


@pytest.fixture
def jam() -> Iterator[tuple[Session, str]]:
    """A session that plays, and the address of its page."""
    page = open_page(port=0)
    session = build_session(
        HashEngine(),
        load_patch("plain"),
        Settings(audio="null", midi_api="none", osc_port=0, seed=7, controls={"bpm": 120.0}),
    )
    stage = Stage(session, page)
    session.start(lambda: None)
    yield session, page.address
    session.stop()
    stage.close()
    assert (session.status.faults, session.status.last_fault) == (0, "")


def test_a_long_press_that_was_learned_on_the_page_acts_beside_a_single_one(
    browser: Any, jam: tuple[Session, str]
) -> None:
    session, address = jam
    page = browser.new_page(viewport={"width": 1024, "height": 768})
    page.goto(address)
    page.locator('[data-control="learn"]').wait_for(state="attached")
    page.evaluate("for (const fold of document.querySelectorAll('#hands details')) fold.open = true")

    def pedal(value: int) -> None:
        session.receive(ControlChange(0, PEDAL, value), "midi:pedal")

    def cues() -> list[str]:
        return [cue.name for cue in session.instrument.state.cues.pending]

    for control, press, badge in (("drop", "single", "CC 64"), ("build", "long", "CC 64 long")):
        page.locator('[data-control="learn"] button').click()
        choose(page, press)
        page.locator(f'[data-control="{control}"] button').click()
        page.locator(".prompt", has_text="now").wait_for()
        assert wait_until(lambda: session.desk.knobs.learning is not None)
        pedal(127)
        pedal(0)
        page.locator(f'[data-control="{control}"] .badge').get_by_text(badge, exact=True).wait_for()
    assert cues() == []
    pedal(127)
    pedal(0)
    assert wait_until(lambda: cues() == ["drop"])
    pedal(127)  # and it is held
    assert wait_until(lambda: "build" in cues())
    page.locator('.cues > [data-control="build"].is-given').wait_for()
    pedal(0)
    page.close()
