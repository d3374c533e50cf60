"""Against Game_Music_Emu, an emulator that nobody here wrote.

It needs Debian's libgme0 and the folder of reference tools that lies beside the checkout.
"""

import ctypes.util
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from livegen.apu import render_writes

TOOLS = Path(__file__).parents[3] / "shared" / "tools" / "apuref"
pytestmark = [
    pytest.mark.skipif(ctypes.util.find_library("gme") is None, reason="libgme0 is not installed"),
    pytest.mark.skipif(not TOOLS.is_dir(), reason=f"no reference tools in {TOOLS}"),
]
LAG_SAMPLES = -7.492
"""What Game_Music_Emu is later by; it is a constant of the two, and noise cannot be aligned by itself."""


def tool(name: str) -> Any:
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
    nsf, generator = tool("nsfref"), np.random.default_rng(seed)
    notes = [nsf.noise(int(generator.integers(0, 11)), int(generator.integers(6, 16))) for _ in range(200)]
    return [*nsf.LEAD, *(writes for note in notes for writes in (note, *[[]] * 11))]


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
