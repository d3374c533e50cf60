"""What a Tonnetz is: its sizes, and how long a slice is, as `config.toml` holds it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from livegen.engines.config import check_sizes, size_lines, sizes_of
from livegen.engines.steps import STEPS_A_BEAT
from livegen.engines.tonnetz.lattice import N_CELLS, N_COLUMNS, N_PITCHES, N_ROWS
from livegen.errors import CheckpointError
from livegen.score import PITCHED, Voice

KERNEL: Final = 3
"""Rows and columns that a convolution sees around each cell."""

ROWS_POOLED, COLUMNS_POOLED = 4, 2
"""How many rows and columns the two layers of the encoder make one of: two of each, then two rows."""

N_RECENT: Final = 16
"""Slices of which the network is told by itself what sounded, to go on as before: as many as it learns at once."""

N_HEARD: Final = 512
"""Slices that it remembers, to find among them where the music was as it is now."""

LONGEST_MATCH: Final = 8
"""Slices that are compared there at most."""

_SHORTEST, _LONGEST = 0.25, 8.0


@dataclass(frozen=True)
class TonnetzConfig:
    """What the network is.

    Attributes
    ----------
    n_maps, n_inner : int
        Maps of the encoder's two convolutions.
    n_latent : int
        Numbers that a slice is told by.
    n_state : int
        Units of each of the LSTM's two layers.
    beats_a_slice : float
        How long a slice is.
    threshold : float
        0..1: a pitch class that is likelier is one of those that the network predicts. Training finds it.

    Raises
    ------
    CheckpointError
        If a size, the length of a slice or the threshold is out of range.
    """

    n_maps: int = 20
    n_inner: int = 10
    n_latent: int = 128
    n_state: int = 256
    beats_a_slice: float = 1.0
    threshold: float = 0.5

    def __post_init__(self) -> None:
        check_sizes(self)
        steps = self.beats_a_slice * STEPS_A_BEAT
        if not (_SHORTEST <= self.beats_a_slice <= _LONGEST and steps == int(steps)):
            raise CheckpointError(
                f"beats_a_slice is {self.beats_a_slice}: allowed is {_SHORTEST:g} to {_LONGEST:g}, in whole twelfths"
            )
        if not 0.0 < self.threshold < 1.0:
            raise CheckpointError(f"threshold is {self.threshold}: allowed is more than 0 and less than 1")

    @classmethod
    def from_table(cls, table: Mapping[str, Any]) -> Self:
        """Return what a `config.toml` says; raises CheckpointError."""
        beats, threshold = (table.get(name) for name in ("beats_a_slice", "threshold"))
        for name, number in (("beats_a_slice", beats), ("threshold", threshold)):
            if type(number) not in (int, float):
                raise CheckpointError(f"{name} is {number!r}: it needs a number")
        return cls(**sizes_of(cls, table), beats_a_slice=float(beats or 0), threshold=float(threshold or 0))

    def to_lines(self) -> list[str]:
        """Return the lines of TOML that say it, as `from_table` reads them."""
        return [f"beats_a_slice = {self.beats_a_slice}", f"threshold = {self.threshold}", *size_lines(self)]

    @property
    def voices(self) -> tuple[Voice, ...]:
        """The voices that it hears and plays: those that have pitches."""
        return tuple(PITCHED)

    @property
    def slice_steps(self) -> int:
        """How many steps of the beat's grid a slice is."""
        return int(self.beats_a_slice * STEPS_A_BEAT)

    @property
    def n_pooled(self) -> int:
        """Numbers that the convolutions make of a slice."""
        return self.n_inner * (N_ROWS // ROWS_POOLED) * (N_COLUMNS // COLUMNS_POOLED)

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the name and shape of every array of the weights.

        ``again`` is by how much a pitch is likelier that sounded so many slices ago, itself and in any octave.
        ``recalled`` is what the slice says that came the last time, after so many slices with the same pitches, and
        with the same chords: how much likelier its pitches are, those of its pitch classes, and all pitches, and by
        how much more what else the network expects counts.
        """
        gates = 4 * self.n_state
        shapes: dict[str, tuple[int, ...]] = {
            "weights": (N_PITCHES,),
            "again": (2, N_RECENT),
            "recalled": (2, LONGEST_MATCH + 1, 4),
            "outer.weight": (self.n_maps, 1, KERNEL, KERNEL),
            "outer.bias": (self.n_maps,),
            "inner.weight": (self.n_inner, self.n_maps, KERNEL, KERNEL),
            "inner.bias": (self.n_inner,),
            "latent.weight": (self.n_latent, self.n_pooled),
            "latent.bias": (self.n_latent,),
            "cells.weight": (N_CELLS, self.n_latent),
            "cells.bias": (N_CELLS,),
            "next.weight": (self.n_latent, self.n_state),
            "next.bias": (self.n_latent,),
        }
        for layer, n_in in enumerate((self.n_latent, self.n_state)):
            shapes |= {f"lstm.weight_ih_l{layer}": (gates, n_in), f"lstm.weight_hh_l{layer}": (gates, self.n_state)}
            shapes |= {f"lstm.bias_ih_l{layer}": (gates,), f"lstm.bias_hh_l{layer}": (gates,)}
        return shapes
