"""The core of a session, single-threaded and pure: events in, frames of the score out.

`advance` is the one function that decides what is played. The live session, the offline renderer and a replay all
drive it; given the same events in the same frames it makes the same music.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.controls import CONTROLS, Value, Values, with_value
from livegen.events import SetControl, StampedEvent, Start
from livegen.predictor.beat import Beat
from livegen.predictor.predictor import Predictor
from livegen.predictor.sampling import uniform
from livegen.score import DRUM_NOTES, N_COLUMNS, N_VOICES, SILENCE, VOLUME_MAX, Column, Voice
from livegen.score_table import MODEL, OFF, PLAYER, PlannedFrame
from livegen.session.keyboard import HeldKey, Keyboard, handle
from livegen.session.modes import Playing, owners
from livegen.session.shaping import sampling_of
from livegen.session.tempo import Tempo
from livegen.session.time_machine import Change, Moment, Move, TimeMachine, leap, loop_of, recall, store, undo
from livegen.session.timeline import NO_OFFSET, Context, Place, Step, Timeline, first_context

_DRIFT_FRAMES: Final = 0.25
_DRIFT: Final = 0.03
"""By how much a beat may move, in time and as a share of its period, before frames are planned anew."""

_MOVES: Final = frozenset({"rewind", "rewind_frames", "reset", "store", "recall", "undo"})

_NOBODY: Final[NDArray[np.uint8]] = np.full(N_VOICES, OFF, np.uint8)


@dataclass(frozen=True, slots=True)
class ControlInForce:
    """A control took effect: what a session tells whoever watches its controls.

    Attributes
    ----------
    name : str
    value : Value
    source : str
        Who set it.
    is_consequence : bool
        Nobody set this one itself: it came with an undo or a recall, and the sound does not know of it yet.
    """

    name: str
    value: Value
    source: str
    is_consequence: bool = False


@dataclass(frozen=True, slots=True)
class Refused:
    """What was asked for could not be done: one sentence says why, for the performer."""

    name: str
    reason: str
    source: str


Message = ControlInForce | Refused


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
    tempo : Tempo
    timbres : tuple of int
        Timbre with which the score writes the player's notes, by voice.
    drum_notes : mapping of int to int
        Noise note with which the score writes the player's drums, by MIDI key.
    seed : int
        Of all draws.
    is_running : bool
        False between stop, or panic, and start: the model is silent and hears nothing.
    playing : Playing
        When the player has played: what the modes go by.
    machine : TimeMachine
        What can be gone back to.
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
    tempo: Tempo = field(default_factory=Tempo)
    is_running: bool = True
    playing: Playing = field(default_factory=Playing)
    machine: TimeMachine = field(default_factory=TimeMachine)


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
    timeline, tempo = Timeline(first_context(predictor)), Tempo.at_start(values)
    return State(predictor, timeline, values, seed, timbres, drum_notes, tempo=tempo)


def advance(
    state: State, to_frame: int, events: Sequence[StampedEvent] = (), *, plan_to: int | None = None
) -> tuple[State, list[PlannedFrame], list[Message]]:
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
    list of Message
        Controls that took effect, and what was refused.
    """
    state = _hold_to(replace(state, horizon=max(to_frame, state.horizon)))
    draft = _Draft(state)
    for event in events:
        draft.apply(event)
    draft.void_drifted()
    n_planned = state.timeline.end
    state = draft.state
    wanted = state.horizon + int(state.values["lookahead"]) if plan_to is None else plan_to
    if draft.first_void >= n_planned:
        wanted = max(wanted, n_planned)
    timeline = draft.replan(max(wanted, state.horizon))
    changed = timeline.since(max(min(draft.first_void, n_planned), state.horizon))
    return replace(state, timeline=timeline), [step.planned for step in changed], draft.messages


def _hold_to(state: State) -> State:
    """Fill what was never planned before the horizon with what sounded instead: the frame before."""
    timeline = state.timeline
    while timeline.end < state.horizon:
        before = timeline.steps[-1].planned if timeline.steps else PlannedFrame(0, SILENCE, _NOBODY, NO_OFFSET)
        before = replace(before, frame_index=timeline.end)
        held = Step(before, before.frame, _next_context(state, timeline), state.is_running)
        timeline = timeline.append(_replay(held, _part(state, timeline.end), timeline, held.context))
    return replace(state, timeline=timeline)


@dataclass(frozen=True, slots=True)
class _Part:
    """What of a frame is settled before the model draws.

    Attributes
    ----------
    owner : ndarray of uint8, shape (4,)
    rests : ndarray of bool, shape (4,)
        Which voices the model only thinks, while it listens.
    frame : ndarray of uint8, shape (4, 3)
        The player's notes.
    """

    owner: NDArray[np.uint8]
    rests: NDArray[np.bool_]
    frame: NDArray[np.uint8]


def _part(state: State, frame_index: int) -> _Part:
    """Return the part of a frame that is settled, as `state` has it: that of the time at which the frame was played."""
    keys = [state.keyboard.sounding(voice) for voice in Voice]
    if state.tapped.frame_index == frame_index:
        keys = [tap or key for tap, key in zip(state.tapped.keys, keys, strict=True)]
    owner, rests = owners(state.values, state.keyboard, keys, state.playing, state.tempo, frame_index)
    frame = np.zeros((N_VOICES, N_COLUMNS), np.uint8)
    for voice, key in zip(Voice, keys, strict=True):
        if owner[voice] == PLAYER and key is not None:
            frame[voice] = key.note, min(key.volume, VOLUME_MAX[voice]), state.timbres[voice]
    return _Part(owner, rests, frame)


class _Draft:
    """A state while its events are applied, and who played what in each frame that they touch."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.messages: list[Message] = []
        self.first_void = state.timeline.end
        self._in_force = {state.timeline.start: state}  # from a frame on

    def apply(self, stamped: StampedEvent) -> None:
        frame_index = min(stamped.frame_index, self.state.horizon)  # nobody plays in the future
        frame_index = max(frame_index, self.state.tapped.frame_index, self.state.timeline.start)
        event = stamped.event
        if isinstance(event, Start):  # bars count from here
            self.state = replace(self.state, playing=replace(self.state.playing, first_bar=0))
        if isinstance(event, SetControl) and CONTROLS[event.name].is_action:
            self._act(event, stamped.source)
        elif isinstance(event, SetControl):
            self._set(event, stamped.source)
        self._hear(stamped, frame_index)

    def _hear(self, stamped: StampedEvent, frame_index: int) -> None:
        """Let tempo and keyboard follow an event; a wheel or a pedal is not in the score, and no reason to plan anew."""
        state = self.state = replace(self.state, tempo=self.state.tempo.hear(stamped, self.state.values))
        keyboard = handle(state.keyboard, stamped.event, stamped.source, state.values, state.drum_notes)
        if keyboard.is_same_music(state.keyboard):
            self.state = replace(state, keyboard=keyboard)
        else:
            self._play(keyboard, frame_index)
            self._void(frame_index)
        self._take_force(frame_index)

    def _play(self, keyboard: Keyboard, frame_index: int) -> None:
        """Take a new keyboard over; a key that goes down in a frame counts there even if it comes up in it."""
        state = self.state
        tapped = state.tapped if state.tapped.frame_index == frame_index else Tapped(frame_index)
        if keyboard.n_pressed > state.keyboard.n_pressed:
            pressed = keyboard.held[-1]
            keys = (*tapped.keys[: pressed.voice], pressed, *tapped.keys[pressed.voice + 1 :])
            tapped = Tapped(frame_index, keys)
        playing = state.playing.after_keys(state.keyboard, keyboard, frame_index, state.values, state.tempo)
        self.state = replace(state, keyboard=keyboard, tapped=tapped, playing=playing)

    def _set(self, event: SetControl, source: str) -> None:
        self.messages.append(ControlInForce(event.name, event.value, source))
        state = self.state
        if state.values[event.name] != event.value:
            change = Change(event.name, Moment(state.horizon, None, state.values))
            self.state = replace(state, machine=state.machine.with_change(change))
        self._put(event.name, event.value)

    def _put(self, name: str, value: Value) -> None:
        """Put a value in force, and what goes by it."""
        state, values = self.state, with_value(self.state.values, name, value)
        playing = state.playing.after_control(name, state.values, values, state.horizon, state.tempo)
        self.state = replace(state, values=values, playing=playing)
        if value != state.values[name] and (name == "hold" or (name == "hold_beats" and values["hold"])):
            self._hold()
        if CONTROLS[name].voids_plan:
            self._void(state.horizon)

    def _hold(self) -> None:
        self._settle()
        state, loop = self.state, None
        if state.values["hold"]:
            length = float(state.values["hold_beats"]) * state.tempo.period_frames
            loop = loop_of(state.timeline.steps, state.horizon, length)
        self.state = replace(state, machine=replace(state.machine, loop=loop))

    def _act(self, event: SetControl, source: str) -> None:
        name, value = event.name, event.value
        if CONTROLS[name].kind == "trigger" and not value:
            return
        if name in ("start", "stop", "panic"):
            self.state = replace(self.state, is_running=name == "start")
            self._void(self.state.horizon)
        elif name == "reroll":
            self.state = replace(self.state, seed=_next_seed(self.state.seed))
            self._void(self.state.horizon)
        elif name in _MOVES:
            move = self._move(name, value)
            if move.refusal:
                self.messages.append(Refused(name, move.refusal, source))
                return
            self._go(move, source)
        self.messages.append(ControlInForce(name, value, source))

    def _move(self, name: str, value: Value) -> Move:
        """Return what a move in time comes to, once all that was played has been heard."""
        self._settle()
        state = self.state
        place = Place(_next_context(state, state.timeline), state.timeline.past())
        now = Moment(state.horizon, place, state.values)
        if name == "undo":
            return undo(state.machine)
        if name == "store":
            return store(state.machine, str(value), now)
        if name == "recall":
            return recall(state.machine, str(value), now)
        if name == "reset":
            return leap(state.machine, name, Place(first_context(state.predictor)), now)
        n_frames = int(value) if name == "rewind_frames" else round(float(value) * state.tempo.period_frames)
        return leap(state.machine, name, place.back(n_frames), now)

    def _go(self, move: Move, source: str) -> None:
        before = self.state.values
        self.state = replace(self.state, machine=move.machine)
        if move.place is not None:
            self.state = replace(self.state, timeline=self.state.timeline.leap(move.place))
        for name, value in (move.values or {}).items():
            if value != before[name]:
                self._put(name, value)
                self._hear(StampedEvent(SetControl(name, value), source, self.state.horizon), self.state.horizon)
                self.messages.append(ControlInForce(name, value, source, is_consequence=True))

    def _take_force(self, frame_index: int) -> None:
        self._in_force = {start: state for start, state in self._in_force.items() if start < frame_index}
        self._in_force[frame_index] = self.state

    def _void(self, frame_index: int) -> None:
        self.first_void = min(self.first_void, frame_index)

    def _settle(self) -> None:
        """Let the predictor hear all that stands, as it was really played, and forget the plan."""
        horizon = self.state.horizon
        self._void(horizon)
        stood = self.state.timeline.since(self.first_void)[: horizon - self.first_void]
        timeline = self.state.timeline.cut(self.first_void)
        for step in stood:
            context = _next_context(self.state, timeline)
            timeline = timeline.append(_replay(step, self._part(timeline.end), timeline, context))
        self.state = replace(self.state, timeline=timeline)
        self.first_void = horizon

    def _part(self, frame_index: int) -> _Part:
        return _part(self._in_force[max(start for start in self._in_force if start <= frame_index)], frame_index)

    def void_drifted(self) -> None:
        """Void what was planned on a beat that has moved since, from the frame before: it told of the beat."""
        state, timeline = self.state, self.state.timeline
        for step in timeline.since(state.horizon):
            frame_index = step.planned.frame_index
            is_leap = any(at == frame_index for at, _ in timeline.leaps)
            if frame_index <= timeline.start or is_leap or not timeline.at(frame_index - 1).is_fed:
                continue  # it was told nothing
            if _is_moved(step.context.beat, _beat_before(state, frame_index)):
                self._void(max(frame_index - 1, state.tapped.frame_index))
                return

    def replan(self, end: int) -> Timeline:
        """Return the timeline up to `end`, with all that is void or missing played or planned anew."""
        if self.first_void < self.state.timeline.end:
            self._settle()
        state, timeline = self.state, self.state.timeline
        while timeline.end < end:
            context = _next_context(state, timeline)
            timeline = timeline.append(_plan(state, timeline.end, self._part(timeline.end), context))
        return timeline


def _next_seed(seed: int) -> int:
    return int(uniform(np.uint64(seed & 0xFFFFFFFFFFFFFFFF), 0, N_VOICES, 3) * (1 << 53))


def _replay(step: Step, part: _Part, timeline: Timeline, context: Context) -> Step:
    """Return a frame that stands, with the player's part as it was really played.

    Where the model's voice has become the player's, it sounded on until a key took it over.
    """
    was = step.planned
    played, heard, owner = was.frame.copy(), step.heard.copy(), was.owner.copy()
    for voice in range(N_VOICES):
        is_taken = part.frame[voice, Column.NOTE] > 0 or _owner_before(timeline, voice) == PLAYER
        if was.owner[voice] == PLAYER or (part.owner[voice] == PLAYER and is_taken):
            played[voice] = heard[voice] = part.frame[voice]
            owner[voice] = part.owner[voice]
    return replace(step, planned=replace(was, frame=played, owner=owner), heard=heard, context=context)


def _owner_before(timeline: Timeline, voice: int) -> int:
    return int(timeline.steps[-1].planned.owner[voice]) if timeline.steps else OFF


def _next_context(state: State, timeline: Timeline) -> Context:
    return timeline.next_context(
        state.predictor,
        seed=state.seed,
        memory=float(state.values["memory"]),
        beat=_beat_before(state, timeline.end),
        lag=state.playing.echo_lag(timeline.end) if state.values["mode"] == "answer" else 0,
    )


def _beat_before(state: State, frame_index: int) -> Beat | None:
    """Return the beat that the predictor is told for a frame, its phase in the one before."""
    return state.tempo.beat_at(frame_index - 1)


def _is_moved(told: Beat | None, beat: Beat | None) -> bool:
    """Tell whether a beat has moved by so much that what was planned on it must be planned anew."""
    if told is None or beat is None:
        return told is not beat
    drift = (beat.phase - told.phase + 0.5) % 1.0 - 0.5
    is_late = abs(drift) * beat.period_frames > _DRIFT_FRAMES
    return is_late or abs(beat.period_frames - told.period_frames) > _DRIFT * told.period_frames


def _plan(state: State, frame_index: int, part: _Part, context: Context) -> Step:
    frame, is_drawn = part.frame, (part.owner == MODEL) | part.rests
    if state.is_running and state.machine.loop is not None:
        frame = np.where(is_drawn[:, None], state.machine.loop.at(frame_index), frame)
    elif state.is_running:
        sampling = sampling_of(state.values)
        frame = context.distribution.sample(frame, ~is_drawn, sampling, seed=state.seed, frame_index=frame_index)
    played = np.where(part.rests[:, None], SILENCE, frame)
    return Step(PlannedFrame(frame_index, played, part.owner, NO_OFFSET), frame, context, state.is_running)
