"""The learning curve of a run: one row for each checkpoint, as a CSV and as a picture beside the weights."""

import csv
import math
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Final

from livegen.formats.files import atomic_path

CURVE_FILE: Final = "curve.csv"
PICTURE_FILE: Final = "curve.png"


@dataclass(frozen=True, slots=True)
class CurveRow:
    """The figures of a run at a checkpoint.

    Attributes
    ----------
    step : int
    minutes : float
        Minutes of training, all parts of a resumed run together.
    loss, note_nll : float
        Means over the steps since the row before, in nats a frame.
    valid_note_nll : float
        Note NLL on songs that the run does not learn from; NaN if there are none.
    """

    step: int
    minutes: float
    loss: float
    note_nll: float
    valid_note_nll: float


def read_curve(folder: Path) -> list[CurveRow]:
    """Return the rows that a run left in its folder, oldest first; an empty list if they cannot be read."""
    try:
        with (folder / CURVE_FILE).open(newline="", encoding="utf-8") as file:
            return [CurveRow(int(step), *map(float, rest)) for step, *rest in list(csv.reader(file))[1:]]
    except (OSError, ValueError, TypeError):
        return []


def write_curve(folder: Path, rows: list[CurveRow]) -> None:
    """Write the rows, and their picture if matplotlib is installed."""
    with atomic_path(folder / CURVE_FILE) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(field.name for field in fields(CurveRow))
        writer.writerows(astuple(row) for row in rows)
    try:
        from matplotlib.figure import Figure
    except ImportError:
        return
    figure = Figure(figsize=(8, 4.5))
    axes = figure.subplots()
    minutes = [row.minutes for row in rows]
    axes.plot(minutes, [row.note_nll for row in rows], label="train, as varied")
    if not all(math.isnan(row.valid_note_nll) for row in rows):
        axes.plot(minutes, [row.valid_note_nll for row in rows], label="valid")
    axes.set(xlabel="minutes", ylabel="note NLL, nats a frame")
    axes.legend()
    axes.grid(visible=True, alpha=0.3)
    with atomic_path(folder / PICTURE_FILE) as partial:
        figure.savefig(partial, dpi=120, format="png")
