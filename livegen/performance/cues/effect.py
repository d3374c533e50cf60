"""What a cue does to a frame: who rests, how draws are shaped, how loud what was drawn sounds. Pure functions.

Nothing here reaches into an engine. Voices that rest are drawn inaudibly, as in the performer's turns, so that the
music has gone on when they come back. Loudness changes what sounds, and not what the engine hears of itself.
"""

from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.engines.protocol import Sampling
from livegen.performance.cues.cue import Cue
from livegen.score import N_VOICES, Voice
from livegen.score_table import MODEL, OFF

_RHYTHM: Final = (Voice.TR, Voice.NO)
"""Who is out in a drop."""

_FILL_DENSITY, _FILL_SILENCE, _FILL_COPY, _FILL_TEMPERATURE = 2.5, -8.0, -4.0, 1.2
"""A fill: nats by which drums change more often, rest less, and go on less as before; factor of their temperature."""

_BUILD_DENSITY: Final = 2.0
_BUILD_STEPS: Final = 8
"""Nats by which all voices change more often at the end of a build, in so many steps: an engine that settles a window
or a loop as it is shaped need not do it for every frame."""

_BUILD_GAIN: Final = (0.5, 1.2)
"""Factor of the volume at the beginning and at the end of a build."""

_SOLO_DENSITY, _SOLO_SILENCE, _SOLO_GAIN = 0.5, -3.0, 1.2
_BEHIND_DENSITY, _BEHIND_SILENCE, _BEHIND_GAIN = -1.0, 1.0, 0.6
"""A solo: for the voice in front and for those behind it, nats of change and of silence, and factor of the volume."""

_ENTER_SILENCE: Final = -8.0
"""Nats of silence for a voice that is to come in with the others."""


def who_plays(
    cue: Cue, owner: NDArray[np.uint8], rests: NDArray[np.bool_]
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Return who plays each voice under a cue, and which voices the model draws inaudibly; see `modes.owners`."""
    out = {"break": tuple(Voice), "drop": _RHYTHM}.get(cue.name, ())
    is_out = (owner == MODEL) & np.isin(np.arange(N_VOICES), out)
    return np.where(is_out, np.uint8(OFF), owner), rests | is_out


def cued(sampling: Sampling, cue: Cue, frame_index: int) -> Sampling:
    """Return how a frame is drawn under a cue."""
    if cue.name == "fill":
        drums = [voice is Voice.NO for voice in Voice]
        return replace(
            sampling,
            density=_added(sampling.density, [_FILL_DENSITY * each for each in drums]),
            silence=_added(sampling.silence, [_FILL_SILENCE * each for each in drums]),
            copy=_added(sampling.copy, [_FILL_COPY * each for each in drums]),
            voice_temperature=tuple(
                own * (_FILL_TEMPERATURE if is_drum else 1.0)
                for own, is_drum in zip(sampling.voice_temperature, drums, strict=True)
            ),
        )
    if cue.name == "build":
        step = int(_BUILD_STEPS * cue.share(frame_index)) / (_BUILD_STEPS - 1)
        return replace(sampling, density=_added(sampling.density, [_BUILD_DENSITY * step] * N_VOICES))
    if cue.name == "solo":
        front = [voice is cue.voice for voice in Voice]
        density = [_SOLO_DENSITY if is_front else _BEHIND_DENSITY for is_front in front]
        silence = [_SOLO_SILENCE if is_front else _BEHIND_SILENCE for is_front in front]
        return replace(sampling, density=_added(sampling.density, density), silence=_added(sampling.silence, silence))
    return sampling


def coming_in(sampling: Sampling, rests: tuple[bool, ...]) -> Sampling:
    """Return how the frame is drawn in which the band comes in together: all but those that rest in the section."""
    return replace(sampling, silence=_added(sampling.silence, [_ENTER_SILENCE * (not each) for each in rests]))


def _added(own: tuple[float, ...], more: list[float]) -> tuple[float, ...]:
    return tuple(each + added for each, added in zip(own, more, strict=True))


def cue_gains(cue: Cue, frame_index: int) -> NDArray[np.float64]:
    """Return the factors of the voices' volumes under a cue, shape (4,)."""
    if cue.name == "build":
        first, last = _BUILD_GAIN
        return np.full(N_VOICES, first + (last - first) * cue.share(frame_index))
    if cue.name == "solo":
        return np.array([_SOLO_GAIN if voice is cue.voice else _BEHIND_GAIN for voice in Voice])
    return np.ones(N_VOICES)
