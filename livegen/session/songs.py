"""The songs of a set-list in a session: which one plays, which one is to come, and what changes when one begins."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from livegen.controls import DEFAULTS, SAME, Value, Values
from livegen.engines.cast import Cast
from livegen.events import Event, SetControl
from livegen.inputs.midi_settings import MidiInSettings, roles_of
from livegen.outputs.midi_settings import MidiOutSettings
from livegen.rig import Library, Rig, Song

SET_LIST: Final = "set-list"
"""Source of the events with which a song begins."""


@dataclass(frozen=True, slots=True)
class Scene:
    """How a session is set up for a song.

    Attributes
    ----------
    name : str
        Of the song.
    rig : Rig
    patch : str
        The name of its patch.
    cast : Cast
        Which model plays which voice, by their names.
    pinned : mapping of str to Value
        Controls that the song, its rig or the command line set, which no patch changes.
    values : mapping of str to Value
        The value that every control begins with.
    cue : (str, Value) or None
        The control that is set as it begins, and its value.
    """

    name: str
    rig: Rig
    patch: str
    cast: Cast
    pinned: Mapping[str, Value]
    values: Values
    cue: tuple[str, Value] | None = None

    @property
    def ports(self) -> tuple[tuple[MidiInSettings, ...], tuple[MidiOutSettings, ...]]:
        """The MIDI inputs and outputs."""
        return self.rig.midi_ins or (), self.rig.midi_outs or ()

    def events(self, values: Values, most_ahead: int) -> list[Event]:
        """Return what lets the song begin.

        Parameters
        ----------
        values : Values
            The controls in force.
        most_ahead : int
            How many frames its models can be planned ahead here.
        """
        wanted = {**self.values, "lookahead": min(int(self.values["lookahead"]), most_ahead)}
        changes = {name: value for name, value in wanted.items() if values[name] != value}
        set_up = {"patch": self.patch, **self.cast.controls, **changes, "song": self.name}
        return [*(SetControl(name, value) for name, value in set_up.items()), *self._cued()]

    def _cued(self) -> list[Event]:
        """Return what the band is told. It is there to hear it: a cue also starts it, and a count-in stops it first."""
        if self.cue is None:
            return []
        cue = SetControl(*self.cue)
        if cue.name != "start":
            return [SetControl("start", True), cue]
        return [cue] if cue.value is True else [SetControl("stop", True), cue]


def scene_of(song: Song, library: Library) -> Scene:
    """Return how a session is set up for a song."""
    rig, patch = song.rig, library.patch_name(song.rig.patch or "plain")
    pinned = {**roles_of(rig.midi_ins or ()), **rig.controls, **song.controls}
    cast = Cast(
        library.model_name(rig.cast.model),
        tuple(model if model == SAME else library.model_name(model) for model in rig.cast.of_voice),
    )
    values = {**DEFAULTS, **library.patches[patch].controls, **pinned}
    return Scene(song.name, rig, patch, cast, pinned, values, song.cue)


@dataclass(frozen=True, slots=True)
class Songs:
    """The songs of a session, and where it is among them: a value.

    Attributes
    ----------
    scenes : tuple of Scene
        Empty where the session has no set-list.
    current : int
        The one that plays.
    wanted : int or None
        The one that was asked for and has not begun yet.
    """

    scenes: tuple[Scene, ...] = ()
    current: int = 0
    wanted: int | None = None

    @property
    def scene(self) -> Scene | None:
        """How the session is set up for the song that plays; None without a set-list."""
        return self.scenes[self.current] if self.scenes else None

    @property
    def names(self) -> list[str]:
        """Names of the songs, in order."""
        return [scene.name for scene in self.scenes]

    def ask(self, control: str, value: Value) -> tuple["Songs", str]:
        """Ask for a song; the second result says why it cannot be had, or is empty.

        Parameters
        ----------
        control : {"next", "previous", "song"}
        value : Value
            The name or the number of the song.
        """
        if not self.scenes:
            return self, "this session has no set-list: begin one with --set-list FILE"
        if control == "song":
            place = self._place_of(str(value))
            if place is None:
                return self, f"there is no song {value!r} in the set-list: there is {', '.join(self.names)}"
        else:
            place = (self.current if self.wanted is None else self.wanted) + (1 if control == "next" else -1)
            if not 0 <= place < len(self.scenes):
                return self, f"{self.names[0 if place < 0 else -1]} is the {'first' if place < 0 else 'last'} song"
        is_back = control != "song" and place == self.current
        return replace(self, wanted=None if is_back else place), ""

    def begun(self, name: str) -> "Songs":
        """Return the songs after the one that was asked for has begun; as they are, if another was asked for since."""
        if self.wanted is None or self.names[self.wanted] != name:
            return self
        return replace(self, current=self.wanted, wanted=None)

    def models_ahead(self) -> Iterable[str]:
        """Return the models of the song that is wanted, and then of those beside the one that plays, each once."""
        near = [self.wanted, self.current, self.current + 1, self.current - 1]
        places = [place for place in near if place is not None and 0 <= place < len(self.scenes)]
        return dict.fromkeys(model for place in places for model in self.scenes[place].cast.models)

    def _place_of(self, text: str) -> int | None:
        names = [name.lower() for name in self.names]
        if text.lower() in names:
            return names.index(text.lower())
        return int(text) - 1 if text.isdecimal() and 1 <= int(text) <= len(names) else None
