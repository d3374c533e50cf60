"""The session's own pulse, where nobody gives a beat, and how the performer's takes its place without a jump."""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.engines.sampling import seed_bits, uniform
from livegen.score import N_VOICES
from livegen.units import ENGINE_RATE_HZ, FRAME_RATE_HZ

OWN_TICKS: Final = {
    **{18: 84, 19: 12, 20: 457, 21: 22, 22: 57, 23: 24, 24: 1019, 25: 37, 26: 43, 27: 33, 28: 378, 29: 11},
    **{30: 76, 31: 18, 32: 552, 33: 10, 34: 17, 35: 15, 36: 131, 37: 16, 38: 8, 39: 8, 40: 17, 41: 5, 42: 3},
    **{43: 8, 44: 1, 45: 20, 47: 3, 48: 1, 49: 7, 51: 7, 53: 5},
}
"""Songs of NES-MDB's train split by their beat in engine ticks, of those with a clear one: `tools/fit_tempos.py`.

Half of the songs are at 150, 180 or 113 beats a minute, which are 24, 20 and 32 ticks a beat.
"""

TAKE_OVER_BEATS: Final = 2.0
"""How long the pulse takes to become the performer's: it is known after a bar or two, and is there within two."""

_DRAW: Final = N_VOICES + 2
"""Place of the tempo among the draws: those of the voices and of the form come before it."""


def draw_period(seed: int, frame_index: int) -> float:
    """Return a period in frames as songs have it, drawn by the seed and the frame in which the song begins."""
    number = uniform(seed_bits(seed), frame_index, _DRAW, 0)
    n_faster = np.cumsum(list(OWN_TICKS.values()))
    ticks = list(OWN_TICKS)[int(np.searchsorted(n_faster, number * n_faster[-1], side="right"))]
    return ticks / ENGINE_RATE_HZ * FRAME_RATE_HZ


@dataclass(frozen=True, slots=True)
class Glide:
    """A difference in beats that fades out evenly.

    Attributes
    ----------
    frame : float
        When it began.
    beats : float
        The difference then, within half a beat.
    n_frames : float
        How long it takes to fade.
    """

    frame: float = -math.inf
    beats: float = 0.0
    n_frames: float = 1.0

    def at(self, frame: float) -> float:
        """Return what is left of the difference at a time in frames."""
        if not self.beats:
            return 0.0
        return self.beats * min(max(1.0 - (frame - self.frame) / self.n_frames, 0.0), 1.0)

    def of(self, frames: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return what is left of the difference at many times in frames."""
        if not self.beats:
            return np.zeros(len(frames))
        return self.beats * np.clip(1.0 - (frames - self.frame) / self.n_frames, 0.0, 1.0)
