"""Layouts for programs that control livegen by OSC from a tablet or a phone, made from the table of controls.

When a layout is opened it asks for every value, and from then on it is told of every change.
"""

import csv
import io
import json
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from livegen.controls import CONTROLS, DEFAULTS, OSC_PREFIX, VOICE_PREFIX, Control, Value, osc_address

TARGET: Final = "127.0.0.1:9124"
"""Address of livegen in the layout: the same machine on which Open Stage Control runs."""

_VERSION: Final = "1.27.0"  # version of Open Stage Control, which converts sessions of 1.24.2 and older
_COLUMNS: Final = 8
_ROW_HEIGHT: Final = 110
_DECIMALS: Final = 3
_OPEN_SCRIPT: Final = f"send('{TARGET}', '{OSC_PREFIX}/register')\nsend('{TARGET}', '{OSC_PREFIX}/dump')"


def open_stage_control() -> str:
    """Return a session of Open Stage Control as JSON (https://openstagecontrol.ammd.net/docs/): a tab for each voice.

    The program has defaults for properties that a widget leaves out.
    """
    tabs = {"all": "", **{voice.name: prefix for voice, prefix in VOICE_PREFIX.items()}}
    session = {
        "createdWith": "Open Stage Control",
        "version": _VERSION,
        "type": "session",
        "content": {
            "type": "root",
            "id": "root",
            "bypass": True,  # do not send by OSC which tab is open
            "onCreate": _OPEN_SCRIPT,
            "tabs": [_tab(label, prefix) for label, prefix in tabs.items()],
        },
    }
    return json.dumps(session, indent=1) + "\n"


def touchosc() -> str:
    """Return the addresses and what to draw for each, as CSV, to build or check a layout of TouchOSC by hand.

    TouchOSC's own files hold drawings; its editor takes an address, a range and a type for each control.
    """
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(("address", "control", "argument", "from", "to", "words", "default", "unit", "what it does"))
    for name, control in CONTROLS.items():
        default = DEFAULTS.get(name, control.argument)
        shown = int(default) if isinstance(default, bool) else default
        is_number = control.kind not in ("choice", "name")
        span = (_number(control.minimum), _number(control.maximum)) if is_number else ("", "")
        row = (*span, " ".join(control.choices), shown, control.unit, control.description)
        rows.writerow((osc_address(name), *_TOUCHOSC[control.kind], *row))
    return text.getvalue()


LAYOUTS: Final[Mapping[str, tuple[str, Callable[[], str]]]] = MappingProxyType(
    {
        "open-stage-control": ("open-stage-control.json", open_stage_control),
        "touchosc": ("touchosc.csv", touchosc),
    }
)
"""By the name of a program: the name of the layout's file, and the function that makes it."""

_TOUCHOSC: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "float": ("fader", "float"),
        "int": ("fader", "int"),
        "bool": ("toggle button", "int"),
        "choice": ("button for each word", "string"),
        "trigger": ("push button", "int"),
        "count": ("push button", "int"),
        "name": ("button for each word", "string"),
    }
)


def _tab(label: str, prefix: str) -> dict[str, Any]:
    names = [name for name in CONTROLS if (name.startswith(prefix) if prefix else "." not in name)]
    return {
        "type": "tab",
        "id": f"tab {label}",
        "label": label,
        "bypass": True,
        "layout": "grid",
        "gridTemplate": _COLUMNS,
        "widgets": [_cell(name, CONTROLS[name], name.removeprefix(prefix)) for name in names],
    }


def _cell(name: str, control: Control, label: str) -> dict[str, Any]:
    """Return a widget under its label."""
    unit = f" ({control.unit})" if control.unit else ""
    return {
        "type": "panel",
        "id": f"panel {name}",
        "bypass": True,
        "layout": "vertical",
        "height": _ROW_HEIGHT,
        "alphaStroke": 0,
        "comments": control.description,
        "html": f"{label}{unit}",
        "widgets": [_widget(name, control, label)],
    }


def _widget(name: str, control: Control, label: str) -> dict[str, Any]:
    common = {"id": name, "address": osc_address(name), "target": TARGET, "expand": True}
    return common | _WIDGETS[control.kind](control, label, DEFAULTS.get(name, control.argument))


def _fader(control: Control, _label: str, default: Value) -> dict[str, Any]:
    is_whole = control.kind == "int"
    return {
        "type": "fader",
        "horizontal": True,
        "range": {"min": _number(control.minimum), "max": _number(control.maximum)},
        "steps": int(control.maximum - control.minimum) + 1 if is_whole else "",
        "decimals": 0 if is_whole else _DECIMALS,
        "typeTags": "i" if is_whole else "f",
        "default": default,
    }


def _button(mode: str) -> Callable[[Control, str, Value], dict[str, Any]]:
    def make(control: Control, label: str, default: Value) -> dict[str, Any]:
        on = int(default) if control.kind == "count" else 1
        widget = {"type": "button", "label": label, "mode": mode, "typeTags": "i", "decimals": 0, "on": on}
        return widget | ({"off": 0, "default": int(default)} if mode == "toggle" else {})

    return make


def _switch(control: Control, _label: str, default: Value) -> dict[str, Any]:
    return {"type": "switch", "layout": "grid", "values": list(control.choices), "typeTags": "s", "default": default}


def _word(control: Control, _label: str, _default: Value) -> dict[str, Any]:
    if control.names_control:
        return {"type": "dropdown", "values": list(CONTROLS), "typeTags": "s"}
    return {"type": "input", "typeTags": "s", "validation": "^.+$"}  # else it sends even an empty text on leaving it


_WIDGETS: Final[Mapping[str, Callable[[Control, str, Value], dict[str, Any]]]] = MappingProxyType(
    {
        "float": _fader,
        "int": _fader,
        "bool": _button("toggle"),
        "choice": _switch,
        "trigger": _button("tap"),
        "count": _button("tap"),
        "name": _word,
    }
)


def _number(number: float) -> float:
    return int(number) if float(number).is_integer() else number
