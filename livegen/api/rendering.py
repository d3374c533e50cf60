"""Renders a session offline, as `livegen render` does."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from livegen.api.checked import checked_controls, checked_frames, checked_seed
from livegen.api.model import Model, load_model
from livegen.api.score import Score
from livegen.api.sources import Performed
from livegen.engines.checkpoint import load_conductor
from livegen.events import Event
from livegen.formats.files import Warn, ignore
from livegen.inputs.midi_file import timeline_events
from livegen.instrument.compile import compile_all
from livegen.offline.batch import performed
from livegen.offline.prompt_key import short_prompt
from livegen.offline.rendition import Rendition
from livegen.patch import load_patch
from livegen.units import frame_to_seconds


def render(
    seconds: float = 30.0,
    seed: int | None = None,
    controls: Mapping[str, object] | None = None,
    prompt: str | Path | Iterable[tuple[float, Any]] | None = None,
    *,
    model: str | Path | Model = "default",
    patch: str | Path = "plain",
    warn: Warn = ignore,
) -> Score:
    """Render music: what a session plays in so many seconds.

    The first render of a machine compiles, which takes up to a minute.

    Parameters
    ----------
    seconds : float
        Up to 36,000.
    seed : int, optional
        Of all draws, 0..2**63 - 1: the same seed, the same music. Else one is drawn; `Score.seed` tells it.
    controls : mapping of str to value, optional
        Controls by full name, as `livegen controls` lists them: ``{"temperature": 0.8, "p2.role": "off"}``. A number
        out of range is clamped.
    prompt : str or Path or iterable of (float, mido.Message), optional
        What a performer plays, and the model with them: a MIDI file, or another that `livegen render --prompt` takes,
        or messages with their times in seconds.
    model : str or Path or Model
        A model's name or folder, or what `load_model` has loaded.
    patch : str or Path
        A patch's name, as `livegen patches` lists them, or its file.
    warn : callable
        Is told, in a sentence, what was lost or guessed of a damaged prompt.

    Returns
    -------
    Score

    Raises
    ------
    livegen.errors.LivegenError
        If the length or the seed is out of range, or there is no such control, model, patch or prompt.

    Examples
    --------
    >>> import mido
    >>> from livegen.api import render
    >>> score = render(2, seed=7, controls={"temperature": 0.9}, patch="lead")
    >>> score.frames.shape
    (48, 4, 3)
    >>> keys = [(0.0, mido.Message("note_on", note=64, velocity=90)), (0.5, mido.Message("note_off", note=64))]
    >>> answered = render(1, seed=7, prompt=keys)
    >>> answered.frames[:12, 0, 0].tolist()
    [64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64]
    """
    n_frames, drawn, values = checked_frames(seconds), checked_seed(seed), checked_controls(controls)
    if prompt is None or isinstance(prompt, str | Path):
        events, played = performed(None if prompt is None else Path(prompt), n_frames, warn)
        values = {**played, **values}
    else:
        events = _within(timeline_events(prompt), n_frames)
    loaded_patch = load_patch(patch)
    loaded = model if isinstance(model, Model) else load_model(model)
    if remark := short_prompt(events, loaded.engine, values):
        warn(remark)
    compile_all(loaded.engine, loaded_patch, load_conductor(loaded.engine))
    return Score(Performed(Rendition(loaded.engine, loaded_patch, n_frames, drawn, values, events)), drawn)


def _within(events: list[tuple[float, Event]], n_frames: int) -> list[tuple[float, Event]]:
    length = frame_to_seconds(n_frames)
    return [(seconds, event) for seconds, event in events if 0.0 <= seconds < length]
