"""Length counter of all four voices, https://www.nesdev.org/wiki/APU_Length_Counter."""

from typing import Final

import numpy as np

from livegen.apu.tables import LENGTHS
from livegen.kernels import kernel

LENGTH_COUNTER: Final = np.dtype([("enabled", np.bool_), ("halt", np.bool_), ("count", np.int64)], align=True)


@kernel
def load_length(length: np.record, value: int) -> None:
    """Load from the upper five bits of a voice's fourth register; a voice that $4015 disables stays at 0."""
    if length.enabled:
        length.count = LENGTHS[(value >> 3) & 0x1F]


@kernel
def enable_length(length: np.record, enabled: bool) -> None:
    """Take a voice's bit of $4015; clearing it silences the voice at once."""
    length.enabled = enabled
    if not enabled:
        length.count = 0


@kernel
def clock_length(length: np.record) -> None:
    """Advance by a half frame."""
    if length.count > 0 and not length.halt:
        length.count -= 1
