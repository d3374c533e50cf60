"""One knob, button or pad and the control that it sets: its position, and what it sets when it moves.

A knob does nothing until it reaches or crosses the value in force (soft take-over). If somebody else changes that
value, the knob must reach it again, unless its controller can be told to put it there.
"""

from dataclasses import dataclass, replace
from typing import Final

from livegen.controls import CONTROLS, Control, Value, Values, parse_value
from livegen.events import ControlChange, Event, SetControl
from livegen.rig import Knob

MAX_POSITION: Final = 127
_MAX_PAIR: Final = 16_383
PRESSED: Final = 64
"""From this value on a controller that is a switch is down."""

_REACH: Final = 1.0 / MAX_POSITION
"""How near to the value in force a knob must come to take it over, as a share of its range: a step of a 7-bit knob."""


Place = tuple[str, int, str, int]
"""Port (empty for any), channel, kind and number of a knob."""

_BESIDE: Final = 8.0 / MAX_POSITION
"""A knob that is heard so near to where it was put does stand there: it has a motor, or no ends."""


@dataclass(frozen=True, slots=True)
class Hand:
    """The state of a knob.

    Attributes
    ----------
    position : float or None
        Its last position, 0..1.
    sent : Value or None
        The value that it set last; None until it takes the control over.
    upper : int or None
        Upper seven bits of a pair that wait for the lower seven.
    """

    position: float | None = None
    sent: Value | None = None
    upper: int | None = None


def pressed(name: str, values: Values) -> list[Event]:
    """Return what a pad or a button that goes down does to a control; nothing if the control is a number."""
    control = CONTROLS[name]
    if control.is_action:
        return [SetControl(name, control.argument)]
    if control.kind == "bool":
        return [SetControl(name, not values[name])]
    if control.kind == "choice":
        following = (control.choices.index(str(values[name])) + 1) % len(control.choices)
        return [SetControl(name, control.choices[following])]
    return []


def moved(hand: Hand, knob: Knob, event: ControlChange, values: Values) -> tuple[Hand, list[Event]]:
    """Return the state of a knob after it moved, and what it sets.

    Parameters
    ----------
    hand : Hand
    knob : Knob
        Of kind ``"cc"``, and no switch.
    event : ControlChange
        From the knob's controller or, of a pair, from the one with the lower bits.
    values : Values
        The controls in force.
    """
    if knob.mode in ("twos_complement", "offset_64"):
        return hand, _turned(knob, event.value, values)
    if knob.mode != "pair":
        return _follow(hand, knob.control, event.value / MAX_POSITION, values)
    if event.control == knob.number:  # the lower bits come next; if the upper ones come again instead, they are 0
        waiting, hand = hand.upper, replace(hand, upper=event.value)
        return (hand, []) if waiting is None else _follow(hand, knob.control, (waiting << 7) / _MAX_PAIR, values)
    before = 0 if hand.position is None else round(hand.position * _MAX_PAIR) >> 7
    upper = before if hand.upper is None else hand.upper
    return _follow(replace(hand, upper=None), knob.control, (upper << 7 | event.value) / _MAX_PAIR, values)


def put_at(hand: Hand, position: float, event: ControlChange) -> Hand:
    """Return the state of a knob that its controller was told to put to a position, when an event comes from it.

    Where that is far away, the controller cannot do so, and the knob is where it was.
    """
    return replace(hand, position=position) if abs(event.value / MAX_POSITION - position) <= _BESIDE else hand


def _turned(knob: Knob, value: int, values: Values) -> list[Event]:
    """Return what an endless encoder sets: the control moves by as many steps as the encoder was turned."""
    control = CONTROLS[knob.control]
    steps = value - 64 if knob.mode == "offset_64" else value - (128 if value >= PRESSED else 0)
    if steps == 0:
        return []
    if control.is_action:
        return pressed(knob.control, values) if steps > 0 else []
    now = values[knob.control]
    if control.kind == "bool":
        wanted: Value = steps > 0
    elif control.kind == "choice":
        wanted = control.choices[min(max(control.choices.index(str(now)) + steps, 0), len(control.choices) - 1)]
    else:
        step = 1.0 if control.kind == "int" else (control.maximum - control.minimum) / MAX_POSITION
        wanted = parse_value(knob.control, float(now) + steps * step)
    return [] if wanted == now else [SetControl(knob.control, wanted)]


def _follow(hand: Hand, name: str, position: float, values: Values) -> tuple[Hand, list[Event]]:
    """Set a control to its knob's position once the knob has taken it over; a switch needs no take-over."""
    control = CONTROLS[name]
    now, wanted = values[name], _value_at(name, control, position)
    before, hand = hand.position, replace(hand, position=position)
    is_held = control.kind == "bool" or (hand.sent is not None and hand.sent == now)
    if not is_held and not _reaches(control, now, position if before is None else before, position):
        return replace(hand, sent=None), []
    return replace(hand, sent=wanted), [] if wanted == now else [SetControl(name, wanted)]


def _value_at(name: str, control: Control, position: float) -> Value:
    if control.kind == "bool":
        return position >= 0.5
    if control.kind == "choice":
        return control.choices[min(int(position * len(control.choices)), len(control.choices) - 1)]
    return parse_value(name, control.minimum + position * (control.maximum - control.minimum))


def _reaches(control: Control, now: Value, before: float, position: float) -> bool:
    """Tell whether a knob that moved between two positions has reached or crossed the value in force."""
    if control.kind == "choice":
        share = 1.0 / len(control.choices)
        lowest = control.choices.index(str(now)) * share
        highest = lowest + share
    else:
        lowest = highest = (float(now) - control.minimum) / (control.maximum - control.minimum)
    return min(before, position) <= highest + _REACH and max(before, position) >= lowest - _REACH
