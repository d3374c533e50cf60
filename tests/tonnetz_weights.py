"""A small Tonnetz with random weights, for tests that need no training."""

import numpy as np
from numpy.typing import NDArray

from livegen.engines.tonnetz.config import TonnetzConfig
from livegen.engines.tonnetz.engine import TonnetzEngine

SMALL = TonnetzConfig(n_maps=4, n_inner=3, n_latent=10, n_state=12)


def random_arrays(config: TonnetzConfig = SMALL, seed: int = 0) -> dict[str, NDArray]:
    generator = np.random.default_rng(seed)
    arrays = {
        name: generator.normal(0.0, 0.6, shape).astype(np.float16).astype(np.float32)
        for name, shape in config.shapes().items()
    }
    arrays["weights"] = 1.0 + np.abs(arrays["weights"])
    return arrays


def random_engine(config: TonnetzConfig = SMALL, seed: int = 0) -> TonnetzEngine:
    return TonnetzEngine.from_arrays("random", config, random_arrays(config, seed))
