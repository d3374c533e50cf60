"""What a phrase of the GAN is, and the sizes of the network that makes it.

A phrase is a window of `livegen.engines.steps`, eight beats of twelve steps. Everything in it is circular: the step
before the first one is the last.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from livegen.engines.config import ALL_VOICES, check_sizes, size_lines, sizes_of
from livegen.engines.steps import BEATS, N_STEPS, STEPS_A_BEAT
from livegen.score import NOTE_RANGE, TIMBRE_MAX, VOLUME_MAX, Voice

PHRASE_BEATS: Final = BEATS
PHRASE_STEPS: Final = N_STEPS
BAR_BEATS: Final = 4

QUARTERS: Final = 4
"""The network grows from beats to their quarters, and from these to the steps: by these factors."""
THIRDS: Final = STEPS_A_BEAT // QUARTERS

KERNEL: Final = 3
"""Width of every convolution in time."""

N_NOTES: Final[dict[Voice, int]] = {voice: high - low + 2 for voice, (low, high) in NOTE_RANGE.items()}
N_TIMBRES: Final[dict[Voice, int]] = {voice: most + 1 for voice, most in TIMBRE_MAX.items()}
"""Classes of notes of a voice, of which the first is silence, and of timbres."""

HAS_VOLUME: Final[dict[Voice, bool]] = {voice: most > 0 for voice, most in VOLUME_MAX.items()}

GATE: Final = 0
FIRST_NOTE: Final = 1
"""Rows of what a voice's head says of a step: whether it strikes, what (its note classes), how loud, the timbres."""


def n_outputs(voice: Voice) -> int:
    """Return how many numbers a voice's head says of a step."""
    return FIRST_NOTE + N_NOTES[voice] + 1 + N_TIMBRES[voice]


def at_volume(voice: Voice) -> int:
    """Return the row of the volume; the timbres come behind it."""
    return FIRST_NOTE + N_NOTES[voice]


@dataclass(frozen=True)
class GanConfig:
    """What the network is, as `config.toml` holds it.

    Attributes
    ----------
    n_shared, n_own : int
        Numbers of the latent that all voices share, and of each voice's own.
    n_trunk, n_trunk_fine : int
        Channels of the trunk, of beats and of their quarters.
    n_own_in, n_head, n_head_fine : int
        Channels of a voice: of what its latent becomes, of beats and their quarters, and of steps.

    Raises
    ------
    CheckpointError
        If a size is no whole number within 1..4096.
    """

    n_shared: int = 64
    n_own: int = 32
    n_trunk: int = 256
    n_trunk_fine: int = 96
    n_own_in: int = 96
    n_head: int = 128
    n_head_fine: int = 64

    def __post_init__(self) -> None:
        check_sizes(self)

    @property
    def voices(self) -> tuple[Voice, ...]:
        """The voices that it hears and plays: all."""
        return ALL_VOICES

    @classmethod
    def from_table(cls, table: Mapping[str, Any]) -> Self:
        """Return what a `config.toml` says; raises CheckpointError."""
        return cls(**sizes_of(cls, table))

    def to_lines(self) -> list[str]:
        """Return the lines of TOML that say it, as `from_table` reads them."""
        return size_lines(self)

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the name and shape of every array of the weights."""
        layers: dict[str, tuple[int, ...]] = {
            "trunk.latent": (PHRASE_BEATS * self.n_trunk, self.n_shared),
            "trunk.beats": (self.n_trunk, self.n_trunk, KERNEL),
            "trunk.up": (QUARTERS * self.n_trunk_fine, self.n_trunk, KERNEL),
            "trunk.quarters": (self.n_trunk_fine, self.n_trunk_fine, KERNEL),
        }
        for voice in Voice:
            head = f"heads.{voice.name}"
            layers |= {
                f"{head}.latent": (PHRASE_BEATS * self.n_own_in, self.n_own),
                f"{head}.beats": (self.n_head, self.n_trunk + self.n_own_in, KERNEL),
                f"{head}.up": (QUARTERS * self.n_head_fine, self.n_head, KERNEL),
                f"{head}.quarters": (self.n_head, self.n_trunk_fine + self.n_head_fine, KERNEL),
                f"{head}.thirds": (THIRDS * self.n_head_fine, self.n_head, KERNEL),
                f"{head}.steps": (self.n_head_fine, self.n_head_fine, KERNEL),
                f"{head}.out": (n_outputs(voice), self.n_head_fine, 1),
            }
        shapes = {}
        for name, shape in layers.items():
            shapes[f"{name}.weight"] = shape
            shapes[f"{name}.bias"] = shape[:1]
        return shapes
