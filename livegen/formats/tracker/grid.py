"""Bars of a piece at its tempo, in ticks, and the rows into which they are divided."""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.beat import coherence, estimate_beat
from livegen.formats.score.piece import Piece
from livegen.formats.tracker.ticks import frame_ticks
from livegen.score import onsets
from livegen.units import ENGINE_RATE_HZ, FRAME_RATE_HZ, bpm_to_period

BEATS_A_BAR: Final = 4
_USUAL_BPM: Final = 120.0
_BPM_RANGE: Final = (58.0, 232.0)
"""A slower beat is halved, and a quicker one doubled, so that 32 rows a beat have two ticks at most."""

_MOST_LENGTHS: Final = 24
"""Different lengths of bars, in ticks, of a piece whose tempo changes all the time."""

_CLEAR_PHASE: Final = 0.2
_FEWEST_ONSETS: Final = 4
_WHOLE: Final = 0.01

ROUND_RATE_HZ: Final = 60.0
"""Ticks a second with which two frames are five ticks, so that bars of whole frames are all alike."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar: its first tick, and the tick after its last."""

    start: int
    end: int

    @property
    def length(self) -> int:
        """Ticks."""
        return self.end - self.start


def rate_of(piece: Piece) -> float:
    """Return the ticks a second that suit a piece: `ROUND_RATE_HZ` if its bars are whole frames, else the console's."""
    tempos = _tempo_map(piece, _onset_frames(piece))
    bar = float(tempos.periods[0]) * BEATS_A_BAR
    return ROUND_RATE_HZ if len(tempos.starts) == 1 and abs(bar - round(bar)) < _WHOLE else ENGINE_RATE_HZ


def _onset_frames(piece: Piece) -> NDArray[np.int64]:
    """Return the frame of every onset, ascending."""
    return np.nonzero(onsets(piece.frames))[0]


def bars_of(piece: Piece, rate_hz: float, step: int = 1) -> list[Bar]:
    """Return the bars that cover a piece. What comes before its first beat is a short bar; the last one is whole.

    The tempo is that of the piece, or what its onsets tell, or 120 beats a minute. The first bar line is at the beat
    that is nearest to the first onset.

    Parameters
    ----------
    piece : Piece
    rate_hz : float
        Ticks a second.
    step : int
        Lengths of whole bars are multiples of this many ticks.
    """
    times = _onset_frames(piece)
    tempos = _tempo_map(piece, times)

    def tick_of(beat: float) -> float:
        return tempos.frame_of(beat) * rate_hz / FRAME_RATE_HZ

    first = round(float(tempos.beats_at(times[:1])[0])) if len(times) else 0
    while tick_of(first - BEATS_A_BAR) > 0:
        first -= BEATS_A_BAR
    while tick_of(first) < -0.5:
        first += 1
    end, at = int(frame_ticks(len(piece.frames), rate_hz)[-1]), int(tick_of(first) + 0.5)
    bars = [Bar(0, at)] if at > 0 else []
    lengths: set[int] = set()
    while at < end or not bars:
        first += BEATS_A_BAR
        length = max(int((tick_of(first) - at) / step + 0.5) * step, step)
        if len(lengths) >= _MOST_LENGTHS:
            length = min(lengths, key=lambda known: abs(known - length))
        lengths.add(length)
        bars.append(Bar(at, at + length))
        at += length
    return bars


@dataclass(frozen=True, slots=True, eq=False)
class _TempoMap:
    """Where the beats of a piece lie.

    Attributes
    ----------
    starts : ndarray of float64, shape (n,)
        Frames at which tempos begin; the first is 0.
    periods : ndarray of float64, shape (n,)
        Frames of a beat from there on.
    begins : ndarray of float64, shape (n,)
        Beats at which they begin.
    """

    starts: NDArray[np.float64]
    periods: NDArray[np.float64]
    begins: NDArray[np.float64]

    def beats_at(self, frames: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the beats at which frames lie."""
        at = np.searchsorted(self.starts, frames, side="right") - 1
        beats: NDArray[np.float64] = self.begins[at] + (frames - self.starts[at]) / self.periods[at]
        return beats

    def frame_of(self, beat: float) -> float:
        """Return the frame, with its fraction, at which a beat lies; it may lie before the piece."""
        at = max(int(np.searchsorted(self.begins, beat, side="right")) - 1, 0)
        return float(self.starts[at] + (beat - self.begins[at]) * self.periods[at])


def _tempo_map(piece: Piece, times: NDArray[np.int64]) -> _TempoMap:
    """Return where the beats of a piece with onsets at some frames lie, by its tempos, or else by the onsets."""
    if not piece.tempos:
        beat = estimate_beat(times)
        if beat is None:
            return _TempoMap(np.zeros(1), np.array([bpm_to_period(_USUAL_BPM)]), np.zeros(1))
        period = _usual(60.0 * FRAME_RATE_HZ / beat.period_frames)
        return _TempoMap(np.zeros(1), np.array([period]), np.array([beat.phase * beat.period_frames / period]))
    starts = np.array([0, *(at for at, _ in piece.tempos[1:])], np.float64)
    periods = np.array([_usual(bpm) for _, bpm in piece.tempos])
    tempos = _TempoMap(starts, periods, np.concatenate([[0.0], np.cumsum(np.diff(starts) / periods[:-1])]))
    mean = coherence(tempos.beats_at(times), 1.0, 1) if len(times) >= _FEWEST_ONSETS else 0.0
    phase = -float(np.angle(mean)) / (2.0 * np.pi) if abs(mean) >= _CLEAR_PHASE else 0.0
    return replace(tempos, begins=tempos.begins + phase)


def _usual(bpm: float) -> float:
    """Return the frames of a beat at a tempo, of one that is an octave or more beside what rows can show at another."""
    lowest, highest = _BPM_RANGE
    bpm = min(max(bpm, 1.0), 10_000.0) if bpm == bpm else _USUAL_BPM
    while bpm < lowest:
        bpm *= 2.0
    while bpm >= highest:
        bpm /= 2.0
    return bpm_to_period(bpm)


def spread(length: int, n_rows: int) -> list[int]:
    """Return the first tick of each row, as evenly as ticks allow, of so many in a length."""
    return [(2 * row * length + n_rows) // (2 * n_rows) for row in range(n_rows)]
