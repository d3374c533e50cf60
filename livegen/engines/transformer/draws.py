"""Kernels that lead from the logits of the next word to what a voice does in a frame, and back.

A word is a moment: a wait, or what one voice does. A frame lasts as long as two and a half ticks of 60 Hz. So what is
said of waits is turned into the probability that one ends in a frame, given that it has not ended before.
"""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.engines.lstm.draws import Shape, draw_shaped
from livegen.engines.lstm.kernels import HAS_VOLUME, N_CLASSES, NOTE_CLASS
from livegen.engines.transformer.words import FIRST_OWN, FIRST_WAIT, LOWEST, N_OWN, N_WAITS, SAMPLES_OF, TICK_SAMPLES
from livegen.score import N_VOICES
from livegen.system.kernels import kernel
from livegen.units import FRAME_RATE_HZ

FRAME: Final = 2 * 60 * TICK_SAMPLES // FRAME_RATE_HZ
"""Length of a frame in half samples, which is a whole number."""

LONGEST_WAIT: Final = 2 * int(SAMPLES_OF[FIRST_WAIT + N_WAITS - 1])
"""In half samples. A longer one is several words."""

SURE: Final = 0.999
"""Most that is believed of a change: where none is allowed, a voice stays."""

_BELOW_ONE: Final = 1.0 - 2.0**-53
_DOWN_TO: Final = math.log(1e-30)


@kernel
def begins(logits: NDArray[np.float32], elapsed: int) -> float:
    """Return the probability that a wait ends in a frame, given that it has not ended before.

    Parameters
    ----------
    elapsed : int
        Half samples from the last word to the frame's beginning. No voice acts twice in a frame, so what was due in the
        frame of that word is made up for in the next one.
    """
    lower = elapsed if elapsed > FRAME else 0
    top = -np.inf
    for word in range(FIRST_WAIT, FIRST_WAIT + N_WAITS):
        if 2 * SAMPLES_OF[word] >= lower:
            top = max(top, logits[word])
    inside, all_of_them = 0.0, 0.0
    for word in range(FIRST_WAIT, FIRST_WAIT + N_WAITS):
        if 2 * SAMPLES_OF[word] >= lower:
            share = math.exp(logits[word] - top)
            all_of_them += share
            if 2 * SAMPLES_OF[word] < elapsed + FRAME:
                inside += share
    return min(inside / all_of_them, SURE)


@kernel
def wait_within(logits: NDArray[np.float32], first: int, end: int) -> int:
    """Return the likeliest wait of at least `first` and less than `end` half samples."""
    best = FIRST_WAIT + N_WAITS - 1
    top = -np.inf
    for word in range(FIRST_WAIT, FIRST_WAIT + N_WAITS):
        if first <= 2 * SAMPLES_OF[word] < end and logits[word] > top:
            best, top = word, logits[word]
    return best


@kernel
def waits_until(logits: NDArray[np.float32], end: int) -> tuple[float, float]:
    """Return how likely waits of less than `end` half samples are, and others; of the scale of `masses`."""
    top = logits[1:].max()
    inside, outside = 0.0, 0.0
    for word in range(FIRST_WAIT, FIRST_WAIT + N_WAITS):
        if 2 * SAMPLES_OF[word] < end:
            inside += math.exp(logits[word] - top)
        else:
            outside += math.exp(logits[word] - top)
    return inside, outside


@kernel
def masses(logits: NDArray[np.float32], frame: NDArray[np.uint8], found: NDArray[np.float64]) -> None:
    """Write how likely it is that the next word is of each voice, (4,); only their ratios have a meaning.

    A voice that is silent, by ``frame (4, 3)``, does not end its note. The triangle does not begin the note that it
    has: as it has no volume, that is not to be heard.
    """
    top = logits[1:].max()
    found[:] = 0.0
    for voice in range(N_VOICES):
        for i in range(N_OWN[voice]):
            if _is_possible(voice, i, frame[voice, 0]):
                found[voice] += math.exp(logits[FIRST_OWN[voice] + i] - top)


@kernel
def _is_possible(voice: int, i: int, note: int) -> bool:
    """Tell whether the word of a voice can come while it plays a note, 0 for none."""
    if i == 0:
        return note > 0
    return HAS_VOLUME[voice] or LOWEST[voice] + i - 1 != note


@kernel
def change_logits(
    voice: int,
    note: int,
    logits: NDArray[np.float32],
    chance: float,
    scores: NDArray[np.float32],
) -> float:
    """Write the logits of a voice's note classes in a frame, (N_CLASSES,), and return the log-odds of an attack again.

    Parameters
    ----------
    note : int
        That it plays, 0 for none. Its class stands for going on, whether it attacks again or not.
    chance : float
        The probability that it does anything.
    """
    scores[:] = -np.inf
    first, held = FIRST_OWN[voice], NOTE_CLASS[voice, note]
    top = -np.inf
    for i in range(N_OWN[voice]):
        if _is_possible(voice, i, note):
            top = max(top, logits[first + i])
    total = 0.0
    for i in range(N_OWN[voice]):
        if _is_possible(voice, i, note):
            total += math.exp(logits[first + i] - top)
    log_change = math.log(max(chance, 1e-30)) - top - math.log(total)
    stays, again = 1.0 - chance, 0.0
    for i in range(N_OWN[voice]):
        if not _is_possible(voice, i, note):
            continue
        at = NOTE_CLASS[voice, 0 if i == 0 else LOWEST[voice] + i - 1]
        if at == held:
            again = math.exp(logits[first + i] + log_change)
        else:
            scores[at] = max(logits[first + i] + log_change, _DOWN_TO)
    scores[held] = math.log(max(stays + again, 1e-30))
    return math.log(max(again, 1e-30)) - math.log(max(stays, 1e-30))


@kernel
def draw_voice(
    voice: int,
    note: int,
    logits: NDArray[np.float32],
    chance: float,
    recent: NDArray[np.uint8],
    beside: NDArray[np.float32],
    on_grid: float,
    shape: Shape,
    number: float,
) -> tuple[int, bool, float]:
    """Draw a voice's note, and whether it attacks again where that is the one that it plays.

    If it does nothing, what is left of the number comes third: any of 0..1, each as likely. It is 0 where the voice
    would act, but nothing that it may do is allowed.

    Parameters
    ----------
    recent : ndarray of uint8, shape (n,)
        The notes that it played lately.
    beside : ndarray of float32, shape (12,)
        What is added to the logits of pitched notes by their pitch classes.
    on_grid : float
        What is added to the log-odds of an attack.
    number : float
        The draw, 0 <= number < 1.
    """
    scores, scratch = np.empty(N_CLASSES, np.float32), np.empty(N_CLASSES, np.float64)
    again = change_logits(voice, note, logits, chance, scores)
    if voice < N_VOICES - 1:
        for i in range(1, N_OWN[voice]):
            pitch = LOWEST[voice] + i - 1
            if pitch != note:
                scores[NOTE_CLASS[voice, pitch]] += beside[pitch % 12]
    group = np.full(N_CLASSES, 2, np.int64)
    for i in range(len(recent)):
        group[NOTE_CLASS[voice, recent[i]]] = 1
    group[0] = 0
    stays = _hold(scores, NOTE_CLASS[voice, note], on_grid, shape.density[voice], shape.silence[voice])
    drawn = draw_shaped(voice, note, scores, group, on_grid, shape, number, scratch)
    if note > 0:
        stays /= 1.0 + math.exp(min(again + on_grid + shape.density[voice], 40.0))
    left = min(number / stays, _BELOW_ONE) if number < stays else 0.0
    return drawn, drawn == note and note > 0 and number >= stays, left


@kernel
def _hold(scores: NDArray[np.float32], held: int, on_grid: float, density: float, silence: float) -> float:
    """Return the probability that a voice goes on with its note, as `livegen.engines.sampling.draw_note` has it."""
    top, hold, change = scores.max(), 0.0, 0.0
    for i in range(len(scores)):
        share = math.exp(scores[i] - top)
        if i == 0:
            share *= math.exp(silence)
        elif i != held:
            share *= math.exp(on_grid)
        if i == held:
            hold += share
        else:
            change += share
    return hold / (hold + change * math.exp(density))


@kernel
def may_act(happens: float, on_grid: float, shape: Shape, number: float) -> bool:
    """Tell whether any voice could do anything with a number, if one acts with a probability of `happens`."""
    most = 0.0
    for voice in range(N_VOICES):
        most = max(most, max(on_grid, 0.0) + shape.density[voice] + abs(shape.silence[voice]))
    return number >= (1.0 - happens) ** math.exp(min(most, 10.0))
