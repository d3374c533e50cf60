"""The hits of a drum fill: on sixteenths, the more the nearer its end, from the snare down over the toms.

The engine is asked for more and other drums too (`effect.cued`). But one that plays loops has few to give, and one that
rests has none; so most sixteenths are settled here, and what lies between them is the engine's.
"""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.engines.sampling import seed_bits, uniform
from livegen.performance.cues.cue import Cue
from livegen.performance.tempo import Tempo
from livegen.score import Column, Voice

_SIXTEENTHS_A_BEAT: Final = 4
_KIT: Final = (9, 6, 4, 2)
"""Noise notes of the snare, a high and a low tom and the bass drum, as `livegen.score.DRUM_NOTES` has them."""

_SHARES: Final = (0.7, 1.0)
_VOLUMES: Final = (10, 15)
"""How likely a sixteenth is hit, and how hard, at the beginning and at the end."""

_OTHER_DRUM: Final = 0.3
"""How likely a drum is another one than that whose turn it is."""

_VOICE, _HIT, _DRUM, _WHICH = int(Voice.NO), 4, 5, 6
"""Voice and columns of the random numbers; those before are the engine's, and that of what keeps to the grid."""


def fill_hit(
    cue: Cue, frame_index: int, tempo: Tempo, seed: int, before: NDArray[np.uint8]
) -> NDArray[np.uint8] | None:
    """Return the drums' row, uint8 (3,), where a frame of a fill has a hit; None where it has none.

    Parameters
    ----------
    cue : Cue
    frame_index : int
    tempo : Tempo
    seed : int
        Of all draws.
    before : ndarray of uint8, shape (4, 3)
        The frame before: a hit has another note, so that it is heard as an attack.
    """
    ends, begins = (tempo.beats_at(frame_index + side) * _SIXTEENTHS_A_BEAT for side in (0.5, -0.5))
    if math.floor(ends) == math.floor(begins):
        return None
    name, share = seed_bits(seed), cue.share(frame_index)
    if uniform(name, frame_index, _VOICE, _HIT) >= _between(_SHARES, share):
        return None
    place = int(share * len(_KIT))
    if uniform(name, frame_index, _VOICE, _DRUM) < _OTHER_DRUM:
        place = int(uniform(name, frame_index, _VOICE, _WHICH) * len(_KIT))
    if _KIT[place] == before[Voice.NO, Column.NOTE]:
        place = (place + 1) % len(_KIT)
    return np.array([_KIT[place], round(_between(_VOLUMES, share)), 0], np.uint8)


def _between(ends: tuple[float, float], share: float) -> float:
    return ends[0] + (ends[1] - ends[0]) * share
