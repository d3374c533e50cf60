"""The controls of kinds of models on the stage page: pads over latents, stored names, locks, with sessions of tests."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import pytest
from hash_engine import HashDistribution, HashEngine
from page_checks import unfit_widgets, weak_texts
from played_session import GAUGES, HeardSession
from waiting import wait_until

from livegen.controls import CONTROLS
from livegen.engines.protocol import UNCONDITIONED, Conditions, Info
from livegen.events import SetControl
from livegen.patch import load_patch
from livegen.score import Column, Voice
from livegen.session.build import build_session
from livegen.session.session import Session
from livegen.session.settings import Settings
from livegen.web.page.address import open_page
from livegen.web.stage import Stage

LATENTS: Final = ["density", "register", "rests", "syncopation", "loudness", "movement", "repetition", "drums"]
VAE: Final = {"voices": ["p1", "p2", "tr", "no"], "latents": LATENTS, "stored": ["2"]}
GAN: Final = {"voices": ["no"], "latents": [], "stored": []}
DRAG: Final = """(surface, [[fromX, fromY], [toX, toY]]) => {
    const began = performance.now();
    for (let i = 1; i <= 200; i++) {
        const [clientX, clientY] = [fromX + ((toX - fromX) * i) / 200, fromY + ((toY - fromY) * i) / 200];
        surface.dispatchEvent(new PointerEvent("pointermove", { pointerId: 1, clientX, clientY }));
    }
    return performance.now() - began;
}"""  # how many milliseconds it took the page to take 200 moves of the mouse at once
SHOWN: Final = "(surface) => ['--across', '--up'].map((each) => Number(surface.style.getPropertyValue(each)))"


class VaeSession(HeardSession):
    """A session whose model is a VAE, unless `engines` says otherwise."""

    def __init__(self, page: Any) -> None:
        super().__init__(page)
        self.engines: dict[str, Any] = {"vae": VAE}

    def begin(self, at: int = 100) -> None:
        super().begin(at)
        self.play(**self.engines)

    def play(self, **engines: Any) -> None:
        """Say which kinds of models play from now on."""
        self.engines = engines
        self.send("gauges", **GAUGES, engines=engines)

    def surface(self, number: int = 0) -> Any:
        return self.page.locator(".surface").nth(number)

    def point(self, across: float, up: float, number: int = 0) -> tuple[float, float]:
        """Return where a finger is at these values of a pad's two latents, in pixels of the page."""
        self.surface(number).scroll_into_view_if_needed()
        box = self.surface(number).bounding_box()
        handle = self.surface(number).locator("i").bounding_box()["width"]
        share = [(each + 3) / 6 for each in (across, -up)]
        x, y = (handle / 2 + each * (box["width"] - handle) for each in share)
        return box["x"] + x, box["y"] + y


@pytest.fixture
def stage(browser: Any) -> Iterator[VaeSession]:
    page = browser.new_page(viewport={"width": 1024, "height": 768})
    stage = VaeSession(page)
    stage.open()
    page.locator(".surface").first.wait_for()
    yield stage
    page.close()
    assert stage.errors == []


def test_a_pad_moves_two_latents_and_shows_what_is_in_force_once_it_is_let_go(stage: VaeSession) -> None:
    mouse = stage.page.mouse
    mouse.move(*stage.point(0.0, 0.0))
    mouse.down()
    assert dict(stage.sets()).keys() == {"vae.z1", "vae.z2"}
    took_ms = stage.surface().evaluate(DRAG, [stage.point(0.0, 0.0), stage.point(2.0, -1.0)])
    stage.send("values", values={"vae.z1": -3.0, "vae.z2": 3.0})  # as OSC or the terminal sets them
    sent = stage.sets()
    assert len(sent) <= 2 * (took_ms / 16 + 2)  # of 400: of each the first one, one a frame of the screen, the last one
    held = dict(sent)
    assert (held["vae.z1"], held["vae.z2"]) == (pytest.approx(2.0, abs=0.05), pytest.approx(-1.0, abs=0.05))
    assert stage.surface().evaluate(SHOWN) == pytest.approx([5 / 6, 1 / 3], abs=0.01)
    mouse.up()
    stage.page.wait_for_function("() => document.querySelector('.surface').style.getPropertyValue('--up') === '1'")
    assert stage.surface().evaluate(SHOWN) == [0.0, 1.0]
    assert stage.widget("vae.z1", "input").input_value() == "-3"
    mouse.dblclick(*stage.point(0.0, 0.0))
    assert dict(stage.sets()) == {"vae.z1": 0.0, "vae.z2": 0.0}


def test_two_fingers_move_four_latents(stage: VaeSession) -> None:
    touch = stage.page.context.new_cdp_session(stage.page)
    places = {0: (-2.0, 1.0), 1: (1.0, 2.0)}
    points = [{"x": x, "y": y, "id": n} for n, place in places.items() for x, y in [stage.point(*place, n)]]
    touch.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": points})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    wanted = {"vae.z1": -2.0, "vae.z2": 1.0, "vae.z4": 1.0, "vae.z8": 2.0}
    assert dict(stage.sets()) == {name: pytest.approx(value, abs=0.05) for name, value in wanted.items()}


def test_arrows_move_it_and_every_part_of_it_has_a_name(stage: VaeSession) -> None:
    density = stage.page.get_by_role("slider", name="density, across")
    for key, moved in {
        "ArrowRight": "vae.z1",
        "ArrowUp": "vae.z2",
        "ArrowLeft": "vae.z1",
        "ArrowDown": "vae.z2",
    }.items():
        before = stage.page.evaluate("livegen.link.values")[moved]
        density.press(key)
        (name, value), *more = stage.sets()
        assert (name, more) == (moved, [])
        assert value == pytest.approx(before + (0.05 if key in ("ArrowRight", "ArrowUp") else -0.05))
        stage.send("values", values={name: value})
        stage.page.wait_for_function(f"() => livegen.link.values['{name}'] === {value}")
    stage.page.get_by_role("slider", name="drums, up").press("End")
    assert stage.sets() == [("vae.z8", 3.0)]
    stage.page.keyboard.press("Space")
    assert stage.sets() == [("stop", True)]
    assert (unfit_widgets(stage.page), weak_texts(stage.page)) == ([], [])


def test_the_axes_are_chosen_by_the_names_of_the_model_and_kept(stage: VaeSession) -> None:
    stage.page.get_by_label("what pad 1 moves across").select_option("drums")  # which the other pad had
    chosen = "[...document.querySelectorAll('.axis select')].map((each) => each.value)"
    assert stage.page.evaluate(chosen) == ["drums", "register", "syncopation", "density"]
    stage.page.reload()
    stage.surface().wait_for()
    assert stage.page.evaluate(chosen) == ["drums", "register", "syncopation", "density"]
    stage.page.mouse.click(*stage.point(1.0, 0.0))
    assert dict(stage.sets()).keys() == {"vae.z8", "vae.z2"}
    stage.play(
        vae={**VAE, "latents": LATENTS[:-1]}
    )  # a model without drums: something else is there, not the same twice
    stage.page.wait_for_function(f"() => !{chosen}.includes('drums')")
    assert stage.page.evaluate(chosen) == ["rests", "register", "syncopation", "density"]
    stage.play(vae={**VAE, "voices": ["no"], "latents": ["drums"]})
    stage.surface(1).wait_for(state="hidden")
    stage.page.mouse.click(*stage.point(1.0, 2.0))
    assert dict(stage.sets()) == {"vae.z1": pytest.approx(1.0, abs=0.05)}
    stage.play(vae=VAE)
    stage.surface(1).wait_for()
    assert stage.page.evaluate(chosen) == ["drums", "register", "syncopation", "density"]


def test_what_another_page_has_kept_does_no_harm(stage: VaeSession) -> None:
    for kept in ('["density"]', "{}", "no JSON", '["a", "b", "c", 4]', "null"):
        stage.page.evaluate("(kept) => localStorage.setItem('livegen.xy', kept)", kept)
        stage.page.reload()
        stage.surface().wait_for()
        assert stage.page.locator(".axis select").first.input_value() == "density"


def test_it_stands_in_front_while_such_a_model_plays_and_else_with_the_rest(stage: VaeSession) -> None:
    morph = stage.widget("vae.morph")
    assert morph.is_visible()
    assert stage.page.locator(".engine h3").first.text_content() == "vae · P1 P2 TR NO"
    assert stage.widget("vae.z4", ".label").text_content() == "syncopation"
    assert stage.widget("vae.z4", "input").get_attribute("aria-label") == "syncopation, VAE z4"
    stage.play(lstm={"voices": ["p1"], "latents": [], "stored": []}, gan=GAN)
    morph.wait_for(state="hidden")
    stage.page.locator("summary", has_text="models of the kind vae").click()
    assert morph.is_visible()
    assert not stage.surface().is_visible()
    assert stage.widget("vae.z4", ".label").text_content() == "z4"
    assert stage.widget("no.gan.lock", "button").is_visible()


def test_stored_names_are_pads_that_recall_store_or_are_morphed_to(stage: VaeSession) -> None:
    pad = stage.page.get_by_role("button", name="recall place 2", exact=True)
    assert stage.page.get_by_role("button", name="recall place 3, empty").is_visible()
    pad.click()
    stage.widget("vae.towards").click()
    stage.page.get_by_role("button", name="morph to place 2").click()
    stage.widget("vae.store").click()
    stage.page.get_by_role("button", name="store place 3, empty").click()
    pad.click()
    presses = [("vae.recall", "2"), ("vae.towards", "2"), ("vae.store", "3"), ("vae.recall", "2")]
    assert stage.sets() == presses


def test_a_part_of_a_loop_is_locked_and_the_others_are_drawn_anew(stage: VaeSession) -> None:
    stage.play(gan=GAN)
    stage.page.get_by_role("switch", name="lock NO").click()
    stage.page.get_by_role("button", name="GAN reroll p2").click()
    stage.page.get_by_role("button", name="GAN reroll all").click()
    assert stage.sets() == [("no.gan.lock", True), ("gan.reroll", "p2"), ("gan.reroll", "all")]
    stage.send("values", values={"p1.gan.lock": True})
    stage.page.get_by_role("switch", name="lock P1", checked=True).wait_for()
    stage.page.locator("summary", has_text="models of the kind gan").click()
    stage.page.get_by_role("slider", name="variation TR").press("ArrowRight")
    assert stage.sets() == [("tr.gan.variation", 1)]
    assert stage.widget("tr.gan.variation", ".label").text_content() == "variation TR"


@dataclass(frozen=True)
class KnobDistribution(HashDistribution):
    """What a `KnobEngine` expects."""

    note: int

    def sample(self, *args: Any, **options: Any) -> Any:
        frame = super().sample(*args, **options)
        frame[Voice.P2, Column.NOTE] = self.note
        return frame


class KnobEngine(HashEngine):
    """A VAE of a kind: P2 plays a note that its first latent gives, four semitones for each unit."""

    latents = ("density", "register")

    def step(self, frame: Any, state: Any, conditions: Conditions = UNCONDITIONED) -> tuple[Any, Any]:
        distribution, after = super().step(frame, state, conditions)
        return KnobDistribution(distribution.digest, 60 + round(4 * float(conditions.knobs.get("z1", 0.0)))), after


def last_frame(session: Session) -> Any:
    """Return the last frame of the score that stands."""
    state = session.instrument.state
    return state.timeline.at(state.horizon - 1).planned.frame


def test_a_finger_on_it_is_heard_in_the_score(browser: Any) -> None:
    page = open_page(port=0)
    engine = KnobEngine("knobs", Info("vae"))
    settings = Settings(audio="null", midi_api="none", osc_port=0, seed=7)
    session = build_session(engine, load_patch("plain"), settings)
    stage, tab = Stage(session, page), browser.new_page()
    session.start(lambda: None)
    try:
        tab.goto(page.address)
        surface = tab.locator(".surface").first
        surface.wait_for()
        surface.click(position={"x": surface.bounding_box()["width"] - 3, "y": 3})  # as far as it goes
        for name in ("vae.z1", "vae.z2"):  # one comes after the other
            assert wait_until(lambda name=name: session.instrument.values[name] == CONTROLS[name].maximum), name
        assert wait_until(lambda: last_frame(session)[Voice.P2, Column.NOTE] == 72)
        session.receive(SetControl("vae.z1", -3.0), "test")  # as any other input
        tab.wait_for_function("() => document.querySelector('.surface').style.getPropertyValue('--across') === '0'")
    finally:
        tab.close()
        session.stop()
        stage.close()
