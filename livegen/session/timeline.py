"""The timeline: the frames that were played and those that are planned, each with the predictor's snapshot.

A `Step` keeps what the predictor knew before its frame, so that any frame that is still remembered can be
restored and planned anew. Everything is a value: planning again makes a new timeline that shares its past.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.predictor.beat import Beat
from livegen.predictor.form import HEARD_FRAMES, LOOP_FRAMES, NO_FORM, REPEATED_SHARE, Form, next_form
from livegen.predictor.predictor import Conditions, Distribution, Predictor, State
from livegen.score import N_VOICES, SILENCE
from livegen.score_table import PlannedFrame

HISTORY_FRAMES: Final = 1024
"""Frames that are remembered with their snapshots: over eight bars at 60 beats a minute."""

NO_OFFSET: Final[NDArray[np.float64]] = np.zeros(N_VOICES)
NO_OFFSET.flags.writeable = False


@dataclass(frozen=True, slots=True)
class Context:
    """What the predictor knows before a frame.

    Attributes
    ----------
    distribution : Distribution
        Over that frame.
    state : State
        The predictor's snapshot.
    form : Form
        What is planned for the frame.
    beat : Beat or None
        What the predictor was told of the beat, with its phase in the frame before.
    """

    distribution: Distribution
    state: State
    form: Form = NO_FORM
    beat: Beat | None = None

    def after(
        self,
        predictor: Predictor,
        frame: NDArray[np.uint8],
        form: Form = NO_FORM,
        memory: float = 1.0,
        beat: Beat | None = None,
    ) -> "Context":
        """Return the context of the next frame, once `frame`, uint8 (4, 3), was played with the beat's phase there."""
        conditions = Conditions(beat=beat, memory=memory, plan=form.lag)
        return Context(*predictor.step(frame, self.state, conditions), form, beat)


def first_context(predictor: Predictor) -> Context:
    """Return the context of a song's first frame."""
    return Context(*predictor.step(SILENCE, predictor.initial_state()))


@dataclass(frozen=True, slots=True)
class Step:
    """One frame and what came before it.

    Attributes
    ----------
    planned : PlannedFrame
        The frame as it was played or is planned.
    context : Context
        What the predictor knew before it.
    is_fed : bool
        Whether the predictor is to hear the frame; false while the model is stopped.
    begins_song : bool
        Whether the predictor has forgotten all before it.
    """

    planned: PlannedFrame
    context: Context
    is_fed: bool
    begins_song: bool = False


@dataclass(frozen=True, slots=True)
class Timeline:
    """Consecutive frames, the oldest remembered first.

    Attributes
    ----------
    tail : Context or None
        What the predictor knows before the frame that comes next, where that is known already.
    end : int
        Index of the frame that comes next.
    steps : tuple of Step
    """

    tail: Context | None
    end: int = 0
    steps: tuple[Step, ...] = ()

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

    def cut(self, frame_index: int) -> "Timeline":
        """Forget a frame and all after it: the predictor is back where it was before that frame."""
        if frame_index >= self.end:
            return self
        at = max(frame_index - self.start, 0)
        return Timeline(self.steps[at].context, self.start + at, self.steps[:at])

    def next_context(
        self, predictor: Predictor, *, seed: int = 0, memory: float = 1.0, beat: Beat | None = None
    ) -> Context:
        """Return what the predictor knows before the frame that comes next.

        Parameters
        ----------
        predictor : Predictor
        seed : int
            That of the form.
        memory : float
            The control of that name.
        beat : Beat, optional
            With its phase in the last frame.
        """
        if self.tail is not None:
            return self.tail
        last = self.steps[-1]
        if not last.is_fed:
            return last.context
        n_heard = HEARD_FRAMES if self.end >= last.context.form.until else LOOP_FRAMES
        heard = np.array([step.planned.frame for step in self.steps[-n_heard:]])
        form = next_form(last.context.form, self.end, heard, seed=seed, share=REPEATED_SHARE * memory, beat=beat)
        return last.context.after(predictor, last.planned.frame, form, 0.0 if form.is_fresh else memory, beat)

    def append(self, step: Step) -> "Timeline":
        """Return the timeline with one frame more; the oldest beyond `HISTORY_FRAMES` is forgotten."""
        return Timeline(None, self.end + 1, (*self.steps[1 - HISTORY_FRAMES :], step))
