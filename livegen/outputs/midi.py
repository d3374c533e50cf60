"""MIDI out: the model's voices as notes on channels 1, 2, 3 and 10, each at the time of its frame.

`frame_messages` says what a frame means in MIDI and is pure; `MidiOutput` sends it when it is due. What the
performer plays does not leave here: it came by MIDI.
"""

import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from heapq import heappop, heappush
from typing import Final, Protocol

import mido
import numpy as np
from numpy.typing import NDArray

from livegen.errors import PortError
from livegen.midi_ports import EchoFilter
from livegen.score import MIDI_CHANNEL, N_VOICES, Column, Voice, is_onset
from livegen.score_table import MODEL, RELEASE_AFTER_FRAMES, PlannedFrame, read_frame
from livegen.units import FRAME_RATE_HZ, volume_to_velocity

DRUM_KEYS: Final[dict[int, int]] = {
    **{1: 35, 2: 36},  # bass drums
    **{3: 41, 4: 43, 5: 45},  # low toms
    **{6: 48, 7: 50},  # high toms
    **{8: 40, 9: 38, 10: 39},  # snares and clap
    **{11: 49, 12: 46, 13: 51},  # crash, open hi-hat, ride
    **{14: 42, 15: 44, 16: 70},  # closed hi-hat, pedal hi-hat, maracas
}
"""General MIDI drum key by noise note; where `livegen.score.DRUM_NOTES` knows the note, its inverse."""

TRIANGLE_VELOCITY: Final = 100
"""Velocity of TR, which has no volume."""

_ALL_NOTES_OFF: Final = 123
_CHECK_SECONDS: Final = 1.0
_IDLE_SECONDS: Final = 0.01
_NO_MUTES: Final = (False,) * N_VOICES


@dataclass(frozen=True, slots=True)
class VoiceState:
    """What a voice did last.

    Attributes
    ----------
    note, volume : int
        Of its last frame; 0 is silence.
    key : int or None
        MIDI key that sounds.
    is_hushed : bool
        Silenced by hand: stays so until the next onset.
    """

    note: int = 0
    volume: int = 0
    key: int | None = None
    is_hushed: bool = False


@dataclass(frozen=True, slots=True)
class OutputState:
    """What all voices did last, and how many frames in a row were missing."""

    voices: tuple[VoiceState, ...] = field(default=(VoiceState(),) * N_VOICES)
    missing: int = 0


class Sender(Protocol):
    """What `MidiOutput` needs of a port; `livegen.midi_ports.OutputPort` is one."""

    def send(self, message: list[int]) -> None:
        """Send one message or raise `PortError`."""

    def check(self) -> bool:
        """Open the port again if it went; True if it is open."""

    def close(self) -> None:
        """Close the port."""


TimeOfFrame = Callable[[int], float]
"""`time.perf_counter` seconds at which a frame begins to sound; NaN while the clock does not run yet."""


def frame_messages(
    state: OutputState, planned: PlannedFrame | None, muted: Sequence[bool] = _NO_MUTES
) -> tuple[OutputState, list[mido.Message]]:
    """Return the messages of one frame and the state after it.

    Parameters
    ----------
    state : OutputState
    planned : PlannedFrame or None
        The frame that begins now; None if it is missing, which holds the notes for half a second.
    muted : sequence of bool
        Voices that send nothing.

    Returns
    -------
    OutputState
    list of mido.Message
        In the order of the voices. `time` is when the message is due, in seconds since the frame began; an early
        onset makes it negative.
    """
    if planned is None:
        state = replace(state, missing=state.missing + 1)
        return release(state) if state.missing == RELEASE_AFTER_FRAMES else (state, [])
    voices, messages = [], []
    for voice in Voice:
        after, sent = voice_messages(voice, state.voices[voice], planned, is_muted=muted[voice])
        voices.append(after)
        messages += sent
    return OutputState(tuple(voices)), messages


def voice_messages(
    voice: Voice, before: VoiceState, planned: PlannedFrame, *, is_muted: bool = False
) -> tuple[VoiceState, list[mido.Message]]:
    """Return one voice's messages of a frame and its state after it; see `frame_messages`."""
    if planned.owner[voice] != MODEL or is_muted:
        note = volume = 0
    else:
        note, volume = int(planned.frame[voice, Column.NOTE]), int(planned.frame[voice, Column.VOLUME])
    is_audible = note > 0 and (volume > 0 or voice is Voice.TR)
    attacks = is_audible and is_onset(before.note, before.volume, note, volume)
    is_hushed = before.is_hushed and is_audible and not attacks
    # a note that rises from volume 0 too slowly to be an onset begins too
    begins = attacks or (is_audible and before.key is None and not is_hushed)
    if not begins and (is_audible or before.key is None):
        return VoiceState(note, volume, before.key, is_hushed), []
    at = float(planned.onset_offset[voice]) / FRAME_RATE_HZ
    messages = [_note_off(voice, before.key, at)] if before.key is not None else []
    key = _key(voice, note) if begins else None
    if key is not None:
        velocity = TRIANGLE_VELOCITY if voice is Voice.TR else volume_to_velocity(volume)
        messages.append(mido.Message("note_on", channel=MIDI_CHANNEL[voice], note=key, velocity=velocity, time=at))
    return VoiceState(note, volume, key), messages


def release(state: OutputState) -> tuple[OutputState, list[mido.Message]]:
    """Return the messages that end every note, and the state after it: each voice begins anew with its next frame."""
    messages = [_note_off(voice, key) for voice in Voice if (key := state.voices[voice].key) is not None]
    return OutputState(missing=state.missing), messages


def hush(state: OutputState) -> tuple[OutputState, list[mido.Message]]:
    """Return the messages that end every note, and the state after it: each voice waits for its next onset."""
    _, messages = release(state)
    voices = tuple(replace(voice, key=None, is_hushed=True) for voice in state.voices)
    return OutputState(voices, state.missing), messages


class MidiOutput:
    """Sends the model's voices to a MIDI port, at the time at which they sound.

    Parameters
    ----------
    port : Sender
        Open; closed by `close`.
    table : ndarray of TABLE, shape (1,)
        The score table; read only.
    time_of_frame : callable
        When a frame sounds; called on the thread that runs `run`.
    muted : callable
        Returns four bools, True for a voice that sends nothing.
    echo : EchoFilter, optional
        Told what is sent, so that the inputs know it when it comes back.

    Attributes
    ----------
    sent, errors, missing_frames, skipped_frames : int
        Messages sent; messages that the port refused; frames that were not in the table in time; frames passed over
        because the thread was late by more than a frame.

    Notes
    -----
    One thread calls `run`; any may call `silence`; `close` is called after `run` has ended.
    """

    def __init__(
        self,
        port: Sender,
        table: NDArray[np.void],
        time_of_frame: TimeOfFrame,
        *,
        muted: Callable[[], Sequence[bool]] = lambda: _NO_MUTES,
        echo: EchoFilter | None = None,
    ) -> None:
        self._port = port
        self._table = table
        self._time_of_frame = time_of_frame
        self._muted = muted
        self._echo = echo
        self._lock = threading.Lock()  # over the port, the state and what is pending
        self._state = OutputState()
        self._pending: list[tuple[float, int, mido.Message]] = []
        self._n_queued = 0
        self._sounding: set[tuple[int, int]] = set()  # channel and key of every note_on without its note_off
        self._ended: set[tuple[int, int]] = set()  # and of the note_offs since the port was last seen to be there
        self._early: tuple[int, frozenset[Voice]] = (-1, frozenset())
        self._is_open = True
        self.sent = self.errors = self.missing_frames = self.skipped_frames = 0
        read_frame(table, 0)  # compiles what the thread will call
        is_onset(0, 0, 0, 0)

    def run(self, stop: threading.Event) -> None:
        """Send until `stop`, then release every note, as after any exception."""
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

    def silence(self) -> None:
        """End every note at once; each voice stays silent until its next onset."""
        with self._lock:
            self._pending.clear()
            self._state, _ = hush(self._state)
            self._send(self._notes_off())

    def close(self) -> None:
        """Release every note and close the port; calling it again does nothing."""
        self._release_all()
        with self._lock:
            self._is_open = False
            self._port.close()

    def _frames(self, stop: threading.Event) -> Iterator[int]:
        """Yield each frame when it begins to sound; frames that are over already are passed over."""
        frame_index = -1
        while not stop.is_set():
            now = time.perf_counter()
            current = self._frame_at(now)
            if current is None:
                stop.wait(_IDLE_SECONDS)
                continue
            if frame_index >= 0 and current > frame_index + 1:
                self.skipped_frames += current - frame_index - 1
            if current > frame_index:
                frame_index = current
                yield frame_index
            else:  # the fit between the clocks moved back a little
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
        self.missing_frames += planned is None
        muted = self._muted()
        with self._lock:
            early = self._early[1] if self._early[0] == frame_index else frozenset()
            if planned is None:
                self._state, messages = frame_messages(self._state, None)
                self._queue(messages, frame_index)
            else:
                self._state = replace(self._state, missing=0)
                self._advance([voice for voice in Voice if voice not in early], planned, muted)
            following = read_frame(self._table, frame_index + 1)
            if following is not None:  # a frame with an early onset is committed by now
                ahead = [voice for voice in Voice if following.onset_offset[voice] < 0]
                self._advance(ahead, following, muted)
                self._early = frame_index + 1, frozenset(ahead)

    def _advance(self, voices: list[Voice], planned: PlannedFrame, muted: Sequence[bool]) -> None:
        states = list(self._state.voices)
        for voice in voices:
            states[voice], messages = voice_messages(voice, states[voice], planned, is_muted=muted[voice])
            self._queue(messages, planned.frame_index)
        self._state = replace(self._state, voices=tuple(states))

    def _queue(self, messages: list[mido.Message], frame_index: int) -> None:
        begin = self._time_of_frame(frame_index)
        for message in messages:
            # a voice's messages leave in its own order, whatever the offsets of its onsets say
            earlier = (due for due, _, other in self._pending if other.channel == message.channel)
            after = max(earlier, default=-math.inf)
            self._n_queued += 1
            heappush(self._pending, (max(begin + message.time, after), self._n_queued, message))

    def _send_until(self, end: float, stop: threading.Event) -> None:
        """Send what is due before `end`, each at its time, and return at `end`."""
        if not math.isfinite(end):
            end = time.perf_counter() + _IDLE_SECONDS
        while not stop.is_set():
            with self._lock:
                now = time.perf_counter()
                while self._pending and self._pending[0][0] <= now:
                    self._send([heappop(self._pending)[2]])
                wake = min(self._pending[0][0] if self._pending else end, end)
            remaining = wake - time.perf_counter()
            if wake == end and not remaining > 0:
                return
            _wait(remaining, stop)

    def _send(self, messages: list[mido.Message]) -> None:
        """Send now; the caller holds the lock. If the port fails, all that it sounds is lost."""
        if not self._is_open:
            return
        for message in messages:
            data = message.bytes()
            try:
                if self._echo is not None:
                    self._echo.sent(data, time.perf_counter())
                self._port.send(data)
                self.sent += 1
                self._remember(message)
            except PortError:
                self.errors += 1
                self._lose()
                return

    def _lose(self) -> None:
        self._is_open = False
        self._pending.clear()
        self._state = OutputState()

    def _check_port(self) -> None:
        with self._lock:
            was_open = self._is_open
            self._is_open = self._port.check()
            if was_open and self._is_open:
                self._ended.clear()
            elif was_open:
                self.errors += 1
                self._lose()
            elif self._is_open:
                self._state = OutputState()  # what is on in the middle of the song begins with the next frame
                self._sounding |= self._ended  # what sounded when the port went may sound still
                self._send(self._notes_off())

    def _remember(self, message: mido.Message) -> None:
        if message.type == "note_on":
            self._sounding.add((message.channel, message.note))
        elif message.type == "note_off":
            self._sounding.discard((message.channel, message.note))
            self._ended.add((message.channel, message.note))

    def _notes_off(self) -> list[mido.Message]:
        """Return the messages that end whatever was sent, also notes whose end was queued and will not leave."""
        ends = [
            mido.Message("note_off", channel=channel, note=key, velocity=0) for channel, key in sorted(self._sounding)
        ]
        return ends + _channels_off()

    def _release_all(self) -> None:
        with self._lock:
            self._pending.clear()
            self._state, _ = release(self._state)
            self._send(self._notes_off())


def _wait(seconds: float, stop: threading.Event) -> None:
    """Sleep until about 0.2 ms before the end, or shortly if that is near; `stop` cuts a long sleep short."""
    if seconds > 0.002:
        stop.wait(seconds - 0.001)
    elif seconds > 0:
        time.sleep(min(seconds, 0.0002))


def _key(voice: Voice, note: int) -> int:
    return DRUM_KEYS[note] if voice is Voice.NO else note


def _note_off(voice: Voice, key: int, at: float = 0.0) -> mido.Message:
    return mido.Message("note_off", channel=MIDI_CHANNEL[voice], note=key, velocity=0, time=at)


def _channels_off() -> list[mido.Message]:
    return [
        mido.Message("control_change", channel=channel, control=_ALL_NOTES_OFF, value=0)
        for channel in MIDI_CHANNEL.values()
    ]
