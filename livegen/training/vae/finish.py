"""The free latents as a model has them that is played: by variance, each with a mean of 0 and a variance of 1.

While a network learns, its free latents are where they have come to be: most carry little, a few much, and together
they are only roughly normal. What the encoder says of many windows is turned to its principal axes and scaled, and the
decoder's first layer takes that back. So a place that is drawn at random is as likely as what the encoder says, and z9
matters more than z10.
"""

from typing import Final

import numpy as np
import torch
from torch import Tensor

from livegen.training.vae.network import Network, seen_rows
from livegen.training.windows import Windows

_N_WINDOWS: Final = 4096
_LANES: Final = 256
_LEAST: Final = 1e-3
"""Least standard deviation: an axis that the encoder does not use is not blown up."""


@torch.no_grad()
def finished(network: Network, windows: Windows) -> dict[str, Tensor]:
    """Return the arrays of a network, named as `VaeConfig.shapes` says, with its free latents in order.

    The encoder's log-variances stay as they were learnt: nobody asks for them when a model is played.
    """
    arrays = {name: value.detach().clone() for name, value in network.state_dict().items()}
    n, n_named = network.config.n_free, network.config.n_named
    network.eval()
    which = windows.spread(_N_WINDOWS)
    device = network.quantiles.device
    found = [
        network.encode(torch.from_numpy(seen_rows(windows.take(some))).to(device))[0].double()
        for some in np.array_split(which, -(-len(which) // _LANES))
    ]
    means = torch.cat(found)
    middle = means.mean(0)
    centred = means - middle
    variances, axes = torch.linalg.eigh(centred.T @ centred / max(len(centred), 1))
    axes, scale = axes.flip(1), variances.flip(0).clamp(min=_LEAST**2).sqrt()
    axes = axes * torch.where(axes.sum(0) < 0, -1.0, 1.0)  # one of the two signs, the same each time
    to_new, back = (axes / scale).T, axes * scale  # new = to_new (old - middle), old = back new + middle
    weight, bias = arrays["free.weight"].double(), arrays["free.bias"].double()
    arrays["free.weight"][:n] = (to_new @ weight[:n]).float()
    arrays["free.bias"][:n] = (to_new @ (bias[:n] - middle)).float()
    begin = arrays["begin.weight"][:, n_named:].double()
    arrays["begin.weight"][:, n_named:] = (begin @ back).float()
    arrays["begin.bias"] += (begin @ middle).float()
    return arrays
