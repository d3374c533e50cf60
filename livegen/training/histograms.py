"""How far two histograms lie apart: of what a model plays, and of songs."""

import numpy as np
from numpy.typing import NDArray


def jensen_shannon(one: NDArray[np.int64], other: NDArray[np.int64]) -> float:
    """Return the Jensen-Shannon distance of two histograms, 0..1: the root of the divergence in bits."""
    if not one.sum() or not other.sum():
        return float(one.sum() != other.sum())
    p, q = one / one.sum(), other / other.sum()
    middle = (p + q) / 2

    def divergence(of: NDArray[np.float64]) -> float:
        some = of > 0
        return float((of[some] * np.log2(of[some] / middle[some])).sum())

    return float(np.sqrt(max((divergence(p) + divergence(q)) / 2, 0.0)))
