"""Where keys and values of words are kept: in pages of 16 words, which branches share as far as they are alike.

A branch appends its words to its last page where nobody has written there before, and to a copy of that page where
another branch has. So what a state has heard is never overwritten: a plan may be drawn and thrown away, and a song go
on from any place, while all others stand. A page is let go with the last state that sees it.
"""

import threading
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from livegen.engines.transformer.layers import N_LANES

_CLAIM: Final = threading.Lock()


class Page:
    """Keys and values of 16 words, of all layers.

    Parameters
    ----------
    halves : ndarray of uint16
        Bits of float16: for each layer its keys, (d, 16), then its values, (16, d). Lanes that nobody has claimed are
        finite.
    n_claimed : int
        How many lanes have an owner.

    Attributes
    ----------
    address : int
        Of its numbers, as kernels take it.
    """

    __slots__ = ("_n_claimed", "address", "halves")

    def __init__(self, halves: NDArray[np.uint16], n_claimed: int) -> None:
        self.halves = halves
        self.address = halves.ctypes.data
        self._n_claimed = n_claimed

    def claimed(self, lane: int, n_lanes: int) -> "Page":
        """Return a page whose lanes from one on are the caller's to write: itself, or a copy where others have them."""
        with _CLAIM:
            if self._n_claimed == lane:
                self._n_claimed = lane + n_lanes
                return self
        return Page(self.halves.copy(), lane + n_lanes)


@dataclass(frozen=True, slots=True, eq=False)
class Pages:
    """The pages that a word of a song sees.

    Attributes
    ----------
    first : int
        Which page of the song the first of them is.
    pages : tuple of Page
    table : ndarray of int64, shape (pages,)
        Their addresses.
    """

    first: int
    pages: tuple[Page, ...]
    table: NDArray[np.int64]

    @classmethod
    def of(cls, first: int, pages: tuple[Page, ...]) -> Self:
        """Return a value of pages, with their addresses."""
        return cls(first, pages, np.array([page.address for page in pages], np.int64))

    def with_room(self, place: int, n_words: int, n_numbers: int) -> "Pages":
        """Return pages with lanes for words that nobody else writes.

        Parameters
        ----------
        place : int
            How many words of the song there are already.
        n_words : int
            How many are to be written.
        n_numbers : int
            Size of a page.
        """
        pages, at, end = list(self.pages), place, place + n_words
        while at < end:
            lane = at % N_LANES
            n_lanes = min(N_LANES - lane, end - at)
            if lane:
                pages[-1] = pages[-1].claimed(lane, n_lanes)
            else:
                pages.append(Page(np.zeros(n_numbers, np.uint16), n_lanes))
            at += n_lanes
        is_same = len(pages) == len(self.pages) and pages[-1] is self.pages[-1]
        return self if is_same else Pages.of(self.first, tuple(pages))

    def seen_from(self, place: int) -> "Pages":
        """Return the pages without those of which all words are before a place of the song."""
        over = place // N_LANES - self.first
        return self if over <= 0 else Pages(self.first + over, self.pages[over:], self.table[over:])


NO_PAGES: Final = Pages.of(0, ())
