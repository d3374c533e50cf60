"""MIDI output: sends the messages of the score and of the performer's keys, each at the time at which it sounds.

`livegen.outputs.midi_messages` says what to send, `livegen.outputs.midi_settings` how. `MidiOutput` is one port.
"""

import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from heapq import heapify, heappop, heappush
from typing import Final, Protocol

import mido
import numpy as np
from numpy.typing import NDArray

from livegen.errors import PortError
from livegen.outputs.beats import NEVER_COUNTED
from livegen.outputs.midi_beat import ClockState, click_messages, clock_messages
from livegen.outputs.midi_messages import (
    ALL_CHANNELS,
    KeyBook,
    OutputState,
    ThruKey,
    farewell_messages,
    frame_messages,
    hush,
    panic_messages,
    release,
    thru_messages,
    voice_messages,
)
from livegen.outputs.midi_settings import MidiOutSettings
from livegen.score import N_VOICES, Voice, is_onset
from livegen.score_table import PlannedFrame, read_frame
from livegen.system.midi_echo import EchoFilter
from livegen.system.midi_names import is_same_device
from livegen.units import FRAME_RATE_HZ

_CHECK_SECONDS: Final = 0.5
_IDLE_SECONDS: Final = 0.01
_REPEAT_SECONDS: Final = 1.0
"""After an xrun, notes that have ended this lately are ended once more: it may have been in any cycle since, and it is
told late."""

_CLOCK_LANE, _METRONOME_LANE = -1, -2  # the lanes of the voices are 0 to 3
_NO_MUTES: Final = (False,) * N_VOICES
_PLAIN: Final = MidiOutSettings()
_SYSTEM: Final = 0xF0  # from here on a status is not told to the echo filter: others may send a clock too
_RANKS: Final = {"note_off": 0, "note_on": 2}  # of messages due at the same time, note_offs leave first


class Sender(Protocol):
    """What `MidiOutput` needs of a port; `livegen.system.midi_ports.OutputPort` is one."""

    @property
    def name(self) -> str:
        """Name of the port that it is connected with."""

    @property
    def n_xruns(self) -> int:
        """How often what was sent may have reached nobody."""

    def send(self, message: list[int]) -> None:
        """Send one message or raise `PortError`."""

    def check(self) -> bool:
        """Open the port again if it went; True if it is open."""

    def close(self) -> None:
        """Close the port."""


TimeOfFrame = Callable[[int], float]
"""`time.perf_counter` seconds at which a frame begins to sound; NaN while the clock does not run yet."""


class MidiOutput:
    """Sends the model's voices to a MIDI port, at the time at which they sound, and the performer's keys at once.

    Parameters
    ----------
    port : Sender
        Open; closed by `close`.
    table : ndarray of TABLE, shape (1,)
        The score table; read only.
    time_of_frame : callable
        Returns when a frame sounds. Called on the thread that runs `run`.
    settings : MidiOutSettings
    muted : callable
        Returns four bools, True for a voice that sends nothing.
    held : callable
        Returns the keys that the performer holds, for `follow_keys`; called on the thread that runs `run`.
    is_running : callable
        Returns whether the model plays. The MIDI clock's start and stop follow this.
    has_metronome : callable
        Returns whether the metronome is on. It sounds only if the settings give it a channel.
    echo : EchoFilter, optional
        Told what is sent, so that the inputs recognise it when it comes back.

    Attributes
    ----------
    sent, errors, skipped_frames : int
        Messages sent; messages that the port refused; frames passed over because the thread was late by more than a
        frame.

    Notes
    -----
    One thread calls `run`, and only this thread sends. So any thread may call `panic`, `follow_keys`, `change` or
    `leave` without waiting for a driver. `close` must be called after `run` has ended.
    """

    def __init__(
        self,
        port: Sender,
        table: NDArray[np.void],
        time_of_frame: TimeOfFrame,
        *,
        settings: MidiOutSettings = _PLAIN,
        muted: Callable[[], Sequence[bool]] = lambda: _NO_MUTES,
        held: Callable[[], Sequence[ThruKey]] = lambda: (),
        is_running: Callable[[], bool] = lambda: True,
        has_metronome: Callable[[], bool] = lambda: True,
        echo: EchoFilter | None = None,
    ) -> None:
        self.settings = settings
        self._port = port
        self._table = table
        self._time_of_sound = time_of_frame
        self._muted = muted
        self._held = held
        self._is_running = is_running
        self._has_metronome = has_metronome
        self._echo = echo
        self._lock = threading.Lock()  # over the port, the state and what is pending
        self._woken = threading.Event()
        self._panic_channels: tuple[int, ...] | None = None  # asked for and not yet sent
        self._next_settings: MidiOutSettings | None = None  # asked for and not yet in force
        self._is_leaving = False
        self._state = OutputState()
        self._thru: Sequence[ThruKey] = ()
        self._clock = ClockState()
        self._next_beat = NEVER_COUNTED
        self._pending: list[tuple[float, int, int, mido.Message]] = []
        self._last_due: dict[int, tuple[float, int]] = {}  # of each voice, what was queued last
        self._n_queued = 0
        self._book = KeyBook()
        self._unsure: set[tuple[int, int]] = set()  # keys that were sent since the port was last seen to be there
        self._ended: dict[tuple[int, int], float] = {}  # when keys came up lately
        self._n_xruns = port.n_xruns
        self._early: tuple[int, frozenset[Voice]] = (-1, frozenset())
        self._is_open = True
        self.sent = self.errors = self.skipped_frames = 0
        read_frame(table, 0)  # compiles what the thread will call
        is_onset(0, 0, 0, 0)

    @property
    def name(self) -> str:
        """Name of the port, or what it is to have in its name where it was never there."""
        return self._port.name or str(self.settings.port)

    def run(self, stop: threading.Event) -> None:
        """Send until `stop`, or until told to leave. Then, or after an exception, release every note."""
        try:
            next_check = time.perf_counter() + _CHECK_SECONDS
            for frame_index in self._frames(stop):
                self._begin_frame(frame_index)
                self._send_until(self._time_of_frame(frame_index + 1), stop)
                if time.perf_counter() >= next_check:
                    self._check_port()
                    next_check = time.perf_counter() + _CHECK_SECONDS
        finally:
            self._release_all()
            if self._is_leaving:
                self.close()

    def panic(self, *, everywhere: bool = False) -> None:
        """End every note at once; each voice stays silent until its next onset.

        Parameters
        ----------
        everywhere : bool
            Whether all sixteen channels are silenced, and not only those in use.
        """
        self._panic_channels = ALL_CHANNELS if everywhere else self._panic_channels or self.settings.channels
        self._woken.set()

    def follow_keys(self) -> None:
        """Send what has changed in the keys that the performer holds, where the settings ask for that."""
        if self.settings.thru:
            self._woken.set()

    def change(self, settings: MidiOutSettings) -> None:
        """Play on with other settings of the same port, after every note has ended."""
        self._next_settings = settings
        self._woken.set()

    def leave(self) -> None:
        """Let `run` end, and the port be closed."""
        self._is_leaving = True
        self._woken.set()

    def close(self) -> None:
        """Release every note and close the port; calling it again does nothing."""
        self._release_all()
        with self._lock:
            self._is_open = False
            self._port.close()

    def _time_of_frame(self, frame_index: int) -> float:
        return self._time_of_sound(frame_index) + self.settings.offset_ms / 1000.0

    def _frames(self, stop: threading.Event) -> Iterator[int]:
        """Yield each frame when it begins to sound. Frames that are over already are skipped."""
        frame_index = -1
        while not (stop.is_set() or self._is_leaving):
            now = time.perf_counter()
            current = self._frame_at(now)
            if current is None:
                self._send_until(now + _IDLE_SECONDS, stop)
                continue
            if frame_index >= 0 and current > frame_index + 1:
                self.skipped_frames += current - frame_index - 1
            if current > frame_index:
                frame_index = current
                yield frame_index
            else:  # the estimate of when frames sound moved back a little
                self._send_until(self._time_of_frame(frame_index + 1), stop)

    def _frame_at(self, now: float) -> int | None:
        """Return the frame that sounds at a time, None before the first."""
        origin = self._time_of_frame(0)
        if not math.isfinite(origin) or now < origin:
            return None
        frame_index = math.floor((now - origin) * FRAME_RATE_HZ)
        while self._time_of_frame(frame_index + 1) <= now:
            frame_index += 1
        while frame_index > 0 and self._time_of_frame(frame_index) > now:
            frame_index -= 1
        return frame_index

    def _begin_frame(self, frame_index: int) -> None:
        """Queue the frame's messages, and those of the next one that are early."""
        planned = read_frame(self._table, frame_index)
        muted = self._muted()
        with self._lock:
            early = self._early[1] if self._early[0] == frame_index else frozenset()
            if planned is None:
                sounding = [voice for voice in Voice if self._state.voices[voice].key is not None]
                self._state, ends = frame_messages(self._state, None, settings=self.settings)
                for voice, message in zip(sounding, ends, strict=False):
                    self._queue(message, frame_index, voice)
            else:
                self._state = replace(self._state, missing=0)
                self._advance([voice for voice in Voice if voice not in early], planned, muted)
                self._keep_beat(planned)
            following = read_frame(self._table, frame_index + 1)
            if following is not None:  # a frame with an early onset is committed by now
                ahead = [voice for voice in Voice if following.onset_offset[voice] < 0]
                self._advance(ahead, following, muted)
                self._early = frame_index + 1, frozenset(ahead)

    def _advance(self, voices: list[Voice], planned: PlannedFrame, muted: Sequence[bool]) -> None:
        states = list(self._state.voices)
        for voice in voices:
            states[voice], messages = voice_messages(
                voice, states[voice], planned, is_muted=muted[voice], settings=self.settings
            )
            for message in messages:
                self._queue(message, planned.frame_index, voice)
        self._state = replace(self._state, voices=tuple(states))

    def _keep_beat(self, planned: PlannedFrame) -> None:
        """Queue what falls on the beat."""
        if self.settings.clock:
            self._clock, messages = clock_messages(self._clock, planned.beat, is_running=self._is_running())
            for message in messages:
                self._queue(message, planned.frame_index, _CLOCK_LANE)
        if self.settings.metronome is not None:
            self._next_beat, messages = click_messages(
                self._next_beat, planned.beat, self.settings.metronome, is_on=self._has_metronome()
            )
            for message in messages:
                self._queue(message, planned.frame_index, _METRONOME_LANE)

    def _queue(self, message: mido.Message, frame_index: int, lane: int) -> None:
        """Queue a message. Messages of one lane leave in the order in which they were queued, whatever their times."""
        entry = self._time_of_frame(frame_index) + message.time, _RANKS.get(message.type, 1)
        last = self._last_due.get(lane, entry)
        if entry < last:
            entry = math.nextafter(last[0], math.inf), entry[1]
        self._last_due[lane] = entry
        self._n_queued += 1
        heappush(self._pending, (*entry, self._n_queued, message))

    def _send_until(self, end: float, stop: threading.Event) -> None:
        """Send what is due before `end`, each message at its time, and what other threads ask for. Return at `end`."""
        if not math.isfinite(end):
            end = time.perf_counter() + _IDLE_SECONDS
        while not (stop.is_set() or self._is_leaving):
            with self._lock:
                self._woken.clear()
                self._obey()
                if self._port.n_xruns != self._n_xruns:
                    self._end_again()
                now = time.perf_counter()
                while self._pending and self._pending[0][0] <= now:
                    self._send([heappop(self._pending)[-1]])
                wake = min(self._pending[0][0] if self._pending else end, end)
            remaining = wake - time.perf_counter()
            if wake == end and not remaining > 0:
                return
            _wait(remaining, self._woken)

    def _obey(self) -> None:
        """Do what other threads asked for. The caller holds the lock."""
        settings, self._next_settings = self._next_settings, None
        if settings is not None:
            self._release_notes()
            self.settings, self._state = settings, OutputState()  # notes of the song begin again with the next frame
        channels, self._panic_channels = self._panic_channels, None
        if channels is not None:
            self._pending = [each for each in self._pending if each[-1].type not in _RANKS]
            heapify(self._pending)
            self._state, _ = hush(self._state, self.settings)
            self._send_as_is(self._book.clear() + panic_messages(channels))
        if self.settings.thru and self._is_open:
            held = tuple(key for key in self._held() if not is_same_device(key.source, self._port.name))
            messages = thru_messages(self._thru, held, self.settings)
            self._thru = held
            self._send(messages, is_thru=True)

    def _end_again(self) -> None:
        """Repeat the ends of notes that may have reached nobody, so that none hangs. The caller holds the lock."""
        self._n_xruns = self._port.n_xruns
        since = time.perf_counter() - _REPEAT_SECONDS
        self._ended = {place: at for place, at in self._ended.items() if at >= since}
        self._send_as_is([_note_off(*place) for place in self._ended.keys() - set(self._book.on)])

    def _send(self, messages: list[mido.Message], *, is_thru: bool = False) -> None:
        """Send now what the book of keys admits. The caller holds the lock."""
        for message in messages:
            self._send_as_is(self._book.admit(message), is_thru=is_thru)

    def _send_as_is(self, messages: list[mido.Message], *, is_thru: bool = False) -> None:
        """Send now. The caller holds the lock. If the port fails, forget what sounds and what is queued."""
        for message in messages:
            if not self._is_open:
                return
            data = message.bytes()
            try:
                if self._echo is not None and data[0] < _SYSTEM:
                    self._echo.sent(data, time.perf_counter(), is_thru=is_thru)
                if message.type in ("note_on", "note_off"):
                    self._unsure.add((message.channel, message.note))
                self._port.send(data)
                self.sent += 1
                if message.type == "note_off":
                    self._ended[message.channel, message.note] = time.perf_counter()
            except PortError:
                self.errors += 1
                self._lose()

    def _lose(self) -> None:
        self._is_open = False
        self._forget_pending()
        self._unsure |= set(self._book.on)  # what sounded when the port went may sound still
        self._book.clear()
        self._state, self._thru, self._clock = OutputState(), (), ClockState()

    def _check_port(self) -> None:
        with self._lock:
            was_open = self._is_open
            self._is_open = self._port.check()
            if was_open and self._is_open:
                self._unsure.clear()
            elif was_open:
                self.errors += 1
                self._lose()
            elif self._is_open:  # the port is back; notes of the song begin again with the next frame
                ends = [_note_off(channel, key) for channel, key in sorted(self._unsure)]
                self._unsure.clear()
                self._send_as_is(ends + farewell_messages(self._state, self.settings))

    def _forget_pending(self) -> None:
        self._pending.clear()
        self._last_due.clear()

    def _release_all(self) -> None:
        with self._lock:
            self._release_notes()

    def _release_notes(self) -> None:
        """End every note that was sent, also those whose note_off was still queued, and empty the queue.

        The caller holds the lock.
        """
        self._forget_pending()
        farewell = farewell_messages(self._state, self.settings)
        self._state, _ = release(self._state, self.settings)
        self._thru = ()
        stop, self._clock = [mido.Message("stop")] if self._clock.is_started else [], ClockState()
        self._send_as_is(stop + self._book.clear() + farewell)


def _wait(seconds: float, woken: threading.Event) -> None:
    """Sleep until about 1 ms before the end, or up to 0.2 ms if that is near. `woken` cuts a long sleep short."""
    if seconds > 0.002:
        woken.wait(min(seconds - 0.001, _LONGEST_SLEEP_SECONDS))
    elif seconds > 0:
        time.sleep(min(seconds, 0.0002))


_LONGEST_SLEEP_SECONDS: Final = 0.02
"""Longest single sleep: the end of the session is noticed after this time at the latest."""


def _note_off(channel: int, key: int) -> mido.Message:
    return mido.Message("note_off", channel=channel, note=key, velocity=0)
