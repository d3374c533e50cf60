"""What the configurations of all kinds of models have alike, as `config.toml` holds it: sizes and voices."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any, Final, TypeGuard

from livegen.errors import CheckpointError
from livegen.score import Voice

ALL_VOICES: Final = tuple(Voice)

_MAX_SIZE: Final = 4096


def size_names(config: Any) -> tuple[str, ...]:
    """Return the names of a configuration's sizes: the fields of its dataclass that begin with ``n_``."""
    return tuple(field.name for field in fields(config) if field.name.startswith("n_"))


def check_sizes(config: Any) -> None:
    """Raise CheckpointError if a size of a configuration is no whole number within 1..4096."""
    for name in size_names(config):
        value = getattr(config, name)
        if type(value) is not int or not 1 <= value <= _MAX_SIZE:
            raise CheckpointError(f"{name} is {value!r}: allowed is a whole number within 1..{_MAX_SIZE}")


def sizes_of(config: Any, table: Mapping[str, Any]) -> dict[str, Any]:
    """Return the sizes that a `config.toml` says, for a class of configurations; raises CheckpointError."""
    sizes, names = table.get("sizes"), size_names(config)
    if not isinstance(sizes, dict) or set(sizes) != set(names):
        raise CheckpointError(f"it needs a table [sizes] with exactly {', '.join(sorted(names))}")
    return sizes


def size_lines(config: Any) -> list[str]:
    """Return the lines of TOML that say the sizes of a configuration; they are the last ones of the file."""
    return ["", "[sizes]", *(f"{name} = {getattr(config, name)}" for name in size_names(config))]


def check_voices(voices: tuple[Voice, ...]) -> None:
    """Raise CheckpointError if these are not some voices, each once and in order."""
    if not voices or voices != tuple(voice for voice in Voice if voice in voices):
        raise CheckpointError(f"voices is {voices!r}: allowed is one voice or more, each once and in order")


def voices_of(table: Mapping[str, Any]) -> tuple[Voice, ...]:
    """Return the voices that a `config.toml` says, or all where it does not; raises CheckpointError."""
    return parse_voices(table["voices"]) if "voices" in table else ALL_VOICES


def voice_lines(voices: tuple[Voice, ...]) -> list[str]:
    """Return the line of TOML that says the voices, or none where it is all of them."""
    if voices == ALL_VOICES:
        return []
    return [f"voices = {json.dumps([voice.name.lower() for voice in voices])}"]


def parse_voices(names: object) -> tuple[Voice, ...]:
    """Return the voices of a list of names, such as ``["p1", "tr"]``, in their order; raises CheckpointError."""
    all_names = [voice.name.lower() for voice in Voice]
    if not is_some_of(names, all_names) or not names:
        raise CheckpointError(f"voices is {names!r}: allowed is one or more of {', '.join(all_names)}, each once")
    return tuple(voice for voice in Voice if voice.name.lower() in names)


def is_some_of(names: object, allowed: Sequence[str]) -> TypeGuard[Sequence[str]]:
    """Tell whether this is a list or tuple of some of the allowed names, each once."""
    return isinstance(names, list | tuple) and all(name in allowed for name in names) and len(set(names)) == len(names)
