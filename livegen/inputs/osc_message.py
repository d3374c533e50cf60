"""What an OSC message means: which controls it reaches, and whether it asks, sets, presses or plays.

UDP and OSCQuery both go by this. The addresses are those of `livegen.controls`, and beside them

    /livegen/store/verse                    a pad: pressed, it gives the control above it the last word
    /livegen/note channel key velocity      a key
    /livegen/midi message                   a MIDI message, as one of OSC's own or as its bytes
"""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final, NamedTuple

from livegen.controls import ADDRESSES, CONTROLS, OSC_PREFIX, osc_address, parse_value
from livegen.errors import ControlError
from livegen.events import Event, NoteOff, NoteOn, SetControl
from livegen.inputs.osc_packet import Message, shown
from livegen.inputs.osc_pattern import is_pattern, matches
from livegen.inputs.osc_types import DropError, MidiMessage

NOTE: Final = f"{OSC_PREFIX}/note"
MIDI: Final = f"{OSC_PREFIX}/midi"

NOTE_RANGES: Final = {"channel": (1, 16), "note": (0, 127), "velocity": (0, 127)}
"""The three numbers of ``/livegen/note``, each with its lowest and highest; velocity 0 releases the key."""

_SAID: Final = frozenset(f"{OSC_PREFIX}/{word}" for word in ("error", "news", "heartbeat"))
_PADS: Final = frozenset(name for name, control in CONTROLS.items() if control.kind in ("name", "count", "choice"))
_MAX_VELOCITY: Final = 127


class UnknownAddressError(DropError):
    """There is nothing at an address."""

    kind = "unknown addresses"


class OwnWordsError(UnknownAddressError):
    """What livegen says itself has come back: it is not answered, or two of them would never end."""


class NoRoomError(DropError):
    """Too much came at once, or waits already."""

    kind = "without room"


TOO_MUCH_WAITS: Final = "too much waits for its time already: send it later, or less of it"


class Target(NamedTuple):
    """A control that an address reaches, and the word that a pad's address gives it."""

    name: str
    word: str | None = None


@dataclass(slots=True)
class Meaning:
    """What a message comes to.

    Attributes
    ----------
    events : list of Event
    asked : list of str
        Controls whose values it asks for.
    command : str
        Address of what only the server knows, or empty.
    refused : list of ControlError
        What some of the controls that it reaches cannot have.
    """

    events: list[Event] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    command: str = ""
    refused: list[ControlError] = field(default_factory=list)


def meaning_of(message: Message, commands: Collection[str]) -> Meaning:
    """Return what a message means.

    A question that reaches values and actions by a pattern is one: nobody rewinds by asking for everything.

    Parameters
    ----------
    message : Message
    commands : collection of str
        Addresses that the server knows beside the controls.

    Raises
    ------
    ControlError
        If there is nothing at its address, or nothing there can do anything with it.
    """
    address, arguments = message.address, message.arguments
    if address in (NOTE, MIDI):
        return Meaning(events=_keys(address, arguments))
    if address in commands:
        return Meaning(command=address)
    targets = targets_of(address)
    values = [target for target in targets if not CONTROLS[target.name].is_action and target.word is None]
    meaning = Meaning()
    if not arguments and values:
        meaning.asked = [target.name for target in values]
        return meaning
    for target in targets:
        try:
            event = _event_of(target, arguments)
        except ControlError as error:
            meaning.refused.append(error)
        else:
            meaning.events += [] if event is None else [event]
    if len(meaning.refused) == len(targets) == 1:
        raise meaning.refused[0]
    return meaning


@lru_cache(maxsize=1024)
def targets_of(address: str) -> tuple[Target, ...]:
    """Return the controls that an address or a pattern reaches, in the order of the table.

    Raises
    ------
    UnknownAddressError
        If there is none.
    """
    found = _named_by_pattern(address) if is_pattern(address) else _named(address)
    if found:
        return tuple(found)
    if address in _SAID:
        raise OwnWordsError(f"{address} is what livegen says itself")
    what = "nothing matches the pattern" if is_pattern(address) else "there is no OSC address"
    raise UnknownAddressError(f"{what} {shown(address)}: `livegen controls` lists them")


def _named(address: str) -> list[Target]:
    name = ADDRESSES.get(address)
    if name is not None:
        return [Target(name)]
    parent, _, word = address.rpartition("/")
    name = ADDRESSES.get(parent)
    if name in _PADS and word and word.isprintable():
        return [Target(name, word)]
    # the word of these is a control, which may have a slash in it
    for name in (name for name, control in CONTROLS.items() if control.names_control):
        other = address.removeprefix(f"{osc_address(name)}/").replace("/", ".")
        if other in CONTROLS:
            return [Target(name, other)]
    return []


def _named_by_pattern(pattern: str) -> list[Target]:
    """Return what a pattern reaches.

    The words of pads are without number, so the last part of a pattern is taken for one only where it is plain, and
    stands behind a choice that has it or behind names that the pattern spells out.
    """
    found = [Target(name) for address, name in ADDRESSES.items() if matches(pattern, address)]
    parent, _, word = pattern.rpartition("/")
    if not word or not word.isprintable() or is_pattern(word):
        return found
    spells_out = "//" not in pattern and set("*?[").isdisjoint(parent)
    for address, name in ADDRESSES.items():
        control = CONTROLS[name]
        if name in _PADS and (word in control.choices or (spells_out and not control.choices)):
            found += [Target(name, word)] if matches(parent, address) else []
    return found


def _event_of(target: Target, arguments: Sequence[Any]) -> SetControl | None:
    name, word = target
    if word is None:
        return set_event(name, arguments)
    argument = _only(f"the pad {name}/{word}", arguments)
    is_number = isinstance(argument, (int, float)) and math.isfinite(argument)
    pressed = bool(argument) if is_number else _is_pressed(argument)
    if pressed is None:
        raise ControlError(
            f"the pad {name}/{word} cannot take {shown(argument)}: its word is in its address, 1 or nothing presses it"
        )
    value = parse_value(name, word)
    return SetControl(name, value) if pressed else None


def set_event(name: str, arguments: Sequence[Any]) -> SetControl | None:
    """Return what a message to the address of a control sets; None for a button that comes up.

    An action is fired by its argument, a whole number or a word, or by a button that is pressed, for which it has its
    default. Programs that have no whole numbers send 2.0 for one. And as nobody goes back by 0 beats, 0 is there a
    button that comes up.

    Raises
    ------
    ControlError
        If there is more than one argument, or the control cannot have its value.
    """
    control = CONTROLS[name]
    if control.kind == "choice" and all(isinstance(argument, str) for argument in arguments):
        arguments = [" ".join(arguments)] if arguments else []  # `c minor` comes as one word, or as two
    argument = _only(name, arguments)
    if control.is_action:
        pressed = False if control.kind == "count" and argument == 0 else _is_pressed(argument)
        if pressed is not None:
            return SetControl(name, parse_value(name, control.argument)) if pressed else None
    value = parse_value(name, argument)
    return SetControl(name, value) if value or control.kind != "trigger" else None


def note_event(arguments: Sequence[Any]) -> NoteOn | NoteOff:
    """Return the key that the arguments of ``/livegen/note`` mean.

    A velocity is 0..127; a float up to 1 is a share of that, as controllers send it, and never so little that it would
    release the key.

    Raises
    ------
    ControlError
        If they are not three numbers within `NOTE_RANGES`, or channel or note is not whole.
    """
    numbers = [number for number in arguments if isinstance(number, (int, float)) and abs(number) < 1 << 31]
    if len(arguments) != 3 or len(numbers) != 3:
        raise ControlError(f"{NOTE} takes three numbers: channel 1..16, note 0..127, velocity 0..127 or 0.0..1.0")
    channel, note, velocity = numbers
    if isinstance(velocity, (bool, float)) and 0.0 < velocity <= 1.0:
        velocity = math.ceil(velocity * _MAX_VELOCITY)
    whole = {"channel": channel, "note": note, "velocity": round(velocity) if velocity > 0.0 else int(velocity // 1)}
    for what, (lowest, highest) in NOTE_RANGES.items():
        number = whole[what]
        if isinstance(number, bool) or number != int(number):
            raise ControlError(f"{what} {number:g} of {NOTE} is not whole: {lowest}..{highest}")
        if not lowest <= number <= highest:
            raise ControlError(f"{what} {number:g} of {NOTE} is out of range: {lowest}..{highest}")
    channel, note, velocity = map(int, whole.values())
    return NoteOn(channel - 1, note, velocity) if velocity else NoteOff(channel - 1, note)


def midi_events(messages: Sequence[bytes]) -> list[Event]:
    """Return what MIDI messages mean.

    Raises
    ------
    ControlError
        If one of them means nothing here.
    """
    from livegen.inputs.midi import Decoder, event_of  # here, so that the page's server starts without mido

    events: list[Event] = []
    for data in messages:
        heard = [event for message in Decoder().decode(data) if (event := event_of(message)) is not None]
        if not heard:
            raise ControlError(f"the MIDI message {data.hex(' ') or 'of no bytes'} means nothing to livegen")
        events += heard
    return events


def _keys(address: str, arguments: Sequence[Any]) -> list[Event]:
    """Return what is played by a message to one of the addresses that are not controls."""
    if arguments and all(isinstance(argument, MidiMessage) for argument in arguments):
        from livegen.inputs.midi import message_length  # as above

        return midi_events([argument.data[: message_length(argument.data[0])] for argument in arguments])
    if address == NOTE:
        return [note_event(arguments)]
    if not all(isinstance(byte, (int, float)) and 0 <= byte <= 0xFF and byte == int(byte) for byte in arguments):
        raise ControlError(f"{MIDI} takes a MIDI message, or the bytes of one, each 0..255")
    return midi_events([bytes(map(int, arguments))])


def _is_pressed(argument: object) -> bool | None:
    """Tell whether a button is pressed; None where an argument says more than a button does."""
    if argument is None or isinstance(argument, bool):
        return argument is not False
    if isinstance(argument, float) and 0.0 <= argument <= 1.0:
        return argument > 0.0
    return None


def _only(what: str, arguments: Sequence[Any]) -> Any:
    if len(arguments) > 1:
        raise ControlError(f"{what} takes one argument, not {len(arguments)}")
    return arguments[0] if arguments else None
