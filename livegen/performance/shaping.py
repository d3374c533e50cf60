"""What the live controls ask of the engine."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any, Final

from livegen.controls import CONTROLS, KEYS, SCALES, VOICE_PREFIX, Value, Values
from livegen.engines.protocol import Sampling
from livegen.engines.tonality import pitch_class_bits
from livegen.performance.subdivision import binding_of
from livegen.performance.tightness import Groove
from livegen.score import Voice

_DENSITY_NATS: Final = 2.0
"""What a density of 1 adds to the log-odds of a change."""

_GRID_NATS: Final = 2.0
"""What a grid of 1 adds to the log-odds of an attack on the grid."""


_MOST_HARMONY: Final = 3.0
"""What a harmony of 1 multiplies with what the network makes of the performer's notes: a third is as it has learnt.

The network hears a performer as songs do their melodies, and expects other voices that have heard it as well: its own
past is worse than that, and more is needed. With melodies of 13 valid songs, with two seeds each, P2 and the triangle
clashed in .20 and .20 of the time at 1.5, and in .16 and .17 at 2.25, which the control has by default.
"""

_MOVES_MORE: Final = {Voice.P1: 0.6, Voice.P2: 0.4, Voice.TR: 0.25}
"""What is taken from the log-odds of a change beside a performer, for each that the harmony is over 1.

All notes that fit are likelier then, and with them that one is played at all; and notes that clash are left sooner.
With melodies of 13 valid songs, a harmony of 2.25 and two seeds, P2 begins 2.6 and 2.1 notes a second and the triangle
3.2 and 3.0; the songs' own begin 2.2 and 3.4.
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


def beside_performer(sampling: Sampling) -> Sampling:
    """Return how a frame is drawn in which somebody plays: voices that listen more move no more often."""
    over = max(sampling.harmony - 1.0, 0.0)
    density = (own - over * _MOVES_MORE.get(voice, 0.0) for voice, own in zip(Voice, sampling.density, strict=True))
    return replace(sampling, density=tuple(density))


class Asked:
    """How controls shape the draws of a plan, with and without a performer beside the model."""

    def __init__(self, values: Values, groove: Groove) -> None:
        self._values, self._groove = values, groove

    @cached_property
    def alone(self) -> Sampling:
        """How a frame is drawn in which nobody plays."""
        return sampling_of(self._values)

    @cached_property
    def beside(self) -> Sampling:
        """How a frame is drawn in which somebody plays."""
        return replace(beside_performer(self.alone), between=binding_of(self._groove))


_KNOBS: Final = tuple(name for name, control in CONTROLS.items() if control.engine and not control.is_action)


def knobs_of(values: Values) -> Mapping[str, Value]:
    """Return the controls in force that belong to one kind of engine alone, by their full names."""
    return {name: values[name] for name in _KNOBS}


def scale_mask(key: str, scale: str) -> int:
    """Return the pitch classes of a scale as bits, bit 0 for C."""
    return pitch_class_bits(KEYS.index(key), SCALES[scale])


def _of_voices(values: Values, name: str, kind: Callable[[Any], Any]) -> tuple[Any, ...]:
    return tuple(kind(values[VOICE_PREFIX[voice] + name]) for voice in Voice)
