"""Against Nestopia, the second emulator that nobody here wrote: it has the non-linear mixer.

Levels only, and none with much of the DMC's: Nestopia makes one table do for triangle, noise and DMC, which is up to
0.3 dB off the formula without it and 0.8 dB with it. It needs Debian's libretro-nestopia.
"""

import nestopia
import numpy as np
import pytest
from numpy.typing import NDArray

from livegen.apu import render_writes
from livegen.units import CPU_CLOCK_HZ, ENGINE_RATE_HZ

pytestmark = pytest.mark.skipif(nestopia.CORE is None, reason="libretro-nestopia is not installed")

Writes = list[tuple[int, int]]

SECTION_FRAMES = 40
START_CYCLE = 4 * 29_781  # of the cartridge's first frame, about: levels do not ask for more


def pulse(index: int, volume: int, period: int = 253, duty: int = 2) -> Writes:
    base = 0x4000 + 4 * index
    return [(base, duty << 6 | 0x30 | volume), (base + 1, 8), (base + 2, period & 0xFF), (base + 3, period >> 8)]


TRIANGLE = [(0x4008, 0xFF), (0x400A, 0xFD), (0x400B, 0)]
NOISE = [(0x400C, 0x3F), (0x400E, 4), (0x400F, 0)]

SECTIONS: dict[str, tuple[Writes, float]] = {
    "pulse 15": (pulse(0, 15), 0.05),
    "pulse 10": (pulse(0, 10), 0.05),
    "pulse 5": (pulse(0, 5), 0.05),
    "pulse 1": (pulse(0, 1), 0.05),
    "pulse 15, narrow": (pulse(0, 15, duty=0), 0.05),
    "pulses 15 and 15": ([*pulse(0, 15), *pulse(1, 15, 336)], 0.05),
    "pulses 8 and 15": (pulse(0, 8), 0.05),
    "triangle": ([*pulse(0, 0), *pulse(1, 0), *TRIANGLE], 0.5),
    "triangle and noise": (NOISE, 0.5),
    "all": ([*pulse(0, 15), *pulse(1, 12, 336)], 0.5),
}
"""What is written, to what sounds already, and by how many dB the levels may differ."""


def level_db(samples: NDArray[np.float64], frame_rate_hz: float, first_frame: int) -> float:
    """Return the level of a section's middle, from 150 Hz to 9 kHz, where neither filters."""
    begin, end = (round((first_frame + n) / frame_rate_hz * nestopia.SAMPLE_RATE) for n in (10, 36))
    middle = samples[begin:end]
    power = np.abs(np.fft.rfft(middle * np.hanning(len(middle)))) ** 2
    hz = np.fft.rfftfreq(len(middle), 1 / nestopia.SAMPLE_RATE)
    return float(10 * np.log10(power[(hz > 150) & (hz < 9_000)].sum()))


def test_levels_of_the_non_linear_mixer() -> None:
    frames: nestopia.Frames = [[(0x4015, 15), (0x4017, 0xC0)]]
    for writes, _ in SECTIONS.values():
        frames += [writes, *[[]] * (SECTION_FRAMES - 1)]
    reference = nestopia.render(frames)
    cycles = [
        START_CYCLE + round(index * CPU_CLOCK_HZ["ntsc"] / ENGINE_RATE_HZ)
        for index, writes in enumerate(frames)
        for _ in writes
    ]
    address, value = zip(*(write for writes in frames for write in writes), strict=True)
    ours = render_writes(
        cycles,
        address,
        value,
        cpu_clock_hz=CPU_CLOCK_HZ["ntsc"],
        sample_rate=nestopia.SAMPLE_RATE,
        n_samples=len(reference),
        filters=False,
    ).astype(float)
    difference_db = [
        level_db(reference, nestopia.FRAME_RATE_HZ, 1 + index * SECTION_FRAMES)
        - level_db(ours, ENGINE_RATE_HZ, 1 + index * SECTION_FRAMES)
        for index in range(len(SECTIONS))
    ]
    for (name, (_, allowed_db)), difference in zip(SECTIONS.items(), difference_db, strict=True):
        assert difference - difference_db[0] == pytest.approx(0, abs=allowed_db), name
