"""Is there a pulse? Runs to which nobody gives a beat, and how well their onsets keep to one of their own."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from livegen.judge.notes import changes, notes_of
from livegen.judge.stage import Stage, spread
from livegen.score import Voice, onsets
from livegen.training.data.songs import Songs
from livegen.units import FRAME_RATE_HZ, frame_to_seconds, period_to_bpm, seconds_to_frame

N_RUNS: Final = 20
_RUN_SECONDS: Final = 60
_SHORTEST_SECONDS: Final = 30

_PERIODS: Final = np.array([6.0, 26.0])
_USUAL_PERIOD_FRAMES: Final = 12.0
_OCTAVE_SPREAD: Final = 0.6
_BASS_WEIGHT: Final = 1.2
_MOST_WEIGHT: Final = 2.0
"""Beats of 55 to 240 a minute are tried, those near 120 first. An onset weighs as many voices as begin with it, of
which the bass counts a little more, and two at most."""

_OPENING_SECONDS: Final = 8
_IN_BY_SECONDS: Final = 4
_CLEAR: Final = 0.5


@dataclass(frozen=True)
class Pulse:
    """A piece's own beat.

    Attributes
    ----------
    period_frames : float
    of_beats : float
        0..1: coherence of the onsets with whole beats.
    of_parts : float
        The same with halves or quarters, whichever is more.
    """

    period_frames: float
    of_beats: float
    of_parts: float


def find_pulse(frames: NDArray[np.uint8]) -> Pulse | None:
    """Return the beat that a piece, ``uint8 (n, 4, 3)``, keeps best; None where it has next to no onsets."""
    weight = np.minimum(onsets(frames) @ np.array([1.0, 1.0, _BASS_WEIGHT, 1.0]), _MOST_WEIGHT)
    times = np.flatnonzero(weight)
    if len(times) < 10:
        return None
    n_tempos = int(4 * len(frames) * (1 / _PERIODS[0] - 1 / _PERIODS[1])) + 200
    periods = 1.0 / np.linspace(1 / _PERIODS[1], 1 / _PERIODS[0], n_tempos)
    of_beats, of_halves, of_quarters = (
        abs(np.exp(-2j * np.pi * np.outer(m / periods, times)) @ weight[times]) / weight.sum() for m in (1, 2, 4)
    )
    usual = np.exp(-0.5 * (np.log2(periods / _USUAL_PERIOD_FRAMES) / _OCTAVE_SPREAD) ** 2)
    best = int(np.argmax((of_beats + of_halves + 0.7 * of_quarters) * usual))
    return Pulse(float(periods[best]), float(of_beats[best]), float(max(of_halves[best], of_quarters[best])))


def judge_pulse(
    stage: Stage, songs: Songs, *, seed: int = 0, progress: Callable[[], None] = lambda: None
) -> tuple[dict[str, Any], list[NDArray[np.uint8]]]:
    """Let a model play by itself `N_RUNS` times, and compare its beat and its opening with those of songs.

    `progress` is called after every run. Returns, for ``model`` and ``songs``, medians of the figures of `Pulse` and of
    the tempo, the share of pieces with a clear one, onsets a second in the first seconds and the share of pieces in
    which bass and drums are in early; and the runs, ``uint8 (n, 4, 3)`` each.

    Raises
    ------
    TrainingError
        If no song is long enough.
    """
    n_frames, n_least = seconds_to_frame(_RUN_SECONDS), seconds_to_frame(_SHORTEST_SECONDS)
    long_enough = [songs.song(i)[:n_frames] for i in range(len(songs)) if len(songs.song(i)) >= n_least]
    reference = spread(long_enough, len(songs), len(songs), f"lasts {_SHORTEST_SECONDS} s")
    runs = []
    for i in range(N_RUNS):
        runs.append(stage.play(n_frames, seed=seed + i, keys=[]))
        progress()
    return {"model": compare(runs), "songs": compare(reference)}, runs


def compare(pieces: Sequence[NDArray[np.uint8]]) -> dict[str, float]:
    """Return the figures of `judge_pulse` for one side."""
    found = [pulse for pulse in map(find_pulse, pieces) if pulse is not None]
    n_opening, n_in = _OPENING_SECONDS * FRAME_RATE_HZ + 1, _IN_BY_SECONDS * FRAME_RATE_HZ
    openings = [sum(len(changes(notes_of(piece[:n_opening], voice))) for voice in Voice) for piece in pieces]
    is_in = [all((piece[:n_in, voice, 0] > 0).any() for voice in (Voice.TR, Voice.NO)) for piece in pieces]
    return {
        "coherence": float(np.median([pulse.of_parts for pulse in found])),
        "clear": float(np.mean([pulse.of_parts > _CLEAR for pulse in found])),
        "whole_beats": float(np.median([pulse.of_beats for pulse in found])),
        "beats_a_minute": period_to_bpm(float(np.median([pulse.period_frames for pulse in found]))),
        "opening_onsets_a_second": float(np.median(openings)) / frame_to_seconds(n_opening - 1),
        "bass_and_drums_in": float(np.mean(is_in)),
    }
