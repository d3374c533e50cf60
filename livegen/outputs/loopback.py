"""The measurement of a sound's round trip: how long it takes out of the machine and back in.

Output and input must be connected: by a cable, by a microphone in front of the speaker, or in JACK's patch bay.
"""

import threading
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from livegen.errors import AudioError
from livegen.outputs.devices import AudioDevice, choose_device, portaudio

N_CLICKS: Final = 8
SPACING_SECONDS: Final = 0.5
"""Time from one click to the next. A round trip that takes longer is not recognised."""

_CLICK_SECONDS: Final = 0.01
_PEAK: Final = 0.5
_LEAST_LIKENESS: Final = 0.5  # normalised correlation from which a click is recognised; 1 is the click itself
_PATIENCE_SECONDS: Final = 3.0


@dataclass(frozen=True, slots=True)
class RoundTrip:
    """The result of a measurement.

    Attributes
    ----------
    device : str
    sample_rate : int
        In Hz.
    samples : int
        Round trip in samples, from asking for a sample to its coming in: the median of the clicks, 0 if none came back.
    spread_samples : int
        Difference between the fastest and the slowest click.
    n_heard : int
        How many of the `N_CLICKS` clicks came back.
    reported_ms : float
        Latency of the output as the device reports it.
    """

    device: str
    sample_rate: int
    samples: int
    spread_samples: int
    n_heard: int
    reported_ms: float

    @property
    def milliseconds(self) -> float:
        """The round trip in milliseconds."""
        return 1000.0 * self.samples / self.sample_rate


def measure_round_trip(wanted: str | None, rate: int | None = None, block_samples: int = 0) -> RoundTrip:
    """Play clicks on an output, listen on the input beside it, and return how long they took.

    Parameters
    ----------
    wanted : str or None
        As `livegen.outputs.devices.choose_device` takes it.
    rate : int or None
        In Hz; None is the device's own.
    block_samples : int
        Samples a block; 0 lets the device choose.

    Raises
    ------
    AudioError
        If there is no output or no input, or they do not open together.
    """
    device = choose_device(wanted)
    if device is None:
        raise AudioError("there is no sound to measure on the null device: name a sound card or JACK with --audio")
    sample_rate = rate or device.sample_rate
    played = clicks(sample_rate)
    heard, reported_ms = _play_and_record(device, played, sample_rate, block_samples)
    lags = click_lags(played, heard, sample_rate)
    return RoundTrip(
        f"{device.host_api}: {device.name}",
        sample_rate,
        round(float(np.median(lags))) if lags else 0,
        max(lags) - min(lags) if lags else 0,
        len(lags),
        reported_ms,
    )


def clicks(sample_rate: int) -> NDArray[np.float32]:
    """Return the clicks, with a pause after each. They are short bursts of noise, which nothing else resembles."""
    noise = np.random.default_rng(1).uniform(-_PEAK, _PEAK, round(_CLICK_SECONDS * sample_rate))
    one = np.zeros(round(SPACING_SECONDS * sample_rate), np.float32)
    one[: len(noise)] = noise
    return np.tile(one, N_CLICKS)


def click_lags(played: NDArray[np.float32], heard: NDArray[np.float32], sample_rate: int) -> list[int]:
    """Return how many samples later each click was heard. Clicks that were not heard are left out.

    Parameters
    ----------
    played : ndarray of float32, shape (n,)
        As `clicks` gives it.
    heard : ndarray of float32, shape (n,)
        Recorded at the same time.
    sample_rate : int
        In Hz.
    """
    length, spacing = round(_CLICK_SECONDS * sample_rate), round(SPACING_SECONDS * sample_rate)
    click = played[:length].astype(np.float64)
    lags = []
    for start in range(0, len(heard) - spacing + 1, spacing):
        window = heard[start : start + spacing].astype(np.float64)
        product = np.abs(np.correlate(window, click, mode="valid"))  # a sound card may invert the polarity
        energy = np.convolve(window**2, np.ones(length), mode="valid")
        likeness = product / np.sqrt(np.maximum(energy, 1e-9) * np.sum(click**2))
        lag = int(np.argmax(likeness))
        if likeness[lag] >= _LEAST_LIKENESS:
            lags.append(lag)
    return lags


def _play_and_record(
    device: AudioDevice, played: NDArray[np.float32], sample_rate: int, block_samples: int
) -> tuple[NDArray[np.float32], float]:
    """Return the recording, sample by sample in step with what was played, and the reported latency of the output."""
    sounddevice = portaudio()
    heard, done, position = np.zeros_like(played), threading.Event(), 0

    def exchange(incoming: NDArray[np.float32], outgoing: NDArray[np.float32], n: int, _time: Any, _flags: Any) -> None:
        nonlocal position
        end = min(position + n, len(played))
        outgoing[:] = 0.0
        outgoing[: end - position, 0] = played[position:end]
        heard[position:end] = incoming[: end - position, 0]
        position = end
        if position == len(played):
            done.set()

    try:
        with sounddevice.Stream(
            samplerate=sample_rate,
            blocksize=block_samples,
            device=(_input_beside(device), device.index),
            channels=1,
            dtype="float32",
            latency="low",
            callback=exchange,
        ) as stream:
            done.wait(len(played) / sample_rate + _PATIENCE_SECONDS)
            return heard, 1000.0 * float(stream.latency[1])
    except (sounddevice.PortAudioError, ValueError) as error:
        raise AudioError(
            f"{device.host_api}: {device.name} does not play and record at once at {sample_rate} Hz ({error}): try "
            "another --rate, or another device with --audio"
        ) from error


def _input_beside(device: AudioDevice) -> int:
    """Return PortAudio's number of the input that belongs to an output: its own, or its host API's default."""
    sounddevice = portaudio()
    found = sounddevice.query_devices()
    if found[device.index]["max_input_channels"]:
        return device.index
    twins = [each["index"] for each in found if each["name"] == device.name and each["max_input_channels"]]
    default = sounddevice.query_hostapis(found[device.index]["hostapi"])["default_input_device"]
    if not twins and default < 0:
        raise AudioError(
            f"{device.host_api}: {device.name} has no input to listen on: name a device with --audio that has one"
        )
    return int(twins[0] if twins else default)
