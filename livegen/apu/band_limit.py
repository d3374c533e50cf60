"""Band-limited steps: amplitude steps at CPU cycles in, samples out.

A step is the integral of a windowed sinc, sampled at one of `N_PHASES` positions between two samples, with
linear interpolation between those. What is stored is its difference from sample to sample; reading sums it up.

**Exact by construction.** All numbers in the buffer are integers held in float64: levels in units of 1 /
`LEVEL_UNITS`, taps that sum to `TAP_UNITS` in every phase, fractions of a phase in 1 / `FRACTION_UNITS`. Sums and
products stay below 2**53 even at the highest gains. So no order of steps and no cut into blocks changes a bit,
and the running sum ends on the exact level however long it ran.

**Positions** come from `cycle * samples_per_cycle` in fixed point with `POSITION_BITS` bits of fraction. The
product may wrap around 64 bits: only its difference from the buffer's start, a small number, is used.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.kernels import kernel

N_TAPS: Final = 32
N_PHASES: Final = 64
LATENCY_SAMPLES: Final = N_TAPS // 2 - 1
"""Samples by which the output is late: the half of a step that comes before its middle."""

MAX_BLOCK_SAMPLES: Final = 8192
"""Samples that the buffer holds beyond what was read."""

LEVEL_UNITS: Final = 1 << 18
TAP_UNITS: Final = 1 << 20
FRACTION_UNITS: Final = 1 << 11
POSITION_BITS: Final = 44

CUTOFF: Final = 0.466
"""Half-amplitude frequency by sample rate: 20.6 kHz at 44.1 kHz, 22.4 kHz at 48 kHz; flat to 17 and 18.5 kHz."""

_KAISER_BETA: Final = 7.9
"""About -80 dB beyond 0.546 of the sample rate, which would fold to below 20 kHz at 44.1 kHz."""

_PHASE_SHIFT: Final = POSITION_BITS - (N_PHASES.bit_length() - 1)
_FRACTION_SHIFT: Final = _PHASE_SHIFT - (FRACTION_UNITS.bit_length() - 1)
_HALF_SAMPLE: Final = 1 << (POSITION_BITS - 1)

BAND_LIMIT: Final = np.dtype(
    [
        ("samples_per_cycle", np.int64),  # fixed point, POSITION_BITS of fraction
        ("origin_sample", np.int64),  # absolute index of the buffer's first sample
        ("level", np.float64),  # of the sample before it, in 1 / (LEVEL_UNITS * TAP_UNITS * FRACTION_UNITS)
        ("differences", np.float64, (MAX_BLOCK_SAMPLES + N_TAPS,)),
    ],
    align=True,
)

OUTPUT_SCALE: Final = 1.0 / (LEVEL_UNITS * TAP_UNITS * FRACTION_UNITS)


def _step_differences() -> NDArray[np.float64]:
    """Return the taps of a step by phase, integers, (N_PHASES + 1, N_TAPS).

    The support of the sinc is one sample shorter than the taps, because a difference from sample to sample is
    one sample longer than what it was made from. The step is rounded before its differences are taken, which
    makes every row sum to exactly `TAP_UNITS`.
    """
    oversampling = 32
    half_width = (N_TAPS - 1) / 2
    time = np.arange(-half_width, half_width, 1 / (N_PHASES * oversampling)) + 0.5 / (N_PHASES * oversampling)
    window = np.i0(_KAISER_BETA * np.sqrt(np.maximum(1 - (time / half_width) ** 2, 0)))
    step = np.concatenate([[0.0], np.cumsum(np.sinc(2 * CUTOFF * time) * window)])[::oversampling]
    step = np.rint(step / step[-1] * TAP_UNITS)
    # Tap k of phase p is step(k - p / N_PHASES) - step(k - 1 - p / N_PHASES); before the step 0, after it TAP_UNITS.
    padded = np.concatenate([np.zeros(2 * N_PHASES), step, np.full(2 * N_PHASES, step[-1])])
    tap, phase = np.arange(N_TAPS), np.arange(N_PHASES + 1)[:, np.newaxis]
    end = (tap + 3) * N_PHASES - phase
    return padded[end] - padded[end - N_PHASES]


STEP_DIFFERENCES: Final = _step_differences()


def samples_per_cycle(cpu_clock_hz: float, sample_rate: float) -> int:
    """Return the samples in a CPU cycle as a fixed-point number; right to 1 in 10**11 and more."""
    return round(sample_rate / cpu_clock_hz * (1 << POSITION_BITS))


@kernel
def sample_to_cycle_of(ratio: int, sample: int) -> int:
    """Return the first CPU cycle at or after an absolute sample, below 2**50.

    The float estimate may be off by a cycle or two; the integers say by how much.
    """
    cycle = int(np.float64(sample) * (2.0**POSITION_BITS / np.float64(ratio)))
    late = cycle * ratio - (sample << POSITION_BITS)
    return cycle - late // ratio if late >= 0 else cycle + (-late + ratio - 1) // ratio


@kernel
def units_to_level(units: int) -> float:
    """Return the buffer's level of an amplitude in 1 / `LEVEL_UNITS`."""
    return float(units) * (TAP_UNITS * FRACTION_UNITS)


@kernel
def samples_reached(band_limit: np.record, cycle: int) -> int:
    """Return how much of the buffer the steps up to a cycle can have touched."""
    offset = cycle * band_limit.samples_per_cycle - (band_limit.origin_sample << POSITION_BITS) + _HALF_SAMPLE
    return (offset >> POSITION_BITS) + N_TAPS


@kernel
def add_step(band_limit: np.record, cycle: int, units: int) -> None:
    """Add a step of the amplitude, in 1 / `LEVEL_UNITS`, at a cycle within the buffer."""
    ratio = band_limit.samples_per_cycle
    offset = cycle * ratio - (band_limit.origin_sample << POSITION_BITS) + _HALF_SAMPLE
    first = offset >> POSITION_BITS
    phase = (offset >> _PHASE_SHIFT) & (N_PHASES - 1)
    after = np.float64(units * ((offset >> _FRACTION_SHIFT) & (FRACTION_UNITS - 1)))
    before = np.float64(units * FRACTION_UNITS) - after
    differences = band_limit.differences[first : first + N_TAPS]
    for tap in range(N_TAPS):
        differences[tap] += before * STEP_DIFFERENCES[phase, tap] + after * STEP_DIFFERENCES[phase + 1, tap]


@kernel
def drop_samples(band_limit: np.record, n: int, used: int) -> None:
    """Move the buffer's start on by `n` samples; `used` is the length in use from the old start."""
    differences = band_limit.differences
    for i in range(max(used - n, 0)):
        differences[i] = differences[i + n]
    for i in range(max(used - n, 0), used):
        differences[i] = 0.0
    band_limit.origin_sample += n


@kernel
def sum_steps(band_limit: np.record, samples: NDArray[np.float64]) -> None:
    """Turn differences at the buffer's start into amplitudes, in place."""
    level = band_limit.level
    for i in range(len(samples)):
        level += samples[i]
        samples[i] = level * OUTPUT_SCALE
    band_limit.level = level
