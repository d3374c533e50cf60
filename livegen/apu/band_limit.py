"""Band-limited steps: amplitude steps at CPU cycles in, samples out.

A step is the integral of a windowed sinc, tabulated at `N_PHASES` positions between two samples. A step that lies
between these positions is divided among the nearest three, by the weights of a quadratic spline. The buffer stores
the differences from sample to sample, and reading sums them up.

**Two ways, one result.** Usually a step is added at once to the `N_TAPS` samples that it touches. Where steps are so
dense that many fall into the same sample, they are first summed by sample and phase, in bins, and each bin is added to
the samples once.

**Exact by construction.** All numbers in the buffer are integers held in float64: levels in units of 1 /
`LEVEL_UNITS`, shares of a step in 1 / `SHARE_UNITS` of those, taps that sum to `TAP_UNITS` in every phase. Sums and
products stay below 2**53 even at the highest gains. So neither the order of steps, nor the block size, nor the choice
of the way changes a bit, and the running sum ends on the exact level however long it ran.

**Positions** come from `cycle * samples_per_cycle` in fixed point with `POSITION_BITS` bits of fraction. The
product may wrap around 64 bits: only its difference from the buffer's start, a small number, is used.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.system.kernels import kernel

N_TAPS: Final = 32
N_PHASES: Final = 16
LATENCY_SAMPLES: Final = N_TAPS // 2 - 1
"""Number of samples by which the output is late: the half of a step that comes before its middle."""

MAX_BLOCK_SAMPLES: Final = 8192
"""Number of samples that the buffer holds beyond those that were read."""

BINNED_SAMPLES: Final = 64
"""Number of samples that the bins hold: few enough for the level 1 cache of a core."""

LEVEL_UNITS: Final = 1 << 18
SHARE_UNITS: Final = 1 << 8
TAP_UNITS: Final = 1 << 20
FRACTION_UNITS: Final = 1 << 13  # positions between two phases
POSITION_BITS: Final = 44

CUTOFF: Final = 0.466
"""Frequency at which the amplitude is halved, divided by the sample rate.

It is 20.6 kHz at 44.1 kHz and 22.4 kHz at 48 kHz. The response is flat up to 17 kHz and 18.5 kHz.
"""

_KAISER_BETA: Final = 7.9
"""Shape of the Kaiser window. It leaves about -80 dB beyond 0.546 of the sample rate.

At 44.1 kHz, frequencies beyond that would fold to below 20 kHz.
"""

_DENSE_STEPS: Final = 5.0
"""Number of steps a sample from which on the bins are faster."""

_PHASE_SHIFT: Final = POSITION_BITS - (N_PHASES.bit_length() - 1)
_FRACTION_SHIFT: Final = _PHASE_SHIFT - (FRACTION_UNITS.bit_length() - 1)
_SHARE_SHIFT: Final = 2 * (FRACTION_UNITS.bit_length() - 1) + 1 - (SHARE_UNITS.bit_length() - 1)
_HALF_SAMPLE: Final = 1 << (POSITION_BITS - 1)

BAND_LIMIT: Final = np.dtype(
    [
        ("samples_per_cycle", np.int64),  # fixed point, POSITION_BITS of fraction
        ("origin_sample", np.int64),  # absolute index of the buffer's first sample
        ("level", np.float64),  # of the sample before the buffer, in 1 / (LEVEL_UNITS * SHARE_UNITS * TAP_UNITS)
        ("differences", np.float64, (MAX_BLOCK_SAMPLES + N_TAPS + 1,)),
        ("binned_sample", np.int64),  # absolute index of the bins' first sample; 0 while they are closed
        ("bins", np.int64, ((BINNED_SAMPLES + 1) * N_PHASES,)),  # in 1 / (LEVEL_UNITS * SHARE_UNITS); 0 while closed
    ],
    align=True,
)

OUTPUT_SCALE: Final = 1.0 / (LEVEL_UNITS * SHARE_UNITS * TAP_UNITS)


def _step_differences() -> NDArray[np.float64]:
    """Return the taps of a step by phase, integers, (N_PHASES + 2, N_TAPS).

    The sinc is the integral of cosines up to the cutoff. Dividing a step among three phases weakens each frequency by
    the spectrum of a quadratic spline, so each cosine is made stronger by as much.

    The sinc is narrow enough to leave room for the phases after the last sample's. It is also one sample shorter than
    the taps, because differences from sample to sample are one sample longer than what they were made from. The step
    is rounded before its differences are taken, so that every row sums to exactly `TAP_UNITS`.
    """
    oversampling = 32
    half_width = (N_TAPS - 1 - 1 / N_PHASES) / 2
    time = np.arange(-half_width, half_width, 1 / (N_PHASES * oversampling)) + 0.5 / (N_PHASES * oversampling)
    node, weight = np.polynomial.legendre.leggauss(48)
    frequency = CUTOFF * (1 + node) / 2
    sinc = np.cos(2 * np.pi * np.outer(time, frequency)) @ (weight / np.sinc(frequency / N_PHASES) ** 3)
    window = np.i0(_KAISER_BETA * np.sqrt(np.maximum(1 - (time / half_width) ** 2, 0)))
    step = np.concatenate([[0.0], np.cumsum(sinc * window)])[::oversampling]
    step = np.rint(step / step[-1] * TAP_UNITS)
    # Tap k of phase p is step(k + 1 - p / N_PHASES) - step(k - p / N_PHASES); before the step 0, after it TAP_UNITS.
    padded = np.concatenate([np.zeros(2 * N_PHASES), step, np.full(2 * N_PHASES, step[-1])])
    tap, phase = np.arange(N_TAPS), np.arange(N_PHASES + 2)[:, np.newaxis]
    end = (tap + 3) * N_PHASES - phase
    return padded[end] - padded[end - N_PHASES]


STEP_DIFFERENCES: Final = _step_differences()


def samples_per_cycle(cpu_clock_hz: float, sample_rate: float) -> int:
    """Return the samples in a CPU cycle as a fixed-point number, with an error under 1 in 10**11."""
    return round(sample_rate / cpu_clock_hz * (1 << POSITION_BITS))


@kernel
def sample_to_cycle_of(ratio: int, sample: int) -> int:
    """Return the first CPU cycle at or after an absolute sample, below 2**50.

    A float estimate may be off by a cycle or two; integer arithmetic corrects it.
    """
    cycle = int(np.float64(sample) * (2.0**POSITION_BITS / np.float64(ratio)))
    late = cycle * ratio - (sample << POSITION_BITS)
    return cycle - late // ratio if late >= 0 else cycle + (-late + ratio - 1) // ratio


@kernel
def units_to_level(units: int) -> float:
    """Convert an amplitude in 1 / `LEVEL_UNITS` to the units of the buffer's level."""
    return float(units) * (SHARE_UNITS * TAP_UNITS)


@kernel
def samples_reached(band_limit: np.record, cycle: int) -> int:
    """Return how many samples of the buffer the steps up to a cycle can have touched."""
    return (_offset(band_limit, cycle, band_limit.origin_sample) >> POSITION_BITS) + N_TAPS


@kernel
def add_step(band_limit: np.record, cycle: int, units: int) -> None:
    """Add a step of the amplitude, in 1 / `LEVEL_UNITS`, at a cycle within the buffer."""
    offset = _offset(band_limit, cycle, band_limit.origin_sample)
    first = offset >> POSITION_BITS
    phase = (offset >> _PHASE_SHIFT) & (N_PHASES - 1)
    before, middle, after = _shares(offset, units)
    a, b, c = float(before), float(middle), float(after)
    differences, taps = band_limit.differences[first : first + N_TAPS], STEP_DIFFERENCES
    for tap in range(N_TAPS):
        differences[tap] += a * taps[phase, tap] + b * taps[phase + 1, tap] + c * taps[phase + 2, tap]


@kernel
def is_dense(band_limit: np.record, steps_per_cycle: float) -> bool:
    """Tell whether steps are so dense that `add_binned_step` is faster."""
    return steps_per_cycle * (1 << POSITION_BITS) > _DENSE_STEPS * band_limit.samples_per_cycle


@kernel
def open_bins(band_limit: np.record, cycle: int) -> int:
    """Open the bins at a cycle and return the cycle before which all their steps must lie."""
    offset = _offset(band_limit, cycle, band_limit.origin_sample)
    band_limit.binned_sample = band_limit.origin_sample + (offset >> POSITION_BITS)
    return cycle + ((BINNED_SAMPLES - 1) << POSITION_BITS) // band_limit.samples_per_cycle


@kernel
def add_binned_step(band_limit: np.record, cycle: int, units: int) -> None:
    """Add a step to the bins; it sounds as one of `add_step`."""
    offset = _offset(band_limit, cycle, band_limit.binned_sample)
    before, middle, after = _shares(offset, units)
    bins, place = band_limit.bins, np.uint64(offset >> _PHASE_SHIFT)
    bins[place] += before
    bins[place + np.uint64(1)] += middle
    bins[place + np.uint64(2)] += after


@kernel
def close_bins(band_limit: np.record, end: int) -> None:
    """Add the bins, whose steps all lie before the cycle `end`, to the samples, and empty them."""
    n_samples = (_offset(band_limit, end, band_limit.binned_sample) >> POSITION_BITS) + 2
    taps = STEP_DIFFERENCES
    for sample in range(n_samples):
        bins = band_limit.bins[sample * N_PHASES : (sample + 1) * N_PHASES]
        first = band_limit.binned_sample - band_limit.origin_sample + sample
        differences = band_limit.differences[first : first + N_TAPS]
        # Written out, because only then does the compiler add all phases to a tap at once, and several taps at a time.
        a0, a1, a2, a3 = float(bins[0]), float(bins[1]), float(bins[2]), float(bins[3])
        b0, b1, b2, b3 = float(bins[4]), float(bins[5]), float(bins[6]), float(bins[7])
        c0, c1, c2, c3 = float(bins[8]), float(bins[9]), float(bins[10]), float(bins[11])
        d0, d1, d2, d3 = float(bins[12]), float(bins[13]), float(bins[14]), float(bins[15])
        for tap in range(N_TAPS):
            differences[tap] += (
                (a0 * taps[0, tap] + a1 * taps[1, tap] + a2 * taps[2, tap] + a3 * taps[3, tap])
                + (b0 * taps[4, tap] + b1 * taps[5, tap] + b2 * taps[6, tap] + b3 * taps[7, tap])
                + (c0 * taps[8, tap] + c1 * taps[9, tap] + c2 * taps[10, tap] + c3 * taps[11, tap])
                + (d0 * taps[12, tap] + d1 * taps[13, tap] + d2 * taps[14, tap] + d3 * taps[15, tap])
            )
        for phase in range(N_PHASES):
            bins[phase] = 0
    band_limit.binned_sample = 0


@kernel
def drop_samples(band_limit: np.record, n: int, used: int) -> None:
    """Move the buffer's start forward by `n` samples. `used` is the length in use from the old start."""
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


@kernel
def _offset(band_limit: np.record, cycle: int, sample: int) -> int:
    """Return the distance in samples, in fixed point, from half a sample before an absolute sample to a cycle."""
    return cycle * band_limit.samples_per_cycle - (sample << POSITION_BITS) + _HALF_SAMPLE


@kernel
def _shares(offset: int, units: int) -> tuple[int, int, int]:
    """Return the shares of a step for the phases before, at and after its offset. Together they are the whole step."""
    fraction = (offset >> _FRACTION_SHIFT) & (FRACTION_UNITS - 1)
    rest = FRACTION_UNITS - fraction
    before = (units * (rest * rest)) >> _SHARE_SHIFT
    after = (units * (fraction * fraction)) >> _SHARE_SHIFT
    return before, units * SHARE_UNITS - before - after, after
