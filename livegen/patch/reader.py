"""Reading patches: by name or path, strictly, into the values of `livegen.patch.values`."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from livegen.controls import CONTROLS, Control, Value, parse_value
from livegen.errors import ControlError, PatchError
from livegen.patch.keys import (
    CONTROLS_SECTION,
    DRUM_KEYS,
    DRUMS_MAX,
    DRUMS_SECTION,
    MACRO_LENGTH_MAX,
    MACRO_SUFFIXES,
    MIDI_KEY_MAX,
    PATCH_KEYS,
    TEXT_LENGTH_MAX,
    VOICE_KEYS,
    VOICE_SECTIONS,
    Key,
    has_key,
)
from livegen.patch.text import PatchText, shorten
from livegen.patch.values import Drum, Macro, Patch, VoicePatch
from livegen.resources import patches_folder
from livegen.score import DRUM_NOTES, NOTE_RANGE, Voice, fit_note

FILE_BYTES_MAX: Final = 1 << 20

_MIDI_KEYS: Final = frozenset(map(str, range(MIDI_KEY_MAX + 1)))


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


def patch_text(name_or_path: str | Path) -> str:
    """Return the TOML of a patch, as `load_patch` finds it; raises PatchError."""
    return _read(_find(name_or_path))


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
    file = PatchText(label, text)
    root = file.parse()
    sections = (CONTROLS_SECTION, *VOICE_SECTIONS, DRUMS_SECTION)
    file.check_keys((), root, [*(key.name for key in PATCH_KEYS), *sections])
    tables = {name: file.table((name,), root.get(name, {})) for name in sections}
    texts = {key.name: _simple(file, (key.name,), root, key, None) for key in PATCH_KEYS}
    drums = dict(_drums(file, tables[DRUMS_SECTION]))
    return Patch(
        name=texts["name"] or default_name,
        description=texts["description"],
        controls=MappingProxyType(_controls(file, tables[CONTROLS_SECTION])),
        voices=tuple(_voice(file, name, tables[name], voice) for name, voice in VOICE_SECTIONS.items()),
        drums=MappingProxyType(drums),
        drum_notes=MappingProxyType(DRUM_NOTES | {key: drum.note for key, drum in drums.items()}),
    )


def default_voice(voice: Voice) -> VoicePatch:
    """Return how notes sound on a voice of which a patch says nothing."""
    return parse_patch("", "", "").voices[voice]


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
    raise PatchError(f"patch {shorten(text, 120)!r} {trouble}: give a .toml file, or one of {', '.join(shipped)}")


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


def _controls(file: PatchText, table: dict[str, Any]) -> dict[str, Value]:
    """Return values by full names; ``p1.role`` may be written dotted, quoted or as a table, but once."""
    controls: dict[str, Value] = {}
    for keys, written in _written_controls(table):
        name = ".".join(keys)
        value = _control(file, name, (CONTROLS_SECTION, *keys), written)
        if name in controls:
            raise PatchError(f"{file.where((CONTROLS_SECTION, *keys))} is there twice: leave one out")
        controls[name] = value
    for section in VOICE_SECTIONS:
        lowest = int(controls.get(f"{section}.key_low", 0))
        highest = int(controls.get(f"{section}.key_high", MIDI_KEY_MAX))
        if lowest > highest:
            allowed = f"up to {section}.key_high, which is {highest}"
            raise file.refusal((CONTROLS_SECTION, section, "key_low"), lowest, allowed)
    return controls


def _written_controls(table: dict[str, Any]) -> Iterator[tuple[tuple[str, ...], object]]:
    for name, value in table.items():
        if isinstance(value, dict) and name in VOICE_SECTIONS:
            for inner, inner_value in value.items():
                yield (name, inner), inner_value
        else:
            yield (name,), value


def _control(file: PatchText, name: str, keys: tuple[str, ...], value: object) -> Value:
    control = CONTROLS.get(name)
    if control is None:
        raise PatchError(f"{file.where(keys)} is no control: `livegen controls` lists them")
    if control.is_action:
        raise PatchError(f"{file.where(keys)} is a command and holds no value: leave it out")
    types, allowed = _CONTROL_TYPES[control.kind]
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
    }
)
"""TOML types of a kind of control, and words for them; `type` and not `isinstance`, since a bool is an int."""


def _in_range(control: Control, value: Any) -> bool:
    return control.kind in ("bool", "choice") or control.minimum <= value <= control.maximum  # False for NaN


def _voice(file: PatchText, section: str, table: dict[str, Any], voice: Voice) -> VoicePatch:
    keys = [key for key in VOICE_KEYS if has_key(key, voice)]
    file.check_keys((section,), table, _names(keys))
    fields = {
        key.name: _value(file, (section,), table if has_key(key, voice) else {}, key, voice) for key in VOICE_KEYS
    }
    if fields["arpeggio_mode"] == "fixed":
        _require_notes(file, (section, "arpeggio"), fields["arpeggio"], voice)
    return VoicePatch(**fields)


def _drums(file: PatchText, table: dict[str, Any]) -> Iterator[tuple[int, Drum]]:
    if len(table) > DRUMS_MAX:
        raise PatchError(f"{file.where((DRUMS_SECTION,))} has {len(table)} keys: allowed are up to {DRUMS_MAX}")
    for name, value in table.items():
        section = (DRUMS_SECTION, name)
        if name not in _MIDI_KEYS:
            raise PatchError(f"{file.where(section)} is no drum: allowed is a MIDI key, {DRUMS_SECTION}.0 to "
                             f"{DRUMS_SECTION}.{MIDI_KEY_MAX}")  # fmt: skip
        drum = file.table(section, value)
        file.check_keys(section, drum, _names(DRUM_KEYS))
        fields = {key.name: _value(file, section, drum, key, Voice.NO) for key in DRUM_KEYS}
        if fields["note"] is None:
            fields["note"] = fit_note(Voice.NO, int(name))
        yield int(name), Drum(**fields)


def _names(keys: Iterable[Key]) -> Iterator[str]:
    for key in keys:
        yield key.name
        if key.kind == "macro":
            yield from (f"{key.name}_{suffix}" for suffix in MACRO_SUFFIXES)


def _value(file: PatchText, section: tuple[str, ...], table: dict[str, Any], key: Key, voice: Voice) -> Any:
    """Return the value of a key in the section of a voice, or its default."""
    if key.kind in ("macro", "run"):
        return _macro(file, section, table, key, voice)
    return _simple(file, (*section, key.name), table, key, voice)


def _simple(file: PatchText, keys: tuple[str, ...], table: dict[str, Any], key: Key, voice: Voice | None) -> Any:
    value: Any = table.get(key.name, key.default)
    if key.name not in table:
        return float(value) if key.kind == "number" else value
    if key.kind == "text":
        fits = isinstance(value, str) and len(value) <= TEXT_LENGTH_MAX and value.isprintable()
        allowed = f"one line of text of up to {TEXT_LENGTH_MAX} characters"
    elif key.kind == "bool":
        fits, allowed = isinstance(value, bool), "true or false"
    elif key.kind == "choice":
        fits, allowed = value in key.choices, " or ".join(f'"{choice}"' for choice in key.choices)
    else:
        assert voice is not None
        lowest, highest = key.ranges[voice]
        fits = type(value) in ((int,) if key.kind == "int" else (int, float)) and lowest <= value <= highest
        allowed = f"a {'whole ' if key.kind == 'int' else ''}number from {lowest:g} to {highest:g}"
    if not fits:
        raise file.refusal(keys, value, allowed)
    return float(value) if key.kind == "number" else value


def _macro(file: PatchText, section: tuple[str, ...], table: dict[str, Any], key: Key, voice: Voice) -> Macro | None:
    written: Any = table.get(key.name, key.default)
    values: list[Any] = written if isinstance(written, list) else [written]
    where = (*section, key.name)
    if not 1 <= len(values) <= MACRO_LENGTH_MAX:
        raise file.refusal(where, written, f"1 to {MACRO_LENGTH_MAX} values, not {len(values)}")
    lowest, highest = key.ranges.get(voice, (0, 0))
    for value in values if key.name in table else []:
        if type(value) is not int or not lowest <= value <= highest:
            raise file.refusal(where, value, f"whole numbers from {lowest:g} to {highest:g}")
    loop, release = (_index(file, section, f"{key.name}_{suffix}", table, len(values)) for suffix in MACRO_SUFFIXES)
    if loop is not None and release is not None and loop > release:
        raise file.refusal((*section, f"{key.name}_loop"), loop, f"up to {key.name}_release, which is {release}")
    return None if written is None else Macro(tuple(values), loop, release)


def _index(file: PatchText, section: tuple[str, ...], name: str, table: dict[str, Any], length: int) -> int | None:
    index = table.get(name)
    if index is None or (type(index) is int and 0 <= index < length):
        return index
    raise file.refusal((*section, name), index, f"the index of a value of the macro, 0 to {length - 1}")


def _require_notes(file: PatchText, keys: tuple[str, ...], macro: Macro, voice: Voice) -> None:
    lowest, highest = NOTE_RANGE[voice]
    for value in macro.values:
        if not lowest <= value <= highest:
            raise file.refusal(keys, value, f"notes from {lowest} to {highest}, since arpeggio_mode is fixed")
