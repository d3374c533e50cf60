"""The computer keyboard as an instrument: keys that play, keys that control, and what a terminal really sends."""

import os
import threading

import pytest
from waiting import wait_until

from livegen.controls import DEFAULTS, with_value
from livegen.events import Event, NoteOff, NoteOn, SetControl, SourceLost
from livegen.inputs import terminal
from livegen.inputs.command_line import REPLY_SECONDS, CommandLine
from livegen.inputs.terminal import KEY_OFFSETS, NOTE_SECONDS, TerminalKeys, split_keys


class Performer:
    """A terminal with a session that does what it is told."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.values = DEFAULTS
        self.is_running = True
        self.n_quits = 0
        self.keys = TerminalKeys(self._take, lambda: self.values, lambda: self.is_running, self._quit)

    def _take(self, event: Event, source: str) -> None:
        assert source == terminal.SOURCE
        self.events.append(event)
        if isinstance(event, SetControl) and event.name in self.values:
            self.values = with_value(self.values, event.name, event.value)
        elif isinstance(event, SetControl) and event.name in ("start", "stop", "panic"):
            self.is_running = event.name == "start"

    def _quit(self) -> None:
        self.n_quits += 1

    def type(self, text: str, now_seconds: float = 0.0) -> list[Event]:
        self.events.clear()
        for key in split_keys(text):
            self.keys.press(key, now_seconds)
        return list(self.events)


def test_two_rows_are_two_octaves_of_a_piano() -> None:
    performer = Performer()
    assert performer.type("zsxdcvgbhnjm") == [NoteOn(0, note, 100) for note in range(60, 72)]
    assert performer.type("q2w3er5t6y7u") == [NoteOn(0, note, 100) for note in range(72, 84)]
    assert Performer().type("Z") == [NoteOn(0, 60, 100)]


def test_a_note_lasts_a_moment_and_longer_while_its_key_repeats() -> None:
    performer = Performer()
    assert performer.type("z", 0.0) == [NoteOn(0, 60, 100)]
    assert performer.type("z", 0.2) == []  # the terminal repeats it
    performer.keys.release(NOTE_SECONDS + 0.1)
    assert performer.events == []
    performer.keys.release(NOTE_SECONDS + 0.2)
    assert performer.events == [NoteOff(0, 60)]
    assert performer.type("z", 1.0) == [NoteOn(0, 60, 100)]


def test_the_octave_moves_and_a_held_note_is_let_go_of_as_it_was_played() -> None:
    performer = Performer()
    performer.type("z\x1b[C", 0.0)
    assert performer.type("z", 0.1) == [NoteOn(0, 72, 100)]
    performer.keys.release(1.0)
    assert set(performer.events[1:]) == {NoteOff(0, 60), NoteOff(0, 72)}
    performer.type("\x1b[D" * 20)
    assert performer.type("z") == [NoteOn(0, 24, 100)]
    performer.type("\x1b[C" * 20)
    assert all(0 <= event.note <= 127 for event in performer.type("".join(KEY_OFFSETS), 9.0))


def test_the_arrows_move_the_temperature_within_its_range() -> None:
    performer = Performer()
    assert performer.type("\x1b[A") == [SetControl("temperature", 0.95)]
    assert performer.type("\x1b[B\x1b[B") == [SetControl("temperature", 0.9), SetControl("temperature", 0.85)]
    assert performer.type("\x1b[B" * 30)[-1] == SetControl("temperature", 0.0)


def test_space_starts_what_is_stopped_however_it_was_stopped() -> None:
    performer = Performer()
    assert performer.type(" ") == [SetControl("stop", True)]
    assert performer.type(" ") == [SetControl("start", True)]
    assert performer.type("\x7f ") == [SetControl("panic", True), SetControl("start", True)]
    performer.is_running = False  # somebody else stopped it
    assert performer.type(" ") == [SetControl("start", True)]
    assert performer.type("\r") == [SetControl("reset", True)]


def test_a_key_keeps_the_last_bars() -> None:
    assert Performer().type("kK") == [SetControl("capture", 8)] * 2


def test_only_the_escape_key_leaves() -> None:
    performer = Performer()
    for other in ("\x1bOP", "\x1b[15~", "\x1b[3~", "\x1b[1;5C", "\x1bz", "\x1b[A", "é", "\t", "A"):
        assert all(isinstance(event, SetControl) for event in performer.type(other)), repr(other)
        assert performer.n_quits == 0
    performer.type("\x1b")
    assert performer.n_quits == 1
    performer.type("\x1b\x1b")
    assert performer.n_quits == 3


def test_keys_are_split_whole() -> None:
    assert list(split_keys("z\x1b[A\x1b[1;5Cx\x1bOP\x1b")) == ["z", "\x1b[A", "\x1b[1;5C", "x", "\x1bOP", "\x1b"]
    assert list(split_keys("")) == []


@pytest.fixture
def pty(monkeypatch: pytest.MonkeyPatch):
    """Put a real terminal in the place of stdin; yields the end at which a user types."""
    user, program = os.openpty()
    with os.fdopen(program) as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        yield user
    os.close(user)


@pytest.mark.skipif(os.name != "posix", reason="there are no pseudo-terminals here")
def test_a_real_terminal_plays_and_the_end_lets_go(pty: int) -> None:
    import termios

    performer, stop = Performer(), threading.Event()
    assert performer.keys.is_usable
    thread = threading.Thread(target=performer.keys.run, args=(stop,))
    thread.start()
    try:
        assert wait_until(lambda: not termios.tcgetattr(pty)[3] & termios.ICANON)  # each key comes at once
        os.write(pty, b"zx\x1b")
        assert wait_until(lambda: performer.n_quits == 1)
    finally:
        stop.set()
        thread.join(5.0)
    assert not thread.is_alive()
    assert performer.events[:2] == [NoteOn(0, 60, 100), NoteOn(0, 62, 100)]
    assert performer.events[-1] == SourceLost()


@pytest.mark.parametrize(
    ("line", "sets", "reply"),
    [
        (":temperature 0.5", SetControl("temperature", 0.5), "temperature is now 0.5"),
        (":p2.role off", SetControl("p2.role", "off"), "p2.role is now off"),
        (":top_p  7 ", SetControl("top_p", 1.0), "top_p is now 1, the highest: 7 is over it"),
        (":p1.transpose -99", SetControl("p1.transpose", -48), "p1.transpose is now -48 semitones, the lowest"),
        (":hold yes", SetControl("hold", True), "hold is now on"),
        (":temperature=0.5", SetControl("temperature", 0.5), "temperature is now 0.5"),
        (":temperature = 0.5", SetControl("temperature", 0.5), "temperature is now 0.5"),
        (":panic", SetControl("panic", True), ""),
        (":learn p1.volume", SetControl("learn", "p1.volume"), ""),
        (":save gig 2", SetControl("save", "gig 2"), ""),
        (":save", SetControl("save", ""), ""),
    ],
)
def test_a_line_after_a_colon_sets_any_control_and_says_what_is_now_so(line: str, sets: SetControl, reply: str) -> None:
    performer = Performer()
    assert performer.type(line) == []
    assert performer.keys.line == line  # no letter of it plays
    assert performer.type("\r") == [sets]
    assert performer.keys.line.startswith(reply)
    assert bool(performer.keys.line) == bool(reply)
    assert performer.type("z") == [NoteOn(0, 60, 100)]


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        (":tempo 120", "there is no control 'tempo': "),
        (":temperatur 1", "there is no control 'temperatur': did you mean temperature"),
        (":p2.volum 1", "there is no control 'p2.volum': did you mean p2.volume"),
        (":xyzzy", "there is no control 'xyzzy': `livegen controls` lists them"),
        (":temperature hot", "temperature cannot be 'hot'"),
        (":temperature", "temperature is 0.9 (within 0..2)"),
        (":hold", "hold is off"),
        (":mode", "mode is accompany (one of accompany, answer"),
        (":learn nothing", "learn cannot be 'nothing'"),
        (":help", "NAME VALUE sets a control"),
    ],
)
def test_what_a_line_comes_to_is_answered(line: str, answer: str) -> None:
    performer = Performer()
    assert performer.type(f"{line}\n") == []
    assert performer.keys.line.startswith(answer)
    assert performer.type("z") == [NoteOn(0, 60, 100)]


def test_quit_leaves() -> None:
    performer = Performer()
    performer.type(":quit\n")
    assert performer.n_quits == 1


def test_an_action_is_confirmed_when_it_is_done() -> None:
    performer = Performer()
    performer.type(":rewind 4\n")
    assert performer.keys.line == ""  # it may be refused
    performer.keys.confirm("rewind", 4)
    assert performer.keys.line == "gone back 4 beats"
    performer.keys.confirm("patch", "lead")  # that is told by others
    assert performer.keys.line == "gone back 4 beats"


def test_a_count_that_was_clamped_and_what_an_undo_has_set_are_said() -> None:
    performer = Performer()
    assert performer.type(":rewind 999\n") == [SetControl("rewind", 64)]
    performer.keys.confirm("rewind", 64)
    assert performer.keys.line == "gone back 64 beats, the highest: 999 is over it"
    performer.type(":undo\n")
    performer.keys.confirm("undo", True, {"temperature": 0.9, "hold": False})
    assert performer.keys.line == "took back the last change: temperature is 0.9, hold is off"
    performer.keys.confirm("rewind", 4)  # of the key, whatever was typed before
    assert performer.keys.line == "gone back 4 beats"


def test_the_ports_are_told() -> None:
    keys = TerminalKeys(
        lambda event, source: None, dict, lambda: True, lambda: None, lambda: "MIDI in: minilab (plays TR)"
    )
    for key in ":midi\n":
        keys.press(key, 0.0)
    assert keys.line == "MIDI in: minilab (plays TR)"


def test_lines_are_recalled_and_completed() -> None:
    performer = Performer()
    performer.type(":temp\t0.4\n:p2.role m\t\n:p2.role model\n")
    assert performer.values["temperature"] == 0.4
    performer.type(":\x1b[A")
    assert performer.keys.line == ":p2.role model"  # the same line twice is remembered once
    performer.type("\x1b[A\x1b[A\x1b[A")
    assert performer.keys.line == ":temperature 0.4"
    performer.type("\x1b[B")
    assert performer.keys.line == ":p2.role model"
    performer.type("\x1b[B")
    assert performer.keys.line == ":"
    performer.type("p2.\t")
    assert performer.keys.line == ":p2."  # many begin so
    performer.type("zz\t")
    assert performer.keys.line == ":p2.zz"


def test_a_line_can_be_mended_and_given_up() -> None:
    performer = Performer()
    performer.type(":temperature 0.55\x7f")
    assert performer.type("\r") == [SetControl("temperature", 0.5)]
    performer.type(":panic")
    assert performer.type("\x1b") == []
    assert (performer.keys.line, performer.n_quits) == ("", 0)
    performer.type(":" + "x" * 500)
    assert len(performer.keys.line) <= 81
    performer.type("\x7f" * 500)
    assert performer.keys.line == ""


def test_a_reply_fades() -> None:
    line = CommandLine().told("temperature is now 0.5", 10.0)
    assert line.shown(10.0 + 0.9 * REPLY_SECONDS) == "temperature is now 0.5"
    assert line.shown(10.0 + 1.1 * REPLY_SECONDS) == ""
    assert line.opened().shown(100.0) == ":"
