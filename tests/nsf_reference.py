"""Ten NSF files played here and by Game_Music_Emu, and how much of the difference is whose.

`compared` sets both beside each other as they are, by what does not depend on phases that a console leaves to chance:
where the triangle stands in its period, note by note, and with which bit the noise begins. What Game_Music_Emu is known
to do otherwise than a console is left to it: it mixes linearly, its clock is rounded, and a PAL console's noise has the
periods of NTSC.

`compared_by_wave` also puts in what moves its phases. It calls PLAY every 33,247 cycles where a PAL picture has
33,247.5, and it has the habits of triangle and noise that `game_music_emu` tells of. Then all voices are alike wave by
wave.
"""

from dataclasses import replace
from itertools import pairwise
from typing import Any, Final

import numpy as np
import pytest
from game_music_emu import LAG_SAMPLES, habitual_render, noise_log, pulse_log, tool
from nsf_files import busy, log_of, nsfe, program
from numpy.typing import NDArray

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
NOISE_SECONDS: Final = 30  # in less, the spectrum of noise depends on the bit with which it begins
SKIPPED: Final = int(0.3 * SAMPLE_RATE)  # in which the reference's registers begin otherwise
_LATER_CYCLES: Final = (5_003, 20_011, 30_011)  # after each of which the noise begins with another bit
_STILL: Final = 1e-7  # a triangle that moves less is held
_AHEAD_SAMPLES: Final = 64  # a step begins to sound less before its time
_END_SAMPLES: Final = SAMPLE_RATE // 100
_SHORTEST_SAMPLES: Final = SAMPLE_RATE // 100
_ONE_NOTE_CYCLES: Final = 7000  # within which writes belong together
SPEED_BYTES: Final = {"ntsc": slice(0x6E, 0x70), "pal": slice(0x78, 0x7A)}

Ticks = list[list[tuple[int, int]]]


def score_log(seed: int, each: int, region: str = "ntsc") -> RegisterLog:
    """Return a log of a score in which everything changes every few frames, and which is played over and over."""
    frames = np.repeat(busy((SECONDS + 1) * FRAME_RATE_HZ // each, seed), each, axis=0)
    log = log_of(np.tile(frames, (NOISE_SECONDS // SECONDS, 1, 1)))
    clock = CPU_CLOCK_HZ[region]
    cycle = np.rint(log.cycle * (clock / CPU_CLOCK_HZ["ntsc"])).astype(np.int64)
    return replace(log, cycle=cycle, cpu_clock_hz=clock, region=region)


def four_voices(seed: int, kind: str, ticks_a_second: int = 60) -> Ticks:
    """Return ticks in which all four voices play."""
    nsf = tool("nsfref")
    first, n = len(nsf.LEAD), ticks_a_second * (NOISE_SECONDS + 1)
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
    "banks, 120 Hz": lambda: tool("nsfref").build_nsf(four_voices(5, "steady", 120), 8333),
    "banks, 50 Hz, envelopes": lambda: tool("nsfref").build_nsf(four_voices(6, "envelope"), 20_000),
    "banks, lengths": lambda: tool("nsfref").build_nsf(four_voices(7, "length")),
    "a program of its own": program_of_its_own,
}
"""What makes the content of each file."""


def compared(data: bytes) -> dict[str, dict[str, float]]:
    """Return the figures of `compare.report` for each voice that plays in a file, as both play it.

    The triangle is compared in the parts of its notes that `_in_phase` gives, and the noise for longer than the others.
    For the noise `env_own_p95` is how much our own differs from itself at most if it begins with another bit.
    """
    compare = tool("compare")
    nsf = parse_nsf("a.nsf", data)
    log = play_track(nsf, 1, seconds=NOISE_SECONDS + 0.2)
    reports = {}
    for voice in VOICES_COMPARED:
        seconds = NOISE_SECONDS if voice == "no" else SECONDS
        theirs = _theirs(data, voice, seconds)
        if not np.ptp(theirs):
            continue
        ours = _ours(log, voice, seconds)
        if voice == "tr":
            theirs, ours = _in_phase(log, theirs, ours)
            reports[voice] = compare.report(theirs, ours, SAMPLE_RATE, lag=0.0)
            continue
        reports[voice] = compare.report(theirs, ours, SAMPLE_RATE, lag=LAG_SAMPLES)
        if voice == "no":
            reports[voice]["env_own_p95"] = max(_differs_from_itself(log, ours, later) for later in _LATER_CYCLES)
    return reports


def compared_by_wave(data: bytes) -> dict[str, dict[str, float]]:
    """Return the figures of `compare.report` for each voice that plays in a file, with its phases put into ours."""
    compare = tool("compare")
    nsf = parse_nsf("a.nsf", data)
    log = _with_calls_of_game_music_emu(nsf, data)
    writes = list(zip(log.cycle.tolist(), log.address.tolist(), log.value.tolist(), strict=True))
    reports = {}
    for voice in VOICES_COMPARED:
        theirs = _theirs(data, voice, SECONDS)
        if not np.ptp(theirs):
            continue
        if voice in ("tr", "no"):
            options: Any = {"cpu_clock_hz": _clock_hz(log), "sample_rate": SAMPLE_RATE, "region": nsf.region}
            index = {"tr": TR, "no": NO}[voice]
            ours = habitual_render(writes, SECONDS * SAMPLE_RATE, index, **options)[SKIPPED:]
        else:
            ours = _ours(log, voice, SECONDS)
        reports[voice] = compare.report(theirs, ours, SAMPLE_RATE, lag=LAG_SAMPLES)
    return reports


def outside(name: str, voice: str, report: dict[str, float]) -> list[str]:
    """Return which figures of a voice of a file, as both play it, are outside of the bounds that the chip is judged by.

    These are in apu.md, beside the reference tools. Noise has no bound of its envelope there, but what one log had: it
    may differ by a tenth more than our own does from itself.
    """
    if voice == "no":
        bounds = {"env_p95": 1.1 * report["env_own_p95"], "psd_db": 0.5}
    else:
        bounds = {"env_p95": 0.08, "lsd_mean": 2 if voice == "tr" else 1.5, "psd_db": 0.12}
    if voice in ("p1", "p2"):
        bounds["null_db"] = -35 if "sweep" in name and voice == "p1" else -38
    return _outside(bounds, report)


def outside_by_wave(name: str, voice: str, report: dict[str, float]) -> list[str]:
    """Return which figures of `compared_by_wave` are outside; all voices are bound by their waves there."""
    is_noise, sweeps = voice == "no", "sweep" in name and voice == "p1"
    bounds = {
        "null_db": -28 if is_noise else -35 if sweeps else -38,
        "env_p95": 0.2 if is_noise else 0.08,
        "lsd_mean": 2 if voice in ("tr", "no") else 1.5,
        "psd_db": 0.5 if is_noise else 0.12,
    }
    return _outside(bounds, report)


def _outside(bounds: dict[str, float], report: dict[str, float]) -> list[str]:
    return [f"{figure} {report[figure]:.2f}" for figure, bound in bounds.items() if report[figure] >= bound]


def _clock_hz(log: RegisterLog) -> float:
    return float(tool("nsfref").gme_clock(SAMPLE_RATE, log.region == "pal"))


def _theirs(data: bytes, voice: str, seconds: int) -> NDArray[np.float64]:
    name = {"tr": "tri", "no": "noi"}.get(voice, voice)
    sound: NDArray[np.float64] = tool("nsfref").render(data, fs=SAMPLE_RATE, seconds=seconds, voices=name)
    return sound[SKIPPED:]


def _ours(log: RegisterLog, voice: str, seconds: int) -> NDArray[np.float64]:
    sound = render_writes(
        log.cycle,
        log.address,
        log.value,
        cpu_clock_hz=_clock_hz(log),
        sample_rate=SAMPLE_RATE,
        n_samples=seconds * SAMPLE_RATE,
        region="ntsc" if voice == "no" else log.region,
        voices=(voice,),
        mixer="linear",
        filters=False,
    )
    return sound[SKIPPED:].astype(np.float64)


def _differs_from_itself(log: RegisterLog, ours: NDArray[np.float64], cycles: int) -> float:
    """Return how much the envelope of our noise differs if everything comes some cycles later."""
    later = _ours(replace(log, cycle=log.cycle + cycles), "no", NOISE_SECONDS)
    lag = -cycles * SAMPLE_RATE / _clock_hz(log)
    return float(tool("compare").report(later, ours, SAMPLE_RATE, lag=lag)["env_p95"])


def _in_phase(
    log: RegisterLog, theirs: NDArray[np.float64], ours: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return what a triangle's notes sound like in both, one after the other, each moved to where they are in phase.

    The ends of a note are left out: what was held before it fades there in the high-pass filter of the comparison.
    """
    compare = tool("compare")
    reference, sound, _, n_cut = compare.align(theirs, ours, SAMPLE_RATE, lag=LAG_SAMPLES)
    moves = np.abs(np.diff(ours[n_cut:])) > _STILL
    pieces = []
    notes = _notes_of_triangle(log)
    for (begin, period), (end, _) in pairwise([*notes, (log.length, 0)]):
        begin_at, end_at = (int(at * SAMPLE_RATE / _clock_hz(log)) - SKIPPED - n_cut for at in (begin, end))
        end_at = min(end_at - _AHEAD_SAMPLES, len(sound))
        if begin_at < 0 or not moves[begin_at:end_at].any():
            continue
        end_at = begin_at + int(np.flatnonzero(moves[begin_at:end_at])[-1])
        period_samples = 32 * (period + 1) * SAMPLE_RATE / _clock_hz(log)
        part = slice(begin_at, end_at)
        lag = _lag(reference[part], sound[part], period_samples)
        cut = int(abs(lag)) + _END_SAMPLES
        if end_at - begin_at - 2 * cut < _SHORTEST_SAMPLES:
            continue
        around = slice(max(begin_at - cut, 0), end_at + cut)
        moved = compare.shift(sound[around], -lag)[begin_at - around.start :]
        inner = slice(cut, end_at - begin_at - cut)
        pieces.append((reference[part][inner], moved[inner]))
    return tuple(np.concatenate(column) for column in zip(*pieces, strict=True))  # type: ignore[return-value]


def _notes_of_triangle(log: RegisterLog) -> list[tuple[int, int]]:
    """Return the cycle from which on the triangle is left alone, and its timer's period, after each run of writes."""
    notes: list[tuple[int, int]] = []
    period = 0
    for cycle, address, value in zip(log.cycle.tolist(), log.address.tolist(), log.value.tolist(), strict=True):
        if address not in (0x4008, 0x400A, 0x400B):
            continue
        if address == 0x400A:
            period = period & 0x700 | value
        elif address == 0x400B:
            period = period & 0xFF | (value & 7) << 8
        if notes and cycle - notes[-1][0] < _ONE_NOTE_CYCLES:
            notes.pop()
        notes.append((cycle, period))
    return notes


def _lag(reference: NDArray[np.float64], sound: NDArray[np.float64], period: float) -> float:
    """Return by how many samples a sound is later, to an eighth of one, within half a period."""
    size = 1 << int(2 * len(sound) - 1).bit_length()
    cross = np.fft.rfft(sound, size) * np.conj(np.fft.rfft(reference, size))
    curve = np.fft.irfft(cross, 8 * size)
    lags = np.arange(-int(4 * period) - 1, int(4 * period) + 2)
    return float(lags[int(np.argmax(curve[lags]))]) / 8


def _with_calls_of_game_music_emu(nsf: NsfFile, data: bytes) -> RegisterLog:
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
