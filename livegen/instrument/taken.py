"""What an instrument has taken and the score has not: events with their times, on their way to a frame."""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from livegen.controls import CONTROLS
from livegen.events import CLOCK_EVENTS, Event, SetControl, StampedEvent
from livegen.performance.state import State
from livegen.units import FRAME_RATE_HZ


class Taken(NamedTuple):
    """An event that was taken.

    Attributes
    ----------
    time_ns : int
        When it happened.
    event : Event
    source : str
    sample : int or None
        That was made then, where it is known.
    """

    time_ns: int
    event: Event
    source: str
    sample: int | None = None


def stays_audible(state: State, taken: Iterable[Taken]) -> bool:
    """Tell whether a model that is heard is heard on: not after an ending, unless what was taken since starts it."""
    starts = (each.event for each in taken if isinstance(each.event, SetControl) and each.event.name == "start")
    return state.is_running or state.count_in is not None or any(event.value for event in starts)


def without_repeats(taken: Iterable[Taken]) -> Iterator[Taken]:
    """Yield events without those that another one of the same number or switch makes void, before anything else comes.

    So a frame that is told of a thousand moves of a fader costs as much as one that is told of one.
    """
    last: dict[str, Taken] = {}
    for each in taken:
        event = each.event
        if isinstance(event, SetControl) and CONTROLS[event.name].kind in ("float", "int", "bool"):
            last.pop(event.name, None)
            last[event.name] = each
            continue
        yield from last.values()
        last = {}
        yield each
    yield from last.values()


def stamped(
    taken: Iterable[Taken], position_of_time: Callable[[int], float], latency_frames: float, sample_rate: int
) -> tuple[StampedEvent, ...]:
    """Return events with their positions in frames; a clock is so much ahead of what is made when it ticks."""
    return tuple(
        StampedEvent(
            event,
            source,
            (position_of_time(time_ns) if sample is None else sample * FRAME_RATE_HZ / sample_rate)
            - isinstance(event, CLOCK_EVENTS) * latency_frames,
        )
        for time_ns, event, source, sample in taken
    )
