"""The cues on the stage page: they are given by buttons, and what is planned is lit."""

from collections.abc import Iterator
from typing import Any

import pytest
from played_session import GAUGES, HeardSession

BRIGHTNESS = """() => {
    const roll = document.querySelector("canvas").getContext("2d");
    return roll.getImageData(0, 0, 2000, 1000).data.reduce((sum, each) => sum + each);
}"""


@pytest.fixture
def stage(browser: Any) -> Iterator[HeardSession]:
    page = browser.new_page(viewport={"width": 1024, "height": 768})
    stage = HeardSession(page)
    stage.open()
    page.locator('[data-control="end"]').first.wait_for()
    yield stage
    page.close()
    assert stage.errors == []


def lit(stage: HeardSession) -> list[str]:
    return [each.get_attribute("data-control") for each in stage.page.locator(".cues > .is-given").all()]


def test_each_cue_is_a_button_and_some_have_a_number_or_a_voice(stage: HeardSession) -> None:
    for name in ("fill", "drop", "tutti", "end"):
        stage.widget(name, "button").click()
        assert stage.sets() == [(name, True)]
    stage.widget("break", "input").fill("2")
    stage.widget("break", "button").click()
    assert stage.sets() == [("break", 2)]
    stage.widget("solo", "input").fill("tr")
    stage.widget("solo", "button").click()
    assert stage.sets() == [("solo", "tr")]


def test_what_is_planned_or_in_force_is_lit_until_it_is_over(stage: HeardSession) -> None:
    assert lit(stage) == []
    build = {"name": "build", "voice": None, "begin": 90, "strike": None, "until": 130}
    end = {"name": "end", "voice": None, "begin": 130, "strike": 140, "until": 150}
    stage.send("gauges", **GAUGES, cues=[build, end], count_in=None)
    stage.page.wait_for_function("() => document.querySelectorAll('.cues > .is-given').length === 2")
    assert sorted(lit(stage)) == ["build", "end"]
    stage.send("gauges", **GAUGES, cues=[], count_in=None)
    stage.page.wait_for_function("() => document.querySelectorAll('.cues > .is-given').length === 0")


def test_a_count_in_is_drawn_over_the_roll(stage: HeardSession) -> None:
    before = stage.page.evaluate(BRIGHTNESS)
    stage.send("gauges", **GAUGES, cues=[], count_in=4)
    stage.page.wait_for_function(f"(before) => ({BRIGHTNESS})() > 1.02 * before", arg=before)
