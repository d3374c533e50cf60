"""The form of a piece: how alike its bars are, and which of its phrases come back."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.analysis.bars import STEPS_A_BAR

PHRASE_BARS: Final = 4
_ALIKE: Final = 0.55
"""How alike two phrases must be to have one letter."""

_LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def similarities(steps: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return how alike the bars of a piece are, 0..1, shape (bars, bars).

    `steps` has the note of each voice in each sixteenth, shape (16 bars, voices). Two bars are as alike as the share of
    sixteenths, of a voice, in which both have the same note, among those in which one sounds. Silent bars are alike.
    """
    bars = steps.reshape(-1, STEPS_A_BAR * steps.shape[1])
    sounds = bars > 0
    alike = np.ones((len(bars), len(bars)), np.float32)
    for i, bar in enumerate(bars):
        either = (sounds | sounds[i]).sum(axis=1)
        same = (sounds & (bars == bar)).sum(axis=1)
        alike[i] = np.where(either > 0, same / np.maximum(either, 1), 1.0)
    return alike


def phrases(alike: NDArray[np.float32]) -> tuple[int, list[str]]:
    """Return in which bar the first whole phrase of four bars begins, from 0, and a letter for each phrase.

    A phrase has the letter of the first one that it is like. The first bar is the one with which most comes back.
    """
    starts = range(min(PHRASE_BARS, max(len(alike) - PHRASE_BARS + 1, 1)))
    return max(((start, _letters(alike, start)) for start in starts), key=lambda found: (_returns(found[1]), -found[0]))


def _returns(letters: list[str]) -> int:
    return len(letters) - len(set(letters))


def _letters(alike: NDArray[np.float32], start: int) -> list[str]:
    n_phrases = max((len(alike) - start) // PHRASE_BARS, 1)
    n_bars = min(PHRASE_BARS, len(alike))
    firsts: list[int] = []
    letters = []
    for bar in range(start, start + n_phrases * PHRASE_BARS, PHRASE_BARS):
        likeness = [float(np.mean([alike[first + i, bar + i] for i in range(n_bars)])) for first in firsts]
        if likeness and max(likeness) >= _ALIKE:
            which = int(np.argmax(likeness))
        else:
            which = len(firsts)
            firsts.append(bar)
        letters.append(_name(which))
    return letters


def _name(which: int) -> str:
    turn, letter = divmod(which, len(_LETTERS))
    return _LETTERS[letter] + (str(turn + 1) if turn else "")
