"""The form above the frames: which earlier bars the next bars take up.

A network that has learnt from real songs repeats when the song repeats, and never begins to of its own accord. So a
lag is drawn at the lines between sections, from how songs do it, and given to the network as a plan
(`livegen.predictor.memory`). Sections are two bars of four beats; where nobody knows the beat, it is found in what
was played.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.predictor.beat import Beat, estimate_beat
from livegen.predictor.sampling import uniform
from livegen.score import N_VOICES, onsets

_BEATS_A_BAR: Final = 4
_BARS_A_SECTION: Final = 2
_USUAL_BEAT_FRAMES: Final = 12.0
_HEARD_FRAMES: Final = 480
_FIRST_BARS: Final = 4
"""A song has to begin before anything of it can come again."""

_BACK_BARS: Final = (2, 4, 8, 16)
_BACK_WEIGHTS: Final = (0.15, 0.35, 0.35, 0.15)
_GO_ON: Final = 0.6
"""How often a section that comes after one that was taken up takes up what followed then."""

_DRAW: Final = N_VOICES  # no voice's


class Form:
    """The plan of one song, section by section; what is drawn depends on the seed and the frame alone.

    Parameters
    ----------
    seed : int
    share : float
        0..1: how many of the sections take something up again.
    """

    def __init__(self, seed: int, share: float) -> None:
        self._seed = np.uint64(seed & 0xFFFFFFFFFFFFFFFF)
        self._share = share
        self._lag = 0
        self._until = 0

    def lag(self, played: NDArray[np.uint8], beat: Beat | None = None) -> int:
        """Return the lag in frames that the next frame follows, or 0.

        Parameters
        ----------
        played : ndarray of uint8, shape (N, 4, 3)
            The song so far, one frame longer than at the last call.
        beat : Beat or None
            With its phase in the last frame.
        """
        n = len(played)
        if n < self._until:
            return self._lag
        found = beat or _beat_of(played)
        bar = _BEATS_A_BAR * (found.period_frames if found else _USUAL_BEAT_FRAMES)
        self._until = n + round(_BARS_A_SECTION * bar)
        self._lag = self._drawn(n, bar)
        return self._lag

    def _drawn(self, n: int, bar_frames: float) -> int:
        if n < _FIRST_BARS * bar_frames or uniform(self._seed, n, _DRAW, 0) >= self._share:
            return 0
        if self._lag and uniform(self._seed, n, _DRAW, 1) < _GO_ON:
            return self._lag
        lags = [round(bars * bar_frames) for bars in _BACK_BARS]
        weights = np.array([weight * (lag <= n) for lag, weight in zip(lags, _BACK_WEIGHTS, strict=True)])
        place = np.searchsorted(np.cumsum(weights / weights.sum()), uniform(self._seed, n, _DRAW, 2), side="right")
        return lags[min(int(place), len(lags) - 1)]


def _beat_of(played: NDArray[np.uint8]) -> Beat | None:
    heard = played[-_HEARD_FRAMES:]
    return estimate_beat(np.nonzero(onsets(heard))[0])
