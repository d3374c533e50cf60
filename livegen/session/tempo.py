"""Stub until the tempo branch is merged."""

from dataclasses import dataclass
from typing import Final

BEATS_A_BAR: Final = 4


@dataclass(frozen=True, slots=True)
class Tempo:
    """120 beats a minute from frame 0 on."""

    period_frames: float = 12.0

    def beats_at(self, frame_index: float) -> float:
        """Return beats since bar 1."""
        return frame_index / self.period_frames
