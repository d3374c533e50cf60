"""Patches: TOML files that set controls and say how the player's own notes sound.

`PATCH_KEYS` and `VOICE_KEYS` are the one table of what a patch can say; the section ``[controls]`` takes every
row of `livegen.controls` that holds a value. Reading is strict: nothing is clamped, guessed or passed over.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Literal

from livegen.controls import CONTROLS, Control, Value, parse_value
from livegen.errors import ControlError, PatchError
from livegen.resources import patches_folder
from livegen.score import TIMBRE_MAX, Voice
from livegen.units import MAX_VOLUME

MACRO_LENGTH_MAX: Final = 64
FILE_BYTES_MAX: Final = 1 << 20
TEXT_LENGTH_MAX: Final = 200
DOTS_MAX: Final = 250  # a line; the time of tomllib grows with the square of a dotted key


@dataclass(frozen=True, slots=True)
class Macro:
    """Values that a voice runs through, one an engine tick (60.0988 Hz), as in FamiTracker.

    While the key is held the macro runs to `release`, or to its end without one; from there it jumps back to
    `loop`, or stays where it is without one. When the key comes up it plays what follows `release`, and the note
    ends with the volume macro; without `release` the note ends at once.

    Attributes
    ----------
    values : tuple of int
        One to 64 of them.
    loop, release : int or None
        Indices into `values`; `loop` is not after `release`.
    """

    values: tuple[int, ...]
    loop: int | None = None
    release: int | None = None


@dataclass(frozen=True, slots=True)
class VoicePatch:
    """How the player's notes sound on one voice; the fields are `VOICE_KEYS`."""

    volume: Macro
    timbre: Macro
    velocity: bool


@dataclass(frozen=True, slots=True)
class Patch:
    """What a patch file says.

    Attributes
    ----------
    name, description : str
        One line each.
    controls : mapping of str to value
        Controls by their full names, in range.
    voices : tuple of VoicePatch, length 4
        In the order of `Voice`.
    """

    name: str
    description: str
    controls: Mapping[str, Value]
    voices: tuple[VoicePatch, ...]


@dataclass(frozen=True, slots=True)
class Key:
    """One row of the table of keys.

    Attributes
    ----------
    name : str
    kind : {"text", "bool", "macro"}
        A macro is a number or a list of numbers, and has two more keys, as `MACRO_SUFFIXES` says.
    default : str, bool or int
    description : str
        One clause for a musician.
    minimum : int
    maximum : mapping of Voice to int
        Range of a macro's values; the highest one differs from voice to voice.
    """

    name: str
    kind: Literal["text", "bool", "macro"]
    default: str | bool | int
    description: str
    minimum: int = 0
    maximum: Mapping[Voice, int] = field(default_factory=dict)


PATCH_KEYS: Final[tuple[Key, ...]] = (
    Key("name", "text", "", "what the patch is called; the name of its file if left out"),
    Key("description", "text", "", "what it is for, in one line"),
)

VOICE_KEYS: Final[tuple[Key, ...]] = (
    Key(
        "volume",
        "macro",
        MAX_VOLUME,
        "loudness; the triangle is silent at 0 and sounds at anything else",
        maximum=dict.fromkeys(Voice, MAX_VOLUME),
    ),
    Key("timbre", "macro", 0, "duty of a pulse (12.5, 25, 50, 75 %), mode of the noise", maximum=TIMBRE_MAX),
    Key("velocity", "bool", True, "whether a harder key sounds louder"),
)

MACRO_SUFFIXES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "loop": "index of the value to which the macro jumps back while the key is held",
        "release": "index of the last value before the key comes up; what follows is played then",
    }
)
"""What ``volume_loop`` and ``volume_release`` mean, and the same for every other macro."""

VOICE_SECTIONS: Final[Mapping[str, Voice]] = MappingProxyType({voice.name.lower(): voice for voice in Voice})


def list_patches() -> list[str]:
    """Return the names of the patches that livegen ships, sorted."""
    return sorted(path.stem for path in patches_folder().glob("*.toml"))


def load_patch(name_or_path: str | Path) -> Patch:
    """Read a patch.

    Parameters
    ----------
    name_or_path : str or Path
        Name of a shipped patch, such as ``"plain"``, or the path of a TOML file.

    Raises
    ------
    PatchError
        If there is no such patch, or the file says something that a patch cannot say.
    """
    path = _find(name_or_path)
    return parse_patch(_read(path), str(path), path.stem)


def parse_patch(text: str, label: str, default_name: str) -> Patch:
    """Return the patch that a text holds.

    Parameters
    ----------
    text : str
        TOML.
    label : str
        What an error calls the text: the path of its file.
    default_name : str
        Name of a patch that does not say its own.

    Raises
    ------
    PatchError
        With label, line, key, value and what is allowed.
    """
    for number, line in enumerate(text.split("\n"), 1):
        if line.count(".") > DOTS_MAX and not line.lstrip().startswith("#"):
            raise PatchError(f"{label}, line {number}, has over {DOTS_MAX} dots, more than any key or value of a patch")
    try:
        root = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # a number of 5,000 digits is a plain ValueError
        raise PatchError(f"{label} is not TOML: {_shorten(str(error), 120)}") from None
    file = _File(label, text)
    sections = ("controls", *VOICE_SECTIONS)
    file.check_keys((), root, [*(key.name for key in PATCH_KEYS), *sections])
    tables = {name: file.table(name, root.get(name, {})) for name in sections}
    texts = {key.name: file.line(key, root.get(key.name, key.default)) for key in PATCH_KEYS}
    return Patch(
        name=texts["name"] or default_name,
        description=texts["description"],
        controls=MappingProxyType(dict(_controls(file, tables["controls"]))),
        voices=tuple(_voice(file, name, tables[name], voice) for name, voice in VOICE_SECTIONS.items()),
    )


def _find(name_or_path: str | Path) -> Path:
    text = str(name_or_path)
    shipped = list_patches()
    if text in shipped:
        return patches_folder() / f"{text}.toml"
    path = Path(name_or_path)
    try:
        if path.is_file():
            return path
        trouble = "is no file" if path.exists() else "does not exist"
    except OSError as error:
        trouble = f"cannot be looked up ({error.strerror})"
    raise PatchError(f"patch {_shorten(text, 120)!r} {trouble}: give a .toml file, or one of {', '.join(shipped)}")


def _read(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            content = stream.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        raise PatchError(f"{path} cannot be read: {error.strerror}") from None
    if len(content) > FILE_BYTES_MAX:
        raise PatchError(f"{path} is over {FILE_BYTES_MAX >> 20} MiB, which no patch needs")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise PatchError(f"{path}, line {line}, is not UTF-8: save the file as UTF-8") from None


def _controls(file: "_File", table: dict[str, Any]) -> Iterator[tuple[str, Value]]:
    """Yield full names and values; ``p1.role`` may be written dotted, quoted or as a table."""
    for name, value in table.items():
        if isinstance(value, dict) and name in VOICE_SECTIONS:
            for inner, inner_value in value.items():
                yield f"{name}.{inner}", _control(file, f"{name}.{inner}", ("controls", name, inner), inner_value)
        else:
            yield name, _control(file, name, ("controls", name), value)


def _control(file: "_File", name: str, keys: tuple[str, ...], value: object) -> Value:
    control = CONTROLS.get(name)
    if control is None:
        raise PatchError(f"{file.where(keys)} is no control: `livegen controls` lists them")
    types, allowed = _CONTROL_TYPES[control.kind]
    if not types:
        raise PatchError(f"{file.where(keys)} is a command and holds no value: leave it out")
    if control.kind == "choice":
        allowed = " or ".join(f'"{choice}"' for choice in control.choices)
    elif control.kind != "bool":
        allowed = f"{allowed} from {control.minimum:g} to {control.maximum:g}"
    if type(value) not in types or not _in_range(control, value):
        raise file.refusal(keys, value, allowed)
    try:
        return parse_value(name, value)
    except ControlError:
        raise file.refusal(keys, value, allowed) from None


_CONTROL_TYPES: Final[Mapping[str, tuple[tuple[type, ...], str]]] = MappingProxyType(
    {
        "float": ((int, float), "a number"),
        "int": ((int,), "a whole number"),
        "bool": ((bool,), "true or false"),
        "choice": ((str,), ""),
        "trigger": ((), ""),
    }
)
"""TOML types of a kind of control, and words for them; `type` and not `isinstance`, since a bool is an int."""


def _in_range(control: Control, value: Any) -> bool:
    return control.kind in ("bool", "choice") or control.minimum <= value <= control.maximum  # False for NaN


def _voice(file: "_File", section: str, table: dict[str, Any], voice: Voice) -> VoicePatch:
    allowed = []
    for key in VOICE_KEYS:
        allowed += [key.name, *(f"{key.name}_{suffix}" for suffix in MACRO_SUFFIXES if key.kind == "macro")]
    file.check_keys((section,), table, allowed)
    fields: dict[str, Any] = {}
    for key in VOICE_KEYS:
        if key.kind == "macro":
            fields[key.name] = _macro(file, section, table, key, voice)
        else:
            value = table.get(key.name, key.default)
            if not isinstance(value, bool):
                raise file.refusal((section, key.name), value, "true or false")
            fields[key.name] = value
    return VoicePatch(**fields)


def _macro(file: "_File", section: str, table: dict[str, Any], key: Key, voice: Voice) -> Macro:
    written = table.get(key.name, key.default)
    values = written if isinstance(written, list) else [written]
    if not 1 <= len(values) <= MACRO_LENGTH_MAX:
        raise file.refusal((section, key.name), written, f"1 to {MACRO_LENGTH_MAX} values, not {len(values)}")
    lowest, highest = key.minimum, key.maximum[voice]
    for value in values:
        if type(value) is not int or not lowest <= value <= highest:
            raise file.refusal((section, key.name), value, f"whole numbers from {lowest} to {highest}")
    loop, release = (_index(file, (section, f"{key.name}_{suffix}"), table, len(values)) for suffix in MACRO_SUFFIXES)
    if loop is not None and release is not None and loop > release:
        raise file.refusal((section, f"{key.name}_loop"), loop, f"up to {key.name}_release, which is {release}")
    return Macro(tuple(values), loop, release)


def _index(file: "_File", keys: tuple[str, str], table: dict[str, Any], length: int) -> int | None:
    index = table.get(keys[1])
    if index is None or (type(index) is int and 0 <= index < length):
        return index
    raise file.refusal(keys, index, f"the index of a value of the macro, 0 to {length - 1}")


@dataclass(frozen=True, slots=True)
class _File:
    """The text of a patch and its name: what an error needs to say where it is."""

    label: str
    text: str

    def check_keys(self, parents: tuple[str, ...], table: dict[str, Any], allowed: list[str]) -> None:
        for name in table:
            if name not in allowed:
                raise PatchError(f"{self.where((*parents, name))} is no key: allowed are {', '.join(allowed)}")

    def table(self, name: str, value: object) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise self.refusal((name,), value, f"a section: write [{name}] on a line of its own")
        return value

    def line(self, key: Key, value: object) -> str:
        if isinstance(value, str) and len(value) <= TEXT_LENGTH_MAX and value.isprintable():
            return value
        raise self.refusal((key.name,), value, f"one line of text of up to {TEXT_LENGTH_MAX} characters")

    def refusal(self, keys: tuple[str, ...], value: object, allowed: str) -> PatchError:
        return PatchError(f"{self.where(keys)} cannot be {_show(value)}: allowed is {allowed}")

    def where(self, keys: tuple[str, ...]) -> str:
        """Return ``FILE, line N: key``, without the line where it cannot be told."""
        line = _line_of(self.text, keys)
        return f"{self.label}{f', line {line}' if line else ''}: {_shorten('.'.join(keys), 60)}"


def _line_of(text: str, keys: tuple[str, ...]) -> int | None:
    """Return the line, from 1, that sets a key; or of the table that holds it, where the key stands inside one."""
    found, depth = None, 0
    section: tuple[str, ...] = ()
    for number, line in enumerate(text.split("\n"), 1):
        head, equals, _ = line.partition("=")
        if line.lstrip().startswith("["):
            section = path = _split_key(line.strip(" \t\r[").partition("]")[0])
        elif equals:
            path = section + _split_key(head)
        else:
            continue
        shared = min(len(path), len(keys))
        if shared > depth and path[:shared] == keys[:shared]:
            found, depth = number, shared
    return found


def _split_key(dotted: str) -> tuple[str, ...]:
    return tuple(part.strip().strip("\"'") for part in _KEY_PART.findall(dotted))


_KEY_PART: Final = re.compile(r"\s*(?:\"[^\"]*\"|'[^']*'|[^.]+)")


def _show(value: object) -> str:
    if isinstance(value, dict):
        return "a section"
    if isinstance(value, bool):
        return str(value).lower()
    try:
        return _shorten(repr(value), 40)
    except (ValueError, RecursionError):  # Python refuses to print a number of over 4,300 digits
        return "a value that is too long to print"


def _shorten(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[:length]}..."
