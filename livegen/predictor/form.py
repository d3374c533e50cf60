"""The form above the frames: which earlier bars the next bars take up.

A network that has learnt from real songs repeats when the song repeats, and never begins to of its own accord. So a
lag is drawn at the lines between sections, from how songs do it, and given to the network as a plan
(`livegen.predictor.memory`). Nor does it leave a loop once it is in one: there it is sent to an earlier passage.
Sections are two bars of four beats; where nobody knows the beat, it is found in what was played.
"""

import math
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.predictor.beat import Beat, estimate_beat
from livegen.predictor.sampling import uniform
from livegen.score import N_VOICES, onsets

HEARD_FRAMES: Final = 480
"""How much of the song `next_form` looks at to find a beat."""

REPEATED_SHARE: Final = 0.4
"""Share of the sections that take something up again, where nobody says another."""

LOOP_FRAMES: Final = 120
"""How much of the song it looks at in every frame, to find short loops."""

_BEATS_A_BAR: Final = 4
_BARS_A_SECTION: Final = 2
_USUAL_BEAT_FRAMES: Final = 12.0
_FIRST_BARS: Final = 4
"""A song has to begin before anything of it can come again."""

_BACK_BARS: Final = (2, 4, 8, 16)
_BACK_WEIGHTS: Final = (0.15, 0.35, 0.35, 0.15)
_GO_ON: Final = 0.6
"""How often a section that comes after one that was taken up takes up what followed then."""

_QUARTERS: Final = 4
_LOOP_TIMES: Final = 5

_DRAW: Final = N_VOICES  # no voice's


@dataclass(frozen=True, slots=True)
class Form:
    """What is planned: a value.

    Attributes
    ----------
    lag : int
        The lag in frames that the next frame follows, or 0.
    until : int
        Frames from the start of the song at which the next section begins.
    back_frames : float
        How far the section goes back: whole bars, which are seldom whole frames.
    beat : Beat or None
        The beat that the section was planned with, its phase at the song's start.
    is_fresh : bool
        The memory is hidden in this section: the song goes round in a loop and has nowhere else to go.
    since : int
        Frames from the start of the song at which the section began.
    """

    lag: int = 0
    until: int = 0
    back_frames: float = 0.0
    beat: Beat | None = None
    is_fresh: bool = False
    since: int = 0


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
        The last frames of the song: `HEARD_FRAMES` of them where a section begins, `LOOP_FRAMES` elsewhere.
    share : float
        0..1: how many of the sections take something up again.
    beat : Beat, optional
        The beat, if it is known, with its phase in the last frame.
    """
    is_stuck = n_frames >= form.since + LOOP_FRAMES // _LOOP_TIMES and is_looping(heard[-LOOP_FRAMES:])
    if n_frames >= form.until or is_stuck:
        form = _next_section(form, n_frames, heard[-HEARD_FRAMES:], seed, share, beat)
    if not form.back_frames:
        return form
    return replace(form, lag=_lag(n_frames, form.back_frames, form.beat))


def _next_section(
    form: Form, n_frames: int, heard: NDArray[np.uint8], seed: int, share: float, beat: Beat | None
) -> Form:
    if beat:
        found: Beat | None = beat.after(1 - n_frames)
    else:
        found = estimate_beat(np.nonzero(onsets(heard))[0])
        found = found and found.after(len(heard) - n_frames)
    bar = _BEATS_A_BAR * (found.period_frames if found else _USUAL_BEAT_FRAMES)
    until = n_frames + round(_BARS_A_SECTION * bar)
    is_stuck = is_looping(heard)
    name = np.uint64(seed & 0xFFFFFFFFFFFFFFFF)
    if n_frames < _FIRST_BARS * bar or (not is_stuck and uniform(name, n_frames, _DRAW, 0) >= share):
        return Form(until=until, is_fresh=is_stuck, since=n_frames)
    if form.back_frames and not is_stuck and uniform(name, n_frames, _DRAW, 1) < _GO_ON:
        return replace(form, until=until, since=n_frames)
    nearest = 4 * bar if is_stuck else 0.0  # what is nearer is the loop itself
    weights = np.array(
        [weight * (nearest <= bars * bar <= n_frames) for bars, weight in zip(_BACK_BARS, _BACK_WEIGHTS, strict=True)]
    )
    place = np.searchsorted(np.cumsum(weights) / weights.sum(), uniform(name, n_frames, _DRAW, 2), side="right")
    back_frames = _BACK_BARS[min(int(place), len(_BACK_BARS) - 1)] * bar
    return Form(until=until, back_frames=back_frames, beat=found, since=n_frames)


def is_looping(heard: NDArray[np.uint8]) -> bool:
    """Tell whether the last frames, ``uint8 (n, 4, 3)``, are one passage played five times, with a change at least."""
    notes = heard[..., 0]
    for period in range(2, len(notes) // _LOOP_TIMES + 1):
        looped = notes[-_LOOP_TIMES * period :]
        if (looped[period:] == looped[:-period]).all() and (looped[1:] != looped[:-1]).any():
            return True
    return False


def _lag(n_frames: int, back_frames: float, beat: Beat | None) -> int:
    """Return the lag of a frame: from where a quarter of the beat falls to where it fell so far back.

    A constant lag would be off by a part of a frame, and the music would drift off its beat a little with every
    copy of a copy.
    """
    if beat is None:
        return round(back_frames)
    quarter = beat.period_frames / _QUARTERS
    phase = (beat.phase % 1.0) * beat.period_frames
    nearest = round((n_frames + phase) / quarter) * quarter - phase
    return math.floor(nearest + 0.5) - math.floor(nearest - back_frames + 0.5)
