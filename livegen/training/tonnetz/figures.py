"""Figures of a Tonnetz: how well it tells the slice that comes next, all at once and of pitch classes alone."""

from collections.abc import Iterator
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from livegen.engines.tonnetz.lattice import N_COLUMNS, N_PITCHES, pitch_classes_of
from livegen.training.tonnetz.network import Network
from livegen.training.tonnetz.slices import SILENT, Slices

_LANES: Final = 256
_N_WATCHED: Final = 2048
"""Slices on which a run is measured, of all songs evenly."""

_N_MEASURED: Final = 2048
_THRESHOLDS: Final = np.arange(0.1, 0.9, 0.02)

_OCTAVE: Final = N_COLUMNS


@torch.no_grad()
def mean_nll(network: Network, slices: Slices, n: int = _N_WATCHED) -> float:
    """Return how well slices are foretold, in nats a slice, weighted as they are learnt."""
    network.eval()
    nlls = [network.nll(logits, target) for logits, target in _foretold(network, slices, _spread(len(slices), n))]
    return float(torch.cat(nlls).mean())


@torch.no_grad()
def pitch_class_probabilities(network: Network, slices: Slices, which: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the probability of each pitch class in some slices, (n, 12), foretold from up to 32 slices before."""
    network.eval()
    found = [probabilities(logits, network.weights) for logits, _ in _foretold(network, slices, which)]
    return torch.cat(found).double().numpy()


def probabilities(logits: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Return the probability that a pitch class sounds in any octave, (..., 12).

    Parameters
    ----------
    logits : Tensor, shape (..., 96, 3)
    weights : Tensor, shape (96,)
        By which what sounds weighed when it was learnt: a logit is too high by its logarithm.
    """
    of_pitch = torch.sigmoid(logits.mean(-1) - weights.log())
    return 1.0 - (1.0 - of_pitch).reshape(*of_pitch.shape[:-1], N_PITCHES // _OCTAVE, _OCTAVE).prod(-2)


def f1_score(foretold: NDArray[np.bool_], sounding: NDArray[np.bool_]) -> float:
    """Return the F1 of pitch classes, (n, 12), all slices together; 0 where nothing was foretold right."""
    right = float((foretold & sounding).sum())
    return 2.0 * right / max(float(foretold.sum()) + float(sounding.sum()), 1.0)


def best_threshold(network: Network, slices: Slices) -> tuple[float, float]:
    """Return the threshold with which pitch classes are foretold best where the harmony changes, and that F1."""
    which = _spread(len(slices), _N_MEASURED)
    which = which[is_change(slices, which)]
    found = pitch_class_probabilities(network, slices, which)
    sounding = pitch_classes_of(slices.pitches[slices.targets[which]])
    scores = [f1_score(found > threshold, sounding) for threshold in _THRESHOLDS]
    best = int(np.argmax(scores))
    return round(float(_THRESHOLDS[best]), 2), scores[best]


def is_change(slices: Slices, which: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Tell of some slices whether other pitch classes sound in them than in the slice before."""
    at = slices.targets[which]
    now, before = (pitch_classes_of(slices.pitches[place]) for place in (at, at - 1))
    return np.asarray((now ^ before).any(1))


def _spread(n: int, n_taken: int) -> NDArray[np.int64]:
    return np.linspace(0, n - 1, min(n, n_taken)).astype(np.int64)


def _foretold(
    network: Network, slices: Slices, which: NDArray[np.int64]
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Yield logits of slices, (k, 96, 3), and what sounds in them, (k, 96)."""
    for some in np.array_split(which, -(-len(which) // _LANES)):
        x = torch.from_numpy(slices.up_to(some, SILENT + 1).astype(np.float32))
        told, _ = network.foretell(network.encode(x[:, :-1]))
        logits = network.decode(told[:, -1:]) + network.sounding_again(x[:, :-1], 1)
        lengths, followed = slices.recalled(some, 1)
        logits = network.recall(logits, torch.from_numpy(lengths), torch.from_numpy(followed.astype(np.float32)))
        yield logits[:, 0], x[:, -1]
