"""Random draws: numbers that depend on nothing but seed, frame, voice and column, shaped by temperature and top-p.

The generator puts these through SplitMix64's mixing function (Steele, Lea and Flood, "Fast splittable pseudorandom
number generators", 2014; constants at https://prng.di.unimi.it/splitmix64.c). It has no state, so a frame that is
planned again draws the same numbers.
"""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.system.kernels import kernel

_GOLDEN: Final = np.uint64(0x9E3779B97F4A7C15)
_MIX_1: Final = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2: Final = np.uint64(0x94D049BB133111EB)
_SHIFTS: Final = (np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(11))

COLDEST: Final = 1e-3
"""Below this temperature a draw always takes the likeliest value."""


N_GROUPS: Final = 3
"""What a voice may change to: silence, notes that it played lately, and others."""

_BELOW_ONE: Final = 1.0 - 2.0**-53


@kernel
def _mixed(bits: np.uint64) -> np.uint64:
    bits = (bits ^ (bits >> _SHIFTS[0])) * _MIX_1
    bits = (bits ^ (bits >> _SHIFTS[1])) * _MIX_2
    return bits ^ (bits >> _SHIFTS[2])


def seed_bits(seed: int) -> np.uint64:
    """Return a seed, of any size and sign, as `uniform` takes it."""
    return np.uint64(seed & 0xFFFFFFFFFFFFFFFF)


@kernel
def uniform(seed: np.uint64, frame_index: int, voice: int, column: int) -> float:
    """Return the number in 0 <= x < 1 that belongs to these four."""
    bits = _mixed(seed + _GOLDEN)
    bits = _mixed((bits ^ np.uint64(frame_index)) + _GOLDEN)
    bits = _mixed((bits ^ np.uint64(voice * 4 + column)) + _GOLDEN)
    return np.float64(bits >> _SHIFTS[3]) * 2.0**-53


@kernel
def draw(logits: NDArray[np.float32], temperature: float, top_p: float, number: float, scratch: NDArray) -> int:
    """Draw an index of `logits`, at least one of which must be finite.

    Parameters
    ----------
    logits : ndarray of float32, shape (n,)
        Minus infinity rules a value out.
    number : float
        The draw, 0 <= number < 1.
    scratch : ndarray of float64, shape (n,) at least
        Overwritten.
    """
    best = 0
    for i in range(len(logits)):
        if logits[i] > logits[best]:
            best = i
    if not (temperature >= COLDEST and top_p > 0.0):
        return best
    total = 0.0
    for i in range(len(logits)):
        scratch[i] = math.exp((logits[i] - logits[best]) / temperature)
        total += scratch[i]
    if top_p < 1.0:
        total = _keep_nucleus(scratch[: len(logits)], top_p * total)
    left = number * total
    for i in range(len(logits)):
        left -= scratch[i]
        if left < 0.0:
            return i
    return best  # only a rounding error leads here


@kernel
def draw_note(
    logits: NDArray[np.float32],
    held: int,
    group: NDArray[np.int64],
    is_allowed: NDArray[np.bool_],
    usual: NDArray[np.int64],
    leave: NDArray[np.float64],
    temperature: float,
    top_p: float,
    density: float,
    attack: float,
    silence: float,
    number: float,
    scratch: NDArray,
) -> int:
    """Draw as `draw` does, but let temperature and top-p shape only what a voice changes to, and that within its group.

    Whether the voice stays at `held` is drawn with the probability that `logits` give, after three biases: `density`
    is added to the log-odds of a change, `attack` to those of a change to a note (the classes above 0), and `silence`
    to those of silence (class 0). Temperature and top-p must not shape this draw. A note goes on in most frames, with a
    probability over 0.9, so with a low temperature, or a top-p under 0.9, it would always go on and the music would
    stop. So the rhythm is the network's at every temperature, even at 0.

    So is how often it leaves what it has just played: of each `group`, (n,), 0 for silence, 1 for notes that the voice
    played lately and 2 for all others, as many changes are drawn as the network has it, and only which one of the
    group is shaped. A voice that goes round between two notes is nearly sure of both, and what leads out of it is a few
    percent, which a top-p of 0.95 cuts off and a temperature of 0.9 halves: it would never end.

    A voice that goes round among few notes leaves them at least as often as `leave`, (sizes,), has it, see
    `livegen.engines.protocol.Sampling`; `usual`, (n_usual,), are the classes of these notes.

    A voice changes only to classes that `is_allowed`, (n,), has. If there are none it stays, or falls silent if it
    cannot stay. `logits` are overwritten.
    """
    logits[0] += silence
    for i in range(1, len(logits)):
        if i != held:
            logits[i] += attack
    top = logits.max()
    hold, change = 0.0, 0.0
    for i in range(len(logits)):
        if i == held:
            hold = math.exp(logits[i] - top)
        else:
            change += math.exp(logits[i] - top)
    hold /= hold + change * math.exp(density)
    if number < hold:
        return held
    can_stay = logits[held] > -np.inf  # `hold` may be too small for its type and yet not zero
    logits[held] = -np.inf
    largest = -np.inf
    for i in range(len(logits)):
        if not is_allowed[i]:
            logits[i] = -np.inf
    _leave_rut(logits, usual, leave)
    for i in range(len(logits)):
        largest = max(largest, logits[i])
    if largest == -np.inf:
        return held if can_stay else 0
    mass = np.zeros(N_GROUPS)
    for i in range(len(logits)):
        scratch[i] = math.exp(logits[i] - largest)
        mass[group[i]] += scratch[i]
    left = (number - hold) / (1.0 - hold) * mass.sum()
    chosen = group[np.argmax(logits)]  # where rounding leaves none
    for i in range(N_GROUPS):
        if left < mass[i]:
            chosen = i
            break
        left -= mass[i]
    for i in range(len(logits)):
        if group[i] != chosen:
            logits[i] = -np.inf
    return draw(logits, temperature, top_p, min(left / mass[chosen], _BELOW_ONE), scratch)


@kernel
def _leave_rut(logits: NDArray[np.float32], usual: NDArray[np.int64], leave: NDArray[np.float64]) -> None:
    """Make notes that are none of the first usual ones as likely among notes as `leave` has it, if they are less."""
    top = logits.max()
    for size in range(len(usual), 1, -1):
        least = leave[size - 2]
        if least == 0.0:
            continue
        inside, outside = 0.0, 0.0
        for i in range(1, len(logits)):
            if _is_among(i, usual, size):
                inside += math.exp(logits[i] - top)
            else:
                outside += math.exp(logits[i] - top)
        if inside == 0.0 or outside == 0.0 or outside >= least * (inside + outside):
            continue
        more = math.log(least * (inside + outside) / outside)
        less = math.log((1.0 - least) * (inside + outside) / inside)
        for i in range(1, len(logits)):
            logits[i] += less if _is_among(i, usual, size) else more


@kernel
def _is_among(note: int, usual: NDArray[np.int64], size: int) -> bool:
    is_among = False
    for i in range(size):
        is_among = is_among or usual[i] == note
    return is_among


@kernel
def _keep_nucleus(weights: NDArray, enough: float) -> float:
    """Zero all but the fewest largest weights that add up to `enough`, and return their sum."""
    kept = 0.0
    while kept < enough:
        largest = -1
        for i in range(len(weights)):
            if weights[i] > 0.0 and (largest < 0 or weights[i] > weights[largest]):
                largest = i
        if largest < 0:
            break
        kept += weights[largest]
        weights[largest] = -weights[largest]  # marked as kept
    for i in range(len(weights)):
        weights[i] = max(-weights[i], 0.0)
    return kept
