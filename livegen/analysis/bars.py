"""The bars of a piece, by the beat of its onsets, and where the beat is not clear, by seconds."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.beat import clarity, first_beat
from livegen.formats.score.changes import Changes
from livegen.formats.score.tactus import beat_of, rhythm_of
from livegen.units import FRAME_RATE_HZ, period_to_bpm

BEATS_A_BAR: Final = 4
STEPS_A_BEAT: Final = 4
STEPS_A_BAR: Final = BEATS_A_BAR * STEPS_A_BEAT

_CLEAR: Final = 0.5
_UNCLEAR_PERIOD_FRAMES: Final = FRAME_RATE_HZ / 2.0
"""Frames a beat where none is clear: bars are then two seconds long."""


@dataclass(frozen=True, slots=True)
class Bars:
    """Where the bars of a piece lie.

    Attributes
    ----------
    period_frames : float
        Frames a beat.
    first_frame : float
        Where bar 1 begins; it may lie before the piece.
    n_bars : int
        How many it takes to hold the piece.
    clarity : float
        0..1: how well the onsets fall on halves or quarters of the beat.
    is_beat : bool
        Whether it is the music's own beat, and no stopgap.
    """

    period_frames: float
    first_frame: float
    n_bars: int
    clarity: float
    is_beat: bool

    @property
    def bpm(self) -> float:
        """Beats a minute."""
        return period_to_bpm(self.period_frames)

    def step_frames(self) -> NDArray[np.float64]:
        """Return where each sixteenth begins, in frames, and where the last one ends; shape (16 n_bars + 1,)."""
        steps = np.arange(self.n_bars * STEPS_A_BAR + 1, dtype=np.float64)
        return self.first_frame + steps * (self.period_frames / STEPS_A_BEAT)


def bars_of(changes: Changes, n_frames: int) -> Bars:
    """Return the bars of a piece, to the sample, that lasts so many frames."""
    beat = beat_of(changes, clear=0.0)
    onset_frames = rhythm_of(changes)
    how_clear = 0.0 if beat is None else clarity(onset_frames, beat)
    is_beat = beat is not None and how_clear >= _CLEAR
    period = beat.period_frames if beat is not None and is_beat else _UNCLEAR_PERIOD_FRAMES
    first = first_beat(onset_frames, beat if is_beat else None)
    n_bars = max(int(np.ceil((n_frames - first) / (period * BEATS_A_BAR) - 0.05)), 1)
    return Bars(period, first, n_bars, how_clear, is_beat)
