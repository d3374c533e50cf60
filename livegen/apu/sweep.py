"""Sweep unit of a pulse, https://www.nesdev.org/wiki/APU_Sweep."""

from typing import Final

import numpy as np

from livegen.system.kernels import kernel
from livegen.units import MAX_TIMER_PERIOD

SWEEP: Final = np.dtype(
    [
        ("enabled", np.bool_),
        ("negate", np.bool_),
        ("ones_complement", np.bool_),  # pulse 1 subtracts one more than pulse 2
        ("reload", np.bool_),
        ("period", np.int64),
        ("shift", np.int64),
        ("divider", np.int64),
    ],
    align=True,
)

LOWEST_TIMER_PERIOD: Final = 8
"""A pulse with a lower timer period is muted."""


@kernel
def write_sweep(sweep: np.record, value: int) -> None:
    """Take $4001 or $4005: ``EPPP NSSS``."""
    sweep.enabled = (value & 0x80) != 0
    sweep.period = (value >> 4) & 7
    sweep.negate = (value & 0x08) != 0
    sweep.shift = value & 7
    sweep.reload = True


@kernel
def target_period(sweep: np.record, timer_period: int) -> int:
    """Return the target period of the sweep. The chip computes it even while the sweep is disabled."""
    change = timer_period >> sweep.shift
    if sweep.negate:
        return max(timer_period - change - (1 if sweep.ones_complement else 0), 0)
    return timer_period + change


@kernel
def sweep_mutes(sweep: np.record, timer_period: int) -> bool:
    """Tell whether the pulse is muted, which does not depend on the sweep being enabled."""
    return timer_period < LOWEST_TIMER_PERIOD or target_period(sweep, timer_period) > MAX_TIMER_PERIOD


@kernel
def clock_sweep(sweep: np.record, timer_period: int) -> int:
    """Advance by a half frame and return the timer period from now on."""
    if sweep.divider == 0 and sweep.enabled and sweep.shift > 0 and not sweep_mutes(sweep, timer_period):
        timer_period = target_period(sweep, timer_period)
    if sweep.divider == 0 or sweep.reload:
        sweep.divider = sweep.period
        sweep.reload = False
    else:
        sweep.divider -= 1
    return timer_period
