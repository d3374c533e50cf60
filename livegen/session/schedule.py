"""The schedule: bundles of events that wait for their time, and are handed on shortly before it."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from threading import RLock
from typing import Final

from livegen.events import Event

MAX_WAITING: Final = 4096
"""Events that may wait: ten seconds of 400 a second."""


@dataclass(frozen=True, slots=True, order=True)
class _Bundle:
    due_ns: int
    order: int
    events: Sequence[Event] = field(compare=False)
    source: str = field(compare=False)


class Schedule:
    """Bundles by their times, from any thread.

    Parameters
    ----------
    deliver : callable
        Gets the events of a bundle, their source, and when they are due in nanoseconds of `time.perf_counter_ns`.
        Called while nothing can be cleared: what is handed on is handed on before a panic, or not at all.
    """

    def __init__(self, deliver: Callable[[Sequence[Event], str, int], None]) -> None:
        self._deliver = deliver
        self._lock = RLock()  # what is handed on may be a panic, which clears the rest
        self._waiting: list[_Bundle] = []
        self._n_events = self._order = 0

    def put(self, events: Sequence[Event], source: str, due_ns: int) -> bool:
        """Let events wait; False, and they are dropped, where too many do."""
        with self._lock:
            if self._n_events + len(events) > MAX_WAITING:
                return False
            self._order += 1
            self._n_events += len(events)
            heappush(self._waiting, _Bundle(due_ns, self._order, tuple(events), source))
            return True

    def clear(self, source: str | None = None) -> None:
        """Drop what waits, of a source or of all."""
        with self._lock:
            self._waiting = [bundle for bundle in self._waiting if source not in (None, bundle.source)]
            heapify(self._waiting)
            self._n_events = sum(len(bundle.events) for bundle in self._waiting)

    def hand_on(self, until_ns: int) -> float:
        """Hand on what is due before a time, and return when the next bundle is; infinity where none waits."""
        with self._lock:
            while self._waiting and self._waiting[0].due_ns <= until_ns:
                bundle = heappop(self._waiting)
                self._n_events -= len(bundle.events)
                self._deliver(bundle.events, bundle.source, bundle.due_ns)
            return self._waiting[0].due_ns if self._waiting else math.inf
