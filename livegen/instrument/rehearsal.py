"""An answer that is worked out before it is due: from when a key comes until its frame is planned there is time.

It is what `advance` makes of what has come in so far. If nothing else comes, it is the answer, and at once; else it is
forgotten, and what comes out is the same as without it.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from livegen.events import Event, NoteOff, NoteOn, StampedEvent
from livegen.instrument.taken import Taken
from livegen.performance.performance import Call, advance
from livegen.performance.state import Message, State
from livegen.score_table import PlannedFrame

Advanced = tuple[State, list[PlannedFrame], list[Message]]

_MOST: Final = 2
"""Rehearsals for one frame: the second is for what came during the first, such as the other keys of a chord."""


class Rehearsals:
    """The last rehearsal; for the thread that plans."""

    def __init__(self) -> None:
        self._before: State | None = None
        self._n_rehearsed = 0  # from that state
        self._call: Call | None = None
        self._taken: tuple[Taken, ...] = ()
        self._events: tuple[StampedEvent, ...] = ()
        self._advanced: Advanced | None = None

    def rehearse(
        self,
        before: State,
        call: Call,
        taken: tuple[Taken, ...],
        stamp: Callable[[Sequence[Taken]], tuple[StampedEvent, ...]],
    ) -> bool:
        """Work out an answer if there are keys to answer that were not rehearsed yet; tell whether that was done.

        Parameters
        ----------
        before : State
        call : Call
            That is to be made for the answer.
        taken : tuple of Taken
            What has come in so far.
        stamp : callable
            Gives events their positions.
        """
        if not has_keys(each.event for each in taken):
            return False
        if before is not self._before:
            self._before, self._n_rehearsed, self._taken = before, 0, ()
        if self._n_rehearsed == _MOST or taken == self._taken:
            return False
        self._n_rehearsed += 1  # even if the engine raises
        self._advanced, self._call, self._taken, self._events = None, call, taken, stamp(taken)
        self._advanced = advance(before, call.to_frame, self._events, plan_to=call.plan_to)
        return True

    def events_of(self, taken: Sequence[Taken]) -> tuple[StampedEvent, ...] | None:
        """Return the events as they were stamped for the rehearsal, if they are all that it was of."""
        return self._events if taken and self._taken == tuple(taken) else None

    def advance(self, before: State, call: Call, events: tuple[StampedEvent, ...]) -> Advanced:
        """Return what `advance` does, rehearsed or not."""
        advanced, self._advanced = self._advanced, None
        if advanced is not None and before is self._before and call == self._call and events is self._events:
            return advanced
        return advance(before, call.to_frame, events, plan_to=call.plan_to)


def has_keys(events: Iterable[Event]) -> bool:
    """Tell whether a key goes down or comes up in events."""
    return any(isinstance(event, (NoteOn, NoteOff)) for event in events)
