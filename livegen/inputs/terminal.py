"""The computer keyboard: keys that play, as in FamiTracker, and keys that control.

A terminal tells when a key goes down but not when it comes up. So a note lasts a fixed time, and longer while the
terminal repeats the key. The rows ``z s x d c v g b h n j m`` and ``q 2 w 3 e r 5 t 6 y 7 u i`` are two octaves.
"""

import contextlib
import os
import re
import select
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Final

from livegen.controls import CONTROLS, Value, Values, parse_value
from livegen.events import NoteOff, NoteOn, SetControl, Sink, SourceLost
from livegen.inputs.command_line import PROMPT, CommandLine, done, obey

SOURCE: Final = "terminal"
NOTE_SECONDS: Final = 0.3
"""How long a note lasts after its key was last seen. It is longer than the pause before a terminal repeats a key."""

_VELOCITY: Final = 100
_LOWEST_OCTAVE, _HIGHEST_OCTAVE = 1, 7
_LOWER_ROW: Final = "zsxdcvgbhnjm,l."
_UPPER_ROW: Final = "q2w3er5t6y7ui9o0p"
KEY_OFFSETS: Final[Mapping[str, int]] = {
    **{key: semitone for semitone, key in enumerate(_LOWER_ROW)},
    **{key: 12 + semitone for semitone, key in enumerate(_UPPER_ROW)},
}
"""Semitones above the C of the lower row, by key."""

_ESCAPE_SECONDS: Final = 0.05  # how long to wait after an escape for the rest of an arrow key
_TEMPERATURE_STEP: Final = 0.05
_UP, _DOWN, _RIGHT, _LEFT = "\x1b[A", "\x1b[B", "\x1b[C", "\x1b[D"
_KEY: Final = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1bO.|\x1b[^\x1b]|.", re.DOTALL)
_CAPTURE: Final = "k"
_ESCAPE, _TAB, _BACKSPACE, _ENTER = "\x1b", "\t", ("\x7f", "\b"), ("\r", "\n")

HELP: Final = (
    "z..m q..i play · ←→ octave · ↑↓ temperature · space start/stop · backspace panic · enter new song · "
    "k keep 8 bars · esc quit\n"
    ":p2.volume 0.5 and enter set any control · :learn p2.volume gives it a knob · :patch lead · :save gig · :help"
)


class TerminalKeys:
    """Keys of the terminal as an input.

    Parameters
    ----------
    sink : Sink
    values : callable
        Returns the controls in force.
    is_running : callable
        Tells whether the model plays.
    quit_session : callable
        Called when the user wants to leave.
    ports : callable
        Returns what is connected, in a sentence.

    Attributes
    ----------
    octave : int
        Octave of the lower row's C. Octave 4 begins with middle C.
    """

    def __init__(
        self,
        sink: Sink,
        values: Callable[[], Values],
        is_running: Callable[[], bool],
        quit_session: Callable[[], None],
        ports: Callable[[], str] = lambda: "",
    ) -> None:
        self._sink = sink
        self._values = values
        self._is_running = is_running
        self._quit = quit_session
        self._ports = ports
        self._until: dict[int, float] = {}  # when each sounding note is let go
        self._line = CommandLine()
        self._lock = threading.Lock()  # of the line, which another thread may give a reply
        self.octave = 4

    @property
    def is_usable(self) -> bool:
        """Whether there is a terminal to read keys from."""
        return os.name == "posix" and sys.stdin.isatty()

    @property
    def line(self) -> str:
        """The line that is being typed, with its colon, or for some seconds the reply to the last one."""
        return self._line.shown(time.monotonic())

    @property
    def is_typing(self) -> bool:
        """Whether a line is being typed."""
        return self._line.is_open

    @property
    def replied_seconds(self) -> float:
        """When the last reply was given, on the clock of `time.monotonic`."""
        return self._line.replied_seconds

    def confirm(self, name: str, value: Value, changed: Mapping[str, Value] = MappingProxyType({})) -> None:
        """Say that an action that was asked for here has been done, and what it has set; from any thread."""
        typed = self._line.remembered[-1] if self._line.remembered else ""
        sentence = done(name, value, typed, changed)
        if sentence:
            self._tell(sentence)

    def run(self, stop: threading.Event) -> None:
        """Read keys until `stop`."""
        with _raw_terminal():
            try:
                while not stop.is_set():
                    if select.select([sys.stdin], [], [], 0.01)[0]:
                        typed = os.read(sys.stdin.fileno(), 256)
                        if not typed:  # the terminal is closed
                            return
                        if typed.endswith(_ESCAPE.encode()) and select.select([sys.stdin], [], [], _ESCAPE_SECONDS)[0]:
                            typed += os.read(sys.stdin.fileno(), 256)  # the rest of an arrow, late over a network
                        for key in split_keys(typed.decode("utf-8", "ignore")):
                            self.press(key, time.monotonic())
                    self.release(time.monotonic())
            finally:
                self._sink(SourceLost(), SOURCE)

    def press(self, key: str, now_seconds: float) -> None:
        """Do what a key means."""
        if self._line.is_open:
            self._type(key)
        elif key == PROMPT:
            self._change(CommandLine.opened)
        elif key.lower() in KEY_OFFSETS:
            self._play(12 * (self.octave + 1) + KEY_OFFSETS[key.lower()], now_seconds)
        elif key in (_LEFT, _RIGHT):
            self.octave = min(max(self.octave + (1 if key == _RIGHT else -1), _LOWEST_OCTAVE), _HIGHEST_OCTAVE)
        elif key in (_UP, _DOWN):
            step = _TEMPERATURE_STEP if key == _UP else -_TEMPERATURE_STEP
            self._set("temperature", round(float(self._values()["temperature"]) + step, 2))
        elif key == " ":
            self._set("stop" if self._is_running() else "start", True)
        elif key in _BACKSPACE:
            self._set("panic", True)
        elif key in _ENTER:
            self._set("reset", True)
        elif key.lower() == _CAPTURE:
            self._set("capture", CONTROLS["capture"].default)
        elif key == _ESCAPE:
            self._quit()

    def release(self, now_seconds: float) -> None:
        """Let go of the notes whose time is over."""
        for note in [note for note, until in self._until.items() if until <= now_seconds]:
            del self._until[note]
            self._sink(NoteOff(0, note), SOURCE)

    def _type(self, key: str) -> None:
        if key in _ENTER:
            with self._lock:
                self._line, text = self._line.entered()
            reply = obey(text, self._values(), self._set, self._quit, self._ports)
            if reply:
                self._tell(reply)
        elif key == _ESCAPE:
            self._change(CommandLine.closed)
        elif key in _BACKSPACE:
            self._change(CommandLine.shortened)
        elif key == _TAB:
            self._change(CommandLine.completed)
        elif key in (_UP, _DOWN):
            self._change(lambda line: line.recalled(1 if key == _UP else -1))
        elif key.isprintable():
            self._change(lambda line: line.typed(key))

    def _tell(self, reply: str) -> None:
        self._change(lambda line: line.told(reply, time.monotonic()))

    def _change(self, changed: Callable[[CommandLine], CommandLine]) -> None:
        with self._lock:
            self._line = changed(self._line)

    def _play(self, note: int, now_seconds: float) -> None:
        if note not in self._until:
            self._sink(NoteOn(0, note, _VELOCITY), SOURCE)
        self._until[note] = now_seconds + NOTE_SECONDS

    def _set(self, name: str, value: Value) -> None:
        self._sink(SetControl(name, parse_value(name, value)), SOURCE)


def split_keys(text: str) -> Iterator[str]:
    """Yield the keys in what a terminal sent. A key of several characters begins with escape and is yielded whole.

    So no function key is taken for the escape key, which ends the session.
    """
    return (match.group() for match in _KEY.finditer(text))


@contextlib.contextmanager
def _raw_terminal() -> Iterator[None]:
    """Make the terminal hand on every key at once and show none.

    Ctrl-C still interrupts. Ctrl-Z and Ctrl-S, next to keys that play, neither suspend the music nor stop the screen.
    """
    import termios
    import tty

    before = termios.tcgetattr(sys.stdin)
    try:
        tty.setcbreak(sys.stdin)
        mode = termios.tcgetattr(sys.stdin)
        mode[0] &= ~termios.IXON
        mode[6][termios.VSUSP] = b"\0"
        termios.tcsetattr(sys.stdin, termios.TCSANOW, mode)
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)
