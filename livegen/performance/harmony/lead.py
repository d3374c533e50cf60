"""Which chord leads the model's notes in a frame, and what that does to a draw.

Nothing here reaches into an engine. A draw is confined to the pitch classes of the chord on the beat, and to those of
its scale elsewhere, as often as ``chord_pull`` says; and a voice that holds a note which does not fit moves on sooner.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from livegen.controls import Values
from livegen.engines.protocol import Sampling
from livegen.engines.sampling import seed_bits, uniform
from livegen.engines.tonality import Key, pitch_class_bits
from livegen.engines.triads import fitting_triad, scale_pitch_classes, triad_pitch_classes
from livegen.performance.cues.cadence import heard_key
from livegen.performance.harmony.walk import Walk, triad_of
from livegen.performance.timeline import Step
from livegen.score import N_VOICES, PITCHED, Column
from livegen.score_table import PLAYER

_IS_LED: Final = 0
"""Column, of the voice after the last one, of the random number that decides whether a frame is led."""

_STRONG_PHASE: Final = 0.25
"""So much of each beat, from where it begins, belongs to the chord alone."""

_LEAVE_SCALE_NATS, _LEAVE_CHORD_NATS = 4.0, 1.0
"""Added to the log-odds of a change for a voice whose note is not in the scale, and on the beat not in the chord."""

_HEARD_FRAMES: Final = 48
"""The performer's chord is heard from so many of the last frames, two seconds."""

_FADE_FRAMES: Final = 24.0
_FADES: Final = tuple(float(np.exp(-age / _FADE_FRAMES)) for age in range(_HEARD_FRAMES))
"""How much a note counts, by how many frames ago it sounded."""


def leading(
    values: Values, walk: Walk, steps: Sequence[Step], keys: Sequence[int], frame_index: int, told: Key | None = None
) -> Key | None:
    """Return the triad that leads in a frame; None if none does.

    Parameters
    ----------
    values : Values
        The controls in force.
    walk : Walk
        What is to follow the chord in force.
    steps : sequence of Step
        The frames before it.
    keys : sequence of int
        The notes of the keys that are held.
    frame_index : int
    told : Key or None
        The conductor's chord there.
    """
    if not values["chord_pull"]:
        return None
    if values["chord_from"] == "model":
        return told
    if values["chord_from"] == "performer":
        return performers_triad(steps, keys)
    return walk.at(frame_index) or triad_of(str(values["tonnetz.chord"]))


def performers_triad(steps: Sequence[Step], keys: Sequence[int]) -> Key | None:
    """Return the triad that the performer's notes of the last two seconds speak for, held keys most; None without any.

    The newest count most: a second before, a note counts for about a third.
    """
    chroma = np.zeros(12)
    for step, fade in zip(reversed(steps[-_HEARD_FRAMES:]), _FADES, strict=False):
        for voice in PITCHED:
            note = int(step.planned.frame[voice, Column.NOTE])
            if step.planned.owner[voice] == PLAYER and note:
                chroma[note % 12] += fade
    for key in keys:
        chroma[key % 12] += _FADE_FRAMES
    if not chroma.any():
        return None
    return fitting_triad(chroma)


def start_of_walk(values: Values, steps: Sequence[Step]) -> Key:
    """Return the triad that a walk begins from: the chord in force, or where there is none the heard key's."""
    return triad_of(str(values["tonnetz.chord"])) or heard_key(steps, values)


def led(
    sampling: Sampling,
    triad: Key,
    pull: float,
    *,
    seed: int,
    frame_index: int,
    phase: float | None,
    sounding: Sequence[int],
    keys: Sequence[int],
) -> Sampling:
    """Return how a frame is drawn that a chord leads.

    Parameters
    ----------
    sampling : Sampling
        How it would be drawn without one.
    triad : Key
    pull : float
        0..1: the share of frames that are led.
    seed, frame_index : int
    phase : float or None
        Where in the beat the frame is, 0..1; None where nobody knows.
    sounding : sequence of int
        By voice, the note that it sounds in the frame before, 0 for none.
    keys : sequence of int
        The performer's held keys. They win: what lies a semitone beside one is not played.
    """
    if uniform(seed_bits(seed), frame_index, N_VOICES, _IS_LED) >= pull:
        return sampling
    free = scale_pitch_classes(triad) & ~_beside(keys)
    is_strong = phase is None or phase < _STRONG_PHASE
    drawn = replace(
        sampling,
        scale=free & sampling.scale or free or sampling.scale,
        chord=triad_pitch_classes(triad) if is_strong else sampling.chord,
    )
    leave_note = [0.0] * N_VOICES
    for voice in PITCHED:
        pitch_class = 1 << sounding[voice] % 12
        if sounding[voice] and not drawn.pitch_classes & pitch_class:
            leave_note[voice] = _LEAVE_CHORD_NATS if drawn.scale & pitch_class else _LEAVE_SCALE_NATS
    return replace(drawn, leave_note=tuple(leave_note))


def _beside(keys: Sequence[int]) -> int:
    """Return the pitch classes a semitone beside the keys, but for those of the keys themselves."""
    return (pitch_class_bits(1, keys) | pitch_class_bits(-1, keys)) & ~pitch_class_bits(0, keys)
