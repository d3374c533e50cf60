"""Mixer and output filters, https://www.nesdev.org/wiki/APU_Mixer.

The pulses share one non-linear converter; triangle, noise and DMC share another. Both follow one formula: the levels
times their weights sum to `load`, a conductance, and the amplitude is a factor times load / (1 + 100 load). That is
the page's 159.79 / (1 / load + 100), and its 95.88 / (8128 / pulses + 100) with the load pulses / 8128, but without
the division by zero. In the linear approximation the weights differ, and the amplitude is the load itself. Levels are
multiplied by the gain of their voice first, so they need not be whole numbers.
"""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.system.kernels import kernel

MIXERS: Final = ("nonlinear", "linear")
LINEAR: Final = 1

WEIGHTS: Final[NDArray[np.float64]] = np.array(
    [[1 / 8128, 1 / 8128, 1 / 8227, 1 / 12241, 1 / 22638], [0.00752, 0.00752, 0.00851, 0.00494, 0.00335]]
)
"""Load of one unit of level by mixer (in the order of `MIXERS`) and voice."""

PULSES_FACTOR: Final = 95.88
OTHERS_FACTOR: Final = 159.79

FILTERS: Final = np.dtype(
    [
        # For each of the three filters: output = feedback * last output + feed[0] * input + feed[1] * last input.
        ("feed", np.float64, (3, 2)),
        ("feedback", np.float64, (3,)),
        ("input", np.float64, (3,)),
        ("output", np.float64, (3,)),
    ],
    align=True,
)

HIGH_PASS_HZ: Final = (90.0, 440.0)
LOW_PASS_HZ: Final = 14_000.0

_NEVER_DENORMAL: Final = 1e-25
"""Number added at each sample so that a filter's tail does not end in denormal numbers, which are slow."""


@kernel
def amplitude(linear: bool, factor: float, load: float) -> float:
    """Return the amplitude of a group of voices, given its converter's factor and the sum of its weighted levels."""
    return load if linear else factor * load / (1.0 + 100.0 * load)


LOUDEST: Final = amplitude.py_func(False, PULSES_FACTOR, 15 * WEIGHTS[0, :2].sum()) + amplitude.py_func(
    False, OTHERS_FACTOR, 15 * WEIGHTS[0, 2:4].sum()
)
"""Amplitude of P1, P2, TR and NO together at level 15, non-linear: the most that the four can reach."""

FULL_SCALE: Final = 1.0 / LOUDEST
"""Gain with which the four voices at their loudest just reach full scale. A session and a file at volume 1 have it."""


def set_filters(filters: np.record, sample_rate: float) -> None:
    """Set the console's filters, two high-passes and a low-pass of first order, for a sample rate in Hz.

    A high-pass has gain 1 at half the sample rate. The low-pass has the gain of the analog one at 0 Hz and at two
    frequencies near the upper limit of hearing, which keeps it within 0.25 dB up to 20 kHz at any sample rate. With
    phi = sin(w / 2) ** 2 its power gain is (1 + n phi) / (1 + d phi).
    """
    for stage, hz in enumerate(HIGH_PASS_HZ):
        feedback = math.exp(-2.0 * math.pi * hz / sample_rate)
        filters["feedback"][stage] = feedback
        filters["feed"][stage] = (1.0 + feedback) / 2.0, -(1.0 + feedback) / 2.0
    matched_hz = np.array([0.65, 0.95]) * min(sample_rate / 2.0, 20_000.0)
    phi = np.sin(math.pi * matched_hz / sample_rate) ** 2
    power = 1.0 / (1.0 + (matched_hz / LOW_PASS_HZ) ** 2)
    n, d = np.linalg.solve(np.stack([phi, -power * phi], axis=1), power - 1.0)
    feedback = (math.sqrt(1.0 + d) - 1.0) / (math.sqrt(1.0 + d) + 1.0)
    filters["feedback"][2] = feedback
    filters["feed"][2] = [(1.0 - feedback) * (1.0 + sign * math.sqrt(1.0 + n)) / 2.0 for sign in (1.0, -1.0)]


@kernel
def settle_filters(filters: np.record, level: float) -> None:
    """Set the filters' memory as if their input had always been at a level."""
    filters.input[0] = level
    filters.input[1:] = 0.0
    filters.output[:] = 0.0


@kernel
def filter_samples(filters: np.record, samples: NDArray[np.float64]) -> None:
    """Pass samples through the three filters, in place."""
    feed, feedback, last, output = filters.feed, filters.feedback, filters.input, filters.output
    first, second, third = output[0], output[1], output[2]
    last_0, last_1, last_2 = last[0], last[1], last[2]
    for i in range(len(samples)):
        # The processor computes the three at once: only the product and the sum outside the brackets need the output
        # of the sample before.
        sample = samples[i]
        first = feedback[0] * first + (feed[0, 0] * sample + feed[0, 1] * last_0 + _NEVER_DENORMAL)
        second = feedback[1] * second + (feed[1, 0] * first + feed[1, 1] * last_1 + _NEVER_DENORMAL)
        third = feedback[2] * third + (feed[2, 0] * second + feed[2, 1] * last_2 + _NEVER_DENORMAL)
        last_0, last_1, last_2 = sample, first, second
        samples[i] = third
    output[0], output[1], output[2] = first, second, third
    last[0], last[1], last[2] = last_0, last_1, last_2
