"""Options that several commands share, and the functions that read them."""

from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from livegen.cli.output import err
from livegen.controls import CONTROLS, Value, parse_value
from livegen.engines.cast import Cast, parse_voice_model
from livegen.errors import CheckpointError, ControlError
from livegen.system.resources import model_folder, shipped_models
from livegen.voices import Voice

Model = Annotated[str, typer.Option(help="A model's name (`livegen models`) or its folder.")]
Models = Annotated[
    list[str] | None,
    typer.Option("--model", metavar="[VOICE=]NAME", help="A model's name or folder, or one voice's own; repeatable."),
]
PatchOption = Annotated[str, typer.Option("--patch", help="A patch's name (`livegen patches`) or its file.")]
Seed = Annotated[int | None, typer.Option(min=0, max=2**63 - 1, help="Of all draws; the same seed, the same music.")]
Set = Annotated[list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="Set a control; repeatable.")]
Strict = Annotated[bool, typer.Option("--strict", help="Refuse a damaged file instead of reading what is whole.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]


class Channels(StrEnum):
    """What the channels of the sound carry."""

    MIX = "mix"
    VOICES = "voices"


ChannelsOption = Annotated[
    Channels, typer.Option("--audio-channels", help="The mix on every channel, or each voice on its own of four.")
]


def absolute(name: str | None, shipped: Iterable[str]) -> str | None:
    """Return the name of a shipped patch or model, or the absolute path of another, because a rig lies elsewhere."""
    return str(Path(name).absolute()) if name is not None and name not in shipped and Path(name).exists() else name


def parse_models(texts: list[str] | None) -> tuple[str | None, dict[Voice, str]]:
    """Return the model of ``--model NAME``, None if there is none, and those of ``--model no=NAME`` by voice.

    Raises
    ------
    CheckpointError
        If two are given for the same voices.
    """
    model: str | None = None
    own: dict[Voice, str] = {}
    for text in texts or []:
        voice, name = parse_voice_model(text) or (None, text)
        if (voice is None and model is not None) or voice in own:
            raise CheckpointError(f"--model {text!r} comes after another one for the same voices: give one of them")
        name = str(absolute(name, shipped_models()))
        if voice is None:
            model = name
        else:
            own[voice] = name
    return model, own


def parse_controls(assignments: list[str] | None) -> dict[str, Value]:
    """Return the values of ``--set name=value``, checked; raises ControlError."""
    controls: dict[str, Value] = {}
    for assignment in assignments or []:
        name, equals, value = assignment.partition("=")
        if not equals:
            raise ControlError(f"--set {assignment!r} has no value: write it as --set name=value")
        controls[name] = parse_value(name, value)
        if CONTROLS[name].is_action:
            raise ControlError(f"{name} is no setting but something to do while playing: leave it out of --set")
    return controls


def say_if_compiling(meanwhile: str = "") -> None:
    """Tell the user if playing must compile first; `meanwhile` says what happens while it does."""
    from livegen.system.kernels import is_compiled

    if not is_compiled():
        said = f"first run: compiling, which takes up to a minute{meanwhile}; the next start is quick"
        err.print(said, highlight=False)


def load_models(cast: Cast, meanwhile: str = "") -> Any:
    """Return the engine of the models of a cast, and tell the user if playing must compile first.

    `meanwhile` is as in `say_if_compiling`.

    Raises
    ------
    CheckpointError
        If a model is missing or damaged.
    """
    from livegen.engines.checkpoint import load_cast

    for model in cast.models:
        model_folder(model)
    say_if_compiling(meanwhile)
    return load_cast(cast)
