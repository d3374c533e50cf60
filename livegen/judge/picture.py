"""A picture of what a model plays by itself: its rates and histograms beside those of songs, and a few piano rolls."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from livegen.errors import TrainingError
from livegen.formats.files import atomic_path
from livegen.judge.statistics import Counts
from livegen.score import Voice
from livegen.units import FRAME_RATE_HZ

N_ROLLS: Final = 4
_RATES: Final = {
    "onset_rate": "onsets a second",
    "note_change_rate": "note changes a second",
    "silence": "share of silence",
    "motif_reuse": "motif reuse",
}
_HISTOGRAMS: Final = {
    "lengths": "lengths of notes",
    "rests": "lengths of rests",
    "intervals": "intervals",
    "pitch_classes": "pitch classes",
    "similarities": "lags by likeness",
}
_COLOURS: Final = {Voice.P1: "tab:blue", Voice.P2: "tab:orange", Voice.TR: "tab:green", Voice.NO: "tab:gray"}


def check_can_draw(path: Path) -> None:
    """Raise `TrainingError` if there is no matplotlib, or no folder for the file. Call it before hours of measuring."""
    if not path.parent.is_dir():
        raise TrainingError(f"{path} cannot be written: make the folder {path.parent} first")
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError as error:
        raise TrainingError("a picture needs matplotlib: pip install 'livegen[train]'") from error


def write_picture(path: Path, of_runs: Counts, of_songs: Counts, runs: Sequence[NDArray[np.uint8]]) -> None:
    """Draw counts of runs beside those of songs, and the first few runs, ``uint8 (N, 4, 3)`` each, as a PNG.

    Raises
    ------
    TrainingError, FormatError
        If matplotlib is not installed, or the file cannot be written.
    """
    n_rows, n_rolls = len(_HISTOGRAMS) + 1, min(len(runs), N_ROLLS)
    figure, grid = new_page(path, n_rows + n_rolls, len(Voice))
    sets = (("model", of_runs, "tab:red"), ("songs", of_songs, "0.6"))
    for column, (name, title) in enumerate(_RATES.items()):
        axes = figure.add_subplot(grid[0, column], title=title)
        for i, (label, counts, colour) in enumerate(sets):
            axes.bar(np.arange(len(Voice)) + 0.4 * i - 0.2, counts.rates()[name], 0.4, label=label, color=colour)
        axes.set_xticks(range(len(Voice)), [voice.name for voice in Voice])
        axes.legend()
    for row, (name, title) in enumerate(_HISTOGRAMS.items(), 1):
        for voice in Voice:
            axes = figure.add_subplot(grid[row, int(voice)], title=f"{title}, {voice.name}")
            for i, (_, counts, colour) in enumerate(sets):
                values = getattr(counts, name)[voice]
                axes.bar(np.arange(len(values)) + 0.4 * i - 0.2, values / max(values.sum(), 1), 0.4, color=colour)
    for i, run in enumerate(runs[:n_rolls]):
        draw_roll(figure.add_subplot(grid[n_rows + i, :]), run)
    save_page(figure, path)


def new_page(path: Path, n_rows: int, n_columns: int) -> tuple[Any, Any]:
    """Return a figure of matplotlib for a file and the grid of its rows and columns; see `check_can_draw`."""
    check_can_draw(path)
    from matplotlib.figure import Figure

    figure = Figure(figsize=(16, 2.1 * n_rows), layout="constrained")
    return figure, figure.add_gridspec(n_rows, n_columns)


def save_page(figure: Any, path: Path) -> None:
    """Write a figure as a PNG; raises FormatError if the file cannot be written."""
    with atomic_path(path) as partial:
        figure.savefig(partial, dpi=80, format="png")


def draw_roll(axes: Any, frames: NDArray[np.uint8]) -> None:
    """Draw a piano roll, ``uint8 (N, 4, 3)``, on axes of matplotlib; the noise voice's notes lie below the others."""
    seconds = np.arange(len(frames) + 1) / FRAME_RATE_HZ
    for voice, colour in _COLOURS.items():
        note = frames[:, voice, 0].astype(int)
        starts = np.flatnonzero(np.concatenate([[True], note[1:] != note[:-1]]))
        ends = np.append(starts[1:], len(note))
        sounds = note[starts] > 0
        axes.hlines(note[starts][sounds], seconds[starts][sounds], seconds[ends][sounds], colors=colour, linewidth=2)
    axes.set(xlim=(0, seconds[-1]), ylim=(0, 108), ylabel="note")
