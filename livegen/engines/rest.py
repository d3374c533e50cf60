"""An engine that rests in every voice: for playing alone, and for the time until another is ready."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from livegen.engines.protocol import NONE_LATER, UNCONDITIONED, Conditions, Info, Sampling
from livegen.score import N_VOICES, NOTE_RANGE, SILENCE, Voice

REST: Final = "rest"
"""The kind, and the name of the model of it that livegen ships."""


@dataclass(frozen=True, slots=True)
class RestConfig:
    """What there is to be said of it: nothing. It has no arrays."""

    @property
    def voices(self) -> tuple[Voice, ...]:
        """The voices that it hears and plays."""
        return tuple(Voice)

    @classmethod
    def from_table(cls, table: Mapping[str, Any]) -> Self:
        """Return what the file says."""
        return cls()

    def to_lines(self) -> list[str]:
        """Return the lines of TOML that say it."""
        return []

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the name and shape of every array of the weights: of none."""
        return {}


class RestDistribution:
    """The next frame, in which nobody plays whose voice is not settled."""

    def sample(
        self,
        forced: NDArray[np.uint8],
        is_forced: NDArray[np.bool_],
        sampling: Sampling,
        *,
        seed: int,
        frame_index: int,
        is_later: NDArray[np.bool_] = NONE_LATER,
    ) -> NDArray[np.uint8]:
        """Return the settled voices, and silence; see `livegen.engines.protocol.Distribution`."""
        return np.where(is_forced[:, None], forced, SILENCE)

    def note_log_probs(
        self, voice: Voice, frame: NDArray[np.uint8], is_known: NDArray[np.bool_]
    ) -> NDArray[np.float32]:
        """Return a voice's log-probabilities by note: it is sure to be silent."""
        found = np.full(NOTE_RANGE[Voice.P1][1] + 1, -np.inf, np.float32)
        found[0] = 0.0
        return found

    def match_lengths(self, frame: NDArray[np.uint8]) -> tuple[int, ...]:
        """Return zeros: it has no motif memory."""
        return (0,) * N_VOICES


_SILENT: Final = RestDistribution()


@dataclass(frozen=True, slots=True)
class RestEngine:
    """Nothing to hear; see `livegen.engines.protocol.Engine`. It remembers nothing, and nothing of it is compiled."""

    name: str

    @classmethod
    def from_arrays(cls, name: str, config: RestConfig, arrays: Mapping[str, NDArray]) -> Self:
        """Build it; there are no arrays."""
        return cls(name)

    @property
    def info(self) -> Info:
        """What it is."""
        return Info(REST)

    def initial_state(self) -> None:
        """Return the state before a song: there is none."""

    def step(
        self, frame: NDArray[np.uint8], state: None, conditions: Conditions = UNCONDITIONED
    ) -> tuple[RestDistribution, None]:
        """Hear one frame, ``uint8 (4, 3)``."""
        return _SILENT, None

    def warm_up(self) -> None:
        """Compile nothing."""
