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
from livegen.voices import VOICE_OF_NAME

TARGET: Final = "127.0.0.1:9124"
"""Address of livegen in the layout: the same machine on which Open Stage Control runs."""

_VERSION: Final = "1.27.0"  # version of Open Stage Control, which converts sessions of 1.24.2 and older
_COLUMNS: Final = 8
_ROW_HEIGHT: Final = 110
_DECIMALS: Final = 3
PADS: Final = ("intro", "verse", "chorus", "bridge")
"""Names that the layouts have pads for, to store under and recall."""

_STORES: Final = ("store", "recall", "vae.store", "vae.recall", "gan.store", "gan.recall")
_LABELS: Final[Mapping[str, str]] = MappingProxyType(
    {"top_p": "top p", "bpm": "tempo", "key_low": "lowest key", "key_high": "highest key", "patch": "patch (sounds)"}
)
"""Words for a musician where the name of a control with its underscores gone is none."""

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
    """Return what to draw, as CSV: what a layout of TouchOSC is built from, or checked by.

    TouchOSC's own files hold drawings; its editor takes an address, a range and a type for each control. Its buttons
    send 1.0 when they are pressed and 0.0 when they come up, so a word stands in the address of its button.
    """
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(("address", "label", "control", "argument", "from", "to", "default", "unit", "what it does"))
    for name, control in CONTROLS.items():
        label = f"{_voice_of(name)}{label_of(name)}"
        rest = (control.unit, control.description)
        if control.kind in ("float", "int"):
            span = (_number(control.minimum), _number(control.maximum))
            rows.writerow((osc_address(name), label, "fader", control.kind, *span, DEFAULTS[name], *rest))
            continue
        if control.kind == "bool":
            rows.writerow((osc_address(name), label, "toggle button", "float", 0, 1, int(DEFAULTS[name]), *rest))
            continue
        if control.is_action:
            rows.writerow((osc_address(name), label, "push button", "float", 0, 1, 0, *rest))
        for word in PADS if name in _STORES else control.choices:
            words = f"{label} {word.replace('_', ' ')}"
            rows.writerow((f"{osc_address(name)}/{word}", words, "push button", "float", 0, 1, 0, *rest))
    return text.getvalue()


LAYOUTS: Final[Mapping[str, tuple[str, Callable[[], str]]]] = MappingProxyType(
    {
        "open-stage-control": ("open-stage-control.json", open_stage_control),
        "touchosc": ("touchosc.csv", touchosc),
    }
)
"""By the name of a program: the name of the layout's file, and the function that makes it."""


def _tab(label: str, prefix: str) -> dict[str, Any]:
    names = [name for name in CONTROLS if (name.startswith(prefix) if prefix else not _voice_of(name))]
    return {
        "type": "tab",
        "id": f"tab {label}",
        "label": label,
        "bypass": True,
        "layout": "grid",
        "gridTemplate": _COLUMNS,
        "widgets": [_cell(name, CONTROLS[name]) for name in names],
    }


def label_of(name: str) -> str:
    """Return the words for a control by its full name, without the voice: its tab says that."""
    plain = name.partition(".")[2] if _voice_of(name) else name
    return _LABELS.get(plain, plain.replace("_", " ").replace(".", " "))


def _cell(name: str, control: Control) -> dict[str, Any]:
    """Return a widget under its label, and its pads under that."""
    unit = f" ({control.unit})" if control.unit else ""
    label = label_of(name)
    pads = [_pad(name, word) for word in PADS] if name in _STORES else []
    return {
        "type": "panel",
        "id": f"panel {name}",
        "bypass": True,
        "layout": "vertical",
        "height": _ROW_HEIGHT * (2 if pads else 1),
        "alphaStroke": 0,
        "comments": control.description,
        "html": f"{label}{unit}",
        "widgets": [_widget(name, control, label), *pads],
    }


def _pad(name: str, word: str) -> dict[str, Any]:
    common = {"id": f"{name} {word}", "address": f"{osc_address(name)}/{word}", "target": TARGET, "expand": True}
    return common | _BUTTON | {"label": f"{label_of(name)} {word}", "mode": "tap"}


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


_BUTTON: Final = {"type": "button", "typeTags": "i", "decimals": 0, "on": 1}


def _button(mode: str) -> Callable[[Control, str, Value], dict[str, Any]]:
    def make(control: Control, label: str, default: Value) -> dict[str, Any]:
        on = int(default) if control.kind == "count" else 1
        widget = _BUTTON | {"label": label, "mode": mode, "on": on}
        return widget | ({"off": 0, "default": int(default)} if mode == "toggle" else {})

    return make


def _switch(control: Control, _label: str, default: Value) -> dict[str, Any]:
    values = {word.replace("_", " "): word for word in control.choices}
    return {"type": "switch", "layout": "grid", "values": values, "typeTags": "s", "default": default}


def _word(control: Control, _label: str, _default: Value) -> dict[str, Any]:
    if control.names_control:
        values = {f"{_voice_of(name)}{label_of(name)}": name for name in CONTROLS}
        return {"type": "dropdown", "values": values, "typeTags": "s"}
    return {"type": "input", "typeTags": "s", "validation": "^.+$"}  # else it sends whenever it is left


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


def _voice_of(name: str) -> str:
    voice = name.partition(".")[0]
    return f"{voice.upper()} " if voice in VOICE_OF_NAME else ""


def _number(number: float) -> float:
    return int(number) if float(number).is_integer() else number
