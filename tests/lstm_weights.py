"""Small LSTMs with random weights, for tests that need no trained model."""

import numpy as np
from numpy.typing import NDArray

from livegen.engines.lstm.lstm import LstmConfig, LstmEngine

SMALL = LstmConfig(
    n_embedding=12, n_state=20, n_known=6, n_own=8, n_note_hidden=14, n_volume_hidden=9, n_timbre_hidden=5
)


def random_arrays(config: LstmConfig = SMALL, seed: int = 0, scale: float = 0.4) -> dict[str, NDArray[np.float32]]:
    generator = np.random.default_rng(seed)
    return {
        name: (scale * generator.standard_normal(shape)).astype(np.float32) for name, shape in config.shapes().items()
    }


def random_engine(config: LstmConfig = SMALL, seed: int = 0, scale: float = 0.4) -> LstmEngine:
    return LstmEngine.from_arrays("random", config, random_arrays(config, seed, scale))
