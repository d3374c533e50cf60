"""The chip against a plain model that does, cycle by cycle, what the pages under nesdev.org/wiki/APU say.

Levels and times are compared; how steps become samples is the chip's own on both sides.
"""

from typing import Any

import numpy as np
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from livegen.apu import Memory, MemoryChange, render_writes
from livegen.apu.band_limit import BAND_LIMIT, LATENCY_SAMPLES, LEVEL_UNITS, add_step, samples_per_cycle, sum_steps

DUTIES = ["01000000", "01100000", "01111000", "10011111"]
LENGTHS = [10, 254, 20, 2, 40, 4, 80, 6, 160, 8, 60, 10, 14, 12, 26, 14]
LENGTHS += [12, 16, 24, 18, 48, 20, 96, 22, 192, 24, 72, 26, 16, 28, 32, 30]
NOISE = {
    "ntsc": [4, 8, 16, 32, 64, 96, 128, 160, 202, 254, 380, 508, 762, 1016, 2034, 4068],
    "pal": [4, 8, 14, 30, 60, 88, 118, 148, 188, 236, 354, 472, 708, 944, 1890, 3778],
}
DMC = {
    "ntsc": [428, 380, 340, 320, 286, 254, 226, 214, 190, 160, 142, 128, 106, 84, 72, 54],
    "pal": [398, 354, 316, 298, 276, 236, 210, 198, 176, 148, 132, 118, 98, 78, 66, 50],
}
FRAMES = {
    "ntsc": ({7457: "q", 14913: "h", 22371: "q", 29829: "h"}, 29830, {7457: "q", 14913: "h", 22371: "q", 37281: "h"}),
    "pal": ({8313: "q", 16627: "h", 24939: "q", 33253: "h"}, 33254, {8313: "q", 16627: "h", 24939: "q", 41565: "h"}),
}
FIVE_STEP_LOOPS = {"ntsc": 37282, "pal": 41566}


class Voice:
    """Registers and counters that a voice of any kind may have."""

    def __init__(self) -> None:
        self.on = self.halt = self.constant = self.loop = self.start = self.sweeps = self.negates = False
        self.control = self.reload = False
        self.length = self.volume = self.divider = self.decay = self.linear = self.linear_reload = 0
        self.period = self.timer = self.position = self.duty = self.mode = 0
        self.sweep_period = self.shift = self.sweep_divider = 0
        self.sweep_reload = False
        self.loaded: int | None = None  # waits for the half frame of its cycle, and so does the halt flag
        self.new_halt = False

    def quarter(self) -> None:
        if self.start:
            self.start, self.decay, self.divider = False, 15, self.volume
        elif self.divider:
            self.divider -= 1
        else:
            self.divider = self.volume
            self.decay = self.decay - 1 if self.decay else (15 if self.loop else 0)

    def envelope(self) -> int:
        return self.volume if self.constant else self.decay

    def target(self, is_first: bool) -> int:
        change = self.period >> self.shift
        return max(self.period - change - is_first, 0) if self.negates else self.period + change

    def mutes(self, is_first: bool) -> bool:
        return self.period < 8 or self.target(is_first) > 0x7FF

    def sweep(self, is_first: bool) -> None:
        if self.sweep_divider == 0 and self.sweeps and self.shift and not self.mutes(is_first):
            self.period = self.target(is_first)
        if self.sweep_divider == 0 or self.sweep_reload:
            self.sweep_divider, self.sweep_reload = self.sweep_period, False
        else:
            self.sweep_divider -= 1


class SampleChannel:
    """The DMC: memory reader and output unit; a byte is there four cycles after it is wanted."""

    def __init__(self, periods: list[int], memory: bytearray) -> None:
        self.periods, self.memory = periods, memory
        self.period = self.timer = periods[0]
        self.loop, self.level, self.start, self.length = False, 0, 0xC000, 1
        self.address, self.remaining, self.now, self.wait_until = 0xC000, 0, 0, -1
        self.buffer: int | None = None
        self.bits: list[int] | None = None
        self.counter = 8

    def write(self, address: int, value: int) -> None:
        if address == 0x4010:
            self.loop, self.period = bool(value & 0x40), self.periods[value & 15]
        elif address == 0x4011:
            self.level = value & 0x7F
        elif address == 0x4012:
            self.start = 0xC000 + value * 64
        else:
            self.length = value * 16 + 1

    def switch(self, on: bool) -> None:
        if not on:
            self.remaining, self.wait_until = 0, -1
        elif self.remaining == 0:
            self.address, self.remaining = self.start, self.length
            if self.buffer is None:
                self.wait_until = self.now + 4

    def cycle(self) -> None:
        if self.wait_until == self.now:
            self.wait_until, self.buffer = -1, self.memory[self.address - 0x8000]
            self.address = self.address + 1 if self.address < 0xFFFF else 0x8000
            self.remaining -= 1
            if self.remaining == 0 and self.loop:
                self.address, self.remaining = self.start, self.length
        if self.timer == 0:
            self.timer = self.period
            self.clock()
        self.timer -= 1
        self.now += 1

    def clock(self) -> None:
        if self.bits is not None:
            bit = self.bits.pop(0)
            if bit and self.level <= 125:
                self.level += 2
            elif not bit and self.level >= 2:
                self.level -= 2
        self.counter -= 1
        if self.counter == 0:
            self.counter, self.bits = 8, None
            if self.buffer is not None:
                self.bits, self.buffer = [self.buffer >> i & 1 for i in range(8)], None
                if self.remaining:
                    self.wait_until = self.now + 4


class PlainChip:
    """Every CPU cycle: writes, then the frame counter, then the timers."""

    def __init__(self, region: str, memory: bytearray) -> None:
        self.region, self.voices = region, [Voice() for _ in range(4)]
        self.voices[2].position, self.register = 31, 1
        self.dmc = SampleChannel(DMC[region], memory)
        self.frame_cycle, self.five, self.reset_in, self.new_five = 0, False, -1, False

    def cycle(self, cycle: int, writes: list[tuple[int, int]]) -> tuple[int, int, int, int, int]:
        for address, value in writes:
            self.write(cycle, address, value)
        clock = FRAMES[self.region][2 if self.five else 0].get(self.frame_cycle, "")
        if self.reset_in == 0:
            self.frame_cycle, self.five = 0, self.new_five
            clock = "h" if self.five else clock
        self.reset_in -= 1
        if clock:
            self.quarter_frame()
        self.settle_lengths(clock == "h")
        loop = FIVE_STEP_LOOPS[self.region] if self.five else FRAMES[self.region][1]
        self.frame_cycle = (self.frame_cycle + 1) % loop
        self.timers(cycle)
        return self.levels()

    def write(self, cycle: int, address: int, value: int) -> None:
        voice = self.voices[(address >> 2) & 3]
        if 0x4010 <= address <= 0x4013:
            self.dmc.write(address, value)
        elif address == 0x4015:
            self.dmc.switch(bool(value & 16))
            for i, each in enumerate(self.voices):
                each.on = bool(value >> i & 1)
                if not each.on:
                    each.length, each.loaded = 0, None
        elif address == 0x4017:
            self.reset_in, self.new_five = 3 - cycle % 2, bool(value & 0x80)
        elif address < 0x4010:
            if address & 3 == 0:
                voice.duty, voice.constant, voice.volume = value >> 6, bool(value & 16), value & 15
                voice.new_halt = bool(value & (0x80 if address == 0x4008 else 0x20))
                if address == 0x4008:
                    voice.linear_reload, voice.control = value & 127, voice.new_halt
                else:
                    voice.loop = voice.new_halt
            elif address in (0x4001, 0x4005):
                voice.sweeps, voice.sweep_period = bool(value & 128), value >> 4 & 7
                voice.negates, voice.shift, voice.sweep_reload = bool(value & 8), value & 7, True
            elif address == 0x400E:
                voice.mode, voice.period = value >> 7, value & 15
            elif address & 3 == 2:
                voice.period = voice.period & 0x700 | value
            elif address & 3 == 3:
                if address != 0x400F:
                    voice.period = voice.period & 255 | (value & 7) << 8
                voice.loaded = LENGTHS[value >> 3] if voice.on else voice.loaded
                voice.start = voice.reload = True
                if address < 0x4008:
                    voice.position = 0

    def quarter_frame(self) -> None:
        for i in (0, 1, 3):
            self.voices[i].quarter()
        triangle = self.voices[2]
        if triangle.reload:
            triangle.linear = triangle.linear_reload
        elif triangle.linear:
            triangle.linear -= 1
        if not triangle.control:
            triangle.reload = False

    def settle_lengths(self, is_half_frame: bool) -> None:
        for voice in self.voices:
            counts = is_half_frame and voice.length > 0 and not voice.halt
            voice.length -= counts
            if voice.loaded is not None and not counts:
                voice.length = voice.loaded
            voice.loaded, voice.halt = None, voice.new_halt
        if is_half_frame:
            self.voices[0].sweep(True)
            self.voices[1].sweep(False)

    def timers(self, cycle: int) -> None:
        for voice in self.voices[:2]:
            if voice.timer == 0:
                voice.position, voice.timer = (voice.position + 1) % 8, 2 * (voice.period + 1)
            voice.timer -= 1
        triangle, noise = self.voices[2:]
        if triangle.timer == 0:
            triangle.timer = triangle.period + 1
            if triangle.length and triangle.linear and triangle.period >= 2:
                triangle.position = (triangle.position + 1) % 32
        triangle.timer -= 1
        if noise.timer == 0:
            noise.timer = NOISE[self.region][noise.period]
            feedback = (self.register ^ self.register >> (6 if noise.mode else 1)) & 1
            self.register = self.register >> 1 | feedback << 14
        noise.timer -= 1
        self.dmc.cycle()

    def levels(self) -> tuple[int, int, int, int, int]:
        pulses = [
            voice.envelope() * int(DUTIES[voice.duty][voice.position])
            if voice.length and not voice.mutes(voice is self.voices[0])
            else 0
            for voice in self.voices[:2]
        ]
        triangle, noise = self.voices[2:]
        position = triangle.position
        level = 15 - position if position < 16 else position - 16
        return *pulses, level, noise.envelope() * (1 - self.register % 2) if noise.length else 0, self.dmc.level  # type: ignore[return-value]


def amplitudes(levels: tuple[int, int, int, int, int]) -> int:
    """Return the mixer's formulas in the units that the chip rounds to."""
    p1, p2, triangle, noise, dmc = levels
    pulses = 95.88 / (8128 / (p1 + p2) + 100) if p1 + p2 else 0.0
    load = triangle / 8227 + noise / 12241 + dmc / 22638
    others = 159.79 / (1 / load + 100) if load else 0.0
    return int(pulses * LEVEL_UNITS + 0.5) + int(others * LEVEL_UNITS + 0.5)


def plain_render(
    log: list[tuple[int, int, int]], memory: Memory, region: str, clock: float, rate: float, n: int
) -> Any:
    band_limit = np.zeros(1, BAND_LIMIT)[0]
    band_limit["samples_per_cycle"] = samples_per_cycle(clock, rate)
    content, changes = bytearray(memory.first.ljust(0x8000, b"\0")), list(memory.changes)
    chip, at = PlainChip(region, content), 0
    # the triangle's 15 has always been
    last = first = amplitudes((0, 0, 15, 0, 0))
    for cycle in range(int((n + LATENCY_SAMPLES + 20) * clock / rate)):
        while changes and changes[0].cycle == cycle:
            change = changes.pop(0)
            content[change.offset : change.offset + len(change.data)] = change.data
        writes = []
        while at < len(log) and log[at][0] == cycle:
            writes.append(log[at][1:])
            at += 1
        now = amplitudes(chip.cycle(cycle, writes))
        if now != last:
            add_step(band_limit, cycle, now - last)
            last = now
    samples = band_limit["differences"][: n + LATENCY_SAMPLES].copy()
    sum_steps(band_limit, samples)
    return (samples[LATENCY_SAMPLES:] + first / LEVEL_UNITS).astype(np.float32)


FRAME_CYCLES = [7457, 14913, 22371, 29829, 29830, 37281, 8313, 16627, 24939]
_times = st.one_of(
    st.integers(0, 40_000),
    st.builds(lambda cycle, near: cycle + near, st.sampled_from(FRAME_CYCLES), st.integers(-4, 4)),
)
_registers = st.sampled_from([*range(0x4000, 0x4014), 0x4010, 0x4015, 0x4015, 0x4017, 0x4003, 0x4007, 0x400B, 0x400F])
_values = st.one_of(st.integers(0, 255), st.sampled_from([0, 1, 2, 3, 8, 0x0F, 0x80, 0x83, 0xC0, 0xFF]))
_begin = st.sampled_from(
    [
        [(0, 0x4015, 15), (0, 0x4001, 8), (0, 0x4005, 8)],
        [(1, 0x4017, 0x80), (1, 0x4015, 15), (2, 0x4008, 0xFF), (2, 0x400A, 2), (2, 0x400B, 8)],
        [
            *[(1, 0x4017, 0xC0), (1, 0x4015, 15), (2, 0x4008, 0xFF), (2, 0x400A, 2), (2, 0x400B, 8)],
            *[(3, 0x400C, 0x3F), (3, 0x400E, 0), (3, 0x400F, 8)],
        ],
        [(0, 0x4010, 0x4F), (0, 0x4012, 0xFF), (0, 0x4013, 4), (1, 0x4015, 0x1F), (2, 0x4008, 0xFF), (2, 0x400B, 8)],
        [(0, 0x4010, 0x0E), (0, 0x4011, 0x40), (9, 0x4015, 0x1F), (9, 0x400C, 0x3F), (9, 0x400F, 8)],
        [],
    ]
)
_changes = st.lists(
    st.builds(MemoryChange, _times, st.sampled_from([0, 0x4000, 0x7FC0]), st.binary(max_size=64)), max_size=4
)


@settings(max_examples=examples(30))
@given(
    begin=_begin,
    writes=st.lists(st.tuples(_times, _registers, _values), max_size=50),
    changes=_changes,
    seed=st.integers(0, 9),
    region=st.sampled_from(["ntsc", "pal"]),
    rate=st.sampled_from([8_000, 44_100]),
)
def test_the_chip_is_its_plain_model(
    begin: list[tuple[int, int, int]],
    writes: list[tuple[int, int, int]],
    changes: list[MemoryChange],
    seed: int,
    region: str,
    rate: int,
) -> None:
    log = sorted(begin + writes, key=lambda write: write[0])
    n, clock = int(0.021 * rate), 1_789_773.0
    memory = Memory(
        np.random.default_rng(seed).integers(0, 256, 0x8000, np.uint8).tobytes(),
        tuple(sorted(changes, key=lambda change: change.cycle)),
    )
    cycle, address, value = zip(*log, strict=True) if log else ((), (), ())
    ours = render_writes(
        cycle,
        address,
        value,
        cpu_clock_hz=clock,
        sample_rate=rate,
        n_samples=n,
        region=region,
        filters=False,
        memory=memory,
    )
    assert np.abs(ours - plain_render(log, memory, region, clock, rate, n)).max() < 1e-6
