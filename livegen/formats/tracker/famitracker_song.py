"""What a FamiTracker text says, as values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from livegen.formats.chip.register_log import Tags

CUT: Final = -1
RELEASE: Final = -2
NO_NOTE: Final = -3
ECHO: Final = -8
"""Notes of a cell that are no pitch: ``---``, ``===``, ``...``, and from `ECHO` on ``^-0`` to ``^-3``."""

NO_INSTRUMENT: Final = -1
HOLD: Final = -2
"""Instruments of a cell that are none: ``..`` and ``&&``, which plays a note without a new attack."""

N_NOTES: Final = 96
"""From C-0, which on a pulse is MIDI note 24."""

N_CHANNELS: Final = 5
"""Of the console: two pulses, triangle, noise and samples. Those of other chips come after them."""

VOLUME, ARPEGGIO, PITCH, HI_PITCH, DUTY = range(5)
"""Kinds of sequences."""

MAX_ROWS, MAX_ORDERS, MAX_PATTERNS = 256, 256, 256
MAX_GROOVES, MAX_GROOVE_LENGTH = 32, 128
MAX_INSTRUMENTS, MAX_SEQUENCES, MAX_SEQUENCE_LENGTH = 64, 128, 252
MAX_COLUMNS: Final = 4
MAX_TRACKS: Final = 64

Effect = tuple[str, int]
"""Letter and parameter."""


@dataclass(frozen=True, slots=True)
class Cell:
    """What a channel does in a row.

    Attributes
    ----------
    note : int
        0..95 (of the noise 0..15), or one of the constants above.
    instrument : int
    volume : int
        0..15, or -1 for none.
    effects : tuple of (str, int)
    """

    note: int = NO_NOTE
    instrument: int = NO_INSTRUMENT
    volume: int = -1
    effects: tuple[Effect, ...] = ()


EMPTY: Final = Cell()


@dataclass(frozen=True, slots=True)
class Sequence:
    """Values that an instrument runs through, one a tick; -1 for no loop and no release."""

    values: tuple[int, ...]
    loop: int
    release: int
    setting: int


@dataclass(frozen=True, slots=True)
class Track:
    """A song of a module.

    Attributes
    ----------
    title : str
    n_rows : int
        Rows of each pattern.
    speed, tempo : int
        With `uses_groove`, `speed` is the number of a groove.
    uses_groove : bool
    orders : mapping of int to tuple of int
        Pattern of each channel, by place.
    patterns : mapping of (int, int) to mapping of int to Cell
        By channel and number; cells by row. Of the first four channels; of all others, only what steers the song.
    """

    title: str
    n_rows: int
    speed: int
    tempo: int
    uses_groove: bool
    orders: dict[int, tuple[int, ...]] = field(default_factory=dict)
    patterns: dict[tuple[int, int], dict[int, Cell]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Module:
    """A file.

    Attributes
    ----------
    tags : Tags
    is_pal : bool
    rate_hz : float
        Ticks a second.
    has_new_vibrato, is_linear : bool
        How vibrato swings, and whether bends count in parts of a semitone.
    split : int
        Parameters of F from which on they are tempos.
    tuning : float
        Semitones.
    instruments : mapping of int to tuple of (Sequence or None)
        The five sequences of each instrument that has some.
    names : mapping of int to str
        Of the instruments.
    grooves : mapping of int to tuple of int
    tracks : tuple of Track
    left_out : tuple of str
        What the file has that livegen does not play.
    """

    tags: Tags
    is_pal: bool
    rate_hz: float
    has_new_vibrato: bool
    is_linear: bool
    split: int
    tuning: float
    instruments: Mapping[int, tuple[Sequence | None, ...]]
    names: Mapping[int, str]
    grooves: Mapping[int, tuple[int, ...]]
    tracks: tuple[Track, ...]
    left_out: tuple[str, ...]
