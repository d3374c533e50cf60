"""The reference of the site in Markdown, made from the tables and the commands that livegen itself goes by."""

import inspect
import json
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import typer

from livegen.cli.app import app
from livegen.controls import CONTROLS, DEFAULTS, PRESSES, TABLE, Control, osc_address
from livegen.inputs import osc
from livegen.inputs.osc_message import NOTE_RANGES
from livegen.patch import list_patches, load_patch, reference_page
from livegen.patch.reference import control_name, markdown_table
from livegen.rig.keys import KNOB_KEYS, RIG_KEYS, SONG_KEYS, RigKey
from livegen.system.resources import patches_folder

DEMOS: Final = patches_folder().parent / "demos"
SOUND_FOLDER: Final = "sounds"
"""Where in the site the sound files lie."""

_MARKUP: Final = re.compile(r"\[(/?)bold\]")
_KINDS: Final = {
    "float": "a number",
    "int": "a whole number",
    "bool": "on or off",
    "choice": "a word",
    "trigger": "action",
    "count": "action, with a whole number",
    "name": "action, with a word",
}
_OSC_TYPES: Final = {
    **{"float": "f", "int": "i", "bool": "i", "choice": "s"},
    **{"trigger": "none", "count": "i", "name": "s"},
}


def controls_page() -> str:
    """Return the page of all live controls, those of every model first and those of one kind of model after them."""
    of_engines = (
        part
        for engine in sorted({control.engine for control in TABLE if control.engine})
        for part in (
            f"## Of a {engine.upper()} alone",
            f"Models of the kind `{engine}` heed these; all others leave them alone.",
            _control_table(control for control in TABLE if control.engine == engine),
        )
    )
    return _page(
        "# Controls",
        "Everything that may change while it plays, by the name with which `--set`, a patch, a rig, `:` in the "
        "terminal, MIDI learn and the page know it. A number out of its range is clamped. A control of a voice is "
        "written `p1.role`, `p2.role`, `tr.role`, `no.role`. `livegen controls` prints the same.",
        "## Values",
        _control_table(control for control in TABLE if not control.engine and not control.is_action),
        "## Actions",
        "An action does something once and keeps no value. Where an argument is left out it has the default.",
        _control_table(control for control in TABLE if not control.engine and control.is_action),
        *of_engines,
    )


def osc_page() -> str:
    """Return the page of OSC: what its module says of itself, and every address."""
    keys = ", ".join(f"{what} {low}..{high}" for what, (low, high) in NOTE_RANGES.items())
    rows = (
        (f"`{osc_address(name)}`", _OSC_TYPES[control.kind], _allowed(control), control.description)
        for name, control in CONTROLS.items()
    )
    return _page(
        "# OSC",
        f"`livegen jam` listens on UDP port {osc.DEFAULT_PORT} of this machine, or on `--osc-port` and `--osc-host`.",
        *(inspect.getdoc(osc) or "").split("\n\n")[1:],
        f"A key is `/livegen/note` with {keys}; a float up to 1.0 is a velocity too, and 0 releases the key. "
        "`/livegen/midi` takes OSC's own type m, or the bytes of one message.",
        f"`/livegen/learn` takes the name of a control, or the name and one of {', '.join(PRESSES)}.",
        "## Addresses",
        "In its answers a switch is 0 or 1. It takes more: a button may send 1.0, T or nothing.",
        markdown_table(("address", "type", "allowed", "what it does"), rows),
    )


def commands_page() -> str:
    """Return the page of all commands with their arguments and options."""
    parts = []
    for name, command in _leaves(typer.main.get_command(app), "livegen"):
        context = command.make_context(name, [], resilient_parsing=True)
        told = (parameter.get_help_record(context) for parameter in command.get_params(context))
        rows = [(f"`{' '.join(names.split())}`", _plain(says)) for names, says in filter(None, told)]
        parts += [f"## {name}", _plain(inspect.cleandoc(command.help or ""))]
        parts += [markdown_table(("argument or option", "what it does"), rows)]
    return _page(
        "# Commands",
        "`livegen COMMAND --help` says the same. Exit codes: 0 success, 2 something that you can mend, told in one "
        "sentence, 1 anything else.",
        *parts,
    )


def rigs_page() -> str:
    """Return the page of what a rig and a set-list can say."""
    return _page(
        "# Rig and set-list keys",
        "A rig is a TOML file, and so is a set-list. A mistake is refused with its file, line and key.",
        "## A rig",
        "Beside these it may have `[controls]`, and any number of `[[knob]]`, `[[midi_in]]` and `[[midi_out]]`. The "
        "last two have the keys of the options `--midi-in` and `--midi-out`.",
        _key_table(RIG_KEYS),
        "## `[[knob]]`",
        _key_table(KNOB_KEYS),
        "## `[[song]]` of a set-list",
        _key_table(SONG_KEYS),
    )


def patch_keys_page() -> str:
    """Return the page of what a patch can say, as `livegen patches --reference` prints it."""
    page = reference_page({name: load_patch(name) for name in list_patches()})
    return page.replace("# Patches", "# Patch keys", 1)


def sounds_page() -> str:
    """Return the page on which the demos are played: their list, with what was measured of each."""
    page = (DEMOS / "README.md").read_text(encoding="utf-8")
    player = rf'<audio controls preload="none" aria-label="\2" src="../{SOUND_FOLDER}/\2.opus"></audio>\n\n'
    measured = json.loads((DEMOS / "figures.json").read_text(encoding="utf-8"))
    rows = (
        (
            name,
            f"{figures['seconds']:.0f} s",
            f"{figures['key']}, {100 * figures['in_key']:.0f} %",
            f"{figures['longest_trill']:.1f} s",
            f"{nearest['size']} notes at {nearest['seconds']:.0f} s: {nearest['song']}",
        )
        for name, figures in measured.items()
        for nearest in [figures["nearest"] or {"size": 0, "seconds": 0.0, "song": "not looked for"}]
    )
    return _page(
        re.sub(r"\[(Hear it)\]\((\w+)\.opus\)\. ", player, page).rstrip(),
        "## What was measured",
        "In key is the share of the time of all notes that lies in the key of their bar. Nearest is the longest "
        "passage of a voice that a voice of one of the 4,502 training songs has, too, in any transposition, tempo and "
        "rhythm; figures that repeat count once. Of half minutes of songs that no model was trained on, one in ten has "
        "such a passage of 16 notes or more.",
        markdown_table(("sound", "length", "key, in key", "longest trill", "nearest"), rows),
    )


PAGES: Final[MappingProxyType[str, Callable[[], str]]] = MappingProxyType(
    {
        "controls": controls_page,
        "patch-keys": patch_keys_page,
        "rig-keys": rigs_page,
        "commands": commands_page,
        "osc": osc_page,
        "sounds": sounds_page,
    }
)
"""The function that makes a page, by its name."""


def write_reference(folder: Path) -> None:
    """Write every page of the reference; one that is as it was is left, so that it is not built again."""
    folder.mkdir(exist_ok=True)
    for name, page in PAGES.items():
        path, text = folder / f"{name}.md", page()
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def _leaves(command: Any, name: str) -> Iterator[tuple[str, Any]]:
    """Yield every command that has none under it, by its whole name, in the order of the help."""
    below = getattr(command, "commands", None)
    if below is None:
        yield name, command
        return
    for word, each in below.items():
        yield from _leaves(each, f"{name} {word}")


def _control_table(controls: Iterable[Control]) -> str:
    rows = (
        (f"`{control_name(control)}`", _KINDS[control.kind], _allowed(control), _default(control), control.description)
        for control in controls
    )
    return markdown_table(("control", "kind", "allowed", "default", "what it does"), rows)


def _allowed(control: Control) -> str:
    if control.choices:
        return ", ".join(f"`{choice}`" for choice in control.choices)
    if control.kind in ("name", "bool") or (control.kind == "trigger" and control.maximum <= 1):
        return ""
    return f"{control.minimum:g}..{control.maximum:g} {control.unit}".strip()


def _default(control: Control) -> str:
    value = control.argument if control.is_action else DEFAULTS[control_name(control)]
    if value is True or value is False:
        return "" if control.is_action else ("on" if value else "off")
    return f"{value:g}" if isinstance(value, (int, float)) else f"`{value}`" if value else ""


def _key_table(keys: Iterable[RigKey]) -> str:
    rows = (
        (f"`{key.name}`", ", ".join(f"`{word}`" for word in key.choices) or _span(key) or key.kind, key.description)
        for key in keys
    )
    return markdown_table(("key", "allowed", "what it does"), rows)


def _span(key: RigKey) -> str:
    low, high = key.span
    return f"{low:,}..{high:,}" if high > low else ""


def _plain(text: str) -> str:
    """Return help in Markdown: what is bold in a terminal is code."""
    return "`".join(_MARKUP.split(text)[::2]) if _MARKUP.search(text) else text


def _page(*parts: str) -> str:
    return "\n\n".join(parts) + "\n"
