"""Controls that the callback reads: how loud all of it is and each voice, and how quickly chords run."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.controls import VOICE_PREFIX, Values

LEVELS: Final = frozenset(
    {"volume", "metronome", "chord_ticks"}
    | {prefix + name for prefix in VOICE_PREFIX.values() for name in ("mute", "volume")}
)


def apply_levels(callback: NDArray[np.void], values: Values) -> None:
    """Write the levels of controls in force into a callback's record, ndarray of CALLBACK, shape (1,)."""
    mix = callback["mix"]
    mix["master"], mix["metronome"] = values["volume"], values["metronome"]
    for voice, prefix in VOICE_PREFIX.items():
        mix["gains"][0, voice] = 0.0 if values[prefix + "mute"] else values[prefix + "volume"]
    callback["synth"]["chord_ticks"] = values["chord_ticks"]
