"""The chip as a player drives it: kernels on one record."""

import numpy as np
import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from livegen.apu import (
    LATENCY_SAMPLES,
    MAX_BLOCK_SAMPLES,
    new_chip,
    read_samples,
    sample_to_cycle,
    set_gain,
    voice_level,
    write_memory,
    write_register,
)
from livegen.apu.dmc import MEMORY_BYTES
from livegen.apu.tables import DM, NO, P1, P2, TR
from livegen.apu.workloads import worst_case_writes

RATE = 48_000
CLOCK = 1_536_000.0  # 32 cycles a sample, exactly


def chip_of(**options: object) -> np.ndarray:
    return new_chip(**{"cpu_clock_hz": CLOCK, "sample_rate": RATE, "filters": False, **options})  # type: ignore[arg-type]


def read(chip: np.ndarray, n: int) -> np.ndarray:
    out = np.empty(n)
    read_samples(chip[0], n, out)
    return out


def play(chip: np.ndarray, writes: list[tuple[int, int, int]]) -> None:
    for cycle, address, value in writes:
        write_register(chip[0], cycle, address, value)


def middle_of_step(x: np.ndarray) -> float:
    """Return where an ideal step of the same levels and area lies, in samples."""
    return len(x) - 0.5 - float(np.sum((x - x[0]) / (x[-1] - x[0])))


STEADY_PULSE = [(0, 0x4015, 0x01), (0, 0x4001, 0x08), (0, 0x4000, 0xBC), (0, 0x4002, 0xFF), (0, 0x4003, 0x0B)]

_actions = st.lists(
    st.tuples(
        st.integers(0, 96_000),  # cycle
        st.sampled_from(range(0x3FFF, 0x401A)),
        st.integers(0, 255),
        st.integers(-1, 5),  # a voice whose gain changes too
        st.sampled_from([0.0, 0.3, 1.0, 4.0, np.nan]),
    ),
    min_size=5,
    max_size=60,
)
SAMPLE = [(0, 0x4010, 0x4F), (0, 0x4011, 60), (0, 0x4013, 1), (0, 0x4015, 0x1F)]
DENSEST = [(0, address, value) for _, address, value in zip(*(c.tolist() for c in worst_case_writes()), strict=True)]
_ready = st.sampled_from([[(0, 0x4015, 0x1F), (0, 0x4001, 0x08), (0, 0x4005, 0x08)], [], DENSEST, DENSEST + SAMPLE])


@settings(max_examples=examples(60))
@given(
    actions=_actions,
    ready=_ready,
    blocks=st.lists(st.integers(1, 400), min_size=1, max_size=40),
    filters=st.booleans(),
    mixer=st.sampled_from(["linear", "nonlinear"]),
    region=st.sampled_from(["ntsc", "pal"]),
    clock=st.sampled_from([CLOCK, 1_789_772.727272, 1_662_607.0]),
)
def test_blocks_never_change_a_sample(actions, ready, blocks, filters, mixer, region, clock) -> None:  # type: ignore[no-untyped-def]
    actions = sorted(actions, key=lambda action: action[0])

    def render(sizes: list[int]) -> tuple[np.ndarray, np.ndarray]:
        chip = chip_of(filters=filters, mixer=mixer, region=region, cpu_clock_hz=clock)
        write_memory(chip[0], 0, 0, np.random.default_rng(1).integers(0, 256, MEMORY_BYTES, np.uint8))
        play(chip, ready)
        heard, i, size = [], 0, 0
        while sum(map(len, heard)) < 3000:
            n = min(sizes[size % len(sizes)], 3000 - sum(map(len, heard)))
            size += 1
            end = sample_to_cycle(chip[0], sum(map(len, heard)) + n)
            while i < len(actions) and actions[i][0] < end:
                cycle, address, value, voice, gain = actions[i]
                write_register(chip[0], cycle, address, value)
                set_gain(chip[0], cycle, voice, gain)
                write_memory(chip[0], cycle, 0x4000 + value, np.full(voice + 1, address & 0xFF, np.uint8))
                i += 1
            heard.append(read(chip, n))
        chip["others_levels"] = 0  # worked out anew wherever it is used
        return np.concatenate(heard), chip

    whole, chip = render([3000])
    cut, cut_chip = render(blocks)
    assert (whole == cut).all()
    assert chip.tobytes() == cut_chip.tobytes()
    assert np.isfinite(whole).all()


def test_the_buffer_stays_exact_at_the_loudest_and_densest() -> None:
    chip = chip_of(mixer="linear")
    play(chip, list(zip(*(column.tolist() for column in worst_case_writes()), strict=True)))
    for voice in range(5):
        set_gain(chip[0], 0, voice, 4.0)
    write_register(chip[0], sample_to_cycle(chip[0], 4000), 0x4011, 127)  # 4000 samples lie in the buffer now
    assert np.abs(chip[0]["band_limit"]["differences"]).max() < 2.0**53 / 4


def test_after_days_it_sounds_as_in_the_first_second() -> None:
    young, old = chip_of(), chip_of()
    days = 1 << 42  # cycles: a month
    record = old[0]
    record["cycle"] += days
    record["band_limit"]["origin_sample"] += days // 32
    for unit in (record["pulses"][0], record["pulses"][1], record["triangle"], record["noise"]):
        unit["next_clock"] += days
    record["frame_counter"]["sequence_start"] += days
    play(young, STEADY_PULSE)
    play(old, [(cycle + days, address, value) for cycle, address, value in STEADY_PULSE])
    expected = read(young, 20_000)
    assert (read(old, 20_000) == expected).all()
    assert np.ptp(expected) > 0.1


def test_a_copy_is_a_snapshot() -> None:
    chip = chip_of()
    play(chip, STEADY_PULSE)
    read(chip, 777)
    snapshot = chip.copy()
    expected = read(chip, 1000)
    assert (read(snapshot, 1000) == expected).all()


def test_a_write_sounds_at_its_sample() -> None:
    chip = chip_of()
    write_register(chip[0], sample_to_cycle(chip[0], 1000), 0x4011, 127)
    heard = read(chip, 2000)
    assert middle_of_step(heard) == pytest.approx(1000 + LATENCY_SAMPLES, abs=0.001)


def test_a_write_in_the_past_means_now() -> None:
    chip = chip_of()
    read(chip, 500)
    write_register(chip[0], 0, 0x4011, 127)
    assert middle_of_step(read(chip, 500)) == pytest.approx(LATENCY_SAMPLES, abs=0.001)


def test_a_write_beyond_the_buffer_is_brought_forward_and_counted() -> None:
    chip = chip_of()
    write_register(chip[0], 1 << 60, 0x4011, 127)
    heard = read(chip, MAX_BLOCK_SAMPLES + 100)
    assert chip[0]["early_writes"] == 1
    assert middle_of_step(heard) == pytest.approx(MAX_BLOCK_SAMPLES + LATENCY_SAMPLES, abs=0.001)


def test_gain_changes_the_level_and_is_a_step_itself() -> None:
    chip = chip_of(mixer="linear")
    play(chip, STEADY_PULSE)
    set_gain(chip[0], 0, TR, 0.0)
    full = read(chip, 4000)[500:].max()
    set_gain(chip[0], sample_to_cycle(chip[0], 4000), P1, 0.5)
    assert read(chip, 4000)[500:].max() == pytest.approx(full / 2, rel=0.02)
    set_gain(chip[0], sample_to_cycle(chip[0], 8000), P1, 0.0)
    assert (read(chip, 4000)[500:] == 0).all()


def test_gains_are_clamped() -> None:
    chip = chip_of()
    for gain, taken in [(np.nan, 0.0), (-1.0, 0.0), (np.inf, 4.0), (0.5, 0.5)]:
        set_gain(chip[0], 0, P2, gain)
        assert chip[0]["gain"][P2] == taken
    before = chip.copy()
    for voice in (-1, 5, 1 << 40):
        set_gain(chip[0], 0, voice, 0.1)
    assert (chip[0]["gain"] == before[0]["gain"]).all()


def test_meters() -> None:
    chip = chip_of()
    play(chip, STEADY_PULSE)
    play(chip, [(0, 0x4015, 0x0D), (0, 0x400C, 0x35), (0, 0x400F, 0x08), (0, 0x4008, 0xFF), (0, 0x400A, 99)])
    write_register(chip[0], 0, 0x400B, 0x08)
    assert [voice_level(chip[0], voice) for voice in (P1, P2, TR, NO, DM)] == [12, 0, 0, 5, 0]
    read(chip, 1000)  # past the quarter frame that loads the linear counter
    assert voice_level(chip[0], TR) == 15
    write_register(chip[0], 0, 0x4015, 0)
    assert [voice_level(chip[0], voice) for voice in (P1, P2, TR, NO)] == [0, 0, 0, 0]


HALF_FRAME_CYCLE = 14_913
READY_TO_COUNT = [(0, 0x4015, 0x0F), (0, 0x4000, 0x10), (0, 0x4003, 0x00), (0, 0x4008, 0x00), (0, 0x400B, 0x00)]


@pytest.mark.parametrize(("cycle", "left"), [(-1, 10), (0, 9), (1, 9)])
def test_a_halt_flag_written_as_the_length_is_clocked_comes_too_late(cycle: int, left: int) -> None:
    chip = chip_of(cpu_clock_hz=1_789_773.0)
    halts = [(HALF_FRAME_CYCLE + cycle, 0x4000, 0x30), (HALF_FRAME_CYCLE + cycle, 0x4008, 0x80)]
    play(chip, READY_TO_COUNT + halts)
    read(chip, 450)
    assert chip[0]["pulses"][0]["length"]["count"] == left
    assert chip[0]["triangle"]["length"]["count"] == left


@pytest.mark.parametrize(("cycle", "left"), [(-1, 253), (0, 9), (1, 254)])
def test_a_load_as_the_length_counts_is_lost(cycle: int, left: int) -> None:
    chip = chip_of(cpu_clock_hz=1_789_773.0)
    play(chip, [*READY_TO_COUNT, (HALF_FRAME_CYCLE + cycle, 0x4003, 0x08)])
    read(chip, 450)
    assert chip[0]["pulses"][0]["length"]["count"] == left


@pytest.mark.parametrize(("cycle", "left"), [(-1, 253), (0, 254), (1, 254)])
def test_a_load_of_an_ended_length_is_taken(cycle: int, left: int) -> None:
    chip = chip_of(cpu_clock_hz=1_789_773.0)
    play(chip, [(0, 0x4015, 0x01), (HALF_FRAME_CYCLE + cycle, 0x4003, 0x08)])
    read(chip, 450)
    assert chip[0]["pulses"][0]["length"]["count"] == left
