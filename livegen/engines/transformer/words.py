"""The words as numbers: which voice each is of, which note it begins, how long it waits, and its shape."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.formats.words.vocabulary import NOTES, WAITS, vocabulary
from livegen.score import Voice
from livegen.system.kernels import kernel

TICK_SAMPLES: Final = 735
"""Samples at 44.1 kHz of a tick of the console's 60 Hz."""

N_WORDS: Final = len(vocabulary())

BEGIN_OR_END_WORD: Final = 0
FIRST_WAIT: Final = 1
N_WAITS: Final = len(WAITS)

N_OWN: Final = np.array([high - low + 2 for low, high in NOTES.values()], np.int64)
"""Words of each voice: the end of a note, and its notes."""

FIRST_OWN: Final = FIRST_WAIT + N_WAITS + np.cumsum(np.append(0, N_OWN[:-1]))
"""The word of each voice that ends a note; its notes follow, from the lowest up."""

LOWEST: Final = np.array([low for low, _ in NOTES.values()], np.int64)
"""The note of the word after that."""


def _of_voices() -> tuple[NDArray[np.int8], NDArray[np.uint8]]:
    voice, note = np.full(N_WORDS, -1, np.int8), np.zeros(N_WORDS, np.uint8)
    for v in Voice:
        own = np.arange(N_OWN[v])
        voice[FIRST_OWN[v] + own] = v
        note[FIRST_OWN[v] + own[1:]] = LOWEST[v] + own[1:] - 1
    return voice, note


VOICE_OF, NOTE_OF = _of_voices()
"""Of each word: its voice, -1 for none; and the note that it begins, 0 for none."""


@kernel
def wait_word(samples: int) -> int:
    """Return the word for a wait: the nearest one, of two the shorter; `samples` is 1 or more."""
    if samples <= 100:
        return samples
    if samples <= 1_000:
        return 90 + (samples + 4) // 10
    if samples <= 10_000:
        return 180 + (samples + 49) // 100
    return 270 + min((samples + 499) // 1_000, 100)


SAMPLES_OF: Final = np.array([0, *WAITS, *np.zeros(N_OWN.sum(), np.int64)], np.int64)
"""How long each word waits, in samples: 0 but for waits."""

TINY: Final = -1
LONGEST_TINY: Final = 100
"""Samples of a wait within a tick: what begins together in a song is written to the chip one after another."""

_SIZES_AN_OCTAVE: Final = 8


def _shapes_of() -> NDArray[np.int16]:
    of_waits = [
        TINY if samples <= LONGEST_TINY else 1 + round(_SIZES_AN_OCTAVE * np.log2(samples)) for samples in WAITS
    ]
    first = max(of_waits) + 1
    events = np.arange(FIRST_OWN[0], N_WORDS)
    return np.array([0, *of_waits, *(first + 2 * VOICE_OF[events].astype(int) + (NOTE_OF[events] > 0))], np.int16)


SHAPE_OF: Final = _shapes_of()
"""What is left of a word where notes are none: its voice and whether a note begins, or about how long it waits; `TINY`
for waits of up to `LONGEST_TINY` samples."""
