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


def busy_log(voice: str, seed: int, sweep: bool = False) -> list[list[tuple[int, int]]]:
    nsf, generator = tool("nsfref"), np.random.default_rng(seed)
    log: list[list[tuple[int, int]]] = [*nsf.LEAD]
    for tick in range(1200 if voice == "no" else 240):
        writes: list[tuple[int, int]] = []
        if tick % 12 == 0:
            volume, constant = int(generator.integers(6, 16)), bool(generator.integers(0, 2))
            period, duty = int(generator.integers(60, 1200)), int(generator.integers(0, 4))
            setting = int(generator.choice([0x8B, 0xA4, 0xF2])) if sweep else 0x08
            if voice in ("p1", "p2"):
                writes = nsf.pulse(int(voice == "p2"), period, volume, duty, sweep=setting, const=constant)
            elif voice == "tr":
                writes = nsf.tri(period)
            else:
                writes = nsf.noise(int(generator.integers(0, 11)), volume, 0, const=constant)
        log.append(writes)
    return log


def reports(voice: str, sample_rate: int, seed: int, lag: float | None = None, sweep: bool = False) -> dict[str, float]:
    nsf, compare, log = tool("nsfref"), tool("compare"), busy_log(voice, seed, sweep)
    seconds = len(log) / 60 - 0.3
    name = {"tr": "tri", "no": "noi"}.get(voice, voice)
    reference: NDArray[np.float64] = nsf.render_log(log, fs=sample_rate, seconds=seconds, voices=name)
    cycle, address, value = zip(*nsf.write_times(log), strict=True)
    ours = render_writes(
        cycle,
        address,
        value,
        cpu_clock_hz=nsf.gme_clock(sample_rate),
        sample_rate=sample_rate,
        n_samples=len(reference),
        voices=(voice,),
        mixer="linear",
        filters=False,
    )
    result: dict[str, float] = compare.report(reference, ours, sample_rate, lag=lag)
    return result


@pytest.mark.parametrize("sample_rate", [44_100, 48_000])
@pytest.mark.parametrize(("voice", "sweep"), [("p1", False), ("p2", False), ("p1", True), ("p2", True)])
def test_pulses(voice: str, sweep: bool, sample_rate: int) -> None:
    report = reports(voice, sample_rate, 3, sweep=sweep)
    assert report["null_db"] < (-45 if sweep else -55)
    assert report["lsd_mean"] < 0.8
    assert report["env_p95"] < 0.03
    assert report["psd_db"] < 0.03
    assert report["lag"] == pytest.approx(LAG_SAMPLES, abs=0.05)


@pytest.mark.parametrize("sample_rate", [44_100, 48_000])
def test_the_triangle(sample_rate: int) -> None:
    """Its phase may differ: the reference's timer stands still while the triangle is gated."""
    report = reports("tr", sample_rate, 1, lag=LAG_SAMPLES)
    assert report["lsd_mean"] < 2
    assert report["psd_db"] < 0.12


@pytest.mark.parametrize("sample_rate", [44_100, 48_000])
def test_the_noise(sample_rate: int) -> None:
    """Its phase is arbitrary, and so are envelopes of 10 ms and the finer spectrum."""
    report = reports("no", sample_rate, 2, lag=LAG_SAMPLES)
    assert report["psd_db"] < 0.5
    assert report["env_p95"] < 2.5
