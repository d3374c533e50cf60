"""The check of what a page sends: a text becomes a message for the session, or an error that goes back to the page."""

import json
import math
from collections.abc import Callable, Mapping
from typing import Any, Final

from livegen.controls import parse_value
from livegen.errors import ControlError
from livegen.web.wire import MAX_MESSAGE_BYTES

_LENGTHS: Final = {0x80: 3, 0x90: 3, 0xA0: 3, 0xB0: 3, 0xC0: 2, 0xD0: 2, 0xE0: 3}
"""Length in bytes of a MIDI message, by its status. It has only channel messages."""


class MessageError(ControlError):
    """A message cannot be carried out.

    Attributes
    ----------
    name : str
        Name of the control that the message sets, or empty.
    """

    def __init__(self, reason: str, name: str = "") -> None:
        super().__init__(reason)
        self.name = name


def read_message(text: str) -> dict[str, Any]:
    """Return the message that a page sent: its ``type``, and its fields, checked.

    Parameters
    ----------
    text : str
        The text that the page sent.

    Raises
    ------
    MessageError
        If it is no message of `livegen.web.wire`, or a field is of the wrong type or out of its range.
    """
    if len(text.encode()) > MAX_MESSAGE_BYTES:
        raise MessageError(f"a message has at most {MAX_MESSAGE_BYTES} bytes")
    try:
        message = json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:  # ValueError: no JSON, or a number of over 4,300 digits
        raise MessageError("a message is a JSON object") from error
    kind = message.get("type") if isinstance(message, dict) else None
    read = _READERS.get(kind) if isinstance(kind, str) else None
    if read is None:
        raise MessageError(f"the type of a message is {', '.join(_READERS)}, not {_shown(kind)}")
    return {"type": kind, **read(message)}


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is no JSON")


def _read_set(message: Mapping[str, Any]) -> dict[str, Any]:
    name = message.get("name")
    if not isinstance(name, str):
        raise MessageError(f"the name of a control is a text, not {_shown(name)}")
    if "value" not in message:
        raise MessageError(f"there is no value for {_shown(name)}")
    try:
        return {"name": name, "value": parse_value(name, message["value"])}
    except ControlError as error:
        raise MessageError(str(error), name) from error


def _read_midi(message: Mapping[str, Any]) -> dict[str, Any]:
    data = message.get("data")
    if not isinstance(data, list) or not all(type(byte) is int and 0 <= byte <= 255 for byte in data):
        raise MessageError(f"a MIDI message is a list of numbers from 0 to 255, not {_shown(data)}")
    length = _LENGTHS.get(data[0] & 0xF0) if data else None
    if length is None:
        raise MessageError("only MIDI messages of a channel may come from a page: notes, controllers and their like")
    if len(data) != length or max(data[1:]) > 127:
        raise MessageError(f"a MIDI message {data[0]:#x} has {length - 1} more bytes from 0 to 127, not {data[1:]}")
    return {"data": data}


def _read_listen(message: Mapping[str, Any]) -> dict[str, Any]:
    if not isinstance(message.get("on"), bool):
        raise MessageError(f"listen is on or not, true or false, not {_shown(message.get('on'))}")
    return {"on": message["on"]}


def _read_ping(message: Mapping[str, Any]) -> dict[str, Any]:
    t = message.get("t")
    try:
        is_time = isinstance(t, (int, float)) and not isinstance(t, bool) and math.isfinite(t)
    except OverflowError:
        is_time = False
    if not is_time:
        raise MessageError(f"the time of a ping is a number, not {_shown(t)}")
    return {"t": t}


_READERS: Final[Mapping[str, Callable[[Mapping[str, Any]], dict[str, Any]]]] = {
    "set": _read_set,
    "midi": _read_midi,
    "listen": _read_listen,
    "ping": _read_ping,
}


def _shown(value: object) -> str:
    try:
        text = json.dumps(value)
    except (ValueError, RecursionError):
        return "something too long to print"
    return text if len(text) <= 40 else f"{text[:40]}..."
