"""The sound card: devices by name or host API, and a stream whose callback is native code.

sounddevice is imported when a device is asked for, so that everything else works where PortAudio is missing.
"""

import atexit
import contextlib
import functools
import sys
import time
from dataclasses import dataclass
from threading import Event
from typing import Any, Final

import numba
import numpy as np
from numba import carray, types
from numpy.typing import NDArray

from livegen.errors import AudioError
from livegen.outputs.callback import CALLBACK, fill_block
from livegen.score import N_VOICES

_STEREO: Final = 2
NULL: Final = "null"
"""Name of the null device: time passes, but nothing sounds."""

NULL_SAMPLE_RATE: Final = 48_000
NULL_BLOCK_SAMPLES: Final = 256

_UNSIGNED_LONG: Final = types.uint32 if sys.platform == "win32" else types.uint64
_LONGEST_LATENCY_SECONDS: Final = 5.0
_PREFERRED_HOST_APIS: Final = ("JACK", "ASIO")  # their latency is lower than that of the platform's default


@dataclass(frozen=True, slots=True)
class AudioDevice:
    """An output of PortAudio.

    Attributes
    ----------
    index : int
        PortAudio's number.
    name, host_api : str
    sample_rate : int
        The device's own, in Hz.
    n_channels : int
        Largest number of channels.
    """

    index: int
    name: str
    host_api: str
    sample_rate: int
    n_channels: int


def portaudio() -> Any:
    """Return the module sounddevice; raises AudioError where it or PortAudio is missing or does not start."""
    try:
        import sounddevice
    except OSError as error:  # the library PortAudio is not there
        raise AudioError(
            "the system library PortAudio is missing: install it (Debian: apt install libportaudio2; macOS: brew "
            "install portaudio) or play without sound with --audio null"
        ) from error
    except Exception as error:  # it is there and does not start, or the package sounddevice is broken
        raise AudioError(f"PortAudio does not start ({error}): play without sound with --audio null") from error
    return sounddevice


def list_devices() -> list[AudioDevice]:
    """Return every output that PortAudio knows now.

    Raises
    ------
    AudioError
        If PortAudio is not installed.
    """
    sounddevice = portaudio()
    host_apis = sounddevice.query_hostapis()
    return [
        AudioDevice(
            device["index"],
            device["name"],
            host_apis[device["hostapi"]]["name"],
            round(device["default_samplerate"]),
            device["max_output_channels"],
        )
        for device in sounddevice.query_devices()
        if device["max_output_channels"] >= 1
    ]


def choose_device(wanted: str | None) -> AudioDevice | None:
    """Return the output that a user asked for, or None for the null device.

    Parameters
    ----------
    wanted : str or None
        Part of the name of a device or of a host API, in upper or lower case; ``"null"``; or None for the best device:
        a JACK server that runs, else the system's default, else the null device.

    Raises
    ------
    AudioError
        If nothing matches, or PortAudio is needed and missing.
    """
    if wanted is not None and wanted.lower() == NULL:
        return None
    try:
        devices = list_devices()
    except AudioError:
        if wanted is None:
            return None
        raise
    if wanted is None:
        return _best_device(devices)
    for text in (lambda d: d.host_api, lambda d: d.name, lambda d: f"{d.host_api}: {d.name}"):
        found = [device for device in devices if wanted.lower() in text(device).lower()]
        if found:
            return _preferred(found)
    there = ", ".join(f"{device.host_api}: {device.name}" for device in devices) or "none"
    raise AudioError(f"no audio device or host API matches {wanted!r}: there is {there}; or use --audio null")


def choose_channels(device: AudioDevice | None, *, is_apart: bool) -> int:
    """Return how many channels the sound has on a device. A `device` of None is the null device.

    Parameters
    ----------
    device : AudioDevice or None
    is_apart : bool
        Whether each voice has a channel of its own. Else the mix goes to two channels, or to one if there is only one.

    Raises
    ------
    AudioError
        If the voices are to be apart and the device has too few channels.
    """
    if is_apart and device is not None and device.n_channels < N_VOICES:
        raise AudioError(
            f"{device.host_api}: {device.name} takes {device.n_channels} channels, and the voices apart need "
            f"{N_VOICES}: name another device with --audio, such as a DAW on JACK, or leave out --audio-channels"
        )
    return N_VOICES if is_apart else _STEREO if device is None else min(_STEREO, device.n_channels)


def reopen_portaudio(lost: AudioDevice) -> AudioDevice:
    """Let PortAudio look for devices again, and return the one that was lost; no stream may be open.

    Raises
    ------
    AudioError
        If it is not back.
    """
    sounddevice = portaudio()
    sounddevice._terminate()
    sounddevice._initialize()
    for device in list_devices():
        if (device.name, device.host_api) == (lost.name, lost.host_api):
            return device
    raise AudioError(f"{lost.host_api}: {lost.name} is not back")


def leave_portaudio_open() -> None:
    """Do not close PortAudio when the process exits: after a JACK server died, closing it hangs or aborts."""
    atexit.unregister(portaudio()._exit_handler)


def _best_device(devices: list[AudioDevice]) -> AudioDevice | None:
    for host_api in _PREFERRED_HOST_APIS:
        found = [device for device in devices if host_api in device.host_api]
        if found:
            return _preferred(found)
    default = portaudio().default.device[1]
    return next((device for device in devices if device.index == default), devices[0] if devices else None)


def _preferred(devices: list[AudioDevice]) -> AudioDevice:
    """Prefer outputs of the machine over other programs, which PortAudio lists as devices of JACK too."""
    defaults = {api["default_output_device"] for api in portaudio().query_hostapis()}
    hardware = [device for device in devices if "system" in device.name.lower()]
    own = [device for device in devices if device.index in defaults]
    return (hardware or own or devices)[0]


@functools.cache
def native_callback() -> Any:
    """Return the compiled function that PortAudio calls. Its user data is a pointer to a `CALLBACK`."""
    signature = types.int32(
        types.voidptr,
        types.CPointer(types.float32),
        _UNSIGNED_LONG,
        types.voidptr,
        _UNSIGNED_LONG,
        types.CPointer(numba.from_dtype(CALLBACK)),
    )

    @numba.cfunc(signature, cache=True, error_model="numpy")
    def fill(input_pointer, output_pointer, n_samples, time_info, status_flags, callback_pointer):  # type: ignore[no-untyped-def]
        callback = carray(callback_pointer, 1)[0]
        out = carray(output_pointer, n_samples * callback.n_channels)
        if callback.is_detached:
            out[:] = 0.0
        else:
            # signed, as everywhere else, so that one compiled kernel serves all callers
            fill_block(callback, out, np.int64(n_samples), np.int64(status_flags))
        return types.int32(0)

    return fill


class AudioStream:
    """A stream of PortAudio that plays a callback.

    Parameters
    ----------
    callback : ndarray of CALLBACK, shape (1,)
        Owned by the callback from `start` to `stop`; must outlive the stream.
    device : AudioDevice
    block_samples : int
        Samples a block, or 0 to let the device choose.

    Raises
    ------
    AudioError
        If the device refuses the sample rate or the block size.
    """

    def __init__(self, callback: NDArray[np.void], device: AudioDevice, block_samples: int = 0) -> None:
        sounddevice = portaudio()
        self._callback = callback
        self.device = device
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
                f"{device.host_api}: {device.name} refuses {sample_rate} Hz in blocks of "
                f"{block_samples or 'any'} samples ({error}): try without --rate and --block"
            ) from error
        latency_seconds = float(self._stream.latency)
        # PortAudio reports a latency of 25 hours if the device is a program on JACK and not a sound card
        self.latency_seconds = latency_seconds if 0.0 <= latency_seconds <= _LONGEST_LATENCY_SECONDS else 0.0

    def start(self) -> None:
        """Let the callback run; the level ramps up from silence.

        Raises
        ------
        AudioError
            If the device does not start.
        """
        self._callback["is_detached"] = 0
        self._callback["mix"]["master_now"] = 0.0
        try:
            self._stream.start()
        except portaudio().PortAudioError as error:
            raise AudioError(
                f"{self.device.host_api}: {self.device.name} does not start ({error}): is another program using it?"
            ) from error

    def detach(self) -> None:
        """From now on, let the native function leave the record alone and output silence if it is called."""
        self._callback["is_detached"] = 1

    def abandon(self) -> None:
        """Close a stream whose device is gone; may hang in PortAudio."""
        with contextlib.suppress(portaudio().PortAudioError):
            self._stream.close()

    def stop(self, ramp_seconds: float = 0.02) -> None:
        """Ramp down to silence, then stop and close; safe to call twice."""
        if not self._stream.closed:
            self._callback["mix"]["master"] = 0.0
            deadline = time.perf_counter() + 10 * ramp_seconds
            with contextlib.suppress(portaudio().PortAudioError):  # a device that is gone cannot ramp
                while (
                    self._stream.active
                    and self._callback["mix"]["master_now"][0] > 0
                    and time.perf_counter() < deadline
                ):
                    time.sleep(ramp_seconds / 10)
            time.sleep(ramp_seconds + self.latency_seconds)  # until the device's buffer has been played
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
            fill_block(self._callback[0], self._block, self._block_samples, 0)
            due = block_seconds + (time.perf_counter() if due is None else due)  # the first block may compile first
            wait = due - time.perf_counter()
            if wait > 0:
                stop.wait(wait)
