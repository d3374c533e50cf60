"""A score as a performer would play it: notes on MIDI channels, with their seconds."""

from collections.abc import Collection
from typing import Final

import mido

from livegen.formats.score.changes import Changes
from livegen.formats.score.downsample import GRID_RATE_HZ
from livegen.score import MIDI_CHANNEL, Voice
from livegen.units import volume_to_velocity

_TRIANGLE_VELOCITY: Final = 100
"""Velocity of the triangle's notes as if a performer played them. The triangle has no volume of its own."""


def changes_to_timeline(changes: Changes, voices: Collection[Voice] = tuple(Voice)) -> list[tuple[float, mido.Message]]:
    """Return the notes of some voices of a score as a performer would play them on channels 1, 2, 3 and 10.

    Volumes become velocities. A rise of the volume that `livegen.score` calls an onset strikes the note again. The
    noise voice gets keys that `livegen.score.fit_note` turns back into its notes. Smaller changes of volume, and
    timbres, are left out, because the patch decides them.

    Returns
    -------
    list of (float, mido.Message)
        Seconds and `note_on` or `note_off`, in the order of time.
    """
    timeline: list[tuple[float, mido.Message]] = []
    for voice in sorted(voices):
        channel = MIDI_CHANNEL[voice]
        starts, states = changes.starts[voice].tolist(), changes.states[voice].tolist()
        attacks = changes.is_onset(voice).tolist()
        held: int | None = None
        for start, (note, volume, _), attack in zip(starts, states, attacks, strict=True):
            if held is not None and (attack or note == 0):
                timeline.append((start / GRID_RATE_HZ, mido.Message("note_off", channel=channel, note=held)))
                held = None
            if attack:
                held = note - 1 if voice is Voice.NO else note
                velocity = _TRIANGLE_VELOCITY if voice is Voice.TR else max(1, volume_to_velocity(volume))
                message = mido.Message("note_on", channel=channel, note=held, velocity=velocity)
                timeline.append((start / GRID_RATE_HZ, message))
        if held is not None:
            end = mido.Message("note_off", channel=channel, note=held)
            timeline.append((changes.length / GRID_RATE_HZ, end))
    timeline.sort(key=lambda timed: timed[0])
    return timeline
