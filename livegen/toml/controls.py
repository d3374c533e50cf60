"""The section of a TOML file that gives live controls their values at the start."""

from collections.abc import Iterator
from typing import Any, Final

from livegen.controls import CONTROLS, Value, allowed, exact_value
from livegen.errors import ControlError
from livegen.toml.text import Keys, TomlText
from livegen.voices import VOICE_OF_NAME

_PREFIXES: Final = frozenset(part for name in CONTROLS for part in name.split(".")[:-1])
"""What names of controls begin with before a dot: voices, and kinds of engines."""

_HIGHEST_KEY: Final = int(CONTROLS["p1.key_high"].maximum)


def read_controls(file: TomlText, section: str, table: dict[str, Any]) -> dict[str, Value]:
    """Return values by full names. ``p1.role`` may be written dotted, quoted or as a table, but only once.

    Parameters
    ----------
    file : TomlText
    section : str
        Name of the section, for errors.
    table : dict
        Content of the section.

    Raises
    ------
    LivegenError
        If there is no such control, or a value is of another type or out of range: nothing is clamped.
    """
    controls: dict[str, Value] = {}
    for keys, written in _written_controls(table):
        name = ".".join(keys)
        value = _control(file, name, (section, *keys), written)
        if name in controls:
            raise file.error(f"{file.where((section, *keys))} is there twice: leave one out")
        controls[name] = value
    for voice in VOICE_OF_NAME:
        lowest = int(controls.get(f"{voice}.key_low", 0))
        highest = int(controls.get(f"{voice}.key_high", _HIGHEST_KEY))
        if lowest > highest:
            allowed = f"up to {voice}.key_high, which is {highest}"
            raise file.refusal((section, voice, "key_low"), lowest, allowed)
    return controls


def _written_controls(table: dict[str, Any]) -> Iterator[tuple[tuple[str, ...], object]]:
    for name, value in table.items():
        if isinstance(value, dict) and name in _PREFIXES:
            for inner, written in _written_controls(value):
                yield (name, *inner), written
        else:
            yield (name,), value


def _control(file: TomlText, name: str, keys: Keys, value: object) -> Value:
    control = CONTROLS.get(name)
    if control is None:
        raise file.error(f"{file.where(keys)} is no control: `livegen controls` lists them")
    if control.is_action:
        raise file.error(f"{file.where(keys)} is a command and holds no value: leave it out")
    try:
        return exact_value(name, value)
    except ControlError:
        raise file.refusal(keys, value, allowed(control)) from None
