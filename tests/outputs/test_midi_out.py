"""MIDI out: what a frame means in messages, when they leave, and that no note is ever left on."""

import threading
import time

import mido
import pytest
from midi_frames import planned, still_on
from remote_port import RemotePort
from waiting import wait_until

from livegen.errors import PortError
from livegen.outputs.midi import MidiOutput
from livegen.outputs.midi_messages import ThruKey
from livegen.outputs.midi_settings import MidiOutSettings, parse_settings
from livegen.score import MIDI_CHANNEL, Voice
from livegen.score_table import PlannedFrame, new_table, write_frames
from livegen.system.midi_ports import MidiSystem, OutputPort
from livegen.units import FRAME_RATE_HZ

PLAIN = MidiOutSettings()


class Recorder:
    """A port that keeps what is sent and when, and that can be pulled out."""

    name = "recorder:in"
    n_xruns = 0

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

    def __init__(self, *frames: PlannedFrame, settings: MidiOutSettings = PLAIN) -> None:
        self.port = Recorder()
        self.table = new_table()
        write_frames(self.table, list(frames))
        self.muted = [False] * 4
        self.held: list[ThruKey] = []
        self.output = MidiOutput(
            self.port,
            self.table,
            self.time_of_frame,
            settings=settings,
            muted=lambda: self.muted,
            held=lambda: self.held,
        )
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


def test_a_panic_takes_no_volume_with_it_that_the_receiver_waits_for() -> None:
    stage = Stage(
        planned(0, p1=(60, 15)),
        planned(1, p1=(60, 3), offset=(0.9, 0, 0, 0)),
        settings=parse_settings("recorder,expression=relative"),
    )
    output, stage.start = stage.output, time.perf_counter() + 1000.0  # nothing is due yet
    output._begin_frame(0)
    output._begin_frame(1)
    output.panic()
    output._obey()
    waiting = [each[-1] for each in output._pending]
    assert waiting
    assert {message.type for message in waiting} == {"control_change"}
    output.close()
    assert still_on(stage.port.messages) == set()


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


def test_panic_from_another_thread_ends_every_note_at_once() -> None:
    with Stage(*(planned(index, p1=(60, 8)) for index in range(48))) as stage:
        assert wait_until(lambda: len(stage.port.notes()) == 1)
        stage.output.panic()
        assert wait_until(lambda: len(stage.port.messages) == 14)
        panic = [tuple(message.bytes()) for message in stage.port.messages[2:]]
        assert panic == [(0xB0 | n, control, 0) for n in MIDI_CHANNEL.values() for control in (64, 123, 120)]
        stage.output.panic(everywhere=True)
        assert wait_until(lambda: len(stage.port.messages) == 14 + 48)
    assert stage.port.notes() == [("note_on", 60), ("note_off", 60)]  # the voice waited for its next onset


def test_keys_that_are_played_leave_at_once_and_end_with_a_panic_and_at_the_end() -> None:
    with Stage(settings=parse_settings("thru=on")) as stage:
        for source in ("midi:keys:out", "midi:recorder:out"):  # the second is the output's own keyboard
            stage.held = [ThruKey(source, Voice.P1, 60, 60, 90, 1), *stage.held]
        began = time.perf_counter()
        stage.output.follow_keys()
        assert wait_until(lambda: stage.port.notes() == [("note_on", 60)])
        assert stage.port.sent[0][0] - began < 0.1
        stage.held = []
        stage.output.panic()
        assert wait_until(lambda: stage.port.notes()[1:] == [("note_off", 60)])
        stage.held = [ThruKey("midi:keys:out", Voice.TR, 40, 40, 90, 2)]
        stage.output.follow_keys()
        assert wait_until(lambda: stage.port.notes()[2:] == [("note_on", 40)])
    assert still_on(stage.port.messages) == set()


def test_other_settings_and_leaving_end_every_note_first() -> None:
    with Stage(*(planned(index, p1=(60, 8)) for index in range(100))) as stage:
        assert wait_until(lambda: stage.port.notes() == [("note_on", 60)])
        stage.output.change(parse_settings("recorder,p1.channel=7,p1.transpose=12"))
        assert wait_until(lambda: len(stage.port.notes()) >= 3)
        off, on = stage.port.notes()[1:3]
        assert (off, on) == (("note_off", 60), ("note_on", 72))
        assert stage.port.messages[-1].channel == 6
        stage.output.leave()
        assert wait_until(lambda: stage.port.is_closed)
        assert stage.port.notes()[3:] == [("note_off", 72)]
        assert not stage.stop.is_set()


@pytest.mark.parametrize("offset_ms", [-30.0, 40.0])
def test_an_offset_moves_everything(offset_ms: float) -> None:
    stage = Stage(
        *(planned(index, p1=(60 + index, 8)) for index in range(4)), settings=MidiOutSettings(offset_ms=offset_ms)
    )
    stage.start += 0.05
    with stage:
        assert wait_until(lambda: len(stage.port.notes()) == 7)
    began = [at for at, message in stage.port.sent if message.type == "note_on"]
    late = [at - stage.time_of_frame(index) - offset_ms / 1000 for index, at in enumerate(began)]
    assert min(late) >= 0
    assert min(late) < 0.02


def test_a_port_that_throws_is_counted_and_used_again_when_it_is_back() -> None:
    with Stage(*(planned(index, p1=(60 + index % 2, 8)) for index in range(100))) as stage:
        assert wait_until(lambda: len(stage.port.notes()) >= 1)
        stage.port.is_plugged_in = False
        assert wait_until(lambda: stage.output.errors > 0)
        lost = len(stage.port.sent)
        stage.port.is_plugged_in = True
        assert wait_until(lambda: any(message.type == "note_on" for message in stage.port.messages[lost:]))
        assert stage.port.messages[lost].type == "note_off"  # of the note that sounded when the port went
    assert still_on(stage.port.messages, is_sure=False) == set()


def test_after_an_xrun_what_ended_lately_ends_once_more_and_what_sounds_sounds_on() -> None:
    steps = [planned(index, p1=(60 if index < 2 else 62, 8)) for index in range(100)]
    with Stage(*steps) as stage:
        assert wait_until(lambda: stage.port.notes() == [("note_on", 60), ("note_off", 60), ("note_on", 62)])
        stage.port.n_xruns += 1
        assert wait_until(lambda: stage.port.notes()[3:] == [("note_off", 60)])
        stage.port.n_xruns += 1
        assert wait_until(lambda: stage.port.notes()[4:] == [("note_off", 60)])
    assert stage.port.notes()[5:] == [("note_off", 62)]


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


@pytest.mark.device
def test_notes_reach_another_jack_program(midi: MidiSystem) -> None:
    listener = RemotePort("in", "synth", "in")
    table = new_table()
    write_frames(table, [planned(index, p1=(60 + index, 8), no=(9, 4)) for index in range(10)])
    port = OutputPort(midi, "synth")
    start = time.perf_counter() + 0.5  # a busy machine may take that long to open the port and to start the thread
    output = MidiOutput(port, table, lambda index: start + index / FRAME_RATE_HZ)
    stop = threading.Event()
    thread = threading.Thread(target=output.run, args=(stop,))
    thread.start()
    heard: list[mido.Message] = []

    def listen() -> int:
        heard.extend(map(mido.Message.from_bytes, listener.take()))
        return len(heard)

    try:
        assert wait_until(lambda: listen() >= 6)
    finally:  # or the thread would keep the whole run of the tests from ending
        stop.set()
        thread.join()
        output.close()
    assert wait_until(lambda: bool(listen() and heard[-1].is_cc(123) and heard[-1].channel == 9))
    listener.unplug()
    assert still_on(heard, is_sure=False) == set()
    assert {message.channel for message in heard if message.type == "note_on"} == {0, 9}
