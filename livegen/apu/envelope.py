"""Envelope generator of the pulses and the noise, https://www.nesdev.org/wiki/APU_Envelope."""

from typing import Final

import numpy as np

from livegen.system.kernels import kernel

ENVELOPE: Final = np.dtype(
    [
        ("volume", np.int64),  # V: the constant volume, and the divider's period
        ("constant", np.bool_),
        ("loop", np.bool_),
        ("start", np.bool_),
        ("divider", np.int64),
        ("decay", np.int64),
    ],
    align=True,
)


@kernel
def write_envelope(envelope: np.record, value: int) -> None:
    """Take the lower six bits of $4000, $4004 or $400C: ``--LC VVVV``."""
    envelope.loop = (value & 0x20) != 0
    envelope.constant = (value & 0x10) != 0
    envelope.volume = value & 0x0F


@kernel
def clock_envelope(envelope: np.record) -> None:
    """Advance by a quarter frame. In constant mode the envelope runs too, but is not heard."""
    if envelope.start:
        envelope.start = False
        envelope.decay = 15
        envelope.divider = envelope.volume
    elif envelope.divider > 0:
        envelope.divider -= 1
    else:
        envelope.divider = envelope.volume
        if envelope.decay > 0:
            envelope.decay -= 1
        elif envelope.loop:
            envelope.decay = 15


@kernel
def envelope_volume(envelope: np.record) -> int:
    """Return the volume in force, 0..15."""
    return envelope.volume if envelope.constant else envelope.decay
