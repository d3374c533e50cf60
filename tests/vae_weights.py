"""A small VAE with random weights, for tests that need no training."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from livegen.engines.vae.config import VaeConfig
from livegen.engines.vae.vae import VaeEngine
from livegen.score import Voice

SMALL = VaeConfig(
    n_latents=12,
    n_seen=10,
    n_beat=14,
    n_encoder=9,
    n_conductor=11,
    n_plan=7,
    n_embedding=13,
    n_state=17,
    n_note_hidden=12,
    n_volume_hidden=6,
    n_timbre_hidden=5,
)


def small_config(voices: tuple[Voice, ...] = tuple(Voice)) -> VaeConfig:
    return replace(SMALL, voices=voices, latents=(), gains=())  # its latents are those of its voices


def random_arrays(config: VaeConfig, seed: int = 0) -> dict[str, NDArray]:
    generator = np.random.default_rng(seed)
    arrays = {
        name: generator.normal(0.0, 0.6, shape).astype(np.float16).astype(np.float32)
        for name, shape in config.shapes().items()
    }
    arrays["quantiles"] = np.sort(np.abs(arrays["quantiles"]), 1)
    return arrays


def random_engine(voices: tuple[Voice, ...] = tuple(Voice), seed: int = 0) -> VaeEngine:
    config = small_config(voices)
    return VaeEngine.from_arrays("random", config, random_arrays(config, seed))
