"""The metronome in the sound: a short click on each beat, a higher one on the first of a bar.

The beats of a count-in click at a level of their own where the metronome is softer, or off.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.apu import FULL_SCALE
from livegen.outputs.beats import next_part
from livegen.system.kernels import Record, kernel
from livegen.units import FRAME_RATE_HZ, frame_to_sample

CLICK: Final = np.dtype(
    [
        ("next_beat", np.int64),  # number of the next beat, counted from bar 1, beat 1
        ("start_sample", np.int64),  # first sample of the last click
        ("is_accent", np.int64),
        ("least_level", np.float64),  # of the last click, whatever the metronome's level
    ],
    align=True,
)

_LENGTH_SECONDS: Final = 0.03
_DECAY_SECONDS: Final = 0.005
_ACCENT_HZ: Final = 2000.0
_BEAT_HZ: Final = 1200.0
_COUNT_IN_LEVEL: Final = 0.6
_PEAK: Final = 0.5  # of full scale, once the master level has been applied


@kernel
def place_click(click: Record, slot: Record, sample: int, sample_rate: int) -> None:
    """Store the sample at which the click of a frame begins, if it has one. `slot` is the frame's, `sample` is now.

    A frame has one click at most, because a beat is longer than three frames.
    """
    if not slot.beats_a_frame > 0.0:
        return
    number, part = next_part(click.next_beat, slot.beats, slot.beats_a_frame, 1.0)
    click.next_beat = number
    if part < 1.0:
        start = frame_to_sample(slot.frame_index, sample_rate) + np.int64(part * sample_rate / FRAME_RATE_HZ)
        click.start_sample = max(start, sample)
        click.is_accent = number % max(slot.beats_a_bar, 1) == 0
        click.least_level = _COUNT_IN_LEVEL * (slot.counted_from <= number and number < slot.counted_until)
        click.next_beat = number + 1


@kernel
def add_click(
    click: Record, level: float, first_sample: int, sample_rate: int, out: NDArray[np.float32], n_samples: int
) -> None:
    """Add the part of the click that falls into a piece of the sound. The chip's scale is applied afterwards."""
    level = max(level, click.least_level)
    if level == 0.0:
        return
    start = click.start_sample - first_sample
    length = np.int64(_LENGTH_SECONDS * sample_rate)
    pitch_hz = _ACCENT_HZ if click.is_accent else _BEAT_HZ
    for i in range(max(start, 0), min(start + length, n_samples)):
        seconds = (i - start) / sample_rate
        wave = np.sin(2.0 * np.pi * pitch_hz * seconds) * np.exp(-seconds / _DECAY_SECONDS)
        out[i] += level * _PEAK / FULL_SCALE * wave
