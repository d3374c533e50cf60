"""The beat: its period and phase, and how it is found in the onsets of a song or of a performer.

Times are in frames, with fractions. There are 24 frames a second at any tempo.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from livegen.units import ENGINE_RATE_HZ, FRAME_RATE_HZ, bpm_to_period

_ENGINE_TICK_FRAMES: Final = FRAME_RATE_HZ / ENGINE_RATE_HZ
"""Length of an engine tick, in frames. Most beats of game music last a whole number of engine ticks."""

_FINE: Final = 1.0 + np.linspace(-0.003, 0.003, 7)
"""Factors by which a period is refined. A small error in the period adds up to a whole beat in a minute."""

_SLOWEST_TICKS: Final = 54  # 67 beats a minute
_FASTEST_TICKS: Final = 18  # 200 beats a minute
_PERIODS: Final = np.arange(_FASTEST_TICKS, _SLOWEST_TICKS + 1, dtype=np.float64) * _ENGINE_TICK_FRAMES

SLOWEST_PERIOD_FRAMES: Final = _SLOWEST_TICKS * _ENGINE_TICK_FRAMES
FASTEST_PERIOD_FRAMES: Final = _FASTEST_TICKS * _ENGINE_TICK_FRAMES
"""Longest and shortest period, in frames a beat, that `estimate_beat` finds."""

_USUAL_PERIOD_FRAMES: Final = 12.0  # 120 beats a minute
_OCTAVE_SPREAD: Final = 0.75  # standard deviation of usual tempi, in octaves
_CLEAR: Final = 0.55  # a beat is clear if the coherence with its halves or its quarters is at least this
_FEWEST_ONSETS: Final = 16

# Step between candidate tempi, in beats a frame. Two neighbours that agree in the middle of eight seconds differ by a
# twentieth of a beat at either end.
_LIVE_STEP: Final = 0.0005
_LIVE_PERIODS: Final = 1.0 / np.arange(
    1.0 / (_SLOWEST_TICKS * _ENGINE_TICK_FRAMES), 1.0 / (_FASTEST_TICKS * _ENGINE_TICK_FRAMES), _LIVE_STEP
)
"""Candidate periods of a performer's beat, in frames. They need not be whole numbers of engine ticks."""

_FEWEST_LIVE_ONSETS: Final = 12
_FEW_ONSETS_DOUBT: Final = 3.0
"""Some period fits a few onsets by chance. So the coherence must be over `_CLEAR` by this number divided by the number
of onsets.
"""

_FEWEST_FIRST_ONSETS: Final = 6
_FIRST_DOUBT: Final = 2.0
"""The same for a performer whose beat is not followed yet, and is to be found within four seconds.

With these values the period was right, or off by octaves, after 4 seconds of the melody in 85 % of 54 songs of
NES-MDB's train split, and wrong in 4 %. Onsets at random over 8 seconds have a beat found in 19 % of the draws of 6
onsets, 4 % of 12 and 1 % of 20. With a doubt of 1.2 it is 87 % right, 6 % wrong, and 53 %, 21 % and 4 %.
"""

_THIRDS_DOUBT: Final = 2.0
"""A beat in thirds is doubted so many times as much: it is looked for beside all others, and may fit by chance too."""

_OFF_BEAT: Final = 0.2
"""By how much more coherent onsets must be with thirds of a beat than with whole beats, or with every second third: who
plays on these alone plays halves of a longer beat.
"""

_MORE_ON_BEATS: Final = 0.3
"""By how much more coherent onsets must be with beats in thirds than with others: much is chance."""

_KEPT: Final = 1.3
_KEPT_SHARE: Final = 0.06
"""A period within `_KEPT_SHARE` of the one that is followed already has its worth multiplied by `_KEPT`."""

_STRONG: Final = 0.4
"""From this coherence with whole beats or with halves on, the onsets decide which quarter of the beat is the beat.

In 40 seconds of each of 60 songs of NES-MDB's train split the beat that is found in the melody then leaps .2 times by a
quarter or a half of itself; without it, 11 times.
"""

_FASTEST_BPM, _SLOWEST_BPM = 207.0, 58.0
_FEWEST_SOUGHT: Final = 8
_MOST_SOUGHT: Final = 1024
_SOUGHT_FRAMES: Final = 240 * FRAME_RATE_HZ
"""Tempos that `possible_beats` tries, a little beyond 60 to 200; the fewest onsets in which it looks for one; and in
how many it looks at most, within four minutes.
"""

_RELATED: Final = (1 / 4, 1 / 3, 1 / 2, 2 / 3, 3 / 4, 1, 4 / 3, 3 / 2, 2, 3, 4)
"""How periods are to each other on which the same onsets fall."""

_SAME_PERIOD: Final = 0.01  # octaves within which two periods are one

_EARLY_BEATS: Final = 0.1
"""Music begins with the beat before its first onset, or with one that the first onset comes before by less."""

_OCTAVE_ERROR: Final = 0.02  # octaves by which half or double a period may be off
_FADE_FRAMES: Final = 96.0  # age over which the weight of an onset falls to 1 / e

_NEWEST_FRAMES: Final = 8.0 * FRAME_RATE_HZ
"""A performer's beat is looked for in the onsets of the last 8 seconds."""

_STRAIGHT: Final = (1, 2, 4)
"""Whole beats, halves and quarters."""

_PARTS_OF: Final = {4: (2, 4), 3: (3,)}
"""Parts of a beat in quarters, and of one in thirds, on which a performer's onsets fall."""

_STEADY_SHARE: Final = 0.8
_STEADY_FADE_FRAMES: Final = 16.0 * FRAME_RATE_HZ
"""Earlier onsets count too if, with them, the beat is at least this share as clear; then the weight of an onset falls
to 1 / e over this age. A beat that is known from a few seconds of whole frames alone wanders by a fifth of a frame.
"""


@dataclass(frozen=True, slots=True)
class Beat:
    """Where the beat is.

    Attributes
    ----------
    period_frames : float
        Frames a beat, more than 0.
    phase : float
        Phase of the frame that is heard now, in beats. Only the fraction counts.
    """

    period_frames: float
    phase: float

    def after(self, n_frames: int) -> "Beat":
        """Return the same beat some frames later."""
        return Beat(self.period_frames, (self.phase + n_frames / self.period_frames) % 1.0)


def coherence(times: ArrayLike, period_frames: float, m: float) -> complex:
    """Return the mean of ``exp(2 pi i m t / period)`` over onset times t.

    Its absolute value is 1 if all onsets lie on a grid of `m` lines a period.
    """
    turns = np.asarray(times, np.float64) * (m / period_frames)
    return complex(np.exp(2j * np.pi * turns).mean())


def estimate_beat(times: ArrayLike, clear: float = _CLEAR) -> Beat | None:
    """Find the beat in onset times.

    Candidates are the periods of a whole number of engine ticks. Each is judged by how well the onsets fall on its
    beats, halves and quarters, and by how usual its tempo is. The best one is refined.

    Parameters
    ----------
    times : array of float, shape (n,)
        Onsets in frames.
    clear : float
        0..1: how well they must fall on its halves or quarters.

    Returns
    -------
    Beat or None
        With its phase at time 0; None where there are fewer than sixteen onsets, or no period is clear.
    """
    times = np.asarray(times, np.float64)
    if len(times) < _FEWEST_ONSETS:
        return None
    best_period = float(_PERIODS[int(np.argmax(_usual(_PERIODS) * np.sum(_sizes(times, _PERIODS, _STRAIGHT), 0)))])
    fine = best_period * _FINE
    period = float(fine[int(np.argmax(np.sum(_sizes(times, fine, _STRAIGHT), 0)))])
    of_beat, of_half, of_quarter = _grids(times, period)
    if max(abs(of_half), abs(of_quarter)) < clear:
        return None
    return Beat(period, _phase(of_beat, of_half, of_quarter))


def follow_beat(times: ArrayLike, current: Beat | None = None) -> Beat | None:
    """Find the beat in a performer's last onsets, as `estimate_beat` does in a song's.

    A performer's period need not be a whole number of engine ticks. Eighths at 90 beats a minute are easily taken for
    quarters at 180. So the period that fits best is compared with its half and its double; the one is taken that is
    most usual and has the onsets on its halves and quarters. A shuffle is in thirds of a beat, which are halves of
    another. A beat that is followed already is kept unless another fits much better.

    Parameters
    ----------
    times : array of float, shape (n,)
        Onsets in frames, ascending. The beat is looked for in those of the last eight seconds. The computing time grows
        with their number. Those before only make it steadier, if they lie on it.
    current : Beat, optional
        The beat that is followed, with its phase at time 0.

    Returns
    -------
    Beat or None
        With its phase at time 0; None where there are fewer than six onsets, or twelve while a beat is followed, or no
        period is clear.
    """
    all_times = np.asarray(times, np.float64)
    times = all_times[all_times > all_times[-1:] - _NEWEST_FRAMES]
    fewest, doubt = _FEWEST_FIRST_ONSETS, _FIRST_DOUBT
    if current is not None:
        fewest, doubt = _FEWEST_LIVE_ONSETS, _FEW_ONSETS_DOUBT
    if len(times) < fewest:
        return None
    period, n_parts = _period_and_parts(times, doubt / len(times), current)
    if not n_parts:
        return None
    if n_parts == 4:  # a performer's first onset is taken to be on the beat
        expected: float | None = current.phase if current else -times[0] / period
    else:
        expected = current.phase if current and _is_about(period, current.period_frames) else None
    phase = _kept_phase(times, period, n_parts, expected)
    weights = np.exp((times - times[-1]) / _FADE_FRAMES)  # the latest onsets count most
    beat = _laid_through(times, weights, Beat(period, phase), n_parts)
    return _steadied(all_times, len(all_times) - len(times), beat, n_parts)


def _period_and_parts(times: NDArray[np.float64], doubt: float, current: Beat | None) -> tuple[float, Literal[0, 3, 4]]:
    """Return a performer's period in frames, and into how many parts the beat is divided, 0 if none is clear.

    The period that fits best by halves and quarters is compared with its half and its double. Thirds of a beat are
    halves or quarters of another beat. So a beat in thirds is taken where more onsets are on whole beats with it; while
    another is followed, only in its place on the same grid: many melodies have some seconds by chance in which thirds
    fit better than their own parts.
    """
    worth = _usual(_LIVE_PERIODS)
    if current is not None:
        worth[_is_about(_LIVE_PERIODS, current.period_frames)] *= _KEPT
    of_beat, of_half, of_third, of_quarter = _sizes(times, _LIVE_PERIODS, (1, 2, 3, 4))
    best = int(np.argmax(worth * (of_beat + of_half + of_quarter)))
    octaves = np.abs(np.log2(_LIVE_PERIODS / _LIVE_PERIODS[best]))
    is_octave = np.abs(octaves - np.round(octaves)) < _OCTAVE_ERROR
    straight = int(np.argmax(worth * (of_half + of_quarter) * is_octave))
    thirds = int(np.argmax(worth * (of_beat + 2.0 * of_third)))
    is_straight = max(of_half[straight], of_quarter[straight]) >= _CLEAR + doubt
    coarser = max(of_beat[thirds], abs(coherence(times, _LIVE_PERIODS[thirds], 1.5)))
    is_clear = of_third[thirds] >= max(_CLEAR + _THIRDS_DOUBT * doubt, coarser + _OFF_BEAT)
    more_on_beats = of_beat[thirds] - of_beat[straight] if is_straight else math.inf
    if is_clear and _may_be_thirds(float(_LIVE_PERIODS[thirds]), more_on_beats, current):
        return float(_LIVE_PERIODS[thirds]), 3
    return float(_LIVE_PERIODS[straight]), 4 if is_straight else 0


def _may_be_thirds(period: float, more_on_beats: float, current: Beat | None) -> bool:
    """Tell whether a beat in thirds is taken that has so much more coherence of onsets with whole beats than another.

    One that is followed already need not have `_MORE_ON_BEATS`. A new one takes the place of nothing but the beat for
    which its thirds were taken.
    """
    if current is None:
        return more_on_beats > _MORE_ON_BEATS
    if _is_about(period, current.period_frames):
        return more_on_beats > 0.0
    is_same_grid = any(_is_about(period, current.period_frames * ratio) for ratio in (3 / 4, 3 / 2))
    return is_same_grid and _MORE_ON_BEATS < more_on_beats < math.inf


def _is_about(period_frames: Any, other: float) -> Any:
    """Tell of periods whether they are about another one."""
    return np.abs(np.log(period_frames / other)) < _KEPT_SHARE


def possible_beats(times: ArrayLike) -> list[Beat]:
    """Return the beats that a whole piece can have by its exact onset times, at 60 to 200 beats a minute.

    They are related to the period on whose halves and quarters the onsets fall best, or to that on whose thirds and
    sixths they do. Each is laid through the onsets, so that it is as exact as they are, and begins where most of them
    are struck together. `livegen.formats.score.tactus` tells which of them a musician would tap.

    Parameters
    ----------
    times : array of float, shape (n,)
        Onsets in frames, ascending, with as many at a time as voices begin together.

    Returns
    -------
    list of Beat
        With their phases at time 0; empty where there are fewer than eight onsets.
    """
    times, weights = _struck_together(np.asarray(times, np.float64))
    if len(times) < _FEWEST_SOUGHT:
        return []
    longest, shortest = bpm_to_period(_SLOWEST_BPM), bpm_to_period(_FASTEST_BPM)
    n_periods = int(8.0 * (times[-1] - times[0]) * (1.0 / shortest - 1.0 / longest)) + 200
    periods = 1.0 / np.linspace(1.0 / longest, 1.0 / shortest, n_periods)
    sizes = _sizes(times, periods, (1, 2, 3, 4, 6), weights)
    beats: list[Beat] = []
    for halved in ((0, 1, 3), (0, 2, 4)):
        best = periods[int(np.argmax(sizes[list(halved)].sum(axis=0)))]
        for period in best * np.array(_RELATED):
            beat = _laid_exactly(times, weights, float(period))
            is_new = all(abs(np.log2(beat.period_frames / other.period_frames)) > _SAME_PERIOD for other in beats)
            if is_new and shortest <= beat.period_frames <= longest:
                beats.append(beat)
    return beats


def first_beat(times: NDArray[np.float64], beat: Beat | None) -> float:
    """Return when the beat begins with which music does that has onsets at some times, in frames, ascending.

    It may lie before time 0. The first onset may come before its beat by a tenth of it. Without a beat it is the first
    onset, and 0 without one.
    """
    first = float(times[0]) if len(times) else 0.0
    if beat is None:
        return first
    beats = beat.phase + first / beat.period_frames
    return first - (beats - math.floor(beats + _EARLY_BEATS)) * beat.period_frames


def clarity(times: ArrayLike, beat: Beat, parts: tuple[int, ...] = (2, 3, 4, 6)) -> float:
    """Return how well onsets, in frames, fall on parts of a beat, by default on halves to sixths: the best, 0..1."""
    return max(abs(coherence(times, beat.period_frames, m)) for m in parts)


def _struck_together(times: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return onsets with those of an engine tick as one, and their weights: 2 where several voices begin, else 1."""
    if len(times):
        times = times[: int(np.searchsorted(times, times[0] + _SOUGHT_FRAMES))]
    _, first, count = np.unique(np.round(times / _ENGINE_TICK_FRAMES), return_index=True, return_counts=True)
    return times[first[:_MOST_SOUGHT]], np.minimum(count[:_MOST_SOUGHT], 2).astype(np.float64)


def _laid_exactly(times: NDArray[np.float64], weights: NDArray[np.float64], period: float) -> Beat:
    """Return the beat of about a period whose parts lie through onsets; it begins with the part that has most."""
    parts = (3, 4, 6)
    of_thirds, of_quarters, of_sixths = _sizes(times, np.array([period]), parts, weights)[:, 0]
    n_parts = 4 if of_quarters >= max(of_thirds, of_sixths) else 6 if of_sixths > of_thirds else 3
    mean = weights @ np.exp(2j * np.pi * n_parts * times / period)
    beat = Beat(period, -float(np.angle(mean)) / (2.0 * np.pi * n_parts))
    for _ in range(2):  # the first brings onsets at the far end to their own parts
        beat = _laid_through(times, weights, beat, n_parts)
    part = np.rint(n_parts * (times / beat.period_frames + beat.phase)).astype(np.int64) % n_parts
    most = int(np.argmax(np.bincount(part, weights, n_parts)))
    return Beat(beat.period_frames, (beat.phase - most / n_parts) % 1.0)


def _laid_through(times: NDArray[np.float64], weights: NDArray[np.float64], beat: Beat, n_parts: int = 4) -> Beat:
    """Return the beat whose parts lie nearest to onsets, of which it is known roughly.

    It keeps its period if another would be over 2 % off.
    """
    beats = np.round(n_parts * (times / beat.period_frames + beat.phase)) / n_parts
    weights = weights / weights.sum()
    middle, at = float(weights @ beats), float(weights @ times)
    spread = float(weights @ (beats - middle) ** 2)
    period = float(weights @ ((beats - middle) * (times - at))) / spread if spread > 0.0 else beat.period_frames
    if abs(period / beat.period_frames - 1.0) > 0.02:
        period = beat.period_frames
    return Beat(period, (middle - at / period) % 1.0)


def _steadied(times: NDArray[np.float64], n_earlier: int, beat: Beat, n_parts: int) -> Beat:
    """Return the beat of a performer's last onsets, laid through the earlier ones of `times` too if these lie on it."""
    if not n_earlier:
        return beat
    parts = _PARTS_OF[n_parts]
    clear = clarity(times[n_earlier:], beat, parts)
    for first in sorted({0, n_earlier // 2}, reverse=True):  # with the nearer half of them, then with all
        onsets = times[first:]
        steadier = _laid_through(onsets, np.exp((onsets - onsets[-1]) / _STEADY_FADE_FRAMES), beat, n_parts)
        if clarity(onsets, steadier, parts) < _STEADY_SHARE * clear:
            break
        beat = steadier
    return beat


def _kept_phase(times: NDArray[np.float64], period: float, n_parts: int, expected: float | None) -> float:
    """Return the phase that onsets have by their parts of the beat, or one that is some parts off.

    It is the one for which the beat and its halves speak; of a beat in thirds, on which the longer notes begin. The one
    nearest to the expected phase, if there is one, is kept unless another has `_STRONG` more on it. So somebody who
    plays steady eighths or sixteenths does not move the beat, whichever of them happen to be missing.
    """
    if n_parts == 4:
        of_beat, of_half, of_quarter = _grids(times, period)
        phase = _phase(of_beat, of_half, of_quarter)
    else:
        lengths = np.minimum(np.diff(times, append=times[-1] + period), period)
        of_beat, of_half = complex(np.exp(2j * np.pi * times / period) @ lengths) / lengths.sum(), 0j
        phase = -float(np.angle(coherence(times, period, n_parts))) / (2.0 * np.pi * n_parts)
    phases = phase + np.arange(n_parts) / n_parts
    turns = 2j * np.pi * phases
    on_it = (of_beat * np.exp(turns)).real + (of_half * np.exp(2.0 * turns)).real
    if expected is not None:
        on_it[int(np.argmin(np.abs((phases - expected + 0.5) % 1.0 - 0.5)))] += 2.0 * _STRONG
    return float(phases[int(np.argmax(on_it))] % 1.0)


def _sizes(
    times: NDArray[np.float64],
    periods: NDArray[np.float64],
    parts: Sequence[int],
    weights: NDArray[np.float64] | None = None,
) -> NDArray[np.floating]:
    """Return how coherent onsets, with weights or without, are with so many parts of many periods, (parts, periods).

    Single precision is enough for this.
    """
    found = []
    for first in range(0, len(periods), _MOST_SOUGHT):  # not all at once: that would take much memory
        beats = times / periods[first : first + _MOST_SOUGHT, None]
        turns = (beats - np.floor(beats)).astype(np.float32) * np.float32(2.0 * np.pi)  # `%` takes five times as long
        x, y = x_of_one, y_of_one = np.cos(turns), np.sin(turns)  # real numbers take half the time of complex ones
        sizes = []
        for m in range(1, max(parts) + 1):
            if m > 1:
                x, y = x * x_of_one - y * y_of_one, x * y_of_one + y * x_of_one
            if m in parts:
                sizes.append(np.hypot(*(np.average(each, axis=1, weights=weights) for each in (x, y))))
        found.append(sizes)
    return np.concatenate(found, axis=1)


def _usual(period_frames: Any) -> Any:
    """Return how usual the tempi of some periods are, 0..1."""
    return np.exp(-0.5 * (np.log2(period_frames / _USUAL_PERIOD_FRAMES) / _OCTAVE_SPREAD) ** 2)


def _grids(times: NDArray[np.float64], period_frames: float) -> list[complex]:
    """Return the coherence of onsets with a beat, its halves and its quarters."""
    return [coherence(times, period_frames, m) for m in _STRAIGHT]


def _phase(of_beat: complex, of_half: complex, of_quarter: complex) -> float:
    """Return the phase at time 0. The grid of whole beats gives it roughly; those of halves and quarters refine it."""
    phase = -float(np.angle(of_beat)) / (2.0 * np.pi)
    for m, mean in ((2, of_half), (4, of_quarter)):
        fine = -float(np.angle(mean)) / (2.0 * np.pi)
        if abs(mean) >= 0.5 * _CLEAR:
            phase += ((fine - m * phase + 0.5) % 1.0 - 0.5) / m
    return phase % 1.0
