"""Tight time: where in its frame an onset of the model sounds, so that it falls on the grid of the beat.

A frame lasts from its boundary to the next, and a key that goes down in it belongs to it. So does a point of the grid:
the model is told the beat of the middle of each frame, plays its onset in the frame that holds the point, and the
onset is moved there. Nearly all offsets are late ones that way, and a frame need not be settled before its time. All
of this scales with the control: at 0 the model is told the beat of a frame's boundary, where all sounds.

The grid is that of the beat as the model hears it, which is folded by octaves into the tempi of its training: its
sixteenths or its eighth-note triplets. Swing moves every second sixteenth, at 1 to where a triplet's last note falls.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.controls import Values
from livegen.predictor.beat import FASTEST_FRAMES, SLOWEST_FRAMES, Beat
from livegen.score import N_VOICES, onsets
from livegen.score_table import MODEL, PlannedFrame
from livegen.session.tempo import Tempo

LISTEN_FRAMES: Final = 144
"""How many frames tell whether the music is in sixteenths or triplets."""

_SIXTEENTHS: Final = 4
_TRIPLETS: Final = 3
_TRIPLETS_LEAD: Final = 0.3
_FEWEST_ONSETS: Final = 8
_FULL_SWING_BEATS: Final = 1.0 / 12.0

_MIDDLE: Final = 0.35
"""Where in a frame the model is told the beat, at tightness 1: a point that falls on a boundary is within reach from
either side, wherever the model plays it, and few onsets are early."""

_EARLIEST: Final = -0.98
_LATEST: Final = 0.995
_OVER_FRAMES: Final = 0.05
_SHORTEST_FRAMES: Final = 0.25
"""Offsets keep within these bounds, and a point that lies a little beyond counts; a voice's frame lasts so long."""


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
        while period / octave > SLOWEST_FRAMES:
            octave *= 2.0
        while period / octave < FASTEST_FRAMES:
            octave /= 2.0
        return octave

    def beat_at(self, frame_index: int) -> Beat | None:
        """Return the beat that the model is told of a frame, its phase there; None where nobody knows it.

        It is told no swing: the music that it knows is straight.
        """
        if self.tempo.source == "none":
            return None
        return Beat(self.tempo.period_frames / self.octave, self._straight_beats(frame_index) % 1.0)

    def offsets(
        self, heard: NDArray[np.uint8], heard_offset: NDArray[np.float64], planned: Sequence[PlannedFrame]
    ) -> NDArray[np.float64]:
        """Return the onset offsets of consecutive frames, float64 (n, 4), in frames.

        Parameters
        ----------
        heard : ndarray of uint8, shape (m, 4, 3)
            The frames before them, `LISTEN_FRAMES` or fewer.
        heard_offset : ndarray of float64, shape (4,)
            The offsets of the last of these.
        planned : sequence of PlannedFrame
            The first is about to begin: where one of its onsets is early already it stays, and no other is.
        """
        offsets = np.zeros((len(planned), N_VOICES))
        if not self.middle or not planned:
            return offsets
        attacks = onsets(np.concatenate([heard, [each.frame for each in planned]]))
        groove = self._fitting(attacks[: len(heard)], planned[0].frame_index - len(heard))
        for voice in range(N_VOICES):
            last, is_note = float(heard_offset[voice]), bool(len(heard) and attacks[len(heard) - 1, voice])
            for i, each in enumerate(planned):
                is_onset = bool(attacks[len(heard) + i, voice])
                offset = self.middle if each.owner[voice] == MODEL else 0.0
                if i == 0 and each.onset_offset[voice] < 0.0:
                    offset = float(each.onset_offset[voice])
                elif each.owner[voice] == MODEL and is_onset:
                    least = last - 1.0 + _SHORTEST_FRAMES if is_note else _EARLIEST
                    offset = groove._onset_offset(each.frame_index, max(least, 0.0 if i == 0 else _EARLIEST))
                if i > 0 and not is_note:  # what only holds makes way
                    offsets[i - 1, voice] = min(last, offset + 1.0)
                offsets[i, voice] = last = offset
                is_note = is_onset
        return offsets

    def _fitting(self, attacks: NDArray[np.bool_], first: int) -> "Groove":
        """Return the groove with the grid that fits onsets, bool (n, 4), of frames from `first` on."""
        beats = [self._straight_beats(first + int(at)) for at in np.flatnonzero(attacks.any(1))]
        if len(beats) < _FEWEST_ONSETS:
            return self
        of_triplets, of_sixteenths = (
            abs(np.exp(2j * np.pi * points * np.array(beats)).mean()) for points in (_TRIPLETS, _SIXTEENTHS)
        )
        return replace(self, points=_TRIPLETS if of_triplets > of_sixteenths + _TRIPLETS_LEAD else _SIXTEENTHS)

    def _straight_beats(self, frame_index: int) -> float:
        """Return where a frame lies on the beat that the model hears, without swing."""
        return self._unswung(self.tempo.beats_at(frame_index + self.middle) * self.octave)

    def _onset_offset(self, frame_index: int, least: float) -> float:
        """Return the offset of an onset; that of the frame's middle where no point of the grid is within reach."""
        beats = self.tempo.beats_at(frame_index + self.middle) * self.octave
        period = self.tempo.period_frames / self.octave
        late = (self._nearest(beats) - beats) * period
        if not least - _OVER_FRAMES <= self.middle + late <= _LATEST + _OVER_FRAMES:
            return self.middle
        return min(max(self.middle + self.tightness * late, least), _LATEST)

    def _nearest(self, beats: float) -> float:
        """Return the point of the grid that is nearest."""
        point = math.floor(beats * self.points)
        return min((self._point(point + i) for i in (-1, 0, 1, 2)), key=lambda at: abs(at - beats))

    def _point(self, number: int) -> float:
        is_swung = self.points == _SIXTEENTHS and number % 2 == 1
        return number / self.points + is_swung * self.swing * _FULL_SWING_BEATS

    def _unswung(self, beats: float) -> float:
        """Return where a time would be without swing."""
        eighth = math.floor(beats * 2.0) / 2.0
        within = beats - eighth
        first = 0.25 + self.swing * _FULL_SWING_BEATS
        return eighth + (within * 0.25 / first if within < first else 0.25 + (within - first) * 0.25 / (0.5 - first))
