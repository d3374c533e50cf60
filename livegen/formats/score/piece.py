"""A score with the other content of its file."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from livegen.errors import ScoreError
from livegen.formats.chip.register_log import Tags
from livegen.formats.score.changes import Changes, changes_of
from livegen.patch import Patch


@dataclass(frozen=True, slots=True)
class Piece:
    """A score, who played it, and its place in a song.

    Attributes
    ----------
    frames : ndarray of uint8, shape (N, 4, 3)
    player : ndarray of bool, shape (N, 4), or None
        True where a performer played; None if that is not known.
    tempos : tuple of (int, float)
        First frame of each tempo, ascending, and the tempo in beats a minute; empty if there is no beat.
    markers : tuple of (int, str)
        Frame of each marker, ascending, and its text.
    tags : Tags
    patch : Patch or None
        How the performer's notes sound, and those of voices that it gives its own sound; None if that is not known.
    changes : Changes or None
        When exactly the voices change, where the file says more than frames do.

    Raises
    ------
    ScoreError
        If `player` does not fit the frames.
    """

    frames: NDArray[np.uint8]
    player: NDArray[np.bool_] | None = None
    tempos: tuple[tuple[int, float], ...] = ()
    markers: tuple[tuple[int, str], ...] = ()
    tags: Tags = field(default_factory=Tags)
    patch: Patch | None = None
    changes: Changes | None = None

    def __post_init__(self) -> None:
        if self.player is not None and self.player.shape != self.frames.shape[:2]:
            raise ScoreError(
                f"the player's part has the shape {self.player.shape}: {self.frames.shape[:2]} fits this score"
            )

    @property
    def is_player(self) -> NDArray[np.bool_]:
        """`player`; nowhere true if that is not known."""
        return np.zeros(self.frames.shape[:2], np.bool_) if self.player is None else self.player

    @property
    def exact(self) -> Changes:
        """`changes`; where the file says no more than frames, those of the frames."""
        return changes_of(self.frames) if self.changes is None else self.changes
