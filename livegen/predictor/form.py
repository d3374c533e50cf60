"""The form above the frames: which earlier bars the next bars take up.

A network that has learnt from real songs repeats when the song repeats, and never begins to of its own accord. So a
lag is drawn at the lines between sections, from how songs do it, and given to the network as a plan
(`livegen.predictor.memory`). Sections are two bars of four beats; where nobody knows the beat, it is found in what
was played.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.predictor.beat import Beat, estimate_beat
from livegen.predictor.sampling import uniform
from livegen.score import N_VOICES, onsets

HEARD_FRAMES: Final = 480
"""How much of the song `next_form` looks at to find a beat."""

REPEATED_SHARE: Final = 0.6
"""Share of the sections that take something up again, where nobody says another."""

_BEATS_A_BAR: Final = 4
_BARS_A_SECTION: Final = 2
_USUAL_BEAT_FRAMES: Final = 12.0
_FIRST_BARS: Final = 4
"""A song has to begin before anything of it can come again."""

_BACK_BARS: Final = (2, 4, 8, 16)
_BACK_WEIGHTS: Final = (0.15, 0.35, 0.35, 0.15)
_GO_ON: Final = 0.6
"""How often a section that comes after one that was taken up takes up what followed then."""

_DRAW: Final = N_VOICES  # no voice's


@dataclass(frozen=True, slots=True)
class Form:
    """What is planned: a value.

    Attributes
    ----------
    lag : int
        The lag in frames that the frames up to `until` follow, or 0.
    until : int
        Frames from the start of the song at which the next section begins.
    """

    lag: int = 0
    until: int = 0


NO_FORM: Final = Form()
"""The form before a song: nothing is planned."""


def next_form(
    form: Form, n_frames: int, heard: NDArray[np.uint8], *, seed: int, share: float, beat: Beat | None = None
) -> Form:
    """Return the form for the frame that follows `n_frames` of a song.

    What is drawn depends on the seed and the frame alone.

    Parameters
    ----------
    form : Form
        That of the frame before; `NO_FORM` for a song's first.
    heard : ndarray of uint8, shape (n, 4, 3)
        The last frames of the song, `HEARD_FRAMES` of them are enough.
    share : float
        0..1: how many of the sections take something up again.
    beat : Beat, optional
        The beat, if it is known.
    """
    if n_frames < form.until:
        return form
    found = beat or estimate_beat(np.nonzero(onsets(heard[-HEARD_FRAMES:]))[0])
    bar = _BEATS_A_BAR * (found.period_frames if found else _USUAL_BEAT_FRAMES)
    until = n_frames + round(_BARS_A_SECTION * bar)
    name = np.uint64(seed & 0xFFFFFFFFFFFFFFFF)
    if n_frames < _FIRST_BARS * bar or uniform(name, n_frames, _DRAW, 0) >= share:
        return Form(0, until)
    if form.lag and uniform(name, n_frames, _DRAW, 1) < _GO_ON:
        return Form(form.lag, until)
    lags = [round(bars * bar) for bars in _BACK_BARS]
    weights = np.array([weight * (lag <= n_frames) for lag, weight in zip(lags, _BACK_WEIGHTS, strict=True)])
    place = np.searchsorted(np.cumsum(weights) / weights.sum(), uniform(name, n_frames, _DRAW, 2), side="right")
    return Form(lags[min(int(place), len(lags) - 1)], until)
