"""What a performer is about to play, and how other voices make room for it.

In songs the voices move together: P2 changes with P1 in over half of its changes. Of a performer's move the model hears
a frame or two after it was made, so a note that begins with it is drawn beside the note before: half of all clashes
began like that. But the network expects the performer's notes as it does its own, so that a voice that changes can keep
away from what they would clash with.
"""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.engines.lstm import ear, features
from livegen.engines.lstm.kernels import (
    LOWEST,
    N_CLASSES_OF,
    NOTE_CLASS,
    Told,
    Weights,
    note_logits,
    voice_units,
)
from livegen.score import N_VOICES
from livegen.system.kernels import kernel

_AVOID_NATS: Final = 6.0
"""What is taken from the log-odds of a note that the performer is certain to clash with, at a harmony of 1.

Beside the melodies of 13 train songs P2 and TR clashed in .16 and .15 of the time without it, in .10 to .11 with 5 or
with 8, at the same rates; the songs themselves in .13 and .16. If what is held is left the sooner, too, P2 changes more
often than in songs, and clashes no less."""


@kernel
def foresee(
    frame: NDArray[np.uint8],
    is_known: NDArray[np.bool_],
    told: Told,
    weights: Weights,
    h: NDArray[np.float32],
    hidden: NDArray[np.float32],
    scores: NDArray[np.float32],
    foreseen: NDArray[np.float32],
) -> None:
    """Write to `foreseen`, (12,), how likely a performer moves in this frame to what clashes with each pitch class.

    Several performer's voices add up, so it may be over 1. A voice that has moved in this frame already, as far as
    is known, is not expected to move on. `hidden` and `scores` are as for `livegen.engines.lstm.draws.sample`.
    """
    foreseen[:] = 0.0
    nothing_known = np.zeros(N_VOICES, np.bool_)
    for voice in range(ear.N_PITCHED):
        held = told.heard[voice, features.NOTE]
        if (told.performed >> voice) & 1 == 0 or not is_known[voice] or frame[voice, 0] != held:
            continue
        voice_units(voice, frame, nothing_known, told, weights, h, hidden)
        note_logits(voice, frame, nothing_known, told, weights, 1.0, hidden, scores)
        _add_clashes(NOTE_CLASS[voice, held], LOWEST[voice], scores[: N_CLASSES_OF[voice]], foreseen)


@kernel
def _add_clashes(held: int, lowest: int, logits: NDArray[np.float32], foreseen: NDArray[np.float32]) -> None:
    """Add to `foreseen`, (12,), how likely a voice changes to a note that clashes with each pitch class.

    `logits`, (n,), are those of the voice's note classes, `held` is the class of the note that it holds, and `lowest`
    its lowest note, of class 1.
    """
    top, total = logits.max(), 0.0
    for i in range(len(logits)):
        total += math.exp(logits[i] - top)
    for i in range(1, len(logits)):
        if i != held:
            share = np.float32(math.exp(logits[i] - top) / total)
            for k in range(ear.N_PITCH_CLASSES):
                if ear.IS_CLASH[(k - lowest - i + 1) % ear.N_PITCH_CLASSES]:
                    foreseen[k] += share


@kernel
def make_room(
    held: int, lowest: int, foreseen: NDArray[np.float32], harmony: float, logits: NDArray[np.float32]
) -> None:
    """Change the logits of a voice's note classes, (n,), by what is foreseen: see `foresee`.

    Which note a voice changes to is one question, whether it changes is another: taken together, the notes that it may
    change to are as likely as before. `held` is the class of the note that it holds, 0 for silence, and `lowest` its
    lowest note; `harmony`, 0..1, says how much of it counts.
    """
    top, before, after = logits.max(), 0.0, 0.0
    for i in range(1, len(logits)):
        if i != held:
            before += math.exp(logits[i] - top)
            logits[i] -= np.float32(harmony * _AVOID_NATS) * foreseen[(lowest + i - 1) % ear.N_PITCH_CLASSES]
            after += math.exp(logits[i] - top)
    if after > 0.0:
        as_likely = np.float32(math.log(before / after))
        for i in range(1, len(logits)):
            if i != held:
                logits[i] += as_likely
