"""The strict reader of profiles: from a name or a file to a `livegen.profiles.profile.Profile`."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from livegen.errors import ProfileError
from livegen.profiles.profile import LAMP_STATES, MAX_VALUE, Colour, Lamp, LampState, Profile, Ring, Span
from livegen.toml.text import Keys, TomlText, read_text, shorten

GENERIC: Final = "generic"
"""The profile of a controller that no other one is for."""

_FOLDER: Final = Path(__file__).parent
_LIST_MAX: Final = 64
_MESSAGE_MAX: Final = 16  # bytes: a port of ours on JACK takes no more
_KEYS: Final = ("name", "ports", "start", "stop", "lamp", "ring")
_SPAN_KEYS: Final = ("notes", "ccs", "channel", "led", "led_channel")
_SYSEX: Final = 0xF0
_LENGTHS: Final = {**dict.fromkeys((0x80, 0x90, 0xA0, 0xB0, 0xE0), 3), 0xC0: 2, 0xD0: 2}


@cache
def list_profiles() -> tuple[str, ...]:
    """Return the names of the profiles that livegen ships, sorted."""
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.toml")))


def is_profile(name_or_path: str) -> bool:
    """Tell whether there is a profile of a name, or a file."""
    try:
        return name_or_path in list_profiles() or Path(name_or_path).is_file()
    except (OSError, ValueError):  # no file can have such a name
        return False


def load_profile(name_or_path: str) -> Profile:
    """Read a profile.

    Parameters
    ----------
    name_or_path : str
        Name of one that livegen ships, or the path of a TOML file.

    Raises
    ------
    ProfileError
        If there is no such profile, or the file says something that a profile cannot say. The message names file,
        line, key, value and what is allowed.
    """
    if not is_profile(name_or_path):
        there = ", ".join(list_profiles())
        raise ProfileError(
            f"there is no profile {shorten(name_or_path, 120)!r}: there is {there}, or give a .toml file of your own"
        )
    is_shipped = name_or_path in list_profiles()
    path = _FOLDER / f"{name_or_path}.toml" if is_shipped else Path(name_or_path)
    return parse_profile(read_text(path, ProfileError, "profile"), str(path))


def profile_of(port: str) -> Profile:
    """Return the profile whose ports have such a name, or else the generic one."""
    shipped = (load_profile(name) for name in list_profiles())
    return next((profile for profile in shipped if profile.is_of(port)), load_profile(GENERIC))


def parse_profile(text: str, label: str) -> Profile:
    """Return the profile that a text of TOML holds; see `load_profile`. `label` is the path of its file."""
    file = TomlText(label, text, ProfileError, "profile")
    root = file.parse()
    file.check_keys((), root, _KEYS)
    if "name" not in root:
        raise ProfileError(f'{label} has no name: add one, such as name = "Launchpad X"')
    name = file.simple(("name",), root["name"], "text", (), (0, 0))
    return Profile(
        name,
        tuple(part.lower() for part in _texts(file, root, "ports")),
        tuple(_message(file, "start", text) for text in _texts(file, root, "start")),
        tuple(_message(file, "stop", text) for text in _texts(file, root, "stop")),
        tuple(_lamp(file, index, table) for index, table in enumerate(file.tables(("lamp",), root.get("lamp", [])))),
        tuple(_ring(file, index, table) for index, table in enumerate(file.tables(("ring",), root.get("ring", [])))),
    )


def _texts(file: TomlText, root: Mapping[str, Any], key: str) -> list[str]:
    value = root.get(key, [])
    if not isinstance(value, list) or len(value) > _LIST_MAX:
        raise file.refusal((key,), value, f"a list of up to {_LIST_MAX} texts")
    return [file.simple((key,), text, "text", (), (0, 0)) for text in value]


def _message(file: TomlText, key: str, text: str) -> bytes:
    """Return the bytes of a whole message, which is written in hexadecimal."""
    try:
        data = bytes.fromhex(text)
    except ValueError:
        data = b""
    is_sysex = data[:1] == bytes((_SYSEX,)) and data[-1:] == b"\xf7"
    is_short = len(data) == _LENGTHS.get(data[0] & 0xF0 if data else 0)
    inner = data[1:-1] if is_sysex else data[1:]
    if not (is_sysex or is_short) or len(data) > _MESSAGE_MAX or any(byte > MAX_VALUE for byte in inner):
        raise file.refusal(
            (key,), text, f'a MIDI message of up to {_MESSAGE_MAX} bytes in hexadecimal, such as "B0 18 02"'
        )
    return data


def _lamp(file: TomlText, index: int, table: dict[str, Any]) -> Lamp:
    where: Keys = ("lamp", index)
    file.check_keys(where, table, [*_SPAN_KEYS, *LAMP_STATES])
    for state in ("off", "on"):
        if state not in table:
            raise ProfileError(f"{file.where(where)} has no {state}: add one, such as {state} = 0")
    colours: dict[LampState, Colour] = {
        state: _colour(file, (*where, state), table[state]) for state in LAMP_STATES if state in table
    }
    return Lamp(_span(file, where, table), colours)


def _ring(file: TomlText, index: int, table: dict[str, Any]) -> Ring:
    where: Keys = ("ring", index)
    file.check_keys(where, table, [*_SPAN_KEYS, "values", "off", "encoders"])
    lowest, highest = _range(file, (*where, "values"), table.get("values", [0, MAX_VALUE]))
    off = _whole(file, (*where, "off"), table["off"], 0, MAX_VALUE) if "off" in table else None
    encoders = file.simple((*where, "encoders"), table.get("encoders", False), "bool", (), (0, 0))
    return Ring(_span(file, where, table), lowest, highest, off, encoders)


def _span(file: TomlText, where: Keys, table: dict[str, Any]) -> Span:
    if ("notes" in table) == ("ccs" in table):
        raise ProfileError(f"{file.where(where)} needs either notes or ccs: give one of them, such as notes = [0, 39]")
    key = "notes" if "notes" in table else "ccs"
    first, last = _range(file, (*where, key), table[key])
    led = None
    if "led" in table:
        led = _whole(file, (*where, "led"), table["led"], 0, MAX_VALUE - (last - first))
    channels = [
        _whole(file, (*where, name), table[name], 1, 16) - 1 if name in table else None
        for name in ("channel", "led_channel")
    ]
    return Span("note" if key == "notes" else "cc", first, last, channels[0], led, channels[1])


def _colour(file: TomlText, where: Keys, value: object) -> Colour:
    """Return a value, or a list of channels with a value each."""
    if not isinstance(value, list):
        return ((None, _whole(file, where, value, 0, MAX_VALUE)),)
    if not 0 < len(value) <= _LIST_MAX or not all(isinstance(pair, list) and len(pair) == 2 for pair in value):
        raise file.refusal(where, value, "a value, or a list of a channel and a value each, such as [[1, 21]]")
    return tuple(
        (_whole(file, where, channel, 1, 16) - 1, _whole(file, where, each, 0, MAX_VALUE)) for channel, each in value
    )


def _range(file: TomlText, where: Keys, value: object) -> tuple[int, int]:
    if not isinstance(value, list) or len(value) != 2:
        raise file.refusal(where, value, f"the first number and the last, such as [0, {MAX_VALUE}]")
    first = _whole(file, where, value[0], 0, MAX_VALUE)
    return first, _whole(file, where, value[1], first, MAX_VALUE)


def _whole(file: TomlText, where: Keys, value: object, lowest: int, highest: int) -> int:
    return int(file.simple(where, value, "int", (), (lowest, highest)))
