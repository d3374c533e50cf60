"""Casting: whether the models in force have the voices that they are to play, and what to say where they have not."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Final

from livegen.controls import CONTROLS, MODEL_CONTROLS, VOICE_PREFIX, Values
from livegen.engines.cast import Cast
from livegen.engines.ensemble import models_of
from livegen.engines.protocol import Engine, HasLatents
from livegen.voices import Voice

_TAKES_TURNS: Final = ("answer", "trade", "free")  # modes in which the model plays the player's voices too
_ROLES: Final[Mapping[str, Voice]] = {prefix + "role": voice for voice, prefix in VOICE_PREFIX.items()}


@dataclass(frozen=True, slots=True)
class Kind:
    """What the models of one kind do that are in force together.

    Attributes
    ----------
    voices : tuple of Voice
        Those that they play.
    latents : tuple of str
        What their named latents are called, in the order of their controls: empty where there are none. Where models
        differ in one, it has all its names.
    """

    voices: tuple[Voice, ...]
    latents: tuple[str, ...]


def kinds_in_force(engine: Engine, cast: Cast) -> dict[str, Kind]:
    """Return the kinds of the models that play a cast, by their names; those of a model that plays no voice, too."""
    models = models_of(engine)
    kinds = {}
    for kind in dict.fromkeys(model.info.kind for model in models.values()):
        own = {name: model for name, model in models.items() if model.info.kind == kind}
        voices = [voice for voice in Voice if cast[voice] in own and voice in own[cast[voice]].info.voices]
        named = [model.latents for model in own.values() if isinstance(model, HasLatents)]
        latents = [" / ".join(dict.fromkeys(filter(None, names))) for names in zip_longest(*named)]
        kinds[kind] = Kind(tuple(voices), tuple(latents))
    return kinds


def silent_voices(values: Values, voices: Collection[Voice]) -> list[Voice]:
    """Return the voices that a model is to play and does not have, where it has these."""
    return [voice for name, voice in _ROLES.items() if values[name] == "model" and voice not in voices]


def casting_remark(cast: Cast, voices: Sequence[Voice], values: Values, about: Collection[str] = ("model",)) -> str:
    """Return one sentence about voices that stay silent because the model has none for them; empty if all is well.

    Parameters
    ----------
    cast : Cast
        The models.
    voices : sequence of Voice
        Those that they play.
    values : Values
        The controls in force.
    about : collection of str
        The controls that have changed: where it is the role of a voice alone, only what that leads to counts.
    """
    if len(voices) == len(Voice):
        return ""
    silent = silent_voices(values, voices)
    roles = [values[VOICE_PREFIX[voice] + "role"] for voice in voices]
    is_heard = "model" in roles or ("player" in roles and values["mode"] in _TAKES_TURNS)
    wanting = {*silent, *(() if is_heard else voices)}
    is_of_roles = MODEL_CONTROLS.keys().isdisjoint(about)
    if not voices:
        return f"the models {cast} play no voice here: choose others" if silent else ""
    if not wanting or (is_of_roles and wanting.isdisjoint(_ROLES[name] for name in about if name in _ROLES)):
        return ""
    models = list(dict.fromkeys(cast[voice] for voice in Voice))
    said = f"the model {models[0]} plays" if len(models) == 1 else f"the models {_listed(models)} play"
    said += f" {_listed([voice.name for voice in voices])}{' alone' if len(voices) == 1 else ''}"
    if silent:
        said += f", so {_listed([voice.name for voice in silent])} {'is' if len(silent) == 1 else 'are'} silent"
    else:
        said += f", which {'is' if len(voices) == 1 else 'are'} {'yours' if 'player' in roles else 'off'}"
    own, other = VOICE_PREFIX[voices[0]], VOICE_PREFIX[(silent or list(voices))[0]]
    cure = (
        f"set {other}role to player to play there" if is_heard else f"set {own}role to model to hear it while you play"
    )
    return f"{said}: {cure}, or choose another model"


def unheeded_remark(in_force: Collection[str], engine: Engine) -> str:
    """Return one sentence about controls that were set and that no model in force heeds; empty if there are none.

    Parameters
    ----------
    in_force : collection of str
        The controls that were set.
    engine : Engine
        What plays the models in force.
    """
    kinds = {model.info.kind for model in models_of(engine).values()}
    for name in in_force:
        kind = CONTROLS[name].engine
        if kind and kind not in kinds:
            return f"the controls of {kind} wait: no model of that kind plays; choose one, such as `:no.model {kind}`"
    return ""


def _listed(names: Sequence[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last
