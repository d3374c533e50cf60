"""Facts of the 2A03 as tables, each with the page that states it."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

REGIONS: Final = ("ntsc", "pal")
"""Regions, in the order of the first axis of the tables that depend on one."""

VOICES: Final = ("p1", "p2", "tr", "no", "dm")
"""Names of the voices, in the order of a chip's gains; "dm" is the delta modulation channel."""

P1: Final = 0
P2: Final = 1
TR: Final = 2
NO: Final = 3
DM: Final = 4

DUTY_SEQUENCE: Final[NDArray[np.int64]] = np.array(
    [[0, 1, 0, 0, 0, 0, 0, 0], [0, 1, 1, 0, 0, 0, 0, 0], [0, 1, 1, 1, 1, 0, 0, 0], [1, 0, 0, 1, 1, 1, 1, 1]]
)
"""Output of a pulse by duty and position, https://www.nesdev.org/wiki/APU_Pulse."""

TRIANGLE_SEQUENCE: Final[NDArray[np.int64]] = np.concatenate([np.arange(15, -1, -1), np.arange(16)])
"""Level of the triangle by position, https://www.nesdev.org/wiki/APU_Triangle."""

LENGTHS: Final[NDArray[np.int64]] = np.array(
    [
        *(10, 254, 20, 2, 40, 4, 80, 6, 160, 8, 60, 10, 14, 12, 26, 14),
        *(12, 16, 24, 18, 48, 20, 96, 22, 192, 24, 72, 26, 16, 28, 32, 30),
    ]
)
"""Half frames that a note lasts, by the upper five bits written, https://www.nesdev.org/wiki/APU_Length_Counter."""

NOISE_PERIODS: Final[NDArray[np.int64]] = np.array(
    [
        [4, 8, 16, 32, 64, 96, 128, 160, 202, 254, 380, 508, 762, 1016, 2034, 4068],
        [4, 8, 14, 30, 60, 88, 118, 148, 188, 236, 354, 472, 708, 944, 1890, 3778],
    ]
)
"""CPU cycles between clocks of the noise, by region and period index, https://www.nesdev.org/wiki/APU_Noise."""

NOISE_TAPS: Final[NDArray[np.int64]] = np.array([1, 6])
"""Bit that bit 0 of the shift register is compared with, by mode, https://www.nesdev.org/wiki/APU_Noise."""

DMC_PERIODS: Final[NDArray[np.int64]] = np.array(
    [
        [428, 380, 340, 320, 286, 254, 226, 214, 190, 160, 142, 128, 106, 84, 72, 54],
        [398, 354, 316, 298, 276, 236, 210, 198, 176, 148, 132, 118, 98, 78, 66, 50],
    ]
)
"""CPU cycles between clocks of the DMC, by region and rate index, https://www.nesdev.org/wiki/APU_DMC."""

FRAME_STEPS: Final[NDArray[np.int64]] = np.array(
    [
        [[7457, 14913, 22371, 29829], [7457, 14913, 22371, 37281]],
        [[8313, 16627, 24939, 33253], [8313, 16627, 24939, 41565]],
    ]
)
"""CPU cycles of the frame counter's clocks by region, mode (4 or 5 steps) and clock.

Even clocks are quarter frames, odd ones are quarter and half frames; the fourth step of five clocks nothing.
https://www.nesdev.org/wiki/APU_Frame_Counter
"""

FRAME_LOOPS: Final[NDArray[np.int64]] = np.array([[29830, 37282], [33254, 41566]])
"""CPU cycles of a whole sequence of the frame counter, by region and mode."""
