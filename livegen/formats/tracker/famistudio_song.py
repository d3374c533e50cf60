"""What a FamiStudio text says, as values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from livegen.formats.chip.register_log import Tags

STOP: Final = 0
N_NOTES: Final = 97
"""Values of notes: `STOP`, and from 1, which is C0, to 96, B7. C0 is MIDI note 24 on a pulse."""

NOTE_NAMES: Final = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")

CHANNELS: Final = ("Square1", "Square2", "Triangle", "Noise", "DPCM")
"""Names of the console's channels, the first four in the order of `Voice`."""

MAX_PATTERNS, MAX_PATTERN_TICKS = 256, 2048
MAX_NOTE_LENGTH, MAX_GROOVE_LENGTH = 18, 8
MAX_DURATION: Final = 0xFFFF
MAX_ENVELOPE_LENGTH: Final = 256
VIBRATO_SPEED_MAX, VIBRATO_DEPTH_MAX = 12, 15

Padding = Literal["Beginning", "Middle", "End"]
"""Where in a longer note of a groove the tick lies in which the song does not go on."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """Values that an instrument runs through, one a tick; -1 for no loop and no release."""

    values: tuple[int, ...]
    loop: int = -1
    release: int = -1
    is_relative: bool = False


@dataclass(frozen=True, slots=True)
class Note:
    """What a channel does at a time; None for what is not said.

    Attributes
    ----------
    value : int or None
        `STOP` or 1..96.
    duration, release : int
        In units of the song's time, 0 for none.
    instrument, arpeggio : str or None
        Names.
    slide_target : int or None
        1..96.
    has_attack : bool
    volume, volume_target : int or None
    vibrato : tuple of (int, int) or None
        Speed and depth.
    speed : int or None
        FamiTracker's.
    fine_pitch : int or None
    duty : int or None
    delay, cut_delay : int or None
        Ticks.
    """

    value: int | None = None
    duration: int = 0
    release: int = 0
    instrument: str | None = None
    arpeggio: str | None = None
    slide_target: int | None = None
    has_attack: bool = True
    volume: int | None = None
    volume_target: int | None = None
    vibrato: tuple[int, int] | None = None
    speed: int | None = None
    fine_pitch: int | None = None
    duty: int | None = None
    delay: int | None = None
    cut_delay: int | None = None


@dataclass(frozen=True, slots=True)
class Timing:
    """How time goes on in a column of patterns.

    Attributes
    ----------
    length : int
        Units of time: rows with FamiTracker's tempo, else ticks without those that pad a groove.
    beat_length : int
        The same.
    groove : tuple of int
        Ticks of one note after another; empty with FamiTracker's tempo.
    padding : str
    """

    length: int
    beat_length: int
    groove: tuple[int, ...] = ()
    padding: Padding = "Middle"


@dataclass(frozen=True, slots=True)
class Channel:
    """The patterns of a channel by name, each with its notes by time, and which one stands in each column."""

    patterns: dict[str, dict[int, Note]] = field(default_factory=dict)
    instances: dict[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Song:
    """A song: columns of patterns, of a usual timing and of others by column."""

    name: str
    length: int
    loop_point: int
    timing: Timing
    tempo: int = 150
    speed: int = 6
    timings: dict[int, Timing] = field(default_factory=dict)
    channels: dict[str, Channel] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Project:
    """A file; instruments have their envelopes by type, arpeggios one."""

    tags: Tags
    is_pal: bool
    tuning_hz: float
    has_famitracker_tempo: bool
    instruments: Mapping[str, Mapping[str, Envelope]]
    arpeggios: Mapping[str, Envelope]
    songs: tuple[Song, ...]
    left_out: tuple[str, ...]
