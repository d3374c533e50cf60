"""Values of controls as files and programs write them: of the right type and in the range, for nothing is clamped."""

import contextlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from livegen.controls.control import Control, Value
from livegen.controls.parse import parse_value, refusal
from livegen.controls.table import CONTROLS
from livegen.errors import ControlError

_TYPES: Final[Mapping[str, tuple[tuple[type, ...], str]]] = MappingProxyType(
    {
        "float": ((int, float), "a number"),
        "int": ((int,), "a whole number"),
        "bool": ((bool,), "true or false"),
        "choice": ((str,), ""),
    }
)
"""For each kind of control that holds a value, the Python types that it may have, and the words for them in errors.

They are compared with `type` and not `isinstance`, because a bool is an instance of int.
"""


def exact_value(name: str, value: object) -> Value:
    """Return the value of a control as it takes effect.

    Parameters
    ----------
    name : str
        Full name of a control that is no action.
    value : object

    Raises
    ------
    ControlError
        If the value is of another type or out of range.
    """
    control = CONTROLS[name]
    if type(value) in _TYPES[control.kind][0] and _in_range(control, value):
        with contextlib.suppress(ControlError):
            return parse_value(name, value)
    raise refusal(name, value, allowed(control))


def allowed(control: Control) -> str:
    """Return what a control that is no action may be, in words for errors: ``"a number from 0 to 2"``."""
    words = _TYPES[control.kind][1]
    if control.kind == "choice":
        return " or ".join(f'"{choice}"' for choice in control.choices)
    return words if control.kind == "bool" else f"{words} from {control.minimum:g} to {control.maximum:g}"


def _in_range(control: Control, value: Any) -> bool:
    return control.kind in ("bool", "choice") or control.minimum <= value <= control.maximum  # False for NaN
