"""Lanes of words to learn from: each reads one song after another, from anywhere in its first one on."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from livegen.engines.transformer.hearing import (
    N_COLOURS,
    N_PITCH_CLASSES,
    N_PITCHED,
    N_PROPOSED,
    N_ROWS,
    N_WAITS_TOLD,
    Heard,
    hear_song,
    look_back,
    new_heard,
)
from livegen.engines.transformer.words import TICK_SAMPLES
from livegen.training.transformer.network import NO_WORD, Batch
from livegen.training.transformer.songs import SongEvents
from livegen.training.transformer.variation import Variation, words_of


@dataclass
class _Lane:
    """Where a lane is: in which song of all that are read, and at which position of it."""

    number: int
    place: int
    heard: Heard


class Lanes:
    """Readers of songs side by side.

    The songs are read in an order of each epoch's own, and varied anew each time. What is read depends on the seed and
    on where the lanes are alone.

    Parameters
    ----------
    songs : SongEvents
    variation : Variation
    seed : int
    n_lanes, n_words : int
        Lanes, and positions of each in a batch.
    first : int
        How many songs have been read before.
    """

    def __init__(
        self, songs: SongEvents, variation: Variation, seed: int, n_lanes: int, n_words: int, first: int = 0
    ) -> None:
        self._songs, self._variation, self._seed = songs, variation, seed
        self.n_words = n_words
        self.n_read = first
        self._lanes = [self._next(is_first=True) for _ in range(n_lanes)]

    def _next(self, *, is_first: bool = False) -> _Lane:
        lane = _Lane(self.n_read, 0, self._heard(self.n_read))
        if is_first:
            lane.place = int(np.random.default_rng([self._seed, 2, self.n_read]).integers(len(lane.heard.words) - 1))
        self.n_read += 1
        return lane

    def _heard(self, number: int) -> Heard:
        epoch, place = divmod(number, len(self._songs))
        order = np.random.default_rng([self._seed, 0, epoch]).permutation(len(self._songs))
        varied = self._variation.vary(self._songs.song(order[place]), np.random.default_rng([self._seed, 1, number]))
        return heard_of(words_of(varied))

    def places(self) -> list[list[int]]:
        """Return where the lanes are, and how many songs have been read: what `go_to` takes."""
        return [[lane.number, lane.place] for lane in self._lanes] + [[self.n_read]]

    def go_to(self, places: list[list[int]]) -> None:
        """Go on from where lanes were."""
        *lanes, [self.n_read] = places
        self._lanes = [_Lane(number, place, self._heard(number)) for number, place in lanes]

    def read(self) -> Batch:
        """Return the next positions of all lanes."""
        batch = Positions(len(self._lanes), self.n_words)
        for i, lane in enumerate(self._lanes):
            at = 0
            while at < self.n_words:
                n = min(len(lane.heard.words) - 1 - lane.place, self.n_words - at)
                batch.put(i, at, lane.heard, lane.place, n)
                at, lane.place = at + n, lane.place + n
                if lane.place == len(lane.heard.words) - 1:
                    self._lanes[i] = lane = self._next()
        return batch.tensors()


class Positions:
    """Positions of B lanes of T as arrays; see `livegen.training.transformer.network.Batch`."""

    def __init__(self, n_lanes: int, n_words: int) -> None:
        self._rows = np.zeros((n_lanes, n_words, N_ROWS), np.int32)
        self._ticks = np.zeros((n_lanes, n_words))
        self._proposals = np.zeros((n_lanes, n_words, N_PROPOSED, 2), np.int32)
        self._colours = np.zeros((n_lanes, n_words, N_COLOURS, N_PITCH_CLASSES), np.float32)
        self._waits = np.zeros((n_lanes, n_words, N_WAITS_TOLD), np.int32)
        self._notes = np.zeros((n_lanes, n_words, N_PITCHED), np.int64)
        self._targets = np.full((n_lanes, n_words), NO_WORD, np.int64)
        self._pieces = np.full((n_lanes, n_words), 0, np.int64)

    def put(self, lane: int, at: int, heard: Heard, first: int, n: int) -> None:
        """Put n positions of a song, from `first` on, at a place of a lane."""
        of_lane, of_song = slice(at, at + n), slice(first, first + n)
        told = self._rows, self._proposals, self._colours, self._waits
        look_back(heard, first, *(array[lane, of_lane] for array in told))
        self._ticks[lane, of_lane] = heard.time[of_song] / TICK_SAMPLES
        self._notes[lane, of_lane] = heard.note[of_song, :N_PITCHED]
        self._targets[lane, of_lane] = heard.words[first + 1 : first + n + 1]
        if at:
            self._pieces[lane, at:] = self._pieces[lane, at - 1] + 1

    def tensors(self) -> Batch:
        """Return them as the network takes them."""
        return Batch(
            torch.from_numpy(self._rows).long(),
            torch.from_numpy(self._ticks),
            torch.from_numpy(self._proposals).long(),
            torch.from_numpy(self._colours),
            torch.from_numpy(self._waits).long(),
            torch.from_numpy(self._notes),
            torch.from_numpy(self._targets),
            torch.from_numpy(self._pieces),
        )


def heard_of(words: NDArray[np.int16]) -> Heard:
    """Return what is heard of a song's words."""
    heard = new_heard(len(words))
    hear_song(heard, words)
    return heard


def whole_songs(songs: SongEvents, n_most: int | None = None) -> Iterator[Batch]:
    """Yield each song by itself as it is, one lane; at most so many positions of it from its beginning."""
    for i in range(len(songs)):
        heard = heard_of(words_of(songs.song(i)))
        n = min(len(heard.words) - 1, n_most or len(heard.words))
        positions = Positions(1, n)
        positions.put(0, 0, heard, 0, n)
        yield positions.tensors()
