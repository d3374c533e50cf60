"""What a Transformer is: its sizes, as `config.toml` holds them, and the arrays of its weights."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from livegen.engines.config import ALL_VOICES, check_sizes, size_lines, sizes_of
from livegen.engines.transformer.hearing import N_COPIES, N_INPUT_ROWS, N_RELATIVE, N_WAIT_WEIGHTS
from livegen.engines.transformer.words import N_WORDS
from livegen.errors import CheckpointError
from livegen.score import Voice


@dataclass(frozen=True)
class TransformerConfig:
    """What the network is.

    Attributes
    ----------
    n_layers : int
    n_embedding : int
        Numbers that a word is told by, d below.
    n_heads : int
        Heads of attention of each layer; each has d / heads numbers, a multiple of 4.
    n_inner : int
        Units between the layers of a block, m below.
    n_context : int
        Words that are attended to, the last one among them.

    Notes
    -----
    The arrays, by their names:

    ================================================  ====================  ====================================
    `rows.weight`                                     (N_INPUT_ROWS, d)     the first 631 rows also tell words out
    `bias`                                            (631,)                of words
    `layers.I.attention_norm`, `layers.I.inner_norm`  (d,)                  gains
    `layers.I.query.weight`, `key`, `value`, `out`    (d, d)                (out, in), as all that follow
    `layers.I.gate.weight`, `layers.I.up.weight`      (m, d)
    `layers.I.down.weight`                            (d, m)
    `norm`                                            (d,)                  gain
    `relative.weight`, `relative.bias`                (N_RELATIVE, d)       weights by intervals
    `copies.weight`, `copies.bias`                    (N_COPIES, d)         weights of what is proposed
    `waits.weight`, `waits.bias`                      (N_WAIT_WEIGHTS, d)   weights by distances of waits
    ================================================  ====================  ====================================

    Raises
    ------
    CheckpointError
        If a size is out of range.
    """

    n_layers: int = 6
    n_embedding: int = 256
    n_heads: int = 8
    n_inner: int = 512
    n_context: int = 2048

    def __post_init__(self) -> None:
        check_sizes(self)
        if self.n_embedding % (4 * self.n_heads):
            raise CheckpointError(
                f"n_embedding is {self.n_embedding}: allowed with {self.n_heads} heads are multiples of "
                f"{4 * self.n_heads}"
            )

    @classmethod
    def from_table(cls, table: Mapping[str, Any]) -> Self:
        """Return what a `config.toml` says; raises CheckpointError."""
        return cls(**sizes_of(cls, table))

    def to_lines(self) -> list[str]:
        """Return the lines of TOML that say it, as `from_table` reads them."""
        return size_lines(self)

    @property
    def voices(self) -> tuple[Voice, ...]:
        """The voices that it hears and plays."""
        return ALL_VOICES

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the name and shape of every array of the weights."""
        d, m = self.n_embedding, self.n_inner
        shapes: dict[str, tuple[int, ...]] = {"rows.weight": (N_INPUT_ROWS, d), "bias": (N_WORDS,)}
        for layer in range(self.n_layers):
            own: dict[str, tuple[int, ...]] = dict.fromkeys(("attention_norm", "inner_norm"), (d,))
            own |= {f"{name}.weight": (d, d) for name in ("query", "key", "value", "out")}
            own |= {"gate.weight": (m, d), "up.weight": (m, d), "down.weight": (d, m)}
            shapes |= {f"layers.{layer}.{name}": shape for name, shape in own.items()}
        shapes |= {"norm": (d,)}
        for name, n in (("relative", N_RELATIVE), ("copies", N_COPIES), ("waits", N_WAIT_WEIGHTS)):
            shapes |= {f"{name}.weight": (n, d), f"{name}.bias": (n,)}
        return shapes
