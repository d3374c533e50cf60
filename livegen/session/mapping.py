"""Which knob, button or pad of a MIDI controller sets which control: a value, and pure functions for each event.

While a control is being learned, the next knob that moves is bound to it. One switch may set three: by a single, a
double and a long press (`livegen.session.presses`).
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final, Literal, cast

from livegen.controls import CONTROLS, PRESSES, Press, Values
from livegen.events import ControlChange, Event, NoteOff, NoteOn, ProgramChange, SetControl, SourceLost
from livegen.inputs.midi_settings import Wiring
from livegen.rig import DEFAULT_KNOBS, Knob
from livegen.score import MIDI_CHANNEL
from livegen.session.knob import MAX_POSITION, PRESSED, Hand, Place, moved, pressed, put_at
from livegen.session.presses import Switch

_PAIR_OFFSET: Final = 32  # from the controller with the upper seven bits to the one with the lower seven

_NEVER_LEARNED: Final = frozenset({0, 6, 38, 96, 97, 98, 99, 100, 101, *range(120, 128)})
"""Controllers that no control is bound to: bank select, data entry and channel mode messages. They are sent together
with other messages, or have a fixed meaning."""

_ENCODER_STEPS: Final[Mapping[int, Literal["twos_complement", "offset_64"]]] = MappingProxyType(
    {1: "twos_complement", 127: "twos_complement", 63: "offset_64", 65: "offset_64"}
)
"""Values that an endless encoder sends for a single step, and the mode in which it does."""

_SAME_AT_FIRST: Final = 3
"""A knob that was just learned is an encoder if its first values, this many, are all the same single step. A knob with
a position would send different values."""

_MIDI: Final = "midi:"
_PLAYERS: Final = (_MIDI, "osc:")
"""Sources whose program changes pick patches or songs; those of a MIDI file are meant for other instruments."""


@dataclass(frozen=True, slots=True)
class _Fresh:
    """A knob that has just been learned, while it may still turn out to be a pair or an encoder.

    Attributes
    ----------
    source : str
    place : Place
    value : int
        The only value that it has sent so far.
    n_heard : int
        How often it has sent the value.
    """

    source: str
    place: Place
    value: int
    n_heard: int = 1


@dataclass(frozen=True, slots=True, eq=False)
class _Index:
    """Knobs by their places: they are looked up at every event, and change only where one is learned.

    Attributes
    ----------
    knobs : tuple of Knob
    of_place : mapping of Place to Knob
        A pair also by the place of its lower bits, and a switch by one of its knobs.
    of_switch : mapping of Place to (mapping of Press to str)
        What each press of a switch sets.
    ports : tuple of str
        Those that a knob names.
    """

    knobs: tuple[Knob, ...]
    of_place: Mapping[Place, Knob]
    of_switch: Mapping[Place, Mapping[Press, str]]
    ports: tuple[str, ...]

    @classmethod
    def of(cls, knobs: tuple[Knob, ...]) -> "_Index":
        of_place = {knob.place: knob for knob in knobs}
        lower = {
            (port, channel, kind, number + _PAIR_OFFSET): knob
            for (port, channel, kind, number), knob in of_place.items()
            if knob.mode == "pair"
        }
        switches = {knob.place: knob for knob in knobs if knob.is_switch}
        of_switch: dict[Place, dict[Press, str]] = {}
        for knob in knobs:
            if knob.kind == "note" or knob.place in switches:
                of_switch.setdefault(knob.place, {})[knob.press] = knob.control
        ports = tuple(dict.fromkeys(port for port, *_ in of_place if port))
        return cls(knobs, lower | of_place | switches, of_switch, ports)


@dataclass(frozen=True, slots=True)
class ControllerMap:
    """Which knob sets which control, and the state of each knob.

    Attributes
    ----------
    knobs : tuple of Knob
        In the order in which they were learned. A control has at most one knob; a knob sets one control, and a switch
        one by each press.
    programs : tuple of str
        Names of the patches that program changes pick, from program 0 on; or of songs.
    picks : {"patch", "song"}
        Which of them they are.
    learning : str or None
        The control that waits for a knob.
    learning_press : {"single", "double", "long"}
        Which press of a switch it waits for.
    labels : frozenset of str
        What the session calls its MIDI inputs, in lower case, where it names several.
    news : str
        One sentence about what the last event has changed in the map, or empty.
    """

    knobs: tuple[Knob, ...] = DEFAULT_KNOBS
    programs: tuple[str, ...] = ()
    picks: Literal["patch", "song"] = "patch"
    learning: str | None = None
    news: str = ""
    labels: frozenset[str] = frozenset()
    _hands: Mapping[Place, Hand] = field(default_factory=dict)
    learning_press: Press = "single"
    _fresh: _Fresh | None = None
    _switches: Mapping[Place, tuple[Switch, str]] = field(default_factory=dict)  # each with its source
    _placed: Mapping[Place, float] = field(default_factory=dict)  # where knobs were put since they were last moved
    _index: _Index = field(default=_Index.of(()), repr=False, compare=False)

    def __post_init__(self) -> None:
        """Index the knobs, unless they are those of the map that this one comes from."""
        if self._index.knobs is not self.knobs:
            object.__setattr__(self, "_index", _Index.of(self.knobs))

    def hear(
        self, event: Event, source: str, values: Values, wiring: Wiring | None = None, now: float = 0.0
    ) -> tuple["ControllerMap", list[Event]]:
        """Return the map after an event, and the events that go to the instrument instead of it.

        Parameters
        ----------
        event : Event
        source : str
        values : Values
            The controls in force.
        wiring : Wiring, optional
            What is done with the port that the event came from.
        now : float
            In seconds, on any clock that does not go back: for switches that are pressed twice, or long.

        Notes
        -----
        Cheap, and never raises: inputs call it on their own threads.
        """
        heard = replace(self, news="") if self.news else self
        match event:
            case ControlChange():
                return heard._hear_knob(event, source, values, wiring, now)
            case NoteOn():
                return heard._hear_pad(event, source, values, wiring, now)
            case NoteOff() if self._switches:
                knob = self._knob_at(event, "note", event.note, source, wiring)
                after, fired = (heard, []) if knob is None else heard._come_up(knob.place, values)
                return after, [event, *fired]
            case ProgramChange(_, program) if source.startswith(_PLAYERS) and self.programs:
                return heard._pick(program)
            case SetControl("learn", name):
                return heard._learn(str(name)), [event]
            case SetControl("unlearn", name):
                return heard._unlearn(str(name)), [event]
            case SourceLost() if (
                self._hands or self._switches
            ):  # the controller may come back with its knobs in other positions
                kept = {
                    place: hand for place, hand in self._hands.items() if not self._may_be_on(place, source, wiring)
                }
                switches = {place: each for place, each in self._switches.items() if each[1] != source}
                return replace(heard, _hands=kept, _switches=switches, _placed={}, _fresh=None), [event]
        return heard, [event]

    def knob_of(self, name: str) -> Knob | None:
        """Return the knob that sets a control."""
        return next((knob for knob in self.knobs if knob.control == name), None)

    def knobs_on(self, source: str, wiring: Wiring) -> list[Knob]:
        """Return the knobs that a port of MIDI has: its own, and those of any port in whose place it has none."""
        own = [knob for knob in self.knobs if knob.port is not None and self._is_on(knob.place[0], source, wiring)]
        places = {knob.place[1:] for knob in own}
        return own + [knob for knob in self.knobs if knob.port is None and knob.place[1:] not in places]

    def hand_of(self, knob: Knob) -> Hand | None:
        """Return the state of a knob; None where it has not moved. It is another object after each move."""
        return self._hands.get(knob.place)

    def place(self, positions: Mapping[Place, float]) -> "ControllerMap":
        """Return the map after motors or the like have put knobs, by their places, to positions, 0..1."""
        return replace(self, _placed={**self._placed, **positions})

    def is_down(self, knob: Knob) -> bool:
        """Tell whether a switch is held."""
        return knob.place in self._switches and self._switches[knob.place][0].is_down

    @property
    def due(self) -> float:
        """When `wait` is to be called next, in seconds; infinity where no press waits for what it means."""
        each = (switch.due(self._learned(place)) for place, (switch, _) in self._switches.items())
        return min(each, default=math.inf)

    def wait(self, now: float, values: Values) -> tuple["ControllerMap", list[tuple[Event, str]]]:
        """Return the map when time has passed, and what presses that are complete by then set, each with its source."""
        after, fired = self, list[tuple[Event, str]]()
        for place, (switch, source) in self._switches.items():
            switch, presses = switch.waited(now, self._learned(place))
            after = replace(after, _switches={**after._switches, place: (switch, source)})
            fired += [(event, source) for event in self._fired(place, presses, values)]
        return after, fired

    def _learned(self, place: Place) -> frozenset[Press]:
        return frozenset(self._index.of_switch.get(place, {}))

    def _fired(self, place: Place, presses: Iterable[Press], values: Values) -> list[Event]:
        """Return what presses of a switch set; a press that nothing was learned for sets nothing."""
        controls = self._index.of_switch.get(place, {})
        return [event for press in presses if press in controls for event in pressed(controls[press], values)]

    def _go_down(self, place: Place, source: str, values: Values, now: float) -> tuple["ControllerMap", list[Event]]:
        before, _ = self._switches.get(place, (Switch(), source))
        switch, presses = before.down(now, self._learned(place))
        after = replace(self, _switches={**self._switches, place: (switch, source)})
        return after, self._fired(place, presses, values)

    def _come_up(self, place: Place, values: Values) -> tuple["ControllerMap", list[Event]]:
        if place not in self._switches:
            return self, []
        before, source = self._switches[place]
        switch, presses = before.up(self._learned(place))
        after = replace(self, _switches={**self._switches, place: (switch, source)})
        return after, self._fired(place, presses, values)

    def _learn(self, words: str) -> "ControllerMap":
        name, press = _name_and_press(words)
        if not name:
            return replace(self, learning=None, news="nothing is learned now")
        if name not in CONTROLS:
            return replace(self, learning=None, news=f"there is no control {name!r} to learn")
        if press != "single" and CONTROLS[name].kind in ("float", "int"):
            return replace(self, learning=None, news=f"{name} is a number, which no {press} press of a switch can set")
        news = f"move the knob that is to set {name}"
        if press != "single":
            news = f"press the switch whose {press} press is to set {name}"
        return replace(self, learning=name, learning_press=press, news=news)

    def _unlearn(self, words: str) -> "ControllerMap":
        name = _name_and_press(words)[0]
        name = name or (self.knobs[-1].control if self.knobs else "")
        knob = self.knob_of(name)
        if knob is None:
            return replace(self, news=f"no knob sets {name!r}")
        kept = tuple(other for other in self.knobs if other is not knob)
        return replace(self, knobs=kept, _fresh=None, news=f"{knob} no longer sets {name}")

    def _bind(self, knob: Knob, hand: Hand, fresh: _Fresh | None = None) -> "ControllerMap":
        kept = (other for other in self.knobs if not other.clashes(knob))
        hands = {**self._hands, knob.place: hand}
        news = f"{knob} sets {knob.control}"
        return replace(self, knobs=(*kept, knob), learning=None, news=news, _hands=hands, _fresh=fresh)

    def _pick(self, program: int) -> tuple["ControllerMap", list[Event]]:
        if program < len(self.programs):
            return self, [SetControl(self.picks, self.programs[program])]
        return replace(self, news=f"program {program + 1} picks no {self.picks}: there are {len(self.programs)}"), []

    def _hear_pad(
        self, event: NoteOn, source: str, values: Values, wiring: Wiring | None, now: float
    ) -> tuple["ControllerMap", list[Event]]:
        if self.learning is not None and CONTROLS[self.learning].kind not in ("float", "int"):
            channel, port = _own_channel(event, wiring)
            knob = Knob(self.learning, channel, "note", event.note, port=port, press=self.learning_press)
            return self._bind(knob, Hand()), []
        pad = self._knob_at(event, "note", event.note, source, wiring)
        if pad is None:
            return self, [event]
        return self._come_up(pad.place, values)[0]._go_down(pad.place, source, values, now)  # some send no NoteOff

    def _hear_knob(
        self, event: ControlChange, source: str, values: Values, wiring: Wiring | None, now: float
    ) -> tuple["ControllerMap", list[Event]]:
        number = event.control
        if self.learning is not None and number not in _NEVER_LEARNED:
            channel, port = _own_channel(event, wiring)
            knob = Knob(self.learning, channel, "cc", number, port=port, press=self.learning_press)
            fresh = _Fresh(source, knob.place, event.value)
            at_rest = replace(event, value=0)  # if it was a pedal or a wheel, it is let go
            return self._bind(knob, Hand(event.value / MAX_POSITION), fresh), [at_rest]
        after = self._look_closer(self._fresh, event, source, wiring) if self._fresh is not None else self
        return after._turn(event, source, values, wiring, now)

    def _knob_at(
        self, event: ControlChange | NoteOn | NoteOff, kind: str, number: int, source: str, wiring: Wiring | None
    ) -> Knob | None:
        """Return the knob that an event moves: one of its own port, or else one of any port."""
        for port in self._index.ports if source.startswith(_MIDI) else ():
            knob = self._index.of_place.get((port, event.channel, kind, number))
            if knob is not None and self._is_on(port, source, wiring):
                return knob
        return self._index.of_place.get(("", _channel_of_any(event, wiring), kind, number))

    def _may_be_on(self, place: Place, source: str, wiring: Wiring | None) -> bool:
        return not place[0] or self._is_on(place[0], source, wiring)

    def _is_on(self, port: str, source: str, wiring: Wiring | None) -> bool:
        """Tell whether a knob's port is the one that a source is."""
        if port in self.labels:
            return wiring is not None and wiring.label is not None and wiring.label.lower() == port
        return port in source.removeprefix(_MIDI).lower()

    def _look_closer(self, fresh: _Fresh, event: ControlChange, source: str, wiring: Wiring | None) -> "ControllerMap":
        """Change a knob that was just learned to a pair or an encoder, if its next messages show that it is one."""
        learned, (_, channel, _, number) = self._index.of_place.get(fresh.place), fresh.place
        if source != fresh.source:
            return self
        if learned is None or _own_channel(event, wiring)[0] != channel:
            return replace(self, _fresh=None)
        if fresh.n_heard == 1 and number < _PAIR_OFFSET and event.control == number + _PAIR_OFFSET:
            return self._bind(replace(learned, mode="pair"), Hand(upper=fresh.value))
        if fresh.n_heard == 1 and number == event.control + _PAIR_OFFSET < 2 * _PAIR_OFFSET:
            return self._bind(replace(learned, number=event.control), Hand())  # lower bits came first: ignore them
        if event.control != number or event.value != fresh.value:
            return replace(self, _fresh=None)
        mode = _ENCODER_STEPS.get(event.value)
        if mode is None or CONTROLS[learned.control].is_action or CONTROLS[learned.control].kind == "bool":
            return replace(self, _fresh=None)
        if fresh.n_heard + 1 < _SAME_AT_FIRST:
            return replace(self, _fresh=replace(fresh, n_heard=fresh.n_heard + 1))
        return self._bind(replace(learned, mode=mode), Hand())

    def _turn(
        self, event: ControlChange, source: str, values: Values, wiring: Wiring | None, now: float
    ) -> tuple["ControllerMap", list[Event]]:
        knob = self._knob_at(event, "cc", event.control, source, wiring)
        if knob is None:
            return self, [event]
        if knob.is_switch and knob.mode in ("absolute", "pair"):
            if event.control != knob.number:
                return self, []
            is_down = event.value >= PRESSED
            return self._go_down(knob.place, source, values, now) if is_down else self._come_up(knob.place, values)
        hand, placed = self._hands.get(knob.place, Hand()), self._placed
        if knob.place in placed and event.control == knob.number:
            hand = put_at(hand, placed[knob.place], event)
            placed = {place: position for place, position in placed.items() if place != knob.place}
        hand, events = moved(hand, knob, event, values)
        return replace(self, _hands={**self._hands, knob.place: hand}, _placed=placed), events


def _name_and_press(words: str) -> tuple[str, Press]:
    """Return the control and the press of what is to be learned: ``end long``; a press that is left out is single."""
    name, _, press = words.partition(" ")
    return name, cast(Press, press) if press in PRESSES else "single"


def _channel_of_any(event: ControlChange | NoteOn | NoteOff, wiring: Wiring | None) -> int:
    """Return the channel that an event counts as for knobs of any port: that of the voice which its input plays."""
    settings = None if wiring is None else wiring.settings_for(event)
    return event.channel if settings is None or settings.voice is None else MIDI_CHANNEL[settings.voice]


def _own_channel(event: ControlChange | NoteOn, wiring: Wiring | None) -> tuple[int, str | None]:
    """Return channel and port of the knob that an event would be, if it is learned."""
    if wiring is not None and wiring.label is not None:
        return event.channel, wiring.label
    return _channel_of_any(event, wiring), None
