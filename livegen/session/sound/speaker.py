"""The speaker lets the sound card play the callback, or the null clock while there is no card.

A device that asks for no block for a moment, because it was unplugged, its server has ended or it hangs, is detached.
The null clock takes over at once and plays what was missed: frames go on by the wall clock, the music goes on as MIDI,
and no frame is late. When the device asks for blocks again it is attached again, a block ahead of the wall clock, so
that time never goes back. If it does not, its driver is ended, and the same device is tried again and again.
"""

import time
from collections.abc import Callable
from threading import Event, Thread
from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.outputs.audio import NULL_BLOCK_SAMPLES, NullStream, skip
from livegen.outputs.callback import attach, detach
from livegen.outputs.devices import NULL
from livegen.session.clock import AudioClock
from livegen.session.sound.card import Card
from livegen.system.threads import raise_priority

_TICK_SECONDS: Final = 0.05
_SHORT_TICK_SECONDS: Final = 0.01  # while the null clock plays
_SILENT_SECONDS: Final = 0.15
"""A device that asks for no block for this long is detached: the frames that are planned last for thrice as long."""

_LOST_SECONDS: Final = 1.0
_DRIVER_SECONDS: Final = 10.0
"""A driver that says nothing for this long, while it looks for a device, hangs."""

_LAST_BLOCK_SECONDS: Final = 0.005
"""How long a block that has just begun may take to be filled."""

_LEAST_BLOCK_SAMPLES: Final = 128  # shorter ones would keep the interpreter busy
_LONGEST_SKIP_SECONDS: Final = 0.4  # more than this is not planned ahead
_FADE_SECONDS: Final = 0.2  # longest wait for the ramp at the end
_RAMP_SECONDS: Final = 0.02


class Speaker:
    """Plays a callback on a device while the device works, and else on the null clock.

    Parameters
    ----------
    callback : ndarray of CALLBACK, shape (1,)
        In the memory of the card, if there is one.
    card : Card or None
        Its device is opened; it must be closed after `stop`. None is the null device.
    block_samples : int
        Samples a block, 0 for what the device prefers.
    latency_seconds : float or None
        Measured latency of the device; None takes what the device says.

    Attributes
    ----------
    losses : int
        How often the device was lost.
    say : callable
        Called with a sentence when the device is lost, and when it is back.

    Raises
    ------
    AudioError
        If the device cannot be opened.

    Notes
    -----
    One thread calls `check` or `run`; `stop` is called after that.
    """

    def __init__(
        self,
        callback: NDArray[np.void],
        card: Card | None = None,
        block_samples: int = 0,
        *,
        latency_seconds: float | None = None,
    ) -> None:
        self._callback = callback
        self._measured_seconds = latency_seconds
        self._card = card
        self._device = None if card is None else card.device
        self._block_samples = block_samples
        self._null_stop = Event()
        self._null_thread: Thread | None = None
        self._is_attached = self._is_stopped = False
        self._is_lost = False  # until it plays again
        self._reason = ""  # why it does not
        self._n_blocks = self._n_idle = -1
        self._alive_at = self._heard_at = time.perf_counter()
        self.losses = 0
        self.say: Callable[[str], None] = lambda sentence: None
        detach(callback[0])
        self._is_open = False
        self._device_seconds = 0.0
        if card is not None:
            self._device_seconds = card.open(block_samples)
            self._is_open = True

    @property
    def name(self) -> str:
        """What plays, for the status line; any thread may ask."""
        if self._device is None:
            return NULL
        return f"{self._device} is gone, trying again" if self._is_lost and not self._is_stopped else str(self._device)

    @property
    def trouble(self) -> str:
        """Why there is no sound, in a sentence; empty while all is well. Any thread may ask."""
        if not self._is_lost or self._is_stopped:
            return ""
        return f"no sound: {self._reason}, trying again"

    @property
    def latency_seconds(self) -> float:
        """Time from when a sample is made to when it is heard, measured or as the device says; any thread may ask.

        While the device is lost, it stays as it was, so that MIDI keeps time.
        """
        if self._device is None or self._is_stopped:
            return 0.0
        return self._device_seconds if self._measured_seconds is None else self._measured_seconds

    def start(self) -> None:
        """Let the device or the null clock play."""
        if self._is_open:
            self._attach()
        else:
            self._start_null()

    def run(self, stop: Event) -> None:
        """Look after the device until told to stop. A thread of the session runs this."""
        while not stop.is_set():
            if self._card is None:
                stop.wait()
            else:
                self.check(_TICK_SECONDS if self._is_attached else _SHORT_TICK_SECONDS)

    def check(self, seconds: float = 0.0) -> None:
        """Wait up to some seconds for news of the device, and see to it that something plays."""
        if self._card is None:
            return
        for word, *said in self._card.messages(seconds):
            self._heard_at = time.perf_counter()
            if word == "opened":
                self._is_open, self._device_seconds = True, said[0]
                self._n_idle, self._alive_at = self._count_idle(), self._heard_at
            elif word == "waiting":
                self._reason = said[0]
            else:  # the device is lost, or the driver has ended
                self._lose()
            if word == "hello":
                self._card.open_when_back(self._block_samples)
            elif word == "ended":
                self._card.restart()
        self._look_at_blocks(self._card)

    def stop(self) -> None:
        """Ramp down and close; safe to call twice, and before `start`."""
        if self._is_attached:
            self._fade_out()
            time.sleep(_RAMP_SECONDS + self.latency_seconds)  # until the device's buffer has been played
            self._detach()
        self._is_stopped = True
        self._stop_null()
        if self._card is not None:
            self._card.stop()

    def _look_at_blocks(self, card: Card) -> None:
        now = time.perf_counter()
        n_blocks, n_idle = int(self._callback["stats"]["blocks"][0, 0]), self._count_idle()
        if self._is_attached:
            if n_blocks != self._n_blocks:
                self._n_blocks, self._alive_at = n_blocks, now
            elif now > self._alive_at + self._patience_seconds():
                self._fall_back()
        elif self._is_open:
            if n_idle > self._n_idle:
                self._attach()
            elif now > self._alive_at + _LOST_SECONDS:
                self._lose()
                card.leave()
        elif now > self._heard_at + _DRIVER_SECONDS:
            self._heard_at = now
            card.restart()
        self._n_idle = n_idle

    def _count_idle(self) -> int:
        return int(self._callback["idle_blocks"][0, 0])

    def _patience_seconds(self) -> float:
        return max(_SILENT_SECONDS, 4 * self._longest_block() / float(self._callback["sample_rate"][0]))

    def _longest_block(self) -> int:
        return int(self._callback["stats"]["block_samples_max"][0])

    def _lose(self) -> None:
        """Let the null clock play until the device can be opened again."""
        self._is_open = False
        if not self._is_lost:
            self._is_lost, self._reason = True, f"{self._device} is gone"
            self.losses += 1
            self._fall_back()
            self.say(self.trouble)

    def _fall_back(self) -> None:
        """Let the null clock play on from where the device stopped, at the place that the wall clock tells."""
        if self._is_attached:
            self._detach()
            self._skip_to_wall_clock()
            self._start_null()

    def _attach(self) -> None:
        """Let the device play on from the null clock, or begin."""
        if self._null_thread is not None:
            self._stop_null()
            self._skip_to_wall_clock(n_ahead=self._longest_block())
        self._n_blocks, self._alive_at = int(self._callback["stats"]["blocks"][0, 0]), time.perf_counter()
        attach(self._callback[0])
        self._is_attached = True
        if self._is_lost:
            self._is_lost = False
            self.say(f"sound again: {self._device} is back")

    def _detach(self) -> None:
        detach(self._callback[0])
        self._is_attached = False
        time.sleep(_LAST_BLOCK_SECONDS)

    def _fade_out(self) -> None:
        self._callback["mix"]["master"] = 0.0
        deadline = time.perf_counter() + _FADE_SECONDS
        while self._callback["mix"]["master_now"][0] > 0 and time.perf_counter() < deadline:
            time.sleep(_RAMP_SECONDS / 10)

    def _skip_to_wall_clock(self, n_ahead: int = 0) -> None:
        """Play at once up to the sample that would be made now if the device had gone on, or some samples further."""
        sample = AudioClock(self._callback).steady_sample_at(time.perf_counter_ns()) + n_ahead
        n_missed = sample - int(self._callback["sample"][0])
        skip(self._callback, min(n_missed, round(_LONGEST_SKIP_SECONDS * self._callback["sample_rate"][0])))

    def _start_null(self) -> None:
        n_samples = self._block_samples or self._longest_block() or NULL_BLOCK_SAMPLES
        null = NullStream(self._callback, max(n_samples, _LEAST_BLOCK_SAMPLES))
        self._null_stop.clear()

        def play() -> None:
            raise_priority()
            null.run(self._null_stop)

        self._null_thread = Thread(target=play, name="livegen null clock", daemon=True)
        self._null_thread.start()

    def _stop_null(self) -> None:
        self._null_stop.set()
        if self._null_thread is not None:
            self._null_thread.join()
            self._null_thread = None
