"""A song as words, as it is and varied: the augmentations of LakhNES.

A song is transposed, played a little faster or slower, P1 and P2 change places, or some voices are left out; the fifth,
that a lane begins anywhere in a song, is `livegen.training.transformer.lanes`'s.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.engines.transformer.words import BEGIN_OR_END_WORD, FIRST_OWN, LOWEST, wait_word
from livegen.errors import TrainingError
from livegen.formats.words.vocabulary import NOTES
from livegen.score import N_VOICES, PITCHED, Voice
from livegen.system.kernels import kernel

_LOWEST_SHIFT, _HIGHEST_SHIFT = -6, 5
_MOST_FASTER: Final = 0.05


@dataclass(frozen=True)
class Variation:
    """How often songs are varied in each way, 0..1.

    LakhNES transposes and stretches all songs, and switches and thins half of them, over many epochs. A run of less
    than an epoch has new songs all the time, so here it is done less often.

    Attributes
    ----------
    transposed : float
        P1, P2 and TR move by -6 to 5 semitones, as far as all of their notes stay in range.
    stretched : float
        Played at .95 to 1.05 of the speed.
    switched : float
        P1 and P2 change places.
    thinned : float
        One to three voices stay, if a note is left.

    Raises
    ------
    TrainingError
        If one is not within 0..1.
    """

    transposed: float = 0.5
    stretched: float = 0.1
    switched: float = 0.1
    thinned: float = 0.1

    def __post_init__(self) -> None:
        for name, share in vars(self).items():
            if not 0.0 <= share <= 1.0:
                raise TrainingError(f"{name} is {share}: allowed is a share within 0..1")

    def vary(self, rows: NDArray[np.int32], generator: np.random.Generator) -> NDArray[np.int32]:
        """Return a song's events, (n, 3) of sample, voice and note, varied by chance."""
        is_done = generator.random(4) < (self.transposed, self.stretched, self.switched, self.thinned)
        shift, speed = generator.integers(_LOWEST_SHIFT, _HIGHEST_SHIFT + 1), generator.uniform(-1.0, 1.0)
        staying = generator.permutation(N_VOICES)[: generator.integers(1, N_VOICES)]
        if is_done[0]:
            rows = transposed(rows, int(shift))
        if is_done[1]:
            rows = stretched(rows, 1.0 + _MOST_FASTER * speed)
        if is_done[2]:
            rows = switched(rows)
        return thinned(rows, staying) if is_done[3] else rows


def transposed(rows: NDArray[np.int32], shift: int) -> NDArray[np.int32]:
    """Return the events with pitched notes moved by semitones, or by as many as keep them in range."""
    is_note = (rows[:, 2] > 0) & (rows[:, 1] != Voice.NO)
    for voice in PITCHED:
        notes = rows[is_note & (rows[:, 1] == voice), 2]
        if len(notes):
            lowest, highest = NOTES[voice]
            shift = min(max(shift, lowest - int(notes.min())), highest - int(notes.max()))
    moved = rows.copy()
    moved[is_note, 2] += shift
    return moved


def stretched(rows: NDArray[np.int32], speed: float) -> NDArray[np.int32]:
    """Return the events as they are at another speed."""
    moved = rows.copy()
    moved[:, 0] = np.rint(rows[:, 0] / speed)
    return moved


def switched(rows: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return the events with P1 and P2 in each other's places."""
    moved = rows.copy()
    moved[:, 1] = np.array([Voice.P2, Voice.P1, Voice.TR, Voice.NO])[rows[:, 1]]
    return moved[np.lexsort((moved[:, 1], moved[:, 0]))]


def thinned(rows: NDArray[np.int32], staying: NDArray[np.int64]) -> NDArray[np.int32]:
    """Return the events of some voices, from the first one on; all of them where these have none."""
    left = rows[np.isin(rows[:, 1], staying)]
    return left - np.array([left[0, 0], 0, 0], np.int32) if len(left) else rows


@kernel
def _write_words(rows: NDArray[np.int32], words: NDArray[np.int16]) -> int:
    n = 1
    for i in range(len(rows)):
        waited = rows[i, 0] - rows[i - 1, 0] if i else 0
        if waited > 0:
            words[n] = wait_word(waited)
            n += 1
        voice, note = rows[i, 1], rows[i, 2]
        words[n] = FIRST_OWN[voice] + (note - LOWEST[voice] + 1 if note > 0 else 0)
        n += 1
    return n + 1


def words_of(rows: NDArray[np.int32]) -> NDArray[np.int16]:
    """Return a song's events as words, between two `<S>`; a wait is the nearest one that there is a word for."""
    words = np.full(2 * len(rows) + 2, BEGIN_OR_END_WORD, np.int16)
    return words[: _write_words(rows, words)]
