"""Settings of MIDI inputs: read from text and tables, refused by name, written back, and brought together by port."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livegen.errors import PortError
from livegen.events import ClockTick, ControlChange, NoteOff, NoteOn
from livegen.inputs.midi_settings import (
    MidiInSettings,
    labels_of,
    parse_settings,
    read_settings,
    roles_of,
    wirings,
    write_settings,
)
from livegen.score import Voice


def test_one_option_says_a_port_and_what_it_plays() -> None:
    assert parse_settings("") == MidiInSettings()
    assert parse_settings("Keystation 49") == MidiInSettings("Keystation 49")
    assert parse_settings(" minilab , voice=TR,transpose=-12, channel=16") == MidiInSettings(
        "minilab", Voice.TR, 15, -12
    )
    assert parse_settings("voice=no") == MidiInSettings(None, Voice.NO)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("minilab,vocie=tr", "vocie is unknown for a MIDI input: allowed is port, voice, channel, transpose, feedback"),
        ("minilab,voice=bass", "voice cannot be 'bass': allowed is p1, p2, tr, no"),
        ("minilab,voice=", "voice cannot be ''"),
        ("minilab,channel=0", "channel cannot be '0': allowed is a number from 1 to 16"),
        ("minilab,channel=1.5", "channel cannot be '1.5': allowed is a whole number from 1 to 16"),
        ("minilab,transpose=49", "transpose cannot be '49': allowed is a number from -48 to 48"),
        ("minilab,transpose=nan", "transpose cannot be 'nan'"),
        ("minilab,voice", "--midi-in 'minilab,voice': 'voice' has no value, write key=value after the name"),
        ("minilab,voice=p1,voice=tr", "--midi-in 'minilab,voice=p1,voice=tr': voice is there twice"),
        ("minilab,port=keys", "port is there twice"),
        ("minilab,tr.transpose=3", "tr is unknown for a MIDI input"),
        ("minilab,voice.x=3", "voice cannot be"),
        ("minilab,feedback=bright", "feedback cannot be 'bright': allowed is on, off, apc40-mk2, generic, launchpad-"),
        ("minilab,feedback=mine.toml", "or a profile's .toml file of your own"),
        ("feedback=on", "feedback needs a port, such as port = launchpad: without a name there is no device to light"),
    ],
)
def test_a_mistake_is_one_sentence_with_what_is_allowed(text: str, says: str) -> None:
    with pytest.raises(PortError) as refusal:
        parse_settings(text)
    assert says in str(refusal.value)
    assert "\n" not in str(refusal.value)


ANY = st.one_of(st.none(), st.booleans(), st.floats(), st.text(max_size=4), st.integers(), st.lists(st.integers()))


KEYS = ["port", "voice", "channel", "transpose", "feedback", "?"]


@given(st.dictionaries(st.sampled_from(KEYS), ANY | st.sampled_from(["on", "off", "generic"])))
def test_any_table_gives_settings_that_are_read_back_or_one_error(table: dict[str, Any]) -> None:
    try:
        settings = read_settings(table)
    except PortError as error:
        assert str(error)
    else:
        assert read_settings(write_settings(settings)) == settings


@given(st.text(st.sampled_from("ab=,.tr1-"), max_size=12))
def test_any_text_gives_settings_or_one_error(text: str) -> None:
    try:
        assert isinstance(parse_settings(text), MidiInSettings)
    except PortError as error:
        assert str(error)


def test_what_an_input_says_goes_with_its_keys_alone() -> None:
    settings = parse_settings("minilab,voice=tr,transpose=-12")
    assert settings.played(NoteOn(0, 60, 100)) == NoteOn(0, 60, 100, Voice.TR, -12)
    for event in (NoteOff(0, 60), ControlChange(0, 64, 127), ClockTick()):
        assert settings.played(event) is event
    assert parse_settings("minilab").played(NoteOn(3, 60, 100)) == NoteOn(3, 60, 100)


def wired(*texts: str) -> list[tuple[str | None, str | None, int]]:
    return [(each.port, each.label, len(each.settings)) for each in wirings([parse_settings(text) for text in texts])]


def test_inputs_of_one_name_share_a_port_by_channel_or_are_ports_of_their_own() -> None:
    assert wired() == [(None, None, 1)]
    assert wired("minilab,voice=tr") == [("minilab", None, 1)]
    assert wired("minilab", "Keystation") == [("minilab", "minilab", 1), ("Keystation", "Keystation", 1)]
    assert wired("minilab", "MiniLab") == [("minilab", "minilab", 1), ("MiniLab", "MiniLab #2", 1)]
    pads = ("minilab,channel=1,voice=tr", "minilab,channel=10,voice=no")
    assert wired(*pads) == [("minilab", None, 2)]
    assert wired(*pads, "voice=p1") == [("minilab", "minilab", 2), (None, None, 1)]
    assert wired("channel=1,voice=p1", "channel=2,voice=tr") == [(None, None, 2)]
    with pytest.raises(PortError, match="cannot both take every keyboard: name a port, or give each a channel"):
        wired("voice=p1", "channel=2,voice=tr")


def test_each_message_goes_to_the_input_of_its_channel_and_what_has_none_to_the_first() -> None:
    (wiring,) = wirings([parse_settings("minilab,channel=1,voice=tr"), parse_settings("minilab,channel=10,voice=no")])
    voices = [None if each is None else each.voice for each in map(wiring.settings_for, EVENTS)]
    assert voices == [Voice.TR, Voice.NO, None, Voice.TR, Voice.NO]


EVENTS = (NoteOn(0, 60, 1), NoteOn(9, 36, 1), NoteOn(1, 60, 1), ClockTick(), ControlChange(9, 7, 3))


def test_a_voice_that_an_input_plays_is_the_player_s() -> None:
    settings = [parse_settings("keystation"), parse_settings("minilab,voice=tr"), parse_settings("pads,voice=no")]
    assert roles_of(settings) == {"tr.role": "player", "no.role": "player"}
    assert labels_of(settings) == {"keystation", "minilab", "pads"}


def test_feedback_is_off_unless_it_is_said_and_may_name_a_profile(tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text('name = "own"', encoding="utf-8")
    for text, said in {"": "off", ",feedback=ON": "on", ",feedback=x-touch-mini": "x-touch-mini"}.items():
        assert parse_settings(f"pads{text}").feedback == said
    assert parse_settings(f"pads,feedback={own}").feedback == str(own)
    assert read_settings({"port": "pads", "feedback": True}) == parse_settings("pads,feedback=on")
    assert parse_settings("pads,voice=no,feedback=on").words() == "plays NO, feedback on"
    (wiring,) = wirings([parse_settings("pads,channel=1"), parse_settings("pads,channel=2,feedback=generic")])
    assert wiring.feedback == "generic"
