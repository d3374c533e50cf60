"""Settings of a MIDI output: read from text and tables, refused by name, written back."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from midi_frames import rigs

from livegen.errors import PortError
from livegen.outputs.midi_settings import DRUM_KEYS, MidiOutSettings, parse_settings, read_settings, write_settings
from livegen.score import Voice


def test_one_option_says_a_port_and_how_to_play_it() -> None:
    assert parse_settings("") == MidiOutSettings()
    assert parse_settings("moog") == MidiOutSettings(port="moog")
    settings = parse_settings("Moog Sub, tr.channel=5 ,clock=on,thru=true,metronome=10,offset_ms=-7.5,drums.16=42")
    assert (settings.port, settings.clock, settings.thru, settings.metronome, settings.offset_ms) == (
        *("Moog Sub", True, True, 9, -7.5),
    )
    assert settings.voices[Voice.TR].channel == 4
    assert settings.drums == {**DRUM_KEYS, 16: 42}


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("moog,clok=on", "clok"),
        ("moog,clock=maybe", "clock"),
        ("moog,p1.channel=17", "p1.channel"),
        ("moog,p1.channel=1.5", "p1.channel"),
        ("moog,p1.color=1", "p1.color"),
        ("moog,p1=1", "p1"),
        ("moog,no.velocity=0", "no.velocity"),
        ("moog,p2.curve=steep", "p2.curve"),
        ("moog,offset_ms=nan", "offset_ms"),
        ("moog,offset_ms=-51", "offset_ms"),
        ("moog,drums.17=3", "drums"),
        ("moog,drums.1=128", "drums.1"),
        ("moog,expression=loud", "expression"),
        ("moog,clock", "clock"),
        ("moog,port=", "port"),
        ("moog,p1=1,p1.channel=2", "p1 is there twice"),
        ("moog,p1.channel=2,p1=1", "p1 is there twice"),
        ("moog,thru=on,thru=off", "thru is there twice"),
    ],
)
def test_a_mistake_is_named_with_what_is_allowed(text: str, named: str) -> None:
    with pytest.raises(PortError, match=named) as refusal:
        parse_settings(text)
    assert str(refusal.value).count("\n") == 0


@given(rigs())
def test_what_is_written_is_read_back(settings: MidiOutSettings) -> None:
    assert read_settings(write_settings(settings)) == settings


WORDS = st.text("abe10.-= ", max_size=4)


@given(
    st.dictionaries(
        st.sampled_from(["port", "p1", "no", "drums", "thru", "clock", "metronome", "offset_ms", "expression", "?"]),
        st.one_of(st.none(), st.booleans(), st.floats(), WORDS, st.dictionaries(WORDS, WORDS), st.integers()),
    )
)
def test_any_table_gives_settings_or_one_clear_error(table: dict[str, Any]) -> None:
    try:
        assert isinstance(read_settings(table), MidiOutSettings)
    except PortError as error:
        assert str(error)
