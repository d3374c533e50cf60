"""A model's card, `README.md` beside its weights, made of what was logged: no figure in it is typed by hand.

What the run was is in its record, how the model measures in its figures (`livegen.training.logged`), what it is in its
configuration. What only a person knows, such as what the model is good for, goes into `notes.md` beside it, which the
card ends with.
"""

import math
import shlex
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any, Final

from livegen.engines.checkpoint import WEIGHTS_FILE, read_about, read_config
from livegen.engines.config import ALL_VOICES
from livegen.errors import TrainingError
from livegen.formats.files import atomic_path
from livegen.training.curve import PICTURE_FILE
from livegen.training.logged import CLOCK, FIGURES_FILE, RECORD_FILE, flat, read_figures, read_record

CARD_FILE: Final = "README.md"
NOTES_FILE: Final = "notes.md"
_NO_LICENCE: Final = "Nobody has said under which licence the songs are: find out before you give the model away."
_MOST_NAMED: Final = 5
_SPLITS: Final = ("train", "valid")


def write_card(folder: Path, licence: str = "") -> Path:
    """Write the card of a model, and return its path.

    Parameters
    ----------
    folder : Path
        The model's, with the record of its run.
    licence : str
        Under which licence the songs are, and the model; empty if nobody has said.

    Raises
    ------
    CheckpointError
        If there is no model in the folder.
    TrainingError
        If there is no record of its run.
    FormatError
        If the card cannot be written.
    """
    record = read_record(folder)
    if not record:
        raise TrainingError(
            f"{folder} has no {RECORD_FILE}, of which a card is made: train the model with `livegen train`, which "
            "leaves one"
        )
    parts = [
        _model(folder),
        _data(record.get("data", {})),
        _training(record),
        _figures(read_figures(folder), record.get(CLOCK, {})),
        f"## Licence\n\n{licence.strip() or _NO_LICENCE}",
        *_notes(folder),
        f"This page is made of `{RECORD_FILE}` and `{FIGURES_FILE}` by `livegen card`.",
    ]
    path = folder / CARD_FILE
    with atomic_path(path) as partial:
        partial.write_text("\n\n".join(parts) + "\n", "utf-8")
    return path


def _model(folder: Path) -> str:
    kind, config = read_config(folder)
    voices = " ".join(voice.name for voice in getattr(config, "voices", ALL_VOICES))
    n_parameters = sum(math.prod(shape) for shape in config.shapes().values())
    megabytes = (folder / WEIGHTS_FILE).stat().st_size / 1e6
    lines = [
        f"# {folder.resolve().name}",
        f"A model of the kind `{kind}` with {n_parameters:,} parameters, {megabytes:.1f} MB, for {voices}.",
        read_about(folder),
        f"![How it learnt]({PICTURE_FILE})" if (folder / PICTURE_FILE).is_file() else "",
    ]
    return "\n\n".join(line for line in lines if line)


def _data(data: Mapping[str, Any]) -> str:
    splits = {name: data[name] for name in _SPLITS if isinstance(data.get(name), Mapping)}
    counted = list(dict.fromkeys(name for split in splits.values() for name in split if name != "sha256"))
    rows = [
        (name, *(_shown(split.get(what, "")) for what in counted), f"`{split.get('sha256', '')}`")
        for name, split in splits.items()
    ]
    left_out = data.get("left_out", [])
    more = [f"- {sentence}" for sentence in left_out[:_MOST_NAMED]]
    if len(left_out) > _MOST_NAMED:
        more.append(f"- and {len(left_out) - _MOST_NAMED} more")
    return "\n\n".join(["## Data", _rows(("split", *counted, "SHA-256"), rows), *(["\n".join(more)] if more else [])])


def _training(record: Mapping[str, Any]) -> str:
    parts, figures = record["parts"], record.get("figures", {})
    commands = dict.fromkeys(_without_folders(str(part.get("command"))) for part in parts)
    last = parts[-1] if parts else {}
    versions, machine = last.get("versions", {}), last.get("machine", {})
    hours = figures.get("minutes", 0.0) / 60.0
    gpu = machine.get("gpu")
    of_versions = ", ".join(f"{name} {value}" for name, value in versions.items() if value)
    rows = [
        ("seed", record.get("seed")),
        ("steps", figures.get("step")),
        ("hours", hours),
        ("parts", f"{len(parts)}, from {parts[0].get('started')} to {last.get('ended')}" if parts else 0),
        ("how it ended", last.get("status")),
        ("machine", f"{str(machine.get('system')).partition('-')[0]}, {machine.get('cores')} cores, {gpu or 'no GPU'}"),
        ("processes", record.get("processes")),
        ("versions", of_versions),
        *((f"begun with the weights of `{name}`", "") for name in [record.get("start_from")] if name),
        *_settings(record.get("settings", {})),
    ]
    ends = [(name, value) for name, value in figures.items() if name not in ("step", "minutes")]
    return "\n\n".join(
        [
            "## Training",
            *(f"    {command}" for command in commands),
            _rows(("setting", "value"), rows),
            "What the run came to:",
            _rows(("figure", "value"), ends),
        ]
    )


def _without_folders(command: str) -> str:
    """Return a command with files named by their last part alone: where a home lies is nobody else's business."""
    return shlex.join(_last_part(word) for word in shlex.split(command))


def _last_part(word: str) -> str:
    paths = (kind(word) for kind in (PurePosixPath, PureWindowsPath))
    return next((path.name for path in paths if path.is_absolute()), word)


def _settings(settings: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the settings that are in force and not told already: a run that is counted in steps has no minutes."""
    told = ("seed", "steps") if settings.get("steps") is None else ("seed", "steps", "minutes")
    yield from ((name, value) for name, value in settings.items() if name not in told and value is not None)


def _figures(kept: Mapping[str, Any], by_clock: Mapping[str, Any]) -> str:
    if not kept:
        return "## Figures\n\nIt has not been measured: `livegen eval DATA --model MODEL --keep` does."
    rows = [(name, value) for name, value in flat(kept["figures"]) if name != "model"]
    of_data = (kept.get("data") or {}).get("sha256")
    on_what = f", on songs with the hash `{of_data}`" if of_data else ""
    found = [
        "## Figures",
        f"    {_without_folders(str(kept.get('command')))}",
        f"Seed {kept.get('seed')}{on_what}.",
        _rows(("figure", "value"), rows),
    ]
    if by_clock:
        found += ["By the clock of the machine that measured:", _rows(("figure", "value"), by_clock.items())]
    return "\n\n".join(found)


def _notes(folder: Path) -> list[str]:
    path = folder / NOTES_FILE
    return [path.read_text("utf-8").strip()] if path.is_file() else []


def _rows(heads: Iterable[str], rows: Iterable[Iterable[Any]]) -> str:
    heads = list(heads)
    lines = [heads, ["---"] * len(heads), *([_shown(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _shown(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "-"}[value]
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.4g}"
    return str(value).replace("|", "\\|")
