"""The beat of a whole piece: of the tempos that its exact onsets allow, the one that a musician would tap.

Onsets tell a tempo to a thousandth, but not its octave: eighths at 90 beats a minute are quarters at 180. What tells
the octave is how the piece moves against each beat that is possible: how its voices keep to the beat's parts, how long
they wait from note to note, and how alike it is to itself some beats later. A bass drum and a snare that take turns
are alike after two beats and unlike after one; harmony changes with bars; most leads move in halves of the beat.

The figures of each possible beat are weighed, and the sum decides. The weights were fitted by `tools/fit_tactus.py`,
and `tools/judge_tempo.py` judges them with music in styles on which they were not fitted.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.beat import Beat, clarity, coherence, possible_beats
from livegen.formats.score.changes import Changes
from livegen.formats.score.downsample import GRID_RATE_HZ
from livegen.formats.score.tactus_weights import WEIGHTS
from livegen.score import Column, Voice
from livegen.units import ENGINE_RATE_HZ, FRAME_RATE_HZ, period_to_bpm

CLEAR: Final = 0.55
"""A beat is clear if so much of the onsets keeps to it, 0..1; see `livegen.beat.clarity`."""

PARTS: Final = (1, 2, 3, 4, 6, 8)
"""Into how many parts a beat is divided to see how well onsets keep to them."""

INTERVALS: Final = (0.18, 0.29, 0.41, 0.58, 0.85, 1.2, 1.7, 2.4, 3.4)
"""Bounds, in beats, of the kinds of wait from a note of a voice to its next one."""

LAGS: Final = (0.5, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0)
"""After how many beats a piece is compared with itself."""

_TICK_FRAMES: Final = FRAME_RATE_HZ / ENGINE_RATE_HZ
_RUN_TICKS: Final = 2.5  # notes that follow faster are no rhythm: a chord that is broken tick by tick, or an ornament
_HEARD_FRAMES: Final = 60.0 * FRAME_RATE_HZ
_FEWEST: Final = 8
_DRUM_BOUNDS: Final = (7, 10, 13)  # notes of the noise from which on drums are of another kind
_SMEAR: Final = np.array([0.25, 0.5, 1.0, 0.5, 0.25])  # so that notes count as together that are a tick or two apart
_LEAD_ROWS: Final = 24

Attacks = dict[Voice, tuple[NDArray[np.float64], NDArray[np.int64]]]
"""For each voice when it attacks, in frames, and its note, volume and timbre."""


def beat_of(changes: Changes, clear: float = CLEAR) -> Beat | None:
    """Return the beat of a piece, with its phase at time 0, at 60 to 200 beats a minute.

    None where there are fewer than eight onsets, or its onsets keep to no beat as well as `clear` says, 0..1.
    """
    attacks = attacks_of(changes)
    times = _sorted(attacks)
    beats = possible_beats(times)
    if not beats:
        return None
    beat = beats[int(np.argmax(figures_of(changes, attacks, beats) @ WEIGHTS))]
    return beat if clarity(times, beat) >= clear else None


def rhythm_of(changes: Changes) -> NDArray[np.float64]:
    """Return when voices attack, in frames, ascending, once for each voice, and once for a fast run."""
    return _sorted(attacks_of(changes))


def attacks_of(changes: Changes) -> Attacks:
    """Return when the voices attack, of fast runs only the first note."""
    attacks = {}
    for voice in Voice:
        is_onset = changes.is_onset(voice)
        times = changes.starts[voice][is_onset].astype(np.float64) * (FRAME_RATE_HZ / GRID_RATE_HZ)
        is_slow = np.diff(times, prepend=-np.inf) > _RUN_TICKS * _TICK_FRAMES
        attacks[voice] = times[is_slow], changes.states[voice][is_onset][is_slow].astype(np.int64)
    return attacks


def figures_of(changes: Changes, attacks: Attacks, beats: list[Beat]) -> NDArray[np.float64]:
    """Return how a piece moves against some beats, shape (beats, `len(WEIGHTS)`), told from its first minute."""
    first = min((times[0] for times, _ in attacks.values() if len(times)), default=0.0)
    heard = {
        voice: (times[times < first + _HEARD_FRAMES], states[times < first + _HEARD_FRAMES])
        for voice, (times, states) in attacks.items()
    }
    groups = [
        np.concatenate([heard[voice][0] for voice in some]) for some in ((Voice.P1, Voice.P2), (Voice.TR,), (Voice.NO,))
    ]
    every = np.concatenate(groups)
    likeness = [_autocorrelation(signal) for signal in _signals(changes, heard, float(every.max()))]
    rows = []
    for beat in beats:
        period = beat.period_frames
        row = [abs(coherence(times, period, m)) if len(times) > _FEWEST else 0.0 for times in groups for m in PARTS]
        for voice in Voice:
            row += _intervals(heard[voice][0] / period)
        lags = np.array(LAGS) * (period / _TICK_FRAMES)
        for curve in likeness:
            row += np.interp(lags, np.arange(len(curve)), curve, right=0.0).tolist()
        octaves = np.log2(period_to_bpm(period) / 120.0)
        n_onsets = len(np.unique(np.round(every / _TICK_FRAMES)))
        density = np.log2(n_onsets / max((every.max() - every.min()) / period, 1.0))
        rows.append([*row, octaves, octaves**2, density, density**2])
    return np.array(rows)


def _sorted(attacks: Attacks) -> NDArray[np.float64]:
    return np.sort(np.concatenate([times for times, _ in attacks.values()]))


def _intervals(times: NDArray[np.float64]) -> list[float]:
    """Return how often a voice waits for how many beats, as shares of all its waits."""
    n_kinds = len(INTERVALS) + 1
    if len(times) <= _FEWEST:
        return [0.0] * n_kinds
    kinds = np.bincount(np.digitize(np.diff(times), INTERVALS), minlength=n_kinds)
    return (kinds / (len(times) - 1)).tolist()


def _signals(changes: Changes, heard: Attacks, last: float) -> list[NDArray[np.float64]]:
    """Return what there is to compare, by tick: drums by kind, bass, harmony, onsets by voice, and the lead's notes."""
    n_ticks = int(min(last + 2 * FRAME_RATE_HZ, changes.length * (FRAME_RATE_HZ / GRID_RATE_HZ)) / _TICK_FRAMES) + 2

    def struck(
        times: NDArray[np.float64], row: NDArray[np.int64], n_rows: int, worth: float | NDArray[np.float64] = 1.0
    ) -> NDArray[np.float64]:
        signal = np.zeros((n_rows, n_ticks))
        tick = np.minimum(np.rint(times / _TICK_FRAMES).astype(np.int64), n_ticks - 1)
        np.add.at(signal, (row, tick), worth)
        return np.stack([np.convolve(line, _SMEAR, "same") for line in signal])

    def held(voice: Voice) -> NDArray[np.float64]:
        grid = np.arange(n_ticks) * (GRID_RATE_HZ / ENGINE_RATE_HZ)
        note = changes.states[voice][np.searchsorted(changes.starts[voice], grid, side="right") - 1, Column.NOTE]
        return ((np.arange(12)[:, None] == note % 12) & (note > 0)).astype(np.float64)

    (noise, drums), (lead, notes) = heard[Voice.NO], heard[Voice.P1]
    bass = held(Voice.TR)
    kinds = np.digitize(drums[:, Column.NOTE], _DRUM_BOUNDS)
    voices = np.concatenate([np.full(len(times), voice) for voice, (times, _) in heard.items()])
    return [
        struck(noise, kinds, len(_DRUM_BOUNDS) + 1, drums[:, Column.VOLUME].astype(np.float64)),
        bass,
        bass + held(Voice.P1) + held(Voice.P2),
        struck(np.concatenate([times for times, _ in heard.values()]), voices, len(Voice)),
        struck(lead, notes[:, Column.NOTE] % _LEAD_ROWS, _LEAD_ROWS),
    ]


def _autocorrelation(signal: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how alike a signal, (rows, ticks), is to itself so many ticks later: 1 at 0; 0 where nothing changes."""
    signal = signal - signal.mean(axis=1, keepdims=True)
    n_ticks = signal.shape[1]
    size = 1 << int(2 * n_ticks - 1).bit_length()
    power = (np.abs(np.fft.rfft(signal, size)) ** 2).sum(axis=0)
    curve = np.fft.irfft(power, size)[:n_ticks]
    return curve / curve[0] if curve[0] > 1e-9 else np.zeros(n_ticks)
