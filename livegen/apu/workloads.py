"""Register logs that measure the chip's speed.

Both return `cycle`, `address`, `value` as `render_writes` takes them, for the NTSC clock.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.units import CPU_CLOCK_HZ, ENGINE_RATE_HZ, pulse_note_to_timer_period, triangle_note_to_timer_period

Writes = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]

_BOOT: Final = [(0x4015, 0x0F), (0x4017, 0x40), (0x4001, 0x08), (0x4005, 0x08)]
_CYCLES_BETWEEN_WRITES: Final = 12


def busy_writes(seconds: float, seed: int = 0) -> Writes:
    """Return the writes of a busy game: four voices, new notes six times a second, volumes at every engine tick."""
    clock = CPU_CLOCK_HZ["ntsc"]
    generator = np.random.default_rng(seed)
    ticks: list[list[tuple[int, int]]] = []
    for tick in range(int(seconds * ENGINE_RATE_HZ)):
        writes = list(_BOOT) if tick == 0 else []
        age = tick % 10
        for base in (0x4000, 0x4004):
            if age == 0:
                period = pulse_note_to_timer_period(float(generator.integers(45, 90)), clock)
                writes += [(base + 2, period & 0xFF), (base + 3, 0x08 | period >> 8)]
            writes.append((base, int(generator.integers(0, 4)) << 6 | 0x30 | 15 - age))
        if age == 0:
            period = triangle_note_to_timer_period(float(generator.integers(33, 70)), clock)
            writes += [(0x4008, 0xFF), (0x400A, period & 0xFF), (0x400B, 0x08 | period >> 8)]
            writes += [(0x400E, int(generator.integers(2, 12)) | int(generator.integers(0, 2)) << 7), (0x400F, 0x08)]
        writes.append((0x400C, 0x30 | 15 - age))
        ticks.append(writes)
    return _at_engine_ticks(ticks, clock)


def worst_case_writes() -> Writes:
    """Return the writes of the densest sound: pulses at 12.4 kHz, triangle 18.6 kHz, noise 447 kHz. It never ends."""
    writes = [*_BOOT]
    for base in (0x4000, 0x4004):
        writes += [(base, 0xBF), (base + 2, 8), (base + 3, 0x08)]
    writes += [(0x4008, 0xFF), (0x400A, 2), (0x400B, 0x08), (0x400C, 0x3F), (0x400E, 0), (0x400F, 0x08)]
    return _at_engine_ticks([writes], CPU_CLOCK_HZ["ntsc"])


def _at_engine_ticks(ticks: list[list[tuple[int, int]]], clock: float) -> Writes:
    rows = [
        (round(tick * clock / ENGINE_RATE_HZ) + i * _CYCLES_BETWEEN_WRITES, address, value)
        for tick, writes in enumerate(ticks)
        for i, (address, value) in enumerate(writes)
    ]
    cycle, address, value = np.array(rows, np.int64).T
    return cycle, address, value
