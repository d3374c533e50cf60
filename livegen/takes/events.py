"""Events as a take holds them: a name and the values of the fields, ``["note_on", 0, 60, 100]``.

Names, fields and types are those of the classes in `livegen.events`, so a new event needs no new code here. Fields at
the end that have their defaults are left out.
"""

import math
import re
from dataclasses import MISSING, fields
from typing import Any, Final, get_args, get_type_hints

from livegen.controls import CONTROLS, parse_value
from livegen.errors import ControlError
from livegen.events import Event, SetControl
from livegen.voices import Voice

_LARGEST: Final = 1 << 31
_LONGEST_TEXT: Final = 256


def _name_of(kind: type) -> str:
    """Return the name of a class as mido writes names: ``NoteOn`` is ``note_on``."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", kind.__name__).lower()


def _types_of(kind: type) -> tuple[tuple[type, ...], ...]:
    """Return the types that each field of a class may have."""
    hints = get_type_hints(kind)
    return tuple(get_args(hints[field.name]) or (hints[field.name],) for field in fields(kind))


EVENT_KINDS: Final[dict[str, type]] = {_name_of(kind): kind for kind in get_args(Event)}
"""Class of an event by its name in a take."""

_NAMES: Final = {kind: name for name, kind in EVENT_KINDS.items()}
_TYPES: Final = {kind: _types_of(kind) for kind in EVENT_KINDS.values()}
_NEEDED: Final = {kind: sum(each.default is MISSING for each in fields(kind)) for kind in EVENT_KINDS.values()}
"""Number of values that have no default."""


def encode_event(event: Event) -> list[Any]:
    """Return an event as a list that JSON can hold."""
    values = [getattr(event, field.name) for field in fields(event)]
    while len(values) > _NEEDED[type(event)] and values[-1] == fields(event)[len(values) - 1].default:
        values.pop()
    return [_NAMES[type(event)], *(int(value) if isinstance(value, Voice) else value for value in values)]


def decode_event(written: Any) -> Event:
    """Return the event that was encoded; if it is none, raises ValueError with words that continue a sentence."""
    if not isinstance(written, list) or not written or not isinstance(written[0], str):
        raise ValueError("an event is no list that begins with a name")
    kind = EVENT_KINDS.get(written[0])
    if kind is None:
        raise ValueError(f"there is no event {written[0][:40]!r}")
    types, values = _TYPES[kind], written[1:]
    if not _NEEDED[kind] <= len(values) <= len(types):
        raise ValueError(f"{written[0]} has {len(values)} values instead of {_NEEDED[kind]}")
    values = [_voice(value) if Voice in allowed else value for value, allowed in zip(values, types, strict=False)]
    for value, allowed in zip(values, types, strict=False):
        if type(value) not in allowed or not _is_sane(value):
            raise ValueError(f"{written[0]} cannot hold {_shown(value)}")
    event: Event = kind(*values)
    if isinstance(event, SetControl) and not _is_default_action(event):
        try:
            if parse_value(event.name, event.value) != event.value:
                raise ValueError(f"{event.name} cannot be {_shown(event.value)}")
        except ControlError as error:
            raise ValueError(str(error)) from None
    return event


def _is_default_action(event: SetControl) -> bool:
    """Tell whether an event is an action without an argument: its value is the default, such as an empty text."""
    control = CONTROLS.get(event.name)
    return control is not None and control.is_action and event.value == control.default


def _voice(value: Any) -> Any:
    """Return the voice of a number; what is none, as it is."""
    return Voice(value) if type(value) is int and value in tuple(Voice) else value


def _is_sane(value: float | str | bool | None) -> bool:
    if value is None:
        return True
    if isinstance(value, str):
        return len(value) <= _LONGEST_TEXT
    return math.isfinite(value) and abs(value) <= _LARGEST


def _shown(value: Any) -> str:
    text = repr(value) if isinstance(value, float | bool | None) else str(value)
    return text if len(text) <= 40 else text[:40] + "..."
