"""The echo: while pulse 2 is free, it repeats pulse 1, later and softer.

A ring holds each change of pulse 1 and the time at which pulse 2 repeats it. So the echo has the macros, slides and
vibrato of pulse 1.
"""

from typing import Final

import numpy as np

from livegen.patch import VoicePatch
from livegen.system.kernels import Record, kernel
from livegen.units import ENGINE_RATE_HZ, MAX_VOLUME

_SIZE: Final = 256  # tones in the ring

_TONE: Final = np.dtype(
    [
        ("sample", np.int64),  # when it is due
        ("pitch", np.float64),  # a MIDI note with its fraction
        ("offset", np.int64),  # of the timer's period
        ("volume", np.int64),  # 0 is silence
        ("timbre", np.int64),
        ("is_attack", np.int64),
    ],
    align=True,
)

ECHO: Final = np.dtype(
    [
        ("volume", np.int64),  # 0: off
        ("delay_samples", np.int64),
        ("detune", np.float64),  # semitones
        ("written", np.int64),
        ("read", np.int64),
        ("is_sounding", np.int64),
        ("tones", _TONE, _SIZE),
    ],
    align=True,
)


def echo_settings(voice: VoicePatch, sample_rate: float) -> tuple[int, int, float]:
    """Return volume, delay in samples and detune in semitones of the echo, as the patch of pulse 2 sets them."""
    return voice.echo, round(voice.echo_delay * sample_rate / ENGINE_RATE_HZ), voice.detune / 100


@kernel
def set_echo(echo: Record, volume: int, delay_samples: int, detune: float) -> bool:
    """Take new settings. If they differ from the old ones, forget all stored tones and return True."""
    if volume == echo.volume and delay_samples == echo.delay_samples and detune == echo.detune:
        return False
    echo.volume, echo.delay_samples, echo.detune = volume, delay_samples, detune
    echo.read = echo.written
    return True


@kernel
def remember_tone(
    echo: Record, sample: int, pitch: float, offset: int, volume: int, timbre: int, is_attack: bool
) -> None:
    """Store what pulse 1 sounds from a sample on. What does not fit into the ring is not echoed.

    The last place is kept for a silence, so that no echo sounds for ever.
    """
    n_free = _SIZE - (echo.written - echo.read)
    if echo.volume == 0 or n_free <= (1 if volume > 0 else 0):
        return
    tone = echo.tones[echo.written % _SIZE]
    tone.sample = sample + echo.delay_samples
    tone.pitch, tone.offset = pitch + echo.detune, offset
    tone.volume = max(volume * echo.volume // MAX_VOLUME, 1) if volume > 0 else 0
    tone.timbre, tone.is_attack = timbre, is_attack
    echo.written += 1


@kernel
def next_tone_sample(echo: Record, never: int) -> int:
    """Return the sample at which the next tone is due, or `never`."""
    return echo.tones[echo.read % _SIZE].sample if echo.read < echo.written else never


@kernel
def take_tone(echo: Record) -> Record:
    """Return the tone that is due. It is valid until the next tone is stored."""
    tone = echo.tones[echo.read % _SIZE]
    echo.read += 1
    return tone
