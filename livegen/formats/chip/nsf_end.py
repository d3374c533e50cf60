"""Where a song that says nothing of its end comes to it, or begins to repeat itself, told from what it writes."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Repeat:
    """The ticks from which on a song repeats itself, and how many it repeats."""

    start: int
    n_ticks: int


def find_repeat(address: NDArray[np.int64], value: NDArray[np.uint8], tick_writes: list[int]) -> Repeat | None:
    """Return what a song repeats to its end, or None if nothing is repeated.

    A part counts as repeated if all that a song writes in it comes a second time, in the same order and in the same
    ticks. It must come back until the end, and at least half of the song must be what is repeated, the first time
    included: that keeps a pattern which happens to come twice at the end from being taken for the whole. Of several
    such parts the one is taken that begins first.

    Parameters
    ----------
    address, value : ndarray of int64 and of uint8, shape (n,)
        All writes.
    tick_writes : list of int
        How many writes come before each tick; the last tick may not be over, and is left out.
    """
    ticks = _numbered(address, value, tick_writes)[::-1]
    n_ticks = len(ticks)
    lengths = _common_with_start(ticks)
    best: Repeat | None = None
    for period in range(1, n_ticks // 2 + 1):
        again = lengths[period]
        if (
            again >= period
            and again + period >= n_ticks / 2
            and (best is None or n_ticks - period - again < best.start)
        ):
            best = Repeat(n_ticks - period - again, period)
    return best


def _numbered(address: NDArray[np.int64], value: NDArray[np.uint8], tick_writes: list[int]) -> list[int]:
    """Return a number for each tick: that of the first tick which writes the same."""
    content = (address << 8 | value).tobytes()
    size = address.itemsize
    first: dict[bytes, int] = {}
    return [first.setdefault(content[begin * size : end * size], len(first)) for begin, end in pairwise(tick_writes)]


def _common_with_start(items: list[int]) -> list[int]:
    """Return for each place how many items from there on equal those from the start: the Z function."""
    lengths = [len(items)] + [0] * (len(items) - 1)
    left, right = 0, 0
    for at in range(1, len(items)):
        length = min(right - at, lengths[at - left]) if at < right else 0
        while at + length < len(items) and items[length] == items[at + length]:
            length += 1
        if at + length > right:
            left, right = at, at + length
        lengths[at] = length
    return lengths
