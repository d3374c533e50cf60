"""Where in the space of its latents the VAE is: what the knobs, the seed and the performer make of it.

A place is a value. It has a short text, so that it can be stored under a name, sent and logged: a byte for each latent,
in base64.
"""

import base64
import binascii
import math
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from livegen.engines.sampling import seed_bits, uniform

LIMIT: Final = 3.0
"""Knobs and named latents stay within this, either way."""

N_KNOBS: Final = 8
_SCALE: Final = 40.0
_MOST: Final = 127

_MEMORY: Final = 0.8
"""How much of where the walk was in the window before is left: it takes three windows to get half away."""

_STEPS: Final = 24
"""Windows that the walk looks back; older ones count under 1 %."""

_HOME_COLUMN: Final = 3
_WALK_COLUMN: Final = 2
_SALT: Final = 0x5EED0FAE
"""So that these draws are none of those that draw notes."""

_NORMAL: Final = NormalDist()


@dataclass(frozen=True, slots=True)
class Knobs:
    """What the knobs say.

    Attributes
    ----------
    named : tuple of float
        Where the named latents are, or, beside a stored place, by how much they are moved from there.
    a, b : str
        Texts of two places; an empty one is the place that the seed has drawn.
    morph : float
        0..1: from a to b.
    drift : float
        0..1: how far a slow walk leads away. At 1 the free latents are the walk's alone.
    follow : float
        0..1: how far towards what was just played.
    is_latched : bool
        Whether a change waits for the next window.
    """

    named: tuple[float, ...] = (0.0,) * N_KNOBS
    a: str = ""
    b: str = ""
    morph: float = 0.0
    drift: float = 0.3
    follow: float = 0.0
    is_latched: bool = True

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> "Knobs":
        """Return what live controls say: ``z1`` to ``z8``, ``a``, ``b``, ``morph``, ``drift``, ``z_follow``, ``latch``.

        What is not there has its default.
        """
        usual = DEFAULTS
        return cls(
            tuple(_within(values.get(f"z{i + 1}", usual.named[i]), -LIMIT, LIMIT) for i in range(N_KNOBS)),
            str(values.get("a", usual.a)),
            str(values.get("b", usual.b)),
            _within(values.get("morph", usual.morph), 0.0, 1.0),
            _within(values.get("drift", usual.drift), 0.0, 1.0),
            _within(values.get("z_follow", usual.follow), 0.0, 1.0),
            bool(values.get("latch", usual.is_latched)),
        )


DEFAULTS: Final = Knobs()


def _within(value: Any, lowest: float, highest: float) -> float:
    number = float(value)
    return min(max(number, lowest), highest) if math.isfinite(number) else lowest


def text_of(z: NDArray[np.float32]) -> str:
    """Return a place as text; latents are rounded to a fortieth and limited to about 3."""
    steps = np.clip(np.rint(np.asarray(z, np.float64) * _SCALE), -_MOST, _MOST).astype(np.int8)
    return base64.urlsafe_b64encode(steps.tobytes()).decode("ascii").rstrip("=")


def parse_place(text: str, n_latents: int) -> NDArray[np.float32] | None:
    """Return the latents of a text of `text_of`, or None if it is none of a model with so many latents."""
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    return (np.frombuffer(data, np.int8) / _SCALE).astype(np.float32) if len(data) == n_latents else None


def drawn_place(seed: int, n_latents: int) -> NDArray[np.float32]:
    """Return the place that a seed draws from the prior."""
    return _normals(seed, 0, n_latents, _HOME_COLUMN).astype(np.float32)


def place_of(
    knobs: Knobs, seed: int, window: int, n_named: int, n_latents: int, heard: NDArray[np.float32] | None = None
) -> NDArray[np.float32]:
    """Return the latents of a window.

    Parameters
    ----------
    window : int
        Its number since the song began; the walk goes a step with each.
    heard : ndarray of float32, shape (n_latents,), optional
        What was just played, encoded.

    Notes
    -----
    Without stored places, the named latents are where the knobs are, and the free ones where the seed has drawn them.
    """
    home = drawn_place(seed, n_latents).astype(np.float64)
    home[:n_named] = 0.0
    ends = [parse_place(text, n_latents) for text in (knobs.a, knobs.b)]
    a, b = (home if end is None else end.astype(np.float64) for end in ends)
    z = (1.0 - knobs.morph) * a + knobs.morph * b
    if knobs.drift > 0.0:
        walk = _walk(seed, window, n_latents)
        z[n_named:] = math.sqrt(1.0 - knobs.drift**2) * z[n_named:] + knobs.drift * walk[n_named:]
        z[:n_named] += knobs.drift * walk[:n_named]
    if heard is not None:
        z = (1.0 - knobs.follow) * z + knobs.follow * heard
    z[:n_named] = np.clip(z[:n_named] + knobs.named[:n_named], -LIMIT, LIMIT)
    return z.astype(np.float32)


def _walk(seed: int, window: int, n: int) -> NDArray[np.float64]:
    """Return where a walk with a standard normal distribution is in a window: near where it was in the one before."""
    weights = _MEMORY ** np.arange(_STEPS)
    strides = np.stack([_normals(seed, window - i + _STEPS, n, _WALK_COLUMN) for i in range(_STEPS)])
    return (weights / math.sqrt(float((weights**2).sum()))) @ strides


def _normals(seed: int, index: int, n: int, column: int) -> NDArray[np.float64]:
    bits = seed_bits(seed ^ _SALT)
    return np.array([_NORMAL.inv_cdf(max(uniform(bits, index * 1024 + i, 0, column), 1e-9)) for i in range(n)])
