"""The words of a song as values, and what the network is told of them: rows that are written where they are read.

A song is a few short arrays that all songs with the same beginning share. The rows of `livegen.engines.transformer.
hearing` are a hundred times as large, and a pure function of the words. So they are not kept with each song, but in a
few readers: one that has read nearly the same song goes back to where the two part, and reads on from there.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.engines.transformer.hearing import NOWHERE, REACH, Heard, hear, new_heard
from livegen.system.kernels import kernel

CHUNK: Final = 512
"""Words of which songs keep an array together. `REACH` is a multiple of it."""


@dataclass(frozen=True, slots=True, eq=False)
class Song:
    """Words in their order.

    Attributes
    ----------
    chunks : tuple of ndarray of int16, shape (512,) each
    rest : ndarray of int16
        Those after them, fewer than 512.
    """

    chunks: tuple[NDArray[np.int16], ...]
    rest: NDArray[np.int16]

    def __len__(self) -> int:
        """Return the number of words."""
        return CHUNK * len(self.chunks) + len(self.rest)

    def with_words(self, words: NDArray[np.int16]) -> "Song":
        """Return the song with more words."""
        chunks, rest = self.chunks, np.concatenate([self.rest, words])
        while len(rest) >= CHUNK:
            chunks, rest = (*chunks, rest[:CHUNK].copy()), rest[CHUNK:]
        return Song(chunks, rest)

    def since(self, place: int) -> NDArray[np.int16]:
        """Return the words from a place on."""
        first = place // CHUNK
        return np.concatenate([*self.chunks[first:], self.rest])[place - first * CHUNK :]


NO_SONG: Final = Song((), np.empty(0, np.int16))


def base_of(place: int) -> int:
    """Return the place of the first word of which there is a row for the word at a place: it moves every `REACH` words.

    So there are rows for the last `REACH` words and more, and for no more than twice as many.
    """
    return max(place // REACH - 1, 0) * REACH


class Reader:
    """The rows of a song, those of the oldest words left out.

    Parameters
    ----------
    heard : Heard
        Room for ``2 * REACH`` rows.
    base : int
        The place of the word that has row 0.
    song : Song
        What has been read.
    """

    def __init__(self, heard: Heard, base: int = 0, song: Song = NO_SONG) -> None:
        self.heard = heard
        self.base = base
        self._song = song

    def n_shared(self, song: Song) -> int:
        """Return how many words from the beginning on have the same rows in a song, 0 where it has not all of these."""
        mine, other, n = self._song.chunks, song.chunks, 0
        while n < min(len(mine), len(other)) and mine[n] is other[n]:
            n += 1
        ours, theirs = self._song.since(n * CHUNK), song.since(n * CHUNK)
        differs = np.flatnonzero(ours[: len(theirs)] != theirs[: len(ours)])
        shared = n * CHUNK + (int(differs[0]) if len(differs) else min(len(ours), len(theirs)))
        return shared if shared >= self.base else 0

    def has_read(self, song: Song, base: int) -> bool:
        """Tell whether this very song is what it has read last, from a base on."""
        return song is self._song and self.base == base

    def n_lost(self, song: Song) -> int:
        """Return how many rows would be written anew for a song that shares only some of them."""
        return len(self._song) - self.n_shared(song)

    def copied(self) -> "Reader":
        """Return a reader with the same rows."""
        return Reader(Heard._make(array.copy() for array in self.heard), self.base, self._song)

    def shifted(self) -> "Reader":
        """Return a reader without the oldest rows: what they were found for is not known any longer."""
        heard, base = new_heard(2 * REACH), self.base + REACH
        for name in Heard._fields:
            getattr(heard, name)[:REACH] = getattr(self.heard, name)[REACH:]
        for places in (heard.last, heard.before, heard.follows):
            places[:REACH] = np.maximum(places[:REACH] - REACH, NOWHERE)
        heard.solid[:REACH] = np.maximum(heard.solid[:REACH] - REACH, 0)
        return Reader(heard, base, self._song)

    def read(self, song: Song, base: int) -> "Reader":
        """Read a song on from where the two part, and return the reader that has its rows from a base on."""
        reader, at = self, self.n_shared(song)
        while True:
            end = min(len(song), reader.base + 2 * REACH)
            if at < end:
                read_on(reader.heard, at - reader.base, song.since(at)[: end - at])
            reader.is_read(song)
            at = max(at, end)
            if reader.base == base:
                return reader
            reader = reader.shifted()

    def is_read(self, song: Song) -> None:
        """Take note that its rows are those of a song."""
        self._song = song


@kernel
def read_on(heard: Heard, at: int, words: NDArray[np.int16]) -> None:
    """Write the rows of words from the row `at` on."""
    for i in range(len(words)):
        hear(heard, at + i, words[i])
