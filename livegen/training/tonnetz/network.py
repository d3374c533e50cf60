"""The Tonnetz in torch: the reference for `livegen.engines.tonnetz`.

A slice is a picture, 1 where a cell's pitch sounds. Two convolutions, which go round along the fifths, and a linear
layer tell it by a few numbers, from which another linear layer tells its cells again. An LSTM of two layers hears
these numbers slice by slice, and tells how those of the next slice differ. Beside it stands how much a pitch that
sounded so many slices ago says for itself, and what came the last time that the song was as it is now: game music comes
back, and that is quickly learnt.
"""

from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from livegen.engines.tonnetz.config import COLUMNS_POOLED, KERNEL, LONGEST_MATCH, N_RECENT, ROWS_POOLED, TonnetzConfig
from livegen.engines.tonnetz.lattice import CELLS_A_PITCH, CELLS_OF_PITCH, N_COLUMNS, N_PITCHES, N_ROWS, PITCH_OF_CELL

N_LAYERS: Final = 2

SURE: Final = 4.0
"""Logit of a pitch that surely sounds. The autoencoder learns these by L1, not probabilities, whose slope is nothing
where it is sure of the wrong."""

State = tuple[Tensor, Tensor]
"""Of the LSTM: (2, B, n_state) each."""


class Network(nn.Module):
    """The Tonnetz; its arrays have the names and shapes of `TonnetzConfig.shapes`."""

    weights: Tensor

    def __init__(self, config: TonnetzConfig):
        super().__init__()
        self.config = c = config
        self.register_buffer("weights", torch.ones(N_PITCHES))
        self.again = nn.Parameter(torch.zeros(2, N_RECENT))
        self.recalled = nn.Parameter(torch.zeros(2, LONGEST_MATCH + 1, 4))
        self.outer = nn.Conv2d(1, c.n_maps, KERNEL)
        self.inner = nn.Conv2d(c.n_maps, c.n_inner, KERNEL)
        self.latent = nn.Linear(c.n_pooled, c.n_latent)
        self.cells = nn.Linear(c.n_latent, N_ROWS * N_COLUMNS)
        self.lstm = nn.LSTM(c.n_latent, c.n_state, N_LAYERS, batch_first=True)
        self.next = nn.Linear(c.n_state, c.n_latent)

    def encode(self, pitches: Tensor) -> Tensor:
        """Return what slices, ``(..., 96)`` of 0 and 1, are told by, (..., n_latent)."""
        x = pitches[..., PITCH_OF_CELL].reshape(-1, 1, N_ROWS, N_COLUMNS)
        x = functional.max_pool2d(functional.relu(self.outer(_padded(x))), 2)
        x = functional.max_pool2d(functional.relu(self.inner(_padded(x))), (ROWS_POOLED // 2, COLUMNS_POOLED // 2))
        return self.latent(x.flatten(1)).reshape(*pitches.shape[:-1], -1)

    def decode(self, latent: Tensor) -> Tensor:
        """Return the logits of pitches by the three cells that each has, (..., 96, 3), of what slices are told by."""
        return self.cells(latent)[..., CELLS_OF_PITCH]

    def foretell(self, latents: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Return what the slice after each is told by, (B, T, n_latent), and the LSTM's state after all of them.

        The LSTM tells how it differs from the slice that was heard last.
        """
        heard, state = self.lstm(latents, state)
        return latents + self.next(heard), state

    def sounding_again(self, slices: Tensor, n: int) -> Tensor:
        """Return what is added to logits of the slices after the last n for what sounded before them, (B, n, 96, 1).

        `slices` are ``(B, T, 96)``, of which T is n - 1 + `N_RECENT`, or more.
        """
        heard = slices[:, -(n - 1 + N_RECENT) :].transpose(1, 2)  # (B, 96, n - 1 + N_RECENT)
        by_class = heard.unflatten(1, (-1, N_COLUMNS)).amax(1)  # (B, 12, ...)
        of_pitch, of_class = (
            (x.unfold(2, N_RECENT, 1) * weight.flip(0)).sum(-1)  # the latest slice last
            for x, weight in zip((heard, by_class), self.again, strict=True)
        )
        return (of_pitch + of_class.tile(1, N_PITCHES // N_COLUMNS, 1)).transpose(1, 2)[..., None]

    def recall(self, logits: Tensor, lengths: Tensor, followed: Tensor) -> Tensor:
        """Return logits of slices, (..., 96, 3), with what came the last time.

        Parameters
        ----------
        logits : Tensor, shape (..., 96, 3)
        lengths : Tensor of int64, shape (..., 2)
            How many slices were alike then: with the same pitches, and with the same chords.
        followed : Tensor, shape (..., 2, 96)
            The slices that came after them, 0 where none were alike.
        """
        on, octave, off, scale = self.recalled[torch.arange(2), lengths].unbind(-1)  # (..., 2) each
        by_class = followed.unflatten(-1, (-1, N_COLUMNS)).amax(-2)
        in_any_octave = by_class.tile(N_PITCHES // N_COLUMNS)
        added = on[..., None] * followed + octave[..., None] * in_any_octave + off[..., None]
        return logits * (1.0 + scale.sum(-1)[..., None, None]) + added.sum(-2)[..., None]

    def nll(self, logits: Tensor, pitches: Tensor) -> Tensor:
        """Return the weighted cross-entropy of slices, (...), in nats: a pitch is the mean of its cells.

        A pitch that sounds weighs `weights`, in all of its cells alike.
        """
        target = pitches[..., None].expand(*pitches.shape, CELLS_A_PITCH)
        each = functional.binary_cross_entropy_with_logits(
            logits, target, pos_weight=self.weights[:, None], reduction="none"
        )
        return each.mean(-1).sum(-1)

    def differs(self, logits: Tensor, pitches: Tensor) -> Tensor:
        """Return how far slices that are told again are from being sure of what they were, (...).

        A pitch that is told to sound where it is surely silent counts 1. What sounds weighs the square of `weights`: as
        much as silence in all. With less, nothing was told to sound at all, and no more was learnt.
        """
        weight = 1.0 + (self.weights**2 - 1.0) * pitches
        sure = SURE * (2.0 * pitches[..., None] - 1.0)
        return (weight * (logits - sure).abs().mean(-1)).sum(-1) / (2.0 * SURE)


def _padded(x: Tensor) -> Tensor:
    """Return maps, (B, n, rows, columns), with the columns going round, and nothing beyond the rows."""
    around = KERNEL // 2
    return functional.pad(functional.pad(x, (around, around, 0, 0), "circular"), (0, 0, around, around))
