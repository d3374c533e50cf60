"""The lattice of chords on the stage page: touched, dragged over, aglow with what sounds, and heard in the score."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hash_engine import HashDistribution, HashEngine
from page_checks import unfit_widgets, weak_texts
from played_session import GAUGES, HeardSession
from waiting import wait_until

from livegen.controls import TRIADS
from livegen.engines.protocol import NONE_LATER
from livegen.patch import load_patch
from livegen.score import Column, Voice
from livegen.session.build import build_session
from livegen.session.settings import Settings
from livegen.web.page.address import open_page
from livegen.web.stage import Stage

A_MINOR = {9, 0, 4}


class ChordSession(HeardSession):
    """A session whose pitched voices sound C major and A minor by turns, each for a second, and go on so."""

    def rows(self, at: int) -> list[list[Any]]:
        chords, nothing = ([60, 64, 43, 9], [57, 60, 40, 9]), [0, 0, 0, 0]
        return [
            [i, chords[i // 24 % 2], [9, 9, 0, 9], nothing, nothing, nothing, nothing, i / 12]
            for i in range(at - 30, at + 900)
        ]

    def open(self) -> None:
        super().open()
        self.page.locator(".lattice summary").click()

    def at(self, chord: str) -> tuple[float, float]:
        """Return where a chord's first triangle is, in pixels of the page."""
        triangle = self.page.locator(f'[data-chord="{chord}"] text').first
        triangle.scroll_into_view_if_needed()
        box = triangle.bounding_box()
        return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    def that(self, state: str) -> set[str]:
        return {each.get_attribute("data-chord") for each in self.page.locator(f".triangle.{state}").all()}


@pytest.fixture
def stage(browser: Any) -> Iterator[ChordSession]:
    page = browser.new_page(viewport={"width": 1024, "height": 768})
    stage = ChordSession(page)
    stage.open()
    yield stage
    page.close()
    assert stage.errors == []


def test_every_triad_has_a_place_and_a_touch_of_one_lets_it_lead_until_it_is_touched_again(stage: ChordSession) -> None:
    assert {each.get_attribute("data-chord") for each in stage.page.locator(".triangle").all()} == set(TRIADS)
    stage.page.mouse.click(*stage.at("a_minor"))
    assert stage.sets() == [("tonnetz.chord", "a_minor")]
    stage.send("values", values={"tonnetz.chord": "a_minor"})
    stage.page.locator('[data-chord="a_minor"].is-leading').first.wait_for()
    assert stage.that("is-leading") == {"a_minor"}
    stage.page.mouse.click(*stage.at("a_minor"))
    assert stage.sets() == [("tonnetz.chord", "none")]


def test_a_finger_that_goes_on_draws_a_path(stage: ChordSession) -> None:
    mouse = stage.page.mouse
    mouse.move(*stage.at("c_major"))
    mouse.down()
    for chord in ("e_minor", "g_major"):
        mouse.move(*stage.at(chord), steps=10)
    assert stage.page.locator(".lattice .path").inner_text() == "L R"
    mouse.up()
    assert stage.sets() == [("tonnetz.chord", "c_major")] * 2 + [("tonnetz.path", "lr")]
    assert stage.that("is-on-path") == set()


def test_buttons_go_to_neighbours_and_set_the_model_free(stage: ChordSession) -> None:
    for move in "plr":
        stage.widget(f"tonnetz.{move}", "button").click()
    stage.page.get_by_role("button", name="free").click()
    assert stage.sets() == [*((f"tonnetz.{move}", True) for move in "plr"), ("tonnetz.chord", "none")]


def test_what_sounds_glows_and_so_does_what_is_planned(stage: ChordSession) -> None:
    for chord in ("c_major", "a_minor"):
        stage.page.locator(f'[data-chord="{chord}"].is-planned:not(.is-sounding)').first.wait_for()
        stage.page.locator(f'[data-chord="{chord}"].is-sounding').first.wait_for()
    assert stage.that("is-sounding") | stage.that("is-planned") == {"c_major", "a_minor"}


def test_the_chords_that_a_model_foretells_glow_until_they_are_no_longer_planned(stage: ChordSession) -> None:
    for foretold in (["f_minor", "d#_major"], []):
        stage.send("gauges", **GAUGES, foretold=foretold)
        assert wait_until(lambda foretold=foretold: stage.that("is-foretold") == set(foretold))


def test_it_can_be_read_and_touched_on_every_screen(stage: ChordSession) -> None:
    for width, height in ((360, 640), (1024, 768), (1920, 1080)):
        stage.page.set_viewport_size({"width": width, "height": height})
        assert unfit_widgets(stage.page) == []
        assert weak_texts(stage.page) == []


class AllowedEngine(HashEngine):
    """Plays the lowest pitch class that it may change to."""

    def step(self, frame, state, conditions=None):
        return AllowedDistribution(1), state


class AllowedDistribution(HashDistribution):
    def sample(self, forced, is_forced, sampling, *, seed, frame_index, is_later=NONE_LATER):
        allowed = [each for each in range(12) if sampling.pitch_classes >> each & 1]
        note = 60 + allowed[frame_index % len(allowed)]
        return np.where(is_forced[:, None], forced, [(note, 9, 0), (note, 9, 0), (note, 0, 0), (0, 0, 0)]).astype(
            np.uint8
        )


def test_a_touch_is_heard_in_the_score(browser: Any) -> None:
    page = open_page(port=0)
    settings = Settings(audio="null", midi_api="none", osc_port=0, seed=7, controls={"sync": "none"})
    session = build_session(AllowedEngine(), load_patch("plain"), settings)
    stage, tab = Stage(session, page), browser.new_page()
    session.start(lambda: None)
    try:
        tab.goto(page.address)
        tab.locator(".lattice summary").click()
        tab.locator('[data-chord="a_minor"] polygon').first.click()
        assert wait_until(lambda: session.instrument.values["tonnetz.chord"] == "a_minor")

        def planned() -> set[int]:
            steps = session.instrument.state.timeline.steps[-8:]
            return {int(step.planned.frame[Voice.P2, Column.NOTE]) % 12 for step in steps}

        assert wait_until(lambda: planned() == A_MINOR)
        tab.locator(".lattice").get_by_role("button", name="free").click()
        assert wait_until(lambda: not planned() <= A_MINOR)
    finally:
        tab.close()
        session.stop()
        stage.close()
