"""Rows of FamiTracker's patterns for a piece: how long each is, and what steers the song."""

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from operator import itemgetter
from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.errors import FormatError
from livegen.formats.score.piece import Piece
from livegen.formats.tracker.changes import CUT, Change
from livegen.formats.tracker.famitracker_song import MAX_GROOVE_LENGTH, MAX_ORDERS, MAX_ROWS, Effect
from livegen.formats.tracker.grid import BEATS_A_BAR, Bar, bars_of, spread
from livegen.formats.tracker.ticks import frame_ticks

_FEWEST_ROWS, _MOST_ROWS = 4, MAX_GROOVE_LENGTH // BEATS_A_BAR  # a beat
_USUAL_ORDERS: Final = 128
"""Places in the order list of the FamiTracker that has the shortest."""


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of a song, in blocks, each a place in the order list.

    Attributes
    ----------
    blocks : list of list of int
        First tick of each row.
    n_rows : int
        Rows of the longest block.
    speed : int
        Ticks of a row, or the number of the first groove.
    grooves : tuple of tuple of int
        Empty if all rows have as many ticks.
    steering : list of dict of int to list of (str, int)
        By block and row, the effects that steer the song.
    """

    blocks: list[list[int]]
    n_rows: int
    speed: int
    grooves: tuple[tuple[int, ...], ...]
    steering: list[dict[int, list[Effect]]]

    def place(self, tick: int) -> tuple[int, int, int]:
        """Return the block and the row in which a tick is, and how many ticks after the row's first."""
        block = bisect_right(self.blocks, tick, key=itemgetter(0)) - 1
        row = bisect_right(self.blocks[block], tick) - 1
        return block, row, tick - self.blocks[block][row]


def rows_of(piece: Piece, changes: list[list[Change]], rate_hz: float, name: str) -> Rows:
    """Return the rows for a piece: the fewest to a beat of which none has two changes of a voice.

    The rows of a bar are as even as ticks allow; where they are not all of a length, they follow a groove. A note and
    its end, where that is a mere cut, are one change.

    Raises
    ------
    FormatError
        If the piece is too long for an order list.
    """
    bars = bars_of(piece, rate_hz)
    end = int(frame_ticks(len(piece.frames), rate_hz)[-1])
    divided = _divide(bars, changes)
    blocks = _blocks(divided, rate_hz, name)
    grooves, of_bar = _grooves(bars, divided)
    steering: list[dict[int, list[Effect]]] = []
    running, bar = of_bar[0], 0
    n_rows = max(sum(len(rows) for rows in block) for block in blocks)
    for block in blocks:
        said: dict[int, list[Effect]] = {}
        row = 0
        for rows in block:
            if of_bar[bar] != running:
                said.setdefault(row, []).append(("O", of_bar[bar]))
                running = of_bar[bar]
            row, bar = row + len(rows), bar + 1
        if row < n_rows:
            said.setdefault(row - 1, []).append(("D", 0))
        steering.append(said)
    starts = [[tick for rows in block for tick in rows] for block in blocks]
    _end_at(end, bars[-1].end, starts, steering, n_rows)
    speed = 0 if grooves else bars[-1].length // len(divided[-1])
    return Rows(starts, n_rows, speed, grooves, steering)


def _divide(bars: list[Bar], changes: list[list[Change]]) -> list[list[int]]:
    """Return the first ticks of the rows of each bar."""
    whole = bars[-1].length
    divided: list[list[int]] = []
    for a_beat in range(_FEWEST_ROWS, _MOST_ROWS + 1, 4):
        n_rows = a_beat * BEATS_A_BAR
        if min(bar.length for bar in bars[-max(len(bars) - 1, 1) :]) < n_rows:
            break
        divided = []
        for bar in bars:
            n_here = n_rows if bar.start or bar.length >= whole // 2 else max(round(n_rows * bar.length / whole), 1)
            divided.append([bar.start + tick for tick in spread(bar.length, min(n_here, n_rows, bar.length))])
        starts = np.array([tick for rows in divided for tick in rows])
        if not any(_has_collision(of_voice, starts) for of_voice in changes):
            break
    return divided


def _has_collision(changes: list[Change], starts: NDArray[np.int64]) -> bool:
    """Tell whether a row would have two changes that it has no room for."""
    rows = np.searchsorted(starts, [change.tick for change in changes], side="right").tolist()
    return any(
        row == next_row and not is_short(change, after)
        for row, next_row, change, after in zip(rows, rows[1:], changes, changes[1:], strict=False)
    )


def is_short(change: Change, after: Change) -> bool:
    """Tell whether a change begins a note that the next one cuts, which a row can hold together."""
    is_plain = change.instrument is not None and change.instrument.patch is None
    return is_plain and after.note == CUT and after.timbre is None


def _blocks(divided: list[list[int]], rate_hz: float, name: str) -> list[list[list[int]]]:
    """Return the rows of bars in groups, each for a pattern; one bar each if the order list has room for them."""
    most_rows = max(len(rows) for rows in divided)
    for most_orders in (_USUAL_ORDERS, MAX_ORDERS):
        for n_bars in range(1, MAX_ROWS // most_rows + 1):
            if -(-len(divided) // n_bars) < most_orders:
                return [divided[at : at + n_bars] for at in range(0, len(divided), n_bars)]
    n_bars = (MAX_ORDERS - 1) * (MAX_ROWS // most_rows)
    minutes = divided[n_bars][0] / rate_hz / 60
    raise FormatError(
        f"{name} would be too long: an order list of FamiTracker has room for {minutes:.1f} minutes of this, so write "
        "a part of it"
    )


def _grooves(bars: list[Bar], divided: list[list[int]]) -> tuple[tuple[tuple[int, ...], ...], list[int]]:
    """Return the grooves that there are, and which one each bar has; none if one speed is enough."""
    of_bars = []
    for bar, rows in zip(bars, divided, strict=True):
        lengths = np.diff([*rows, bar.end]).tolist()
        n_rows = len(lengths)
        period = next(n for n in range(1, n_rows + 1) if n_rows % n == 0 and lengths == lengths[:n] * (n_rows // n))
        of_bars.append(tuple(lengths[:period]))
    known = list(dict.fromkeys(of_bars))
    if len(known) == 1 and len(known[0]) == 1:
        return (), [0] * len(bars)
    return tuple(known), [known.index(groove) for groove in of_bars]


def _end_at(
    end: int, end_of_bar: int, starts: list[list[int]], steering: list[dict[int, list[Effect]]], n_rows: int
) -> None:
    """Let the song halt at a tick: the row that it is in gets shorter, and the next one says so."""
    while len(starts) > 1 and starts[-1][0] >= end:
        starts.pop()
        steering.pop()
    kept = bisect_left(starts[-1], end)
    natural_end = starts[-1][kept] if kept < len(starts[-1]) else end_of_bar
    steering[-1] = {row: effects for row, effects in steering[-1].items() if row < kept}
    last = steering[-1].get(kept - 1, [])
    last[:] = [effect for effect in last if effect[0] != "D"]
    if kept and natural_end != end:
        steering[-1].setdefault(kept - 1, [])[:] = [("F", end - starts[-1][kept - 1])]
    if kept < n_rows:
        steering[-1][kept] = [("C", 0)]
    else:
        starts.append([end])
        steering.append({0: [("C", 0)]})
