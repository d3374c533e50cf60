"""What can happen to a session: frozen events with mido's names.

Inputs make them and hand them to the `Sink` they were given; the session stamps them with the frame in which
they take effect. Channels are 0..15 here and 1..16 wherever a user sees them.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from livegen.voices import Voice


@dataclass(frozen=True, slots=True)
class NoteOn:
    """A key went down; velocity is 1..127 (MIDI's velocity 0 is a `NoteOff`).

    Attributes
    ----------
    channel, note, velocity : int
        As in the message.
    voice : Voice or None
        The voice that the input plays; None leaves that to channel and key.
    transpose : int
        By how many semitones the input is transposed. The key keeps its number, by which it is let go of.
    """

    channel: int
    note: int
    velocity: int
    voice: Voice | None = None
    transpose: int = 0


@dataclass(frozen=True, slots=True)
class NoteOff:
    """A key came up."""

    channel: int
    note: int


@dataclass(frozen=True, slots=True)
class ControlChange:
    """A MIDI controller moved: control and value are 0..127."""

    channel: int
    control: int
    value: int


@dataclass(frozen=True, slots=True)
class ProgramChange:
    """MIDI program change, 0..127."""

    channel: int
    program: int


@dataclass(frozen=True, slots=True)
class PitchWheel:
    """Pitch bend, -8192..8191."""

    channel: int
    pitch: int


@dataclass(frozen=True, slots=True)
class Aftertouch:
    """Pressure on the whole channel, 0..127."""

    channel: int
    value: int


@dataclass(frozen=True, slots=True)
class PolyTouch:
    """Pressure on one key, 0..127."""

    channel: int
    note: int
    value: int


@dataclass(frozen=True, slots=True)
class ClockTick:
    """One MIDI clock message, 24 a quarter note."""


@dataclass(frozen=True, slots=True)
class Start:
    """MIDI start."""


@dataclass(frozen=True, slots=True)
class Continue:
    """MIDI continue."""


@dataclass(frozen=True, slots=True)
class Stop:
    """MIDI stop."""


@dataclass(frozen=True, slots=True)
class SongPosition:
    """MIDI song position, in sixteenth notes since the start of the song."""

    pos: int


@dataclass(frozen=True, slots=True)
class LinkBeat:
    """Where the beat of the Ableton Link session is.

    Attributes
    ----------
    beats : float
        Beats since this peer began to count. The peers of a session agree on where bars begin, not on the number of
        bars.
    bpm : float
        Beats a minute.
    peers : int
        Number of others in the session.
    """

    beats: float
    bpm: float
    peers: int


@dataclass(frozen=True, slots=True)
class SetControl:
    """A live control was given a value that `livegen.controls` has checked."""

    name: str
    value: float | int | bool | str


@dataclass(frozen=True, slots=True)
class SourceLost:
    """An input is gone (unplugged, closed, ended): every key that it holds is released."""


Event = (
    NoteOn
    | NoteOff
    | ControlChange
    | ProgramChange
    | PitchWheel
    | Aftertouch
    | PolyTouch
    | ClockTick
    | Start
    | Continue
    | Stop
    | SongPosition
    | LinkBeat
    | SetControl
    | SourceLost
)

PANIC: Final = SetControl("panic", True)

MIDI_CLOCK_EVENTS: Final = (ClockTick, Start, Continue, Stop, SongPosition)
"""Events that a MIDI clock sends."""

CLOCK_EVENTS: Final = (*MIDI_CLOCK_EVENTS, LinkBeat)
"""Events that any clock sends. They tell when something is to be heard, so their times need the output's latency."""

Sink = Callable[[Event, str], None]
"""Where an input puts an event, with the name of its source, such as ``"midi:Keystation 49"``.

Called on the input's own thread; returns within microseconds and never raises.
"""

TogetherSink = Callable[[Sequence[Event], str, int | None], bool]
"""Where an input puts events that take effect together, with the name of their source and when they are due.

That is in nanoseconds of `time.perf_counter_ns`, or None for at once. False means that too much waits already, and
these are dropped. Otherwise as `Sink`.
"""


@dataclass(frozen=True, slots=True)
class StampedEvent:
    """An event, where it came from, and when it happened.

    Attributes
    ----------
    event : Event
    source : str
    position : float
        Time in frames since the start, with its fraction: a clock must be timed more finely than by whole frames.
    """

    event: Event
    source: str
    position: float

    @property
    def frame_index(self) -> int:
        """The frame in which it falls."""
        return math.floor(self.position)
