"""The lines of a take: every record comes back bit for bit, and what is none is refused in words."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from recorded_jam import STARTED, TOLD, RecordedJam

from livegen.beat import Beat
from livegen.errors import LivegenError
from livegen.events import NoteOn, StampedEvent
from livegen.performance.performance import Call
from livegen.performance.state import ControlInForce, Refused
from livegen.score import N_VOICES, NOTE_RANGE, TIMBRE_MAX, VOLUME_MAX, Voice
from livegen.score_table import PlannedFrame
from livegen.takes.library import head_of
from livegen.takes.lines import decode, decode_head, encode
from livegen.takes.records import End, Gap, Head, Kept, Loaded, Note, Played, Record, Turned

REALS = st.floats(allow_nan=False, allow_infinity=False)
POSITIONS = st.floats(0, 1e6)
INTEGERS = st.integers(0, 2**62)
CALLS = st.builds(
    lambda to, n: Call(to, None if n is None else to + n), st.integers(0, 10**6), st.none() | st.integers(0, 128)
)
STAMPED = st.builds(StampedEvent, st.just(NoteOn(0, 60, 100)), st.text(max_size=9), POSITIONS)
MESSAGES = st.one_of(
    st.builds(ControlInForce, st.text(), REALS | st.booleans() | st.text() | st.integers(), st.text(), st.booleans()),
    st.builds(Refused, st.text(), st.text(), st.text()),
)


@given(
    INTEGERS,
    st.lists(CALLS, max_size=3),
    st.lists(st.tuples(STAMPED, st.integers(-(10**12), 10**12)), max_size=3),
    st.lists(MESSAGES, max_size=3),
    st.integers(0, 100),
    st.booleans(),
)
def test_a_call_comes_back_bit_for_bit(at_ns, calls, stamped, messages, n_held, is_late) -> None:
    events, times_ns = tuple(event for event, _ in stamped), tuple(time_ns for _, time_ns in stamped)
    record = Turned(at_ns, tuple(calls), events, times_ns, tuple(messages), n_held, is_late)
    line = encode(record)
    assert line.count(b"\n") == 1
    decoded = decode(line)
    assert decoded == record
    assert isinstance(decoded, Turned)
    assert [repr(event.position) for event in decoded.events] == [repr(event.position) for event in events]


@st.composite
def played(draw: st.DrawFn) -> Played:
    frame = np.zeros((N_VOICES, 3), np.uint8)
    for voice in Voice:
        note = draw(st.just(0) | st.integers(*NOTE_RANGE[voice]))
        frame[voice] = note, draw(st.integers(0, VOLUME_MAX[voice])), draw(st.integers(0, TIMBRE_MAX[voice]))
    owner = np.array(draw(st.lists(st.integers(0, 2), min_size=4, max_size=4)), np.uint8)
    offset = np.array(draw(st.lists(st.floats(-0.99, 0.99), min_size=4, max_size=4)))
    beat = draw(st.none() | st.builds(Beat, st.floats(0.1, 100), st.floats(-1e6, 1e6)))
    return Played(PlannedFrame(draw(st.integers(0, 10**6 - 1)), frame, owner, offset), beat)


@given(played())
def test_a_frame_comes_back_bit_for_bit(record: Played) -> None:
    decoded = decode(encode(record))
    assert isinstance(decoded, Played)
    before, after = record.planned, decoded.planned
    assert (after.frame_index, decoded.beat) == (before.frame_index, record.beat)
    assert np.array_equal(after.frame, before.frame)
    assert np.array_equal(after.owner, before.owner)
    assert np.array_equal(after.onset_offset, before.onset_offset)


@pytest.mark.parametrize(
    "record",
    [
        Note("underflows", 3, 12),
        Loaded("solo", "/models/solo", "0f"),
        Gap(4),
        Kept("capture-1", 3, 99),
        End(240, 17, (1, 2, 3, 4)),
    ],
    ids=str,
)
def test_the_other_records_come_back(record: Record) -> None:
    assert decode(encode(record)) == record


def test_the_head_comes_back(tmp_path: Path) -> None:
    jam = RecordedJam(tmp_path, temperature=0.1 + 0.2)
    jam.stop()
    head = head_of(TOLD, jam.instrument, STARTED)
    decoded = decode_head(encode(head))
    assert decoded == head
    assert decoded.values["temperature"] == 0.30000000000000004
    assert {"livegen", "core", "numpy", "numba", "processor"} <= set(decoded.versions)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"", "no JSON"),
        (b"[1]", "one JSON object a line"),
        (b"{}", "there is no record ''"),
        (b'{"dance":1}', "there is no record 'dance'"),
        (b"\xff\xfe", "no UTF-8"),
        (b'{"call":[[1,2]],"ns":NaN}', "NaN is no number"),
        (b'{"call":[[1,2]],"ns":1e999}', "ns cannot be Infinity"),
        (b'{"call":[[1,2]]}', "ns cannot be null"),
        (b'{"call":[[1.5]],"ns":0}', "there is no call"),
        (b'{"call":[[5,1]],"ns":0}', "there is no call"),
        (b'{"call":[[99999999999]],"ns":0}', "there is no call"),
        (b'{"call":[[0,100000]],"ns":0}', "there is no call"),
        (b'{"call":[' + b"[1]," * 99 + b'[1]],"ns":0}', "call is no list of up to"),
        (b'{"call":[[1]],"ns":0,"in":[[1e300,0,"k","start"]]}', "an event cannot fall in frame"),
        (b'{"call":[[1]],"ns":0,"in":[[1,0.5,"k","start"]]}', "a time that is no whole number"),
        (b'{"call":[[1]],"ns":0,"in":[[1,0,"k","note_on","C",1,1]]}', "note_on cannot hold C"),
        (b'{"call":[[1]],"ns":0,"said":[["set","volume",[],"osc"]]}', "control .volume. cannot be"),
        (b'{"call":[[1]],"ns":0,"said":[7]}', "no list of four"),
        (b'{"frame":-1}', "frame cannot be -1"),
        (b'{"frame":0,"is":"00","by":"mmmm"}', "frame 0 is no frame of a score"),
        (b'{"frame":0,"is":"' + b"ff" * 12 + b'","by":"mmmm"}', "frame 0 is no frame of a score"),
        (b'{"frame":0,"is":"' + b"00" * 12 + b'","by":"mmxm"}', "who played frame 0"),
        (b'{"frame":0,"is":"' + b"00" * 12 + b'","by":"mmmm","offset":[1,0,0,0]}', "off by a frame"),
        (b'{"frame":0,"is":"' + b"00" * 12 + b'","by":"mmmm","beat":["slow",0]}', "beat is no list of 2 finite"),
        (b'{"end":1,"events":2,"notes":[1]}', "four numbers"),
        (b"9" * 5000, "limit"),
    ],
)
def test_what_is_no_record_is_refused_in_words(line: bytes, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        decode(line)


NEEDLESS = ("take", "voice_models")  # a take is of version 1 without the first, and older takes lack the second


def _changes(head: Head) -> list[dict]:
    whole = json.loads(encode(head))
    return [
        *[
            {key: value for key, value in whole.items() if key != left_out}
            for left_out in whole
            if left_out not in NEEDLESS
        ],
        whole | {"take": 2},
        whole | {"seed": -1},
        whole | {"seed": math.pi},
        whole | {"sample_rate": 10**12},
        whole | {"values": {"temperature": "hot"}},
        whole | {"values": {"loudness": 1}},
        whole | {"patch": {"name": "other", "sha256": ""}},
        whole | {"model": ["default"]},
        whole | {"voice_models": {"no": {"name": "gan"}}},
        whole | {"voice_models": {"bass": {"name": "gan", "folder": "", "sha256": ""}}},
    ]


def test_a_head_that_lacks_something_is_refused(tmp_path: Path) -> None:
    jam = RecordedJam(tmp_path)
    jam.stop()
    for change in _changes(head_of(TOLD, jam.instrument, STARTED)):
        with pytest.raises(ValueError, match=r"\w"):
            decode_head(json.dumps(change).encode())


JSON = st.recursive(
    st.none() | st.booleans() | REALS | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=12,
)


@given(st.sampled_from(("call", "frame", "note", "gap", "capture", "end", "take")), st.data())
def test_any_json_is_a_record_or_refused(kind: str, data: st.DataObject) -> None:
    keys = ("ns", "in", "said", "held", "late", "is", "by", "offset", "beat", "count", "from", "to", "events", "notes")
    table = {kind: data.draw(JSON)} | data.draw(st.dictionaries(st.sampled_from(keys), JSON, max_size=5))
    for reader in (decode, decode_head):
        try:
            reader(json.dumps(table).encode())
        except ValueError as error:
            assert not isinstance(error, LivegenError)
