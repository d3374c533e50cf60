"""What the live controls ask of the engine."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from livegen.controls import CONTROLS, KEYS, SCALES, VOICE_PREFIX, Value, Values
from livegen.engines.protocol import Sampling
from livegen.score import Voice

_DENSITY_NATS: Final = 2.0
"""What a density of 1 adds to the log-odds of a change."""

_GRID_NATS: Final = 2.0
"""What a grid of 1 adds to the log-odds of an attack on the grid."""


_MOST_HARMONY: Final = 3.0
"""What a harmony of 1 multiplies with what the network makes of the performer's notes: a third is as it has learnt.

The network hears a performer as songs do their melodies, and expects other voices that have heard it as well: its own
past is worse than that, and half as much again is needed. With melodies of 13 valid songs P2 and the triangle clash in
.18 and .20 of the time, and in .21 and .23 as it has learnt.
"""


def sampling_of(values: Values) -> Sampling:
    """Return how the controls in force shape a draw."""
    return Sampling(
        temperature=float(values["temperature"]),
        top_p=float(values["top_p"]),
        voice_temperature=_of_voices(values, "temperature", float),
        density=tuple(_DENSITY_NATS * density for density in _of_voices(values, "density", float)),
        grid=_GRID_NATS * float(values["grid"]),
        lowest=_of_voices(values, "lowest", int),
        highest=_of_voices(values, "highest", int),
        scale=scale_mask(str(values["key"]), str(values["scale"])),
        harmony=_MOST_HARMONY * float(values["harmony"]),
    )


_KNOBS: Final = tuple(name for name, control in CONTROLS.items() if control.engine and not control.is_action)


def knobs_of(values: Values) -> Mapping[str, Value]:
    """Return the controls in force that belong to one kind of engine alone, by their full names."""
    return {name: values[name] for name in _KNOBS}


def scale_mask(key: str, scale: str) -> int:
    """Return the pitch classes of a scale as bits, bit 0 for C."""
    root = KEYS.index(key)
    mask = 0
    for semitones in SCALES[scale]:
        mask |= 1 << (root + semitones) % 12
    return mask


def _of_voices(values: Values, name: str, kind: Callable[[Any], Any]) -> tuple[Any, ...]:
    return tuple(kind(values[VOICE_PREFIX[voice] + name]) for voice in Voice)
