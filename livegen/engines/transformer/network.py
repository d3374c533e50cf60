"""The Transformer without torch: words go in, and what the next word may be comes out. What was heard is a value.

A `Node` is a place in a song. Going on from one makes another and changes nothing, so a plan may branch off anywhere,
and going back is taking an older node. Words that have been heard after a node before, as those are that were just
drawn, are found in a small cache.
"""

import hashlib
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from livegen.engines.cache import Cache
from livegen.engines.transformer.config import TransformerConfig
from livegen.engines.transformer.hearing import REACH, new_heard
from livegen.engines.transformer.layers import N_LANES, Weights, hear_words
from livegen.engines.transformer.pages import NO_PAGES, Pages
from livegen.engines.transformer.song import NO_SONG, Reader, Song, base_of
from livegen.engines.transformer.words import BEGIN_OR_END_WORD, N_WORDS

SLOWEST_INDEX: Final = 10_000.0
SHORTEST_TICKS, LONGEST_TICKS = 6.0, 6_000.0
"""Pairs that turn by the index do so by 1 to nearly 1/10,000 a word; those that turn by time go round in 6 to 6,000
ticks."""

_KEPT: Final = 48
"""Nodes that are found again: a few frames' words. Each may keep a page alive."""

_MOST_AT_ONCE: Final = 32

_READERS: Final = 6
_MOST_LOST: Final = 1024
"""Readers that are kept, and rows that one may lose where a song parts from another; else it is copied first."""


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """A place in a song.

    Attributes
    ----------
    key : bytes
        No other words have it.
    song : Song
        The words before it.
    pages : Pages
        Their keys and values, as far back as the next word sees.
    logits : ndarray of float32, shape (N_WORDS,)
        Of the next word.
    """

    key: bytes
    song: Song
    pages: Pages
    logits: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Network:
    """The network, ready to hear. Safe to call from several threads."""

    config: TransformerConfig
    weights: Weights
    rates: NDArray[np.float64]
    nodes: Cache[Node] = field(default_factory=lambda: Cache(_KEPT))
    _readers: list[Reader] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def from_arrays(cls, config: TransformerConfig, arrays: Mapping[str, NDArray]) -> Self:
        """Build it from arrays that are named and shaped as ``config.shapes()`` says."""
        w = {name: np.asarray(array, np.float32) for name, array in arrays.items()}

        def of_layers(*names: str) -> NDArray[np.uint16]:
            layers = range(config.n_layers)
            each = [np.concatenate([w[f"layers.{layer}.{name}.weight"] for name in names]) for layer in layers]
            return np.stack([_halves(matrix) for matrix in each])

        def gains(name: str) -> NDArray[np.float32]:
            return np.stack([w[f"layers.{layer}.{name}"] for layer in range(config.n_layers)])

        weights = Weights(
            w["rows.weight"],
            gains("attention_norm"),
            of_layers("query", "key", "value"),
            of_layers("out"),
            gains("inner_norm"),
            of_layers("gate", "up"),
            of_layers("down"),
            w["norm"],
            _halves(w["rows.weight"][:N_WORDS]),
            w["bias"],
            _halves(w["relative.weight"]),
            w["relative.bias"],
            w["copies.weight"],
            w["copies.bias"],
            _halves(w["waits.weight"]),
            w["waits.bias"],
        )
        return cls(config, weights, turning_rates(config.n_embedding // config.n_heads))

    @cached_property
    def root(self) -> Node:
        """The place where every song begins, after its first word."""
        before = Node(b"", NO_SONG, NO_PAGES, np.empty(0, np.float32))
        return self._all_heard(before, [BEGIN_OR_END_WORD])

    def after(self, node: Node, words: Sequence[int]) -> Node:
        """Return the place after more words."""
        keys = keys_after(node.key, words)
        for i in range(len(words), 0, -1):
            found = self.nodes.get(keys[i - 1])
            if found is not None:
                return found if i == len(words) else self._all_heard(found, words[i:])
        return self._all_heard(node, words) if words else node

    def log_probs(self, node: Node, words: Sequence[int]) -> tuple[NDArray[np.float64], Node]:
        """Return the log-probability of each word after those before it, (words,), and the place after them."""
        logits = np.empty((len(words) + 1, N_WORDS), np.float32)
        logits[0] = node.logits
        after = self._all_heard(node, words, logits[1:])
        exact = logits[:-1].astype(np.float64)
        exact -= exact.max(1, keepdims=True)
        exact -= np.log(np.exp(exact).sum(1, keepdims=True))
        return exact[np.arange(len(words)), list(words)], after

    def _all_heard(self, node: Node, words: Sequence[int], logits: NDArray[np.float32] | None = None) -> Node:
        """Return the place after more words; write the logits after each of them if there is an array, (words, n)."""
        at = 0
        while at < len(words):
            place, n = len(node.song), 1
            while n < min(_MOST_AT_ONCE, len(words) - at) and base_of(place + n) == base_of(place):
                n += 1
            is_told = np.full(n, logits is not None)
            is_told[-1] = True
            node, told = self._heard(node, words[at : at + n], is_told)
            if logits is not None:
                logits[at : at + n] = told
            at += n
        return node

    def _heard(self, node: Node, words: Sequence[int], is_told: NDArray[np.bool_]) -> tuple[Node, NDArray[np.float32]]:
        """Return the place after a few words that are read from the same base, and the logits after those told."""
        new, place, d = np.array(words, np.int16), len(node.song), self.config.n_embedding
        logits = np.empty((int(is_told.sum()), N_WORDS), np.float32)
        pages = node.pages.with_room(place, len(new), 2 * self.config.n_layers * d * N_LANES)
        song = node.song.with_words(new)
        with self._lock:
            reader = self._reader(node.song, base_of(place))
            hear_words(
                reader.heard,
                place - reader.base,
                new,
                reader.base,
                self.config.n_context,
                pages.table,
                pages.first,
                self.config.n_heads,
                self.rates,
                self.weights,
                is_told,
                logits,
            )
            reader.is_read(song)
        logits.flags.writeable = False
        seen = pages.seen_from(max(len(song) - self.config.n_context + 1, 0))
        after = Node(keys_after(node.key, words)[-1], song, seen, logits[-1])
        self.nodes.keep(after.key, after)
        return after, logits

    def _reader(self, song: Song, base: int) -> Reader:
        """Return a reader that has read a song, with its rows from a base on. Those used of late are kept."""
        if self._readers and self._readers[-1].has_read(song, base):
            return self._readers[-1]
        best = max(self._readers, key=lambda reader: (reader.base <= base) * reader.n_shared(song), default=None)
        if best is None or best.base > base or best.n_shared(song) == 0:
            best = Reader(new_heard(2 * REACH))
        elif best.n_lost(song) > _MOST_LOST:
            best = best.copied()
        reader = best.read(song, base)
        kept = [other for other in self._readers if other is not best and other is not reader]
        self._readers[:] = [*kept, *([] if best is reader else [best]), reader][-_READERS:]
        return reader


def _halves(matrix: NDArray[np.float32]) -> NDArray[np.uint16]:
    """Return a matrix transposed, as the bits of float16, in which weights are kept."""
    return np.ascontiguousarray(matrix.T.astype(np.float16)).view(np.uint16)


def keys_after(key: bytes, words: Sequence[int]) -> list[bytes]:
    """Return the key of each place on the way through words: the same however many are heard at once."""
    keys = []
    for word in words:
        key = hashlib.blake2b(key + word.to_bytes(2, "little"), digest_size=16).digest()
        keys.append(key)
    return keys


def turning_rates(n: int) -> NDArray[np.float64]:
    """Return by how much each pair of a head of n numbers turns, (2, n / 2): a word, and a tick."""
    n_each = n // 4
    by_index = SLOWEST_INDEX ** -(np.arange(n_each) / n_each)
    periods = SHORTEST_TICKS * (LONGEST_TICKS / SHORTEST_TICKS) ** (np.arange(n_each) / max(n_each - 1, 1))
    zeros = np.zeros(n_each)
    return np.stack([np.append(by_index, zeros), np.append(zeros, 2.0 * np.pi / periods)])
