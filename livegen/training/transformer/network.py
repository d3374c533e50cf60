"""The network in torch: a decoder of TX1's words, which the live step must agree with.

A position is told by the sum of its input rows (`livegen.engines.transformer.hearing`). Blocks of attention and of a
gated layer follow, each after a norm (RMSNorm) and added to what it has read. In a head, half of the pairs of numbers
turn by the index of the word, half by its time in ticks of 60 Hz (RoPE), so that "a bar ago" is a distance. The words
are told by the rows that also tell them in; to their logits come relative weights (what lies so many semitones over
the note that a voice sounded last), weights of what is proposed, and weights of waits that are near a likely one.
"""

from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from livegen.engines.transformer.config import TransformerConfig
from livegen.engines.transformer.hearing import (
    FILTERS,
    INTERVAL,
    N_COLOURS,
    N_COPIES,
    N_DISTANCES,
    N_INPUT_ROWS,
    N_INTERVALS,
    N_PITCH_CLASSES,
    N_PITCHED,
    N_RELATIVE,
    N_WAIT_WEIGHTS,
    NEAR,
)
from livegen.engines.transformer.network import turning_rates
from livegen.engines.transformer.words import FIRST_OWN, FIRST_WAIT, LOWEST, N_OWN, N_WAITS, N_WORDS

EPSILON: Final = 1e-6
"""Of the norms: what is added to the mean of squares."""

NO_WORD: Final = -100
"""The target of a position where nothing is learnt."""


@dataclass(frozen=True)
class Batch:
    """Positions of B lanes as tensors.

    Attributes
    ----------
    rows : (B, T, N_ROWS) int64
    ticks : (B, T) float64
        Time at each position.
    proposals : (B, T, N_PROPOSED, 2) int64
    colours : (B, T, 2, 12) float
    waits : (B, T, N_WAITS_TOLD) int64
    notes : (B, T, 3) int64
        The last note of each pitched voice.
    targets : (B, T) int64
        The word after each position, `NO_WORD` where there is none.
    pieces : (B, T) int64
        Which song of its lane each position is of, for none attends to another; a lane begins with song 0.
    """

    rows: Tensor
    ticks: Tensor
    proposals: Tensor
    colours: Tensor
    waits: Tensor
    notes: Tensor
    targets: Tensor
    pieces: Tensor


class Block(nn.Module):
    """A layer: attention, and a gated layer."""

    def __init__(self, config: TransformerConfig):
        super().__init__()
        d, m = config.n_embedding, config.n_inner
        self.n_heads, self.n_context = config.n_heads, config.n_context
        self.attention_norm, self.inner_norm = nn.Parameter(torch.ones(d)), nn.Parameter(torch.ones(d))
        self.query, self.key, self.value, self.out = (nn.Linear(d, d, bias=False) for _ in range(4))
        self.gate, self.up = (nn.Linear(d, m, bias=False) for _ in range(2))
        self.down = nn.Linear(m, d, bias=False)
        nn.init.zeros_(self.out.weight)  # a new layer changes nothing
        nn.init.zeros_(self.down.weight)

    def forward(self, x: Tensor, turns: tuple[Tensor, Tensor], mask: Tensor | None) -> Tensor:
        """Return (B, T, d) for the same, with the angles of `turned` and the mask of `attended`."""
        y = norm(x, self.attention_norm)
        query, key, value = (
            part(y).unflatten(-1, (self.n_heads, -1)).transpose(1, 2) for part in (self.query, self.key, self.value)
        )
        seen = attended(turned(query, turns), turned(key, turns), value, mask, self.n_context)
        x = x + self.out(seen.transpose(1, 2).flatten(2))
        y = norm(x, self.inner_norm)
        return x + self.down(functional.silu(self.gate(y)) * self.up(y))


class Network(nn.Module):
    """The network; its arrays have the names and shapes of `TransformerConfig.shapes`.

    Attributes
    ----------
    n_used : int
        Layers that are used: the first ones. Those that are not would change nothing.
    """

    def __init__(self, config: TransformerConfig):
        super().__init__()
        self.config = config
        d = config.n_embedding
        self.n_used = config.n_layers
        self.rows = nn.EmbeddingBag(N_INPUT_ROWS, d, mode="sum")
        self.bias = nn.Parameter(torch.zeros(N_WORDS))
        self.layers = nn.ModuleList(Block(config) for _ in range(config.n_layers))
        self.norm = nn.Parameter(torch.ones(d))
        self.relative, self.copies = nn.Linear(d, N_RELATIVE), nn.Linear(d, N_COPIES)
        nn.init.normal_(self.rows.weight, std=0.02)
        self.waits = nn.Linear(d, N_WAIT_WEIGHTS)
        for head in (self.relative, self.copies, self.waits):
            for weights in head.parameters():
                nn.init.zeros_(weights)
        self.interval: Tensor
        self.turned_classes: Tensor
        self.register_buffer("interval", torch.from_numpy(INTERVAL), persistent=False)
        classes = torch.arange(N_PITCH_CLASSES)
        self.register_buffer("turned_classes", (classes[:, None] - classes) % N_PITCH_CLASSES, persistent=False)
        self._rates = torch.from_numpy(turning_rates(d // config.n_heads))

    def forward(self, batch: Batch) -> Tensor:
        """Return the logits of the word after each position, (B, T, 631)."""
        return self.logits(self.hidden(batch), batch)

    def hidden(self, batch: Batch) -> Tensor:
        """Return what the heads read, (B, T, d)."""
        B, T, _ = batch.rows.shape
        x = norm(self.rows(batch.rows.flatten(0, 1)).unflatten(0, (B, T)))
        index = torch.arange(T, dtype=torch.float64)
        by_word, by_tick = self._rates
        angles = index[:, None] * by_word + batch.ticks[..., None] * by_tick
        turns = angles.cos().float()[:, None], angles.sin().float()[:, None]
        mask = self._mask(batch)
        for layer in self.layers[: self.n_used]:
            x = layer(x, turns, mask)
        return norm(x, self.norm)

    def _mask(self, batch: Batch) -> Tensor | None:
        """Return what each position may see, (B, 1, T, T); None where that is all up to itself."""
        if not batch.pieces.any():
            return None
        T = batch.rows.shape[1]
        is_seen = torch.ones(T, T, dtype=torch.bool).tril()
        return (is_seen & (batch.pieces[:, :, None] == batch.pieces[:, None]))[:, None]

    def logits(self, h: Tensor, batch: Batch) -> Tensor:
        """Return the logits of words, (B, T, 631), of what the heads read."""
        logits = functional.linear(h, self.rows.weight[:N_WORDS], self.bias)
        scores = functional.pad(self.copies(h), (0, 1))  # the last one, 0, is for what is not proposed
        word, row = batch.proposals.unbind(-1)
        logits = logits.scatter_add(-1, word, scores.gather(-1, row % (N_COPIES + 1)))
        return logits + self._relative(h, batch) + self._by_distance(h, batch)

    def _by_distance(self, h: Tensor, batch: Batch) -> Tensor:
        """Return what the waits that are told give to each word, (B, T, 631)."""
        weights = self.waits(h).unflatten(-1, (-1, N_DISTANCES)) * (batch.waits > 0)[..., None]
        place = (batch.waits - FIRST_WAIT).clamp(min=0)[..., None] + torch.arange(N_DISTANCES)
        given = torch.zeros(*h.shape[:2], N_WAITS + 2 * NEAR).scatter_add(-1, place.flatten(-2), weights.flatten(-2))
        return functional.pad(given[..., NEAR:-NEAR], (FIRST_WAIT, N_WORDS - FIRST_WAIT - N_WAITS))

    def _relative(self, h: Tensor, batch: Batch) -> Tensor:
        """Return what intervals and colours give to each word, (B, T, 631)."""
        weights = self.relative(h)
        tables = weights[..., :FILTERS].unflatten(-1, (N_PITCHED, N_PITCHED, N_INTERVALS))
        filters = weights[..., FILTERS:].unflatten(-1, (N_PITCHED, N_COLOURS * N_PITCH_CLASSES))
        is_known = (batch.notes > 0)[..., None]
        colours = batch.colours[..., self.turned_classes].movedim(-3, -2).flatten(-2)  # (B, T, 12, 24)
        parts = [torch.zeros(*h.shape[:2], int(FIRST_OWN[0]), device=h.device)]
        for voice in range(N_PITCHED):
            notes = int(LOWEST[voice]) + torch.arange(int(N_OWN[voice]) - 1)
            by_interval = tables[..., voice, :, :].gather(-1, self.interval[batch.notes][..., notes])
            by_class = (colours @ filters[..., voice, :, None])[..., 0]
            of_notes = (by_interval * is_known).sum(-2) + by_class[..., notes % N_PITCH_CLASSES]
            parts.append(functional.pad(of_notes, (1, 0)))  # nothing for the word that ends a note
        return functional.pad(torch.cat(parts, -1), (0, N_WORDS - int(FIRST_OWN[N_PITCHED])))


def attended(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, n_context: int) -> Tensor:
    """Return what positions see, (B, heads, T, n): of those up to themselves the last `n_context`.

    A mask, (B, 1, T, T) bool, says in its place what they see; with one, T is at most `n_context`.
    """
    T = query.shape[2]
    if n_context >= T:
        return functional.scaled_dot_product_attention(query, key, value, attn_mask=mask, is_causal=mask is None)
    parts = []
    for begin in range(0, T, n_context):
        first, end = max(begin - n_context + 1, 0), min(begin + n_context, T)
        back = torch.arange(begin, end)[:, None] - torch.arange(first, end)
        is_seen = (back >= 0) & (back < n_context)
        own = query[:, :, begin:end]
        parts.append(
            functional.scaled_dot_product_attention(own, key[:, :, first:end], value[:, :, first:end], is_seen)
        )
    return torch.cat(parts, 2)


def norm(x: Tensor, gain: Tensor | None = None) -> Tensor:
    """Return vectors with a mean square of 1, times a gain if there is one."""
    return functional.rms_norm(x, x.shape[-1:], gain, EPSILON)


def turned(x: Tensor, turns: tuple[Tensor, Tensor]) -> Tensor:
    """Return vectors, (B, heads, T, n), whose pairs (k, k + n / 2) have turned by angles of these cosines and sines."""
    cosine, sine = turns
    first, second = x.chunk(2, -1)
    return torch.cat([first * cosine - second * sine, second * cosine + first * sine], -1)
