"""How the network descends: Muon for the matrices of its layers, AdamW for tables, heads, gains and biases.

The rate rises, stays, and falls in a straight line to the end of the budget ("warm-up, stable, decay"): so a run can
be brought to its end from any checkpoint, by resuming it with less of a budget.
"""

from typing import Any, Final

import torch
from torch import Tensor

from livegen.training.transformer.network import Network

_BETAS: Final = (0.9, 0.98)
_MUON_STEPS: Final = 5
_QUINTIC: Final = (3.4445, -4.7750, 2.0315)
"""The polynomial of Newton and Schulz's iteration, as torch.optim.Muon has it."""


class Muon(torch.optim.Optimizer):
    """torch.optim.Muon in float32, all matrices of a shape at once.

    torch's own iterates in bfloat16, one matrix after another, which processors without such instructions take far
    longer for.

    Parameters
    ----------
    parameters : list of Tensor
        Matrices.
    lr, weight_decay, momentum : float
    """

    def __init__(self, parameters: list[Tensor], lr: float, weight_decay: float, momentum: float = 0.95) -> None:
        super().__init__(parameters, {"lr": lr, "weight_decay": weight_decay, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:
        """Do a step; `closure` is not called."""
        for group in self.param_groups:
            by_shape: dict[torch.Size, list[Tensor]] = {}
            for parameter in group["params"]:
                if parameter.grad is not None:
                    by_shape.setdefault(parameter.shape, []).append(parameter)
            for (n_out, n_in), parameters in by_shape.items():
                size = group["lr"] * max(1.0, n_out / n_in) ** 0.5
                for parameter, change in zip(parameters, self._changes(parameters, group["momentum"]), strict=True):
                    parameter.mul_(1.0 - group["lr"] * group["weight_decay"]).sub_(change, alpha=size)

    def _changes(self, parameters: list[Tensor], momentum: float) -> Tensor:
        """Return the orthogonal matrices that are nearest to the gradients with momentum (Nesterov's)."""
        moved = []
        for parameter in parameters:
            assert parameter.grad is not None
            state = self.state[parameter]
            if not state:
                state["momentum_buffer"] = torch.zeros_like(parameter)
            state["momentum_buffer"].lerp_(parameter.grad, 1.0 - momentum)
            moved.append(parameter.grad.lerp(state["momentum_buffer"], momentum))
        return orthogonal(torch.stack(moved))


def orthogonal(x: Tensor) -> Tensor:
    """Return about the nearest orthogonal matrix to each, (n, rows, columns)."""
    a, b, c = _QUINTIC
    is_tall = x.shape[1] > x.shape[2]
    x = x.mT if is_tall else x
    x = x / x.norm(dim=(1, 2), keepdim=True).clamp(min=1e-7)
    for _ in range(_MUON_STEPS):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.mT if is_tall else x


def matrices_of(network: Network) -> dict[str, Tensor]:
    """Return the matrices of the layers, by name."""
    return {name: p for name, p in network.named_parameters() if name.startswith("layers.") and p.ndim == 2}


def adamw_of(network: Network, rate: float, weight_decay: float) -> torch.optim.AdamW:
    """Return the optimizer of all that is no matrix of a layer."""
    matrices = matrices_of(network)
    others = [p for name, p in network.named_parameters() if name not in matrices]
    groups = [
        {"params": [p for p in others if p.ndim == 2], "weight_decay": weight_decay},
        {"params": [p for p in others if p.ndim == 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, rate, _BETAS)
