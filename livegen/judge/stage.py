"""A session on the offline clock, played to as a performer would, for what is judged."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from livegen.controls import VOICE_PREFIX, Value
from livegen.engines.checkpoint import load_conductor, load_engine
from livegen.errors import TrainingError
from livegen.events import Event, NoteOff, NoteOn
from livegen.formats.audio.file import DEFAULT_SAMPLE_RATE_HZ
from livegen.instrument.compile import compile_all
from livegen.instrument.instrument import Instrument
from livegen.offline.render import render
from livegen.patch import load_patch
from livegen.score import Column, Voice
from livegen.units import frame_to_seconds

_Song = TypeVar("_Song")

_SOFTEST: Final = 40
_VELOCITY_A_STEP: Final = 6
"""MIDI velocity of a note at volume 0, and how much harder a key is struck for each step of the chip's volume."""

_TRIANGLE_VOLUME: Final = 12
"""Volume as which the triangle's notes are played, which has none of its own."""


class Stage:
    """A model with the patch `plain`, ready to play sessions from the start.

    Attributes
    ----------
    engine : Engine
    conductor : Conducts or None
        Whose chord leads where a model's is asked for.
    """

    def __init__(self, model_folder: Path) -> None:
        self.engine = load_engine(model_folder)
        self._patch = load_patch("plain")
        self.conductor = load_conductor(self.engine)
        compile_all(self.engine, self._patch, self.conductor)

    def play(
        self, n_frames: int, *, seed: int, controls: Mapping[str, Value] | None = None, keys: list[tuple[float, Event]]
    ) -> NDArray[np.uint8]:
        """Return what is heard in a session, ``uint8 (n_frames, 4, 3)``, in which keys are played at given seconds."""
        instrument = Instrument(
            self.engine,
            self._patch,
            DEFAULT_SAMPLE_RATE_HZ,
            controls=controls,
            seed=seed,
            n_channels=1,
            conductor=self.conductor,
        )
        return np.stack([rendered.frame for rendered in render(instrument, n_frames, keys)])


def spread(found: list[_Song], n_songs: int, n_of: int, what: str) -> list[_Song]:
    """Return some of the songs that serve, from all over the data, where songs of one game follow each other.

    Raises
    ------
    TrainingError
        If none of `n_of` songs serves, which says `what` one has to be like.
    """
    if not found:
        raise TrainingError(f"none of the {n_of} songs {what}: give other data")
    return found[:: max(len(found) // n_songs, 1)][:n_songs]


def roles(lead: Voice) -> dict[str, Value]:
    """Return the controls with which one voice is the performer's and the others are the model's."""
    return {f"{VOICE_PREFIX[voice]}role": "player" if voice is lead else "model" for voice in Voice}


def keys_of(part: NDArray[np.uint8], voice: Voice) -> list[tuple[float, Event]]:
    """Return a part of a song, ``uint8 (n, 3)``, as the keys that a performer presses and lets go of."""
    note = part[:, Column.NOTE].astype(int)
    volume = part[:, Column.VOLUME] if voice is not Voice.TR else np.full(len(part), _TRIANGLE_VOLUME)
    keys: list[tuple[float, Event]] = []
    held = 0
    for at in np.flatnonzero(np.diff(note, prepend=0, append=0)):
        seconds = frame_to_seconds(int(at))
        if held:
            keys.append((seconds, NoteOff(0, held)))
        held = int(note[at]) if at < len(note) else 0
        if held:
            velocity = min(_SOFTEST + _VELOCITY_A_STEP * int(volume[at]), 127)
            keys.append((seconds, NoteOn(0, held, velocity)))
    return keys
