"""The writer of rigs: it writes the file in one piece and leaves in it what else it holds, such as comments."""

import re
from pathlib import Path
from typing import Any, Final

import tomlkit
from tomlkit.exceptions import TOMLKitError

from livegen.errors import LivegenError, RigError
from livegen.formats.files import atomic_path
from livegen.inputs import midi_settings as midi_in
from livegen.inputs.midi_settings import MidiInSettings
from livegen.outputs import midi_settings as midi_out
from livegen.rig.keys import CONTROLS_SECTION, KNOB_SECTION, MIDI_IN_SECTION, MIDI_OUT_SECTION, RIG_KEYS
from livegen.rig.values import Knob, Rig
from livegen.toml.text import read_text

_OUR_SECTIONS: Final = "|".join((CONTROLS_SECTION, KNOB_SECTION, MIDI_IN_SECTION, MIDI_OUT_SECTION))
_EMPTY_LINES: Final = re.compile(rf"\n{{3,}}(?=\[\[?(?:{_OUR_SECTIONS})\])")  # left by a section that was replaced
_HEAD: Final = "A rig of livegen: `livegen jam --rig` with its name or this file."


def save_rig(path: Path, rig: Rig) -> None:
    """Write a rig to a file. A key of a rig that this one does not set is removed from the file.

    Parameters
    ----------
    path : Path
        Its folder is made if it is missing.
    rig : Rig

    Raises
    ------
    RigError
        If the file cannot be written, or exists and is not TOML, for example because it is being edited.
    """
    document = _document(path)
    for key in RIG_KEYS:
        value = getattr(rig, key.name)
        if value is None:
            document.pop(key.name, None)
        elif key.name == "models":
            document[key.name] = [f"{voice.name.lower()}={model}" for voice, model in value.items()]
        elif key.name == "osc_peers":
            document[key.name] = [f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in value]
        else:
            document[key.name] = list(value) if isinstance(value, tuple) else value
    document.pop(CONTROLS_SECTION, None)
    if rig.controls:
        controls = tomlkit.table()
        for name, control in sorted(rig.controls.items()):
            controls.append(tomlkit.key(name.split(".")), control)
        document[CONTROLS_SECTION] = controls
    _put_knobs(document, rig.knobs)
    _put_inputs(document, rig.midi_ins or ())
    _put_tables(document, MIDI_OUT_SECTION, [midi_out.write_settings(out) for out in rig.midi_outs or ()])
    _write(path, document)


def save_knobs(path: Path, knobs: tuple[Knob, ...]) -> None:
    """Write the knobs of a session to a rig and leave all else in it unchanged; raises RigError as `save_rig` does."""
    document = _document(path)
    _put_knobs(document, knobs)
    _write(path, document)


def _put_knobs(document: tomlkit.TOMLDocument, knobs: tuple[Knob, ...] | None) -> None:
    tables = []
    for knob in knobs or ():
        more: dict[str, str] = {} if knob.mode == "absolute" else {"mode": knob.mode}
        more |= {} if knob.port is None else {"port": knob.port}
        more |= {} if knob.press == "single" else {"press": knob.press}
        tables.append({"control": knob.control, "channel": knob.channel + 1, knob.kind: knob.number} | more)
    _put_tables(document, KNOB_SECTION, tables)
    if knobs == ():  # a rig without knobs is not the same as one that does not mention knobs
        document[KNOB_SECTION] = []


def _put_inputs(document: tomlkit.TOMLDocument, inputs: tuple[MidiInSettings, ...]) -> None:
    """Write the MIDI inputs: one of which only the name is known in one line."""
    if len(inputs) != 1 or not inputs[0].is_plain:
        _put_tables(document, MIDI_IN_SECTION, [midi_in.write_settings(each) for each in inputs])
    else:
        if not isinstance(document.get(MIDI_IN_SECTION, ""), str):
            document.pop(MIDI_IN_SECTION)
        document[MIDI_IN_SECTION] = inputs[0].port or ""


def _put_tables(document: tomlkit.TOMLDocument, section: str, tables: list[dict[str, Any]]) -> None:
    """Write an array of tables, unless the document has the same one already."""
    if section in document and document[section].unwrap() == tables:
        return
    document.pop(section, None)
    if tables:
        array = tomlkit.aot()
        for table in tables:
            array.append(tomlkit.item(table))
        document[section] = array


def _document(path: Path) -> tomlkit.TOMLDocument:
    if not path.is_file():
        document = tomlkit.document()
        document.add(tomlkit.comment(_HEAD))
        return document
    try:
        return tomlkit.parse(read_text(path, RigError, "rig"))
    except TOMLKitError as error:
        raise RigError(f"{path} is not TOML, and is left as it is: {error}") from None


def _write(path: Path, document: Any) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(path) as partial:
            partial.write_text(_EMPTY_LINES.sub("\n\n", tomlkit.dumps(document)), encoding="utf-8")
    except (OSError, LivegenError) as error:
        raise RigError(f"the rig {path} cannot be written: {error}") from None
