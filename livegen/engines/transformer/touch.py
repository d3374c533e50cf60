"""How loud notes are, and their timbre: the words say nothing of either."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.score import ONSET_VOLUME_RISE, VOLUME_MAX, Column, Voice

_STRUCK: Final = {Voice.P1: 8, Voice.P2: 8, Voice.TR: 0, Voice.NO: 8}
_TIMBRE: Final = {Voice.P1: 1, Voice.P2: 1, Voice.TR: 0, Voice.NO: 0}
"""The volume of a voice that attacks, and the timbre of one that was silent."""

_SOFTER: Final = {Voice.P1: (1, 1, 1), Voice.P2: (1, 1, 1), Voice.TR: (), Voice.NO: (4, 2)}
"""By how much a note gets softer in the frames after it was struck: in NES-MDB's train split a note of a pulse has lost
1.3 after a frame, 2.3 after two and 2.5 from three on, and one of the noise voice 3.8 and 6.4."""

_SOFTEST: Final = 2


def row(voice: Voice, note: int, before: NDArray[np.uint8], age_frames: int, *, is_again: bool) -> tuple[int, int, int]:
    """Return note, volume and timbre of a voice.

    Parameters
    ----------
    note : int
        That it plays now, 0 for none.
    before : ndarray of uint8, shape (3,)
        The frame before.
    age_frames : int
        How long ago it attacked, in that frame.
    is_again : bool
        Whether it attacks, where it goes on with its note.
    """
    if note == 0:
        return 0, 0, 0
    volume = int(before[Column.VOLUME])
    timbre = int(before[Column.TIMBRE]) if before[Column.NOTE] else _TIMBRE[voice]
    if note != before[Column.NOTE]:
        return note, _STRUCK[voice], timbre
    if is_again:
        return note, min(max(_STRUCK[voice], volume + ONSET_VOLUME_RISE), VOLUME_MAX[voice]), timbre
    drops = _SOFTER[voice]
    drop = drops[age_frames] if age_frames < len(drops) else 0
    return note, min(volume, max(volume - drop, _SOFTEST)), timbre
