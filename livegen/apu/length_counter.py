"""Length counter of all four voices, https://www.nesdev.org/wiki/APU_Length_Counter.

If a write falls on the same cycle as a half frame, the counter is clocked before the write: a new halt flag counts
from the next half frame on, and a load is lost if the counter has just counted. `clock_length_first` does this.
"""

from typing import Final

import numpy as np

from livegen.apu.tables import LENGTHS
from livegen.system.kernels import kernel

LENGTH_COUNTER: Final = np.dtype(
    [
        ("enabled", np.bool_),
        ("halt", np.bool_),
        ("clocked", np.bool_),  # the half frame of this cycle is done already
        ("counted", np.bool_),  # that half frame counted down
        ("count", np.int64),
    ],
    align=True,
)


@kernel
def load_length(length: np.record, value: int) -> None:
    """Load from the upper five bits of a voice's fourth register; a voice that $4015 disables stays at 0."""
    if length.enabled and not length.counted:
        length.count = LENGTHS[(value >> 3) & 0x1F]


@kernel
def enable_length(length: np.record, enabled: bool) -> None:
    """Take a voice's bit of $4015; clearing it silences the voice at once."""
    length.enabled = enabled
    if not enabled:
        length.count = 0


@kernel
def clock_length(length: np.record) -> None:
    """Advance by a half frame, unless `clock_length_first` has done so."""
    if not length.clocked and length.count > 0 and not length.halt:
        length.count -= 1
    length.clocked = length.counted = False


@kernel
def clock_length_first(length: np.record) -> None:
    """Advance by the half frame that falls on this cycle, before a write in this cycle."""
    if not length.clocked:
        length.clocked = True
        length.counted = length.count > 0 and not length.halt
        length.count -= int(length.counted)
