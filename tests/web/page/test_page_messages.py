"""What a page may say: nothing gets through that the session would have to look at twice."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livegen.controls import CONTROLS, parse_value
from livegen.web.page.messages import MessageError, read_message
from livegen.web.wire import MAX_MESSAGE_BYTES

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)


def read(kind: str, **fields: object) -> dict[str, object]:
    return read_message(json.dumps({"type": kind, **fields}))


def test_what_is_right_comes_through_checked() -> None:
    assert read("set", name="temperature", value=7) == {"type": "set", "name": "temperature", "value": 2.0}
    assert read("set", name="p1.role", value="MODEL", source="me") == {
        "type": "set",
        "name": "p1.role",
        "value": "model",
    }
    assert read("midi", data=[0x90, 60, 100])["data"] == [0x90, 60, 100]
    assert read("midi", data=[0xC1, 5])["data"] == [0xC1, 5]
    assert read("listen", on=True) == {"type": "listen", "on": True}
    assert read("ping", t=1.5, more=1) == {"type": "ping", "t": 1.5}


@pytest.mark.parametrize(
    "data",
    [None, [], [60], [60, 100], "900", [0x90], [0x90, 60], [0x90, 60, 100, 0], [0x90, 60, 128], [0x90, -1, 0],
     [0x90, 60.0, 1], [True, 1, 1], [256, 1, 1], [0xC0, 1, 1],
     [0xF0, 1, 0xF7], [0xF8], [0xFE], [0xFF], [0xF2, 1, 1], [[0x90], 1, 1]],
)  # fmt: skip
def test_midi_of_no_channel_is_refused(data: object) -> None:
    with pytest.raises(MessageError):
        read("midi", data=data)


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "1", '"set"', "null", "{}", '{"type":1}', '{"type":["set"]}', '{"type":"lost"}', '{"type":"hello"}',
     '{"type":"set"}', '{"type":"set","name":"temperature"}', '{"type":"set","name":["temperature"],"value":1}',
     '{"type":"set","name":"temperature","value":NaN}', '{"type":"set","name":"hold","value":NaN}',
     '{"type":"set","name":"store","value":1' + "0" * 400 + "}", '{"type":"ping","t":1' + "0" * 400 + "}",
     '{"type":"set","name":"lookahead","value":' + "1" * 4400 + "}", '{"type":"ping","t":1e999}', '{"type":"ping"}',
     '{"type":"listen","on":1}', "[" * MAX_MESSAGE_BYTES, '{"type":"ping","t":1}' + " " * MAX_MESSAGE_BYTES],
)  # fmt: skip
def test_what_is_no_message_is_refused_in_a_sentence(text: str) -> None:
    with pytest.raises(MessageError) as refused:
        read_message(text)
    assert 10 < len(str(refused.value)) < 300


def test_a_refusal_names_the_control() -> None:
    with pytest.raises(MessageError) as refused:
        read("set", name="mode", value="loud")
    assert refused.value.name == "mode"


@given(
    st.sampled_from(["set", "midi", "listen", "ping", "lost"]),
    st.sampled_from(sorted(CONTROLS)) | st.text(),
    JSON,
    JSON,
)
def test_whatever_comes_through_is_in_force_or_plain(kind: str, name: str, first: object, second: object) -> None:
    try:
        message = read(kind, name=name, value=first, data=second, on=first, t=second)
    except MessageError:
        return
    if message["type"] == "set":
        assert parse_value(str(message["name"]), message["value"]) == message["value"]
    json.dumps(message, allow_nan=False)


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    with pytest.raises(MessageError):
        read_message(text)
