"""What the knobs and pads of a MIDI port are to show, as values."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from livegen.controls import CONTROLS, DEFAULTS, PRESSES, Values
from livegen.inputs.midi_settings import Wiring
from livegen.performance.cues.cue import CUES
from livegen.performance.state import State
from livegen.profiles.profile import Kind, LampState
from livegen.rig import Knob
from livegen.score import MIDI_CHANNEL
from livegen.session.knob import Hand, Place
from livegen.session.mapping import ControllerMap

Address = tuple[Kind, int | None, int]
"""Kind, channel (0..15, None if it is not known) and number of the messages that a knob or a pad sends."""

ENCODERS: Final = ("twos_complement", "offset_64")


@dataclass(frozen=True, slots=True)
class Light:
    """What one knob, button or pad is to show.

    Attributes
    ----------
    address : Address
    place : Place
        Of its knob.
    mode : str
        As a knob has it.
    is_switch : bool
        Whether it presses, and has no position that counts.
    state : LampState or None
        None of a number, which has a position alone.
    position : float
        Where the value stands in its range, 0..1.
    hand : Hand or None
        Where the performer has turned it; another object after each move.
    is_alone : bool
        Whether no other port can have moved the hand.
    """

    address: Address
    place: Place
    mode: str = "absolute"
    is_switch: bool = True
    state: LampState | None = None
    position: float = 0.0
    hand: Hand | None = None
    is_alone: bool = True


def under_way(state: State) -> Mapping[str, LampState]:
    """Return what actions that last are doing, by their names: cues, and the start and stop of the model."""
    cues, is_counted_in = state.cues, state.count_in is not None
    shown: dict[str, LampState] = dict.fromkeys(CUES, "off")
    if cues.in_force is not None:
        shown[cues.in_force.name] = "on"
    if cues.planned is not None:
        shown[cues.planned.name] = "waiting"
    shown["start"] = "waiting" if is_counted_in else "on" if state.is_running else "off"
    shown["stop"] = "off" if state.is_running or is_counted_in else "on"
    return shown


def lights_of(
    knobs: ControllerMap, source: str, wiring: Wiring, values: Values, actions: Mapping[str, LampState]
) -> Iterator[Light]:
    """Yield what a port's knobs and pads are to show, each place once.

    Parameters
    ----------
    knobs : ControllerMap
    source : str
        Of the port: ``midi:`` and its name.
    wiring : Wiring
        What is done with the port.
    values : Values
        The controls in force.
    actions : mapping of str to LampState
        As `under_way` returns it.

    Notes
    -----
    A switch that sets several controls has one light. It shows what its single press sets if that has a state, or else
    the first that has one.
    """
    places: dict[Address, list[Knob]] = {}
    for knob in knobs.knobs_on(source, wiring):
        for address in _addresses(knob, wiring):
            places.setdefault(address, []).append(knob)
    for address, sharing in places.items():
        sharing.sort(key=lambda knob: PRESSES.index(knob.press))
        shown = next((knob for knob in sharing if _has_state(knob.control, actions)), sharing[0])
        is_switch = address[0] == "note" or any(knob.is_switch for knob in sharing)
        state = _state_of(shown.control, values, actions)
        if state == "off" and not _has_state(shown.control, actions) and knobs.is_down(shown):
            state = "pressed"
        is_alone = shown.port is not None or wiring.label is None
        position = _position_of(shown.control, values) if not is_switch else float(state in ("on", "waiting"))
        yield Light(address, shown.place, shown.mode, is_switch, state, position, knobs.hand_of(shown), is_alone)


def _addresses(knob: Knob, wiring: Wiring) -> Iterator[Address]:
    """Yield the messages of a port that move a knob: for a knob of any port, what plays a voice is of its channel."""
    for each in wiring.settings:
        if knob.port is None and each.voice is not None:
            if MIDI_CHANNEL[each.voice] == knob.channel:
                yield knob.kind, each.channel, knob.number
        elif each.channel in (None, knob.channel):
            yield knob.kind, knob.channel, knob.number


def _has_state(name: str, actions: Mapping[str, LampState]) -> bool:
    return name in actions or not CONTROLS[name].is_action


def _state_of(name: str, values: Values, actions: Mapping[str, LampState]) -> LampState | None:
    """Return the state of a control: a switch is on if it is true, and a choice if it is not as it is at first."""
    if CONTROLS[name].is_action:
        return actions.get(name, "off")
    if CONTROLS[name].kind in ("float", "int"):
        return None
    is_on = bool(values[name]) if CONTROLS[name].kind == "bool" else values[name] != DEFAULTS[name]
    return "on" if is_on else "off"


def _position_of(name: str, values: Values) -> float:
    control, value = CONTROLS[name], values[name]
    if control.kind == "choice":
        return control.choices.index(str(value)) / max(len(control.choices) - 1, 1)
    return (float(value) - control.minimum) / (control.maximum - control.minimum)
