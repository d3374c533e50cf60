"""Tightness: at what time in its frame an onset of the model sounds, so that it falls on the grid of the beat.

A frame lasts from its boundary to the next. A key that goes down in this time belongs to the frame, and so does a point
of the grid. The model is told the beat of the middle of each frame and plays its onset in the frame that holds the
point; then the onset is moved to the point. So nearly all onsets are moved later in their frame, few earlier, and a
frame need not be settled before its time. The control ``tightness`` scales all this: at 0 the model is told the beat
of the frame's boundary, and onsets sound there.

Each voice has one onset at most on a point. A second onset within a frame of it, or one a little too early to be moved
to the next point, would be heard as a stumble. There the voice holds its note, and the new note waits for the next open
frame. Faster notes, as in arpeggios, use halves or quarters of the grid, as fine as frames can tell apart.

The grid is the sixteenths or the eighth-note triplets of the beat that the model hears. Swing delays every second
sixteenth; at 1 it falls on the last note of a triplet. The model hears a very slow beat twice as fast, and a fast beat
half as fast: at a fast tempo a sixteenth is hardly two frames, so music lies on eighths, and sixteenths are for runs.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from livegen.beat import Beat
from livegen.controls import Values
from livegen.performance.tempo import Tempo
from livegen.score import N_COLUMNS, N_VOICES, SILENCE, attacks, is_onset
from livegen.score_table import MODEL, PLAYER, PlannedFrame
from livegen.system.kernels import kernel
from livegen.units import bpm_to_period

LISTEN_FRAMES: Final = 144
"""Number of the last frames that decide whether the music is in sixteenths or triplets: 6 seconds."""

_SLOWEST_FRAMES: Final = 30.0
_FASTEST_FRAMES: Final = bpm_to_period(163.5)
"""Frames a beat at 48 and 163.5 beats a minute. The model hears a slower beat twice as fast, a faster one half as fast.

The 192 songs of NES-MDB's train split that are faster lie on eighths: the mean coherence of their onsets with eighths
is 0.69, with sixteenths 0.50. Around 120 beats a minute it is 0.39 and 0.66. No clock is set to exactly 163.5 beats a
minute, where jitter would switch to and fro.
"""

_SIXTEENTHS: Final = 4
_TRIPLETS: Final = 3
_TRIPLETS_LEAD: Final = 0.3
_FEWEST_ONSETS: Final = 8
_FEW_ONSETS_DOUBT: Final = 3.0
"""The grid is of triplets if the coherence of the onsets with triplets is over that with sixteenths by `_TRIPLETS_LEAD`
plus `_FEW_ONSETS_DOUBT` divided by the number of onsets: a few onsets fit by chance. With fewer than `_FEWEST_ONSETS`
it is of sixteenths."""

_FULL_SWING_BEATS: Final = 1.0 / 12.0
"""By how many beats swing 1 delays every second sixteenth."""

_PARTS: Final = (4, 2)
_CLEAR_FRAMES: Final = 1.04
"""Numbers of parts into which the grid may be divided, and the fewest frames that must then lie between neighbouring
points; it is more than an onset moves. Every second point of the divided grid is for runs: only a voice that has
attacked in one of the two frames before may attack there.
"""

_FAST_PARTS: Final = 2
"""Most parts of the grid at a fast tempo, where the grid is eighths: anything finer than sixteenths is off the grid."""

_MIDDLE: Final = 0.35
"""At tightness 1 the model is told the beat at this time after a frame begins, in frames. With this value a point on a
boundary is within reach from the frames on both sides of it, and few onsets are early."""

_EARLIEST: Final = -0.98
_LATEST: Final = 0.995
"""Bounds of an onset's offset, in frames from where its frame begins."""

_LATE: Final = 0.6
"""If a point lies later in a frame than this and the voice attacks in the next frame too, that onset gets the point."""

_OVER_FRAMES: Final = 0.04
"""A point that lies beyond the bounds of the offset by no more than this is still within reach."""

_SHORTEST_FRAMES: Final = 0.25
"""Shortest time from an onset of a voice to where the voice's next frame may begin to sound."""

MEMORY_FRAMES: Final = 2
"""How many frames before a frame may have had an onset that was moved to the same point of the grid."""

_WAITS: Final = 0.85
"""An onset whose point lies later in the frame than this waits for the next frame, which is nearer to the point."""


_MOST_KNOWN: Final = 4096
"""Of so many frames at most the reach is kept."""

_MORE_REACH: Final = 24
"""Of so many frames it is worked out together: one by one takes as long for each."""


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
        Whether only a voice that has attacked in one of the two frames before may attack in it.
    """

    point: int | None
    offset: float
    is_open: bool
    is_for_runs: bool

    def about_to_begin(self) -> "Reach":
        """Return the reach of a frame that is about to begin: it is too late now for an early onset."""
        return self._replace(is_open=self.is_open and self.offset >= -_OVER_FRAMES)


_NO_POINT: Final = -(1 << 62)
"""In place of a point, where none is within reach."""

_ANYBODY: Final = np.zeros((0, N_VOICES), np.uint8)
"""In place of owners, where it does not matter who plays."""

_UNMOVED: Final = Reach(None, 0.0, is_open=True, is_for_runs=False)


@dataclass(frozen=True, slots=True, eq=False)
class Groove:
    """How the model's frames lie on the beat. Two of one tempo, the very same, are equal if all else is.

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

    def __eq__(self, other: object) -> bool:
        """Tell whether another has the same tempo, not only an equal one, and is equal in the rest."""
        return isinstance(other, Groove) and self.tempo is other.tempo and self._rest == other._rest

    def __hash__(self) -> int:
        """Return a number that goes by the tempo's identity: to compare all of a tempo takes long."""
        return hash((id(self.tempo), self._rest))

    @property
    def _rest(self) -> tuple[float, float, int]:
        return self.tightness, self.swing, self.points

    @classmethod
    def of(cls, tempo: Tempo, values: Values) -> "Groove":
        """Return the groove that the controls ask for."""
        return cls(tempo, float(values["tightness"]), float(values["swing"]))

    @property
    def middle(self) -> float:
        """Time within a frame, in frames: the model is told the beat at it, and an onset off the grid sounds at it."""
        return 0.0 if self.tempo.source == "none" else _MIDDLE * self.tightness

    @property
    def octave(self) -> float:
        """How many beats the model hears in one beat of the tempo: a power of two."""
        period, octave = self.tempo.period_frames, 1.0
        while period / octave > _SLOWEST_FRAMES:
            octave *= 2.0
        while period / octave < _FASTEST_FRAMES:
            octave /= 2.0
        return octave

    def beat_at(self, frame_index: int) -> Beat | None:
        """Return the beat that the model is told for a frame, with its phase in that frame; None if it is unknown.

        The beat has no swing, because the music that the model was trained on is straight.
        """
        if self.tempo.source == "none":
            return None
        return Beat(self.tempo.period_frames / self.octave, self._straight_beats(frame_index) % 1.0)

    def fitted(self, heard: NDArray[np.uint8], end: int, owner: NDArray[np.uint8] | None = None) -> "Groove":
        """Return the groove with the grid that fits what was heard: the player's notes, if there are enough of them.

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
        at = _frames_with_onsets(heard, _ANYBODY)
        if owner is not None:
            of_player = _frames_with_onsets(heard, owner)
            at = of_player if len(of_player) >= _FEWEST_ONSETS else at
        if len(at) < _FEWEST_ONSETS:
            return self
        return replace(self, points=_fitting_points(self, tuple((at + end - len(heard)).tolist())))

    def reach(self, first: int, n_frames: int) -> list[Reach]:
        """Return the reach of each of the frames from `first` on."""
        if not self.middle:
            return [_UNMOVED] * n_frames
        known, wanted = _reach_known(self), range(first, first + n_frames)
        if len(known) > _MOST_KNOWN:
            known.clear()
        missing = [frame for frame in wanted if frame not in known]
        if missing:
            begin, n_missing = missing[0], missing[-1] + 1 - missing[0]
            n_more = max(n_missing, _MORE_REACH) if known else n_missing  # a beat that has lasted will last on
            known.update(enumerate(self._reach(begin, n_more), begin))
        return [known[frame] for frame in wanted]

    def _reach(self, first: int, n_frames: int) -> list[Reach]:
        beats = self.tempo.beats_of(np.arange(float(first), float(first + n_frames)) + self.middle) * self.octave
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
        """Return into how many parts the grid can be divided."""
        shortest = (1.0 / self.points - self._swing_beats) * self.tempo.period_frames / self.octave
        finest = next((parts for parts in _PARTS if shortest >= parts * _CLEAR_FRAMES), 1)
        return min(finest, _FAST_PARTS) if self.octave < 1.0 else finest

    @property
    def _swing_beats(self) -> float:
        return self.swing * _FULL_SWING_BEATS if self.points == _SIXTEENTHS else 0.0

    def _beats_of(self, numbers: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return where points of the grid are, in beats; a number between two points gives a place between them."""
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
            The frames before them; the last `MEMORY_FRAMES` + 1 are enough.
        heard_offset : ndarray of float64, shape (4,)
            The offsets of the last of these.
        planned : sequence of PlannedFrame
            The first is about to begin: its onsets that are early already stay early, and no other becomes early.
        reach : sequence of Reach
            That of each frame of `heard`, then that of each frame of `planned`.
        """
        offsets = np.zeros((len(planned), N_VOICES))
        if not self.middle or not planned:
            return offsets
        frames = heard.tobytes() + b"".join([each.frame.tobytes() for each in planned])
        _move_onsets(
            np.frombuffer(frames, np.uint8).reshape(-1, N_VOICES, N_COLUMNS),
            np.frombuffer(b"".join([each.owner.tobytes() for each in planned]), np.uint8).reshape(-1, N_VOICES),
            np.array([heard_offset, planned[0].onset_offset]),
            np.array([_NO_POINT if each.point is None else each.point for each in reach], np.int64),
            np.array([each.offset for each in reach]),
            self.middle,
            offsets,
        )
        return offsets

    def _straight_beats(self, frame_index: int) -> float:
        """Return the time of a frame in the model's beats, with the swing taken out."""
        beats = self.tempo.beats_at(frame_index + self.middle) * self.octave
        eighth = math.floor(beats * 2.0) / 2.0
        within, first = beats - eighth, self._first_beats
        return eighth + (within * 0.25 / first if within < first else 0.25 + (within - first) * 0.25 / (0.5 - first))

    def straight_beats_of(self, frames: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return times in frames as such in the model's beats, with the swing taken out."""
        beats = self.tempo.beats_of(frames) * self.octave
        eighth = np.floor(beats * 2.0) / 2.0
        within, first = beats - eighth, self._first_beats
        late = 0.25 + (within - first) * 0.25 / (0.5 - first)
        return eighth + np.where(within < first, within * 0.25 / first, late)

    @property
    def _first_beats(self) -> float:
        """How long the first of two sixteenths lasts with the swing, in beats."""
        return 0.25 + self.swing * _FULL_SWING_BEATS


@lru_cache(maxsize=4)
def _reach_known(groove: Groove) -> dict[int, Reach]:
    """Return the reach of frames in a groove, as far as it was asked for: the same frames are planned many times."""
    return {}


@lru_cache(maxsize=4)
def _fitting_points(groove: Groove, frames: tuple[int, ...]) -> int:
    """Return how many points a beat's grid has that fits onsets in some frames."""
    beats = max(1.0 / groove.octave, 1.0)  # in one beat of the model's: triplets divide the tempo's own beat
    turns = 2j * np.pi * beats * groove.straight_beats_of(np.array(frames) + groove.middle)
    of_triplets, of_sixteenths = (abs(np.exp(points * turns).mean()) for points in (_TRIPLETS, _SIXTEENTHS))
    lead = _TRIPLETS_LEAD + _FEW_ONSETS_DOUBT / len(frames)
    is_in_triplets = of_triplets > of_sixteenths + lead
    return int(beats) * _TRIPLETS if is_in_triplets else _SIXTEENTHS


@kernel
def _frames_with_onsets(frames: NDArray[np.uint8], owner: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Return in which frames a voice attacks; where there is an `owner`, ``(n, 4)``, one that is the player's."""
    found, n_found = np.empty(len(frames), np.int64), 0
    for t in range(len(frames)):
        for voice in range(N_VOICES):
            is_counted = len(owner) == 0 or owner[t, voice] == PLAYER
            if is_counted and _attacks(frames, t, voice):
                found[n_found] = t
                n_found += 1
                break
    return found[:n_found]


@kernel
def _attacks(frames: NDArray[np.uint8], t: int, voice: int) -> bool:
    """Tell whether a voice attacks in a frame of some, before which there is silence."""
    note, volume = (np.int64(frames[t - 1, voice, 0]), np.int64(frames[t - 1, voice, 1])) if t > 0 else (0, 0)
    return is_onset(note, volume, np.int64(frames[t, voice, 0]), np.int64(frames[t, voice, 1]))


@kernel
def _move_onsets(
    frames: NDArray[np.uint8],
    owner: NDArray[np.uint8],
    known: NDArray[np.float64],
    points: NDArray[np.int64],
    on_points: NDArray[np.float64],
    middle: float,
    offsets: NDArray[np.float64],
) -> None:
    """Write the offsets of `Groove.offsets`, (n, 4).

    ``frames (m + n, 4, 3)`` are those that are heard and then those that are planned, ``owner (n, 4)`` says who plays
    the latter, and ``points`` and ``on_points (m + n,)`` are their reach. ``known (2, 4)`` are the offsets of the last
    frame that is heard, and of the first one that is planned as it was planned before.
    """
    n_heard = len(frames) - len(owner)
    for voice in range(N_VOICES):
        taken, is_note = np.int64(_NO_POINT), False
        for k in range(n_heard):
            is_note = _attacks(frames, k, voice)
            if is_note:
                taken = points[k]
        last = known[0, voice]
        for i in range(len(owner)):
            at = n_heard + i
            is_attack, is_model_s = _attacks(frames, at, voice), owner[i, voice] == MODEL
            offset = middle if is_model_s else 0.0
            if i == 0 and known[1, voice] < 0.0:
                offset, taken = known[1, voice], points[at]
            elif is_model_s and is_attack:
                is_next_s = on_points[at] > _LATE and at + 1 < len(frames) and points[at + 1] == points[at]
                is_next_s = is_next_s and _attacks(frames, at + 1, voice)
                if points[at] != _NO_POINT and points[at] != taken and not is_next_s:
                    offset, taken = on_points[at], points[at]
                least = last - 1.0 + _SHORTEST_FRAMES if is_note else _EARLIEST
                offset = max(offset, least, 0.0 if i == 0 else _EARLIEST)
            if i > 0 and not is_note:  # the frame before holds its note: it may begin earlier to make room
                offsets[i - 1, voice] = min(last, offset + 1.0)
            offsets[i, voice] = last = offset
            is_note = is_attack


def warm_up() -> None:
    """Compile what is called in every frame."""
    groove = Groove(replace(Tempo(), source="own"), tightness=1.0, swing=0.0)
    nothing = PlannedFrame(0, SILENCE, np.zeros(N_VOICES, np.uint8), np.zeros(N_VOICES))
    heard = np.frombuffer(SILENCE.tobytes(), np.uint8).reshape(1, N_VOICES, N_COLUMNS)
    groove.fitted(heard, 1, np.zeros((1, N_VOICES), np.uint8))
    groove.offsets(heard, nothing.onset_offset, [nothing], groove.reach(-1, 2))


def barred(heard: Sequence[NDArray[np.uint8]], reach: Sequence[Reach]) -> NDArray[np.bool_]:
    """Tell in which voices an onset of a frame would be heard off the grid, bool (4,).

    Parameters
    ----------
    heard : sequence of ndarray of uint8, shape (4, 3)
        The last frames before it: `MEMORY_FRAMES` + 1, or as many as there are.
    reach : sequence of Reach
        That of the two frames before it, then that of the frame.
    """
    *before, (point, _, is_open, is_for_runs) = reach
    is_barred = np.full(N_VOICES, not is_open or is_for_runs)
    if is_open and point is not None and heard and (is_for_runs or any(each.point == point for each in before)):
        frames = [SILENCE, *heard][-MEMORY_FRAMES - 1 :]
        attacked = [attacks(earlier, later) for earlier, later in pairwise(frames)]
        if is_for_runs:
            is_barred &= ~np.any(attacked, 0)
        for is_attack, each in zip(reversed(attacked), reversed(before), strict=False):
            is_barred |= is_attack & (each.point == point)  # an earlier onset of the voice was moved to this point
    return is_barred
