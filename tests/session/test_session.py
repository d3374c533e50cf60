"""A live session: real threads on the null clock, and on a JACK server with its sound and MIDI captured."""

import io
import os
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import mido
import numpy as np
import pytest
from hash_engine import HashEngine
from jack_keyboard import Keyboard
from livegen_process import OscClient
from recorded_jam import TOLD
from rich.console import Console
from waiting import wait_until

from livegen.cli.invitation import note_name
from livegen.cli.screen import Screen
from livegen.errors import AudioError, PortError
from livegen.events import ControlChange, NoteOff, NoteOn, SetControl, SourceLost
from livegen.inputs.midi_settings import MidiInSettings
from livegen.patch import load_patch
from livegen.performance.turn import FrameReport
from livegen.score import Voice
from livegen.score_table import PLAYER
from livegen.session.build import build_session
from livegen.session.session import Session
from livegen.session.settings import Settings
from livegen.system.threads import least_priority

SILENT = {"audio": "null", "midi_api": "none", "osc_port": 0, "seed": 7}


def our_threads() -> set[str]:
    return {
        thread.name
        for thread in threading.enumerate()
        if thread.name.startswith("livegen ") or thread.name == "null clock"
    }


@pytest.fixture
def open_session() -> Iterator[Callable[..., Session]]:
    """Open and start sessions, and see at the end that each stopped as it should."""
    opened: list[Session] = []

    def start(**settings: object) -> Session:
        session = build_session(HashEngine(), load_patch("plain"), Settings(**{**SILENT, **settings}))
        opened.append(session)
        session.start(lambda: None)
        return session

    yield start
    for session in opened:
        session.stop()
        session.stop()  # twice does no harm
    assert our_threads() == set()


def test_it_plays_on_the_null_clock_and_stops_without_a_trace(open_session: Callable[..., Session]) -> None:
    session = open_session()
    assert wait_until(lambda: session.instrument.state.horizon >= 8)
    assert session.seconds() > 0.2
    assert any(session.instrument.callback["synth"]["voices"]["playing"]["note"][0])
    assert session.status.sounding_step() is not None
    assert session.status.frames_in_hand() > 2
    assert session.status.key_to_sound_ms() < 20
    session.stop()
    assert our_threads() == set()
    assert (session.status.faults, session.status.last_fault) == (0, "")
    assert session.status.farewell().startswith("played ")
    assert "lost" not in session.status.farewell()


@pytest.mark.skipif(not hasattr(os, "sched_getscheduler"), reason="Linux alone has such priorities")
def test_no_other_program_can_put_aside_a_thread_that_may_hold_the_interpreter(
    open_session: Callable[..., Session], tmp_path: Path
) -> None:
    with least_priority() as is_granted:
        if not is_granted:
            pytest.skip("the system grants no real-time priority")
    session = open_session(take=replace(TOLD, folder=tmp_path))
    session.instrument.receive(SetControl("temperature", 0.5), "test")
    assert wait_until(lambda: session.instrument.state.horizon >= 8)
    ours = {thread.name: thread.native_id for thread in threading.enumerate() if thread.name in our_threads()}
    assert {"livegen frames", "livegen housekeeping", "livegen desk", "livegen take", "livegen null clock"} <= set(ours)
    policies = {name: os.sched_getscheduler(number) & ~os.SCHED_RESET_ON_FORK for name, number in ours.items()}
    assert policies == dict.fromkeys(ours, os.SCHED_FIFO)


def test_a_key_is_in_the_score_and_the_model_knows_it_soon(open_session: Callable[..., Session]) -> None:
    session = open_session()
    assert wait_until(lambda: session.instrument.state.horizon >= 3)
    pressed_in = session.clock.frame_at(session.instrument.callback["stats"]["stamp_ns"].max())
    session.instrument.receive(NoteOn(0, 60, 100), "test")
    assert wait_until(lambda: session.instrument.callback["synth"]["voices"]["playing"]["note"][0, 0] == 60)
    assert wait_until(lambda: session.instrument.state.keyboard.held != ())
    first = next(
        step.planned.frame_index
        for step in session.instrument.state.timeline.steps
        if step.planned.owner[Voice.P1] == PLAYER
    )
    assert pressed_in <= first <= pressed_in + 3
    assert session.instrument.state.horizon <= first + 3


def test_three_performers_at_once_leave_no_note_behind(open_session: Callable[..., Session]) -> None:
    session = open_session(controls={"p2.role": "player", "no.role": "player"})
    instrument = session.instrument

    def perform(number: int) -> None:
        random, source = np.random.default_rng(number), f"performer {number}"
        for _ in range(1500):
            channel, key = (0, 1, 9)[random.integers(3)], int(random.integers(48, 60))
            moves = NoteOn(channel, key, 100), NoteOff(channel, key), ControlChange(channel, 64, key % 2 * 127)
            instrument.receive(moves[random.choice(3, p=(0.45, 0.45, 0.1))], source)
        instrument.receive(SourceLost(), source)

    threads = [threading.Thread(target=perform, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30.0)
    voices = instrument.callback["synth"]["voices"][0]
    assert wait_until(lambda: instrument.state.keyboard.n_pressed > 1000 and instrument.state.keyboard.held == ())
    assert wait_until(lambda: not any(voices["is_player"]))  # every voice was given back to the model
    assert instrument.state.keyboard.touches == frozenset()
    assert session.status.faults == 0


def test_controls_are_asked_set_and_answered_by_osc(open_session: Callable[..., Session]) -> None:
    session = open_session()
    client = OscClient(session.osc.port)
    try:
        assert client.ask("/livegen/temperature") == ("/livegen/temperature", [pytest.approx(0.9)])
        assert client.ask("/livegen/temperature", 0.5) == ("/livegen/temperature", [0.5])
        assert wait_until(lambda: session.instrument.state.values["temperature"] == 0.5)
        assert client.ask("/livegen/top_p", 7.0) == ("/livegen/top_p", [1.0])  # clamped
        assert client.ask("/livegen/p2/role", "player") == ("/livegen/p2/role", ["player"])
        assert client.ask("/livegen/nothing")[0] == "/livegen/error"
        client.send("/livegen/note", 2, 64, 100)
        assert wait_until(lambda: session.instrument.callback["synth"]["voices"]["playing"]["note"][0, 1] == 64)
        assert client.ask("/livegen/panic")[0] == "/livegen/panic"
        assert wait_until(lambda: not any(session.instrument.callback["synth"]["voices"]["playing"]["note"][0]))
        assert wait_until(lambda: not session.instrument.state.is_running)
        assert client.ask("/livegen/start")[0] == "/livegen/start"
        assert wait_until(lambda: any(session.instrument.callback["synth"]["voices"]["playing"]["note"][0]))
    finally:
        client.close()


def test_the_usual_osc_port_gives_way_and_one_that_was_asked_for_does_not(open_session: Callable[..., Session]) -> None:
    first = open_session()
    with pytest.raises(PortError, match=str(first.osc.port)):
        open_session(osc_port=first.osc.port)
    second, third = open_session(osc_port=None), open_session(osc_port=None)
    assert second.osc.port != third.osc.port
    assert any("in use" in warning for warning in third.warnings)


def test_a_midi_file_plays_as_a_performer_and_lets_go_at_its_end(
    open_session: Callable[..., Session], tmp_path: Path
) -> None:
    file = mido.MidiFile(ticks_per_beat=480)
    track = mido.MidiTrack()
    track += [  # the last key never comes up
        mido.Message("note_on", note=60, velocity=100, time=0),
        mido.Message("note_off", note=60, time=96),
        mido.Message("note_on", note=67, velocity=100, time=0),
    ]
    file.tracks.append(track)
    file.save(tmp_path / "tune.mid")
    session = open_session(play=tmp_path / "tune.mid")
    assert wait_until(lambda: session.file_player.has_ended)
    assert wait_until(lambda: session.instrument.state.keyboard.held == () and session.instrument.state.horizon > 6)
    played = [
        int(step.planned.frame[Voice.P1, 0])
        for step in session.instrument.state.timeline.steps
        if step.planned.owner[Voice.P1] == PLAYER
    ]
    assert 60 in played
    assert session.instrument.callback["synth"]["voices"]["is_player"][0, 0] == 0


def test_what_raises_on_stage_is_counted_and_the_music_goes_on(open_session: Callable[..., Session]) -> None:
    session = open_session()
    failures = iter([True])

    def fail_once(_report: FrameReport) -> None:
        if next(failures, False):
            raise RuntimeError("an observer that breaks")

    session.observers.append(fail_once)
    assert wait_until(lambda: session.status.faults == 1)
    horizon = session.instrument.state.horizon
    assert wait_until(lambda: session.instrument.state.horizon > horizon + 3)
    assert session.status.faults == 1
    assert "breaks" in session.status.last_fault
    assert "faults: 1" in session.status.farewell()
    assert "breaks" in session.status.troubles()[0]


def test_what_cannot_be_had_stops_the_start_and_leaves_nothing_open() -> None:
    for settings in (
        {"audio": "no such device"},
        {"midi_api": "no such api"},
        {"midi_ins": (MidiInSettings("no such port"),)},
    ):
        with pytest.raises((AudioError, PortError), match=r"no such|MIDI"):
            build_session(HashEngine(), load_patch("plain"), Settings(**{**SILENT, **settings}))
    assert our_threads() == set()
    session = build_session(HashEngine(), load_patch("plain"), Settings(**SILENT))
    session.stop()  # never started


def test_the_screen_shows_who_plays_what(open_session: Callable[..., Session]) -> None:
    session = open_session()
    assert wait_until(lambda: session.instrument.state.horizon >= 4)
    session.instrument.receive(NoteOn(0, 60, 100), "test")
    session.instrument.receive(SetControl("no.mute", True), "test")
    assert wait_until(lambda: session.instrument.state.keyboard.held != ())
    assert wait_until(lambda: session.status.sounding_step().planned.owner[Voice.P1] == PLAYER)
    shown = io.StringIO()
    with Screen(session, Console(file=shown, force_terminal=True, width=120)) as screen:
        screen.update()
    text = shown.getvalue()
    for part in ("hash", "plain", "P1", "P2", "TR", "NO", "C4", "temperature 0.90", "frames in hand", "late frames"):
        assert part in text, part
    plain = io.StringIO()
    with Screen(session, Console(file=plain, width=200)) as screen:
        screen.update()
    assert plain.getvalue().splitlines()[0] == "sound: null, 48000 Hz"
    assert f"OSC: 127.0.0.1:{session.osc.port}" in plain.getvalue()
    assert "\x1b" not in plain.getvalue()


def test_without_colours_the_screen_says_the_same_in_words(
    open_session: Callable[..., Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As https://no-color.org has it."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    session = open_session()
    session.instrument.receive(SetControl("no.mute", True), "test")
    session.instrument.receive(SetControl("p2.role", "off"), "test")
    assert wait_until(lambda: session.instrument.values["no.mute"] and session.instrument.values["p2.role"] == "off")
    coloured = re.compile(r"\x1b\[(?:\d+;)*(?:[349][0-7]|10[0-7])(?:;\d+)*m")
    assert coloured.search(shown(session))
    monkeypatch.setenv("NO_COLOR", "1")
    plain = shown(session)
    assert not coloured.search(plain)
    words = re.sub(r"\x1b\[[\d;?]*\w", "", plain)
    assert re.search(r"P2 +off", words)
    assert re.search(r"NO +model, muted", words)


def shown(session: Session, *, page: str = "", height: int = 40) -> str:
    """Return what a terminal is shown of a session, in one picture."""
    console = Console(file=io.StringIO(), force_terminal=True, width=100, height=height)
    with Screen(session, console, page=page):
        pass
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.skipif(os.name != "posix", reason="there are no pseudo-terminals here")
def test_who_has_not_played_yet_is_told_how_and_the_key_then_lights_up(
    open_session: Callable[..., Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    import termios

    user, program = os.openpty()
    with os.fdopen(program) as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        session = open_session()
        words = shown(session, page="http://127.0.0.1:9125/")
        assert "press z x c v b to play P1" in words
        assert "no sound card: hear it at http://127.0.0.1:9125/" in words
        assert wait_until(lambda: not termios.tcgetattr(user)[3] & termios.ICANON)  # each key comes at once
        os.write(user, b"v")
        assert wait_until(lambda: session.instrument.held_keys != ())
        assert "\x1b[1;7m F4 \x1b[0m on P1" in shown(session)
        assert wait_until(lambda: session.instrument.held_keys == ())
        words = shown(session)
        assert "\x1b[2m F4 \x1b[0m on P1" in words
        assert "press z" not in words
        os.write(user, b":temperature")
        assert wait_until(lambda: ":temperature" in shown(session, height=24))  # what is typed is never cut off
        session.stop()
    os.close(user)


def test_without_a_terminal_it_is_told_where_to_play(open_session: Callable[..., Session]) -> None:
    session = open_session()
    assert "plug in a MIDI keyboard to play · no sound card: nothing is heard" in shown(session)
    plain = io.StringIO()
    with Screen(session, Console(file=plain, width=200), page="http://host:1/"):
        pass
    assert (
        plain.getvalue().splitlines()[-1]
        == "play on the page, http://host:1/ · no sound card: hear it at http://host:1/"
    )
    session.receive(SetControl("p1.role", "model"), "test")
    assert "no voice is yours: set p1.role to player" in shown(session)


@pytest.mark.device
def test_who_has_a_keyboard_is_told_its_name(open_session: Callable[..., Session], keyboard: Keyboard) -> None:
    session = open_session(midi_api="jack", midi_ins=(MidiInSettings("keyboard:keys"),))
    assert "press a key of keyboard:keys to play P1" in shown(session)
    keyboard.unplug()
    assert wait_until(lambda: "press a key" not in shown(session))
    keyboard.plug_in()
    assert wait_until(lambda: "press a key of keyboard:keys to play P1" in shown(session))
    keyboard.send(0x90, 64, 100)
    assert wait_until(lambda: "\x1b[1;7m E4 \x1b[0m on P1" in shown(session))


def test_a_terminal_that_goes_away_does_not_end_the_music(open_session: Callable[..., Session]) -> None:
    class Terminal(io.StringIO):
        is_gone = False

        def write(self, text: str) -> int:
            if self.is_gone:
                raise OSError(5, "Input/output error")
            return super().write(text)

    session, terminal = open_session(), Terminal()
    with Screen(session, Console(file=terminal, force_terminal=True, width=120)) as screen:
        terminal.is_gone = True
        screen.update()
        terminal.is_gone = False
    assert session.status.faults >= 1
    assert session.status.last_fault.startswith("screen: ")


def test_notes_are_named_as_musicians_name_them() -> None:
    named = [note_name(Voice.P1, note) for note in (0, 60, 69, 61)] + [note_name(Voice.NO, 12), note_name(Voice.NO, 0)]
    assert named == ["·", "C4", "A4", "C#4", "N12", "·"]


class Recorder:
    """A JACK program that hears what livegen plays, and counts the notes that are on."""

    def __init__(self) -> None:
        import jack as jack_client

        self.peak = 0.0
        self.n_notes = 0
        self.sounding: set[tuple[int, int]] = set()
        self._client = jack_client.Client("recorder", no_start_server=True)
        self._sound = self._client.inports.register("sound")
        self._midi = self._client.midi_inports.register("midi")
        self._client.set_process_callback(self._process)
        self._client.activate()

    def connect(self) -> bool:
        """Listen to livegen; False while its ports are not there."""
        sound = self._client.get_ports("PortAudio", is_audio=True, is_output=True)
        midi = self._client.get_ports("livegen", is_midi=True, is_output=True)
        for port, own in ((sound, self._sound), (midi, self._midi)):
            if port and not own.connections:
                self._client.connect(port[0], own)
        return bool(sound and midi)

    def close(self) -> None:
        self._client.deactivate()
        self._client.close()

    def _process(self, _n_samples: int) -> None:
        self.peak = max(self.peak, float(np.abs(self._sound.get_array()).max()))
        for _, data in self._midi.incoming_midi_events():
            message = mido.Message.from_bytes(bytes(data))
            if message.type == "note_on" and message.velocity:
                self.n_notes += 1
                self.sounding.add((message.channel, message.note))
            elif message.type in ("note_on", "note_off"):
                self.sounding.discard((message.channel, message.note))


@pytest.fixture
def recorder(jack: str) -> Iterator[Recorder]:
    pytest.importorskip("jack")
    recorder = Recorder()
    yield recorder
    recorder.close()


@pytest.mark.device
@pytest.mark.parametrize("ending", ["stop", "panic"])
def test_on_a_jack_server_it_sounds_and_every_note_is_released(
    recorder: Recorder, open_session: Callable[..., Session], ending: str
) -> None:
    session = open_session(audio="JACK", midi_api="jack")
    assert wait_until(recorder.connect)
    assert session.speaker.name.startswith("JACK")
    assert wait_until(lambda: recorder.peak > 0.01 and recorder.n_notes > 10 and bool(recorder.sounding))
    if ending == "panic":
        session.receive(SetControl("panic", True), "test")
    else:
        session.stop()
    assert wait_until(lambda: not recorder.sounding)
    assert session.status.faults == 0
