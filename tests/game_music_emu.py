"""Game_Music_Emu as the reference of the chip's sound, and our chip with its habits of triangle and noise put in.

It needs Debian's libgme0 and the folder of reference tools that lies beside the checkout.

Where a triangle is gated, or a noise has been silent, the two differ in phase, and in nothing else. It restarts the
triangle's timer when the gate opens, while the console's runs on (https://www.nesdev.org/wiki/APU_Triangle). Its noise
begins with another bit and is the other way up; while it is silent the shift register moves once from one event to the
next, and not with each clock; and a PAL console's has the periods of NTSC. Its frame counter begins anew at once, and
not three or four cycles after the write. It plays 50 ms at a time, whose ends are events, too. With all of that put in
between the events of our own chip, the two are alike wave by wave.
"""

import ctypes.util
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import numpy as np
import pytest
from numpy.typing import NDArray

from livegen.apu import (
    LATENCY_SAMPLES,
    MAX_BLOCK_SAMPLES,
    new_chip,
    read_samples,
    render_writes,
    set_gain,
    write_register,
)
from livegen.apu.apu import run_to
from livegen.apu.envelope import clock_envelope
from livegen.apu.frame_counter import HALF_FRAME, QUARTER_FRAME, clock_frame_counter, due_clocks, frame_counter_due
from livegen.apu.length_counter import clock_length
from livegen.apu.mixer import LINEAR, WEIGHTS
from livegen.apu.noise import noise_volume, step_shift_register
from livegen.apu.tables import DM, NO, NOISE_TAPS, VOICES
from livegen.apu.triangle import clock_linear_counter, triangle_runs
from livegen.units import CPU_CLOCK_HZ

TOOLS: Final = Path(__file__).parents[2] / "shared" / "tools" / "apuref"
needs_game_music_emu: Final = [
    pytest.mark.skipif(ctypes.util.find_library("gme") is None, reason="libgme0 is not installed"),
    pytest.mark.skipif(not TOOLS.is_dir(), reason=f"no reference tools in {TOOLS}"),
]

LAG_SAMPLES: Final = -7.492
"""What Game_Music_Emu is later by; it is a constant of the two, and noise cannot be aligned by itself."""

_BUFFER_MS: Final = 50


def tool(name: str) -> Any:
    """Return a module of the reference tools."""
    module_name = f"apuref_{name}"
    if module_name not in sys.modules:
        spec = importlib.util.spec_from_file_location(module_name, TOOLS / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module: ModuleType = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        sys.modules[module_name] = module
    return sys.modules[module_name]


def pulse_log(kind: str, seed: int, pulse: int) -> list[list[tuple[int, int]]]:
    """Return four seconds of notes; every kind restarts its sequence with each of them."""
    nsf, generator, base = tool("nsfref"), np.random.default_rng(seed), 0x4000 + 4 * pulse
    log: list[list[tuple[int, int]]] = [*nsf.LEAD]
    period = 0
    for tick in range(240):
        writes: list[tuple[int, int]] = []
        if tick % 12 == 0:
            period, duty = int(generator.integers(60, 1200)), int(generator.integers(0, 4))
            volume = int(generator.integers(6, 16))
            options: dict[str, Any] = {}
            if kind == "sweep":
                options["sweep"] = int(generator.choice([0x8B, 0xA4, 0xF2]))
            elif kind == "envelope":
                options.update(const=False, halt=bool(generator.integers(0, 2)))
            elif kind == "length":
                options.update(halt=False, length=int(generator.integers(0, 32)))
            writes = nsf.pulse(pulse, period, volume, duty, **options)
        elif kind == "vibrato":
            bent = min(max(period + tick % 3 - 1, period & 0x700), period | 0xFF)
            writes = [(base + 2, bent & 0xFF)]
        elif kind == "duty":
            writes = [(base, int(generator.integers(0, 4)) << 6 | 0x30 | int(generator.integers(1, 16)))]
        log.append(writes)
    return log


def noise_log(seed: int) -> list[list[tuple[int, int]]]:
    """Return notes of the noise, 12 ticks each."""
    nsf, generator = tool("nsfref"), np.random.default_rng(seed)
    notes = [nsf.noise(int(generator.integers(0, 11)), int(generator.integers(6, 16))) for _ in range(200)]
    return [*nsf.LEAD, *(writes for note in notes for writes in (note, *[[]] * 11))]


def habitual_render(
    writes: list[tuple[int, int, int]],
    n_samples: int,
    voice: int,
    *,
    cpu_clock_hz: float,
    sample_rate: int,
    region: str,
) -> NDArray[np.float64]:
    """Return the sound of one voice, with the habits put in, of writes: cycle, address and value of each."""
    options: Any = {
        "cpu_clock_hz": cpu_clock_hz,
        "sample_rate": sample_rate,
        "region": region,
        "mixer": "linear",
        "filters": False,
    }
    player = _Player(new_chip(**options)[0], voice, sample_rate / cpu_clock_hz)
    last = int((n_samples + LATENCY_SAMPLES) / sample_rate * cpu_clock_hz) + 1000
    buffer_cycles = _BUFFER_MS * round(CPU_CLOCK_HZ[region]) // 1000
    for cycle, address, value in sorted(
        [*writes, *((end, 0, 0) for end in range(buffer_cycles, last, buffer_cycles)), (last, 0, 0)],
        key=lambda write: write[0],
    ):
        if cycle <= last:
            player.play(cycle, address, value)
    sound = player.samples(n_samples + LATENCY_SAMPLES)[LATENCY_SAMPLES:]
    if voice != NO:
        return sound
    cycles, volumes = zip(*player.volumes, strict=True)  # the same volume, with the high parts low
    level = render_writes(
        cycles, [0x4011] * len(cycles), volumes, n_samples=n_samples, voices=("dm",), **options
    ).astype(np.float64)
    return np.asarray(level * (WEIGHTS[LINEAR, NO] / WEIGHTS[LINEAR, DM]) - sound)


class _Player:
    """Runs a chip from event to event: writes, clocks of the frame counter, ends of buffers."""

    def __init__(self, chip: Any, voice: int, samples_per_cycle: float) -> None:
        self._chip, self._samples_per_cycle = chip, samples_per_cycle
        for other in range(len(VOICES)):
            set_gain(chip, 0, other, float(other == voice))
        chip["noise"]["shift_register"] = 1 << 14
        chip["noise"]["region"] = 0
        self._pieces: list[NDArray[np.float64]] = []
        self._n_read = 0
        self.volumes = [(0, 0)]

    def play(self, cycle: int, address: int, value: int) -> None:
        """Run up to a cycle, and write there if there is an address."""
        counter = self._chip["frame_counter"]
        while (due := int(frame_counter_due(counter))) < cycle:
            self._run(due, is_event=due_clocks(counter) != 0)
            self._clock()
            self._note_volume()
        self._run(cycle, is_event=True)
        odd = (due - cycle) & 1 if cycle else 1
        if address:
            write_register(self._chip, cycle, address, value)
            self._note_volume()
        if address == 0x4017:
            counter["reset_cycle"] = cycle + 1 + odd

    def samples(self, n_samples: int) -> NDArray[np.float64]:
        """Return so many samples from the start."""
        self._read(max(n_samples - self._n_read, 0))
        return np.concatenate(self._pieces)[:n_samples]

    def _run(self, cycle: int, *, is_event: bool) -> None:
        chip, noise = self._chip, self._chip["noise"]
        if cycle <= chip["cycle"]:
            return
        is_silent, register = noise_volume(noise) == 0, int(noise["shift_register"])
        moves = is_event and noise["mode"] == 0 and noise["next_clock"] < cycle
        run_to(chip, cycle)
        if is_silent:
            noise["shift_register"] = step_shift_register(register, NOISE_TAPS[0], 1) if moves else register
        if not triangle_runs(chip["triangle"]):
            chip["triangle"]["next_clock"] = cycle
        n_samples = int(cycle * self._samples_per_cycle) - self._n_read - 8
        if n_samples > MAX_BLOCK_SAMPLES // 2:
            self._read(n_samples)

    def _read(self, n_samples: int) -> None:
        self._pieces.append(np.empty(n_samples))
        self._n_read += n_samples
        read_samples(self._chip, n_samples, self._pieces[-1])

    def _clock(self) -> None:
        """Do what the frame counter does now, without a cycle in which the voices would move."""
        chip = self._chip
        clocks = clock_frame_counter(chip["frame_counter"])
        if clocks & QUARTER_FRAME:
            clock_linear_counter(chip["triangle"])
            clock_envelope(chip["noise"]["envelope"])
        if clocks & HALF_FRAME:
            clock_length(chip["triangle"]["length"])
            clock_length(chip["noise"]["length"])
        set_gain(chip, int(chip["cycle"]), DM, 0.0)  # sends the new levels

    def _note_volume(self) -> None:
        volume = int(noise_volume(self._chip["noise"]))
        if volume != self.volumes[-1][1]:
            self.volumes.append((int(self._chip["cycle"]), volume))
