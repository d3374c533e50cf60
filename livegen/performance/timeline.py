"""The timeline: the frames that were played and those that are planned, each with the engine's snapshot.

A `Step` keeps what the engine knew before its frame, so that any frame that is still remembered can be
restored and planned anew. Everything is a value: planning again makes a new timeline that shares its past.

Frame numbers always count up, because what was played was heard. The song as the engine knows it may leap: back a
few bars, to a stored place, to a new beginning. So the steps of a `Timeline` are in the order of the frames; a `Place`
has the steps that led to it in the order of the song.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.controls import Value
from livegen.engines.ensemble import kept, told_to
from livegen.engines.protocol import (
    NO_KNOBS,
    UNCONDITIONED,
    Conditions,
    Conducts,
    Distribution,
    Engine,
    MakesAhead,
    Sampling,
    State,
)
from livegen.engines.tonality import Key
from livegen.performance.form import HEARD_FRAMES, LOOP_FRAMES, NO_FORM, REPEATED_SHARE, Form, next_form
from livegen.score import N_COLUMNS, N_VOICES, SILENCE
from livegen.score_table import PlannedFrame

HISTORY_FRAMES: Final = 1024
"""Number of frames that are remembered with their snapshots, 43 seconds: over eight bars at 60 beats a minute."""

NO_OFFSET: Final[NDArray[np.float64]] = np.zeros(N_VOICES)
NO_OFFSET.flags.writeable = False

_NOTHING: Final = np.zeros((0, N_VOICES, N_COLUMNS), np.uint8)


@dataclass(frozen=True, slots=True)
class Context:
    """What an engine knows before a frame.

    Attributes
    ----------
    engine : Engine
        The engine that knows it, and goes on from it.
    distribution : Distribution
        What the engine expects of that frame.
    state : State
        The engine's snapshot.
    form : Form
        What is planned for the frame; its times are in frames of the song.
    told : Conditions
        What the engine was told, with beat and bar in the frame before. The controls of all kinds of engines are among
        it, by their full names.
    n_frames : int
        How many frames of the song it has heard.
    heard : ndarray of uint8, shape (n, 4, 3)
        The last frames that it has heard, `LOOP_FRAMES` at most.
    conductor : Conducts or None
        Who tells the chord where a model's is asked for.
    ear : State
        What the conductor remembers.
    """

    engine: Engine
    distribution: Distribution
    state: State
    form: Form = NO_FORM
    told: Conditions = UNCONDITIONED
    n_frames: int = 0
    heard: NDArray[np.uint8] = field(default_factory=lambda: _NOTHING)
    conductor: Conducts | None = None
    ear: State = None

    @property
    def chord(self) -> Key | None:
        """The conductor's chord in that frame."""
        return None if self.conductor is None else self.conductor.chord(self.ear)

    def after(self, frame: NDArray[np.uint8], form: Form = NO_FORM, told: Conditions = UNCONDITIONED) -> "Context":
        """Return the context of the next frame, after `frame`, uint8 (4, 3), was played.

        `told` has beat and bar with their phases in that frame. Where it has no plan, the form's lag is the plan.
        """
        told = replace(told, plan=told.plan or form.lag)
        distribution, state = self.engine.step(frame, self.state, told_to(self.engine, told))
        ear = None if self.conductor is None else self.conductor.hear(frame, self.ear, told)
        heard = self.heard_with(frame)
        return Context(self.engine, distribution, state, form, told, self.n_frames + 1, heard, self.conductor, ear)

    def prepare(self, seed: int, sampling: Sampling) -> None:
        """Let the engine make ahead what it will need after this; from any thread."""
        if isinstance(self.engine, MakesAhead):
            self.engine.prepare(self.state, told_to(self.engine, self.told), seed, sampling)

    def keeping(self, playing: "Context") -> "Context":
        """Return the context with what those of its models know that play already, at the same place of the song."""
        known = kept(self.engine, self.distribution, self.state, (playing.engine, playing.distribution, playing.state))
        return replace(self, distribution=known[0], state=known[1])

    def heard_with(self, frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the last frames that are heard, with `frame`, uint8 (4, 3), added."""
        return np.concatenate([self.heard[1 - LOOP_FRAMES :], frame[None]])


def first_context(engine: Engine, knobs: Mapping[str, Value] = NO_KNOBS, conductor: Conducts | None = None) -> Context:
    """Return the context of a song's first frame, with the controls of all kinds of engines by their full names."""
    told, ear = Conditions(knobs=knobs), None if conductor is None else conductor.first_ear()
    distribution, state = engine.step(SILENCE, engine.initial_state(), told_to(engine, told))
    return Context(engine, distribution, state, told=told, conductor=conductor, ear=ear)


@dataclass(frozen=True, slots=True)
class Step:
    """One frame and what came before it.

    Attributes
    ----------
    planned : PlannedFrame
        The frame as it was played or is planned.
    heard : ndarray of uint8, shape (4, 3)
        The frame as the engine hears it: with the voices that it draws inaudibly, while it listens.
    context : Context
        What the engine knew before it.
    is_fed : bool
        Whether the engine is to hear the frame; false while the model is stopped.
    waiting : ndarray of uint8, shape (4, 3)
        What voices are to play in a later frame because they could not in this one; silence if nothing waits.
    """

    planned: PlannedFrame
    heard: NDArray[np.uint8]
    context: Context
    is_fed: bool
    waiting: NDArray[np.uint8] = field(default_factory=lambda: SILENCE)

    def next_context(self, form: Form, told: Conditions) -> Context:
        """Return the context of the frame that follows, once the engine has heard this one."""
        return self.context.after(self.heard, form, replace(told, memory=0.0) if form.is_fresh else told)


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a song.

    Attributes
    ----------
    context : Context
        What the engine knows there.
    past : tuple of Step
        What it has heard before, the oldest first, as far as it is remembered.
    """

    context: Context
    past: tuple[Step, ...] = ()

    def back(self, n_frames: int) -> "Place":
        """Return the place `n_frames` earlier in the song, or as far back as is remembered."""
        n_frames = min(n_frames, len(self.past))
        return Place(self.past[-n_frames].context, self.past[:-n_frames]) if n_frames > 0 else self

    def told(self, told: Conditions) -> "Place":
        """Return the place with the engine told something else there; see `Timeline.next_context`."""
        if not self.past:
            return self
        return replace(self, context=self.past[-1].next_context(self.context.form, told))

    def trimmed(self) -> "Place":
        """Return the place with only as much of its past as is needed to play on from it: for keeping it long."""
        return Place(self.context, self.past[-HEARD_FRAMES:])


@dataclass(frozen=True, slots=True)
class Timeline:
    """Consecutive frames, the oldest remembered first.

    Attributes
    ----------
    tail : Context or None
        What the engine knows before the frame that comes next; None if it is not worked out yet.
    end : int
        Index of the frame that comes next.
    steps : tuple of Step
    leaps : tuple of (int, Place)
        Where the song did not go on from the frame before: the frame of the leap, and the place it leapt to.
    """

    tail: Context | None
    end: int = 0
    steps: tuple[Step, ...] = ()
    leaps: tuple[tuple[int, Place], ...] = ()

    @property
    def start(self) -> int:
        """Index of the oldest frame that is remembered."""
        return self.end - len(self.steps)

    def at(self, frame_index: int) -> Step:
        """Return a remembered step."""
        return self.steps[frame_index - self.start]

    def since(self, frame_index: int) -> tuple[Step, ...]:
        """Return the steps from a frame on."""
        return self.steps[max(frame_index - self.start, 0) :]

    def past(self, n_frames: int = HISTORY_FRAMES) -> tuple[Step, ...]:
        """Return the last frames of the song that the engine has heard, `n_frames` at most, the oldest first."""
        if not self.leaps and len(self.steps) >= n_frames and all(step.is_fed for step in self.steps[-n_frames:]):
            return self.steps[-n_frames:]  # the usual case, which needs no search
        return tuple(islice(self._backwards(), n_frames))[::-1]

    def _backwards(self) -> Iterator[Step]:
        at, place = next((leap for leap in reversed(self.leaps) if leap[0] <= self.end), (self.start, None))
        before = place.past if place is not None else ()
        return (step for step in chain(reversed(self.since(at)), reversed(before)) if step.is_fed)

    def cut(self, frame_index: int) -> "Timeline":
        """Forget a frame and all after it: the engine is back where it was before that frame."""
        if frame_index >= self.end:
            return self
        at = max(frame_index - self.start, 0)
        return Timeline(self.steps[at].context, self.start + at, self.steps[:at], self.leaps)

    def leap(self, place: Place) -> "Timeline":
        """Return the timeline with the song at another place from the next frame on."""
        leaps = tuple(leap for leap in self.leaps if leap[0] < self.end)
        return Timeline(place.context, self.end, self.steps, (*leaps, (self.end, place)))

    def next_context(
        self,
        *,
        seed: int = 0,
        told: Conditions = UNCONDITIONED,
    ) -> Context:
        """Return what the engine knows before the frame that comes next.

        Parameters
        ----------
        seed : int
            Seed of the form's draws.
        told : Conditions
            What the engine is told, with beat and bar in the last frame. Without a plan the form's lag is the plan, and
            where the form begins something new there is no memory.
        """
        if self.tail is not None:
            return self.tail
        for at, place in self.leaps:
            if at == self.end:
                return place.context
        last = self.steps[-1]
        if not last.is_fed:
            return last.context
        n_frames = last.context.n_frames + 1
        if n_frames >= last.context.form.until:  # a section begins
            heard = np.array([step.heard for step in self.past(HEARD_FRAMES)])
        else:
            heard = last.context.heard_with(last.heard)
        share = REPEATED_SHARE * told.memory
        form = next_form(last.context.form, n_frames, heard, seed=seed, share=share, beat=told.beat, bar=told.bar)
        return last.next_context(form, told)

    def append(self, step: Step) -> "Timeline":
        """Return the timeline with one frame more; the oldest is forgotten if there are more than `HISTORY_FRAMES`."""
        steps = (*self.steps[1 - HISTORY_FRAMES :], step)
        leaps = self.leaps
        if leaps and leaps[0][0] < self.end + 1 - len(steps):
            leaps = leaps[1:]
        return Timeline(None, self.end + 1, steps, leaps)
