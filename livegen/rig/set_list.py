"""Set-lists: a TOML file with the songs of an evening, each with its rig, tempo, key, and the cue it begins with."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, cast

from livegen.controls import CONTROLS, KEYS, MAX_NAME_LENGTH, SCALES, Value, parse_value
from livegen.errors import ControlError, RigError
from livegen.rig.keys import MAX_SONGS, SONG_KEYS, SONG_SECTION
from livegen.rig.reader import list_rigs, load_rig
from livegen.rig.values import Rig
from livegen.toml.text import SimpleKind, TomlText, read_text
from livegen.voices import VOICE_OF_NAME

CUE_NAMES: Final = ("start", "fill", "break", "drop", "build", "solo", "tutti")
"""What a song may begin with."""

_LASTING: Final = (
    *("seed", "audio", "audio_channels", "rate", "block", "latency_ms", "midi_api"),
    *("osc_host", "osc_port", "osc_peers", "web", "web_host", "web_port", "link"),
)
"""What a rig says of a session that no song changes."""

_FLATS: Final = {"db": "c#", "eb": "d#", "gb": "f#", "ab": "g#", "bb": "a#"}
_KEY: Final = re.compile(r"([a-g](?:#|b)?)(?:\s+(\S+))?")


@dataclass(frozen=True, slots=True)
class Song:
    """One song of a set-list.

    Attributes
    ----------
    name : str
        Of up to 32 characters.
    rig : Rig
        How the session is set up for it.
    controls : mapping of str to value
        What the song sets over its rig: tempo, key and scale.
    cue : (str, value) or None
        The control that is set as it begins, and its value: one of `CUE_NAMES`.
    """

    name: str
    rig: Rig = field(default_factory=Rig)
    controls: Mapping[str, Value] = field(default_factory=lambda: MappingProxyType({}))
    cue: tuple[str, Value] | None = None


@dataclass(frozen=True, slots=True)
class SetList:
    """The songs of an evening, in order.

    Attributes
    ----------
    name : str
    songs : tuple of Song
        At least one; no two have the same name.
    """

    name: str
    songs: tuple[Song, ...]

    def over(self, said_over: Callable[[Rig], Rig], controls: Mapping[str, Value]) -> "SetList":
        """Return the set-list with what stands over all its songs: options over each rig, and controls."""
        songs = (
            replace(song, rig=said_over(song.rig), controls=MappingProxyType({**song.controls, **controls}))
            for song in self.songs
        )
        return replace(self, songs=tuple(songs))

    @property
    def warnings(self) -> list[str]:
        """What of the songs' rigs has no effect, since a session has it from its start to its end."""
        first, *others = (song.rig for song in self.songs)
        names = [name for name in _LASTING if any(getattr(rig, name) != getattr(first, name) for rig in others)]
        if not names:
            return []
        return [f"the rigs of the set-list differ in {', '.join(names)}: what the first song's rig says counts for all"]


def load_set_list(path: Path) -> SetList:
    """Read a set-list.

    Parameters
    ----------
    path : Path
        Of the TOML file. Rigs that it names by file are looked for beside it.

    Raises
    ------
    RigError
        If the file, or a rig of it, cannot be read or says what it cannot say. The message names file, line, key, value
        and what is allowed.
    """
    file = TomlText(str(path), read_text(path, RigError, "set-list"), RigError, "set-list")
    root = file.parse()
    file.check_keys((), root, ("name", "rig", SONG_SECTION))
    for key in ("name", "rig"):
        if key in root:
            file.simple((key,), root[key], "text", (), (0, 0))
    tables = file.tables((SONG_SECTION,), root.get(SONG_SECTION, []))
    if not 1 <= len(tables) <= MAX_SONGS:
        raise RigError(f"{path} has {len(tables)} songs: write [[{SONG_SECTION}]] over each, of 1 to {MAX_SONGS}")
    songs: list[Song] = []
    rigs: dict[str, Rig] = {}
    for index, table in enumerate(tables):
        song = _song(file, index, {"rig": root["rig"], **table} if "rig" in root else table, path.parent, rigs)
        if any(song.name.lower() == other.name.lower() for other in songs):
            raise file.refusal((SONG_SECTION, index, "name"), song.name, "a name of its own: another song has this one")
        songs.append(song)
    return SetList(root.get("name") or path.stem, tuple(songs))


def _song(file: TomlText, index: int, table: Mapping[str, Any], folder: Path, rigs: dict[str, Rig]) -> Song:
    where = (SONG_SECTION, index)
    file.check_keys(where, dict(table), [key.name for key in SONG_KEYS])
    for key in SONG_KEYS:
        if key.name in table:
            file.simple((*where, key.name), table[key.name], cast(SimpleKind, key.kind), key.choices, key.span)
    name = str(table.get("name", "")).strip()
    if not 0 < len(name) <= MAX_NAME_LENGTH:
        raise file.refusal((*where, "name"), name, f"a name of 1 to {MAX_NAME_LENGTH} characters")
    controls: dict[str, Value] = {}
    if "tempo" in table:
        controls["bpm"] = float(table["tempo"])
    if "key" in table:
        controls |= _key(file, index, str(table["key"]))
    cue = _cue(file, index, str(table["cue"])) if "cue" in table else None
    rig = Rig()
    if "rig" in table:
        rig = _rig(file, index, str(table["rig"]), folder, rigs)
    return Song(name, rig, MappingProxyType(controls), cue)


def _rig(file: TomlText, index: int, text: str, folder: Path, rigs: dict[str, Rig]) -> Rig:
    """Return a rig of the user's, or the one in a file beside the set-list; each is read once."""
    if text not in rigs:
        beside = [path for path in (folder / text, folder / f"{text}.toml") if path.is_file()]
        try:
            rigs[text] = load_rig(str(beside[0]) if beside and text not in list_rigs() else text)
        except RigError as error:
            raise RigError(f"{file.where((SONG_SECTION, index, 'rig'))}: {error}") from None
    return rigs[text]


def _key(file: TomlText, index: int, text: str) -> dict[str, Value]:
    """Return the controls of a key such as ``c``, ``Bb major`` or ``f# dorian``; without a scale it is major."""
    match = _KEY.fullmatch(text.strip().lower())
    key, scale = ("", "") if match is None else (_FLATS.get(match[1], match[1]), match[2] or "major")
    if key not in KEYS or scale not in SCALES:
        allowed = f'a note and a scale, such as "c minor"; scales are {", ".join(SCALES)}'
        raise file.refusal((SONG_SECTION, index, "key"), text, allowed)
    return {"key": key, "scale": scale}


def _cue(file: TomlText, index: int, text: str) -> tuple[str, Value]:
    """Return the control and the value of a cue such as ``start 4``, ``drop`` or ``solo p2``."""
    name, _, argument = text.strip().lower().partition(" ")
    if name not in CUE_NAMES:
        allowed = f'{", ".join(CUE_NAMES)}, and for some a number or a voice, such as "start 4"'
        raise file.refusal((SONG_SECTION, index, "cue"), text, allowed)
    try:
        value = parse_value(name, argument.strip()) if argument.strip() else CONTROLS[name].argument
    except ControlError as error:
        raise RigError(f"{file.where((SONG_SECTION, index, 'cue'))}: {error}") from None
    if name == "solo" and value not in VOICE_OF_NAME:
        raise file.refusal((SONG_SECTION, index, "cue"), text, f"solo with one of {', '.join(VOICE_OF_NAME)}")
    return name, value
