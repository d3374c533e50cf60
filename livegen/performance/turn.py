"""Input and output of one frame of a performance: values, for whoever watches, records or shows it."""

from collections.abc import Sequence
from dataclasses import dataclass

from livegen.engines.cast import Cast
from livegen.engines.protocol import Engine
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
    cast : Cast
        Which model in force plays which voice.
    engine : Engine
        What plays these models.
    """

    horizon: int
    events: tuple[StampedEvent, ...]
    times_ns: tuple[int, ...]
    messages: tuple[Message, ...]
    cast: Cast
    engine: Engine

    @classmethod
    def of(
        cls,
        state: State,
        events: Sequence[StampedEvent],
        times_ns: Sequence[int],
        messages: Sequence[Message] = (),
    ) -> "FrameReport":
        """Return the report of a call that has led to a state."""
        return cls(state.horizon, tuple(events), tuple(times_ns), tuple(messages), state.cast, state.engine)


@dataclass(frozen=True, slots=True)
class Turn:
    """A call of `play_frame` with all that it takes to do it again.

    Attributes
    ----------
    report : FrameReport
    before, after : State
    calls : tuple of Call
        The calls of `advance` that led from `before` to `after`; the first of them had the events. Empty if the
        engine raised in that call: then `follow` led there.
    is_late : bool
        Whether the audio callback had already taken the old plan.
    """

    report: FrameReport
    before: State
    after: State
    calls: tuple[Call, ...] = ()
    is_late: bool = False
