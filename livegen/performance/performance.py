"""The core of a session, single-threaded and pure: events in, frames of the score out.

`advance` is the one function that decides what is played. The live session, the offline renderer and a replay all
drive it; given the same events in the same frames it makes the same music.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from livegen.controls import CONTROLS, Values, with_value
from livegen.engines.ensemble import cast_of, models_of
from livegen.engines.protocol import Conducts, Engine
from livegen.events import SetControl, StampedEvent
from livegen.performance.draft import Draft
from livegen.performance.keyboard import handle
from livegen.performance.planning import is_retimed, next_context, part_of, replay
from livegen.performance.shaping import knobs_of, sampling_of
from livegen.performance.state import Message, Notation, State, switched
from livegen.performance.tempo import Tempo
from livegen.performance.timeline import NO_OFFSET, Step, Timeline, first_context
from livegen.score import N_VOICES, SILENCE
from livegen.score_table import OFF, PlannedFrame

_NOBODY: Final[NDArray[np.uint8]] = np.full(N_VOICES, OFF, np.uint8)


class Call(NamedTuple):
    """The arguments of a call of `advance`, without the state and the events."""

    to_frame: int
    plan_to: int | None = None

    @classmethod
    def of(cls, to_frame: int, n_frames: int | None) -> "Call":
        """Return the call that plans so many frames, or with None as many as ``lookahead`` says."""
        return cls(to_frame, None if n_frames is None else to_frame + n_frames)


def begin(
    engine: Engine,
    values: Values,
    *,
    seed: int,
    notation: Notation | None = None,
    notations: Mapping[str, Notation] | None = None,
    conductor: Conducts | None = None,
) -> State:
    """Return a performance before its first frame.

    Parameters
    ----------
    engine : Engine
    values : Values
        Controls in force from the start.
    seed : int
    notation : Notation, optional
        How the score writes what the performer plays.
    notations : mapping of str to Notation, optional
        The notations that may take over, by the names of their patches.
    conductor : Conducts, optional
        Who tells the chord where a model's is asked for.
    """
    timeline, tempo = Timeline(first_context(engine, knobs_of(values), conductor)), Tempo.at_start(values, seed)
    return State(
        engine,
        timeline,
        values,
        seed,
        notation or Notation(),
        tempo=tempo,
        notations=notations or {},
        models=models_of(engine),
        cast=cast_of(engine),
        conductor=conductor,
    )


def advance(
    state: State, to_frame: int, events: Sequence[StampedEvent] = (), *, plan_to: int | None = None
) -> tuple[State, list[PlannedFrame], list[Message]]:
    """Let the frames before `to_frame` stand, apply events, and plan on.

    A frame that stands is over: the model's voices in it are kept as they sounded. A player's note belongs to the frame
    in which it falls, even if that one stands. From `to_frame` on, all is planned on what was really played. A frame
    that should stand but was never planned holds the one before it.

    Parameters
    ----------
    state : State
    to_frame : int
        The commit horizon: the first frame that may still change. It never moves back.
    events : sequence of StampedEvent
        In the order in which they came.
    plan_to : int, optional
        Frame to stop planning at; by default `to_frame` plus the control ``lookahead``. What is planned beyond it
        and still holds is kept.

    Returns
    -------
    State
    list of PlannedFrame
        Frames from the horizon on that are new or were planned anew, nearest first.
    list of Message
        Controls that took effect, and what was refused.
    """
    state = _hold_to(replace(state, horizon=max(to_frame, state.horizon)))
    before, draft = state.timeline, Draft(state)
    for event in events:
        draft.apply(event)
    draft.keep_time()
    draft.void_drifted()
    n_planned = before.end
    state = draft.state
    wanted = state.horizon + int(state.values["lookahead"]) if plan_to is None else plan_to
    if draft.first_void >= n_planned:
        wanted = max(wanted, n_planned)
    timeline = draft.replan(max(wanted, state.horizon))
    if plan_to is None:  # with a `plan_to`, the frames that are due first do not wait for the change of models
        timeline = draft.change_ears(timeline)
        state = draft.state
    first_new = min(draft.first_void, n_planned)
    changed = [
        step.planned
        for step in timeline.since(state.horizon)
        if step.planned.frame_index >= first_new or is_retimed(before, step.planned)
    ]
    return replace(state, timeline=timeline), changed, draft.messages


def prepare(state: State) -> None:
    """Let the engine make ahead what it will need beyond the plan. It changes nothing; any thread may call it."""
    if state.timeline.steps:
        state.timeline.steps[-1].context.prepare(state.seed, sampling_of(state.values))


def follow(state: State, events: Sequence[StampedEvent]) -> State:
    """Apply what events did to keys and controls, and plan nothing: for the case that `advance` raised.

    The score does not get the events' notes. But no key that came up hangs, a stopped model stays stopped, score and
    sound have the same patch, and a loop that was let go ends. A model that was to take over does not take over: it may
    be the one that raised.
    """
    for stamped in events:
        event = stamped.event
        if isinstance(event, SetControl) and not CONTROLS[event.name].is_action:
            state = replace(state, values=with_value(state.values, event.name, event.value))
            if event.name == "hold":  # the old loop is over, and for a new one the engine has not heard the frames
                state = replace(state, machine=replace(state.machine, loop=None))
        elif isinstance(event, SetControl) and event.value:
            state = switched(state, event.name, event.value)
        keyboard = handle(state.keyboard, event, stamped.source, state.values, state.notation.drum_notes)
        state = replace(state, keyboard=keyboard)
    steps = state.timeline.steps
    return replace(state.with_engine(steps[-1].context.engine), ears=None) if steps else state


def _hold_to(state: State) -> State:
    """Fill the frames before the horizon that were never planned with what sounded there: the frame before, held."""
    timeline = state.timeline
    if timeline.end >= state.horizon:
        return state
    while timeline.end < state.horizon:
        before = timeline.steps[-1].planned if timeline.steps else PlannedFrame(0, SILENCE, _NOBODY, NO_OFFSET)
        before = replace(before, frame_index=timeline.end)
        part = part_of(state, timeline.end)
        held = Step(before, before.frame, next_context(state, timeline, part.performer), state.is_running)
        timeline = timeline.append(replay(held, part, timeline, held.context))
    return replace(state, timeline=timeline)
