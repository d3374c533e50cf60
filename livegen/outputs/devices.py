"""The sound card's devices: their list, and the choice of one by name or host API.

sounddevice is imported when a device is asked for, so that everything else works where PortAudio is missing.
"""

from dataclasses import dataclass
from typing import Any, Final

from livegen.errors import AudioError
from livegen.score import N_VOICES

_STEREO: Final = 2
NULL: Final = "null"
"""Name of the null device: time passes, but nothing sounds."""

NULL_SAMPLE_RATE: Final = 48_000

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

    def __str__(self) -> str:
        return f"{self.host_api}: {self.name}"


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


def is_null(wanted: str | None) -> bool:
    """Tell whether a user asked for the null device."""
    return wanted is not None and wanted.lower() == NULL


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
    if is_null(wanted):
        return None
    try:
        devices = list_devices()
    except AudioError:
        if wanted is None:
            return None
        raise
    if wanted is None:
        return _best_device(devices)
    for text in (lambda d: d.host_api, lambda d: d.name, str):
        found = [device for device in devices if wanted.lower() in text(device).lower()]
        if found:
            return _preferred(found)
    there = ", ".join(map(str, devices)) or "none"
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
            f"{device} takes {device.n_channels} channels, and the voices apart need "
            f"{N_VOICES}: name another device with --audio, such as a DAW on JACK, or leave out --audio-channels"
        )
    return N_VOICES if is_apart else _STEREO if device is None else min(_STEREO, device.n_channels)


def find_again(lost: AudioDevice) -> AudioDevice:
    """Let PortAudio look for devices anew, and return the one that was lost; no stream may be open.

    Raises
    ------
    AudioError
        If it is not there.
    """
    sounddevice = portaudio()
    sounddevice._terminate()
    sounddevice._initialize()
    for device in list_devices():
        if (device.name, device.host_api) == (lost.name, lost.host_api):
            return device
    raise AudioError(f"{lost} is gone")


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
