"""One bit a step: how a sound becomes a sample for the chip's delta modulation channel, and what that costs.

The channel's level, 0..127, goes up or down by 2 with each bit, https://www.nesdev.org/wiki/APU_DMC. While it is not 0
it weakens the triangle and the noise, so that a sample begins at level 0 and comes back to it.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.apu.dmc import HIGHEST_LEVEL, LONGEST_SAMPLE_BYTES
from livegen.apu.tables import DMC_PERIODS, REGIONS
from livegen.errors import FormatError
from livegen.units import CPU_CLOCK_HZ

REST: Final = 0x55
"""Byte of bits that go up and down in turn, so that the level stays."""

_LEVELS: Final = HIGHEST_LEVEL // 2  # levels of a sound of full scale, to either side of its middle
_STEP: Final = 2
_FALL_SECONDS: Final = 0.02
_RISE_SECONDS: Final = 0.002  # more than the level needs from 0 to the sound


@dataclass(frozen=True, slots=True)
class Encoded:
    """A sound as a sample.

    Attributes
    ----------
    data : bytes
        A multiple of 16, and 1, as the chip counts.
    noise_db : float
        Signal to noise in dB; not a number if the sound is silent or under 2 ms.
    """

    data: bytes
    noise_db: float


def bit_rate_hz(rate: int) -> float:
    """Return the bits a second of a rate index, 0..15, on an NTSC console."""
    return float(CPU_CLOCK_HZ["ntsc"] / DMC_PERIODS[REGIONS.index("ntsc"), rate])


def encode(sound: NDArray[np.float64], sample_rate: float, rate: int) -> Encoded:
    """Return a sound as a sample.

    Parameters
    ----------
    sound : ndarray of float64, shape (n,)
        Full scale is 1; what is beyond is clipped.
    sample_rate : float
        In Hz.
    rate : int
        Rate index at which the chip is to play it, 0..15: 4.2 to 33.1 thousand bits a second.

    Raises
    ------
    FormatError
        If it lasts longer than the chip's longest sample.
    """
    bits_a_second = bit_rate_hz(rate)
    n_bits, n_fall = round(len(sound) / sample_rate * bits_a_second), round(_FALL_SECONDS * bits_a_second)
    if n_bits + n_fall > 8 * LONGEST_SAMPLE_BYTES:
        longest = (8 * LONGEST_SAMPLE_BYTES - n_fall) / bits_a_second
        raise FormatError(
            f"it lasts {len(sound) / sample_rate:.2f} s, and at sample_rate {rate} the chip plays {longest:.2f} s at "
            "most: cut it, or take a lower sample_rate"
        )
    swing = _LEVELS * np.clip(_resampled(sound, n_bits), -1.0, 1.0)
    middle = max(0.0, -float(swing.min(initial=0.0)))
    levels, bits = _follow(np.concatenate([middle + swing, np.linspace(middle, 0.0, n_fall)]))
    begin = round(_RISE_SECONDS * bits_a_second)
    error = (levels[:n_bits] - middle - swing)[begin:]
    signal_power, noise_power = float(np.sum(swing[begin:] ** 2)), float(np.sum(error**2))
    noise_db = 10 * np.log10(signal_power / noise_power) if signal_power > 0 and noise_power > 0 else np.nan
    return Encoded(padded(np.packbits(bits, bitorder="little").tobytes()), float(noise_db))


def padded(data: bytes) -> bytes:
    """Return a sample with as many bytes of rest as a length that the chip can count needs."""
    n_bytes = max(len(data), 1)
    return data.ljust(-(-(n_bytes - 1) // 16) * 16 + 1, bytes((REST,)))


def _resampled(sound: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    """Return a sound at another rate, as `n` samples, without what lies over half of it."""
    if not len(sound) or not n:
        return np.zeros(n)
    return np.fft.irfft(np.fft.rfft(sound)[: n // 2 + 1], n) * (n / len(sound))


def _follow(goal: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
    """Return the levels that follow a goal from 0 on, and the bits that make them; the last bits wait at the end."""
    levels, bits, level = np.zeros(len(goal)), np.full(-(-len(goal) // 8) * 8, 0, np.uint8), 0
    bits[1::2] = 1
    for i, value in enumerate(goal.tolist()):
        bits[i] = value > level
        step = _STEP if bits[i] else -_STEP
        level += step if 0 <= level + step <= HIGHEST_LEVEL else 0
        levels[i] = level
    return levels, bits
