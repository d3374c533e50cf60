"""Figures of a Tonnetz: pitch classes where the harmony changes, against what follows each set of them most often."""

import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch

from livegen.engines.checkpoint import load_engine, read_config, read_weights
from livegen.engines.tonnetz.config import N_HEARD, TonnetzConfig
from livegen.engines.tonnetz.engine import TonnetzEngine
from livegen.engines.tonnetz.lattice import BITS, N_COLUMNS, pitch_classes_in, pitch_classes_of
from livegen.engines.triads import fitting_triad
from livegen.errors import CheckpointError
from livegen.training.data.sources import TRAIN, VALID, Listener
from livegen.training.tonnetz.figures import f1_score, is_change, pitch_class_probabilities
from livegen.training.tonnetz.network import Network
from livegen.training.tonnetz.slices import Slices
from livegen.training.windows import load_windows

_ALL: Final = (1 << N_COLUMNS) - 1
_N_TIMED: Final = 500
_MILLISECONDS: Final = 1000.0


def evaluate_tonnetz(
    data: Path, model_folder: Path, *, listener: Listener | None = None, is_strict: bool = False
) -> dict[str, Any]:
    """Measure a Tonnetz on the slices of songs that it was not trained on, where the harmony changes.

    Returns
    -------
    dict
        ``model``; ``slices``, how many are measured: those of the valid split with other pitch classes than the slice
        before. F1 scores of pitch classes, all slices together: ``pitch_class_f1`` of the network, which knows the
        slices before; ``bigram_f1`` of a bigram of chord sets, the set that followed that of the slice before most
        often where the harmony of the train split changed, in any transposition; ``last_f1`` of the slice before,
        again. ``ratio`` of the first to the second.
        ``slice_ms``: of the engine, to hear a slice and tell the chord after it, in processor time: the median and the
        99th percentile, where it remembers as many slices as it can.

    Raises
    ------
    TrainingError, CheckpointError
        If the data or the model cannot be used.
    """
    network = load_network(model_folder)
    steps = network.config.slice_steps
    train, valid = (
        Slices.of(load_windows(data, split, listener, is_strict=is_strict), steps) for split in (TRAIN, VALID)
    )
    which = np.arange(len(valid))
    which = which[is_change(valid, which)]
    at = valid.targets[which]
    sounding, before = (pitch_classes_of(valid.pitches[place]) for place in (at, at - 1))
    foretold = pitch_class_probabilities(network, valid, which) > network.config.threshold
    bigram = Bigram(train)
    usual = np.array([pitch_classes_in(bigram.after(int(each))) for each in before @ BITS])
    scores = {
        name: f1_score(found, sounding) for name, found in (("f1", foretold), ("bigram", usual), ("last", before))
    }
    return {
        "model": model_folder.resolve().name,
        "slices": len(which),
        "pitch_class_f1": scores["f1"],
        "bigram_f1": scores["bigram"],
        "last_f1": scores["last"],
        "ratio": scores["f1"] / max(scores["bigram"], 1e-9),
        "slice_ms": _slice_ms(model_folder, valid),
    }


def _slice_ms(folder: Path, slices: Slices) -> dict[str, float]:
    engine = load_engine(folder)
    assert isinstance(engine, TonnetzEngine)
    engine.warm_up()
    seconds, foretold = [], None
    recent: tuple[int, ...] = ()
    for pitches in slices.pitches[: N_HEARD + _N_TIMED]:
        recent = (*recent, sum(1 << int(pitch) for pitch in np.flatnonzero(pitches)))[-N_HEARD:]
        start = time.thread_time()
        foretold = engine.network.hear(recent, foretold)
        fitting_triad(foretold.pitch_classes)
        seconds.append(time.thread_time() - start)
    p50, p99 = np.percentile(seconds[-_N_TIMED:], [50, 99]) * _MILLISECONDS
    return {"p50": float(p50), "p99": float(p99)}


def load_network(folder: Path) -> Network:
    """Return the network of a model's folder; raises CheckpointError if it is no Tonnetz."""
    _, config = read_config(folder)
    if not isinstance(config, TonnetzConfig):
        raise CheckpointError(f"the model in {folder} is no tonnetz")
    network = Network(config)
    arrays = read_weights(folder, config.shapes())
    network.load_state_dict({name: torch.from_numpy(array) for name, array in arrays.items()})
    return network.eval()


class Bigram:
    """Which set of pitch classes followed each most often where the harmony changed, in any transposition."""

    def __init__(self, slices: Slices) -> None:
        which = np.arange(len(slices))
        at = slices.targets[which[is_change(slices, which)]]
        before, now = (pitch_classes_of(slices.pitches[place]) @ BITS for place in (at - 1, at))
        counts: defaultdict[int, Counter[int]] = defaultdict(Counter)
        for first, second in zip(before.tolist(), now.tolist(), strict=True):
            for shift in range(N_COLUMNS):
                counts[_turned(first, shift)][_turned(second, shift)] += 1
        self._usual = {first: found.most_common(1)[0][0] for first, found in counts.items()}

    def after(self, pitch_classes: int) -> int:
        """Return the set that followed one most often, as bits; itself where it never was in the songs."""
        return self._usual.get(pitch_classes, pitch_classes)


def _turned(pitch_classes: int, shift: int) -> int:
    return (pitch_classes << shift | pitch_classes >> N_COLUMNS - shift) & _ALL
