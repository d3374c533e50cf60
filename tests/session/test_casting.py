"""A model that lacks voices: who is silent, what is said of it, and to whom."""

import io
from collections.abc import Iterator

import pytest
from hash_engine import HashEngine
from livegen_process import OscClient
from rich.console import Console
from waiting import wait_until

from livegen.cli.screen import Screen
from livegen.controls import DEFAULTS, SAME, VOICE_PREFIX, Value
from livegen.engines.cast import Cast
from livegen.engines.ensemble import assemble
from livegen.engines.protocol import Info
from livegen.events import SetControl
from livegen.inputs.terminal import SOURCE as TERMINAL
from livegen.patch import load_patch
from livegen.session.build import build_session
from livegen.session.casting import Kind, casting_remark, kinds_in_force, unheeded_remark
from livegen.session.session import Session
from livegen.session.settings import Settings
from livegen.voices import Voice
from livegen.web.page.gauges import gauges

P1, P2, TR, NO = Voice
SOLO = "the model solo plays P1 alone"


def remark(roles: str, voices: tuple[Voice, ...] = (P1,), about: tuple[str, ...] = ("model",), **values: Value) -> str:
    """Return what is said where the roles of P1, P2, TR and NO begin with these letters."""
    words = {"p": "player", "m": "model", "o": "off"}
    named = {prefix + "role": words[role] for prefix, role in zip(VOICE_PREFIX.values(), roles, strict=True)}
    return casting_remark(Cast("solo"), voices, {**DEFAULTS, **named, **values}, about)


@pytest.mark.parametrize(
    ("roles", "says"),
    [
        ("pmmm", f"{SOLO}, so P2, TR and NO are silent: set p1.role to model to hear it while you play"),
        ("mmpp", f"{SOLO}, so P2 is silent: set p2.role to player to play there"),
        ("pooo", f"{SOLO}, which is yours: set p1.role to model to hear it while you play"),
        ("oppp", f"{SOLO}, which is off: set p1.role to model to hear it while you play"),
        ("mppo", ""),
    ],
)
def test_it_says_who_is_silent_and_what_to_set(roles: str, says: str) -> None:
    assert remark(roles) == (f"{says}, or choose another model" if says else "")


def test_a_model_that_takes_turns_plays_the_player_s_voices() -> None:
    assert remark("pppp", mode="answer") == ""
    assert "set p2.role to player to play there" in remark("pmpp", mode="trade")
    assert "set p1.role to model" in remark("pppp", mode="accompany")


def test_a_model_of_all_voices_needs_no_word_and_one_of_two_is_told_of_in_the_plural() -> None:
    assert remark("pppp", tuple(Voice)) == remark("mmmm", tuple(Voice)) == ""
    assert remark("pmmm", (P2, TR)).startswith("the model solo plays P2 and TR, so NO is silent")
    assert remark("oppo", (P2, TR)).startswith("the model solo plays P2 and TR, which are yours: set p2.role to model")


def test_of_a_role_only_what_it_leads_to_is_said() -> None:
    assert remark("mmmm", about=("p2.role",)).startswith(SOLO)
    assert remark("mpmm", about=("p2.role",)) == ""
    assert remark("pmmm", about=("p1.role",)).startswith(SOLO)
    assert remark("mmmm", about=("p1.role", "temperature")) == ""


def test_of_several_models_it_says_all_and_of_none_that_plays_what_to_do() -> None:
    cast = Cast("bass", (SAME, SAME, SAME, "drums"))
    values = {**DEFAULTS, "p1.role": "player"}
    said = casting_remark(cast, (TR, NO), values)
    assert said.startswith("the models bass and drums play TR and NO, so P2 is silent: set p2.role to player")
    assert casting_remark(cast, (), values) == "the models bass, no=drums play no voice here: choose others"


class SoloEngine(HashEngine):
    """It plays P1 alone."""

    def __init__(self, name: str) -> None:
        super().__init__(name, Info("hash", (P1,)))


@pytest.fixture
def solo() -> Iterator[Session]:
    settings = Settings(audio="null", midi_api="none", osc_port=0, seed=7)
    session = build_session(SoloEngine("solo"), load_patch("plain"), settings)
    session.start(lambda: None)
    yield session
    session.stop()
    assert (session.status.faults, session.status.last_fault) == (0, "")


def shown(session: Session) -> str:
    console = Console(file=io.StringIO(), force_terminal=True, width=200, height=60)
    with Screen(session, console) as screen:
        screen.update()
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_from_the_start_the_screen_and_the_page_say_so_until_it_is_mended(solo: Session) -> None:
    assert shown(solo).count("none in this model") >= 3
    assert f"note: {solo.casting}" in shown(solo)
    told = gauges(solo)
    assert (told["lacks"], told["troubles"][0]) == (["p2", "tr", "no"], solo.casting)
    for name, role in (("p1.role", "model"), ("p2.role", "off"), ("tr.role", "player"), ("no.role", "player")):
        solo.receive(SetControl(name, role), TERMINAL)
    assert wait_until(lambda: solo.casting == "")
    assert "none in this model" not in shown(solo)
    assert not any(SOLO in trouble for trouble in gauges(solo)["troubles"])


def test_who_asks_over_osc_is_told_though_nobody_registered(solo: Session) -> None:
    solo.receive(SetControl("p2.role", "player"), TERMINAL)
    osc = OscClient(solo.osc.port)
    try:
        osc.send("/livegen/p2/role", "model")
        (sentence,) = osc.receive_from("/livegen/news")
        assert str(sentence).startswith(f"{SOLO}, so P2, TR and NO are silent")
        assert osc.receive_from("/livegen/p2/role") == ["model"]
        assert wait_until(lambda: solo.desk.news == sentence)
    finally:
        osc.close()


class Knobs(HashEngine):
    """One whose latents have names."""

    def __init__(self, name: str, voices: tuple[Voice, ...], latents: tuple[str, ...]) -> None:
        super().__init__(name, Info("vae", voices))
        self.latents = latents


def test_kinds_say_which_voices_they_play_and_what_their_latents_are_called() -> None:
    assert kinds_in_force(HashEngine(), Cast("hash")) == {"hash": Kind(tuple(Voice), ())}
    models = {
        "hash": HashEngine(),
        "tunes": Knobs("tunes", (P1, P2, TR), ("density", "register")),
        "beats": Knobs("beats", (NO,), ("drums",)),
    }
    cast = Cast("hash", (SAME, "tunes", SAME, "beats"))
    assert kinds_in_force(assemble(cast, models), cast) == {
        "hash": Kind((P1, TR), ()),
        "vae": Kind((P2, NO), ("density / drums", "register")),
    }
    of_all = Cast("tunes")
    assert kinds_in_force(models["tunes"], of_all) == {"vae": Kind((P1, P2, TR), ("density", "register"))}


def test_a_control_that_no_model_heeds_is_told_to_wait() -> None:
    band = assemble(
        Cast("hash", (SAME, SAME, SAME, "drums")), {"hash": HashEngine(), "drums": HashEngine("drums", Info("gan"))}
    )
    assert unheeded_remark(["gan.morph", "temperature"], band) == ""
    assert unheeded_remark(["gan.morph"], HashEngine()).startswith("the controls of gan wait: no model")
    assert unheeded_remark(["p1.gan.lock"], HashEngine()) != ""


def test_who_sets_it_over_osc_is_told_and_it_is_set(solo: Session) -> None:
    osc = OscClient(solo.osc.port)
    try:
        osc.send("/livegen/vae/z1", 1.5)
        (sentence,) = osc.receive_from("/livegen/news")
        assert osc.receive_from("/livegen/vae/z1") == [1.5]
        assert str(sentence).startswith("the controls of vae wait: no model of that kind plays")
        osc.send("/livegen/vae/z2", 1.0)  # which is not said again
        osc.send("/livegen/temperature", 1.0)
        assert [osc.receive()[0] for _ in range(2)] == ["/livegen/vae/z2", "/livegen/temperature"]
    finally:
        osc.close()
