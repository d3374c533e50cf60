"""Whether a prompt is long enough to tell a key by, for models that go on from its harmony."""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from livegen.controls import Value
from livegen.engines.ensemble import models_of
from livegen.engines.protocol import Conducts, Engine
from livegen.engines.tonality import WEIGHTS, key_fits
from livegen.events import Event, NoteOn
from livegen.score import MIDI_CHANNEL
from livegen.voices import Voice

_FEWEST_PITCH_CLASSES: Final = 4
"""A triad is in several keys."""

_CLEAR: Final = 0.02
"""By how much the key that fits best has to fit better than the next one."""


def short_prompt(events: Sequence[tuple[float, Event]], engine: Engine, controls: Mapping[str, Value]) -> str:
    """Return one sentence where a prompt tells no key and a model's chords go on from it; empty if all is well.

    Parameters
    ----------
    events : sequence of (float, Event)
        What the prompt plays, by its seconds.
    engine : Engine
    controls : mapping
        Those that were set.
    """
    goes_on = controls.get("chord_from") == "model" or any(
        isinstance(model, Conducts) for model in models_of(engine).values()
    )
    if not goes_on or not events or is_key_told(events):
        return ""
    return (
        "the prompt is too short to tell a key, so the chords that follow may be in another one: "
        "give a longer one, or set key and scale"
    )


def is_key_told(events: Sequence[tuple[float, Event]]) -> bool:
    """Tell whether one key fits the notes of events, drums apart, better than all others."""
    notes = [event.note for _, event in events if isinstance(event, NoteOn) and event.channel != MIDI_CHANNEL[Voice.NO]]
    chroma = np.bincount(np.array(notes, np.int64) % 12, minlength=12)
    if (chroma > 0).sum() < _FEWEST_PITCH_CLASSES:
        return False
    *_, second, best = np.sort(key_fits(chroma, WEIGHTS), axis=None)
    return bool(best - second >= _CLEAR)
