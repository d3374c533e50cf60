"""Which voices of a frame go on as the motif memory proposed, and how long the match behind the proposal is.

It reads what the network was shown and changes nothing. The page marks notes that follow a match.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.engines.lstm.features import (
    LEFT,
    NEXT,
    NOTE,
    ON_TIME,
    OWN_LOOSE,
    OWN_STRICT,
    RELATION,
    TRUST,
    VOLUME,
)
from livegen.engines.lstm.memory import LENGTH_TRUSTS
from livegen.score import N_VOICES, Column, is_onset

_NEAR_FRAMES: Final = 1
_SAME: Final = 2  # bit of `RELATION` - 1: the voice has now the note that it had a lag ago
_LENGTHS: Final = tuple(int(np.argmax(trust == LENGTH_TRUSTS)) for trust in range(int(LENGTH_TRUSTS.max()) + 1))
"""By trust, the fewest onsets that a match with this trust has."""


def match_lengths(heard: NDArray[np.uint8], proposals: NDArray[np.uint8], frame: NDArray[np.uint8]) -> tuple[int, ...]:
    """Return, by voice, the fewest onsets that the match that a frame follows can have; 0 for none or in silence.

    A voice follows a match if it changes to the note that came then, one frame early or late at most; or if it holds
    the note that it had then, while the next one is not due.

    Parameters
    ----------
    heard : ndarray of uint8, shape (4, 19)
        What was heard before the frame; see `livegen.engines.lstm.features`.
    proposals : ndarray of uint8, shape (4, 4, 6)
        What the memory proposed for it.
    frame : ndarray of uint8, shape (4, 3)
    """
    lengths = [0] * N_VOICES
    for voice in range(N_VOICES):
        note, volume = int(frame[voice, Column.NOTE]), int(frame[voice, Column.VOLUME])
        if note == 0:
            continue
        last_note, last_volume = int(heard[voice, NOTE]), int(heard[voice, VOLUME])
        is_attack = is_onset(last_note, last_volume, note, volume)
        for candidate in (OWN_STRICT, OWN_LOOSE):
            proposed = proposals[voice, candidate].tolist()
            trust = proposed[TRUST]
            if trust == 0 or _LENGTHS[trust] <= lengths[voice]:
                continue
            left = proposed[LEFT] - ON_TIME
            if is_attack:
                is_followed = note == proposed[NEXT] and abs(left) <= _NEAR_FRAMES
            else:
                is_followed = bool((proposed[RELATION] - 1) & _SAME) and left >= -_NEAR_FRAMES
            if is_followed:
                lengths[voice] = _LENGTHS[trust]
    return tuple(lengths)
