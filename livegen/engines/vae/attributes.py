"""What the named latents of a VAE mean: things that can be heard, measured in the notes of a window.

A latent is the normal score of its attribute: at -1 about a sixth of all windows have less of it, at 0 half of them,
at 1 all but a sixth. So a knob means the same for each attribute, and what was played has a place on it that is
measured, not guessed by a network. Higher is always more.
"""

from collections.abc import Sequence
from statistics import NormalDist
from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.engines.steps import STEPS_A_BEAT, onsets_of_windows
from livegen.score import PITCHED, Column, Voice

ATTRIBUTES: Final[dict[str, str]] = {
    "density": "attacks of the pitched voices",
    "register": "how high the pitched voices are, each against its usual height",
    "rests": "how much of the time pitched voices are silent",
    "syncopation": "share of attacks off the beat that are held over the next stronger place",
    "loudness": "volume of the pulse voices while they sound",
    "movement": "size of the steps from note to note: leaps above, steps below",
    "repetition": "how much of the pitched voices' second bar is as their first",
    "drums": "attacks of the noise voice",
}
"""The names of the first latents, in their order, and what is more when they are higher."""

_NAMES: Final = tuple(ATTRIBUTES)

N_QUANTILES: Final = 129
"""Points of the table by which an attribute becomes a latent."""

_USUAL_PITCH: Final = {Voice.P1: 67.0, Voice.P2: 62.0, Voice.TR: 50.0}
_LARGEST_LEAP: Final = 12.0
_LATENT_LIMIT: Final = 3.0
_NEXT_STRONGER: Final = (0, 2, 1, 3, 2, 1, 6, 2, 1, 3, 2, 1)
"""Steps from each place of a beat to the next one that is stronger; 0 for the beat, which has none."""

_NORMAL: Final = np.array([NormalDist().inv_cdf(u) for u in np.linspace(0.001, 0.999, 999)])


def names_of(voices: tuple[Voice, ...]) -> tuple[str, ...]:
    """Return the attributes that a model with these voices has latents for."""
    has_pitch = any(voice in PITCHED for voice in voices)
    return tuple(name for name in ATTRIBUTES if (Voice.NO in voices if name == "drums" else has_pitch))


def measure(windows: NDArray[np.uint8], names: Sequence[str] = _NAMES) -> NDArray[np.float32]:
    """Return some attributes, in the order of their names, of windows ``uint8 (n, 96, 4, 3)``, as (n, k)."""
    n, n_steps = windows.shape[:2]
    attacks = onsets_of_windows(windows)
    notes, volumes = windows[..., Column.NOTE].astype(np.float64), windows[..., Column.VOLUME].astype(np.float64)
    pitched = np.array(PITCHED)
    beats = n_steps / STEPS_A_BEAT
    n_attacks = attacks[..., pitched].sum((1, 2))
    sounds = notes > 0
    pulses = sounds[..., :2]
    usual = np.array([_USUAL_PITCH[voice] for voice in PITCHED])
    is_there = sounds[..., pitched].any(1)
    height = (notes[..., pitched].sum(1) / np.maximum(sounds[..., pitched].sum(1), 1) - usual) * is_there
    measured = np.stack(
        [
            n_attacks / beats,
            height.sum(1) / np.maximum(is_there.sum(1), 1),
            1.0 - sounds[..., pitched].mean((1, 2)),
            _n_syncopated(attacks, notes) / np.maximum(n_attacks, 1),
            (volumes[..., :2] * pulses).sum((1, 2)) / np.maximum(pulses.sum((1, 2)), 1),
            np.array([_movement(attacks[i], notes[i]) for i in range(n)]),
            _repetition(attacks, notes),
            attacks[..., Voice.NO].sum(1) / beats,
        ],
        1,
    )
    return measured[:, [_NAMES.index(name) for name in names]].astype(np.float32)


def _n_syncopated(attacks: NDArray[np.bool_], notes: NDArray[np.float64]) -> NDArray[np.int64]:
    n_steps = attacks.shape[1]
    step = np.arange(n_steps)
    ahead = np.array(_NEXT_STRONGER)[step % STEPS_A_BEAT]
    step = step[(ahead > 0) & (step + ahead < n_steps)]
    then = step + ahead[step]
    pitched = np.array(PITCHED)
    at, later = attacks[:, step][..., pitched], attacks[:, then][..., pitched]
    is_held = ~later & (notes[:, step][..., pitched] == notes[:, then][..., pitched])
    return (at & is_held).sum((1, 2))


def _movement(attacks: NDArray[np.bool_], notes: NDArray[np.float64]) -> float:
    """Return the mean interval, in semitones, between neighbouring notes of a voice that are not the same."""
    sizes = [np.abs(np.diff(notes[attacks[:, voice], voice])) for voice in PITCHED]
    leaps = np.concatenate(sizes)
    leaps = np.minimum(leaps[leaps > 0], _LARGEST_LEAP)
    return float(leaps.mean()) if len(leaps) else 0.0


def _repetition(attacks: NDArray[np.bool_], notes: NDArray[np.float64]) -> NDArray[np.float64]:
    half, pitched = attacks.shape[1] // 2, np.array(PITCHED)
    first, second = attacks[:, :half, pitched], attacks[:, half:, pitched]
    same = first & second & (notes[:, :half, pitched] == notes[:, half:, pitched])
    n_both = first.sum((1, 2)) + second.sum((1, 2))
    return 2.0 * same.sum((1, 2)) / np.maximum(n_both, 1)


def quantiles_of(measured: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the table, (k, N_QUANTILES), by which attributes of many windows, (n, k), become latents."""
    return np.quantile(measured, np.linspace(0.0, 1.0, N_QUANTILES), axis=0).T.astype(np.float32)


def latents_of(
    measured: NDArray[np.float32], quantiles: NDArray[np.float32], within: NDArray[np.float32] | float = 0.5
) -> NDArray[np.float32]:
    """Return attributes, (n, k), as latents, (n, k), by a table of `quantiles_of`.

    Many windows have one value, such as no drums at all: they share a stretch of the knob. `within`, 0..1, says where
    in it they are put.
    """
    shares = np.empty(measured.shape)
    for i, table in enumerate(quantiles):
        value = measured[:, i]
        low, high = np.searchsorted(table, value, side="left"), np.searchsorted(table, value, side="right") - 1
        before = np.clip(low, 1, N_QUANTILES - 1) - 1
        gap = table[before + 1] - table[before]
        between = before + np.clip((value - table[before]) / np.where(gap > 0, gap, 1.0), 0.0, 1.0)
        inside = within if isinstance(within, float) else within[:, i]
        shares[:, i] = np.where(high > low, low + inside * (high - low), between) / (N_QUANTILES - 1)
    scores = np.interp(shares, np.linspace(0.0, 1.0, len(_NORMAL)), _NORMAL)
    return np.clip(scores, -_LATENT_LIMIT, _LATENT_LIMIT).astype(np.float32)
