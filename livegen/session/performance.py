"""The core of a session, single-threaded and pure: events in, frames of the score out.

`advance` is the one function that decides what is played. The live session, the offline renderer and a replay all
drive it; given the same events in the same frames it makes the same music.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from livegen.controls import CONTROLS, VOICE_PREFIX, Value, Values, with_value
from livegen.events import SetControl, StampedEvent
from livegen.predictor.predictor import Predictor
from livegen.score import DRUM_NOTES, N_COLUMNS, N_VOICES, SILENCE, VOLUME_MAX, Voice
from livegen.score_table import MODEL, OFF, PLAYER, PlannedFrame
from livegen.session.keyboard import HeldKey, Keyboard, handle
from livegen.session.shaping import sampling_of
from livegen.session.timeline import NO_OFFSET, Context, Step, Timeline, first_context

_NOBODY: Final[NDArray[np.uint8]] = np.full(N_VOICES, OFF, np.uint8)
_OWNER: Final = {"player": PLAYER, "model": MODEL, "off": OFF}


@dataclass(frozen=True, slots=True)
class ControlInForce:
    """A control took effect: what a session tells whoever watches its controls."""

    name: str
    value: Value
    source: str


class Call(NamedTuple):
    """How `advance` was called, apart from the events: its frames."""

    to_frame: int
    plan_to: int | None = None


@dataclass(frozen=True, slots=True)
class Tapped:
    """The keys that went down inside the frame in which the last event fell, by voice."""

    frame_index: int = -2
    keys: tuple[HeldKey | None, ...] = (None,) * N_VOICES


@dataclass(frozen=True, slots=True)
class State:
    """All that a performance is, at one moment.

    Attributes
    ----------
    predictor : Predictor
    timeline : Timeline
        What was played and what is planned.
    horizon : int
        The first frame that may still change: all before it stand.
    values : Values
        The controls in force.
    keyboard : Keyboard
    tapped : Tapped
    timbres : tuple of int
        Timbre with which the score writes the player's notes, by voice.
    drum_notes : mapping of int to int
        Noise note with which the score writes the player's drums, by MIDI key.
    seed : int
        Of all draws.
    is_running : bool
        False between stop, or panic, and start: the model is silent and hears nothing.
    """

    predictor: Predictor
    timeline: Timeline
    values: Values
    seed: int
    timbres: tuple[int, ...] = (0,) * N_VOICES
    drum_notes: Mapping[int, int] = field(default_factory=lambda: DRUM_NOTES)
    horizon: int = 0
    keyboard: Keyboard = field(default_factory=Keyboard)
    tapped: Tapped = field(default_factory=Tapped)
    is_running: bool = True


def begin(
    predictor: Predictor,
    values: Values,
    *,
    seed: int,
    timbres: tuple[int, ...] = (0,) * N_VOICES,
    drum_notes: Mapping[int, int] = DRUM_NOTES,
) -> State:
    """Return a performance before its first frame.

    Parameters
    ----------
    predictor : Predictor
    values : Values
        Controls in force from the start.
    seed : int
    timbres : tuple of int
        Timbre of the player's notes in the score, by voice.
    drum_notes : mapping of int to int
        Noise note of the player's drums in the score, by MIDI key.
    """
    return State(predictor, Timeline(first_context(predictor)), values, seed, timbres, drum_notes)


def advance(
    state: State, to_frame: int, events: Sequence[StampedEvent] = (), *, plan_to: int | None = None
) -> tuple[State, list[PlannedFrame], list[ControlInForce]]:
    """Let the frames before `to_frame` stand, apply events, and plan on.

    A player's note belongs to the frame in which it falls, whether that stands or not; the model's voices in a frame
    that stands are kept as they sounded. From `to_frame` on, all is planned on what was really played. A frame that
    should stand but was never planned holds the one before it.

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
    list of ControlInForce
        Controls that took effect.
    """
    state = _hold_to(replace(state, horizon=max(to_frame, state.horizon)))
    draft = _Draft(state)
    for event in events:
        draft.apply(event)
    n_planned = state.timeline.end
    state = draft.state
    wanted = state.horizon + int(state.values["lookahead"]) if plan_to is None else plan_to
    if draft.first_void >= n_planned:
        wanted = max(wanted, n_planned)
    timeline = draft.replan(max(wanted, state.horizon))
    changed = timeline.since(max(min(draft.first_void, n_planned), state.horizon))
    return replace(state, timeline=timeline), [step.planned for step in changed], draft.messages


def follow(state: State, events: Sequence[StampedEvent]) -> State:
    """Take over what events did to keys and controls, and plan nothing: what is left to do where `advance` raised.

    The events are lost to the score, but no key that came up hangs in it, and a model that was stopped stays so.
    """
    for stamped in events:
        event = stamped.event
        if isinstance(event, SetControl) and not CONTROLS[event.name].is_action:
            state = replace(state, values=with_value(state.values, event.name, event.value))
        elif isinstance(event, SetControl) and event.value and event.name in ("start", "stop", "panic"):
            state = replace(state, is_running=event.name == "start")
        keyboard = handle(state.keyboard, event, stamped.source, state.values, state.drum_notes)
        state = replace(state, keyboard=keyboard)
    return state


def _hold_to(state: State) -> State:
    """Fill what was never planned before the horizon with what sounded instead: the frame before."""
    timeline = state.timeline
    while timeline.end < state.horizon:
        before = timeline.steps[-1].planned if timeline.steps else PlannedFrame(0, SILENCE, _NOBODY, NO_OFFSET)
        held = Step(replace(before, frame_index=timeline.end), _next_context(state, timeline), state.is_running)
        timeline = timeline.append(_replay(held, _part(state, timeline.end), held.context))
    return replace(state, timeline=timeline)


@dataclass(frozen=True, slots=True)
class _Part:
    """What of a frame is settled before the model draws: owners of the voices, and the player's notes."""

    owner: NDArray[np.uint8]
    frame: NDArray[np.uint8]


def _part(state: State, frame_index: int) -> _Part:
    owner = np.zeros(N_VOICES, np.uint8)
    frame = np.zeros((N_VOICES, N_COLUMNS), np.uint8)
    for voice in Voice:
        role = _OWNER[str(state.values[VOICE_PREFIX[voice] + "role"])]
        owner[voice] = MODEL if role == PLAYER and not state.keyboard.is_touched(voice) else role
        tap = state.tapped.keys[voice] if state.tapped.frame_index == frame_index else None
        key = state.keyboard.sounding(voice) if tap is None else tap
        if owner[voice] == PLAYER and key is not None:
            frame[voice] = key.note, min(key.volume, VOLUME_MAX[voice]), state.timbres[voice]
    return _Part(owner, frame)


class _Draft:
    """A state while its events are applied, and the player's part in each frame that they touch."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.messages: list[ControlInForce] = []
        self.first_void = state.timeline.end
        self._parts = {state.timeline.start: _part(state, -1)}  # the part in force from a frame on
        self._note_part(state.tapped.frame_index)
        self._is_reset = False

    def apply(self, stamped: StampedEvent) -> None:
        frame_index = min(stamped.frame_index, self.state.horizon)  # nobody plays in the future
        frame_index = max(frame_index, self.state.tapped.frame_index, self.state.timeline.start)
        if isinstance(stamped.event, SetControl):
            self._set(stamped.event, stamped.source)
            self._note_part(frame_index)
        state = self.state
        keyboard = handle(state.keyboard, stamped.event, stamped.source, state.values, state.drum_notes)
        if keyboard.is_same_music(state.keyboard):  # a wheel, a pedal: no reason to plan anew
            self.state = replace(state, keyboard=keyboard)
        else:
            self._play(keyboard, frame_index)
            self._note_part(frame_index)
            self._void(frame_index)

    def _set(self, event: SetControl, source: str) -> None:
        self.messages.append(ControlInForce(event.name, event.value, source))
        control = CONTROLS[event.name]
        if not control.is_action:
            self.state = replace(self.state, values=with_value(self.state.values, event.name, event.value))
        elif event.value and event.name == "reset":
            self._is_reset = True
        elif event.value and event.name in ("start", "stop", "panic"):
            self.state = replace(self.state, is_running=event.name == "start")
        if control.voids_plan or control.is_action:
            self._void(self.state.horizon)

    def _play(self, keyboard: Keyboard, frame_index: int) -> None:
        """Take a new keyboard over; a key that goes down in a frame counts there even if it comes up in it."""
        tapped = self.state.tapped if self.state.tapped.frame_index == frame_index else Tapped(frame_index)
        if keyboard.n_pressed > self.state.keyboard.n_pressed:
            pressed = keyboard.held[-1]
            keys = (*tapped.keys[: pressed.voice], pressed, *tapped.keys[pressed.voice + 1 :])
            tapped = Tapped(frame_index, keys)
        self.state = replace(self.state, keyboard=keyboard, tapped=tapped)

    def _note_part(self, frame_index: int) -> None:
        self._parts = {start: part for start, part in self._parts.items() if start < frame_index}
        self._parts[frame_index] = _part(self.state, frame_index)
        self._parts[frame_index + 1] = _part(self.state, -1)

    def _void(self, frame_index: int) -> None:
        self.first_void = min(self.first_void, frame_index)

    def replan(self, end: int) -> Timeline:
        """Return the timeline up to `end`, with all that is void or missing played or planned anew."""
        state = self.state
        stood = {step.planned.frame_index: step for step in state.timeline.since(self.first_void)}
        timeline = state.timeline.cut(self.first_void)
        part = self._parts[max(start for start in self._parts if start <= timeline.end)]
        while timeline.end < end:
            frame_index = timeline.end
            part = self._parts.get(frame_index, part)
            begins_song = self._is_reset and frame_index == state.horizon
            begins_song = begins_song or (frame_index in stood and stood[frame_index].begins_song)
            context = first_context(state.predictor) if begins_song else _next_context(state, timeline)
            if frame_index < state.horizon:
                step = _replay(stood[frame_index], part, context)
            else:
                step = Step(_plan(state, frame_index, part, context), context, state.is_running, begins_song)
            timeline = timeline.append(step)
        return timeline


def _replay(step: Step, part: _Part, context: Context) -> Step:
    """Return a frame that stands, with the player's part as it was really played."""
    was = step.planned
    frame, owner = was.frame.copy(), was.owner.copy()
    for voice in range(N_VOICES):
        if part.owner[voice] == PLAYER or was.owner[voice] == PLAYER:
            frame[voice] = part.frame[voice]
            owner[voice] = part.owner[voice]
    return replace(step, planned=replace(was, frame=frame, owner=owner), context=context)


def _next_context(state: State, timeline: Timeline) -> Context:
    return timeline.next_context(state.predictor, seed=state.seed, memory=float(state.values["memory"]))


def _plan(state: State, frame_index: int, part: _Part, context: Context) -> PlannedFrame:
    frame = part.frame
    if state.is_running:
        is_forced = part.owner != MODEL
        sampling = sampling_of(state.values)
        frame = context.distribution.sample(frame, is_forced, sampling, seed=state.seed, frame_index=frame_index)
    return PlannedFrame(frame_index, frame, part.owner, NO_OFFSET)
