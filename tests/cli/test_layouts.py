"""Layouts are what the table makes them, and name every address that there is and no other."""

import csv
import io
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hash_engine import HashEngine
from livegen_process import OscClient
from osc_packets import message
from recorded_jam import TOLD

from livegen.cli.layouts import LAYOUTS, PADS, TARGET, open_stage_control, touchosc
from livegen.controls import ADDRESSES, CONTROLS, DEFAULTS, OSC_PREFIX, osc_address, parse_value
from livegen.inputs.osc import _COMMANDS, DEFAULT_PORT
from livegen.inputs.osc_message import targets_of
from livegen.patch import load_patch
from livegen.session.build import build_session
from livegen.session.session import Session
from livegen.session.settings import Library, Settings
from livegen.session.songs import Songs
from livegen.system.resources import patches_folder

CONTAINERS = {"root", "tab", "panel"}
WIDGETS = {
    "float": {"fader"},
    "int": {"fader"},
    "bool": {"button"},
    "trigger": {"button"},
    "count": {"button"},
    "choice": {"switch"},
    "name": {"input", "dropdown"},
}


def widgets(inside: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield inside
    for child in [*inside.get("tabs", []), *inside.get("widgets", [])]:
        yield from widgets(child)


ROWS = list(csv.DictReader(io.StringIO(touchosc())))
SESSION = json.loads(open_stage_control())
DRAWN = {widget["id"]: widget for widget in widgets(SESSION["content"]) if widget["type"] not in CONTAINERS}


@pytest.mark.parametrize("program", LAYOUTS)
def test_the_file_in_the_tree_is_the_one_that_the_code_makes(program: str) -> None:
    """`livegen controls --layout PROGRAM > patches/layouts/FILE` makes it so."""
    file, make = LAYOUTS[program]
    assert (patches_folder() / "layouts" / file).read_text(encoding="utf-8") == make()


def test_a_session_has_a_widget_for_every_control_and_pads_to_store_and_recall() -> None:
    assert (SESSION["createdWith"], SESSION["type"]) == ("Open Stage Control", "session")
    assert tuple(map(int, SESSION["version"].split("."))) > (1, 24, 2)  # or the program would convert it
    pads = {f"{osc_address(name)}/{word}" for name in STORES for word in PADS}
    assert {widget["address"] for widget in DRAWN.values()} == {*ADDRESSES, *pads}
    assert set(DRAWN) == {*CONTROLS, *(f"{name} {word}" for name in STORES for word in PADS)}
    ids = [widget["id"] for widget in widgets(SESSION["content"])]
    assert len(ids) == len(set(ids))  # widgets with one id are one to Open Stage Control
    assert {widget["target"] for widget in DRAWN.values()} == {TARGET} == {f"127.0.0.1:{DEFAULT_PORT}"}
    assert all(widget["bypass"] for widget in widgets(SESSION["content"]) if widget["type"] in CONTAINERS)


def test_labels_are_words() -> None:
    shown = [widget[key] for widget in widgets(SESSION["content"]) for key in ("html", "label") if key in widget]
    shown += [label for widget in DRAWN.values() for label in widget.get("values", ())]
    shown += [row["label"] for row in ROWS]
    assert len(shown) > len(CONTROLS)
    assert all(re.fullmatch(r"[A-Za-z0-9#]+( [A-Za-z0-9#]+)*( \([A-Za-z ]+\))?", label) for label in shown), shown


@pytest.mark.parametrize("name", CONTROLS)
def test_a_widget_sends_what_its_control_takes(name: str) -> None:
    widget, control = DRAWN[name], CONTROLS[name]
    assert widget["type"] in WIDGETS[control.kind]
    assert ADDRESSES[widget["address"]] == name
    sent: list[Any] = []
    if widget["type"] == "fader":
        sent = [widget["range"]["min"], widget["range"]["max"]]
        assert sent == [control.minimum, control.maximum]
    elif widget["type"] == "switch":
        sent = list(widget["values"].values())
        assert sent == list(control.choices)
    elif widget["type"] == "button":
        sent = [widget["on"], widget.get("off", 0)]
        assert widget["mode"] == ("toggle" if control.kind == "bool" else "tap")
    elif widget["type"] == "dropdown":
        sent = list(widget["values"].values())
        assert sent == list(CONTROLS)
    for value in sent:
        parse_value(name, value)
    if not control.is_action:
        assert parse_value(name, widget["default"]) == DEFAULTS[name]


def test_a_session_asks_for_what_is_in_force() -> None:
    script = SESSION["content"]["onCreate"]
    called = [line.split("'")[3] for line in script.splitlines()]
    assert called == [f"{OSC_PREFIX}/register", f"{OSC_PREFIX}/dump"]
    assert set(called) <= set(_COMMANDS)


def test_the_address_list_reaches_every_control() -> None:
    reached = [(row, targets_of(row["address"])) for row in ROWS]
    assert {target.name for _, (target,) in reached} == set(CONTROLS)
    assert len({row["address"] for row in ROWS}) == len(ROWS)
    for row, (target,) in reached:
        control = CONTROLS[target.name]
        if control.kind in ("float", "int"):
            assert (float(row["from"]), float(row["to"])) == (control.minimum, control.maximum)
            assert parse_value(target.name, row["default"]) == DEFAULTS[target.name]
        if target.word is not None:
            assert parse_value(target.name, target.word) == target.word


class Sent:
    """A program with a layout, and a jam that it controls."""

    def __init__(self, session: Session, osc: OscClient) -> None:
        self.session, self.osc = session, osc

    def answer(self, address: str, tag: str, argument: object = None) -> tuple[str, list[object]]:
        """Send one message with an argument of a type, and return what comes back."""
        self.osc.send_packet(message(address, tag, *([] if tag in "TFNI" else [argument])))
        answered = self.osc.receive()
        while answered[0] == "/livegen/news":  # that a control waits for a model that heeds it
            answered = self.osc.receive()
        return answered

    def moves(self, name: str, address: str, tag: str, argument: object) -> None:
        """Send one message, and see that its control has its value and that it is answered."""
        answered, (value,) = self.answer(address, tag, argument)
        if name in OF_A_SET_LIST:  # of which this jam has none: tests/session/test_songs.py has one
            is_asked = argument == 1.0 and name == "song"  # without a name, a press asks which song plays
            refusal = Songs().ask(name, argument)[1]
            assert (answered, value) == (("/livegen/song", "") if is_asked else ("/livegen/error", refusal))
            return
        assert answered == osc_address(name), value
        if not CONTROLS[name].is_action:
            assert self.session.instrument.values[name] == pytest.approx(value)
            expected = address.removeprefix(f"{osc_address(name)}/") if address != osc_address(name) else argument
            assert value == (expected if isinstance(expected, str) else pytest.approx(expected))


@pytest.fixture
def sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sent]:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    library = Library(patches={name: load_patch(name) for name in ("plain", "lead")})
    take = replace(TOLD, folder=tmp_path / "takes")
    settings = Settings(audio="null", midi_api="none", osc_port=0, seed=7, library=library, take=take)
    session = build_session(HashEngine(), load_patch("plain"), settings)
    session.start(lambda: None)
    osc = OscClient(session.osc.port)
    yield Sent(session, osc)
    osc.close()
    session.stop()
    assert session.status.faults == 0


STORES = ("store", "recall", "vae.store", "vae.recall", "gan.store", "gan.recall")
WORDS_TYPED = {
    "patch": "lead",
    "model": "hash",
    "save": "gig",
    "store": "mine",
    "recall": "mine",
    "towards": "mine",
    "reroll": "no",
    "solo": "p2",
    "song": "night",
    "move": "l",
    "path": "lr",
}
OF_A_SET_LIST = {"next", "previous", "song"}


def test_every_widget_of_open_stage_control_moves_its_control_and_is_answered(sent: Sent) -> None:
    """What they send: https://openstagecontrol.ammd.net/docs/widgets/properties-reference/.

    A fader sends its value, a switch or a dropdown the value of a label, an input what is typed, a toggle ``on`` and
    ``off``, a tap ``on`` alone; the types are those of ``typeTags``.
    """
    for widget in DRAWN.values():
        (target,) = targets_of(widget["address"])
        tag = widget["typeTags"]
        if widget["type"] == "fader":
            low, high = widget["range"]["min"], widget["range"]["max"]
            values = [low, high, (low + high) / 2 if tag == "f" else (low + high) // 2]
        elif widget["type"] in ("switch", "dropdown"):
            values = list(widget["values"].values())
        elif widget["type"] == "input":
            values = [WORDS_TYPED[target.name.rpartition(".")[2]]]
        else:
            values = [widget["on"], *([widget["off"]] if widget["mode"] == "toggle" else [])]
        for value in values:
            sent.moves(target.name, widget["address"], tag, value)


def test_every_widget_of_touchosc_moves_its_control_and_is_answered_once(sent: Sent) -> None:
    """What they send: https://hexler.net/touchosc/manual/editor-messages-osc.

    A fader sends its place within its range, and a button 1.0 when it is pressed and 0.0 when it comes up.
    """
    for row in ROWS:
        (target,) = targets_of(row["address"])
        if row["control"] == "fader":
            low, high = float(row["from"]), float(row["to"])
            for value in (low, high, low + round((high - low) / 3)):
                tag, number = ("i", int(value)) if row["argument"] == "int" else ("f", value)
                sent.moves(target.name, row["address"], tag, number)
        else:
            sent.moves(target.name, row["address"], "f", 1.0)
            if row["control"] == "toggle button":
                sent.moves(target.name, row["address"], "f", 0.0)
            else:
                sent.osc.send_packet(message(row["address"], "f", 0.0))
                # had it fired again, its answer would come before this one
                assert sent.answer("/livegen/lookahead", "i", 12)[0] == "/livegen/lookahead"
