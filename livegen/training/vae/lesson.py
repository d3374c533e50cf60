"""What a step teaches the VAE: to say a window again from its latents, while these stay near a normal distribution."""

from typing import Final, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from livegen.engines.steps import N_STEPS
from livegen.engines.vae import rows
from livegen.engines.vae.attributes import latents_of, measure
from livegen.score import N_VOICES, NOTE_RANGE
from livegen.training.dataset import transposed
from livegen.training.vae.network import Batch, Network, batch_of
from livegen.training.windows import Windows

VOLUME_WEIGHT: Final = 0.4
TIMBRE_WEIGHT: Final = 0.2

_NAMED_NOISE: Final = 0.2
"""Standard deviation of what is added to named latents: the decoder is to go smoothly from one place to the next."""

_FREE_BITS: Final = 0.05
"""Nats that each free latent may hold at no cost, so that none of them is given up."""

_APART: Final = 20.0
"""Weight, in nats, of the squared correlations between free and named latents. What a knob says is not to be said a
second time elsewhere: the decoder would listen there."""

_KEPT_APART: Final = 0.95
"""How much of the correlations found so far is left after a step: those of one batch are mostly chance."""

_STRANGERS: Final = 0.15
"""Share of windows whose free latents are drawn from the prior and not from the encoder. So the decoder learns what the
knobs mean beside free latents that have nothing to do with them, as they have when somebody plays with the knobs."""

_AS_IT_IS: Final = 0.5
"""Share of windows that are not transposed."""

_NO_PAST: Final = 0.5
_NO_BAR: Final = 0.3
_MOST_HIDDEN: Final = 1.0
"""Word drop-out: shares of the windows whose decoder is not told the step before the window and not the bar before; and
the most of a window's steps, drawn evenly from 0 up, that a voice is not told of itself and the others."""


_SLIPS: Final = 0.5
_MOST_SLIPS: Final = 0.6
"""Share of the windows in which the decoder hears other notes than it should have played, and the most of their notes,
drawn evenly from 0 up, of which that is so. It is to hold such a note as long as the right one, and play the next one
right: it slips, too, when it plays, and else every slip led to others."""

_SLIP_SEMITONES: Final = np.array([-12, -7, -5, -4, -3, -2, -1, 1, 2, 3, 4, 5, 7, 12])

_BLIND: Final = 0.3
"""Share of the steps at which heads are told nothing but the plan and other voices of the step. So the plan
comes to say which notes are played, where else that would be left to the decoder's memory."""


class Losses(NamedTuple):
    """Means over a batch, in nats a window."""

    total: Tensor
    note: Tensor
    volume: Tensor
    timbre: Tensor
    kl: Tensor
    apart: Tensor


class Lesson(nn.Module):
    """The forward pass of a step in one call, as training on several processes needs it."""

    def __init__(self, network: Network):
        super().__init__()
        self.network = network
        c = network.config
        self.correlation: Tensor
        self.register_buffer("correlation", torch.zeros(c.n_free, c.n_named, device=network.quantiles.device))

    def forward(self, batch: Batch, named: Tensor, kl_weight: float) -> Losses:
        """Return the losses of a batch whose named latents are ``named (B, n_named)``."""
        n = len(named)
        mean, log_variance = self.network.encode(batch.seen)
        free = mean + torch.exp(0.5 * log_variance) * torch.randn_like(mean)
        is_stranger = torch.rand(n, 1, device=free.device) < _STRANGERS
        free = torch.where(is_stranger, torch.randn_like(free), free)
        z = torch.cat([named + _NAMED_NOISE * torch.randn_like(named), free], 1)
        h = self.network.decode(*self.network.plan_of(z), batch.inputs)
        batch, h = self._blinded(batch, h)
        rank = torch.rand(n, N_STEPS, N_VOICES, device=h.device)  # each step's own order of the voices
        nlls = self.network.nlls(h, batch, rank[:, :, None, :] < rank[:, :, :, None])
        note, volume, timbre = (each.sum((1, 2)).mean() for each in nlls)
        each_kl = 0.5 * (mean**2 + log_variance.exp() - 1.0 - log_variance).mean(0)
        kl = each_kl.clamp(min=_FREE_BITS).sum()
        apart = _APART * self._correlated(mean, named)
        total = note + VOLUME_WEIGHT * volume + TIMBRE_WEIGHT * timbre + kl_weight * kl + apart
        return Losses(total, note, volume, timbre, each_kl.sum(), apart)

    def _correlated(self, mean: Tensor, named: Tensor) -> Tensor:
        """Return something with the gradient of the squared correlations of free and named latents."""
        spread = mean.std(0).clamp(min=1e-3)  # of the graph: else smaller latents would seem less correlated
        with torch.autocast(mean.device.type, enabled=False):
            now = ((mean - mean.mean(0)) / spread).T @ (named - named.mean(0)) / len(mean)
        with torch.no_grad():
            self.correlation.mul_(_KEPT_APART).add_(now, alpha=1.0 - _KEPT_APART)
        return 2.0 * (self.correlation.detach().clone() * now).sum()

    def _blinded(self, batch: Batch, h: Tensor) -> tuple[Batch, Tensor]:
        """Hide the decoder's state and the step before from the heads at some steps."""
        is_blind = torch.rand(h.shape[:2], device=h.device) < _BLIND
        n_state = self.network.config.n_state
        h = torch.cat([h[..., :n_state].masked_fill(is_blind[..., None], 0.0), h[..., n_state:]], 2)
        own = torch.where(is_blind[:, :, None, None], torch.tensor(rows.OWN_UNKNOWN, device=h.device), batch.own)
        changed = batch.changed.masked_fill(is_blind[..., None], 2)
        return batch._replace(own=own, changed=changed), h


def named_latents(network: Network, windows: NDArray[np.uint8], within: NDArray[np.float32] | float = 0.5) -> NDArray:
    """Return the named latents, (B, n_named), of windows ``uint8 (B, 96, 4, 3)``; see `latents_of`."""
    return latents_of(measure(windows, network.config.latents), network.quantiles.cpu().numpy(), within)


def lesson_of(
    windows: Windows, which: NDArray[np.int64], network: Network, generator: np.random.Generator
) -> tuple[Batch, Tensor]:
    """Return some windows, transposed at random and with word drop-out, and their named latents."""
    songs = windows.songs_of(which)
    shifts = generator.integers(windows.lowest_shift[songs], windows.highest_shift[songs] + 1)
    shifts[generator.random(len(which)) < _AS_IT_IS] = 0
    whole = np.concatenate([windows.before(which)[:, None], windows.take(which)], 1)
    whole = np.stack([transposed(each, int(shift)) for each, shift in zip(whole, shifts, strict=True)])
    before, taken = whole[:, 0], whole[:, 1:]
    n, places = len(which), (len(which), N_STEPS, N_VOICES)
    is_hidden = generator.random(places) < _MOST_HIDDEN * generator.random((n, 1, 1))
    is_hidden[:, 0] |= generator.random((n, 1)) < _NO_PAST
    no_bar = generator.random((n, 1, 1)) < _NO_BAR
    is_bar_hidden = no_bar | (generator.random(places) < _MOST_HIDDEN * generator.random((n, 1, 1)))
    device = network.quantiles.device
    heard = with_slips(taken, generator)
    is_change = np.ones(places, np.bool_)
    is_change[:, 1:] = taken[:, 1:, :, 0] != taken[:, :-1, :, 0]
    target = np.where(is_change[..., None], taken, heard)
    batch = batch_of(taken, before, is_hidden, is_bar_hidden, device, heard, target)
    within = generator.random((n, network.config.n_named), np.float32)
    return batch, torch.from_numpy(named_latents(network, taken, within)).to(device)


def with_slips(windows: NDArray[np.uint8], generator: np.random.Generator) -> NDArray[np.uint8]:
    """Return windows, (B, 96, 4, 3), in some of which some notes are others, each for as long as it lasts."""
    n, n_steps = windows.shape[:2]
    note = windows[..., 0].astype(np.int64)
    part = np.concatenate([np.zeros((n, 1, N_VOICES), np.int64), (note[:, 1:] != note[:, :-1]).cumsum(1)], 1)
    share = _MOST_SLIPS * generator.random((n, 1, 1)) * (generator.random((n, 1, 1)) < _SLIPS)
    is_slip = np.take_along_axis(generator.random((n, n_steps, N_VOICES)) < share, part, 1) & (note > 0)
    by = np.take_along_axis(generator.choice(_SLIP_SEMITONES, (n, n_steps, N_VOICES)), part, 1)
    lowest, highest = np.array(list(NOTE_RANGE.values())).T
    slips = windows.copy()
    slips[..., 0] = np.where(is_slip, np.clip(note + by, lowest, highest), note)
    return slips
