"""Events of a take: every class there is comes back as it was, and nothing else comes."""

import json
from dataclasses import fields
from types import NoneType
from typing import get_args, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livegen.controls import CONTROLS, parse_value
from livegen.events import Event, NoteOn, SetControl, SongPosition
from livegen.score import Voice
from livegen.takes.events import EVENT_KINDS, decode_event, encode_event

VALUES = {
    int: st.integers(-(2**31), 2**31),
    float: st.floats(-1e9, 1e9),
    bool: st.booleans(),
    str: st.text(max_size=40),
    Voice: st.sampled_from(Voice),
    NoneType: st.none(),
}


def values_of(kind: type) -> st.SearchStrategy:
    """Return any values for the fields of an event."""
    hints = get_type_hints(kind)
    types = [get_args(hints[field.name]) or (hints[field.name],) for field in fields(kind)]
    return st.tuples(*[st.one_of([VALUES[each] for each in allowed]) for allowed in types])


def test_every_event_has_a_name_of_its_own() -> None:
    assert set(EVENT_KINDS.values()) == set(get_args(Event))
    assert {"note_on", "poly_touch", "control_change", "set_control", "clock_tick"} <= set(EVENT_KINDS)


@given(st.data(), st.sampled_from([kind for kind in get_args(Event) if kind is not SetControl]))
def test_every_event_comes_back_as_it_was(data: st.DataObject, kind: type) -> None:
    event = kind(*data.draw(values_of(kind)))
    assert decode_event(json.loads(json.dumps(encode_event(event)))) == event


@given(st.sampled_from(sorted(CONTROLS)), st.floats(0, 1))
def test_every_control_comes_back_bit_for_bit(name: str, share: float) -> None:
    control = CONTROLS[name]
    words = control.choices[int(share * (len(control.choices) - 1))] if control.choices else "volume"
    number = control.minimum + share * (control.maximum - control.minimum)
    event = SetControl(name, parse_value(name, words if control.kind in ("choice", "name") else number))
    decoded = decode_event(json.loads(json.dumps(encode_event(event))))
    assert decoded == event
    assert isinstance(decoded, SetControl)
    assert type(decoded.value) is type(event.value)


@pytest.mark.parametrize("name", [name for name, control in CONTROLS.items() if control.is_action])
def test_an_action_without_its_argument_comes_back(name: str) -> None:
    event = SetControl(name, CONTROLS[name].default)
    assert decode_event(json.loads(json.dumps(encode_event(event)))) == event


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ([], "no list that begins with a name"),
        ({"note_on": 1}, "no list"),
        (["note_off_again", 1], "there is no event 'note_off_again'"),
        (["note_on", 0, 60], "note_on has 2 values instead of 3"),
        (["note_on", 0, 60, 1.5], "note_on cannot hold 1.5"),
        (["note_on", 0, True, 100], "note_on cannot hold True"),
        (["note_on", 0, 10**30, 100], "note_on cannot hold 1000"),
        (["note_on", 0, 60, 100, 4], "note_on cannot hold 4"),
        (["note_on", 0, 60, 100, True], "note_on cannot hold True"),
        (["note_on", 0, 60, 100, 2, -12, 0], "note_on has 6 values instead of 3"),
        (["songpos", 1], "there is no event"),
        (["set_control", "loudness", 1.0], "there is no control 'loudness'"),
        (["set_control", "temperature", 9.0], "temperature cannot be 9.0"),
        (["set_control", "temperature", "hot"], "temperature cannot be 'hot'"),
        (["set_control", "temperature", float("inf")], "cannot hold inf"),
        (["set_control", "x" * 1000, 1.0], "cannot hold xxx"),
    ],
)
def test_what_is_no_event_is_refused_in_words(written: object, words: str) -> None:
    with pytest.raises(ValueError, match=words) as refused:
        decode_event(written)
    assert len(str(refused.value)) < 200


def test_an_event_reads_as_a_musician_would_write_it() -> None:
    assert encode_event(NoteOn(0, 60, 100)) == ["note_on", 0, 60, 100]
    assert encode_event(SongPosition(16)) == ["song_position", 16]
