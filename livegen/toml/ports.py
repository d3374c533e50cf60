"""The settings of a MIDI port: a table of a rig, which the command line says in one text. Values may be text, too.

Errors begin with the key, ``tr.channel``.
"""

import contextlib
import math
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from livegen.errors import PortError
from livegen.toml.text import shown

TRANSPOSITIONS: Final = (-48, 48)
"""Range of a transposition, in semitones."""

_Settings = TypeVar("_Settings")

_SWITCHES: Final = {"on": True, "off": False, "true": True, "false": False, "yes": True, "no": False}


def parse_port(option: str, text: str, read: Callable[[Mapping[str, Any]], _Settings]) -> _Settings:
    """Return the settings of one option: a part of a port's name, then any ``key=value``, with commas between.

    Parameters
    ----------
    option : str
        As the user writes it, ``--midi-out``.
    text : str
    read : callable
        Makes settings of the table, in which values are text; raises PortError.

    Raises
    ------
    PortError
        If something after the name has no value, a key is there twice, or the settings are refused.
    """
    try:
        return read(_split(text))
    except PortError as error:
        raise PortError(f"{option} {text!r}: {error}") from None


def _split(text: str) -> dict[str, Any]:
    first, *others = text.split(",")
    table: dict[str, Any] = {}
    if "=" in first:
        others.insert(0, first)
    elif first.strip():
        table["port"] = first.strip()
    for assignment in others:
        dotted, equals, value = (part.strip() for part in assignment.partition("="))
        if not equals:
            raise PortError(f"{assignment.strip()!r} has no value, write key=value after the name")
        head, dot, key = dotted.partition(".")
        within = table.setdefault(head, {}) if dot else table
        if not isinstance(within, dict) or (key if dot else head) in within:
            raise PortError(f"{head} is there twice, with two meanings: leave one out")
        within[key if dot else head] = value
    return table


def table_of(key: str, value: object, example: str) -> Mapping[str, Any]:
    """Return a value that must be a table, such as ``key.example``."""
    if not isinstance(value, Mapping):
        raise PortError(f"{key} cannot be {shown(value)}: it is a table, such as {key}.{example}")
    return value


def whole_of(key: str, value: object, lowest: int, highest: int) -> int:
    """Return a value that must be a whole number in a range."""
    number = number_of(key, value, lowest, highest)
    if number != int(number):
        raise PortError(f"{key} cannot be {shown(value)}: allowed is a whole number from {lowest} to {highest}")
    return int(number)


def number_of(key: str, value: object, lowest: float, highest: float) -> float:
    """Return a value that must be a number in a range."""
    number = math.nan
    if isinstance(value, (int, float, str)) and not isinstance(value, bool):
        with contextlib.suppress(ValueError, OverflowError):
            number = float(value)
    if not lowest <= number <= highest:
        text = value[:40] if isinstance(value, str) else shown(value)
        raise PortError(f"{key} cannot be {text!r}: allowed is a number from {lowest:g} to {highest:g}")
    return number


def switch_of(key: str, value: object) -> bool:
    """Return a value that must be a switch."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in _SWITCHES:
        return _SWITCHES[value.lower()]
    raise PortError(f"{key} cannot be {shown(value)}: allowed is on or off")


def word_of(key: str, value: object, words: tuple[str, ...]) -> str:
    """Return a value that must be one of some words, in any case."""
    if isinstance(value, str) and value.lower() in words:
        return value.lower()
    raise PortError(f"{key} cannot be {shown(value)}: allowed is {', '.join(words)}")


def port_of(value: object, kind: str) -> str:
    """Return a value that must be a part of the name of a port, an input or an output."""
    if isinstance(value, str) and value.strip():
        return value.strip()
    raise PortError(f"port cannot be {shown(value)}: allowed is a part of a MIDI {kind}'s name")
