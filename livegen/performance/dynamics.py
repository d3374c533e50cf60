"""Dynamics: the band plays about as loudly as the performer does. Pure functions of what was played.

Only what sounds is changed, and not what the engine hears of itself: it has learnt from songs how loud voices are
beside each other. How a band follows a lead that gets louder or softer on purpose songs do not say: in NES-MDB the
volume of P2 moves by .20 of P1's, and that of the noise not at all. Nor do they leave room for a busy lead, or fill
its rests: of their usual onsets P2, triangle and noise have .74, .97 and .98 while P1 rests, and 1.15, .99 and 1.01
where it has over 1.6 times its own.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.performance.timeline import Timeline
from livegen.score import N_COLUMNS, VOLUME_MAX, Column, Voice
from livegen.score_table import MODEL, PLAYER
from livegen.units import FRAME_RATE_HZ

_LATEST_FRAMES: Final = FRAME_RATE_HZ
_EVERY_FRAMES: Final = FRAME_RATE_HZ // 3
_N_LOOKS: Final = 30
"""It is looked at what was played up to a second ago, every eighth frame, thirty times: ten seconds."""

_ENOUGH_LOOKS: Final = 6
"""From so many looks on at which the performer sounded, two seconds, the band follows in full."""

_USUAL_VOLUME: Final = 10.0
"""The volume at which the band is as loud as in songs: that of a velocity of 85."""

_LEAST_GAIN, _MOST_GAIN = 0.3, 1.3
_LOUD_VOICES: Final = (Voice.P1, Voice.P2, Voice.NO)
"""The triangle has no volume."""


def followed_gain(timeline: Timeline, frame_index: int, follow: float) -> float:
    """Return the factor of the band's volume in a frame: 1 where nobody plays.

    Parameters
    ----------
    timeline : Timeline
        Up to the frame before, or less far.
    frame_index : int
    follow : float
        The control of that name, 0..1.
    """
    if follow == 0.0:
        return 1.0
    latest = (frame_index - _LATEST_FRAMES) // _EVERY_FRAMES * _EVERY_FRAMES - timeline.start
    looks = [step.planned for step in timeline.steps[latest::-_EVERY_FRAMES][:_N_LOOKS]] if latest >= 0 else []
    each = [_players_volume(look.owner.tobytes(), look.frame.tobytes()) for look in looks]
    volumes = [volume for volume in each if volume is not None]
    if not volumes:
        return 1.0
    share = follow * min(len(volumes) / _ENOUGH_LOOKS, 1.0)
    gain = 1.0 + share * (sum(volumes) / len(volumes) / _USUAL_VOLUME - 1.0)
    return min(max(gain, _LEAST_GAIN), _MOST_GAIN)


@lru_cache(maxsize=1024)
def _players_volume(owner: bytes, frame: bytes) -> int | None:
    """Return the volume of the performer's loudest voice in a frame, both as their bytes; None where none sounds."""
    return max(
        (
            frame[N_COLUMNS * voice + Column.VOLUME]
            for voice in _LOUD_VOICES
            if owner[voice] == PLAYER and frame[N_COLUMNS * voice + Column.NOTE]
        ),
        default=None,
    )


def scaled(frame: NDArray[np.uint8], gains: Sequence[float], owner: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a frame, uint8 (4, 3), with the volumes of the model's voices times factors; no note becomes silent."""
    out = frame.copy()
    volumes, owners = frame[:, Column.VOLUME].tolist(), owner.tolist()
    for voice, most in VOLUME_MAX.items():
        if owners[voice] == MODEL:
            out[voice, Column.VOLUME] = min(max(round(volumes[voice] * gains[voice]), min(volumes[voice], 1)), most)
    return out
