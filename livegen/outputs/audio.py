"""What plays a callback: a stream of PortAudio, whose callback is native code, or the null clock."""

import contextlib
import time
from threading import Event
from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.errors import AudioError
from livegen.outputs.callback import MAX_PIECE_SAMPLES
from livegen.outputs.devices import AudioDevice, portaudio
from livegen.outputs.native import native_callback, play_live, play_offline

NULL_BLOCK_SAMPLES: Final = 256

_LONGEST_LATENCY_SECONDS: Final = 5.0


class AudioStream:
    """A stream of PortAudio that plays a callback while that is attached, and silence while it is not.

    Parameters
    ----------
    callback : ndarray of CALLBACK, shape (1,)
        Must outlive the stream.
    device : AudioDevice
    block_samples : int
        Samples a block, or 0 to let the device choose.

    Attributes
    ----------
    latency_seconds : float
        Time from when a sample is made to when it is heard, as the device says.

    Raises
    ------
    AudioError
        If the device refuses the sample rate or the block size.
    """

    def __init__(self, callback: NDArray[np.void], device: AudioDevice, block_samples: int = 0) -> None:
        sounddevice = portaudio()
        self._device = device
        sample_rate = int(callback["sample_rate"][0])
        ffi = sounddevice._ffi
        try:
            self._stream = sounddevice._StreamBase(
                kind="output",
                samplerate=sample_rate,
                blocksize=block_samples,
                device=device.index,
                channels=int(callback["n_channels"][0]),
                dtype="float32",
                latency="low",
                callback=ffi.cast("PaStreamCallback*", native_callback().address),
                userdata=ffi.cast("void*", callback.ctypes.data),
            )
        except (sounddevice.PortAudioError, ValueError) as error:
            raise AudioError(
                f"{device} refuses {sample_rate} Hz in blocks of "
                f"{block_samples or 'any'} samples ({error}): try without --rate and --block"
            ) from error
        latency_seconds = float(self._stream.latency)
        # PortAudio reports a latency of 25 hours if the device is a program on JACK and not a sound card
        self.latency_seconds = latency_seconds if 0.0 <= latency_seconds <= _LONGEST_LATENCY_SECONDS else 0.0

    def start(self) -> None:
        """Let the device call the callback; raises AudioError if it does not start."""
        try:
            self._stream.start()
        except portaudio().PortAudioError as error:
            raise AudioError(f"{self._device} does not start ({error}): is another program using it?") from error

    @property
    def is_active(self) -> bool:
        """Whether the device is there and calls; False when it was unplugged, or its server has ended."""
        try:
            return bool(self._stream.active)
        except portaudio().PortAudioError:
            return False

    def close(self) -> None:
        """Stop and close; safe to call twice. May hang in PortAudio if the device is gone."""
        with contextlib.suppress(portaudio().PortAudioError):
            self._stream.close()


class NullStream:
    """The stream of the null device: plays a callback in real time and drops the samples.

    Parameters
    ----------
    callback : ndarray of CALLBACK, shape (1,)
    block_samples : int
    """

    def __init__(self, callback: NDArray[np.void], block_samples: int = NULL_BLOCK_SAMPLES) -> None:
        self._callback = callback
        self._block_samples = block_samples
        self._sample_rate = int(callback["sample_rate"][0])
        self._block = np.zeros(block_samples * int(callback["n_channels"][0]), np.float32)

    def run(self, stop: Event) -> None:
        """Play until told to stop. A thread of the session runs this."""
        block_seconds = self._block_samples / self._sample_rate
        due: float | None = None
        while not stop.is_set():
            play_live(self._callback, self._block, self._block_samples)
            due = block_seconds + (time.perf_counter() if due is None else due)  # the first block may compile first
            wait = due - time.perf_counter()
            if wait > 0:
                stop.wait(wait)


def skip(callback: NDArray[np.void], n_samples: int) -> None:
    """Play some samples at once, if any, which nobody hears; to be called while nothing else plays the callback."""
    block = np.zeros(MAX_PIECE_SAMPLES * int(callback["n_channels"][0]), np.float32)
    while n_samples > 0:
        n_piece = min(n_samples, MAX_PIECE_SAMPLES)
        play_offline(callback, block, n_piece)
        n_samples -= n_piece
