"""OSC's types: all of 1.0 and 1.1 are read, and what is wrong with one message does no harm to the others."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from osc_packets import bundle, message

from livegen.inputs.osc_packet import parse_packet
from livegen.inputs.osc_types import Colour, MidiMessage, NotOscError, TimeTag, UnknownTypeError

READ = [
    ("i", (-7,), (-7,)),
    ("f", (0.25,), (0.25,)),
    ("s", ("verse",), ("verse",)),
    ("b", (b"\1\2\3\4\5",), (b"\1\2\3\4\5",)),
    ("h", (1 << 40,), (1 << 40,)),
    ("t", (1 << 63,), (TimeTag(1 << 63),)),
    ("d", (0.1,), (0.1,)),
    ("S", ("accompany",), ("accompany",)),
    ("c", ("x",), ("x",)),
    ("r", (0xFF8800FF,), (Colour(0xFF8800FF),)),
    ("m", (b"\x90\x3c\x64",), (MidiMessage(b"\x90\x3c\x64"),)),
    ("TFNI", (), (True, False, None, True)),
    ("[iif]", (1, 60, 0.5), (1, 60, 0.5)),
    ("s[i[f]]", ("a", 1, 0.5), ("a", 1, 0.5)),
    ("[]", (), ()),
    ("sis", ("", 3, "abc"), ("", 3, "abc")),
]


@pytest.mark.parametrize(("tags", "sent", "read"), READ, ids=[tags for tags, _, _ in READ])
def test_every_type_is_read(tags: str, sent: tuple[object, ...], read: tuple[object, ...]) -> None:
    (heard,), faults = parse_packet(message("/livegen/volume", tags, *sent))
    assert (heard.address, heard.arguments, faults) == ("/livegen/volume", read, [])


def test_a_message_without_types_has_no_argument() -> None:
    (heard,), _ = parse_packet(b"/livegen/panic\0\0")
    assert heard.arguments == ()


@pytest.mark.parametrize("tag", "xqZ9")
def test_an_unknown_type_is_named_and_the_rest_of_the_bundle_is_read(tag: str) -> None:
    unknown = b"/livegen/volume\0," + tag.encode() + b"\0\0" + bytes(8)
    heard, faults = parse_packet(bundle(message("/a", "i", 1), unknown, bundle(message("/b", "f", 2.0))))
    assert [each.address for each in heard] == ["/a", "/b"]
    assert [type(fault) for fault in faults] == [UnknownTypeError]
    assert f"'/livegen/volume': there is no OSC type '{tag}'" in str(faults[0])


@pytest.mark.parametrize(
    "data",
    [
        message("/a", "f", 0.5)[:-1],
        message("/a", "h", 1)[:-4],
        b"/a\0\0,b\0\0\0\0\0\x09abc\0",
        b"/a\0\0,b\0\0\xff\xff\xff\xff",
        b"/a\0\0,[i\0\0\0\0\1",
        b"/a\0\0,]\0\0",
        b"/a\0\0,s\0\0abcd",
        b"/a\0\0,s\0\0\xff\xfe\0\0",
        b"/a\0\0,c\0\0\x7f\xff\xff\xff",
        b"/a\0\0i\0\0\0\0\0\0\1",
    ],
)
def test_a_damaged_message_is_told_and_the_others_are_read(data: bytes) -> None:
    heard, faults = parse_packet(bundle(message("/b"), data, message("/c")))
    assert [each.address for each in heard] == ["/b", "/c"]
    assert [type(fault) for fault in faults] == [NotOscError]


def test_what_is_whole_before_a_bundle_breaks_off_is_read() -> None:
    heard, faults = parse_packet(bundle(message("/a"), message("/b"))[:-2])
    assert [each.address for each in heard] == ["/a"]
    assert [type(fault) for fault in faults] == [NotOscError]


def test_a_bundle_in_a_bundle_is_not_due_before_the_one_around_it() -> None:
    packet = bundle(message("/a"), bundle(message("/b"), tag=50), bundle(message("/c"), tag=900), tag=100)
    assert [(each.address, each.tag) for each in parse_packet(packet)[0]] == [("/a", 100), ("/b", 100), ("/c", 900)]


@given(st.text("ifsbhtdScrmTFNI[]xq", max_size=8), st.binary(max_size=80))
def test_any_types_with_any_data_are_read_or_told(tags: str, data: bytes) -> None:
    packet = message("/a")[:4] + (b"," + tags.encode() + b"\0" + bytes(-(len(tags) + 2) % 4)) + data
    heard, faults = parse_packet(packet)
    assert len(heard) + len(faults) == 1
