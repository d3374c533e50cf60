"""The check of a value for a control, wherever it comes from."""

import contextlib
import math
from typing import Final, Literal, get_args

from livegen.controls.control import Control, Value
from livegen.controls.table import CONTROLS
from livegen.errors import ControlError

MAX_NAME_LENGTH: Final = 32

_MOST_TOLD, _FEW_TOLD = 12, 4
"""Up to so many choices a refusal tells all of them, and of more the first few."""

Press = Literal["single", "double", "long"]
"""How a switch is pressed."""

PRESSES: Final[tuple[Press, ...]] = get_args(Press)
"""What may be said after the name of a control that a switch is to set."""


def parse_value(name: str, value: object) -> Value:
    """Check a value for a control and return it as it takes effect: of the right type, clamped to the range.

    Parameters
    ----------
    name : str
        Full name of the control.
    value : object
        A number, a bool, or text as it comes from the command line, a patch file or an OSC packet. Of a trigger, true
        and every number but 0 fire it; false and 0, as a button sends them when it comes up, do nothing. If it may take
        a number, that is from 2 on kept. A name is cut to `MAX_NAME_LENGTH` characters; it may be empty only where its
        default is.

    Raises
    ------
    ControlError
        If there is no such control, or the value is of another type or not finite.
    """
    control = CONTROLS.get(name)
    if control is None:
        raise ControlError(f"there is no control {name!r}: `livegen controls` lists them")
    if control.kind == "choice":
        word = value.strip().lower().replace(" ", "_") if isinstance(value, str) else ""
        if word in control.choices:
            return word
        raise refusal(name, value, _one_of(control.choices))
    if control.kind == "trigger" and control.maximum > 1:
        return _to_trigger(name, value, control)
    if control.kind in ("bool", "trigger"):
        return _to_bool(name, value)
    if control.kind == "name":
        return "" if value == control.default == "" else _to_name(name, value)
    number = _to_number(name, value, control)
    clamped = min(max(number, control.minimum), control.maximum)
    return round(clamped) if control.kind in ("int", "count") else float(clamped)


def _one_of(choices: tuple[str, ...]) -> str:
    if len(choices) <= _MOST_TOLD:
        return " or ".join(choices)
    return f"{', '.join(choices[:_FEW_TOLD])} or one of {len(choices) - _FEW_TOLD} others like it"


def _to_name(name: str, value: object) -> str:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        with contextlib.suppress(OverflowError):  # a whole number that is larger than any float
            value = f"{value:g}" if math.isfinite(value) else None  # a knob or a button sends a number, not a word
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise refusal(name, value, "a word")
    word = value.strip()[:MAX_NAME_LENGTH]
    if CONTROLS[name].names_control:
        control, *press = word.split()
        if control not in CONTROLS or press not in ([], *([each] for each in PRESSES)):
            allowed = f"the name of a control, as `livegen controls` lists them, and {', '.join(PRESSES)} or nothing"
            raise refusal(name, value, allowed)
        word = " ".join((control, *press))
    return word


def _to_bool(name: str, value: object, allowed: str = "true or false") -> bool:
    if isinstance(value, (bool, int, float)):
        return bool(value)
    words = {"true": True, "on": True, "yes": True, "1": True, "false": False, "off": False, "no": False, "0": False}
    if isinstance(value, str) and value.lower() in words:
        return words[value.lower()]
    raise refusal(name, value, allowed)


def _to_trigger(name: str, value: object, control: Control) -> bool | int:
    """Return what fires a trigger that may take a number: 1 fires it as a button does."""
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not is_number and not (isinstance(value, str) and value.strip().replace(".", "", 1).isdigit()):
        return _to_bool(name, value, f"true or false, or a number from 2 to {control.maximum:g}")
    number = _to_number(name, value, control)
    return min(round(number), int(control.maximum)) if round(number) > 1 else bool(number)


def _to_number(name: str, value: object, control: Control) -> float:
    allowed = f"a number from {control.minimum:g} to {control.maximum:g}"
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise refusal(name, value, allowed)
    try:
        number = float(value)
    except (ValueError, OverflowError):
        raise refusal(name, value, allowed) from None
    if not math.isfinite(number):
        raise refusal(name, value, allowed)
    return number


def refusal(name: str, value: object, allowed: str) -> ControlError:
    """Return the error that says which value a control cannot have, and what is allowed."""
    try:
        shown = repr(value)
    except ValueError:  # Python refuses to print a number of over 4,300 digits
        shown = "a number too long to print"
    shown = shown if len(shown) <= 40 else shown[:40] + "..."
    return ControlError(f"{name} cannot be {shown}: allowed is {allowed}")
