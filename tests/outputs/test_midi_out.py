"""MIDI out: what a frame means in messages, when they leave, and that no note is ever left on."""

import threading
import time
from collections.abc import Iterator

import mido
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from waiting import wait_until

from livegen.errors import PortError
from livegen.midi_ports import MidiSystem, OutputPort, find_midi
from livegen.outputs.midi import (
    DRUM_KEYS,
    MidiOutput,
    OutputState,
    frame_messages,
    hush,
    release,
)
from livegen.score import DRUM_NOTES, MIDI_CHANNEL, NOTE_RANGE, VOLUME_MAX, Voice
from livegen.score_table import MODEL, OFF, PLAYER, RELEASE_AFTER_FRAMES, PlannedFrame, new_table, write_frames
from livegen.units import FRAME_RATE_HZ


def planned(
    index: int = 0,
    *,
    p1: tuple[int, int] = (0, 0),
    p2: tuple[int, int] = (0, 0),
    tr: int = 0,
    no: tuple[int, int] = (0, 0),
    owner: tuple[int, int, int, int] = (MODEL,) * 4,
    offset: tuple[float, float, float, float] = (0.0,) * 4,
) -> PlannedFrame:
    frame = np.zeros((4, 3), np.uint8)
    frame[0, :2], frame[1, :2], frame[2, 0], frame[3, :2] = p1, p2, tr, no
    return PlannedFrame(index, frame, np.array(owner, np.uint8), np.array(offset))


def play(*frames: PlannedFrame | None) -> list[list[tuple[str, int, int, int]]]:
    """Return type, channel, key and velocity of the messages of each frame."""
    state, played = OutputState(), []
    for frame in frames:
        state, messages = frame_messages(state, frame)
        played.append([(m.type, m.channel, m.note, m.velocity) for m in messages])
    return played


def test_each_voice_has_its_channel_and_velocity_follows_volume() -> None:
    assert play(planned(p1=(60, 15), p2=(64, 1), tr=40, no=(2, 8))) == [
        [("note_on", 0, 60, 127), ("note_on", 1, 64, 8), ("note_on", 2, 40, 100), ("note_on", 9, 36, 68)]
    ]


def test_a_held_note_says_nothing_and_an_onset_strikes_again() -> None:
    assert play(planned(p1=(60, 8)), planned(p1=(60, 7)), planned(p1=(60, 10)), planned(p1=(62, 10)), planned()) == [
        [("note_on", 0, 60, 68)],
        [],
        [("note_off", 0, 60, 0), ("note_on", 0, 60, 85)],
        [("note_off", 0, 60, 0), ("note_on", 0, 62, 85)],
        [("note_off", 0, 62, 0)],
    ]


def test_volume_0_releases_and_a_slow_rise_from_it_sounds() -> None:
    frames = [planned(p1=(60, volume)) for volume in (3, 0, 1, 2, 3)]
    assert play(*frames) == [[("note_on", 0, 60, 25)], [("note_off", 0, 60, 0)], [("note_on", 0, 60, 8)], [], []]


@pytest.mark.parametrize("owner", [PLAYER, OFF])
def test_only_the_model_s_voices_leave(owner: int) -> None:
    taken = planned(p1=(60, 8), owner=(owner, MODEL, MODEL, MODEL))
    assert play(taken) == [[]]
    assert play(planned(p1=(60, 8)), taken, planned(p1=(60, 8))) == [
        [("note_on", 0, 60, 68)],
        [("note_off", 0, 60, 0)],
        [("note_on", 0, 60, 68)],
    ]


def test_a_muted_voice_is_released_and_comes_back() -> None:
    state, _ = frame_messages(OutputState(), planned(p1=(60, 8), p2=(64, 8)))
    state, messages = frame_messages(state, planned(p1=(60, 8), p2=(64, 8)), (True, False, False, False))
    assert [(m.type, m.channel) for m in messages] == [("note_off", 0)]
    state, messages = frame_messages(state, planned(p1=(60, 8), p2=(64, 8)))
    assert [(m.type, m.channel) for m in messages] == [("note_on", 0)]


def test_missing_frames_hold_for_half_a_second_and_then_release() -> None:
    played = play(planned(tr=40), *[None] * 30, planned(tr=40))
    assert RELEASE_AFTER_FRAMES == FRAME_RATE_HZ / 2
    assert played[RELEASE_AFTER_FRAMES] == [("note_off", 2, 40, 0)]
    assert [frame for frame in played[1:-1] if frame] == [[("note_off", 2, 40, 0)]]
    assert played[-1] == [("note_on", 2, 40, 100)]


def test_a_hushed_voice_waits_for_its_next_onset() -> None:
    state, _ = frame_messages(OutputState(), planned(p1=(60, 8)))
    state, messages = hush(state)
    assert [(m.type, m.note) for m in messages] == [("note_off", 60)]
    state, messages = frame_messages(state, planned(p1=(60, 8)))
    assert messages == []
    state, messages = frame_messages(state, planned(p1=(60, 12)))
    assert [(m.type, m.note) for m in messages] == [("note_on", 60)]


def test_every_noise_note_has_a_drum_and_known_drums_come_back() -> None:
    lowest, highest = NOTE_RANGE[Voice.NO]
    assert sorted(DRUM_KEYS) == list(range(lowest, highest + 1))
    assert len(set(DRUM_KEYS.values())) == len(DRUM_KEYS)
    for noise_note in set(DRUM_NOTES.values()):
        assert DRUM_NOTES[DRUM_KEYS[noise_note]] == noise_note


def test_the_offset_of_an_onset_is_in_its_messages() -> None:
    _, messages = frame_messages(OutputState(), planned(p1=(60, 8), tr=40, offset=(-0.5, 0, 0.25, 0)))
    assert [m.time * FRAME_RATE_HZ for m in messages] == pytest.approx([-0.5, 0.25])


@st.composite
def frames(draw: st.DrawFn) -> PlannedFrame | None:
    if draw(st.integers(0, 4)) == 0:
        return None
    frame = np.zeros((4, 3), np.uint8)
    for voice in Voice:
        lowest, highest = NOTE_RANGE[voice]
        frame[voice, 0] = draw(st.sampled_from([0, lowest, lowest + 1, highest]))
        frame[voice, 1] = draw(st.integers(0, VOLUME_MAX[voice]))
    owner = draw(st.lists(st.sampled_from([MODEL, MODEL, PLAYER, OFF]), min_size=4, max_size=4))
    return PlannedFrame(0, frame, np.array(owner, np.uint8), np.zeros(4))


def still_on(messages: list[mido.Message]) -> set[tuple[int, int]]:
    """Return channel and key of what sounds after the messages, and check that each strike was of a silent key."""
    on: set[tuple[int, int]] = set()
    for message in messages:
        if message.type == "note_on":
            assert (message.channel, message.note) not in on
            assert 1 <= message.velocity <= 127
            on.add((message.channel, message.note))
        elif message.type == "note_off":
            on.remove((message.channel, message.note))
    return on


@given(
    st.lists(st.tuples(frames(), st.lists(st.booleans(), min_size=4, max_size=4), st.booleans()), max_size=60),
)
def test_after_a_release_every_note_on_has_its_note_off(
    steps: list[tuple[PlannedFrame | None, list[bool], bool]],
) -> None:
    state, sent = OutputState(), []
    for frame, muted, is_hushed in steps:
        state, messages = frame_messages(state, frame, muted)
        sent += messages
        assert len(still_on(sent)) <= 4
        if is_hushed:
            state, messages = hush(state)
            sent += messages
            assert still_on(sent) == set()
    sent += release(state)[1]
    assert still_on(sent) == set()


class Recorder:
    """A port that keeps what is sent and when, and that can be pulled out."""

    def __init__(self) -> None:
        self.sent: list[tuple[float, mido.Message]] = []
        self.is_plugged_in = True
        self.says_when_it_is_gone = True
        self.is_closed = False

    def send(self, message: list[int]) -> None:
        if not self.is_plugged_in:
            if self.says_when_it_is_gone:
                raise PortError("the MIDI port is gone")
            return
        self.sent.append((time.perf_counter(), mido.Message.from_bytes(message)))

    def check(self) -> bool:
        return self.is_plugged_in

    def close(self) -> None:
        self.is_closed = True

    @property
    def messages(self) -> list[mido.Message]:
        return [message for _, message in self.sent]

    def notes(self) -> list[tuple[str, int]]:
        return [(m.type, m.note) for m in self.messages if m.type.startswith("note")]


class Stage:
    """An output on a table, with frame 0 a moment from now."""

    def __init__(self, *frames: PlannedFrame) -> None:
        self.port = Recorder()
        self.table = new_table()
        write_frames(self.table, list(frames))
        self.muted = [False] * 4
        self.output = MidiOutput(self.port, self.table, self.time_of_frame, muted=lambda: self.muted)
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.output.run, args=(self.stop,))
        self.start = time.perf_counter() + 0.02

    def time_of_frame(self, frame_index: int) -> float:
        return self.start + frame_index / FRAME_RATE_HZ

    def __enter__(self) -> "Stage":
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        self.thread.join()
        self.output.close()


def test_messages_leave_at_the_time_of_their_frame_and_onset() -> None:
    stage = Stage(
        planned(0, p1=(60, 8), tr=40, offset=(0, 0, 0.5, 0)),
        planned(1, p1=(60, 8), tr=40),
        planned(2, p1=(62, 8), tr=45, offset=(0, 0, -0.5, 0)),
        planned(3),
    )
    with stage:
        assert wait_until(lambda: len(stage.port.notes()) == 8)
    due = {60: 0.0, 40: 0.5, 62: 2.0, 45: 1.5}
    late = [
        at - (stage.start + due[message.note] / FRAME_RATE_HZ)
        for at, message in stage.port.sent
        if message.type == "note_on"
    ]
    assert min(late) >= 0
    assert min(late) < 0.02  # a loaded machine may hold up some of them
    assert still_on(stage.port.messages) == set()


def test_stop_releases_what_sounds_and_closes() -> None:
    with Stage(planned(0, p1=(60, 8), no=(2, 8))) as stage:
        assert wait_until(lambda: len(stage.port.notes()) == 2)
    assert still_on(stage.port.messages) == set()
    assert [m.channel for m in stage.port.messages[-4:] if m.is_cc(123)] == list(MIDI_CHANNEL.values())
    assert stage.port.is_closed


def test_an_exception_releases_what_sounds() -> None:
    stage = Stage(planned(0, p1=(60, 8)))
    raises = threading.Event()

    def muted() -> list[bool]:
        if stage.port.sent:
            raises.set()
            raise RuntimeError("a defect")
        return [False] * 4

    stage.output._muted = muted
    with pytest.raises(RuntimeError, match="a defect"):
        stage.output.run(stage.stop)
    assert raises.is_set()
    assert still_on(stage.port.messages) == set()


def test_silence_from_another_thread_ends_every_note_at_once() -> None:
    with Stage(*(planned(index, p1=(60, 8)) for index in range(48))) as stage:
        assert wait_until(lambda: len(stage.port.notes()) == 1)
        stage.output.silence()
        assert stage.port.notes() == [("note_on", 60), ("note_off", 60)]
    assert stage.port.notes() == [("note_on", 60), ("note_off", 60)]


def test_a_port_that_throws_is_counted_and_used_again_when_it_is_back() -> None:
    with Stage(*(planned(index, p1=(60 + index % 2, 8)) for index in range(100))) as stage:
        assert wait_until(lambda: len(stage.port.notes()) >= 1)
        stage.port.is_plugged_in = False
        assert wait_until(lambda: stage.output.errors > 0)
        lost = len(stage.port.sent)
        stage.port.is_plugged_in = True
        assert wait_until(lambda: any(message.type == "note_on" for message in stage.port.messages[lost:]))
        assert stage.port.messages[lost].type == "note_off"  # of the note that sounded when the port went
    assert still_on(stage.port.messages) == set()


def test_a_note_whose_end_was_sent_to_nobody_is_ended_when_the_port_is_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("livegen.outputs.midi._CHECK_SECONDS", 0.4)
    with Stage(*(planned(index, p1=(60, 8) if index < 3 else (0, 0)) for index in range(100))) as stage:
        assert wait_until(lambda: stage.port.notes() == [("note_on", 60)])
        stage.port.says_when_it_is_gone = stage.port.is_plugged_in = False
        assert wait_until(lambda: stage.output.sent == 2)
        assert wait_until(lambda: stage.output.errors == 1)  # now the output knows
        stage.port.is_plugged_in = True
        assert wait_until(lambda: stage.port.notes() == [("note_on", 60), ("note_off", 60)])


def test_a_clock_that_does_not_run_sends_nothing() -> None:
    stage = Stage(planned(0, p1=(60, 8)))
    asked = threading.Event()

    def time_of_frame(_: int) -> float:
        asked.set()
        return float("nan")

    stage.output._time_of_frame = time_of_frame
    with stage:
        assert asked.wait(5.0)
    assert stage.port.notes() == []


@pytest.fixture
def midi(jack: str) -> Iterator[MidiSystem]:
    system, why_not = find_midi("jack")
    assert system is not None, why_not
    yield system
    system.close()


@pytest.mark.device
def test_notes_reach_another_jack_program(midi: MidiSystem) -> None:
    import rtmidi

    listener = rtmidi.MidiIn(rtmidi.API_UNIX_JACK, name="synth")
    listener.open_virtual_port("in")
    table = new_table()
    write_frames(table, [planned(index, p1=(60 + index, 8), no=(9, 4)) for index in range(10)])
    start = time.perf_counter()
    output = MidiOutput(OutputPort(midi, "synth"), table, lambda index: start + index / FRAME_RATE_HZ)
    stop = threading.Event()
    thread = threading.Thread(target=output.run, args=(stop,))
    thread.start()
    heard: list[mido.Message] = []

    def listen() -> int:
        while (pending := listener.get_message()) is not None:
            heard.append(mido.Message.from_bytes(pending[0]))
        return len(heard)

    assert wait_until(lambda: listen() >= 6)
    stop.set()
    thread.join()
    output.close()
    assert wait_until(lambda: bool(listen() and heard[-1].is_cc(123) and heard[-1].channel == 9))
    listener.close_port()
    listener.delete()
    assert still_on(heard) == set()
    assert {message.channel for message in heard if message.type == "note_on"} == {0, 9}
