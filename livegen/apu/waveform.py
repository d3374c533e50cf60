"""What an oscilloscope at a voice's output would show: its sequence of levels, https://www.nesdev.org/wiki/APU.

These are the levels that enter the mixer, before gains, mixer and filters.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.apu.noise import noise_period_cycles, noise_volume, step_shift_register
from livegen.apu.pulse import pulse_volume
from livegen.apu.tables import DUTY_SEQUENCE, NO, NOISE_TAPS, P1, P2, TR, TRIANGLE_SEQUENCE
from livegen.apu.triangle import triangle_runs
from livegen.system.kernels import kernel

MOST_STEPS: Final = 256
"""Steps of the noise that are told: its own sequence has 93 or 32,767."""


@kernel
def voice_waveform(chip: np.record, voice: int, levels: NDArray[np.uint8]) -> tuple[int, int]:
    """Write the levels of a voice's sequence as it plays it now, and return how many they are and how long each lasts.

    Parameters
    ----------
    chip
        A record of `CHIP`. If another thread runs it meanwhile, what is written may mix two moments.
    voice
        An index into `livegen.apu.VOICES`, of the first four.
    levels
        Shape (`MOST_STEPS`,); the first of them are written, each 0..15. A pulse has 8 and the triangle 32, one period
        from the beginning of the sequence; of the noise it is what comes next.

    Returns
    -------
    tuple of int
        Number of levels, 0 while the voice is silent, and CPU cycles that each lasts.
    """
    if P1 <= voice <= P2:
        pulse = chip.pulses[voice]
        volume = pulse_volume(pulse)
        for i in range(8):
            levels[i] = volume * DUTY_SEQUENCE[pulse.duty & 3, i]
        return 8 if volume > 0 else 0, 2 * (pulse.timer_period + 1)
    if voice == TR:
        levels[:32] = TRIANGLE_SEQUENCE
        return 32 if triangle_runs(chip.triangle) else 0, chip.triangle.timer_period + 1
    if voice == NO:
        noise = chip.noise
        volume = noise_volume(noise)
        register, tap = noise.shift_register, NOISE_TAPS[noise.mode & 1]
        for i in range(MOST_STEPS):
            levels[i] = volume * (1 - (register & 1))
            register = step_shift_register(register, tap, 1)
        return MOST_STEPS if volume > 0 else 0, noise_period_cycles(noise)
    return 0, 1
