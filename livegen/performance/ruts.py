"""Ruts: a voice goes round among two, three or four notes, and how soon songs leave that.

A network that hears its own music expects a trill the more the longer it has gone on, and comes back to it as soon as
it has left it. Songs leave their trills in the end, and what has left one seldom comes back. So a change to another
note than the commonest is made at least as likely as it is in songs.
"""

from collections import Counter
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.engines.protocol import N_USUAL, NO_LEAVE, NO_USUAL
from livegen.score import N_VOICES, PITCHED

N_CHANGES: Final = 32
"""The last changes of a voice to a note that are looked at."""

RUT_SIZES: Final = range(2, N_USUAL + 1)
"""How many notes a rut has."""

LEAVES: Final = (
    (0.042, 0.337, 0.331, 0.325, 0.334, 0.376, 0.341, 0.368, 0.211, 0.405, 0.521, 0.498),
    (0.039, 0.278, 0.259, 0.245, 0.241, 0.304, 0.323, 0.396, 0.356, 0.451, 0.473, 0.514),
    (0.048, 0.242, 0.212, 0.271, 0.257, 0.352, 0.318, 0.412, 0.420, 0.467, 0.473, 0.524),
)
"""By the size of a rut: how likely the next change is one to none of so many commonest notes, by how many of the last
`N_CHANGES` were to none of them. From NES-MDB's train split, see `tools/fit_ruts.py`. Where more were, the network
changes as often as songs do."""


@dataclass(frozen=True, slots=True)
class Ruts:
    """The last notes of each voice: a value.

    Attributes
    ----------
    sounding : tuple of int
        Each voice's note in the last frame, 0 for silence.
    notes : tuple of bytes
        The notes to which each voice changed last, `N_CHANGES` at most.
    usual, leave : tuple of tuple of int and of float
        As `livegen.engines.protocol.Sampling` has them; zeros for the drums, and before there are `N_CHANGES` notes.
    """

    sounding: tuple[int, ...] = (0,) * N_VOICES
    notes: tuple[bytes, ...] = (b"",) * N_VOICES
    usual: tuple[tuple[int, ...], ...] = NO_USUAL
    leave: tuple[tuple[float, ...], ...] = NO_LEAVE

    def hear(self, frame: NDArray[np.uint8]) -> "Ruts":
        """Return the ruts after one more frame, uint8 (4, 3)."""
        sounding = tuple(frame[:, 0].tolist())
        if sounding == self.sounding:
            return self
        notes, usual, leave = list(self.notes), list(self.usual), list(self.leave)
        for voice in PITCHED:
            if sounding[voice] not in (0, self.sounding[voice]):
                notes[voice] = (notes[voice] + bytes((sounding[voice],)))[-N_CHANGES:]
                if len(notes[voice]) == N_CHANGES:
                    usual[voice], n_others = usual_notes(notes[voice])
                    leave[voice] = tuple(
                        table[n] if n < len(table) else 0.0 for table, n in zip(LEAVES, n_others, strict=True)
                    )
        return Ruts(sounding, tuple(notes), tuple(usual), tuple(leave))


NO_RUTS: Final = Ruts()
"""Those before a song."""


def usual_notes(notes: bytes) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the commonest of a voice's last notes, and, by the size of a rut, how many were none of so many."""
    common = Counter(notes).most_common(N_USUAL)
    n_others = tuple(len(notes) - sum(n for _, n in common[:size]) for size in RUT_SIZES)
    notes_only = [note for note, _ in common]
    return tuple(notes_only + [0] * (N_USUAL - len(common))), n_others
