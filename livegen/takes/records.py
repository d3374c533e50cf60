"""What a take is made of: its head, and the records that follow it, as values.

A take is a folder with an append-only log of all that a jam was made of. A call of `Instrument.play_frame` is a
`Turned`: the calls of `advance` that it came to, and the events that went into them. A `Played` is a frame as it was
played, once nothing can change it; should something have, the later one counts.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from livegen.beat import Beat
from livegen.controls import Value
from livegen.events import StampedEvent
from livegen.performance.performance import Call
from livegen.performance.state import Message
from livegen.score_table import PlannedFrame

LOG_FILE: Final = "take.jsonl"
"""Name of the log in a take's folder."""

MAX_FRAMES: Final = 1_000_000
"""Frames of the longest take: over eleven hours."""


@dataclass(frozen=True, slots=True)
class Head:
    """What a take began with.

    Attributes
    ----------
    started : str
        Local date and time, ISO 8601.
    versions : mapping of str to str
        Of livegen, its kernels, Python, NumPy, Numba, the system and its processor: what the same bits depend on.
    seed : int
    model : mapping of str to str
        ``name``, ``folder`` and ``sha256`` of its files: the one that the jam began with.
    patch : mapping of str to str
        ``name`` and ``sha256`` of its text.
    patches : mapping of str to str
        The texts, by name, of that patch and of those that may take over.
    values : mapping
        The controls in force.
    sample_rate : int
        In Hz.
    settings : mapping of str to str
        How the session was opened, for the curious.
    """

    started: str
    versions: Mapping[str, str]
    seed: int
    model: Mapping[str, str]
    patch: Mapping[str, str]
    patches: Mapping[str, str]
    values: Mapping[str, Value]
    sample_rate: int
    settings: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Turned:
    """A line ``call``: see `livegen.performance.turn.Turn`.

    Attributes
    ----------
    at_ns : int
        When it was over, since the take began.
    calls : tuple of Call
    events : tuple of StampedEvent
    times_ns : tuple of int
        When each event happened, since the take began.
    messages : tuple of Message
    n_held : int
        Frames that were never planned and held the one before.
    is_late : bool
    """

    at_ns: int
    calls: tuple[Call, ...]
    events: tuple[StampedEvent, ...] = ()
    times_ns: tuple[int, ...] = ()
    messages: tuple[Message, ...] = ()
    n_held: int = 0
    is_late: bool = False


@dataclass(frozen=True, slots=True)
class Played:
    """A line ``frame``: a frame as it was played, and the beat that it was given."""

    planned: PlannedFrame
    beat: Beat | None = None


@dataclass(frozen=True, slots=True)
class Note:
    """A line ``note``: something happened so many times, counted from the start."""

    what: str
    count: int
    at_ns: int


@dataclass(frozen=True, slots=True)
class Loaded:
    """A line ``model``: a model was loaded, and may take over from here on.

    Attributes
    ----------
    name : str
    folder : str
    sha256 : str
        Of its files.
    """

    name: str
    folder: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Gap:
    """A line ``gap``: so many calls are missing."""

    n_calls: int


@dataclass(frozen=True, slots=True)
class Kept:
    """A line ``capture``: the frames from `first` to before `end` were kept in files of that name."""

    name: str
    first: int
    end: int


@dataclass(frozen=True, slots=True)
class End:
    """The line ``end``: what the take came to.

    Attributes
    ----------
    n_frames : int
    n_events : int
    n_notes : tuple of int
        Notes that began, by voice.
    """

    n_frames: int
    n_events: int
    n_notes: tuple[int, ...]


Record = Turned | Played | Note | Loaded | Gap | Kept | End
