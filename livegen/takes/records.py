"""What a take is made of: its head, and the records that follow it, as values.

A take is a folder with an append-only log of all that a jam was made of. A `Turned` is a call of
`Instrument.play_frame`: the calls of `advance` that it made, and their events. A `Played` is a frame as it was played,
written when no further change is expected; if the frame has two, the later one counts.
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
"""Number of frames of the longest take: over eleven hours."""


@dataclass(frozen=True, slots=True)
class Head:
    """What a take begins with.

    Attributes
    ----------
    started : str
        Local date and time, ISO 8601.
    versions : mapping of str to str
        Versions of all that must be the same to play the take again bit for bit; see `livegen.takes.library.versions`.
    seed : int
    model : mapping of str to str
        Of the model that the jam began with: ``name``, ``folder``, and ``sha256`` of its files.
    voice_models : mapping of str to mapping
        The same of the models that play a voice alone, by its name: ``no``.
    patch : mapping of str to str
        ``name`` and ``sha256`` of its text.
    patches : mapping of str to str
        The texts, by name, of that patch and of those that may take over.
    values : mapping
        The controls in force.
    sample_rate : int
        In Hz.
    settings : mapping of str to str
        How the session was opened, for information only.
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
    voice_models: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Turned:
    """A line ``call``: see `livegen.performance.turn.Turn`.

    Attributes
    ----------
    at_ns : int
        When the call was over, since the take began.
    calls : tuple of Call
    events : tuple of StampedEvent
    times_ns : tuple of int
        When each event happened, since the take began.
    messages : tuple of Message
    n_held : int
        Number of frames that were never planned and held the frame before.
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
    """A line ``frame``: a frame as it was played, and the beat that the model was told for it."""

    planned: PlannedFrame
    beat: Beat | None = None


@dataclass(frozen=True, slots=True)
class Note:
    """A line ``note``: how often something has happened since the take began."""

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
    """A line ``gap``: `n_calls` calls are missing here."""

    n_calls: int


@dataclass(frozen=True, slots=True)
class Kept:
    """A line ``capture``: the frames from `first` to before `end` were asked to be kept, in files of that name."""

    name: str
    first: int
    end: int


@dataclass(frozen=True, slots=True)
class End:
    """The line ``end``: the numbers of frames, events and notes of the whole take.

    Attributes
    ----------
    n_frames : int
    n_events : int
    n_notes : tuple of int
        Number of onsets, by voice.
    """

    n_frames: int
    n_events: int
    n_notes: tuple[int, ...]


Record = Turned | Played | Note | Loaded | Gap | Kept | End
