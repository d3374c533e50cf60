"""What one frame of a performance took in and came to: values, for whoever watches, records or shows it."""

from dataclasses import dataclass

from livegen.events import StampedEvent
from livegen.performance.performance import Call
from livegen.performance.state import Message, State


@dataclass(frozen=True, slots=True)
class FrameReport:
    """What went into one call of `play_frame`, and what came of it.

    Attributes
    ----------
    horizon : int
        The first frame that was planned on the events.
    events : tuple of StampedEvent
    times_ns : tuple of int
        When each happened.
    messages : tuple of Message
        Controls that took effect, and what was refused.
    """

    horizon: int
    events: tuple[StampedEvent, ...]
    times_ns: tuple[int, ...]
    messages: tuple[Message, ...]


@dataclass(frozen=True, slots=True)
class Turn:
    """A call of `play_frame` with all that it takes to do it again.

    Attributes
    ----------
    report : FrameReport
    before, after : State
    calls : tuple of Call
        Those of `advance` that led from one to the other, the first of them with the events; none where the predictor
        raised in that one, and `follow` led there.
    is_late : bool
        Whether the callback had taken the old plan already.
    """

    report: FrameReport
    before: State
    after: State
    calls: tuple[Call, ...] = ()
    is_late: bool = False
