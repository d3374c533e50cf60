"""The generator at run time: from latents to what the heads say of each step; `livegen.training.gan.network` says why.

A loop of several phrases has a latent for each of them and is computed as one circle.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from livegen.engines.gan import kernels
from livegen.engines.gan.layout import PHRASE_BEATS, QUARTERS, THIRDS, GanConfig
from livegen.score import Voice

_HEAD_LAYERS = ("latent", "beats", "up", "quarters", "thirds", "steps", "out")
_TRUNK_LAYERS = ("latent", "beats", "up", "quarters")

Layer = tuple[NDArray[np.float32], NDArray[np.float32]]
"""Weight and bias, as the kernels take them."""


@dataclass(frozen=True, eq=False)
class Generator:
    """The weights of the generator, laid out for the kernels."""

    trunk: Mapping[str, Layer]
    heads: tuple[Mapping[str, Layer], ...]

    @classmethod
    def from_arrays(cls, config: GanConfig, arrays: Mapping[str, NDArray]) -> Self:
        """Build it from arrays that are named and shaped as ``config.shapes()`` says."""
        widths = {"trunk": config.n_trunk, "heads": config.n_own_in}

        def layer(name: str) -> Layer:
            weight, bias = np.asarray(arrays[f"{name}.weight"]), np.asarray(arrays[f"{name}.bias"], np.float32)
            if name.endswith("latent"):  # from (channels * beats, n), as torch has it, to (n, beats * channels)
                n_channels = widths[name.split(".")[0]]
                weight = weight.reshape(n_channels, PHRASE_BEATS, -1).transpose(2, 1, 0).reshape(weight.shape[1], -1)
                bias = bias.reshape(n_channels, PHRASE_BEATS).T.reshape(-1)
            else:
                weight = weight.transpose(2, 1, 0)
            return np.ascontiguousarray(weight, np.float32), np.ascontiguousarray(bias)

        return cls(
            {name: layer(f"trunk.{name}") for name in _TRUNK_LAYERS},
            tuple({name: layer(f"heads.{voice.name}.{name}") for name in _HEAD_LAYERS} for voice in Voice),
        )

    def scores(self, shared: NDArray[np.float32], own: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        """Return what each head says of each step, (blocks * 96, outputs).

        Parameters
        ----------
        shared : ndarray of float32, shape (blocks, n_shared)
        own : ndarray of float32, shape (blocks, 4, n_own)
        """
        beats, quarters = self.of_trunk(shared)
        return [self.of_voice(voice, beats, quarters, own[:, voice]) for voice in Voice]

    def of_trunk(self, shared: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return what all voices hear, of beats and of their quarters."""
        beats = _activated(self.trunk, "beats", kernels.on_beats(shared, *self.trunk["latent"], PHRASE_BEATS))
        quarters = kernels.grow(kernels.convolve(beats, *self.trunk["up"]), QUARTERS)
        return beats, _activated(self.trunk, "quarters", quarters)

    def of_voice(
        self, voice: Voice, beats: NDArray[np.float32], quarters: NDArray[np.float32], own: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Return what a voice's head says of each step."""
        head = self.heads[voice]
        latent = kernels.on_beats(np.ascontiguousarray(own), *head["latent"], PHRASE_BEATS)
        x = _activated(head, "beats", kernels.beside(beats, latent))
        x = kernels.grow(kernels.convolve(x, *head["up"]), QUARTERS)
        x = _activated(head, "quarters", kernels.beside(quarters, x))
        x = kernels.grow(kernels.convolve(x, *head["thirds"]), THIRDS)
        return kernels.convolve(_activated(head, "steps", x), *head["out"])


def _activated(layers: Mapping[str, Layer], name: str, x: NDArray[np.float32]) -> NDArray[np.float32]:
    out: NDArray[np.float32] = kernels.convolve(x, *layers[name])
    kernels.activate(out)
    return out
