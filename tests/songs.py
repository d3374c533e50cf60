"""Small songs made by rule, for tests of training: scales, held notes, echoes and a beat."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from livegen.score import Voice


def song(seed: int, n_frames: int = 150) -> NDArray[np.uint8]:
    generator = np.random.default_rng(seed)
    frames = np.zeros((n_frames, 4, 3), np.uint8)
    beat = int(generator.integers(3, 7))
    scale = 60 + np.array([0, 2, 4, 5, 7, 9, 11, 12]) + int(generator.integers(-3, 4))
    tune = scale[generator.integers(0, 8, 8)]
    for t in range(n_frames):
        place, age = divmod(t, beat)
        frames[t, Voice.P1] = tune[place % 8], max(12 - 2 * age, 4), 2
        if place % 4 != 3:
            frames[t, Voice.P2] = tune[(place + 7) % 8] - 12, max(8 - age, 1), 1
        frames[t, Voice.TR] = scale[0] - 24, 0, 0
        if age < 2:
            frames[t, Voice.NO] = 4 + 8 * (place % 2), 9 - 4 * age, 0
    return frames


def write_split(path: Path, songs: list[NDArray[np.uint8]]) -> Path:
    offsets = np.cumsum([0, *map(len, songs)])
    np.savez(path, frames=np.concatenate(songs), offsets=offsets, names=[f"song {i}" for i in range(len(songs))])
    return path


def write_splits(folder: Path, n_train: int = 6, n_valid: int = 2) -> Path:
    write_split(folder / "made_train.npz", [song(i) for i in range(n_train)])
    write_split(folder / "made_valid.npz", [song(100 + i) for i in range(n_valid)])
    return folder
