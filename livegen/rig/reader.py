"""The strict reader of rigs: from a name or a path to the objects of `livegen.rig.values`."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Literal, TypeVar, cast

from livegen.controls import CONTROLS
from livegen.engines.cast import parse_voice_model
from livegen.errors import PatchError, PortError, RigError
from livegen.inputs import midi_settings as midi_in
from livegen.inputs.midi_settings import MidiInSettings
from livegen.outputs import midi_settings as midi_out
from livegen.patch import list_patches, load_patch
from livegen.rig.keys import (
    CONTROLS_SECTION,
    KNOB_KEYS,
    KNOB_SECTION,
    LIST_MAX,
    MIDI_IN_SECTION,
    MIDI_OUT_SECTION,
    RIG_KEYS,
    RigKey,
)
from livegen.rig.values import Knob, Peer, Rig, can_press
from livegen.score import Voice
from livegen.system.resources import rigs_folder
from livegen.toml.controls import read_controls
from livegen.toml.text import Keys, SimpleKind, TomlText, read_text, shorten

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _-]*")
_PEER: Final = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([^\s:\[\]]+)):(\d{1,5})")
_HIGHEST_MSB: Final = 31
_Settings = TypeVar("_Settings")

_SECTIONS: Final = (CONTROLS_SECTION, KNOB_SECTION, MIDI_IN_SECTION, MIDI_OUT_SECTION)


def list_rigs() -> list[str]:
    """Return the names of the user's rigs, sorted."""
    return sorted(path.stem for path in rigs_folder().glob("*.toml"))


def rig_path(name: str) -> Path:
    """Return the path of the user's rig of a name; raises RigError if no rig can have the name, such as ``../x``."""
    if _NAME.fullmatch(name) is None:
        raise RigError(f"{shorten(name, 40)!r} cannot be a rig's name: use letters, digits, spaces, - and _")
    return rigs_folder() / f"{name}.toml"


def find_rig(name_or_path: str) -> Path:
    """Return the file of a rig, given the name of one of the user's rigs or a path; raises RigError."""
    names = list_rigs()
    if name_or_path in names:
        return rig_path(name_or_path)
    path = Path(name_or_path)
    try:
        if path.is_file():
            return path
    except OSError as error:
        raise RigError(f"rig {shorten(name_or_path, 120)!r} cannot be looked up: {error.strerror}") from None
    there = f"one of {', '.join(names)} in {rigs_folder()}" if names else "save one while playing"
    raise RigError(f"there is no rig {shorten(name_or_path, 120)!r}: give a .toml file, or {there}")


def load_rig(name_or_path: str) -> Rig:
    """Read a rig.

    Parameters
    ----------
    name_or_path : str
        Name of one of the user's rigs, or the path of a TOML file.

    Raises
    ------
    RigError
        If there is no such rig, or the file says something that a rig cannot say. The message names file, line, key,
        value and what is allowed.
    """
    path = find_rig(name_or_path)
    return parse_rig(read_text(path, RigError, "rig"), path)


def parse_rig(text: str, path: Path) -> Rig:
    """Return the rig that a text holds; see `load_rig`.

    Parameters
    ----------
    text : str
        TOML.
    path : Path
        Path of the rig's file, which need not exist. Patches that the rig names by file are looked for beside it.
    """
    file = TomlText(str(path), text, RigError, "rig")
    root = file.parse()
    file.check_keys((), root, [*(key.name for key in RIG_KEYS), *_SECTIONS])
    fields = {key.name: _value(file, (key.name,), root[key.name], key) for key in RIG_KEYS if key.name in root}
    controls = read_controls(file, CONTROLS_SECTION, file.table((CONTROLS_SECTION,), root.get(CONTROLS_SECTION, {})))
    if "patch" in fields:
        fields["patch"] = _patch(file, ("patch",), fields["patch"], path.parent)
    if "patches" in fields:
        fields["patches"] = tuple(_patch(file, ("patches",), name, path.parent) for name in fields["patches"])
    if "osc_peers" in fields:
        fields["osc_peers"] = tuple(_peer(file, text) for text in fields["osc_peers"])
    if "model" in fields:
        fields["model"] = _model(fields["model"], path.parent)
    if "models" in fields:
        fields["models"] = dict(_voice_model(file, text, path.parent) for text in fields["models"])
    knobs = _knobs(file, root[KNOB_SECTION]) if KNOB_SECTION in root else None
    ins = _midi_ins(file, root[MIDI_IN_SECTION], path.parent) if MIDI_IN_SECTION in root else None
    outs = None
    if MIDI_OUT_SECTION in root:
        outs = _ports(file, MIDI_OUT_SECTION, root[MIDI_OUT_SECTION], midi_out.read_settings)
    return Rig(**fields, controls=MappingProxyType(controls), knobs=knobs, midi_ins=ins, midi_outs=outs, path=path)


def _value(file: TomlText, keys: Keys, value: Any, key: RigKey) -> Any:
    if key.kind != "texts":
        return file.simple(keys, value, cast(SimpleKind, key.kind), key.choices, key.span)
    if not isinstance(value, list) or len(value) > LIST_MAX:
        raise file.refusal(keys, value, f"a list of up to {LIST_MAX} texts")
    return [file.simple(keys, text, "text", (), (0, 0)) for text in value]


def _patch(file: TomlText, keys: Keys, name: str, folder: Path) -> str:
    """Return a patch's name, or the absolute path of its file; raises RigError if it cannot be loaded."""
    beside = folder / name
    found = str(beside.absolute()) if name not in list_patches() and beside.is_file() else name
    try:
        load_patch(found)
    except PatchError as error:
        raise RigError(f"{file.where(keys)}: {error}") from None
    return found


def _model(name: str, folder: Path) -> str:
    """Return a model's name, or the absolute path of its folder."""
    return str((folder / name).absolute()) if (folder / name).is_dir() else name


def _voice_model(file: TomlText, text: str, folder: Path) -> tuple[Voice, str]:
    said = parse_voice_model(text)
    if said is None or not said[1]:
        raise file.refusal(("models",), text, 'a voice and its model, such as "no=solo"')
    return said[0], _model(said[1], folder)


def _peer(file: TomlText, text: str) -> Peer:
    match = _PEER.fullmatch(text)
    if match is None or not 1 <= int(match[3]) <= 65_535:
        raise file.refusal(("osc_peers",), text, 'a host and a port from 1 to 65535, such as "127.0.0.1:9000"')
    return match[1] or match[2], int(match[3])


def _knobs(file: TomlText, value: object) -> tuple[Knob, ...]:
    knobs: list[Knob] = []
    for index, table in enumerate(file.tables((KNOB_SECTION,), value)):
        knob = _knob(file, index, table)
        for other in knobs:
            if other.control == knob.control:
                raise file.refusal((KNOB_SECTION, index, "control"), knob.control, f"one knob, and it has {other}")
            if other.clashes(knob):
                where = file.where((KNOB_SECTION, index, knob.kind))
                raise RigError(f"{where}: {knob} sets {other.control} already: give each knob one control")
        knobs.append(knob)
    return tuple(knobs)


def _knob(file: TomlText, index: int, table: dict[str, Any]) -> Knob:
    where: Keys = (KNOB_SECTION, index)
    file.check_keys(where, table, [key.name for key in KNOB_KEYS])
    values = {k.name: _value(file, (*where, k.name), table[k.name], k) for k in KNOB_KEYS if k.name in table}
    for name in ("control", "channel"):
        if name not in values:
            raise RigError(f"{file.where(where)} has no {name}: add one")
    if values["control"] not in CONTROLS:
        raise file.refusal((*where, "control"), values["control"], "a control: `livegen controls` lists them")
    kind: Literal["cc", "note"] = "note" if "note" in values else "cc"
    if ("cc" in values) == ("note" in values):
        raise RigError(f"{file.where(where)} needs either cc or note: give one of them")
    mode = values.get("mode", "absolute")
    if kind == "note" and mode != "absolute":
        raise file.refusal((*where, "mode"), mode, '"absolute", for a pad')
    if mode == "pair" and values["cc"] > _HIGHEST_MSB:
        raise file.refusal((*where, "cc"), values["cc"], f"0 to {_HIGHEST_MSB}, for a pair")
    press = values.get("press", "single")
    knob = Knob(values["control"], values["channel"] - 1, kind, values[kind], mode, values.get("port"), press)
    if press != "single" and not can_press(knob):
        raise file.refusal((*where, "press"), press, f'"single", for {knob.control} is a number')
    if press != "single" and mode != "absolute":
        raise file.refusal((*where, "press"), press, '"single", for a pair or an encoder')
    return knob


def _midi_ins(file: TomlText, value: object, folder: Path) -> tuple[MidiInSettings, ...]:
    if isinstance(value, str):
        name = file.simple((MIDI_IN_SECTION,), value, "text", (), (0, 0))
        return (MidiInSettings(name),) if name.strip() else (MidiInSettings(),)
    ins = _ports(file, MIDI_IN_SECTION, value, lambda table: midi_in.read_settings(_with_profile(table, folder)))
    try:
        midi_in.wirings(ins)
    except PortError as error:
        raise RigError(f"{file.where((MIDI_IN_SECTION, len(ins) - 1))}: {error}") from None
    return ins


def _with_profile(table: Mapping[str, Any], folder: Path) -> Mapping[str, Any]:
    """Return the table of an input with the absolute path of the profile that lies beside the rig, if it names one."""
    profile = table.get("feedback")
    if isinstance(profile, str) and profile.endswith(".toml") and (folder / profile).is_file():
        return {**table, "feedback": str((folder / profile).absolute())}
    return table


def _ports(
    file: TomlText, section: str, value: object, read: Callable[[Mapping[str, Any]], _Settings]
) -> tuple[_Settings, ...]:
    settings = []
    for index, table in enumerate(file.tables((section,), value)):
        try:
            settings.append(read(table))
        except PortError as error:  # its message begins with the key
            key, _, trouble = str(error).partition(" ")
            path = key.split(".") if key.split(".")[0] in table else []
            where = file.where((section, index, *path))
            raise RigError(f"{where} {trouble}" if path else f"{where}: {error}") from None
    return tuple(settings)
