"""Figures of a VAE: what is left of a window after its latents, what the knobs do, the way between two places."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from livegen.engines.checkpoint import load_engine, read_config, read_weights
from livegen.engines.protocol import Sampling
from livegen.engines.steps import STEPS_A_BEAT, onsets_of_windows
from livegen.engines.vae.attributes import measure
from livegen.engines.vae.config import VaeConfig
from livegen.engines.vae.vae import VaeEngine
from livegen.errors import CheckpointError
from livegen.score import Column, Voice
from livegen.training.data.sources import VALID, Listener
from livegen.training.vae.decode import accuracy, decode
from livegen.training.vae.figures import note_nll
from livegen.training.vae.lesson import named_latents
from livegen.training.vae.network import Network, seen_rows
from livegen.training.windows import load_windows, only_voices

N_WINDOWS: Final = 512
N_KNOBS: Final = 200
N_PAIRS: Final = 100
N_CALIBRATED: Final = 200
_PATH_STEPS: Final = 8
_FARTHEST: Final = 2.0
_LARGEST_GAIN: Final = 2.0
_LANES: Final = 128
_N_PITCH_CLASSES: Final = 12
_MILLISECONDS: Final = 1000.0


def evaluate_vae(
    data: Path,
    model_folder: Path,
    *,
    seed: int = 0,
    listener: Listener | None = None,
    is_strict: bool = False,
) -> dict[str, Any]:
    """Measure a VAE on the windows of a split that it was not trained on.

    Returns
    -------
    dict
        ``model windows``. ``accuracy change_accuracy copy_accuracy``, each of all voices together, under "all", and by
        voice: of windows that are decoded from the encoder's means, the likeliest note at every step, hearing nothing
        but themselves: the share of notes that are right, of those that are other notes than in the step before, and
        of a model that never changes. ``note_nll``: nats a step, when every step before is told. ``knobs``: by name,
        Spearman's correlation of its knob, evenly from -2 to 2 at 200 random places, with what is then measured in the
        notes drawn at a temperature of 1. ``interpolation``: of 100 pairs of windows that are interpolated in 8
        steps, the share of steps to the next that lead away from the begin and towards the end: by "cells", how many
        notes are the same, and by "features", how far apart they are in what they sound like. ``decode_ms``: of the
        engine, for a window, the median and the 99th percentile.

    Raises
    ------
    TrainingError, CheckpointError
        If the data or the model cannot be used.
    """
    network = load_network(model_folder)
    config = network.config
    windows = only_voices(load_windows(data, VALID, listener, is_strict=is_strict), config.voices)
    which = windows.spread(N_WINDOWS)
    taken = windows.take(which)
    z = encode(network, taken)
    told = _decoded(network, z)
    engine = load_engine(model_folder)
    assert isinstance(engine, VaeEngine)
    by_voice = {"all": config.voices} | {voice.name.lower(): (voice,) for voice in config.voices}
    found = {name: accuracy(told, taken, voices) for name, voices in by_voice.items()}
    return {
        "model": model_folder.resolve().name,
        "windows": len(which),
        **{
            figure: {name: of_voice[i] for name, of_voice in found.items()}
            for i, figure in enumerate(("accuracy", "change_accuracy", "copy_accuracy"))
        },
        "note_nll": note_nll(network, windows, N_WINDOWS),
        "knobs": _knobs(network, seed),
        "interpolation": _interpolation(network, z, taken, seed),
        "decode_ms": _decode_ms(engine, z),
    }


def load_network(folder: Path) -> Network:
    """Return the network of a model's folder; raises CheckpointError if it is no VAE."""
    _, config = read_config(folder)
    if not isinstance(config, VaeConfig):
        raise CheckpointError(f"the model in {folder} is no vae")
    network = Network(config)
    arrays = read_weights(folder, config.shapes())
    network.load_state_dict({name: torch.from_numpy(array) for name, array in arrays.items()})
    return network.eval()


@torch.no_grad()
def encode(network: Network, windows: NDArray[np.uint8]) -> torch.Tensor:
    """Return the latents, (n, n_latents), of windows: what is measured, and the encoder's means."""
    named = torch.from_numpy(named_latents(network, windows))
    return torch.cat([named, network.encode(torch.from_numpy(seen_rows(windows)))[0]], 1)


def _decoded(network: Network, z: torch.Tensor, generator: torch.Generator | None = None) -> NDArray[np.uint8]:
    return np.concatenate([decode(network, some, generator) for some in z.split(_LANES)])


def _knobs(network: Network, seed: int) -> dict[str, float]:
    found = {}
    turned = _turned(network, network.config.gains, N_KNOBS, seed)
    for name, (values, windows) in zip(network.config.latents, turned, strict=True):
        found[name] = spearman(values, measure(windows, (name,))[:, 0])
    return found


def gains_of(network: Network, seed: int = 0) -> tuple[float, ...]:
    """Return the gains of named latents: by how much what is heard follows each too little, twofold at most."""
    gains = []
    turned = _turned(network, (1.0,) * network.config.n_named, N_CALIBRATED, seed)
    for i, (values, windows) in enumerate(turned):
        slope = float(np.polyfit(values, named_latents(network, windows)[:, i], 1)[0])
        gains.append(round(1.0 / min(max(slope, 1.0 / _LARGEST_GAIN), 1.0), 2))
    return tuple(gains)


def _turned(network: Network, gains: tuple[float, ...], n: int, seed: int) -> Iterator[tuple[NDArray, NDArray]]:
    """Yield, for each knob, n values from one end to the other, and windows decoded with it at n random places."""
    generator = torch.Generator().manual_seed(seed)
    places = torch.randn(n, network.config.n_latents, generator=generator)
    values = torch.linspace(-_FARTHEST, _FARTHEST, n)
    for i, gain in enumerate(gains):
        z = places.clone()
        z[:, i] = values * gain
        yield values.numpy(), _decoded(network, z, generator)


def _interpolation(network: Network, z: torch.Tensor, windows: NDArray[np.uint8], seed: int) -> dict[str, float]:
    """Return how often a step on the way from one window to another leads away from the one and towards the other."""
    pairs = np.random.default_rng(seed).integers(0, len(z), (N_PAIRS, 2))
    share = torch.linspace(0.0, 1.0, _PATH_STEPS)[None, :, None]
    path = (1.0 - share) * z[pairs[:, 0], None] + share * z[pairs[:, 1], None]
    decoded = _decoded(network, path.flatten(0, 1))
    notes = decoded[..., Column.NOTE].reshape(N_PAIRS, _PATH_STEPS, -1)
    scale = np.maximum(features(windows).std(0), 1e-3)
    heard = (features(decoded) / scale).reshape(N_PAIRS, _PATH_STEPS, -1)
    of_cells = _goes_over(*((notes != notes[:, end, None]).mean(2) for end in (0, -1)))
    of_features = _goes_over(*(np.linalg.norm(heard - heard[:, end, None], axis=2) for end in (0, -1)))
    return {"cells": of_cells, "features": of_features}


def _goes_over(to_a: NDArray[np.float64], to_b: NDArray[np.float64]) -> float:
    """Return the share of steps in which one distance grows and the other falls."""
    return float(((np.diff(to_a, axis=1) > 0) & (np.diff(to_b, axis=1) < 0)).mean())


def features(windows: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return what windows, (n, 96, 4, 3), sound like, (n, k): attributes, and each voice's pitch classes and rhythm."""
    notes = windows[..., Column.NOTE].astype(np.int64)
    is_attack = onsets_of_windows(windows)
    parts: list[NDArray] = [measure(windows)]
    for voice in Voice:
        sounds = notes[..., voice] > 0
        classes = (notes[..., voice, None] % _N_PITCH_CLASSES == np.arange(_N_PITCH_CLASSES)) & sounds[..., None]
        parts.append(classes.mean(1))
        parts.append(is_attack[..., voice].reshape(len(windows), -1, STEPS_A_BEAT).mean(1))
    return np.concatenate(parts, 1)


def _decode_ms(engine: VaeEngine, z: torch.Tensor) -> dict[str, float]:
    engine.warm_up()
    seconds = []
    for i, place in enumerate(z.numpy()[:N_KNOBS]):
        start = time.perf_counter()
        engine.decode(place, Sampling(), i)
        seconds.append(time.perf_counter() - start)
    p50, p99 = np.percentile(seconds, [50, 99]) * _MILLISECONDS
    return {"p50": float(p50), "p99": float(p99)}


def spearman(one: NDArray, other: NDArray) -> float:
    """Return Spearman's rank correlation; equal values share their mean rank. It is 0 where one of them is constant."""
    ranks = [_ranks(values) for values in (one, other)]
    spread = ranks[0].std() * ranks[1].std()
    product = ((ranks[0] - ranks[0].mean()) * (ranks[1] - ranks[1].mean())).mean()
    return float(product / spread) if spread > 0.0 else 0.0


def _ranks(values: NDArray) -> NDArray[np.float64]:
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2.0)[place]
