"""OSCQuery: the controls as a tree that other programs read, by Vidvox's proposal.

The path in a request is an OSC address, and the answer is JSON: a container has CONTENTS, a method has TYPE, ACCESS and
so on. See https://github.com/Vidvox/OSCQueryProposal. The types are those that livegen sends and takes by OSC:

========= ==== ===================================================================================
float     f
int       i
bool      i    0 or 1, as in livegen's answers: a client that expects T or F would not understand them
choice    s    one of VALS
trigger   N    write only, as all actions are; it fires by N, I, T, 1.0 or nothing at all, for which clients draw a
               button, and F or 0 does nothing, as a button that comes up
count     i
name      s    that of a patch or a model can be read too
========= ==== ===================================================================================
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import parse_qsl

from livegen.controls import ADDRESSES, CONTROLS, MODEL_CONTROLS, OSC_PREFIX, SAME, Control, Value
from livegen.inputs.osc_message import MIDI, NOTE, NOTE_RANGES
from livegen.voices import Voice
from livegen.web.server.door import is_everywhere

Node = dict[str, Any]
"""One node of the tree, in the form in which JSON has it."""

ATTRIBUTES: Final = (
    *("FULL_PATH", "CONTENTS", "DESCRIPTION", "TYPE", "ACCESS", "VALUE", "RANGE", "CLIPMODE", "UNIT"),
    *("TAGS", "EXTENDED_TYPE", "CRITICAL", "OVERLOADS"),  # the proposal has them, but no node here does
)
"""Attributes of a node that a request may ask for."""

EXTENSIONS: Final[Mapping[str, bool]] = {
    **dict.fromkeys(("ACCESS", "VALUE", "RANGE", "DESCRIPTION", "CLIPMODE", "UNIT"), True),
    **dict.fromkeys(("LISTEN", "IGNORE", "PATH_CHANGED"), True),
    **dict.fromkeys(("TAGS", "EXTENDED_TYPE", "CRITICAL", "OVERLOADS", "ECHO", "HTML"), False),
    **dict.fromkeys(("PATH_ADDED", "PATH_REMOVED", "PATH_RENAMED"), False),
}

_TYPES: Final = {
    **{"float": "f", "int": "i", "bool": "i", "choice": "s"},
    **{"trigger": "N", "count": "i", "name": "s"},
}
_UNITS: Final = {"BPM": "time.bpm", "ms": "time.ms", "MIDI key": "time.midinote"}
"""Units that the proposal has a name for: https://github.com/Vidvox/OSCQueryProposal/blob/master/units.md."""

_NONE, _WRITE_ONLY, _READ_WRITE = 0, 2, 3
_PORT: Final = {"MIN": 1, "MAX": 65535}


def _command(address: str, types: str, ranges: Sequence[Mapping[str, Any]], description: str) -> Node:
    return _method(address, types, description) | ({"RANGE": list(ranges)} if ranges else {})


def _method(address: str, types: str, description: str) -> Node:
    return {"FULL_PATH": address, "TYPE": types, "ACCESS": _WRITE_ONLY, "DESCRIPTION": description}


_COMMANDS: Final = (
    _command(
        NOTE,
        "iii",
        [{"MIN": lowest, "MAX": highest} for lowest, highest in NOTE_RANGES.values()],
        "a key: channel, note, velocity; velocity 0 releases it, and a float up to 1 is a share of 127",
    ),
    _command(MIDI, "m", [], "a MIDI message, or its bytes"),
    _command(f"{OSC_PREFIX}/register", "i", [_PORT], "by UDP: answers and news go to this port of the sender"),
    _command(f"{OSC_PREFIX}/unregister", "i", [_PORT], "by UDP: they do so no more"),
    _command(f"{OSC_PREFIX}/dump", "N", [], "send every value in force"),
)

_CONTAINERS: Final = {
    "/": "livegen",
    OSC_PREFIX: "an instrument: a neural model that plays a four-voice NES chip",
    **{
        f"{OSC_PREFIX}/{voice.name.lower()}": f"the {what}"
        for voice, what in zip(Voice, ("first pulse voice", "second pulse voice", "triangle", "noise"), strict=True)
    },
    f"{OSC_PREFIX}/tonnetz": "the lattice of chords that lead the model",
    **{
        address.rpartition("/")[0]: f"what models of the kind {CONTROLS[name].engine} alone heed"
        for address, name in ADDRESSES.items()
        if CONTROLS[name].engine
    },
}


class UnknownAttributeError(ValueError):
    """A query asks for an attribute that does not exist."""


def namespace(values: Mapping[str, Value], names: Mapping[str, Sequence[str]]) -> Node:
    """Return the whole tree.

    Parameters
    ----------
    values : mapping
        Controls in force, and which patch and models play.
    names : mapping
        The choices of controls that take a name: for ``patch``, the names of the patches.
    """
    methods = [_control_node(address, values.get(name), names.get(name, ())) for address, name in ADDRESSES.items()]
    nodes: dict[str, Node] = {
        path: {"FULL_PATH": path, "ACCESS": _NONE, "DESCRIPTION": description, "CONTENTS": {}}
        for path, description in _CONTAINERS.items()
    } | {node["FULL_PATH"]: node for node in (*methods, *_COMMANDS)}
    for path, node in nodes.items():
        parent, _, name = path.rpartition("/")
        if name:
            nodes[parent or "/"]["CONTENTS"][name] = node
    return nodes["/"]


def _control_node(address: str, value: Value | None, names: Sequence[str]) -> Node:
    control = CONTROLS[ADDRESSES[address]]
    node = _method(address, _TYPES[control.kind], control.description)
    if not control.is_action or value is not None:
        node["ACCESS"] = _READ_WRITE
        if value is not None:
            node["VALUE"] = [int(value) if isinstance(value, bool) else value]
    span = _range(control, names)
    if span:
        node["RANGE"] = [span]
        if control.kind in ("float", "int", "count"):
            node["CLIPMODE"] = ["both"]
    if control.unit:
        node["UNIT"] = [_UNITS.get(control.unit, control.unit)]
    return node


def _range(control: Control, names: Sequence[str]) -> dict[str, Any]:
    if control.kind == "float":
        return {"MIN": float(control.minimum), "MAX": float(control.maximum)}
    if control.kind in ("int", "count"):
        return {"MIN": round(control.minimum), "MAX": round(control.maximum)}
    if control.kind == "bool":
        return {"MIN": 0, "MAX": 1}
    vals = control.choices or names
    return {"VALS": list(vals)} if vals else {}


def choices_of(hello: Mapping[str, Any]) -> Mapping[str, list[str]]:
    """Return the choices in a hello message, by the control that chooses among them."""
    models = hello.get("models", [])
    said = {"patch": hello.get("patches", []), "model": models}
    said |= {name: [SAME, *models] for name, voice in MODEL_CONTROLS.items() if voice is not None}
    return {name: names for name, names in said.items() if name in CONTROLS}


def find(root: Node, path: str) -> Node | None:
    """Return the node of an address, or None if there is none. A slash at its end makes no difference."""
    node = root
    for part in path.strip("/").split("/") if path.strip("/") else []:
        contents = node.get("CONTENTS", {})
        if part not in contents:
            return None
        node = contents[part]
    return node


def asked(query: str) -> list[str]:
    """Return the attributes that a query asks for, such as ``VALUE&RANGE``; none if it asks for the whole node.

    Raises
    ------
    UnknownAttributeError
        If one of them is neither in `ATTRIBUTES` nor HOST_INFO.
    """
    names = [name for name, _ in parse_qsl(query, keep_blank_values=True) if name != "token"]
    for name in names:
        if name not in (*ATTRIBUTES, "HOST_INFO"):
            raise UnknownAttributeError(f"there is no attribute {name[:40]!r}: ask for {', '.join(ATTRIBUTES)}")
    return names


def host_info(name: str, own: tuple[str, int], osc: tuple[str, int]) -> Node:
    """Return the content of HOST_INFO.

    Parameters
    ----------
    name : str
        Name under which livegen is announced.
    own : tuple of str and int
        Address and port to which this request came.
    osc : tuple of str and int
        Where OSC listens. If it listens on all addresses, the answer has the address to which this request came.
    """
    return {
        "NAME": name,
        "EXTENSIONS": dict(EXTENSIONS),
        "OSC_IP": own[0] if is_everywhere(osc[0]) else osc[0],
        "OSC_PORT": osc[1],
        "OSC_TRANSPORT": "UDP",
        "WS_IP": own[0],
        "WS_PORT": own[1],
    }
