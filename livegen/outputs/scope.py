"""The scope: the waveforms of the four voices as the callback plays them, for those who draw them."""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from livegen.apu import MOST_STEPS, voice_waveform
from livegen.score import N_VOICES
from livegen.system.kernels import Record, kernel
from livegen.units import CPU_CLOCK_HZ

_CPU_CLOCK_HZ: Final = CPU_CLOCK_HZ["ntsc"]


class Waveform(NamedTuple):
    """What a voice plays at one moment.

    Attributes
    ----------
    levels : ndarray of uint8, shape (n,)
        What the voice puts out, 0..15, from the beginning of its sequence: a period of it, or 256 steps of the noise.
        Empty while it is silent.
    step_seconds : float
        How long each level lasts.
    gain : float
        What the mix multiplies it with; 0 while the voice is muted.
    """

    levels: NDArray[np.uint8]
    step_seconds: float
    gain: float


@kernel
def read_waveforms(
    callback: Record,
    levels: NDArray[np.uint8],
    sizes: NDArray[np.int64],
    cycles: NDArray[np.int64],
    gains: NDArray[np.float64],
) -> int:
    """Write the voices' waveforms, by voice, and return the callback's sample at which they sound."""
    for voice in range(N_VOICES):
        chip = callback.synth.chips[callback.synth.chip_of_voice[voice]]
        sizes[voice], cycles[voice] = voice_waveform(chip, voice, levels[voice])
        gains[voice] = callback.mix.gains_now[voice]
    return callback.sample


class Scope:
    """Reads the waveforms of a callback, from one thread, at any time.

    Parameters
    ----------
    callback : ndarray of CALLBACK, shape (1,)
        Another thread may play it: a reading may then mix two moments, for which an eye is too slow.
    """

    def __init__(self, callback: NDArray[np.void]) -> None:
        self._callback = callback
        self._levels = np.zeros((N_VOICES, MOST_STEPS), np.uint8)
        self._sizes, self._cycles = np.zeros((2, N_VOICES), np.int64)
        self._gains = np.zeros(N_VOICES)

    def read(self) -> tuple[int, list[Waveform]]:
        """Return the number of the sample that is made now, and what each voice plays there.

        The next call reuses the arrays of levels.
        """
        sample = read_waveforms(self._callback[0], self._levels, self._sizes, self._cycles, self._gains)
        seconds = self._cycles / _CPU_CLOCK_HZ
        each = zip(self._levels, self._sizes.tolist(), seconds.tolist(), self._gains.tolist(), strict=True)
        return sample, [Waveform(levels[:size], step_seconds, gain) for levels, size, step_seconds, gain in each]
