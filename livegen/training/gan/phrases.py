"""What the GAN learns from: phrases of songs in one key, and how a batch of them is drawn and varied.

A draw depends on the run's seed and the step alone, so a resumed run draws the same.
"""

from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from livegen.engines.gan.keys import LOWEST_SHIFT, N_SHIFTS, shift_up, signature_of
from livegen.engines.gan.layout import N_NOTES
from livegen.score import NOTE_RANGE, PITCHED, Voice
from livegen.training.gan.network import Phrase
from livegen.training.windows import Windows


def song_shifts(windows: Windows) -> NDArray[np.int64]:
    """Return by how many semitones each song is to be transposed to be in C major or A minor, (songs,)."""
    shifts = []
    for begin, end in zip(windows.offsets[:-1], windows.offsets[1:], strict=True):
        notes = windows.steps[begin:end, list(PITCHED), 0]
        shifts.append(shift_up(-signature_of(np.bincount(notes[notes > 0] % 12, minlength=12))))
    return np.array(shifts, np.int64)


def transposed(phrases: NDArray[np.uint8], shifts: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Return phrases, (n, steps, 4, 3), each with P1, P2 and TR moved; a note beyond its range moves by an octave."""
    moved = phrases.copy()
    for voice in PITCHED:
        note = phrases[:, :, voice, 0].astype(np.int64)
        to = _folded(note + shifts[:, None], voice)
        moved[:, :, voice, 0] = np.where(note > 0, to, 0)
    return moved


def _folded(note: NDArray[np.int64], voice: Voice) -> NDArray[np.int64]:
    lowest, highest = NOTE_RANGE[voice]
    return np.where(note < lowest, note + 12, np.where(note > highest, note - 12, note))


class Source:
    """Draws batches of a split's phrases in one key."""

    def __init__(self, windows: Windows, seed: int) -> None:
        self.windows = windows
        self._seed = seed
        self._shifts = song_shifts(windows)

    def batch(self, step: int, size: int) -> NDArray[np.uint8]:
        """Return the real phrases of a step, uint8 (size, 96, 4, 3)."""
        which = np.random.default_rng([self._seed, step]).integers(0, len(self.windows), size)
        return self.in_one_key(which)

    def in_one_key(self, which: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Return some of the phrases."""
        return transposed(self.windows.take(which), self._shifts[self.windows.songs_of(which)])


def _moves(voice: Voice) -> Tensor:
    """Return, for each transposition, which class each class of a voice's notes becomes, as matrices of 0 and 1."""
    lowest, _ = NOTE_RANGE[voice]
    moves = torch.zeros(N_SHIFTS, N_NOTES[voice], N_NOTES[voice])
    note = np.arange(N_NOTES[voice] - 1) + lowest
    for i in range(N_SHIFTS):
        moves[i, 0, 0] = 1.0
        moves[i, note - lowest + 1, _folded(note + LOWEST_SHIFT + i, voice) - lowest + 1] = 1.0
    return moves


_MOVES: Final = {voice: _moves(voice) for voice in PITCHED}


class Variation:
    """How phrases are varied on both sides of the discriminator, so that it cannot learn a small set by heart.

    A share of them is transposed, and of a share P1 and P2 change places. Karras, Aittala, Hellsten, Laine, Lehtinen
    and Aila, "Training Generative Adversarial Networks with Limited Data", NeurIPS 2020: the share grows while the
    discriminator is too sure of what is real, and as it stays below one, the generator does not learn the variation.

    Loops are cut open at any beat, which is a variation of what is made alone: a real phrase that is turned round has
    a seam, and the generator would learn to make seams.

    Attributes
    ----------
    share : float
        0..0.8.
    sureness : float
        Mean sign of the discriminator's scores of real phrases, of late.
    """

    TARGET: Final = 0.6
    MOST: Final = 0.8
    GROWTH: Final = 2e-6
    """How sure it may be, the largest share, and by how much the share changes with each real phrase."""

    _FADE: Final = 0.95

    def __init__(self) -> None:
        self.share = 0.0
        self.sureness = 0.0

    def hear(self, of_real: Tensor) -> None:
        """Note how the discriminator scored real phrases, (B,)."""
        sure = float(of_real.detach().sign().mean())
        self.sureness = self._FADE * self.sureness + (1.0 - self._FADE) * sure
        change = self.GROWTH * len(of_real) * (1.0 if self.sureness > self.TARGET else -1.0)
        self.share = min(max(self.share + change, 0.0), self.MOST)

    def vary(self, phrase: Phrase) -> Phrase:
        """Return phrases varied at random, with torch's generator."""
        if self.share <= 0.0:
            return phrase
        n = len(phrase.volumes)
        is_moved, is_swapped = (torch.rand(2, n) < self.share).float()
        shift = torch.where(is_moved > 0, torch.randint(0, N_SHIFTS, (n,)), -LOWEST_SHIFT)
        notes = [phrase.notes[v] @ _MOVES[v][shift] if v in _MOVES else phrase.notes[v] for v in Voice]
        notes[0], notes[1] = _swapped(notes[0], notes[1], is_swapped)
        timbres = list(phrase.timbres)
        timbres[0], timbres[1] = _swapped(timbres[0], timbres[1], is_swapped)
        loud = _swapped(phrase.volumes[:, :, :1], phrase.volumes[:, :, 1:2], is_swapped)
        return Phrase(notes, torch.cat([*loud, phrase.volumes[:, :, 2:]], 2), timbres)


def _swapped(one: Tensor, other: Tensor, is_swapped: Tensor) -> tuple[Tensor, Tensor]:
    share = is_swapped[:, None, None]
    return one + share * (other - one), other + share * (one - other)
