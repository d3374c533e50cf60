"""The GAN as an engine: it plays a loop on the beat, and lets the next one begin at the seam.

The state says where in the loop the song is, and which loop that is, as numbers (`Plan`). The loop itself is a pure
function of these and of the seed, so it may be made whenever there is time, and is found in a cache where it was.

The seed comes with a draw and not with a step. So a state knows of no seed, and a loop is made when its first frame is
drawn, or before, by `prepare`.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from livegen.engines.gan.generator import Generator
from livegen.engines.gan.knobs import Knobs, Plan, first_plan, next_plan
from livegen.engines.gan.layout import BAR_BEATS, PHRASE_BEATS, GanConfig
from livegen.engines.gan.loops import Loops, Shape
from livegen.engines.protocol import NONE_LATER, UNCONDITIONED, Conditions, Info, Sampling
from livegen.engines.steps import STEPS_A_BEAT
from livegen.engines.tonality import CLASHES
from livegen.score import N_VOICES, NOTE_RANGE, PITCHED, SILENCE, Voice

_PERIOD_FRAMES: Final = 12.0
"""Of the beat where nobody knows one."""

_HALF_STEP: Final = 0.5 / STEPS_A_BEAT
_MOST_AT_ONCE: Final = 3
"""Most steps that one frame covers. Where there are more, the beat has leapt, and what was leapt over is not played."""

_FADE: Final = 0.997
"""What stays of a note that a performer played, from frame to frame: a third of it after 15 seconds."""

_ROUNDED: Final = 4
_NEAREST: Final = (0, -1, 1, -2, 2)
"""Where a note goes that clashes with what somebody else plays: to the first of these with the fewest clashes, and of
such that with the fewest among the engine's own voices."""

_LEAST_HARMONY: Final = 0.5
"""From this `harmony` on, notes go out of the way of what somebody else plays."""


@dataclass(frozen=True, slots=True, eq=False)
class GanState:
    """What the engine remembers.

    Attributes
    ----------
    plan : Plan
        The loop in force in the next frame.
    at : float
        Where the next frame is, in beats from the loop's beginning; not a number before a song.
    first, last : int
        The steps of the loop that the next frame covers.
    chroma : tuple of float
        What was heard of a performer's pitch classes of late, (12,).
    heard : ndarray of uint8, shape (4, 3)
        The last frame.
    """

    plan: Plan = field(default_factory=Plan)
    at: float = math.nan
    first: int = 0
    last: int = 0
    chroma: tuple[float, ...] = (0.0,) * 12
    heard: NDArray[np.uint8] = field(default_factory=lambda: SILENCE)


@dataclass(frozen=True, slots=True, eq=False)
class GanDistribution:
    """The next frame: what the loop has there."""

    loops: Loops
    state: GanState

    def sample(
        self,
        forced: NDArray[np.uint8],
        is_forced: NDArray[np.bool_],
        sampling: Sampling,
        *,
        seed: int,
        frame_index: int,
        is_later: NDArray[np.bool_] = NONE_LATER,
    ) -> NDArray[np.uint8]:
        """Return the frame; see `livegen.engines.protocol.Distribution`. The seed alone decides, at any frame."""
        frame = np.where(is_forced[:, None], forced, SILENCE)
        if (is_forced | is_later).all():
            return frame
        state, shape = self.state, Shape.of(sampling)
        loop = self.loops.loop(state.plan, shape, seed)
        steps = range(state.first, state.last + 1)
        for voice in np.flatnonzero(~(is_forced | is_later)).tolist():
            struck = [step for step in steps if loop.attacks[step % len(loop.steps), voice]]
            step = (struck[-1] if struck else state.last) % len(loop.steps)
            frame[voice] = loop.steps[step, voice]
            if voice in PITCHED and frame[voice, 0] > 0:
                is_beside = is_forced & (sampling.harmony >= _LEAST_HARMONY)
                frame[voice, 0] = self._fitting(frame, is_beside, voice, shape, sampling, is_struck=bool(struck))
        return frame

    def _fitting(
        self,
        frame: NDArray[np.uint8],
        is_forced: NDArray[np.bool_],
        voice: int,
        shape: Shape,
        sampling: Sampling,
        *,
        is_struck: bool,
    ) -> int:
        """Return a voice's note, in the chord and out of the way of others where it is struck; then it stays."""
        note, before = int(frame[voice, 0]), int(self.state.heard[voice, 0])
        if not is_struck and before > 0 and abs(before - note) <= max(_NEAREST):
            return before
        played = [int(frame[other, 0]) for other in PITCHED if is_forced[other] and frame[other, 0] > 0]
        allowed = sampling.pitch_classes
        if not played and allowed >> note % 12 & 1:
            return note
        drawn = [other for other in PITCHED if other < voice and not is_forced[other]]
        own = [int(frame[other, 0]) for other in drawn if frame[other, 0] > 0]
        near = [
            moved
            for moved in (note + step for step in _NEAREST)
            if shape.lowest[voice] <= moved <= shape.highest[voice] and allowed >> moved % 12 & 1
        ]
        return min(near, key=lambda one: (_clashes(one, played), _clashes(one, own)), default=note)

    def note_log_probs(
        self, voice: Voice, frame: NDArray[np.uint8], is_known: NDArray[np.bool_]
    ) -> NDArray[np.float32]:
        """Return the same for all notes of a voice: which one comes is certain, and known with the seed alone."""
        lowest, highest = NOTE_RANGE[voice]
        found = np.full(NOTE_RANGE[Voice.P1][1] + 1, -np.inf, np.float32)
        found[[0, *range(lowest, highest + 1)]] = -math.log(highest - lowest + 2)
        return found

    def match_lengths(self, frame: NDArray[np.uint8]) -> tuple[int, ...]:
        """Return zeros: it has no motif memory."""
        return (0,) * N_VOICES


@dataclass(frozen=True, eq=False)
class GanEngine:
    """The GAN, ready to play; see `livegen.engines.protocol`. Safe to call from several threads."""

    name: str
    config: GanConfig
    loops: Loops

    @classmethod
    def from_arrays(cls, name: str, config: GanConfig, arrays: Mapping[str, NDArray]) -> Self:
        """Build it from arrays that are named and shaped as ``config.shapes()`` says."""
        return cls(name, config, Loops(config, Generator.from_arrays(config, arrays)))

    @property
    def info(self) -> Info:
        """What it is: a loop is settled as a whole."""
        return Info("gan", self.config.voices, round(PHRASE_BEATS * _PERIOD_FRAMES))

    def initial_state(self) -> GanState:
        """Return the state before a song."""
        return GanState()

    def step(
        self, frame: NDArray[np.uint8], state: GanState, conditions: Conditions = UNCONDITIONED
    ) -> tuple[GanDistribution, GanState]:
        """Hear one frame, ``uint8 (4, 3)``, and return what may follow it, and the state after it."""
        frame = frame.copy()
        frame.flags.writeable = False
        chroma = _chroma_after(state.chroma, frame, conditions)
        after = _moved(replace(state, chroma=chroma, heard=frame), conditions)
        return GanDistribution(self.loops, after), after

    def prepare(self, state: GanState, conditions: Conditions, seed: int, sampling: Sampling) -> None:
        """Make the loop that would follow at the next seam, if it is not made yet; see `MakesAhead`."""
        plan = next_plan(state.plan, Knobs.of(conditions.knobs), _chroma_told(state.chroma))
        self.loops.loop(plan, Shape.of(sampling), seed)

    def warm_up(self) -> None:
        """Compile everything that playing will call."""
        distribution, _ = self.step(SILENCE, self.initial_state())
        distribution.sample(SILENCE, np.zeros(N_VOICES, np.bool_), Sampling(), seed=0, frame_index=0)


def _clashes(note: int, others: list[int]) -> int:
    return sum((note - other) % 12 in CLASHES for other in others)


def _chroma_after(chroma: tuple[float, ...], frame: NDArray[np.uint8], conditions: Conditions) -> tuple[float, ...]:
    """Return what was heard of a performer after one more frame: the notes of the performer's voices, and the keys."""
    performer = conditions.performer
    notes = [int(frame[voice, 0]) for voice in PITCHED if performer.voices[voice] and frame[voice, 0] > 0]
    if not (notes or performer.keys or any(chroma)):
        return chroma
    counts = [_FADE * share for share in chroma]
    for note in (*notes, *performer.keys):
        counts[note % 12] += 1.0
    return tuple(counts) if max(counts) > 1e-3 else (0.0,) * 12


def _chroma_told(chroma: tuple[float, ...]) -> tuple[float, ...]:
    """Return what a plan keeps of what was heard; nothing if nothing was."""
    top = max(chroma)
    return tuple(round(share / top, _ROUNDED) for share in chroma) if top > 0.0 else ()


def _moved(state: GanState, conditions: Conditions) -> GanState:
    """Return the state one frame later: at its place in the loop, or in the next one if a seam was passed."""
    period = conditions.beat.period_frames if conditions.beat else _PERIOD_FRAMES
    if math.isnan(state.at):
        plan = first_plan(Knobs.of(conditions.knobs), _chroma_told(state.chroma))
        at = _snapped(0.0, conditions)
        at += plan.beats if at < -_HALF_STEP else 0.0  # the loop goes round before it begins
        last = _step_at(at)
        return replace(state, plan=plan, at=at, first=last, last=last)
    expected = state.at + 1.0 / period
    at, plan, before = _snapped(expected, conditions), state.plan, state.last
    if _step_at(at) >= plan.beats * STEPS_A_BEAT:
        at -= plan.beats
        plan, before = next_plan(plan, Knobs.of(conditions.knobs), _chroma_told(state.chroma)), -1
        at = at % plan.beats if at >= plan.beats else at
    elif at < -_HALF_STEP:  # the beat went back over the loop's beginning
        at += plan.beats
    elif not plan.chroma and _bar_of(at) != _bar_of(state.at):
        plan = replace(plan, chroma=_chroma_told(state.chroma))  # the first that is heard: its key holds from here on
    last = _step_at(at)
    first = before + 1 if before < last <= before + _MOST_AT_ONCE else last
    return replace(state, plan=plan, at=at, first=first, last=last)


def _step_at(at: float) -> int:
    return math.floor(at * STEPS_A_BEAT + 0.5)


def _bar_of(at: float) -> int:
    return math.floor((at + _HALF_STEP) / BAR_BEATS)


def _snapped(expected: float, conditions: Conditions) -> float:
    """Return the place nearest to an expected one that is on the beat, and on the bar if that has four beats."""
    beat, bar = conditions.beat, conditions.bar
    if beat is None:
        return expected
    if bar is not None and round(bar.period_frames / beat.period_frames, 1) == BAR_BEATS:
        return _nearest(expected, BAR_BEATS * bar.after(1).phase, BAR_BEATS)
    return _nearest(expected, beat.after(1).phase, 1.0)


def _nearest(expected: float, phase: float, modulus: float) -> float:
    """Return the number nearest to an expected one that has a phase in a modulus."""
    return expected + (phase - expected + 0.5 * modulus) % modulus - 0.5 * modulus
