"""Columns of FamiStudio's patterns for a piece: bars, and how many ticks each of their notes has.

Time is counted in ticks, so that nothing need be put off. Only in the ticks that pad a groove nothing can happen.
"""

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from typing import Final

import numpy as np

from livegen.errors import FormatError
from livegen.formats.score.piece import Piece
from livegen.formats.tracker.changes import Change
from livegen.formats.tracker.famistudio_player import Groove
from livegen.formats.tracker.famistudio_song import (
    MAX_GROOVE_LENGTH,
    MAX_NOTE_LENGTH,
    MAX_PATTERN_TICKS,
    MAX_PATTERNS,
    Padding,
    Timing,
)
from livegen.formats.tracker.grid import BEATS_A_BAR, Bar, bars_of
from livegen.formats.tracker.ticks import frame_ticks
from livegen.units import ENGINE_RATE_HZ

_EVEN: Final = 2  # ticks: a groove of eight notes can make any even length of a bar of sixteen
_NOTES_A_BEAT: Final = (4, 8)
_PADDINGS: Final[tuple[Padding, ...]] = ("Middle", "End")
"""Not at the beginning: FamiStudio's player leaves that out in a pattern's first note."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of patterns.

    Attributes
    ----------
    start, end : int
        First tick, and the one after the last.
    first_unit : int
        Units of time before it.
    timing : Timing
    padding_ticks : list of int
        Ticks from the start in which the song does not go on, ascending.
    """

    start: int
    end: int
    first_unit: int
    timing: Timing
    padding_ticks: list[int]

    def unit(self, tick: int) -> int:
        """Return the unit of time, from the column's start, in which a tick is."""
        return tick - self.start - bisect_left(self.padding_ticks, tick - self.start)


def columns_of(piece: Piece, changes: list[list[Change]], name: str) -> list[Column]:
    """Return the columns that cover a piece exactly.

    A column is a bar whose notes are sixteenths or, where that is no whole number of ticks, follow a groove, if nothing
    happens while it is padded. Else its notes are ticks. A piece without frames has a column of a tick.

    Raises
    ------
    FormatError
        If there would be more columns than a song of FamiStudio's has.
    """
    end = int(frame_ticks(len(piece.frames))[-1])
    bars = [Bar(bar.start, min(bar.end, end)) for bar in bars_of(piece, ENGINE_RATE_HZ, _EVEN) if bar.start < end] or [
        Bar(0, 1)
    ]
    n_bars = -(-len(bars) // MAX_PATTERNS)
    longest = max(bar.length for bar in bars)
    if n_bars * longest >= MAX_PATTERN_TICKS:
        minutes = MAX_PATTERNS * MAX_PATTERN_TICKS / ENGINE_RATE_HZ / 60
        raise FormatError(
            f"{name} would be too long: a song of FamiStudio's has {minutes:.0f} minutes at most; write a part of it"
        )
    busy = sorted({change.tick for of_voice in changes for change in of_voice})
    columns: list[Column] = []
    n_units = 0
    for at in range(0, len(bars), n_bars):
        start, stop = bars[at].start, bars[min(at + n_bars, len(bars)) - 1].end
        ticks = {tick - start for tick in busy[bisect_left(busy, start) : bisect_left(busy, stop)]}
        if stop - start >= n_bars * (longest - _EVEN):
            timing, padding = _timing(stop - start, BEATS_A_BAR * n_bars, ticks)
        else:
            timing, padding = _part(stop - start, longest), []
        columns.append(Column(start, stop, n_units, timing, padding))
        n_units += timing.length
    return columns


def _timing(length: int, n_beats: int, busy: set[int]) -> tuple[Timing, list[int]]:
    """Return the timing of so many ticks, in some of which something happens, and the ticks that pad it."""
    for a_beat in _NOTES_A_BEAT:
        note_length, rest = divmod(length, a_beat * n_beats)
        if not rest and 0 < note_length <= MAX_NOTE_LENGTH and length * note_length <= MAX_PATTERN_TICKS:
            return Timing(length, a_beat * note_length, (note_length,)), []
    for a_beat in _NOTES_A_BEAT:
        n_notes = a_beat * n_beats
        note_length = length // n_notes
        if not 1 < note_length < MAX_NOTE_LENGTH or length * note_length > MAX_PATTERN_TICKS:
            continue
        for groove in _grooves(note_length, n_notes, length):
            for padding in _PADDINGS:
                ticks = padding_ticks(groove, padding, length)
                if busy.isdisjoint(ticks):
                    return Timing(n_notes * note_length, a_beat * note_length, groove, padding), ticks
    return Timing(length, max(round(length / n_beats), 1), (1,)), []


def _part(length: int, bar_length: int) -> Timing:
    """Return the timing of a part of a bar: its notes are sixteenths, if those are whole ticks and fit, or ticks."""
    note_length, rest = divmod(bar_length, _NOTES_A_BEAT[0] * BEATS_A_BAR)
    fits = not rest and 0 < note_length <= MAX_NOTE_LENGTH and length * note_length <= MAX_PATTERN_TICKS
    if not fits or length % note_length:
        return Timing(length, max(round(bar_length / BEATS_A_BAR), 1), (1,))
    return Timing(length, _NOTES_A_BEAT[0] * note_length, (note_length,))


def _grooves(note_length: int, n_notes: int, length: int) -> Iterator[tuple[int, ...]]:
    """Yield the grooves, the most even first, with which so many notes have a length."""
    n_long, rest = divmod((length - n_notes * note_length) * MAX_GROOVE_LENGTH, n_notes)
    if rest or n_notes % MAX_GROOVE_LENGTH:
        return
    even = tuple(np.diff([at * n_long // MAX_GROOVE_LENGTH for at in range(MAX_GROOVE_LENGTH + 1)]).tolist())
    yield tuple(note_length + long for long in even)
    for places in combinations(range(MAX_GROOVE_LENGTH), n_long):
        yield tuple(note_length + (at in places) for at in range(MAX_GROOVE_LENGTH))


@lru_cache(maxsize=1 << 10)  # columns of one length are many, and each tries every groove
def padding_ticks(groove: tuple[int, ...], padding: Padding, length: int) -> list[int]:
    """Return the ticks of so many in which a groove is padded."""
    at, ticks = Groove(groove, padding), []
    for tick in range(length):
        if at.is_padding:
            ticks.append(tick)
        at.step()
    return ticks
