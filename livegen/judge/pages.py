"""Pages of pictures of what was judged: rolls with clashes marked, chroma, and where in the beat onsets fall."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from livegen.engines.tonality import CLASHES
from livegen.judge.endurance import Endured
from livegen.judge.listening import Duet
from livegen.judge.notes import changes, notes_of
from livegen.judge.picture import draw_roll, new_page, save_page
from livegen.judge.pulse import find_pulse
from livegen.score import PITCHED, Voice
from livegen.units import FRAME_RATE_HZ, frame_to_seconds

_MOST_DRAWN: Final = 4
_N_PHASES: Final = 24
_CHROMA_SECONDS: Final = 0.5
_NAMES: Final = ("C", "", "D", "", "E", "F", "", "G", "", "A", "", "B")


def draw_listening(path: Path, duets: Sequence[Duet], lead: Voice = Voice.P1) -> None:
    """Draw the first songs that were played to a model as a PNG.

    For each there is the roll with the clashes with the melody in red, the chroma of the melody above that of the other
    voices, and the places in the beat of all onsets, beside those of the song.

    Raises
    ------
    TrainingError, FormatError
        If matplotlib is not installed, or the file cannot be written.
    """
    rows = duets[:_MOST_DRAWN]
    figure, grid = new_page(path, 3 * len(rows), 4)
    for i, each in enumerate(rows):
        roll = figure.add_subplot(grid[3 * i, :], title=f"song {i + 1}, played {lead.name}; clashes red")
        draw_roll(roll, each.played)
        _mark_clashes(roll, each.played, lead)
        others = [voice for voice in PITCHED if voice is not lead]
        for row, (name, voices) in enumerate((("melody", [lead]), ("the others", others)), 3 * i + 1):
            _draw_chroma(figure.add_subplot(grid[row, :3], ylabel=name), each.played, voices)
        for row, (name, frames) in enumerate((("song", each.song), ("model", each.played)), 3 * i + 1):
            axes = figure.add_subplot(grid[row, 3], title=f"{name}: onsets in the beat")
            _draw_phases(axes, frames, each.period_frames, [voice for voice in Voice if voice is not lead])
    save_page(figure, path)


def draw_pulse(path: Path, runs: Sequence[NDArray[np.uint8]]) -> None:
    """Draw the first runs, ``uint8 (N, 4, 3)`` each, and where in their own beats onsets fall; see `draw_listening`."""
    rows = runs[:_MOST_DRAWN]
    figure, grid = new_page(path, len(rows), 4)
    for i, frames in enumerate(rows):
        draw_roll(figure.add_subplot(grid[i, :3]), frames)
        pulse = find_pulse(frames)
        if pulse is not None:
            axes = figure.add_subplot(
                grid[i, 3], title=f"coherence {pulse.of_parts:.2f}, whole beats {pulse.of_beats:.2f}"
            )
            _draw_phases(axes, frames, pulse.period_frames, list(Voice))
    save_page(figure, path)


def draw_endurance(path: Path, sets: Sequence[Endured]) -> None:
    """Draw sets of minutes with their dull windows shaded; see `draw_listening`."""
    rows = sets[:_MOST_DRAWN]
    figure, grid = new_page(path, len(rows), 1)
    for i, (frames, is_dull) in enumerate(rows):
        axes = figure.add_subplot(grid[i, 0])
        draw_roll(axes, frames)
        seconds = frame_to_seconds(len(frames)) / max(len(is_dull), 1)
        for window in np.flatnonzero(is_dull):
            axes.axvspan(window * seconds, (window + 1) * seconds, color="tab:red", alpha=0.2)
    save_page(figure, path)


def _mark_clashes(axes: Any, frames: NDArray[np.uint8], lead: Voice) -> None:
    melody = notes_of(frames, lead)
    for voice in (voice for voice in PITCHED if voice is not lead):
        notes = notes_of(frames, voice)
        clashes = (melody > 0) & (notes > 0) & np.isin((melody - notes) % 12, CLASHES)
        at = np.flatnonzero(clashes)
        axes.scatter((at + 0.5) / FRAME_RATE_HZ, notes[at], s=4, color="tab:red", zorder=3)


def _draw_chroma(axes: Any, frames: NDArray[np.uint8], voices: Sequence[Voice]) -> None:
    """Draw the pitch classes that sound, by time."""
    n = round(_CHROMA_SECONDS * FRAME_RATE_HZ)
    chroma = np.zeros((12, -(-len(frames) // n)))
    for voice in voices:
        notes = notes_of(frames, voice)
        at = np.flatnonzero(notes)
        np.add.at(chroma, (notes[at] % 12, at // n), 1.0)
    extent = (0.0, frame_to_seconds(len(frames)), -0.5, 11.5)
    axes.imshow(chroma, aspect="auto", origin="lower", extent=extent, cmap="magma", interpolation="nearest")
    axes.set_yticks(range(12), _NAMES)


def _draw_phases(axes: Any, frames: NDArray[np.uint8], period_frames: float, voices: Sequence[Voice]) -> None:
    times = np.concatenate([changes(notes_of(frames, voice)) for voice in voices])
    axes.hist(times / period_frames % 1.0, bins=_N_PHASES, range=(0.0, 1.0), color="tab:blue")
    axes.set(xlim=(0.0, 1.0), yticks=[])
