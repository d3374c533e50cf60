"""Where in the space of its latents the VAE is: what the knobs, the seed and the performer make of it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.controls import Value
from livegen.engines.protocol import number_of
from livegen.engines.sampling import seed_bits, uniform

LIMIT: Final = 3.0
"""Knobs, and named latents that no knob moves, stay within this, either way."""

_FARTHEST: Final = 2.0 * LIMIT

N_KNOBS: Final = 8
MOST_PLACES: Final = 127

_MEMORY: Final = 0.8
"""How much of where the walk was in the window before is left: it takes three windows to get half away."""

_STEPS: Final = 24
"""Windows that the walk looks back; older ones count under 1 %."""

_HOME_COLUMN: Final = 3
_WALK_COLUMN: Final = 2
_SALT: Final = 0x5EED0FAE
"""So that these draws are none of those that draw notes."""

_NUMBERED: Final = 0x9A7CE000
"""The seed of the numbered places, which are the same in every session."""

_NORMAL: Final = NormalDist()


@dataclass(frozen=True, slots=True)
class Knobs:
    """What the live controls of the VAE say; see `livegen.controls`.

    Attributes
    ----------
    named : tuple of float
        Where the named latents are.
    place, to : int
        Where the free latents are, and where morphing leads: 0 for where the session's seed has drawn them, else the
        place of that number.
    morph : float
        0..1: from the one to the other.
    drift : float
        0..1: how far a slow walk leads away. At 1 the free latents are the walk's alone.
    follow : float
        0..1: how far towards what was just played.
    is_latched : bool
        Whether a change waits for the next window.
    """

    named: tuple[float, ...] = (0.0,) * N_KNOBS
    place: int = 0
    to: int = 0
    morph: float = 0.0
    drift: float = 0.3
    follow: float = 0.0
    is_latched: bool = True

    @classmethod
    def of(cls, values: Mapping[str, Value]) -> "Knobs":
        """Return what live controls say by their local names; those that are left out are at their defaults."""
        usual = DEFAULTS
        if not values:
            return usual
        return cls(
            tuple(number_of(values, f"z{i + 1}", usual.named[i], -LIMIT, LIMIT) for i in range(N_KNOBS)),
            int(number_of(values, "place", usual.place, 0, MOST_PLACES)),
            int(number_of(values, "to", usual.to, 0, MOST_PLACES)),
            number_of(values, "morph", usual.morph, 0.0, 1.0),
            number_of(values, "drift", usual.drift, 0.0, 1.0),
            number_of(values, "z_follow", usual.follow, 0.0, 1.0),
            bool(values.get("latch", usual.is_latched)),
        )


DEFAULTS: Final = Knobs()


def drawn_place(seed: int, n_latents: int) -> NDArray[np.float32]:
    """Return the place that a seed draws from the prior."""
    return _normals(seed, 0, n_latents, _HOME_COLUMN).astype(np.float32)


def place_of(
    knobs: Knobs,
    seed: int,
    window: int,
    gains: tuple[float, ...],
    n_latents: int,
    heard: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Return the latents of a window.

    Parameters
    ----------
    window : int
        Its number since the song began; the walk goes a step with each.
    gains : tuple of float
        See `livegen.engines.vae.config.VaeConfig`; there are as many as named latents.
    heard : ndarray of float32, shape (n_latents,), optional
        What was just played, encoded.

    Notes
    -----
    On the way between two places, as with the walk, free latents keep the spread of those that are drawn: halfway
    between two that are drawn at random the plain mean would be like no music.
    """
    n_named = len(gains)
    ends = [drawn_place(_NUMBERED + number if number else seed, n_latents) for number in (knobs.place, knobs.to)]
    z = _mixed(ends[0].astype(np.float64), ends[1].astype(np.float64), knobs.morph, knobs.place == knobs.to)
    z[:n_named] = 0.0
    if knobs.drift > 0.0:
        walk = _walk(seed, window, n_latents)
        z[n_named:] = math.sqrt(1.0 - knobs.drift**2) * z[n_named:] + knobs.drift * walk[n_named:]
        z[:n_named] = knobs.drift * walk[:n_named]
    if heard is not None:
        z = (1.0 - knobs.follow) * z + knobs.follow * heard
    turned = np.array(knobs.named[:n_named]) * gains
    z[:n_named] = np.clip(np.clip(z[:n_named], -LIMIT, LIMIT) + turned, -_FARTHEST, _FARTHEST)
    return z.astype(np.float32)


def _mixed(a: NDArray[np.float64], b: NDArray[np.float64], share: float, is_same: bool) -> NDArray[np.float64]:
    if is_same:
        return a
    return ((1.0 - share) * a + share * b) / math.sqrt((1.0 - share) ** 2 + share**2)


def _walk(seed: int, window: int, n: int) -> NDArray[np.float64]:
    """Return where a walk with a standard normal distribution is in a window: near where it was in the one before."""
    weights = _MEMORY ** np.arange(_STEPS)
    strides = np.stack([_normals(seed, window - i + _STEPS, n, _WALK_COLUMN) for i in range(_STEPS)])
    return (weights / math.sqrt(float((weights**2).sum()))) @ strides


def _normals(seed: int, index: int, n: int, column: int) -> NDArray[np.float64]:
    bits = seed_bits(seed ^ _SALT)
    return np.array([_NORMAL.inv_cdf(max(uniform(bits, index * 1024 + i, 0, column), 1e-9)) for i in range(n)])
