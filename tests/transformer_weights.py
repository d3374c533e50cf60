"""A small Transformer with random weights, for tests that need no training. It waits for a few frames at a time."""

import numpy as np
from numpy.typing import NDArray

from livegen.engines.transformer.config import TransformerConfig
from livegen.engines.transformer.engine import TransformerEngine
from livegen.engines.transformer.words import SAMPLES_OF, VOICE_OF
from livegen.score import Voice

SMALL = TransformerConfig(n_layers=2, n_embedding=16, n_heads=2, n_inner=24, n_context=64)


def random_arrays(config: TransformerConfig = SMALL, seed: int = 0) -> dict[str, NDArray]:
    generator = np.random.default_rng(seed)
    arrays = {
        name: generator.normal(0.0, 1.0 / np.sqrt(shape[-1]), shape).astype(np.float16).astype(np.float32)
        for name, shape in config.shapes().items()
    }
    is_short = (SAMPLES_OF >= 2_000) & (SAMPLES_OF <= 9_000)
    of_kinds = [is_short, SAMPLES_OF > 0, VOICE_OF == Voice.NO]
    arrays["bias"] = np.select(of_kinds, [3.0, -5.0, 1.5], 0.0).astype(np.float32)
    return arrays


def random_engine(config: TransformerConfig = SMALL, seed: int = 0) -> TransformerEngine:
    return TransformerEngine.from_arrays("random", config, random_arrays(config, seed))
