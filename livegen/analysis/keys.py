"""The key of a piece, bar by bar: the way through the keys that fits its bars best and changes seldom."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.engines.tonality import LISTENERS, SCORES, Key, key_at, key_fits

NAMES: Final = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")

_PROFILES: Final = (LISTENERS + SCORES) / 2.0
_NEIGHBOURS: Final = (0.5, 1.0, 0.5)
"""Weights of the bar before, the bar itself and the next one."""

_CHANGE: Final = 0.6
"""How much better the keys' fits, summed over bars, must be for a change of key."""


def name_of(key: Key) -> str:
    """Return what a key is called, such as ``"F# minor"``."""
    return f"{NAMES[key.tonic]} {'minor' if key.is_minor else 'major'}"


def key_of(chroma: NDArray[np.float64]) -> tuple[Key, float] | None:
    """Return the key of a chroma, shape (12,), and how well it fits, -1..1; None where nothing sounds."""
    fits = key_fits(chroma, _PROFILES)
    if not fits.any():
        return None
    return key_at(int(fits.argmax())), float(fits.max())


def key_changes(keys: list[Key]) -> list[int]:
    """Return the bars in which a key begins, from 0."""
    return [bar for bar, key in enumerate(keys) if bar == 0 or key != keys[bar - 1]]


def keys_by_bar(chromas: NDArray[np.float64]) -> list[Key]:
    """Return the key of each bar, given how long each pitch class sounds in it, shape (bars, 12)."""
    padded = np.pad(chromas, ((1, 1), (0, 0)))
    wide = sum(weight * padded[i : i + len(chromas)] for i, weight in enumerate(_NEIGHBOURS))
    fits = np.array([key_fits(chroma, _PROFILES).ravel() for chroma in np.asarray(wide)])
    best, came_from = fits[0], np.zeros(fits.shape, np.int64)
    for bar in range(1, len(fits)):
        leap = int(best.argmax())
        leaps = best[leap] - _CHANGE > best
        came_from[bar] = np.where(leaps, leap, np.arange(fits.shape[1]))
        best = np.where(leaps, best[leap] - _CHANGE, best) + fits[bar]
    way = [int(best.argmax())]
    for bar in range(len(fits) - 1, 0, -1):
        way.append(int(came_from[bar, way[-1]]))
    return [key_at(place) for place in reversed(way)]
