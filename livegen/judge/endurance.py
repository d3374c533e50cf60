"""Does it stay alive? Sets of ten minutes, and how many of their half minutes are duller than real songs ever are."""

import warnings
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from livegen.judge.notes import in_turn, notes_of
from livegen.judge.stage import Stage, spread
from livegen.score import PITCHED
from livegen.training.data.songs import Songs
from livegen.units import seconds_to_frame

N_SETS: Final = 4
SET_SECONDS: Final = 600

_WINDOW_FRAMES: Final = seconds_to_frame(30)
_FEWEST_NOTES: Final = 8
_RARE: Final = 5.0
"""A voice is dull that has fewer different notes than all but these percent of the songs' windows, or of whose notes
more are its two commonest ones."""


class Endured(NamedTuple):
    """A set, ``uint8 (n, 4, 3)``, and which of its windows are dull, bool."""

    frames: NDArray[np.uint8]
    is_dull: NDArray[np.bool_]


def windows(frames: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return, by window and pitched voice, the number of different notes and the share of the two commonest ones.

    NaN where a voice has hardly any notes. Shape (n windows, 3, 2).
    """
    rows = []
    for begin in range(0, len(frames) - _WINDOW_FRAMES + 1, _WINDOW_FRAMES):
        window, row = frames[begin : begin + _WINDOW_FRAMES], []
        for voice in PITCHED:
            notes = in_turn(notes_of(window, voice))
            counts = np.sort(np.bincount(notes))[::-1] if len(notes) else np.zeros(2)
            is_known = len(notes) >= _FEWEST_NOTES
            row.append([(counts > 0).sum(), counts[:2].sum() / counts.sum()] if is_known else [np.nan, np.nan])
        rows.append(row)
    return np.array(rows, np.float64).reshape(-1, len(PITCHED), 2)


def windows_of(songs: Songs) -> NDArray[np.float64]:
    """Return the windows of all songs; raises TrainingError if none is long enough."""
    found = [windows(songs.song(i)) for i in range(len(songs))]
    return np.concatenate(spread([each for each in found if len(each)], len(songs), len(songs), "lasts 30 s"))


def are_dull(found: NDArray[np.float64], of_songs: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Tell which windows are dull: those in which more than half of the pitched voices are, beside songs."""
    with warnings.catch_warnings(action="ignore", category=RuntimeWarning):  # of a voice that no song has
        fewest = np.nanpercentile(of_songs[..., 0], _RARE, axis=0)
        most = np.nanpercentile(of_songs[..., 1], 100.0 - _RARE, axis=0)
    is_dull = np.isnan(found[..., 0]) | (found[..., 0] < fewest) | (found[..., 1] > most)
    return is_dull.sum(1) * 2 > len(PITCHED)


def judge_endurance(
    stage: Stage, songs: Songs, *, seed: int = 0, progress: Callable[[], None] = lambda: None
) -> tuple[dict[str, Any], list[Endured]]:
    """Let a model play `N_SETS` times for ten minutes, and count dull windows.

    `progress` is called after every set. Returns the shares of dull windows, of the model and of the songs, the longest
    row of them, and for each set a letter for each window, ``x`` where it is dull; and the sets.
    """
    of_songs = windows_of(songs)
    sets = []
    for i in range(N_SETS):
        frames = stage.play(seconds_to_frame(SET_SECONDS), seed=seed + i, keys=[])
        sets.append(Endured(frames, are_dull(windows(frames), of_songs)))
        progress()
    shown = ["".join("x" if is_dull else "." for is_dull in each.is_dull) for each in sets]
    of_sets = np.concatenate([each.is_dull for each in sets])
    return {
        "dull": {"model": float(of_sets.mean()), "songs": float(are_dull(of_songs, of_songs).mean())},
        "longest_dull": max(len(row) for each in shown for row in each.split(".")),
        "sets": shown,
    }, sets
