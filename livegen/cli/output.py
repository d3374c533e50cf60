"""Where commands print: sentences, progress, tables of figures, JSON."""

import json
import sys
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

out = Console()
err = Console(stderr=True)


def printable(sentence: str) -> str:
    """Return a sentence in one line, with control characters escaped, which the name of a file may contain."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in " ".join(sentence.splitlines()))


def say(sentence: str, *, style: str | None = None) -> None:
    """Print a sentence on the error stream, in one line."""
    err.print(printable(sentence), style=style, highlight=False, markup=False, soft_wrap=True)


def warn(sentence: str) -> None:
    """Print a warning on the error stream."""
    say(f"warning: {sentence}", style="yellow")


def progress_bar(is_shown: bool = True) -> Progress:
    """Return a progress bar on the error stream, for a `with` block. It disappears at the end of the block."""
    columns = TextColumn("{task.description}", markup=False), BarColumn(), TimeRemainingColumn()
    return Progress(*columns, console=err, transient=True, disable=not (is_shown and err.is_terminal))


def show_figures(figures: dict[str, Any], as_json: bool) -> None:
    """Print figures as a table, or as one JSON object."""
    if as_json:
        print_json(figures)
        return
    table = Table("figure", "value", box=None, header_style="bold")
    _add_rows(table, figures)
    out.print(table)


def _add_rows(table: Table, figures: dict[str, Any], prefix: str = "") -> None:
    for name, value in figures.items():
        if isinstance(value, dict) and any(isinstance(part, dict) for part in value.values()):
            _add_rows(table, value, f"{prefix}{name} ")
            continue
        parts = value.items() if isinstance(value, dict) else [("", value)]
        shown = ", ".join(f"{part} {_rounded(number)}".strip() for part, number in parts)
        table.add_row(prefix + str(name), shown)


def _rounded(number: Any) -> str:
    return f"{number:.4g}" if isinstance(number, float) else str(number)


def print_json(value: Any) -> None:
    """Print one JSON object and nothing else."""
    sys.stdout.write(json.dumps(value) + "\n")
