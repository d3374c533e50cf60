"""How phrases that a model makes are judged against phrases of songs.

Coverage and density say whether what is made is as varied as music and as likely (Naeem, Oh, Uh, Choi and Yoo,
"Reliable Fidelity and Diversity Metrics for Generative Models", ICML 2020). They are taken of statistics of a phrase,
`features`, that were fixed before anything was trained: onsets, chroma, intervals and voices. Beside them stand
distances of histograms: where onsets lie, which voices rest in a bar, and how many pitch classes a bar has.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.engines.steps import STEPS_A_BEAT
from livegen.score import N_VOICES, NOTE_RANGE, PITCHED, Voice, onsets
from livegen.training.histograms import jensen_shannon

BAR_STEPS: Final = 4 * STEPS_A_BEAT
"""A bar here is four beats from the beginning of a phrase on: where the bars of the songs lie is not in the data."""

NEIGHBOURS: Final = 5
"""The `k` of coverage and density."""

A_SONG: Final = 2
"""Valid phrases of a song that are compared with."""

_PAIRS: Final = ((0, 1), (0, 2), (1, 2))
_CONSONANT: Final = (0, 3, 4, 5, 7, 8, 9)
_GRIDS: Final = (12, 6, 3, 4)
"""Steps between the lines of the grids that onsets are counted on: beats, halves, quarters and thirds."""

_N_DRAWS: Final = 200
_PERCENTILE: Final = 95

Phrases = NDArray[np.uint8]
"""Phrases of steps, ``(n, steps, 4, 3)`` in the columns and ranges of `livegen.score`."""


def compared(made: Phrases, real: Phrases, songs: Sequence[int] | NDArray[np.int64]) -> dict[str, float]:
    """Return how what is made measures against real phrases of some songs.

    These are coverage and density, unless there are too few real phrases for them, and what `rhythm_and_harmony` finds.
    """
    found = {}
    if len(real) > NEIGHBOURS:
        of_real, of_made = standardised(features(real), features(made))
        found["coverage"], found["density"] = coverage_and_density(of_real, of_made)
    return found | rhythm_and_harmony(made, real, songs)


def drawn_evenly(songs: NDArray[np.int64], a_song: int, seed: int = 0) -> NDArray[np.int64]:
    """Return which phrases to take so that each song has as many, drawn at random, or all if it has no more.

    Phrases of one song are alike. Where songs had many, the nearest neighbours of a phrase would all be of its own
    song, and nothing that is new could lie among them.

    Parameters
    ----------
    songs : ndarray of int64, shape (n,)
        The song of each phrase.
    """
    order = np.random.default_rng(seed).permutation(len(songs))
    by_song = order[np.argsort(songs[order], kind="stable")]
    begins = np.flatnonzero(np.diff(songs[by_song], prepend=-1))
    place = np.arange(len(songs)) - np.repeat(begins, np.diff([*begins, len(songs)]))
    return np.sort(by_song[place < a_song])


def features(phrases: Phrases) -> NDArray[np.float64]:
    """Return the statistics of each phrase, ``(n, 66)``."""
    return np.array([_features_of(phrase) for phrase in phrases])


def _features_of(phrase: NDArray[np.uint8]) -> list[float]:
    notes, attacks = phrase[..., 0].astype(np.int64), _attacks(phrase)
    found: list[float] = []
    for voice in Voice:
        at = np.flatnonzero(attacks[:, voice])
        found.append(len(at) / len(phrase) * STEPS_A_BEAT)
        found += [float((at % grid == 0).mean()) if len(at) else 0.0 for grid in _GRIDS]
        found.append(float((notes[:, voice] > 0).mean()))
    for voice in PITCHED:
        note, at = notes[:, voice], np.flatnonzero(attacks[:, voice])
        sounding, steps = note[note > 0], np.abs(np.diff(note[at]))
        lowest, highest = NOTE_RANGE[voice]
        found.append(float((sounding.mean() - lowest) / (highest - lowest)) if len(sounding) else 0.0)
        found.append(float(sounding.std() / 12) if len(sounding) else 0.0)
        found.append(len(np.unique(note[at])) / 12)
        found += [float((low <= steps).mean() - (high < steps).mean()) if len(steps) else 0.0 for low, high in _LEAPS]
    found += _chroma_of(notes)
    for one, other in _PAIRS:
        both = (notes[:, one] > 0) & (notes[:, other] > 0)
        apart = (notes[both, one] - notes[both, other]) % 12
        found.append(float(np.isin(apart, _CONSONANT).mean()) if len(apart) else 0.0)
        found.append(float((apart == 0).mean()) if len(apart) else 0.0)
    found += [float((attacks[:, voice] & attacks[:, :voice].any(1)).mean() * STEPS_A_BEAT) for voice in list(Voice)[1:]]
    half = len(phrase) // 2
    found.append(float((notes[:half] == notes[half : 2 * half]).mean()))
    return found


_LEAPS: Final = ((0, 0), (1, 2), (3, 7))
"""Least and most semitones of repeated notes, steps and small leaps; what is larger is the rest."""


def _chroma_of(notes: NDArray[np.int64]) -> list[float]:
    """Return the shares of the twelve pitch classes, the largest first, and how many there are in each half."""
    pitched = notes[:, list(PITCHED)]
    counts = np.bincount(pitched[pitched > 0] % 12, minlength=12)
    half = len(notes) // 2
    distinct = [len(np.unique(part[part > 0] % 12)) / 12 for part in (pitched[:half], pitched[half:])]
    return [*np.sort(counts / max(counts.sum(), 1))[::-1].tolist(), *distinct]


def _attacks(phrase: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return the onsets of a phrase. Whether its first step has one is not known, so that counts as none."""
    attacks = onsets(phrase)
    attacks[0] = False
    return attacks


def standardised(reference: NDArray[np.float64], *others: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
    """Return statistics with the mean and deviation of the reference taken out; it comes first."""
    middle, spread = reference.mean(0), reference.std(0)
    spread = np.where(spread > 1e-9, spread, 1.0)
    return tuple((each - middle) / spread for each in (reference, *others))


def coverage_and_density(
    real: NDArray[np.float64], made: NDArray[np.float64], neighbours: int = NEIGHBOURS
) -> tuple[float, float]:
    """Return coverage and density of what is made.

    Coverage is the share of real points with a made point among what lies nearer than their k-th real neighbour.
    Density is the mean over made points of how many such balls they lie in, over k: 1 where made and real are alike.

    Parameters
    ----------
    real, made : ndarray of float64, shape (n, d) and (m, d)
        More than `neighbours` real points.
    """
    radii = np.sort(_distances(real, real), 1)[:, neighbours]  # the nearest is the point itself
    is_inside = _distances(real, made) < radii[:, None]
    return float(is_inside.any(1).mean()), float(is_inside.sum(0).mean() / neighbours)


def _distances(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    squares = (one**2).sum(1)[:, None] + (other**2).sum(1) - 2.0 * one @ other.T
    return np.sqrt(np.maximum(squares, 0.0))


def histograms(phrases: Phrases) -> dict[str, NDArray[np.int64]]:
    """Return what is counted in phrases, each ``(n, bins)``.

    ``onset_places`` by voice and place in the beat, ``empty_bars`` by which of the voices sound in a bar, and
    ``pitch_classes`` by how many there are in a bar.
    """
    attacks = np.array([_attacks(phrase) for phrase in phrases])
    by_place = attacks.reshape(len(phrases), -1, STEPS_A_BEAT, N_VOICES).sum(1).transpose(0, 2, 1)
    bars = phrases[..., 0].reshape(-1, BAR_STEPS, N_VOICES)
    sounding = ((bars > 0).any(1) @ (1 << np.arange(N_VOICES))).reshape(len(phrases), -1)
    distinct = np.array([len(np.unique(bar[:, list(PITCHED)][bar[:, list(PITCHED)] > 0] % 12)) for bar in bars])
    return {
        "onset_places": by_place.reshape(len(phrases), -1).astype(np.int64),
        "empty_bars": _counted(sounding, 1 << N_VOICES),
        "pitch_classes": _counted(distinct.reshape(len(phrases), -1), 13),
    }


def _counted(values: NDArray[np.int64], n_bins: int) -> NDArray[np.int64]:
    return (values[..., None] == np.arange(n_bins)).sum(1)


def rhythm_and_harmony(
    made: Phrases, valid: Phrases, groups: Sequence[int] | NDArray[np.int64] | None = None, seed: int = 0
) -> dict[str, float]:
    """Return how far the histograms of what is made lie from those of valid phrases, and how far they may.

    Parameters
    ----------
    groups : sequence of int, optional
        The song of each valid phrase. The limit is the 95th percentile of the distances of 200 draws of songs, with
        their phrases; by default each phrase is drawn by itself.

    Returns
    -------
    dict of float
        By name, and by ``name_limit``.
    """
    of_made, of_valid = histograms(made), histograms(valid)
    song = np.arange(len(valid)) if groups is None else np.unique(np.asarray(groups), return_inverse=True)[1]
    n_songs, generator = int(song.max()) + 1, np.random.default_rng(seed)
    draws = [np.bincount(generator.integers(0, n_songs, n_songs), minlength=n_songs)[song] for _ in range(_N_DRAWS)]
    found = {}
    for name, counts in of_valid.items():
        whole = counts.sum(0)
        far = [jensen_shannon(times @ counts, whole) for times in draws]
        found[name] = jensen_shannon(of_made[name].sum(0), whole)
        found[f"{name}_limit"] = float(np.percentile(far, _PERCENTILE))
    return found
