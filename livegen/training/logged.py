"""What has been logged of a model, in its folder: the record of its run, and its figures. It is read without torch.

Two runs of one command on one machine come to the same weights and the same figures, but not in the same time. So the
figures have a file of their own, and times, the machine and all that a clock has measured are in the run's record.
"""

import json
import shlex
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from livegen.formats.files import atomic_path

RECORD_FILE: Final = "run.json"
FIGURES_FILE: Final = "figures.json"
CLOCK: Final = "clock"
"""In the record: figures that a clock has measured."""

_OF_A_CLOCK: Final = "_ms"
"""What the name of such a figure ends in."""


def read_record(folder: Path) -> dict[str, Any]:
    """Return the record that a run left in its folder; empty if there is none that can be read."""
    record = _read(folder / RECORD_FILE)
    return record if isinstance(record.get("parts"), list) else {}


def write_record(folder: Path, record: Mapping[str, Any]) -> None:
    """Write the record of a run; raises FormatError if it cannot be written."""
    _write(folder / RECORD_FILE, record)


def read_figures(folder: Path) -> dict[str, Any]:
    """Return what `keep_figures` wrote; empty if there is nothing that can be read."""
    kept = _read(folder / FIGURES_FILE)
    return kept if isinstance(kept.get("figures"), dict) else {}


def keep_figures(folder: Path, figures: Mapping[str, Any], about: Mapping[str, Any]) -> None:
    """Write the figures of a model and how they were measured; what a clock measured goes into the run's record.

    Raises
    ------
    FormatError
        If the folder cannot be written to.
    """
    by_clock = {name: value for name, value in flat(figures) if _is_by_clock(name)}
    others = _without_clock(figures)
    _write(folder / FIGURES_FILE, {"command": command_line(), **about, "figures": others})
    record = read_record(folder)
    if record:
        write_record(folder, {**record, CLOCK: by_clock})


def command_line() -> str:
    """Return the command of this process, as it is typed."""
    return shlex.join([Path(sys.argv[0]).name.replace("__main__.py", "livegen"), *sys.argv[1:]])


def flat(table: Mapping[Any, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the names and values of a table; the names of nested tables are joined by dots."""
    for name, value in table.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _is_by_clock(name: str) -> bool:
    return any(part.endswith(_OF_A_CLOCK) for part in name.split("."))


def _without_clock(figures: Mapping[Any, Any]) -> dict[str, Any]:
    named = {str(name): value for name, value in figures.items()}  # free runs are at tempos, which are numbers
    return {
        name: _without_clock(value) if isinstance(value, Mapping) else value
        for name, value in named.items()
        if not _is_by_clock(name)
    }


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _write(path: Path, table: Mapping[str, Any]) -> None:
    with atomic_path(path) as partial:
        partial.write_text(json.dumps(table, indent=2) + "\n", "utf-8")
