"""The strict reader of patches: from a name or a path to the objects of `livegen.patch.values`."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from livegen.errors import FormatError, PatchError
from livegen.patch.keys import (
    CONTROLS_SECTION,
    DRUM_KEYS,
    DRUMS_MAX,
    DRUMS_SECTION,
    MACRO_LENGTH_MAX,
    MACRO_SUFFIXES,
    MIDI_KEY_MAX,
    PATCH_KEYS,
    VOICE_KEYS,
    VOICE_SECTIONS,
    Key,
    has_key,
)
from livegen.patch.samples import MEMORY_MAX, SAMPLE_ENDINGS, embedded, read_sample, sample_places
from livegen.patch.values import Drum, Macro, Patch, VoicePatch
from livegen.score import DRUM_NOTES, NOTE_RANGE, Voice, fit_note
from livegen.system.resources import patches_folder
from livegen.toml.controls import read_controls
from livegen.toml.text import Keys, TomlText, read_text, shorten

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
    return parse_patch(read_text(path, PatchError, "patch"), str(path), path.stem, path.parent)


def patch_text(name_or_path: str | Path) -> str:
    """Return the TOML of a patch, as `load_patch` finds it, with its samples in it; raises PatchError."""
    path = _find(name_or_path)
    text = read_text(path, PatchError, "patch")
    drums = parse_patch(text, str(path), path.stem, path.parent).drums
    return embedded(text, {str(key): drum.sample for key, drum in drums.items() if drum.sample is not None})


def parse_patch(text: str, label: str, default_name: str, folder: Path | None = None) -> Patch:
    """Return the patch that a text holds.

    Parameters
    ----------
    text : str
        TOML.
    label : str
        What an error calls the text: the path of its file.
    default_name : str
        Name of the patch if the text gives none.
    folder : Path, optional
        Where the files of its samples lie. Without one, the text must hold its samples itself.

    Raises
    ------
    PatchError
        If there is a mistake. The message names label, line, key, value and what is allowed.
    """
    file = TomlText(label, text, PatchError, "patch")
    root = file.parse()
    sections = (CONTROLS_SECTION, *VOICE_SECTIONS, DRUMS_SECTION)
    file.check_keys((), root, [*(key.name for key in PATCH_KEYS), *sections])
    tables = {name: file.table((name,), root.get(name, {})) for name in sections}
    texts = {key.name: _simple(file, (key.name,), root, key, None) for key in PATCH_KEYS}
    drums = dict(_drums(file, tables[DRUMS_SECTION], folder))
    return Patch(
        name=texts["name"] or default_name,
        description=texts["description"],
        controls=MappingProxyType(read_controls(file, CONTROLS_SECTION, tables[CONTROLS_SECTION])),
        voices=tuple(_voice(file, name, tables[name], voice) for name, voice in VOICE_SECTIONS.items()),
        drums=MappingProxyType(drums),
        drum_notes=MappingProxyType(DRUM_NOTES | {key: drum.note for key, drum in drums.items()}),
    )


def default_voice(voice: Voice) -> VoicePatch:
    """Return how notes sound on a voice whose section a patch leaves out."""
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


def _voice(file: TomlText, section: str, table: dict[str, Any], voice: Voice) -> VoicePatch:
    keys = [key for key in VOICE_KEYS if has_key(key, voice)]
    file.check_keys((section,), table, _names(keys))
    fields = {
        key.name: _value(file, (section,), table if has_key(key, voice) else {}, key, voice) for key in VOICE_KEYS
    }
    if fields["arpeggio_mode"] == "fixed":
        _require_notes(file, (section, "arpeggio"), fields["arpeggio"], voice)
    return VoicePatch(**fields)


def _drums(file: TomlText, table: dict[str, Any], folder: Path | None) -> Iterator[tuple[int, Drum]]:
    if len(table) > DRUMS_MAX:
        raise PatchError(f"{file.where((DRUMS_SECTION,))} has {len(table)} keys: allowed are up to {DRUMS_MAX}")
    samples: list[bytes] = []
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
        if fields["sample"] is not None:
            fields["sample"] = _sample(file, (*section, "sample"), fields["sample"], folder, fields["sample_rate"])
            samples.append(fields["sample"])
            if fields["sample"] not in sample_places(samples):
                where = file.where((*section, "sample"))
                raise PatchError(f"{where} has no room: all samples together may have {MEMORY_MAX:,} bytes")
        yield int(name), Drum(**fields)


def _sample(file: TomlText, keys: Keys, value: object, folder: Path | None, rate: int) -> bytes:
    if not isinstance(value, str):
        raise file.refusal(keys, value, f"the name of a file that ends in {' or '.join(SAMPLE_ENDINGS)}")
    try:
        return read_sample(value, folder, rate)
    except FormatError as error:
        raise PatchError(f"{file.where(keys)}: {error}") from None


def _names(keys: Iterable[Key]) -> Iterator[str]:
    for key in keys:
        yield key.name
        if key.kind == "macro":
            yield from (f"{key.name}_{suffix}" for suffix in MACRO_SUFFIXES)


def _value(file: TomlText, section: Keys, table: dict[str, Any], key: Key, voice: Voice) -> Any:
    """Return the value of a key in the section of a voice, or its default."""
    if key.kind in ("macro", "run"):
        return _macro(file, section, table, key, voice)
    return _simple(file, (*section, key.name), table, key, voice)


def _simple(file: TomlText, keys: Keys, table: dict[str, Any], key: Key, voice: Voice | None) -> Any:
    if key.name not in table:
        return float(key.default or 0) if key.kind == "number" else key.default
    if key.kind == "sample":
        return table[key.name]  # what it names is read when the drum's other keys are known
    assert key.kind != "macro"
    assert key.kind != "run"
    span = (0.0, 0.0) if voice is None else key.ranges[voice]
    return file.simple(keys, table[key.name], key.kind, key.choices, span)


def _macro(file: TomlText, section: Keys, table: dict[str, Any], key: Key, voice: Voice) -> Macro | None:
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


def _index(file: TomlText, section: Keys, name: str, table: dict[str, Any], length: int) -> int | None:
    index = table.get(name)
    if index is None or (type(index) is int and 0 <= index < length):
        return index
    raise file.refusal((*section, name), index, f"the index of a value of the macro, 0 to {length - 1}")


def _require_notes(file: TomlText, keys: Keys, macro: Macro, voice: Voice) -> None:
    lowest, highest = NOTE_RANGE[voice]
    for value in macro.values:
        if not lowest <= value <= highest:
            raise file.refusal(keys, value, f"notes from {lowest} to {highest}, since arpeggio_mode is fixed")
