"""Ten NSF files played here and by Game_Music_Emu, and how much of the difference is whose.

Game_Music_Emu does three things that a console does not. It calls PLAY a fraction of a cycle early each time, since it
takes 16,639 microseconds by the letter, where a console calls with each picture of 29,780.5 cycles, and drops parts of
cycles: 0.5 cycles a call at most, after six seconds 180. That moves every write against the voices' timers. And it has
the habits of triangle and noise that `game_music_emu` tells of. `compared` can take over none of that, the calls, or
all.
"""

from dataclasses import replace
from enum import IntEnum
from typing import Any, Final

import numpy as np
import pytest
from game_music_emu import LAG_SAMPLES, habitual_render, noise_log, pulse_log, tool
from nsf_files import busy, log_of, nsfe, program

from livegen.apu import render_writes
from livegen.apu.tables import NO, TR
from livegen.formats.chip.nsf import nsf_bytes
from livegen.formats.chip.nsf_file import NsfFile, parse_nsf
from livegen.formats.chip.nsf_machine import NsfMachine
from livegen.formats.chip.nsf_track import play_track
from livegen.formats.chip.register_log import VGM_RATE_HZ, RegisterLog, with_loop
from livegen.units import CPU_CLOCK_HZ, FRAME_RATE_HZ

VOICES_COMPARED: Final = ("p1", "p2", "tr", "no")

SAMPLE_RATE: Final = 48_000
SECONDS: Final = 6
SKIPPED: Final = int(0.3 * SAMPLE_RATE)  # in which the reference's registers begin otherwise
SPEED_BYTES: Final = {"ntsc": slice(0x6E, 0x70), "pal": slice(0x78, 0x7A)}

Ticks = list[list[tuple[int, int]]]


def score_log(seed: int, each: int, region: str = "ntsc") -> RegisterLog:
    """Return a log of a score in which everything changes every few frames."""
    log = log_of(np.repeat(busy((SECONDS + 1) * FRAME_RATE_HZ // each, seed), each, axis=0))
    clock = CPU_CLOCK_HZ[region]
    cycle = np.rint(log.cycle * (clock / CPU_CLOCK_HZ["ntsc"])).astype(np.int64)
    return replace(log, cycle=cycle, cpu_clock_hz=clock, region=region)


def four_voices(seed: int, kind: str) -> Ticks:
    """Return ticks in which all four voices play."""
    nsf = tool("nsfref")
    first, n = len(nsf.LEAD), 700
    ticks: Ticks = [*map(list, nsf.LEAD), *([] for _ in range(n))]
    for at in range(0, n, 240):
        for log in (pulse_log(kind, seed + at, 0), pulse_log("duty", seed + at + 1, 1)):
            for tick, writes in enumerate(log[first : first + n - at]):
                ticks[first + at + tick] += writes
    for tick, writes in enumerate(noise_log(seed)[first:n]):
        ticks[first + tick] += writes
    for tick in range(0, n, 37):
        ticks[first + tick] += nsf.tri(200 + 50 * seed + tick, 20, tick % 2 == 0)
    return ticks


def program_of_its_own() -> bytes:
    """Return a driver that plays by a pseudo-random generator, with branches, shifts and the stack."""
    init = "A901 8510 A90F 8D1540 A908 8D0140 8D0540 A900 8512 60"
    body = bytes.fromhex(
        "A510 0A 9002 491D 8510 48 A9BF 8D0040 68 8D0240 2903 0908 8D0340 A510 495A 8D0640 A97A 8D0440 A901 8D0740"
    )
    play = bytes.fromhex("E612 A512 2907 D0") + bytes((len(body),)) + body + b"\x60"
    return nsfe(program(bytes.fromhex(init), play))


FILES: Final[dict[str, Any]] = {
    "a score": lambda: nsf_bytes(score_log(1, 8)),
    "a score of short notes": lambda: nsf_bytes(score_log(2, 6)),
    "a loop": lambda: nsf_bytes(with_loop(score_log(5, 10), VGM_RATE_HZ)),
    "PAL": lambda: nsf_bytes(score_log(3, 8, "pal")),
    "banks, vibrato": lambda: tool("nsfref").build_nsf(four_voices(3, "vibrato")),
    "banks, PAL, sweep": lambda: tool("nsfref").build_nsf(four_voices(4, "sweep"), 0x4E20, True),
    "banks, 120 Hz": lambda: tool("nsfref").build_nsf(four_voices(5, "steady"), 8333),
    "banks, 50 Hz, envelopes": lambda: tool("nsfref").build_nsf(four_voices(6, "envelope"), 20_000),
    "banks, lengths": lambda: tool("nsfref").build_nsf(four_voices(7, "length")),
    "a program of its own": program_of_its_own,
}
"""What makes the content of each file."""


class TakenOver(IntEnum):
    """Which of Game_Music_Emu's ways are put into ours; each has those before it, too."""

    NOTHING = 0
    CALLS = 1
    HABITS = 2


def compared(data: bytes, taken_over: TakenOver) -> dict[str, dict[str, float]]:
    """Return the figures of `compare.report` for each voice that plays in a file."""
    nsfref, compare = tool("nsfref"), tool("compare")
    nsf = parse_nsf("a.nsf", data)
    is_pal = nsf.region == "pal"
    log = _played(nsf, data, taken_over)
    writes = list(zip(log.cycle.tolist(), log.address.tolist(), log.value.tolist(), strict=True))
    n_samples = SECONDS * SAMPLE_RATE
    options: Any = {
        "cpu_clock_hz": nsfref.gme_clock(SAMPLE_RATE, is_pal),
        "sample_rate": SAMPLE_RATE,
        "region": nsf.region,
    }
    reports = {}
    for voice in VOICES_COMPARED:
        name_there = {"tr": "tri", "no": "noi"}.get(voice, voice)
        theirs = nsfref.render(data, fs=SAMPLE_RATE, seconds=SECONDS, voices=name_there)
        if not np.ptp(theirs[SKIPPED:]):
            continue
        if taken_over is TakenOver.HABITS and voice in ("tr", "no"):
            ours = habitual_render(writes, n_samples, {"tr": TR, "no": NO}[voice], **options)
        else:
            alone: Any = {"voices": (voice,), "mixer": "linear", "filters": False}
            columns = zip(*writes, strict=True)
            ours = render_writes(*columns, n_samples=n_samples, **alone, **options).astype(float)
        reports[voice] = compare.report(theirs[SKIPPED:], ours[SKIPPED:], SAMPLE_RATE, lag=LAG_SAMPLES)
    return reports


def outside(name: str, voice: str, report: dict[str, float]) -> list[str]:
    """Return which figures of a voice of a file are outside of the bounds that the chip is judged by."""
    is_noise, sweeps = voice == "no", "sweep" in name and voice == "p1"
    bounds = {
        "null_db": -28 if is_noise else -35 if sweeps else -38,
        "env_p95": 0.2 if is_noise else 0.08,
        "lsd_mean": 2 if voice in ("tr", "no") else 1.5,
        "psd_db": 0.5 if is_noise else 0.12,
    }
    return [f"{figure} {report[figure]:.2f}" for figure, bound in bounds.items() if report[figure] >= bound]


def _played(nsf: NsfFile, data: bytes, taken_over: TakenOver) -> RegisterLog:
    if taken_over is TakenOver.NOTHING:
        return play_track(nsf, 1, seconds=SECONDS + 0.2)
    speed = data[SPEED_BYTES[nsf.region]] if data.startswith(b"NESM") else b"\0\0"
    due = calls_of_play(tool("nsfref").play_period12(int.from_bytes(speed, "little"), nsf.region == "pal"))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(NsfMachine, "tick_cycle", lambda _, tick: due[tick])
        period_us = float(np.diff(due).mean()) / CPU_CLOCK_HZ[nsf.region] * 1e6
        return play_track(replace(nsf, period_us=period_us), 1, seconds=SECONDS + 0.2)


def calls_of_play(period_12ths: int) -> list[int]:
    """Return the cycles at which Game_Music_Emu calls PLAY; it drops fractions of a cycle under a half."""
    cycle, rest, calls = period_12ths // 12, 0, []
    for _ in range(1000):
        calls.append(cycle)
        period = (period_12ths + rest) // 12
        rest = period_12ths - period * 12
        cycle += period
    return calls
