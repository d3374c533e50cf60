"""`render_writes` against theory: pitch, aliases, levels, times; and what it refuses."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from livegen.apu import render_blocks, render_writes
from livegen.apu.workloads import busy_writes, worst_case_writes
from livegen.errors import FormatError

CLOCK = 1_789_773.0
RATE = 48_000
ON = [(0x4015, 0x0F), (0x4001, 0x08), (0x4005, 0x08)]


def pulse(base: int, timer_period: int, volume: int, duty: int = 2) -> list[tuple[int, int]]:
    return [
        (base, duty << 6 | 0x30 | volume),
        (base + 2, timer_period & 0xFF),
        (base + 3, 0x08 | timer_period >> 8),
    ]


def triangle(timer_period: int) -> list[tuple[int, int]]:
    return [(0x4008, 0xFF), (0x400A, timer_period & 0xFF), (0x400B, 0x08 | timer_period >> 8)]


def noise(period_index: int, volume: int, mode: int = 0) -> list[tuple[int, int]]:
    return [(0x400C, 0x30 | volume), (0x400E, mode << 7 | period_index), (0x400F, 0x08)]


def render(writes: list[tuple[int, int]], n_samples: int = RATE, **options: Any) -> NDArray[np.float64]:
    """Render writes that all come at cycle 0."""
    cycle, address, value = [0] * len(writes), [a for a, _ in writes], [v for _, v in writes]
    options = {"cpu_clock_hz": CLOCK, "sample_rate": RATE, "filters": False, "n_samples": n_samples, **options}
    return render_writes(cycle, address, value, **options).astype(np.float64)


def frequency_near(x: NDArray[np.float64], sample_rate: float, hz: float) -> float:
    """Return the frequency of the component near `hz`, by the advance of its phase between two halves."""
    half = len(x) // 2
    window, time = np.kaiser(half, 14), np.arange(half) / sample_rate
    for _ in range(4):
        turn = np.exp(-2j * np.pi * hz * time) * window
        advance = np.sum(x[half : 2 * half] * turn) * np.conj(np.sum(x[:half] * turn))
        hz += np.angle(advance * np.exp(-2j * np.pi * hz * half / sample_rate)) / (2 * np.pi * half / sample_rate)
    return hz


def alias_db(x: NDArray[np.float64], sample_rate: float, hz: float) -> float:
    """Return the energy 20 Hz to 20 kHz off the harmonics of `hz`, in dB under the fundamental."""
    margin = 9
    power = np.abs(np.fft.rfft((x - x.mean()) * np.kaiser(len(x), 20))) ** 2
    bins = hz * len(x) / sample_rate
    harmonics = np.rint(np.arange(1, int(sample_rate / 2 / hz) + 2) * bins).astype(int)
    fundamental = power[harmonics[0] - margin : harmonics[0] + margin + 1].sum()
    for harmonic in harmonics:
        power[max(harmonic - margin, 0) : harmonic + margin + 1] = 0
    power[: max(int(20 * len(x) / sample_rate), margin + 1)] = 0
    power[int(20_000 * len(x) / sample_rate) :] = 0
    return float(10 * np.log10(power.sum() / fundamental))


def plateaus(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the levels on which a slow wave rests, ascending; between its edges it is exactly constant."""
    windows = np.lib.stride_tricks.sliding_window_view(x, 9)
    return np.unique(windows[np.ptp(windows, axis=1) == 0])


@pytest.mark.parametrize("sample_rate", [44_100, 48_000])
@pytest.mark.parametrize("timer_period", [12, 105, 600, 2047])
def test_pitch(sample_rate: int, timer_period: int) -> None:
    for writes, hz in (
        (pulse(0x4000, timer_period, 15), CLOCK / 16 / (timer_period + 1)),
        (triangle(timer_period), CLOCK / 32 / (timer_period + 1)),
    ):
        x = render(ON + writes, sample_rate=sample_rate, n_samples=sample_rate)
        found = frequency_near(x[sample_rate // 8 :] - x.mean(), sample_rate, hz)
        assert abs(1200 * np.log2(found / hz)) < 0.05


@pytest.mark.parametrize("sample_rate", [44_100, 48_000])
@pytest.mark.parametrize("timer_period", [12, 20, 33, 105, 300, 600])
def test_aliases_of_a_steady_pulse(sample_rate: int, timer_period: int) -> None:
    x = render(ON + pulse(0x4000, timer_period, 15), sample_rate=sample_rate, n_samples=sample_rate)
    assert alias_db(x[1000:], sample_rate, CLOCK / 16 / (timer_period + 1)) < -85


def test_the_pulses_levels_are_the_formula_s() -> None:
    for p1, p2 in [(15, 0), (15, 15), (1, 0), (4, 9)]:
        writes = ON + pulse(0x4000, 2047, p1) + pulse(0x4004, 2047, p2)
        levels = plateaus(render(writes, voices=("p1", "p2")))
        assert levels == pytest.approx([0, 95.88 / (8128 / (p1 + p2) + 100)], abs=1e-4)


def test_the_triangle_s_levels_are_the_formula_s() -> None:
    levels = plateaus(render(ON + triangle(2047), voices=("tr",))[1000:])
    expected = [159.79 / (1 / (t / 8227) + 100) if t else 0 for t in range(16)]
    assert levels == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("dmc", [0, 60, 127])
def test_noise_and_dmc_share_a_converter_with_the_triangle(dmc: int) -> None:
    levels = plateaus(render(ON + noise(15, 12) + [(0x4011, dmc)])[1000:])
    held = 15 / 8227 + dmc / 22638  # the triangle stands at 15 from power-up
    expected = [159.79 / (1 / load + 100) for load in (held, held + 12 / 12241)]
    assert levels == pytest.approx(expected, abs=1e-4)


def test_the_linear_mixer() -> None:
    levels = plateaus(render(ON + pulse(0x4000, 2047, 10), voices=("p1",), mixer="linear"))
    assert levels == pytest.approx([0, 0.0752], abs=1e-4)


def test_the_dmc_s_level_sounds_with_all_voices_or_by_name() -> None:
    write = [(0x4011, 100)]
    assert np.ptp(render(write)) > 0.1
    assert np.ptp(render(write, voices=("dm",))) > 0.1
    assert np.ptp(render(write, voices=("p1", "p2", "tr"))) == 0


def test_nothing_written_is_still() -> None:
    assert np.ptp(render([])) == 0
    assert np.abs(render([], filters=True)).max() < 1e-20


def test_an_ultrasonic_triangle_is_still_and_clicks_at_neither_end() -> None:
    ultrasonic, audible = [(0x400A, 1), (0x400B, 0x08)], [(0x400A, 0x2C), (0x400B, 0x09)]
    log = [(0, *write) for write in ON + triangle(300)]
    log += [(400_000, *write) for write in ultrasonic] + [(800_000, *write) for write in audible]
    x = render_writes(
        *zip(*log, strict=True),
        cpu_clock_hz=CLOCK, sample_rate=RATE, n_samples=RATE, filters=False, voices=("tr",),
    )  # fmt: skip
    first, last = int(400_000 / CLOCK * RATE), int(800_000 / CLOCK * RATE)
    assert np.ptp(x[first + 40 : last - 40]) == 0
    assert np.abs(np.diff(x)).max() < 0.02  # a step of the triangle, no more
    assert np.ptp(x[:first]) == pytest.approx(np.ptp(x[last:]), rel=0.01)


def test_an_envelope_decays_on_quarter_frames() -> None:
    writes = [*ON, (0x4017, 0x00), (0x4000, 0xA0), (0x4002, 0x40), (0x4003, 0x08)]
    x = render(writes, voices=("p1",), mixer="linear")
    for quarter, volume in enumerate(range(15, 0, -1)):
        start = int((7457 * (quarter + 1) + 400) / CLOCK * RATE)
        heard = x[start : start + 160]
        assert np.median(heard[heard > 0.00376]) == pytest.approx(0.00752 * volume, rel=0.02)


@pytest.mark.parametrize(("region", "second_half_frame"), [("ntsc", 29829), ("pal", 33253)])
def test_a_length_of_two_ends_on_the_second_half_frame(region: str, second_half_frame: int) -> None:
    writes = [*ON, (0x4000, 0x9F), (0x4002, 0x40), (0x4003, 0x18)]
    x = render(writes, region=region, voices=("p1",))
    last = np.flatnonzero(np.abs(x) > 0.05)[-1]
    assert 0 <= second_half_frame / CLOCK * RATE - last < 16 * 0x41 / CLOCK * RATE  # within a period of the wave


def test_how_far_writes_lie_apart_costs_nothing() -> None:
    x = render_writes(
        [0, 1 << 47], [0x4011, 0x4011], [10, 20], cpu_clock_hz=CLOCK, sample_rate=RATE, n_samples=100, filters=False
    )
    assert len(x) == 100


@pytest.mark.parametrize("n_samples", [0, 1, 14, 16, 1023, 1025, 20_000])
def test_a_shorter_render_is_the_start_of_a_longer_one(n_samples: int) -> None:
    log = busy_writes(0.5)
    options: dict[str, Any] = {"cpu_clock_hz": CLOCK, "sample_rate": RATE}
    whole = render_writes(*log, n_samples=20_000, **options)
    assert (render_writes(*log, n_samples=n_samples, **options) == whole[:n_samples]).all()
    assert whole.dtype == np.float32


def test_the_blocks_of_a_long_render_are_the_whole_in_order() -> None:
    log = busy_writes(4.0)
    options: dict[str, Any] = {"cpu_clock_hz": CLOCK, "sample_rate": RATE, "n_samples": 4 * RATE + 1}
    blocks = list(render_blocks(*log, **options))
    assert max(map(len, blocks)) <= 1 << 16
    assert (np.concatenate(blocks) == render_writes(*log, **options)).all()
    assert list(render_blocks(*log, **options | {"n_samples": 0})) == []


def test_blocks_are_refused_before_the_first_of_them() -> None:
    with pytest.raises(FormatError, match="region is 'mars'"):
        render_blocks([], [], [], cpu_clock_hz=CLOCK, sample_rate=RATE, n_samples=0, region="mars")


def test_the_workloads_make_every_voice_sound() -> None:
    for log in (busy_writes(1.0), worst_case_writes()):
        for voice in ("p1", "p2", "tr", "no"):
            x = render_writes(
                *log, cpu_clock_hz=CLOCK, sample_rate=RATE, n_samples=RATE, voices=(voice,), filters=False
            )
            assert x[2000:].std() > 0.001


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"cycle": [5, 3]}, "Write 1 of the log is at cycle 3, before the 5"),
        ({"cycle": [-1, 3]}, "Write 0 of the log has -1 among its cycles"),
        ({"cycle": [1]}, "as many cycles as addresses and values, not 1, 2 and 2"),
        ({"cycle": [0.5, 1.0]}, "integers, not float64"),
        ({"cycle": [[0, 1]]}, "integers, not int64 of shape"),
        ({"cycle": [0, 1 << 70]}, "integers, not object"),
        ({"cycle": [0, [1]]}, "one row of integers"),
        ({"cycle": None}, "one row of integers"),
        ({"address": [0x3FFF, 0x4000]}, "has 16383 among its addresses"),
        ({"value": [0, 256]}, "Write 1 of the log has 256 among its values; they must be 0 to 255"),
        ({"cpu_clock_hz": float("nan")}, "CPU clock is nan"),
        ({"cpu_clock_hz": "fast"}, "CPU clock is 'fast'"),
        ({"sample_rate": 0}, "sample rate is 0"),
        ({"sample_rate": None}, "sample rate is None"),
        ({"n_samples": -1}, "n_samples is -1"),
        ({"n_samples": 1e3}, "n_samples is 1000.0"),
        ({"n_samples": 1 << 40}, "n_samples is 1099511627776"),
        ({"region": "mars"}, "region is 'mars'; it must be one of ntsc, pal"),
        ({"voices": ("p1", "p3")}, "voice is 'p3'"),
        ({"voices": "p1"}, "must be a tuple"),
        ({"voices": 3}, "must be a tuple"),
        ({"mixer": None}, "mixer is None"),
    ],
)
def test_what_it_refuses(changed: dict[str, Any], message: str) -> None:
    arguments: dict[str, Any] = {
        "cycle": [0, 1],
        "address": [0x4000, 0x4001],
        "value": [0, 0],
        "cpu_clock_hz": CLOCK,
        "sample_rate": RATE,
        "n_samples": 10,
        **changed,
    }
    with pytest.raises(FormatError, match=message.replace("(", r"\(")) as refused:
        render_writes(**arguments)
    assert str(refused.value).count(".") <= 2
    assert "\n" not in str(refused.value)
