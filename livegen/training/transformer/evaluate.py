"""Figures of a Transformer on songs that it was not trained on, beside those of counts of words."""

import math
from pathlib import Path
from typing import Any

import torch

from livegen.engines.checkpoint import read_config, read_weights
from livegen.engines.transformer.config import TransformerConfig
from livegen.errors import CheckpointError
from livegen.training.data.sources import TRAIN, VALID, Listener
from livegen.training.transformer.figures import bigram, mean_nll, n_words, perplexity, unigram, word_counts
from livegen.training.transformer.network import Network
from livegen.training.transformer.songs import load_events


def evaluate_transformer(
    data: Path, model_folder: Path, *, listener: Listener | None = None, is_strict: bool = False
) -> dict[str, Any]:
    """Measure a Transformer on the words of the valid split, each song by itself, all of it in one sliding context.

    Returns
    -------
    dict
        ``model``; ``songs`` and ``words``, how many are measured: a song's last ``<S>`` is a word, its first one is
        not, and waits before its first event and after its last one are left out, as LakhNES does. ``perplexity`` of
        the network; ``unigram_perplexity`` and ``bigram_perplexity`` of counts of the train split's words.

    Raises
    ------
    TrainingError, CheckpointError
        If the data or the model cannot be used.
    """
    network = load_network(model_folder)
    train, valid = (load_events(data, split, listener, is_strict=is_strict) for split in (TRAIN, VALID))
    counts = word_counts(train)
    return {
        "model": model_folder.resolve().name,
        "songs": len(valid),
        "words": n_words(valid),
        "perplexity": math.exp(mean_nll(network, valid)),
        "unigram_perplexity": perplexity(unigram(counts), valid),
        "bigram_perplexity": perplexity(bigram(counts), valid),
    }


def load_network(folder: Path) -> Network:
    """Return the network of a model's folder; raises CheckpointError if it is no Transformer."""
    _, config = read_config(folder)
    if not isinstance(config, TransformerConfig):
        raise CheckpointError(f"the model in {folder} is no transformer")
    network = Network(config)
    arrays = read_weights(folder, config.shapes())
    network.load_state_dict({name: torch.from_numpy(array) for name, array in arrays.items()})
    return network.eval()
