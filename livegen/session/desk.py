"""The desk: everything between the inputs and the instrument that is not music.

It turns knobs into controls, sets the controls of a patch that is picked, loads a model that is picked, goes from song
to song of a set-list, and writes what is to be saved to the rig's file.
"""

import difflib
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Lock
from types import MappingProxyType
from typing import Final

from livegen.controls import CONTROLS, DEFAULTS, MODEL_CONTROLS, SAME, Value, Values
from livegen.errors import LivegenError, RigError
from livegen.events import PANIC, Event, SetControl
from livegen.inputs.midi_settings import Wiring, labels_of
from livegen.patch import Patch
from livegen.rig import Rig, rig_path, save_knobs, save_rig
from livegen.session.knob import Place
from livegen.session.mapping import ControllerMap
from livegen.session.pads import PADS, Pads
from livegen.session.songs import SET_LIST, Scene, Songs

_USUAL_NAME: Final = "rig"
"""Name of the rig that is saved if neither a name nor a file was given."""

_NEWS_SECONDS: Final = 10.0
"""How long a sentence stays on the status line."""

_NEWS_MAX: Final = 64

MOST_AHEAD: Final = int(CONTROLS["lookahead"].maximum)
"""How many frames a model is planned ahead at most, however quick the machine is."""


@dataclass(slots=True)
class Outcome:
    """What the session is to tell and to play.

    Attributes
    ----------
    news : list of str
        One sentence each.
    refused : list of (str, str)
        Controls that had no effect, and why.
    done : list of Event
        What has been done, as events for the instrument; so those who asked for it are told too.
    """

    news: list[str] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)
    done: list[Event] = field(default_factory=list)


class Desk:
    """Knobs, patches and the rig of a session.

    Parameters
    ----------
    knobs : ControllerMap
    patches : mapping of str to Patch
        Patches that may be picked by name.
    patch : str
        Name of the patch that plays.
    pinned : mapping
        Controls that no patch changes: those of the rig and of the command line.
    path : Path or None
        File of the rig, if there is one.
    models : collection of str
        Names of the models that may be picked.
    loaded : mapping of str to int
        Those that are loaded already, because they play from the start: how many frames each can be planned ahead.
    load : callable
        Loads the model of a name, so that the instrument can change to it, and returns how many frames it can be
        planned ahead; raises LivegenError.
    songs : Songs
        Those of the set-list, if there is one.

    Attributes
    ----------
    patch : str
        Name of the patch that plays.
    path : Path or None
        File of the rig, once there is one.
    songs : Songs
        Where the session is in its set-list; any thread may ask.

    Notes
    -----
    Inputs call `hear` on their threads. One other thread calls `load_models`, which may take long, and `keep`. No other
    thread touches files.
    """

    def __init__(
        self,
        knobs: ControllerMap,
        patches: Mapping[str, Patch],
        patch: str,
        pinned: Mapping[str, Value],
        path: Path | None = None,
        *,
        models: Collection[str] = (),
        loaded: Mapping[str, int] = MappingProxyType({}),
        load: Callable[[str], int] = lambda name: MOST_AHEAD,
        songs: Songs = Songs(),  # noqa: B008  # a value
    ) -> None:
        self._lock = Lock()
        self._map = knobs
        self._patches = patches
        self._pinned = frozenset(pinned)
        self.path = path
        self._models = frozenset((*models, *loaded))
        self._ahead = dict(loaded)  # by model that is loaded, how many frames it can be planned ahead
        self._broken: set[str] = set()  # models that could not be loaded when they were needed last
        self._waiting: dict[str, str] = {}  # controls that are to change to a model as soon as it is loaded
        self._to_load: list[str] = []
        self._load_model = load
        self.songs = songs
        self._is_placed = False  # whether the song that is wanted has its place in time
        self._new_scene: Scene | None = None
        self._to_save: list[str] = []
        self._has_new_knobs = False
        self._outcome = Outcome()
        self._pads = Pads()
        self._news = ("", 0.0)
        self.patch = patch

    @property
    def knobs(self) -> ControllerMap:
        """Which knob sets which control; any thread may ask."""
        return self._map

    @property
    def pads(self) -> Pads:
        """What is stored on the pads of engines; any thread may ask."""
        return self._pads

    @property
    def said_seconds(self) -> float:
        """When the last sentence of the status line was said, on the clock of `time.monotonic`."""
        return self._news[1]

    @property
    def news(self) -> str:
        """The last sentence of the status line; once it is ten seconds old, what is waited for, or nothing."""
        sentence, said_at = self._news
        if time.monotonic() < said_at + _NEWS_SECONDS:
            return sentence
        with self._lock:
            name = next(iter(self._waiting.values()), "")
        return _loading(name) if name else ""

    def hear(
        self, event: Event, source: str, values: Values, wiring: Wiring | None = None, now: float = 0.0
    ) -> list[Event]:
        """Return the events that the instrument is to get instead of one from an input.

        Parameters
        ----------
        event : Event
        source : str
        values : Values
            The controls in force.
        wiring : Wiring, optional
            What is done with the port that the event came from.
        now : float
            In seconds, on the clock that `wait` is told.
        """
        with self._lock:
            before = self._map
            self._map, events = before.hear(event, source, values, wiring, now)
            self._has_new_knobs |= self._map.knobs is not before.knobs
            if self._map.news:
                self._say(self._map.news)
            return self._obeyed(events, values, source)

    def place(self, positions: Mapping[Place, float]) -> None:
        """Note where controllers were told to put their knobs, by the places of these; any thread may call it."""
        with self._lock:
            self._map = self._map.place(positions)

    def wait(self, now: float, values: Values) -> list[tuple[Event, str]]:
        """Return what the instrument is to get, each with its source, because time has passed: from a switch."""
        with self._lock:
            self._map, fired = self._map.wait(now, values)
            return [(each, source) for event, source in fired for each in self._obeyed([event], values, source)]

    def _obeyed(self, events: Iterable[Event], values: Values, source: str) -> list[Event]:
        """Return what the instrument is to get of events; the caller holds the lock."""
        heard: list[Event] = []
        for passed in events:
            match passed:
                case SetControl("patch", name):
                    heard += self._change_patch(str(name), values)
                case SetControl(control, name) if control in MODEL_CONTROLS:
                    heard += self._change_model(control, str(name), values)
                case SetControl(control, value) if control in PADS:
                    heard += self._press_pad(control, value, values)
                case SetControl("song", name) if source == SET_LIST:
                    heard += self._begin_song(str(name), values)
                case SetControl("next" | "previous" | "song" as control, value) if value:
                    heard += self._ask_for_song(control, value)
                case SetControl("save", name):
                    self._to_save.append(str(name))
                case _:
                    if passed == PANIC:
                        self.songs = replace(self.songs, wanted=None)
                    heard.append(passed)
        return heard

    def song_to_place(self) -> str | None:
        """Return the song that was asked for, once all is there that it needs: it is to be sent back when it is due."""
        with self._lock:
            wanted = self.songs.wanted
            scene = None if wanted is None or self._is_placed else self.songs.scenes[wanted]
            if scene is None or not self._ahead.keys() >= set(scene.cast.models):
                return None
            self._is_placed = True
            return scene.name

    def new_scene(self) -> Scene | None:
        """Return the scene of a song that has begun since the last call; its ports are to be opened."""
        with self._lock:
            scene, self._new_scene = self._new_scene, None
        return scene

    def outcome(self) -> Outcome:
        """Return what has happened since the last call; from any thread."""
        with self._lock:
            outcome, self._outcome = self._outcome, Outcome()
        return outcome

    def load_models(self, values: Values) -> None:
        """Load the models that were picked, and one of those that the next songs need.

        Parameters
        ----------
        values : Values
            The controls in force.
        """
        with self._lock:
            names, self._to_load = self._to_load, []
            ahead = [name for name in self.songs.models_ahead() if name not in self._ahead.keys() | self._broken]
        for name in dict.fromkeys([*names, *ahead[:1]]):
            self._load(name, values)

    def keep(self, rig: Callable[[], Rig]) -> None:
        """Write what is to be saved: rigs that were asked for, and knobs that were learned.

        Parameters
        ----------
        rig : callable
            Returns the rig as it stands now.
        """
        with self._lock:
            names, self._to_save = self._to_save, []
            has_new_knobs, self._has_new_knobs = self._has_new_knobs, False
        for name in dict.fromkeys(names):
            self._save(name, rig())
        if has_new_knobs and self.path is not None and not names:
            self._keep_knobs(self.path)

    def _change_patch(self, name: str, values: Values) -> list[Event]:
        """Return the change to a patch and its controls.

        A control that the patch before has set, and that nobody has moved since, goes back to its default.
        """
        if name == "":
            return [SetControl("patch", self.patch)]
        if name not in self._patches:
            return self._refuse_name("patch", name, self._patches, "patch")
        old, new = self._patches[self.patch].controls, self._patches[name].controls
        wanted = {control: DEFAULTS[control] for control, value in old.items() if values[control] == value}
        wanted |= new
        moved = {c: v for c, v in wanted.items() if c not in self._pinned and values[c] != v}
        self.patch = name
        self._say(f"patch {name}")
        return [SetControl("patch", name), *(SetControl(control, value) for control, value in moved.items())]

    def _change_model(self, control: str, name: str, values: Values) -> list[Event]:
        """Return the event that changes a model of the instrument; none yet if the model must be loaded first."""
        is_of_voice = MODEL_CONTROLS[control] is not None
        if name not in ("", *self._models, *([SAME] if is_of_voice else [])):
            return self._refuse_name(control, name, self._models, "model")
        if name in self._models - self._ahead.keys():
            self._waiting[control] = name
            self._to_load.append(name)
            self._say(_loading(name))
            return []
        if name:
            self._waiting.pop(control, None)
            self._say(_model_news(control, name))
        return self._changed_model(control, name, values)

    def _ask_for_song(self, control: str, value: Value) -> list[Event]:
        """Note that a song is to begin; where it is asked for by its place, tell those who listen that it was."""
        self.songs, refusal = self.songs.ask(control, value)
        if refusal:
            self._refuse(control, refusal)
            return []
        wanted, self._is_placed = self.songs.wanted, False
        if wanted is not None:
            self._broken -= set(self.songs.scenes[wanted].cast.models)  # whatever was wrong may be mended
            self._say(f"to come: {self.songs.names[wanted]}")
        return [] if control == "song" else [SetControl(control, value)]

    def _begin_song(self, name: str, values: Values) -> list[Event]:
        """Return what lets a song begin, unless another was asked for since."""
        self.songs = self.songs.begun(name)
        scene = self.songs.scene
        if scene is None or scene.name != name or self.songs.wanted is not None:
            return []
        self._map = replace(self._map, knobs=scene.rig.first_knobs, labels=labels_of(scene.ports[0]), learning=None)
        self._pinned = frozenset(scene.pinned)
        self.patch, self.path, self._new_scene = scene.patch, scene.rig.path, scene
        self._say(f"{name}, song {self.songs.current + 1} of {len(self.songs.scenes)}")
        return scene.events(values, min(self._ahead[model] for model in scene.cast.models))

    def _press_pad(self, control: str, value: Value, values: Values) -> list[Event]:
        self._pads, events, refusal = self._pads.press(control, value, values)
        if refusal:
            self._refuse(control, refusal)
        return events

    def _refuse_name(self, control: str, name: str, there: Collection[str], what: str) -> list[Event]:
        """Report that there is no patch or model of a name; the caller holds the lock."""
        near = difflib.get_close_matches(name, sorted(there), 3)
        hint = f"did you mean {' or '.join(near)}?" if near else f"there is {', '.join(sorted(there))}"
        self._refuse(control, f"there is no {what} {name!r}: {hint}")
        return []

    def _refuse(self, control: str, reason: str) -> None:
        """Report why something was not done; the caller holds the lock."""
        self._outcome.refused.append((control, reason))
        self._say(reason)

    def _load(self, name: str, values: Values) -> None:
        """Load a model, once, and change to it where no other one was asked for since."""
        try:
            ahead = self._ahead[name] if name in self._ahead else self._load_model(name)
        except LivegenError as error:
            with self._lock:
                self._broken.add(name)
                for control in self._waited_for(name):
                    self._refuse(control, str(error))
                wanted = self.songs.wanted
                if wanted is not None and name in self.songs.scenes[wanted].cast.models:
                    self.songs = replace(self.songs, wanted=None)
                    self._refuse("song", str(error))
                self._say(str(error))
            return
        with self._lock:
            self._ahead[name] = ahead
            for control in self._waited_for(name):
                self._say(_model_news(control, name))
                self._outcome.done += self._changed_model(control, name, values)

    def _changed_model(self, control: str, name: str, values: Values) -> list[Event]:
        """Return the change to a model; a plan is no longer than this machine can make it with that."""
        is_slow = self._ahead.get(name, MOST_AHEAD) < int(values["lookahead"])
        return [*([SetControl("lookahead", self._ahead[name])] if is_slow else []), SetControl(control, name)]

    def _waited_for(self, name: str) -> list[str]:
        """Return the controls that a model was loaded for, which wait no more; the caller holds the lock."""
        controls = [control for control, wanted in self._waiting.items() if wanted == name]
        for control in controls:
            del self._waiting[control]
        return controls

    def _save(self, name: str, rig: Rig) -> None:
        try:
            path = rig_path(name or _USUAL_NAME) if name or self.path is None else self.path
            save_rig(path, rig)
        except RigError as error:
            with self._lock:
                self._say(str(error))
                self._outcome.refused.append(("save", str(error)))
            return
        self.path = path
        with self._lock:
            self._say(f"saved the rig {path}")
            self._outcome.done.append(SetControl("save", name))

    def _keep_knobs(self, path: Path) -> None:
        try:
            save_knobs(path, self._map.knobs)
        except RigError as error:
            with self._lock:
                self._say(str(error))

    def say(self, sentence: str) -> None:
        """Put a sentence on the status line."""
        self._news = (sentence, time.monotonic())

    def tell(self, sentence: str) -> None:
        """Put a sentence on the status line, and tell it to all who listen; any thread may call it."""
        with self._lock:
            self._say(sentence)

    def _say(self, sentence: str) -> None:
        """Put a sentence on the status line and into the outcome; the caller holds the lock."""
        self.say(sentence)
        self._outcome.news = [*self._outcome.news[1 - _NEWS_MAX :], sentence]


def _loading(name: str) -> str:
    return f"loading the model {name}"


def _model_news(control: str, name: str) -> str:
    """Return what is said of a model that plays from now on: ``model default``, ``NO: model gan``."""
    voice = MODEL_CONTROLS[control]
    if voice is None:
        return f"model {name}"
    return f"{voice.name}: the model of the others" if name == SAME else f"{voice.name}: model {name}"
