"""Against Game_Music_Emu, an emulator that nobody here wrote.

It needs Debian's libgme0 and the folder of reference tools that lies beside the checkout.
"""

import numpy as np
import pytest
from game_music_emu import LAG_SAMPLES, habitual_render, needs_game_music_emu, noise_log, pulse_log, tool
from numpy.typing import NDArray

from livegen.apu import render_writes
from livegen.apu.tables import NO, TR

pytestmark = needs_game_music_emu


def reports(
    voice: str,
    sample_rate: int,
    log: list[list[tuple[int, int]]],
    *,
    lag: float | None = None,
    pal: bool = False,
    steady: list[tuple[float, float, float]] | None = None,
    skipped_seconds: float = 0.0,
) -> dict[str, float]:
    nsf, compare = tool("nsfref"), tool("compare")
    play_us = 0x4E20 if pal else 0x411A
    seconds = len(log) * play_us * 1e-6 - 0.3
    name = {"tr": "tri", "no": "noi"}.get(voice, voice)
    reference: NDArray[np.float64] = nsf.render_log(log, play_us, pal, fs=sample_rate, seconds=seconds, voices=name)
    cycle, address, value = zip(*nsf.write_times(log, play_us, pal), strict=True)
    ours = render_writes(
        cycle,
        address,
        value,
        cpu_clock_hz=nsf.gme_clock(sample_rate, pal),
        sample_rate=sample_rate,
        n_samples=len(reference),
        region="pal" if pal else "ntsc",
        voices=(voice,),
        mixer="linear",
        filters=False,
    )
    begin = int(skipped_seconds * sample_rate)
    result: dict[str, float] = compare.report(reference[begin:], ours[begin:], sample_rate, lag=lag, steady=steady)
    return result


@pytest.mark.parametrize("sample_rate", [44_100, 48_000])
@pytest.mark.parametrize("pal", [False, True])
@pytest.mark.parametrize("kind", ["steady", "sweep", "envelope", "length", "vibrato", "duty"])
def test_pulses(kind: str, pal: bool, sample_rate: int) -> None:
    pulse = (sample_rate // 100 + pal) % 2
    report = reports(("p1", "p2")[pulse], sample_rate, pulse_log(kind, 3, pulse), pal=pal)
    assert report["null_db"] < (-35 if kind == "sweep" else -45)
    assert report["lsd_mean"] < 0.8
    assert report["env_p95"] < 0.05
    assert report["psd_db"] < 0.03
    if not pal:
        assert report["lag"] == pytest.approx(LAG_SAMPLES, abs=0.05)


@pytest.mark.parametrize("sample_rate", [44_100, 48_000])
@pytest.mark.parametrize("timer_period", [40, 253, 900])
def test_the_triangle(timer_period: int, sample_rate: int) -> None:
    """A note that is never gated, once aligned.

    When a gate opens, the reference's timer begins anew, while the console's and ours has run on: the phase of each
    note is the timer's, and differs.
    """
    nsf = tool("nsfref")
    log = [*nsf.LEAD, nsf.tri(timer_period), *[[]] * 180]
    hz = nsf.gme_clock(sample_rate) / 32 / (timer_period + 1)
    report = reports("tr", sample_rate, log, steady=[(0.0, 2.5, hz)], skipped_seconds=0.3)
    assert report["null_db"] < -38
    assert report["env_p95"] < 0.08
    assert report["lsd_mean"] < 2
    assert report["psd_db"] < 0.12
    assert report["cents_n"] == 1
    assert max(report["cents_ref_max"], report["cents_theory_max"]) < 0.05


@pytest.mark.parametrize("sample_rate", [44_100, 48_000])
@pytest.mark.parametrize(("pal", "timer_period"), [(False, 105), (True, 105), (False, 600)])
def test_pitch(pal: bool, timer_period: int, sample_rate: int) -> None:
    nsf = tool("nsfref")
    log = [*nsf.LEAD, nsf.pulse(0, timer_period, 12, 2), *[[]] * 180]
    hz = nsf.gme_clock(sample_rate, pal) / 16 / (timer_period + 1)
    report = reports("p1", sample_rate, log, pal=pal, steady=[(0.5, 2.5, hz)])
    assert report["cents_n"] == 1
    assert max(report["cents_ref_max"], report["cents_theory_max"]) < 0.05


@pytest.mark.parametrize("sample_rate", [44_100, 48_000])
def test_the_noise(sample_rate: int) -> None:
    """Its phase is arbitrary, and so are envelopes of 10 ms and the finer spectrum."""
    report = reports("no", sample_rate, noise_log(2), lag=LAG_SAMPLES)
    assert report["psd_db"] < 0.3
    assert report["env_p95"] < 2.5


@pytest.mark.parametrize("pal", [False, True])
def test_with_the_reference_s_habits_gated_triangles_are_the_same_wave(pal: bool) -> None:
    nsf, generator = tool("nsfref"), np.random.default_rng(5)
    log = [*nsf.LEAD]
    for _ in range(40):
        length, control = int(generator.integers(3, 40)), bool(generator.integers(0, 2))
        log += [nsf.tri(int(generator.integers(60, 1200)), length, control), *[[]] * int(generator.integers(2, 9))]
        log += [[(0x4008, 0)], *[[]] * int(generator.integers(0, 4))]
    report = habitual_report(log, TR, pal=pal)
    assert report["null_db"] < -48
    assert report["env_p95"] < 0.02
    assert report["lsd_mean"] < 1
    assert report["psd_db"] < 0.02


@pytest.mark.parametrize("pal", [False, True])
def test_with_the_reference_s_habits_the_noise_is_the_same_wave(pal: bool) -> None:
    """But for its short kernels, with which noise of a few cycles is softer."""
    log = noise_log(2)[:400]
    report = habitual_report(log, NO, pal=pal)
    assert report["null_db"] < -30
    assert report["env_p95"] < 0.15
    assert report["lsd_mean"] < 1.5
    assert report["psd_db"] < 0.15


def habitual_report(log: list[list[tuple[int, int]]], voice: int, *, pal: bool) -> dict[str, float]:
    nsf, sample_rate, play_us = tool("nsfref"), 48_000, 0x4E20 if pal else 0x411A
    reference = nsf.render_log(log, play_us, pal, fs=sample_rate, voices={TR: "tri", NO: "noi"}[voice])
    ours = habitual_render(
        nsf.write_times(log, play_us, pal),
        len(reference),
        voice,
        cpu_clock_hz=nsf.gme_clock(sample_rate, pal),
        sample_rate=sample_rate,
        region="pal" if pal else "ntsc",
    )
    skipped = sample_rate // 3  # the reference begins with a linear counter of 16
    report: dict[str, float] = tool("compare").report(reference[skipped:], ours[skipped:], sample_rate, lag=LAG_SAMPLES)
    return report
