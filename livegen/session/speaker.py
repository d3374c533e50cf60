"""The speaker drives the audio callback: with the sound card, or with the null clock while there is none.

A device is lost if it asks for no more blocks, because it was unplugged or its server has ended. Then the null clock
takes over, so that the music goes on as MIDI; when the device is back, it is opened again. PortAudio hangs for ever
when it closes a stream whose JACK server has died. So a lost stream is closed on a thread of its own; if that hangs,
the rest of the session does without PortAudio.
"""

import contextlib
import time
from collections.abc import Callable
from threading import Event, Thread
from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.errors import AudioError
from livegen.outputs.audio import (
    NULL_BLOCK_SAMPLES,
    AudioDevice,
    AudioStream,
    NullStream,
    leave_portaudio_open,
    reopen_portaudio,
)

_LOST_AFTER_SECONDS: Final = 1.0
_RETRY_SECONDS: Final = 3.0
_CLOSE_SECONDS: Final = 2.0


class Speaker:
    """Plays a callback on a device while the device works, and else on the null clock.

    Parameters
    ----------
    callback : ndarray of CALLBACK, shape (1,)
    device : AudioDevice or None
        None is the null clock.
    block_samples : int
        Samples a block, 0 for what the device prefers.
    latency_seconds : float or None
        Measured latency of the device; None takes what the device says.

    Attributes
    ----------
    losses : int
        How often the device was lost.

    Raises
    ------
    AudioError
        If the device cannot be opened.
    """

    def __init__(
        self,
        callback: NDArray[np.void],
        device: AudioDevice | None,
        block_samples: int = 0,
        *,
        latency_seconds: float | None = None,
    ) -> None:
        self._callback = callback
        self._measured_seconds = latency_seconds
        self._device = device
        self._block_samples = block_samples
        self._stream = None if device is None else AudioStream(callback, device, block_samples)
        self._null_stop = Event()
        self._null_thread: Thread | None = None
        self._closing: Thread | None = None
        self._is_stopped = False
        self._n_blocks = -1
        self._alive_at = self._retry_at = time.perf_counter()
        self.losses = 0

    @property
    def name(self) -> str:
        """What plays now, for the status line; any thread may ask."""
        if self._device is None:
            return "null"
        name = f"{self._device.host_api}: {self._device.name}"
        if self._stream is not None or self._is_stopped:
            return name
        return f"{name} is gone, {'start livegen anew to hear it' if self._is_closing() else 'waiting for it'}"

    @property
    def latency_seconds(self) -> float:
        """Time from when a sample is made to when it is heard, measured or as the device says; any thread may ask."""
        stream = self._stream
        if stream is None:
            return 0.0
        return stream.latency_seconds if self._measured_seconds is None else self._measured_seconds

    def start(self) -> None:
        """Start the device or the null clock.

        Raises
        ------
        AudioError
            If the device does not start.
        """
        self._alive_at = time.perf_counter()
        if self._stream is None:
            self._start_null()
        else:
            self._stream.start()

    def check(self) -> None:
        """Check whether the device is lost or back; called a few times a second from one thread; never raises."""
        now = time.perf_counter()
        n_blocks = int(self._callback["stats"]["blocks"][0, 0])
        if n_blocks != self._n_blocks:
            self._n_blocks, self._alive_at = n_blocks, now
        if self._stream is not None and now > self._alive_at + self._patience_seconds():
            self._lose(self._stream)
        elif self._stream is None and self._device is not None and now > self._retry_at and not self._is_closing():
            self._retry_at = now + _RETRY_SECONDS
            self._reopen(self._device)

    def stop(self) -> None:
        """Ramp down and close; safe to call twice, and before `start`."""
        self._is_stopped = True
        self._stop_null()
        if self._stream is not None:
            stopping, self._stream = self._stream, None
            self._close(stopping.stop)
        if self._closing is not None:
            self._closing.join(_CLOSE_SECONDS)
        if self._is_closing() or self.losses:
            leave_portaudio_open()

    def _patience_seconds(self) -> float:
        block_seconds = self._callback["stats"]["block_samples_max"][0] / self._callback["sample_rate"][0]
        return max(_LOST_AFTER_SECONDS, 3 * float(block_seconds))

    def _lose(self, lost: AudioStream) -> None:
        self.losses += 1
        self._stream = None
        self._retry_at = time.perf_counter() + _RETRY_SECONDS
        lost.detach()
        self._start_null()
        self._close(lost.abandon)

    def _close(self, close: Callable[[], None]) -> None:
        self._closing = Thread(target=close, name="livegen closing", daemon=True)
        self._closing.start()

    def _is_closing(self) -> bool:
        return self._closing is not None and self._closing.is_alive()

    def _reopen(self, lost: AudioDevice) -> None:
        with contextlib.suppress(AudioError):
            device = reopen_portaudio(lost)
            stream = AudioStream(self._callback, device, self._block_samples)
            self._stop_null()
            if self._is_stopped:  # the session was stopped meanwhile
                self._close(stream.abandon)
                return
            try:
                stream.start()
            except AudioError:
                self._start_null()
                raise
            self._device, self._stream = device, stream
            self._alive_at = time.perf_counter()

    def _start_null(self) -> None:
        self._null_stop.clear()
        null = NullStream(self._callback, self._block_samples or NULL_BLOCK_SAMPLES)
        self._null_thread = Thread(target=null.run, args=(self._null_stop,), name="livegen null clock", daemon=True)
        self._null_thread.start()

    def _stop_null(self) -> None:
        self._null_stop.set()
        if self._null_thread is not None:
            self._null_thread.join()
            self._null_thread = None
