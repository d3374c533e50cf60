"""Going back: rewind, undo, memories, and the loop of ``hold``. Values, and functions that make new ones."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.controls import CONTROLS, Values
from livegen.performance.timeline import Place, Step
from livegen.units import FRAME_RATE_HZ

MAX_MEMORIES: Final = 8
"""Most places that can be stored by name at one time."""

MAX_CHANGES: Final = 32
MAX_LEAPS: Final = 8
"""Most changes that can be undone, and most of these that may be leaps. Leaps have their own limit because the place to
go back to takes some megabytes."""

_ONE_MOVE_FRAMES: Final = FRAME_RATE_HZ // 2
"""Moves of one control that follow each other within half a second count as one change."""


@dataclass(frozen=True, slots=True)
class Moment:
    """How things stand at one moment.

    Attributes
    ----------
    frame_index : int
    place : Place or None
        The place in the song; None if only the controls matter.
    values : Values
        The controls in force.
    """

    frame_index: int
    place: Place | None
    values: Values


@dataclass(frozen=True, slots=True)
class Change:
    """What can be undone: the control that was moved, or the action, and how things stood before.

    Attributes
    ----------
    what : str
    before : Moment
    cue : int or None
        The number of the cue that was given; None if it was none.
    """

    what: str
    before: Moment
    cue: int | None = None

    def continues(self, last: "Change") -> bool:
        """Tell whether this change and the one before are one move: the same control again, within half a second."""
        is_control = self.what == last.what and not CONTROLS[self.what].is_action
        return is_control and self.before.frame_index <= last.before.frame_index + _ONE_MOVE_FRAMES


@dataclass(frozen=True, slots=True)
class Loop:
    """Frames that are played over and over.

    Attributes
    ----------
    start : int
        The frame with which the first repetition begins.
    length : float
        In frames. Whole beats are seldom whole frames: each repetition begins with the frame nearest to its time.
    frames : ndarray of uint8, shape (n, 4, 3)
        What was played before `start`.
    """

    start: int
    length: float
    frames: NDArray[np.uint8]

    def at(self, frame_index: int) -> NDArray[np.uint8]:
        """Return the frame, ``uint8 (4, 3)``, that is played at an index from `start` on."""
        n_since = frame_index - self.start
        turn = math.floor(n_since / self.length)
        if n_since >= round((turn + 1) * self.length):
            turn += 1
        elif n_since < round(turn * self.length):
            turn -= 1
        frame: NDArray[np.uint8] = self.frames[n_since - round((turn + 1) * self.length)]
        return frame


def loop_of(steps: tuple[Step, ...], start: int, length: float) -> Loop | None:
    """Return a loop of the last `length` frames before a frame, or of as many as there are; None if there are none."""
    if len(steps) < length:
        length = float(len(steps))
    frames = [step.planned.frame for step in steps[len(steps) - math.ceil(length) :]]
    return Loop(start, length, np.array(frames)) if frames else None


@dataclass(frozen=True, slots=True)
class TimeMachine:
    """All that can be gone back to.

    Attributes
    ----------
    changes : tuple of Change
        What can be undone, the newest last.
    memories : mapping of str to Moment
        What was stored, by name.
    loop : Loop or None
        The loop that plays while the control ``hold`` is on.
    """

    changes: tuple[Change, ...] = ()
    memories: Mapping[str, Moment] = field(default_factory=lambda: MappingProxyType({}))
    loop: Loop | None = None

    def with_change(self, change: Change) -> "TimeMachine":
        """Return the machine with one more change to undo. A change that continues the last one is added to it."""
        last = self.changes[-1] if self.changes else None
        if last is not None and change.continues(last):
            before = replace(last.before, frame_index=change.before.frame_index)
            return replace(self, changes=(*self.changes[:-1], replace(last, before=before)))
        changes = (*self.changes, change)[-MAX_CHANGES:]
        leaps = [at for at, each in enumerate(changes) if each.before.place is not None]
        return replace(self, changes=changes[leaps[-MAX_LEAPS - 1] + 1 :] if len(leaps) > MAX_LEAPS else changes)


@dataclass(frozen=True, slots=True)
class Move:
    """The result of a move in time.

    Attributes
    ----------
    machine : TimeMachine
        The time machine after the move.
    place : Place or None
        Where the song goes on; None if it stays where it is.
    values : Values or None
        The controls to put in force; None if they stay.
    cue : int or None
        The number of the cue that is taken back.
    refusal : str
        Why the move was not made; empty if it was.
    """

    machine: TimeMachine
    place: Place | None = None
    values: Values | None = None
    cue: int | None = None
    refusal: str = ""


def leap(machine: TimeMachine, what: str, to: Place, now: Moment) -> Move:
    """Put the song at another place, in a way that can be undone."""
    return Move(machine.with_change(Change(what, _kept(now))), to)


def undo(machine: TimeMachine, has_cue: Callable[[int], bool]) -> Move:
    """Undo the last change. A cue that is over is none; `has_cue` tells whether one of a number is still there."""
    left = [change for change in machine.changes if change.cue is None or has_cue(change.cue)]
    if not left:
        return Move(machine, refusal="there is nothing to take back")
    last, machine = left[-1], replace(machine, changes=tuple(left[:-1]))
    if last.cue is not None:
        return Move(machine, cue=last.cue)
    return Move(machine, last.before.place, last.before.values)


def store(machine: TimeMachine, name: str, now: Moment) -> Move:
    """Keep how things stand under a name."""
    memories = machine.memories
    if name not in memories and len(memories) >= MAX_MEMORIES:
        reason = f"{MAX_MEMORIES} memories are kept already: store over one of {', '.join(memories)}"
        return Move(machine, refusal=f"{name!r} cannot be stored, {reason}")
    return Move(replace(machine, memories=MappingProxyType({**memories, name: _kept(now)})))


def recall(machine: TimeMachine, name: str, now: Moment) -> Move:
    """Go back to what was stored, except for the controls that belong to the room and the rig."""
    memory = machine.memories.get(name)
    if memory is None:
        known = ", ".join(machine.memories) or "none yet"
        return Move(machine, refusal=f"{name!r} cannot be recalled, it was never stored: those that were are {known}")
    recalled = {key: value for key, value in memory.values.items() if CONTROLS[key].is_recalled}
    machine = machine.with_change(Change("recall", _kept(now)))
    return Move(machine, memory.place, MappingProxyType({**now.values, **recalled}))


def _kept(moment: Moment) -> Moment:
    return moment if moment.place is None else replace(moment, place=moment.place.trimmed())
