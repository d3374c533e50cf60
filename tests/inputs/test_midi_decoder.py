"""The decoder of MIDI bytes: every message makes its event, and no bytes at all make it raise."""

import mido
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livegen.events import (
    Aftertouch,
    ClockTick,
    Continue,
    ControlChange,
    Event,
    NoteOff,
    NoteOn,
    PitchWheel,
    PolyTouch,
    ProgramChange,
    SongPosition,
    Start,
    Stop,
)
from livegen.inputs.midi import Decoder, event_of


def decode(*packets: list[int]) -> tuple[list[Event], int]:
    decoder = Decoder()
    events = [event_of(message) for packet in packets for message in decoder.decode(packet)]
    return [event for event in events if event is not None], decoder.dropped


@pytest.mark.parametrize(
    ("data", "event"),
    [
        ([0x90, 60, 100], NoteOn(0, 60, 100)),
        ([0x9F, 0, 1], NoteOn(15, 0, 1)),
        ([0x91, 60, 0], NoteOff(1, 60)),
        ([0x82, 60, 64], NoteOff(2, 60)),
        ([0xB0, 64, 127], ControlChange(0, 64, 127)),
        ([0xB3, 120, 0], ControlChange(3, 120, 0)),
        ([0xB3, 123, 0], ControlChange(3, 123, 0)),
        ([0xC5, 7], ProgramChange(5, 7)),
        ([0xE0, 0, 0], PitchWheel(0, -8192)),
        ([0xE0, 127, 127], PitchWheel(0, 8191)),
        ([0xD1, 90], Aftertouch(1, 90)),
        ([0xA0, 60, 5], PolyTouch(0, 60, 5)),
        ([0xF8], ClockTick()),
        ([0xFA], Start()),
        ([0xFB], Continue()),
        ([0xFC], Stop()),
        ([0xF2, 1, 2], SongPosition(257)),
    ],
)
def test_each_message_makes_its_event(data: list[int], event: Event) -> None:
    assert decode(data) == ([event], 0)


@pytest.mark.parametrize("data", [[0xFE], [0xFF], [0xF0, 1, 2, 0xF7], [0xF1, 3], [0xF3, 4], [0xF6]])
def test_messages_without_an_event_are_no_losses(data: list[int]) -> None:
    assert decode(data) == ([], 0)


def test_running_status_holds_within_a_packet_and_beyond() -> None:
    assert decode([0x90, 60, 100, 62, 90], [60, 0]) == ([NoteOn(0, 60, 100), NoteOn(0, 62, 90), NoteOff(0, 60)], 0)


def test_system_messages_end_running_status() -> None:
    assert decode([0x90, 60, 100, 0xF6, 60, 0]) == ([NoteOn(0, 60, 100)], 1)


def test_real_time_bytes_stand_inside_other_messages() -> None:
    assert decode([0x90, 60, 0xF8, 100]) == ([ClockTick(), NoteOn(0, 60, 100)], 0)
    assert decode([0xF0, 1, 0xFA, 2, 0xF7, 0x80, 1, 0]) == ([Start(), NoteOff(0, 1)], 0)


@pytest.mark.parametrize(
    ("packet", "dropped"),
    [
        ([60, 100], 1),  # data without a status: one loss
        ([0x90], 1),
        ([0x90, 60], 1),
        ([0x90, 60, 0x90, 61], 2),
        ([0xF4], 1),
        ([0xF9], 1),
        ([0xF0, 1, 2], 1),
        ([], 0),
    ],
)
def test_what_makes_no_message_is_counted(packet: list[int], dropped: int) -> None:
    assert decode(packet) == ([], dropped)


def test_a_truncated_message_does_not_spoil_the_next() -> None:
    assert decode([0x90, 60], [0x80, 60, 0]) == ([NoteOff(0, 60)], 1)


@given(st.lists(st.lists(st.integers(0, 255), max_size=40), max_size=10))
def test_no_bytes_make_it_raise_and_events_are_in_range(packets: list[list[int]]) -> None:
    events, dropped = decode(*packets)
    assert dropped >= 0
    for event in events:
        if isinstance(event, NoteOn):
            assert 0 <= event.channel <= 15
            assert 0 <= event.note <= 127
            assert 1 <= event.velocity <= 127


_MESSAGES = st.one_of(
    st.builds(
        lambda kind, channel, note, velocity: mido.Message(kind, channel=channel, note=note, velocity=velocity),
        st.sampled_from(["note_on", "note_off"]),
        st.integers(0, 15),
        st.integers(0, 127),
        st.integers(0, 127),
    ),
    st.builds(
        lambda channel, control, value: mido.Message("control_change", channel=channel, control=control, value=value),
        st.integers(0, 15),
        st.integers(0, 127),
        st.integers(0, 127),
    ),
    st.builds(lambda kind: mido.Message(kind), st.sampled_from(["clock", "start", "stop", "continue"])),
    st.builds(lambda pos: mido.Message("songpos", pos=pos), st.integers(0, 16383)),
)


@given(st.lists(_MESSAGES, max_size=20))
def test_a_stream_means_the_same_whole_and_in_pieces(messages: list[mido.Message]) -> None:
    expected = [event_of(message) for message in messages]
    assert decode(*(message.bytes() for message in messages)) == (expected, 0)
    assert decode([byte for message in messages for byte in message.bytes()]) == (expected, 0)
