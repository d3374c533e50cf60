"""The layers' activations, against those of NumPy in float64."""

import numpy as np

from livegen.engines.dense import silu, tanh_each

X = np.concatenate([np.linspace(-30, 30, 60_001), np.geomspace(1e-30, 1, 200), [1e30, -1e30, 0.0]])


def test_the_hyperbolic_tangent_is_within_4e7_and_never_over_1():
    found = X.astype(np.float32)
    tanh_each(found)
    expected = np.tanh(X)
    assert np.abs(found - expected).max() < 4e-7
    assert np.abs(found).max() <= 1.0
    small = np.abs(X) < 1e-2
    assert np.abs(found - expected)[small].max() < 1e-8


def test_silu_is_x_times_its_sigmoid():
    found = X[np.abs(X) <= 30].astype(np.float32)
    expected = found / (1.0 + np.exp(-found.astype(np.float64)))
    silu(found)
    assert np.abs(found - expected).max() < 5e-6
