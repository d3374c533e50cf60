"""The check of what the functions of the API are given."""

import secrets
from collections.abc import Mapping
from typing import Final

from livegen.apu.render import SAMPLE_RATE_RANGE_HZ
from livegen.controls import CONTROLS, MODEL_CONTROLS, Value, parse_value
from livegen.errors import ControlError, FormatError, ScoreError
from livegen.units import seconds_to_frame

LONGEST_SECONDS: Final = 36_000.0


def checked_controls(controls: Mapping[str, object] | None) -> dict[str, Value]:
    """Return the values of controls by full name, checked and clamped; raises ControlError."""
    values = {name: parse_value(name, value) for name, value in (controls or {}).items()}
    for name in values:
        if CONTROLS[name].is_action:
            raise ControlError(f"{name} is no setting but something to do: call Session.set while it plays")
    return values


def checked_change(name: str, value: object) -> Value:
    """Return a value that a control is set to on the offline clock, checked and clamped; raises ControlError."""
    if name in MODEL_CONTROLS:
        raise ControlError(f"{name} cannot change on the offline clock: begin another session with another model")
    return parse_value(name, value)


def checked_seed(seed: int | None) -> int:
    """Return a seed, drawn if it is None; raises ControlError."""
    if seed is None:
        return secrets.randbits(32)
    if not 0 <= seed < 2**63:
        raise ControlError(f"a seed is a number of 0 to 2**63 - 1, not {seed}: give another one")
    return seed


def checked_frames(seconds: float) -> int:
    """Return a length in frames, one at least; raises ScoreError."""
    if not 0.0 < seconds <= LONGEST_SECONDS:
        raise ScoreError(f"music of {seconds} seconds cannot be played: up to {LONGEST_SECONDS:.0f} is allowed")
    return max(seconds_to_frame(seconds), 1)


def checked_rate(rate: int) -> int:
    """Return a sample rate in Hz; raises FormatError."""
    lowest, highest = SAMPLE_RATE_RANGE_HZ
    if not lowest <= rate <= highest:
        raise FormatError(f"a sample rate of {rate} Hz is not to be had: allowed is {lowest} to {highest}")
    return rate
