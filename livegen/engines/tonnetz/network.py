"""The Tonnetz's network without torch: it hears slice after slice, and tells what comes next. States are values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from livegen.engines.tonnetz import kernels
from livegen.engines.tonnetz.config import N_RECENT, TonnetzConfig
from livegen.engines.tonnetz.kernels import Layer, Weights
from livegen.engines.tonnetz.lattice import CELLS_OF_PITCH, N_COLUMNS, N_PITCHES, pitch_classes_of
from livegen.engines.tonnetz.listener import pitches_of
from livegen.engines.tonnetz.recall import followed, last_times

N_LAYERS: Final = 2


@dataclass(frozen=True, slots=True, eq=False)
class Foretold:
    """What the network remembers, and what it expects.

    Attributes
    ----------
    h, c : ndarray of float32, shape (2, n_state)
    logits : ndarray of float32, shape (96,)
        Of each pitch in the next slice.
    """

    h: NDArray[np.float32]
    c: NDArray[np.float32]
    logits: NDArray[np.float32]

    @property
    def pitch_classes(self) -> NDArray[np.float64]:
        """The probability of each pitch class in the next slice, in any octave, (12,)."""
        absent = 1.0 / (1.0 + np.exp(self.logits.astype(np.float64)))
        return 1.0 - absent.reshape(-1, N_COLUMNS).prod(0)


@dataclass(frozen=True, eq=False)
class Network:
    """The network, ready to hear. Safe to call from several threads."""

    config: TonnetzConfig
    weights: Weights
    weighed: NDArray[np.float32]  # (96,): the logarithm of what a pitch weighed when it was learnt
    again: NDArray[np.float32]  # (2, 16): by how many slices ago a pitch sounded, itself and in any octave
    recalled: NDArray[np.float32]  # (2, 9, 4): of what came the last time, see `TonnetzConfig.shapes`

    @classmethod
    def from_arrays(cls, config: TonnetzConfig, arrays: Mapping[str, NDArray]) -> Self:
        """Build it from arrays that are named and shaped as ``config.shapes()`` says."""
        w = {name: np.asarray(array, np.float32) for name, array in arrays.items()}
        cells = w["cells.weight"][CELLS_OF_PITCH].mean(1)  # (96, n_latent)
        bias = w["cells.bias"][CELLS_OF_PITCH].mean(1)

        def layer(i: int) -> Layer:
            recurrent, bias = w[f"lstm.weight_hh_l{i}"], w[f"lstm.bias_ih_l{i}"] + w[f"lstm.bias_hh_l{i}"]
            return Layer(_whole(w[f"lstm.weight_ih_l{i}"].T), _whole(recurrent.T), bias)

        weights = Weights(
            _whole(w["outer.weight"]),
            w["outer.bias"],
            _whole(w["inner.weight"]),
            w["inner.bias"],
            _whole(w["latent.weight"].T),
            w["latent.bias"],
            layer(0),
            layer(1),
            _whole(w["next.weight"].T),
            w["next.bias"],
            _whole(cells.T),
            _whole(bias),
        )
        return cls(config, weights, np.log(w["weights"]), _whole(w["again"]), w["recalled"])

    def hear(self, recent: Sequence[int], before: Foretold | None) -> Foretold:
        """Return what comes after a slice.

        Parameters
        ----------
        recent : sequence of int
            It and those before it, `N_HEARD` at most, the latest last, whose pitches are bits.
        before : Foretold or None
            What was expected of it; None means that nothing was heard yet.
        """
        shape = (N_LAYERS, self.config.n_state)
        h, c = (np.zeros(shape, np.float32),) * 2 if before is None else (before.h, before.c)
        after = Foretold(np.empty(shape, np.float32), np.empty(shape, np.float32), np.empty(N_PITCHES, np.float32))
        heard = pitches_of(recent)
        lately = heard[: -N_RECENT - 1 : -1].astype(np.float32)
        kernels.hear(lately[0], h, c, self.weights, after.h, after.c, after.logits)
        of_pitch, of_pitch_class = self.again[:, : len(lately)]
        after.logits[:] += of_pitch @ lately + of_pitch_class @ _in_any_octave(lately)
        after.logits[:] = self._recall(heard, after.logits) - self.weighed
        return after

    def _recall(self, heard: NDArray[np.bool_], logits: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return logits of the next slice, (96,), with what came the last time after slices, (n, 96)."""
        (lengths,), (places,) = last_times(heard, np.zeros(1, np.int64), np.array([len(heard)]))
        on, octave, off, scale = self.recalled[np.arange(2), lengths].T
        came = followed(heard, places).astype(np.float32)
        return logits * (1.0 + scale.sum()) + on @ came + octave @ _in_any_octave(came) + off.sum()


def _in_any_octave(slices: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return slices, (n, 96), in which a pitch is 1 where it sounds in any octave."""
    return np.tile(pitch_classes_of(slices), N_PITCHES // N_COLUMNS).astype(np.float32)


def _whole(array: NDArray) -> NDArray[np.float32]:
    return np.ascontiguousarray(array, np.float32)
