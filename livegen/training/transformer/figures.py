"""Figures of the Transformer: how surprised it is by the words of songs, and how surprised counts of words would be."""

import math
from collections.abc import Iterable
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from livegen.engines.transformer.words import N_WORDS
from livegen.training.transformer.lanes import whole_songs
from livegen.training.transformer.network import NO_WORD, Batch, Network
from livegen.training.transformer.songs import SongEvents
from livegen.training.transformer.variation import words_of

_UNSEEN: Final = 0.5
"""What is added to the count of every word."""


def word_nll(network: Network, batch: Batch) -> Tensor:
    """Return the negative log-likelihood of the words of a batch, (n,), in nats."""
    is_word = batch.targets != NO_WORD
    return functional.cross_entropy(network(batch)[is_word], batch.targets[is_word], reduction="none")


@torch.no_grad()
def mean_nll(network: Network, songs: SongEvents, n_most: int | None = None) -> float:
    """Return how surprised the network is by songs, each by itself, in nats a word.

    The last `<S>` of a song is a word, the first one is not. With `n_most`, only so many words of each song count.
    """
    nlls = [word_nll(network, batch) for batch in whole_songs(songs, n_most)]
    return float(torch.cat(nlls).double().mean())


def word_counts(songs: SongEvents) -> NDArray[np.float64]:
    """Return how often each word follows each other one in songs, (631, 631); a column is for the one that follows."""
    counts = np.zeros((N_WORDS, N_WORDS))
    for words in _all_words(songs):
        np.add.at(counts, (words[:-1], words[1:]), 1.0)
    return counts


def unigram(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the probability of each word by `word_counts`, (631,)."""
    each = counts.sum(0) + _UNSEEN
    return each / each.sum()


def bigram(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the probability of each word (column) after each other one, (631, 631), after Witten and Bell."""
    n, n_kinds = counts.sum(1, keepdims=True), (counts > 0).sum(1, keepdims=True).astype(np.float64)
    n_kinds = np.maximum(n_kinds, 1.0)
    return (counts + n_kinds * unigram(counts)) / (n + n_kinds)


def perplexity(probabilities: NDArray[np.float64], songs: SongEvents) -> float:
    """Return the perplexity of songs by the probability of each word, (631,), or after each other one, (631, 631)."""
    by_last = np.broadcast_to(probabilities, (N_WORDS, N_WORDS))
    nlls = [-np.log(by_last[words[:-1], words[1:]]) for words in _all_words(songs)]
    return math.exp(float(np.concatenate(nlls).mean()))


def n_words(songs: SongEvents) -> int:
    """Return how many words of songs are to be foretold."""
    return sum(len(words) - 1 for words in _all_words(songs))


def _all_words(songs: SongEvents) -> Iterable[NDArray[np.int64]]:
    return (words_of(songs.song(i)).astype(np.int64) for i in range(len(songs)))
