"""Weights of a tiny GAN, at random."""

from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from livegen.engines.checkpoint import WEIGHTS_FILE, write_config
from livegen.engines.gan.layout import GanConfig

CONFIG = GanConfig(n_shared=6, n_own=5, n_trunk=10, n_trunk_fine=7, n_own_in=6, n_head=9, n_head_fine=8)


def arrays(config: GanConfig = CONFIG, seed: int = 0) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(seed)
    return {name: generator.normal(0, 0.4, shape).astype(np.float32) for name, shape in config.shapes().items()}


def write_gan(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    write_config(folder, CONFIG)
    save_file(arrays(), folder / WEIGHTS_FILE)
    return folder
