"""The performer of a soak: a process with a keyboard and a MIDI listener on JACK, and a clock that it sends.

It is a process of its own because python-rtmidi holds the whole interpreter while it closes a port whose JACK server
has died. So when the server dies, this process dies with it, as devices do that lose their power.
"""

import contextlib
import math
import os
import random
import subprocess
import sys
import time
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Final

import jack
from jack_keyboard import Keyboard
from jack_midi import MidiListener

PORT_IN: Final = "keyboard"
PORT_OUT: Final = "listener"
_SOUND: Final = "PortAudio:out_.*"
_CHANNEL: Final = 0  # of P1, the performer's voice
_OTHERS: Final = tuple(channel for channel in range(16) if channel != _CHANNEL)
_KEYS: Final = range(48, 84)
_MOST_HELD: Final = 3
_STRIKE_SECONDS: Final = 0.15
_WHEEL_SECONDS: Final = 0.01
_TICK_SECONDS: Final = 60 / (24 * 120)
_TURN_SECONDS: Final = 0.002
_MOST_LATE_SECONDS: Final = 0.1
_CLOCK_TICK: Final = 0xF8
_PATIENCE_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class Heard:
    """What the performer has heard on livegen's MIDI output so far.

    Attributes
    ----------
    n_keys, n_notes : int
        Notes that have begun: on the performer's channel, and on the others.
    hanging : frozenset of int
        Keys that sound on the performer's channel.
    is_sound_connected : bool
        Whether livegen's sound goes to the JACK server's device.
    """

    n_keys: int
    n_notes: int
    hanging: frozenset[int]
    is_sound_connected: bool


class Performer:
    """The handle of a performer's process.

    Parameters
    ----------
    seed : int
        Of what it plays.
    """

    def __init__(self, seed: int) -> None:
        self._pipe, theirs = Pipe()
        call = f"import soak_performer; soak_performer.perform({theirs.fileno()}, {seed})"
        paths = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        self._process = subprocess.Popen([sys.executable, "-c", call], env=paths, pass_fds=[theirs.fileno()])
        theirs.close()
        self.listen()

    def let(self, **switches: bool) -> None:
        """Switch on or off what it does, `plays` keys and wheels or `ticks`, or has, a `keyboard` or a `listener`."""
        self._pipe.send(switches)

    def listen(self) -> Heard:
        """Return what it has heard."""
        self._pipe.send(None)
        if not self._pipe.poll(_PATIENCE_SECONDS):
            raise SystemExit("the performer does not answer: is JACK there?")
        heard: Heard = self._pipe.recv()
        return heard

    def end(self) -> None:
        """End it at once: its ports vanish."""
        self._process.kill()
        self._process.wait()


def perform(pipe_number: int, seed: int) -> None:
    """Be the performer, until the other end of a pipe closes."""
    pipe, hands = Connection(pipe_number), _Hands(seed)
    with contextlib.suppress(EOFError, OSError):
        while True:
            while pipe.poll():
                switches = pipe.recv()
                if switches is None:
                    pipe.send(hands.listen())
                else:
                    for name, is_on in switches.items():
                        hands.switch(name, is_on=is_on)
            hands.play(time.monotonic())
            time.sleep(_TURN_SECONDS)


class _Hands:
    """What the process does: it plays, sends a clock, and hears."""

    def __init__(self, seed: int) -> None:
        self._dice = random.Random(seed)
        self._keyboard = Keyboard()
        self._listener = MidiListener(PORT_OUT)
        self._patch_bay = jack.Client("patch bay", no_start_server=True)
        self._plays = self._ticks = False
        self._has_keyboard = True
        self._held: list[int] = []
        self._strike, self._wheel, self._tick = _Beat(_STRIKE_SECONDS), _Beat(_WHEEL_SECONDS), _Beat(_TICK_SECONDS)

    def switch(self, name: str, *, is_on: bool) -> None:
        """Do what `Performer.let` says."""
        match name:
            case "plays":
                self._plays = is_on
                if self._has_keyboard and not is_on:
                    self._let_go(0)
            case "ticks":
                self._ticks = is_on
            case "keyboard":
                self._has_keyboard = is_on
                (self._keyboard.plug_in if is_on else self._keyboard.unplug)()
                self._held.clear()
            case "listener":
                (self._listener.plug_in_midi if is_on else self._listener.unplug_midi)()

    def listen(self) -> Heard:
        """Return what has come so far, and whether the sound is there."""
        n_keys, n_notes = self._listener.n_notes([_CHANNEL]), self._listener.n_notes(_OTHERS)
        hanging = frozenset(key for channel, key in self._listener.hanging() if channel == _CHANNEL)
        return Heard(n_keys, n_notes, hanging, self._is_sound_connected())

    def _is_sound_connected(self) -> bool:
        outputs = self._patch_bay.get_ports(_SOUND, is_audio=True)
        return any(self._patch_bay.get_all_connections(port) for port in outputs)

    def play(self, now: float) -> None:
        """Hear what has come, and send what is due at a time of `time.monotonic`."""
        self._listener.take()
        if not self._has_keyboard:
            return
        while self._tick.is_due(now):
            if self._ticks:
                self._keyboard.send(_CLOCK_TICK)
        is_wheel_due, is_key_due = self._wheel.is_due(now), self._strike.is_due(now)
        if self._plays and is_wheel_due:
            turn = round(63 * math.sin(2 * math.pi * now))
            self._keyboard.send(0xE0 | _CHANNEL, 0, 64 + turn)
            self._keyboard.send(0xB0 | _CHANNEL, 1, 64 - turn)
        if self._plays and is_key_due:
            self._let_go(_MOST_HELD - 1)
            key = self._dice.choice([key for key in _KEYS if key not in self._held])
            self._held.append(key)
            self._keyboard.send(0x90 | _CHANNEL, key, self._dice.randrange(1, 128))

    def _let_go(self, n_kept: int) -> None:
        while len(self._held) > n_kept:
            self._keyboard.send(0x80 | _CHANNEL, self._held.pop(0), 0)


class _Beat:
    """Something that is due again and again; after a pause it does not make up for more than a moment."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._next = time.monotonic()

    def is_due(self, now: float) -> bool:
        """Tell whether it is due, once for each time."""
        if now < self._next:
            return False
        self._next = max(self._next + self._seconds, now - _MOST_LATE_SECONDS)
        return True
