"""The kick: a drum that borrows the triangle for a few engine ticks, as the bass drums of many games do."""

from typing import Final

import numpy as np

from livegen.synth.macros import has_ended, macro_value, next_position
from livegen.system.kernels import Record, kernel
from livegen.units import engine_ticks_to_samples

KICK: Final = np.dtype(
    [
        ("is_sounding", np.int64),
        ("position", np.int64),
        ("begin_sample", np.int64),
        ("n_ticks", np.int64),
    ],
    align=True,
)


@kernel
def begin_kick(kick: Record, sample: int) -> None:
    """Start the run of notes at a sample."""
    kick.is_sounding, kick.position = 1, 0
    kick.begin_sample, kick.n_ticks = sample, 0


@kernel
def step_kick(kick: Record, macro: Record) -> None:
    """Move on to the next note of the run, or end the kick."""
    kick.n_ticks += 1
    kick.position = next_position(macro, kick.position, True)
    if has_ended(macro, kick.position):
        kick.is_sounding = 0


@kernel
def kick_note(kick: Record, macro: Record) -> int:
    """Return the note that sounds."""
    return macro_value(macro, kick.position)


@kernel
def next_kick_sample(kick: Record, sample_rate: float, never: int) -> int:
    """Return the sample at which the run moves on to its next note, or `never`."""
    if not kick.is_sounding:
        return never
    return kick.begin_sample + engine_ticks_to_samples(kick.n_ticks + 1, sample_rate)
