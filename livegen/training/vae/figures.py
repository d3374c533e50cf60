"""The figure that a run of the VAE is watched by."""

from typing import Final

import numpy as np
import torch

from livegen.engines.steps import N_STEPS
from livegen.score import N_VOICES
from livegen.training.vae.lesson import named_latents
from livegen.training.vae.network import Network, batch_of
from livegen.training.windows import Windows

_N_WATCHED: Final = 256
"""Valid windows on which a run is measured at checkpoints."""


@torch.no_grad()
def note_nll(network: Network, windows: Windows, n: int = _N_WATCHED) -> float:
    """Return how well windows are told again, in nats a step of the beat: all voices' notes, in the order of voices.

    The latents are the encoder's means and the decoder is told every step before, so this is no bound on a likelihood.
    """
    network.eval()
    which = windows.spread(n)
    taken = windows.take(which)
    hidden = np.zeros((len(which), N_STEPS, N_VOICES), np.bool_)
    batch = batch_of(taken, windows.before(which), hidden, hidden, network.quantiles.device)
    named = torch.from_numpy(named_latents(network, taken)).to(network.quantiles.device)
    z = torch.cat([named, network.encode(batch.seen)[0]], 1)
    h = network.decode(*network.plan_of(z), batch.inputs)
    in_order = torch.ones(N_VOICES, N_VOICES, device=h.device).tril(-1).bool().expand(len(which), N_STEPS, -1, -1)
    return float(network.nlls(h, batch, in_order)[0].sum(2).mean())
