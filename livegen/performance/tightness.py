"""Tight time: where in its frame an onset of the model sounds, so that it falls on the grid of the beat.

A frame lasts from its boundary to the next, and a key that goes down in it belongs to it. So does a point of the grid:
the model is told the beat of the middle of each frame, plays its onset in the frame that holds the point, and the
onset is moved there. Nearly all offsets are late ones that way, and a frame need not be settled before its time. All
of this scales with the control: at 0 the model is told the beat of a frame's boundary, where all sounds.

A point takes one onset of a voice. Another within a frame of it, or one that comes a little too soon to be moved there,
would be heard as a stumble: there the voice holds, and what it meant to play waits for the next frame that is open.
What is faster than the grid, as arpeggios are, is left to halves or quarters of it, as fine as frames can tell apart.

The grid is that of the beat as the model hears it: its sixteenths or its eighth-note triplets. Swing moves every second
sixteenth, at 1 to where a triplet's last note falls. A very slow beat is heard twice as fast, and a fast one half as
fast: where a sixteenth is hardly two frames, music lies on eighths, and sixteenths are for runs.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from livegen.beat import Beat
from livegen.controls import Values
from livegen.performance.tempo import Tempo
from livegen.score import N_VOICES, onsets
from livegen.score_table import MODEL, PLAYER, PlannedFrame
from livegen.units import bpm_to_period

LISTEN_FRAMES: Final = 144
"""How many frames tell whether the music is in sixteenths or triplets."""

_SLOWEST_FRAMES: Final = 30.0
_FASTEST_FRAMES: Final = bpm_to_period(163.5)
"""Frames a beat, of 48 and 163.5 beats a minute: beyond them the model hears the beat an octave nearer.

The 192 songs of NES-MDB's train split that are faster lie on eighths: the mean coherence of their onsets with these is
0.69, with sixteenths 0.50; around 120 beats a minute it is 0.39 and 0.66. No clock is set to just there, where a little
jitter would go to and fro.
"""

_SIXTEENTHS: Final = 4
_TRIPLETS: Final = 3
_TRIPLETS_LEAD: Final = 0.3
_FEWEST_ONSETS: Final = 8
_FEW_ONSETS_DOUBT: Final = 3.0
"""By how much triplets must fit better, and by how much more, over the number of onsets: a few fit by chance."""

_FULL_SWING_BEATS: Final = 1.0 / 12.0

_PARTS: Final = (4, 2)
_CLEAR_FRAMES: Final = 1.04
"""Between points of the grid there are others where so many frames lie between any two: farther than an onset moves.
Of such parts every second, the finest, is for runs: for a voice that has attacked in one of the two frames before.
"""

_FAST_PARTS: Final = 2
"""What is finer than a sixteenth of a fast beat is beside it."""

_MIDDLE: Final = 0.35
"""Where in a frame the model is told the beat, at tightness 1: a point that falls on a boundary is within reach from
either side, wherever the model plays it, and few onsets are early."""

_EARLIEST: Final = -0.98
_LATEST: Final = 0.995
_LATE: Final = 0.6
_OVER_FRAMES: Final = 0.04
_SHORTEST_FRAMES: Final = 0.25
"""Offsets keep within these bounds, and a point that lies a little beyond counts; a voice's frame lasts so long."""

MEMORY_FRAMES: Final = 2
"""An onset may be moved to a point of the grid from so many frames later."""

_WAITS: Final = 0.85
"""An onset waits for the next frame if the point lies nearer to that."""


class Reach(NamedTuple):
    """What is within reach of an onset in a frame.

    Attributes
    ----------
    point : int or None
        Number of the point that the onset is moved to; None where none is within reach.
    offset : float
        Where the onset sounds, in frames from where the frame begins.
    is_open : bool
        Whether the model may attack in it.
    is_for_runs : bool
        Whether only a voice that has attacked just before may.
    """

    point: int | None
    offset: float
    is_open: bool
    is_for_runs: bool

    def about_to_begin(self) -> "Reach":
        """Return what is within reach of an onset that nobody knew of until now: none early."""
        return self._replace(is_open=self.is_open and self.offset >= -_OVER_FRAMES)


_UNMOVED: Final = Reach(None, 0.0, is_open=True, is_for_runs=False)


@dataclass(frozen=True, slots=True)
class Groove:
    """How the model's frames lie on the beat.

    Attributes
    ----------
    tempo : Tempo
    tightness, swing : float
        The controls of these names.
    points : int
        Points of the grid in a beat.
    """

    tempo: Tempo
    tightness: float
    swing: float
    points: int = _SIXTEENTHS

    @classmethod
    def of(cls, tempo: Tempo, values: Values) -> "Groove":
        """Return the groove that the controls ask for."""
        return cls(tempo, float(values["tightness"]), float(values["swing"]))

    @property
    def middle(self) -> float:
        """Where in a frame what has no place on the grid sounds, and of when the beat is that the model is told."""
        return 0.0 if self.tempo.source == "none" else _MIDDLE * self.tightness

    @property
    def octave(self) -> float:
        """Beats that the model hears in a beat: a power of two."""
        period, octave = self.tempo.period_frames, 1.0
        while period / octave > _SLOWEST_FRAMES:
            octave *= 2.0
        while period / octave < _FASTEST_FRAMES:
            octave /= 2.0
        return octave

    def beat_at(self, frame_index: int) -> Beat | None:
        """Return the beat that the model is told of a frame, its phase there; None where nobody knows it.

        It is told no swing: the music that it knows is straight.
        """
        if self.tempo.source == "none":
            return None
        return Beat(self.tempo.period_frames / self.octave, self._straight_beats(frame_index) % 1.0)

    def fitted(self, heard: NDArray[np.uint8], end: int, owner: NDArray[np.uint8] | None = None) -> "Groove":
        """Return the groove with the grid that fits what was heard: the player's notes, where there are enough of them.

        Parameters
        ----------
        heard : ndarray of uint8, shape (n, 4, 3)
            The last frames before `end`, `LISTEN_FRAMES` or fewer.
        end : int
        owner : ndarray of uint8, shape (n, 4), optional
            Who played them.
        """
        if not self.middle:
            return self
        attacks = onsets(heard)
        at = np.flatnonzero(attacks.any(1))
        if owner is not None:
            of_player = np.flatnonzero((attacks & (owner == PLAYER)).any(1))
            at = of_player if len(of_player) >= _FEWEST_ONSETS else at
        if len(at) < _FEWEST_ONSETS:
            return self
        beats = max(1.0 / self.octave, 1.0)  # in one that the model hears: triplets are those of the beat itself
        turns = 2j * np.pi * beats * np.array([self._straight_beats(end - len(heard) + k) for k in at.tolist()])
        of_triplets, of_sixteenths = (abs(np.exp(points * turns).mean()) for points in (_TRIPLETS, _SIXTEENTHS))
        lead = _TRIPLETS_LEAD + _FEW_ONSETS_DOUBT / len(at)
        is_in_triplets = of_triplets > of_sixteenths + lead
        return replace(self, points=int(beats) * _TRIPLETS if is_in_triplets else _SIXTEENTHS)

    def reach(self, first: int, n_frames: int) -> list[Reach]:
        """Return what is within reach of an onset in each of the frames from `first` on."""
        if not self.middle:
            return [_UNMOVED] * n_frames
        beats = np.array([self.tempo.beats_at(first + i + self.middle) for i in range(n_frames)]) * self.octave
        period, parts = self.tempo.period_frames / self.octave, self._parts()
        numbers = np.floor(beats * self.points)[:, None] * parts + np.arange(-parts, 2 * parts + 1)
        times = (self._beats_of(numbers / parts) - beats[:, None]) * period + self.middle  # since each frame began
        is_within = (times >= _EARLIEST - _OVER_FRAMES) & (times <= _LATEST + _OVER_FRAMES)
        distances = np.abs(times - self.middle)
        of_grid = slice(None, None, parts)
        is_clear = np.abs(times[:, of_grid]).min(1, keepdims=True) > _CLEAR_FRAMES
        is_finer = is_clear & (distances < distances[:, of_grid].min(1, keepdims=True))
        is_within &= is_finer | (numbers % parts == 0.0)
        distances = np.where(is_within, distances, np.inf)
        best = np.arange(n_frames), distances.argmin(1)
        offsets = np.clip(self.middle + self.tightness * (times[best] - self.middle), _EARLIEST, _LATEST)
        number, reached = numbers[best].astype(np.int64), is_within[best]
        is_open = reached & ((offsets <= _WAITS) | is_clear[:, 0])
        is_for_runs = (number % 2 == 1) & (parts > 1)
        offsets = np.where(reached, offsets, self.middle)
        columns = zip(
            number.tolist(), reached.tolist(), offsets.tolist(), is_open.tolist(), is_for_runs.tolist(), strict=True
        )
        return [Reach(point if is_reached else None, *others) for point, is_reached, *others in columns]

    def _parts(self) -> int:
        """Return into how many parts frames can divide the grid."""
        shortest = (1.0 / self.points - self._swing_beats) * self.tempo.period_frames / self.octave
        finest = next((parts for parts in _PARTS if shortest >= parts * _CLEAR_FRAMES), 1)
        return min(finest, _FAST_PARTS) if self.octave < 1.0 else finest

    @property
    def _swing_beats(self) -> float:
        return self.swing * _FULL_SWING_BEATS if self.points == _SIXTEENTHS else 0.0

    def _beats_of(self, numbers: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return where points of the grid are, in beats; what lies between two of them is where its number has it."""
        to_odd = 1.0 - np.abs(numbers % 2.0 - 1.0)
        return numbers / self.points + to_odd * self._swing_beats

    def offsets(
        self,
        heard: NDArray[np.uint8],
        heard_offset: NDArray[np.float64],
        planned: Sequence[PlannedFrame],
        reach: Sequence[Reach],
    ) -> NDArray[np.float64]:
        """Return the onset offsets of consecutive frames, float64 (n, 4), in frames.

        Parameters
        ----------
        heard : ndarray of uint8, shape (m, 4, 3)
            The frames before them; `MEMORY_FRAMES` and one more tell all.
        heard_offset : ndarray of float64, shape (4,)
            The offsets of the last of these.
        planned : sequence of PlannedFrame
            The first is about to begin: where one of its onsets is early already it stays, and no other is.
        reach : sequence of Reach
            Of as many frames: those of `heard`, then those of `planned`.
        """
        offsets = np.zeros((len(planned), N_VOICES))
        if not self.middle or not planned:
            return offsets
        n_heard = len(heard)
        attacks = onsets(np.concatenate([heard, [each.frame for each in planned]])).T.tolist()
        owners = [each.owner.tolist() for each in planned]
        for voice in range(N_VOICES):
            is_attack = attacks[voice]
            taken = next((reach[k].point for k in reversed(range(n_heard)) if is_attack[k]), None)
            last, is_note = float(heard_offset[voice]), bool(n_heard and is_attack[n_heard - 1])
            for i, each in enumerate(planned):
                at = n_heard + i
                is_onset = is_attack[at]
                offset = self.middle if owners[i][voice] == MODEL else 0.0
                if i == 0 and each.onset_offset[voice] < 0.0:
                    offset, taken = float(each.onset_offset[voice]), reach[at].point
                elif owners[i][voice] == MODEL and is_onset:
                    point, on_point, *_ = reach[at]
                    is_next_s = on_point > _LATE and at + 1 < len(is_attack) and is_attack[at + 1]
                    is_next_s = is_next_s and reach[at + 1].point == point
                    if point is not None and point != taken and not is_next_s:
                        offset, taken = on_point, point
                    least = last - 1.0 + _SHORTEST_FRAMES if is_note else _EARLIEST
                    offset = max(offset, least, 0.0 if i == 0 else _EARLIEST)
                if i > 0 and not is_note:  # what only holds makes way
                    offsets[i - 1, voice] = min(last, offset + 1.0)
                offsets[i, voice] = last = offset
                is_note = is_onset
        return offsets

    def _straight_beats(self, frame_index: int) -> float:
        """Return where a frame lies on the beat that the model hears, without swing."""
        return self._unswung(self.tempo.beats_at(frame_index + self.middle) * self.octave)

    def _unswung(self, beats: float) -> float:
        """Return where a time would be without swing."""
        eighth = math.floor(beats * 2.0) / 2.0
        within = beats - eighth
        first = 0.25 + self.swing * _FULL_SWING_BEATS
        return eighth + (within * 0.25 / first if within < first else 0.25 + (within - first) * 0.25 / (0.5 - first))


def barred(heard: Sequence[NDArray[np.uint8]], reach: Sequence[Reach]) -> NDArray[np.bool_]:
    """Tell in which voices an onset of a frame would be heard beside the grid, bool (4,).

    Parameters
    ----------
    heard : sequence of ndarray of uint8, shape (4, 3)
        The last frames before it: `MEMORY_FRAMES` and one more, or as many as there are.
    reach : sequence of Reach
        Of the frame and the two before it.
    """
    *before, (point, _, is_open, is_for_runs) = reach
    is_barred = np.full(N_VOICES, not is_open or is_for_runs)
    if is_open and point is not None and heard and (is_for_runs or any(each.point == point for each in before)):
        attacks = onsets(np.array(heard))[-MEMORY_FRAMES:]
        if is_for_runs:
            is_barred &= ~attacks.any(0)
        for is_attack, each in zip(reversed(attacks), reversed(before), strict=False):
            is_barred |= is_attack & (each.point == point)  # what has just been moved there has it
    return is_barred
