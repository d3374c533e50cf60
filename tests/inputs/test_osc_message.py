"""What messages of real controllers mean: presses and releases, pads, keys, MIDI messages, and patterns."""

import math

import pytest
from osc_packets import message

from livegen.controls import CONTROLS
from livegen.errors import ControlError
from livegen.events import (
    Aftertouch,
    ClockTick,
    ControlChange,
    Event,
    NoteOff,
    NoteOn,
    PitchWheel,
    ProgramChange,
    SetControl,
)
from livegen.inputs.osc_message import Meaning, UnknownAddressError, meaning_of
from livegen.inputs.osc_packet import parse_packet


def meaning(address: str, tags: str = "", *arguments: object) -> Meaning:
    (heard,), faults = parse_packet(message(f"/livegen/{address}", tags, *arguments))
    assert not faults
    return meaning_of(heard, ("/livegen/dump",))


def events(address: str, tags: str = "", *arguments: object) -> list[Event]:
    return meaning(address, tags, *arguments).events


BUTTONS = [
    # a button of TouchOSC or Open Stage Control: 1.0 and then 0.0
    ("rewind", "f", 1.0, 4),
    ("rewind", "f", 0.0, None),
    ("capture", "f", 1.0, 8),
    ("capture", "f", 0.0, None),
    ("store", "f", 1.0, "1"),
    ("store", "f", 0.0, None),
    ("recall", "d", 1.0, "1"),
    ("recall", "d", 0.0, None),
    ("panic", "f", 1.0, True),
    ("panic", "f", 0.0, None),
    ("patch", "f", 1.0, ""),
    ("unlearn", "f", 0.0, None),
    # a pad that feels how hard it is hit
    ("tap", "f", 0.37, True),
    ("rewind", "f", 0.37, 4),
    ("store", "f", 0.8, "1"),
    # whole numbers and words are arguments
    ("rewind", "i", 1, 1),
    ("rewind", "i", 2, 2),
    ("rewind", "h", 8, 8),
    ("rewind", "i", 500, 64),
    ("rewind", "i", 0, None),
    ("capture", "i", 4, 4),
    ("store", "i", 2, "2"),
    ("store", "i", 0, "0"),
    ("store", "s", "verse", "verse"),
    ("recall", "S", "verse", "verse"),
    ("recall", "c", "b", "b"),
    ("model", "s", "solo", "solo"),
    ("learn", "s", "p1.volume", "p1.volume"),
    ("start", "i", 1, True),
    ("start", "i", 0, None),
    ("rewind", "s", "2", 2),
    # programs without whole numbers, such as Pure Data
    ("rewind", "f", 2.0, 2),
    ("capture", "f", 16.0, 16),
    ("store", "f", 3.0, "3"),
]


@pytest.mark.parametrize(("name", "tag", "argument", "value"), BUTTONS)
def test_an_action_fires_by_its_argument_or_by_a_press(name: str, tag: str, argument: object, value: object) -> None:
    assert events(name, tag, argument) == ([] if value is None else [SetControl(name, value)])


@pytest.mark.parametrize("tags", ["", "T", "I", "N", "[]"])
@pytest.mark.parametrize("name", [name for name, control in CONTROLS.items() if control.is_action])
def test_every_action_is_pressed_by_what_has_no_value_and_not_by_f(name: str, tags: str) -> None:
    address = name.replace(".", "/")
    assert events(address, tags) == [SetControl(name, CONTROLS[name].argument)]
    assert events(address, "F") == []


@pytest.mark.parametrize(("tags", "words"), [("ss", ("c#", "minor")), ("s", ("C# minor",)), ("s", ("c#_minor",))])
def test_a_choice_of_several_words_comes_in_one_or_in_several(tags: str, words: tuple[str, ...]) -> None:
    assert events("tonnetz/chord", tags, *words) == [SetControl("tonnetz.chord", "c#_minor")]


PADS = [
    ("store/verse", "f", (1.0,), "verse"),
    ("store/verse", "f", (0.0,), None),
    ("recall/verse", "i", (1,), "verse"),
    ("recall/verse", "i", (0,), None),
    ("recall/verse", "", (), "verse"),
    ("store/b2", "T", (), "b2"),
    ("store/b2", "F", (), None),
    ("store/b2", "N", (), "b2"),
    ("store/b2", "I", (), "b2"),
    ("recall/bridge", "f", (0.6,), "bridge"),
    ("recall/bridge", "f", (127.0,), "bridge"),
    ("patch/lead", "f", (1.0,), "lead"),
    ("model/solo", "d", (1.0,), "solo"),
    ("rewind/8", "f", (1.0,), 8),
    ("capture/4", "i", (1,), 4),
    ("no/model/solo", "f", (1.0,), "solo"),
    ("gan/store/verse", "f", (1.0,), "verse"),
    ("gan/reroll/no", "f", (1.0,), "no"),
    ("tonnetz/chord/c_minor", "f", (1.0,), "c_minor"),
    ("tonnetz/move/l", "f", (1.0,), "l"),
    ("mode/answer", "f", (1.0,), "answer"),
    ("mode/answer", "f", (0.0,), None),
    ("p2/role/player", "f", (1.0,), "player"),
    ("learn/p1.volume", "", (), "p1.volume"),
    ("learn/p1/volume", "f", (1.0,), "p1.volume"),
]


@pytest.mark.parametrize(("pad", "tags", "arguments", "value"), PADS)
def test_a_pad_has_its_word_in_its_address(pad: str, tags: str, arguments: tuple[object, ...], value: object) -> None:
    name = ".".join(pad.split("/")[:2]) if pad.startswith(("p2", "no", "gan", "tonnetz")) else pad.split("/")[0]
    assert events(pad, tags, *arguments) == ([] if value is None else [SetControl(name, value)])


@pytest.mark.parametrize(
    ("pad", "tags", "arguments", "says"),
    [
        ("store/verse", "s", ("chorus",), "its word is in its address"),
        ("store/verse", "ff", (1.0, 2.0), "one argument"),
        ("mode/dance", "f", (1.0,), "mode cannot be 'dance'"),
        ("learn/tempo", "", (), "name of a control"),
        ("store/", "", (), "no OSC address"),
        ("volume/1", "f", (1.0,), "no OSC address"),
        ("store/verse", "f", (math.nan,), "its word is in its address"),
    ],
)
def test_what_a_pad_cannot_be_is_told(pad: str, tags: str, arguments: tuple[object, ...], says: str) -> None:
    with pytest.raises(ControlError, match=says):
        events(pad, tags, *arguments)


NOTES = [
    ("iii", (1, 60, 100), NoteOn(0, 60, 100)),
    ("iii", (1, 60, 0), NoteOff(0, 60)),
    ("iii", (1, 60, 1), NoteOn(0, 60, 1)),
    ("iif", (1, 60, 1.0), NoteOn(0, 60, 127)),
    ("iif", (1, 60, 0.5), NoteOn(0, 60, 64)),
    ("iif", (1, 60, 0.001), NoteOn(0, 60, 1)),
    ("iif", (1, 60, 0.0), NoteOff(0, 60)),
    ("fff", (10.0, 36.0, 0.8), NoteOn(9, 36, 102)),
    ("fff", (2.0, 60.0, 100.0), NoteOn(1, 60, 100)),
    ("fff", (16.0, 127.0, 0.0), NoteOff(15, 127)),
    ("ddd", (1.0, 64.0, 0.25), NoteOn(0, 64, 32)),
    ("hhh", (1, 64, 90), NoteOn(0, 64, 90)),
    ("iiT", (1, 60), NoteOn(0, 60, 127)),
    ("iiF", (1, 60), NoteOff(0, 60)),
    ("[iif]", (1, 60, 1.0), NoteOn(0, 60, 127)),
    ("m", (b"\x90\x3c\x64",), NoteOn(0, 60, 100)),
]


@pytest.mark.parametrize(("tags", "arguments", "event"), NOTES)
def test_a_key_of_a_controller(tags: str, arguments: tuple[object, ...], event: Event) -> None:
    assert events("note", tags, *arguments) == [event]


@pytest.mark.parametrize(
    ("tags", "arguments", "says"),
    [
        ("iii", (0, 60, 100), "channel 0"),
        ("iii", (17, 60, 100), "channel 17"),
        ("iii", (1, 128, 100), "note 128"),
        ("iii", (1, 60, 128), "velocity 128"),
        ("iii", (1, 60, -1), "velocity -1"),
        ("iif", (1, 60, -0.5), "velocity -1"),
        ("iif", (1, 60, 500.0), "velocity 500"),
        ("fff", (1.5, 60.0, 1.0), "channel 1.5"),
        ("fff", (1.0, 60.5, 1.0), "note 60.5"),
        ("iif", (1, 60, math.nan), "three numbers"),
        ("iif", (1, 60, math.inf), "three numbers"),
        ("ii", (1, 60), "three numbers"),
        ("iis", (1, 60, "loud"), "three numbers"),
    ],
)
def test_what_is_no_key_is_told(tags: str, arguments: tuple[object, ...], says: str) -> None:
    with pytest.raises(ControlError, match=says):
        events("note", tags, *arguments)


MIDI = [
    ("m", (b"\x91\x40\x50",), [NoteOn(1, 64, 80)]),
    ("m", (b"\x91\x40\x00",), [NoteOff(1, 64)]),
    ("m", (b"\x81\x40\x40",), [NoteOff(1, 64)]),
    ("m", (b"\xb0\x4a\x7f",), [ControlChange(0, 74, 127)]),
    ("m", (b"\xe0\x00\x50",), [PitchWheel(0, 2048)]),
    ("m", (b"\xc3\x05\x00",), [ProgramChange(3, 5)]),
    ("m", (b"\xd0\x30\x00",), [Aftertouch(0, 48)]),
    ("m", (b"\xf8\x00\x00",), [ClockTick()]),
    ("mm", (b"\x90\x3c\x64", b"\x90\x40\x64"), [NoteOn(0, 60, 100), NoteOn(0, 64, 100)]),
    ("iii", (0x90, 60, 100), [NoteOn(0, 60, 100)]),
    ("ff", (192.0, 7.0), [ProgramChange(0, 7)]),
]


@pytest.mark.parametrize(("tags", "arguments", "played"), MIDI)
def test_a_midi_message_is_played_as_one(tags: str, arguments: tuple[object, ...], played: list[Event]) -> None:
    assert events("midi", tags, *arguments) == played


@pytest.mark.parametrize(("tags", "arguments"), [("m", (b"\xfe\0\0",)), ("", ()), ("i", (999,)), ("s", ("on",))])
def test_what_is_no_midi_message_is_told(tags: str, arguments: tuple[object, ...]) -> None:
    with pytest.raises(ControlError, match="MIDI message"):
        events("midi", tags, *arguments)


@pytest.mark.parametrize("tags", ["r", "t", "b", "m", "N"])
def test_a_value_of_a_type_that_fits_nothing_is_told_by_its_control(tags: str) -> None:
    argument = {"r": (0x11223344,), "t": (5,), "b": (b"ab",), "m": (b"\x90\x3c\x40",), "N": ()}[tags]
    with pytest.raises(ControlError, match="temperature cannot be"):
        events("temperature", tags, *argument)


def test_a_pattern_sets_what_it_reaches_and_tells_what_it_cannot() -> None:
    assert events("{p1,p2}/volume", "f", 0.5) == [SetControl("p1.volume", 0.5), SetControl("p2.volume", 0.5)]
    assert events("*/mute", "i", 1) == [SetControl(f"{voice}.mute", True) for voice in ("p1", "p2", "tr", "no")]
    some = meaning("p1/{volume,role}", "f", 0.5)
    assert some.events == [SetControl("p1.volume", 0.5)]
    assert ["p1.role cannot be" in str(error) for error in some.refused] == [True]


def test_a_question_by_a_pattern_fires_nothing() -> None:
    asked = meaning("*")
    assert asked.events == []
    assert asked.asked == [name for name, control in CONTROLS.items() if not control.is_action and "." not in name]
    assert meaning("/volume").asked == ["volume", "p1.volume", "p2.volume", "tr.volume", "no.volume"]


def test_a_pattern_reaches_actions_and_the_pads_that_it_spells_out() -> None:
    assert events("re{wind,roll}", "f", 1.0) == [SetControl("rewind", 4), SetControl("reroll", True)]
    assert events("{store,recall}/verse", "f", 1.0) == [SetControl("store", "verse"), SetControl("recall", "verse")]
    assert events("p[12]/role/off", "f", 1.0) == [SetControl("p1.role", "off"), SetControl("p2.role", "off")]


@pytest.mark.parametrize(
    "address", ["*/volum", "tempo", "[", "x*", "store/*", "*/verse", "/livegen", "{dump,register}"]
)
def test_an_address_that_reaches_nothing_is_told(address: str) -> None:
    with pytest.raises(UnknownAddressError, match="livegen controls"):
        meaning(address, "f", 1.0)
