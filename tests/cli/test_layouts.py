"""Layouts are what the table makes them, and name every address that there is and no other."""

import csv
import io
import json
from collections.abc import Iterator
from typing import Any

import pytest

from livegen.cli.layouts import LAYOUTS, TARGET, open_stage_control, touchosc
from livegen.controls import ADDRESSES, CONTROLS, DEFAULTS, OSC_PREFIX, osc_address, parse_value
from livegen.inputs.osc import _COMMANDS, DEFAULT_PORT
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


SESSION = json.loads(open_stage_control())
DRAWN = {widget["id"]: widget for widget in widgets(SESSION["content"]) if widget["type"] not in CONTAINERS}


@pytest.mark.parametrize("program", LAYOUTS)
def test_the_file_in_the_tree_is_the_one_that_the_code_makes(program: str) -> None:
    """`livegen controls --layout PROGRAM > patches/layouts/FILE` makes it so."""
    file, make = LAYOUTS[program]
    assert (patches_folder() / "layouts" / file).read_text(encoding="utf-8") == make()


def test_a_session_has_a_widget_for_every_control_and_no_other() -> None:
    assert (SESSION["createdWith"], SESSION["type"]) == ("Open Stage Control", "session")
    assert tuple(map(int, SESSION["version"].split("."))) > (1, 24, 2)  # or the program would convert it
    assert set(DRAWN) == set(CONTROLS)
    ids = [widget["id"] for widget in widgets(SESSION["content"])]
    assert len(ids) == len(set(ids))  # widgets with one id are one to Open Stage Control
    assert {widget["address"] for widget in DRAWN.values()} == set(ADDRESSES)
    assert {widget["target"] for widget in DRAWN.values()} == {TARGET} == {f"127.0.0.1:{DEFAULT_PORT}"}
    assert all(widget["bypass"] for widget in widgets(SESSION["content"]) if widget["type"] in CONTAINERS)


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
        sent = widget["values"]
    elif widget["type"] == "button":
        sent = [widget["on"], widget.get("off", 0)]
        assert widget["mode"] == ("toggle" if control.kind == "bool" else "tap")
    elif widget["type"] == "dropdown":
        sent = widget["values"]
    for value in sent:
        parse_value(name, value)
    if not control.is_action:
        assert parse_value(name, widget["default"]) == DEFAULTS[name]


def test_a_session_asks_for_what_is_in_force() -> None:
    script = SESSION["content"]["onCreate"]
    called = [line.split("'")[3] for line in script.splitlines()]
    assert called == [f"{OSC_PREFIX}/register", f"{OSC_PREFIX}/dump"]
    assert set(called) <= set(_COMMANDS)


def test_the_address_list_has_a_row_for_every_control() -> None:
    rows = list(csv.DictReader(io.StringIO(touchosc())))
    assert [row["address"] for row in rows] == [osc_address(name) for name in CONTROLS]
    for row, (name, control) in zip(rows, CONTROLS.items(), strict=True):
        if control.kind in ("float", "int"):
            assert (float(row["from"]), float(row["to"])) == (control.minimum, control.maximum)
        assert row["words"].split() == list(control.choices)
        if not control.is_action:
            assert parse_value(name, row["default"]) == DEFAULTS[name]
