"""Statistics of music: how far what a model plays by itself is from the songs that it learnt from.

Counts of pieces can be added, so the counts of a set of excerpts are the sum of theirs. A set of runs is judged by the
Jensen-Shannon distances of its histograms from those of the valid split, and by the differences of its rates. The limit
for both is how far sets of twenty real excerpts of the same length lie from the valid split.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from livegen.beat import coherence
from livegen.engines.lstm.features import NOTHING, event_flag
from livegen.score import N_VOICES, Voice, onsets
from livegen.training.histograms import jensen_shannon
from livegen.units import FRAME_RATE_HZ, seconds_to_frame

LENGTH_EDGES: Final = (1, 2, 4, 8, 16, 32, 64)
"""Longest length in each bin of note lengths, in frames; one more bin holds all longer notes."""

WIDEST_INTERVAL: Final = 12
N_INTERVALS: Final = 2 * WIDEST_INTERVAL + 3
"""Number of bins of intervals in semitones: one for below -12, one for each of -12..12, one for above 12."""

N_PITCH_CLASSES: Final = 16
"""Number of bins of pitch classes: P1, P2 and TR use twelve of them, and NO one for each of its sixteen noise notes."""

N_SIMILARITIES: Final = 10
_SIMILARITY_LAGS: Final = range(seconds_to_frame(1), seconds_to_frame(30), seconds_to_frame(0.5))

LOOP_EDGES: Final = (1, 2, 3, 4, 6, 8)
"""Most repetitions in each bin of loops; one more bin holds all that are played more often."""

MOTIF_CHANGES: Final = 4
LONG_NOTE_SECONDS: Final = 8
MAX_LOOP_SECONDS: Final = 8
_FEWEST_LOOP_EVENTS: Final = 2

N_DRAWS: Final = 200
N_RUNS: Final = 20
_PERCENTILE: Final = 95
"""A limit is this percentile of the distances of `N_DRAWS` random sets of `N_RUNS` real excerpts. A model is judged by
`N_RUNS` runs."""


@dataclass(frozen=True)
class Counts:
    """What was counted in pieces, by voice; the sum of two `Counts` is that of all their pieces."""

    n_frames: NDArray[np.int64]  # (1,)
    onsets: NDArray[np.int64]  # (4,)
    silent_frames: NDArray[np.int64]  # (4,)
    loops: NDArray[np.int64]  # (7,): pieces by how many times in a row they repeat a passage, `longest_loop`
    notes: NDArray[np.int64]  # (4,)
    long_notes: NDArray[np.int64]  # (4,): held for more than 8 s
    motif_chances: NDArray[np.int64]  # (4,): note changes that have at least four before them
    motifs_reused: NDArray[np.int64]  # (4,): those of them that follow the four as when these came last
    lengths: NDArray[np.int64]  # (4, 8)
    intervals: NDArray[np.int64]  # (4, 27)
    changes: NDArray[np.int64]  # (4,): frames whose note differs from that of the frame before
    rests: NDArray[np.int64]  # (4, 8): silences by their length
    pitch_classes: NDArray[np.int64]  # (4, 16): of onsets
    similarities: NDArray[np.int64]  # (4, 10): lags by the share of frames that have the note of a lag before

    def __add__(self, other: Self) -> Self:
        return type(self)(*(getattr(self, field.name) + getattr(other, field.name) for field in fields(self)))

    def rates(self) -> dict[str, NDArray[np.float64]]:
        """Return onsets a second, share of silence, motif reuse and note changes a second, (4,) each."""
        return {
            "onset_rate": self.onsets * FRAME_RATE_HZ / self.n_frames,
            "silence": self.silent_frames / self.n_frames,
            "motif_reuse": self.motifs_reused / np.maximum(self.motif_chances, 1),
            "note_change_rate": self.changes * FRAME_RATE_HZ / self.n_frames,
        }


def count(frames: NDArray[np.uint8]) -> Counts:
    """Count what happens in one piece, ``uint8 (N, 4, 3)``."""
    notes, attacks = frames[..., 0].astype(np.int64), onsets(frames)
    of_voices = [_count_voice(frames[:, voice], attacks[:, voice], voice == Voice.NO) for voice in Voice]
    return Counts(
        np.array([len(frames)]),
        attacks.sum(0),
        (notes == 0).sum(0),
        _histogram(LOOP_EDGES, np.array([longest_loop(frames)])),
        *(np.array(column) for column in zip(*of_voices, strict=True)),
    )


def _count_voice(part: NDArray[np.uint8], attacks: NDArray[np.bool_], is_noise: bool) -> tuple[Any, ...]:
    note, volume = part[:, 0].astype(np.int64), part[:, 1].astype(np.int64)
    is_event = np.array(
        [t == 0 or event_flag(note[t - 1], volume[t - 1], note[t], volume[t]) != NOTHING for t in range(len(note))]
    )
    starts = np.flatnonzero(is_event)
    lengths = np.diff([*starts, len(note)])[note[starts] > 0]
    attacked = note[attacks]
    intervals = np.clip(np.diff(attacked), -WIDEST_INTERVAL - 1, WIDEST_INTERVAL + 1) + WIDEST_INTERVAL + 1
    is_change = np.concatenate([[note[0] > 0], note[1:] != note[:-1]])
    chances, reused = _motifs(note[is_change].tolist())
    return (
        len(lengths),
        int((lengths > LONG_NOTE_SECONDS * FRAME_RATE_HZ).sum()),
        chances,
        reused,
        _histogram(LENGTH_EDGES, lengths),
        np.bincount(intervals, minlength=N_INTERVALS),
        int(is_change[1:].sum()),
        _histogram(LENGTH_EDGES, np.diff([*starts, len(note)])[note[starts] == 0]),
        np.bincount((attacked - 1) % N_PITCH_CLASSES if is_noise else attacked % 12, minlength=N_PITCH_CLASSES),
        _similarities(note),
    )


def _histogram(edges: tuple[int, ...], values: NDArray[np.int64]) -> NDArray[np.int64]:
    """Count values in bins; each edge is the largest value of its bin, and one more bin holds all larger values."""
    return np.bincount(np.searchsorted(edges, values), minlength=len(edges) + 1)


def _similarities(note: NDArray[np.int64]) -> NDArray[np.int64]:
    """Count the lags of 1 to 30 s, half the piece at most, by the share of frames with the note of a lag before."""
    same = np.array([(note[lag:] == note[:-lag]).mean() for lag in _SIMILARITY_LAGS if 2 * lag <= len(note)])
    return np.bincount(np.minimum(same * N_SIMILARITIES, N_SIMILARITIES - 1).astype(int), minlength=N_SIMILARITIES)


def _motifs(changes: list[int]) -> tuple[int, int]:
    """Return how many note changes have four before them, and how many of them are as when these four came last."""
    followed: dict[tuple[int, ...], int] = {}
    reused = 0
    for i in range(MOTIF_CHANGES, len(changes)):
        motif = tuple(changes[i - MOTIF_CHANGES : i])
        reused += followed.get(motif) == changes[i]
        followed[motif] = changes[i]
    return max(len(changes) - MOTIF_CHANGES, 0), reused


def distances(of: Counts, reference: Counts) -> dict[str, float]:
    """Return by ``what.VOICE`` how far counts are from a reference: distances of histograms, differences of rates."""
    return _distances(of, reference, ("lengths", "intervals"), ("onset_rate", "silence", "motif_reuse"))


def further_distances(of: Counts, reference: Counts) -> dict[str, float]:
    """Return the distances of further statistics; ``loops`` is one distance for all voices together."""
    far = _distances(of, reference, ("rests", "pitch_classes", "similarities"), ("note_change_rate",))
    return far | {"loops": jensen_shannon(of.loops, reference.loops)}


def _distances(of: Counts, reference: Counts, histograms: Sequence[str], of_rates: Sequence[str]) -> dict[str, float]:
    far = {}
    rates, expected = of.rates(), reference.rates()
    for voice in Voice:
        for what in histograms:
            far[f"{what}.{voice.name}"] = jensen_shannon(getattr(of, what)[voice], getattr(reference, what)[voice])
        for what in of_rates:
            far[f"{what}.{voice.name}"] = float(abs(rates[what][voice] - expected[what][voice]))
    return far


def total(counts: Sequence[Counts]) -> Counts:
    """Return the sum of the counts of one piece or more."""
    together = counts[0]
    for of_piece in counts[1:]:
        together = together + of_piece
    return together


def limits(
    excerpts: Sequence[Counts],
    reference: Counts,
    seed: int = 0,
    measure: Callable[[Counts, Counts], dict[str, float]] = distances,
) -> dict[str, float]:
    """Return the 95th percentile of the distances from the reference of 200 random sets of 20 real excerpts."""
    generator = np.random.default_rng(seed)
    drawn = [
        measure(total([excerpts[i] for i in generator.choice(len(excerpts), N_RUNS)]), reference)
        for _ in range(N_DRAWS)
    ]
    return {what: float(np.percentile([far[what] for far in drawn], _PERCENTILE)) for what in drawn[0]}


def longest_loop(frames: NDArray[np.uint8]) -> int:
    """Return how many times in a row a piece plays a passage with exactly the same notes, at most.

    Passages of up to 8 s with two changes of notes or more count. A piece that repeats none returns 1.
    """
    notes = frames[..., 0]
    changes = np.concatenate([[0], np.cumsum((notes[1:] != notes[:-1]).any(1))])
    most = 1
    for period in range(2, min(seconds_to_frame(MAX_LOOP_SECONDS), len(notes) // 2) + 1):
        is_same = (notes[period:] == notes[:-period]).all(1)
        edges = np.flatnonzero(np.diff(np.concatenate([[0], is_same, [0]])))
        for start, end in edges.reshape(-1, 2):
            times = 1 + (end - start) // period
            if times > most and changes[start + period] - changes[start] >= _FEWEST_LOOP_EVENTS:
                most = int(times)
    return most


def silent_voices(pieces: Sequence[NDArray[np.uint8]]) -> NDArray[np.float64]:
    """Return the share of pieces in which a voice is silent throughout, (4,)."""
    return np.mean([(piece[..., 0] == 0).all(0) for piece in pieces], 0) if pieces else np.zeros(N_VOICES)


def grid_coherence(frames: NDArray[np.uint8], period_frames: float, phase: float = 0.0) -> float:
    """Return how well onsets fall on the halves or the quarters of a beat, whichever is better, 0..1.

    It is the larger of ``abs(mean(exp(2 pi i m phase)))`` for m = 2 and 4, with the phase of each onset in beats.
    """
    times = np.nonzero(onsets(frames))[0]
    if not len(times):
        return 0.0
    return on_grid(times + phase * period_frames, period_frames)


def on_grid(times: NDArray[Any], period_frames: float) -> float:
    """Return how well times fall on the halves or the quarters of a beat, as `grid_coherence` does for onsets."""
    return max(abs(coherence(times, period_frames, m)) for m in (2, 4))
