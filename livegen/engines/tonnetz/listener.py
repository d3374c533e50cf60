"""What is heard of the frames: slices, each of the pitches that sound in it. Values, no state of their own."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.beat import Beat
from livegen.engines.tonnetz.config import N_HEARD
from livegen.engines.tonnetz.lattice import N_PITCHES, pitch_of
from livegen.score import PITCHED, Column

_PERIOD_FRAMES: Final = 12.0
"""Of the beat where nobody knows one."""

_SILENT: Final = (0,) * len(PITCHED)


@dataclass(frozen=True, slots=True)
class Hearing:
    """What was heard, up to a frame.

    Attributes
    ----------
    beats : float
        Where the middle of the next frame is, in beats since the music began; not a number before that.
    index : int
        Number of the slice in which that is.
    notes : tuple of int
        What P1, P2 and TR sounded in the last frame, 0 for nothing.
    sounded : int
        The pitches of this slice so far, as bits: those that have sounded in two frames running. A note of one frame is
        under a sixteenth of a second, and is left out.
    recent : tuple of int
        The slices before it, `N_HEARD` at most, the latest last.
    is_new : bool
        Whether the next frame is the first of a slice.
    """

    beats: float = math.nan
    index: int = 0
    notes: tuple[int, ...] = _SILENT
    sounded: int = 0
    recent: tuple[int, ...] = ()
    is_new: bool = True

    def after(self, frame: NDArray[np.uint8], beat: Beat | None, beats_a_slice: float) -> "Hearing":
        """Return what was heard after one more frame, ``uint8 (4, 3)``; `beat` has its phase in that frame."""
        notes = tuple(frame[: len(PITCHED), Column.NOTE].tolist())
        sounded = self.sounded
        for before, now in zip(self.notes, notes, strict=True):
            if now and now == before:
                sounded |= 1 << pitch_of(now)
        beats = self._next(beat)
        index = max(math.floor(beats / beats_a_slice), self.index)  # a beat that falls back is waited for
        if math.isnan(self.beats):  # nothing has sounded before the first frame
            return Hearing(beats, index, notes)
        if index == self.index:
            return replace(self, beats=beats, notes=notes, sounded=sounded, is_new=False)
        return Hearing(beats, index, notes, 0, (*self.recent, sounded)[-N_HEARD:])

    def _next(self, beat: Beat | None) -> float:
        if beat is None:
            return 0.5 / _PERIOD_FRAMES if math.isnan(self.beats) else self.beats + 1.0 / _PERIOD_FRAMES
        phase = beat.phase + 1.5 / beat.period_frames
        if math.isnan(self.beats):
            return phase % 1.0
        expected = self.beats + 1.0 / beat.period_frames
        return expected + (phase - expected + 0.5) % 1.0 - 0.5


def pitches_of(slices: Sequence[int]) -> NDArray[np.bool_]:
    """Return which pitches sound in slices that are told as bits, (slices, 96)."""
    packed = b"".join(sounded.to_bytes(N_PITCHES // 8, "little") for sounded in slices)
    bits = np.unpackbits(np.frombuffer(packed, np.uint8), bitorder="little")
    return bits.reshape(-1, N_PITCHES).astype(np.bool_)
