"""NSF files: the program plays the ticks to the letter, on a machine of ours and in Game_Music_Emu."""

import ctypes.util
import importlib
import struct
from pathlib import Path

import numpy as np
import pytest
from examples import examples
from format_samples import song
from hypothesis import given, settings
from hypothesis import strategies as st
from nsf_files import busy, log_of
from nsf_machine import NsfMachine

from livegen.apu import Memory, MemoryChange, render_writes
from livegen.cpu.memory import BANK_BYTES
from livegen.errors import FormatError
from livegen.formats.chip.nsf import TICK_US, nsf_bytes, write_nsf
from livegen.formats.chip.nsf_player import player
from livegen.formats.chip.nsf_stream import Tick, encode, log_ticks, place
from livegen.formats.chip.register_log import VGM_RATE_HZ, Loop, RegisterLog, Tags, with_loop
from livegen.score import Voice
from livegen.units import (
    CPU_CLOCK_HZ,
    FRAME_RATE_HZ,
    pulse_note_to_timer_period,
    triangle_note_to_timer_period,
)

APUREF = Path(__file__).parents[3].parent / "shared" / "tools" / "apuref"
CLOCK = CPU_CLOCK_HZ["ntsc"]
GME_LAG = -20.0
"""Samples at 48 kHz by which our chip is later, as the pulses tell; a triangle's phase is each engine's own."""


REGISTERS = st.sampled_from([0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 14, 15, 0x11, 0x15, 0x17])
WRITES = st.lists(st.tuples(REGISTERS, st.integers(0, 255)), max_size=5)
TICKS = st.lists(st.sampled_from(range(4)) | st.integers(0, 200).map(lambda n: -n), max_size=60)


@st.composite
def ticks(draw: st.DrawFn) -> list[Tick]:
    """Ticks that come again, and rests between them."""
    kinds = [tuple(draw(WRITES)) for _ in range(4)]
    made: list[Tick] = []
    for kind in draw(TICKS):
        made += [kinds[kind]] if kind >= 0 else [()] * -kind
    return made or [()]


@settings(deadline=None, max_examples=examples(150))
@given(ticks=ticks(), data=st.data())
def test_the_program_plays_any_ticks_and_their_loop(ticks: list[Tick], data: st.DataObject) -> None:
    loop = data.draw(st.none() | st.integers(0, len(ticks) - 1))
    machine = NsfMachine(file_of(ticks, loop))
    again = [((0x15, 0),)] if loop is None else ticks[loop:]
    for tick in [*ticks, *again, *again]:
        assert sorted(machine.tick()) == sorted(tick)


def file_of(ticks: list[Tick], loop: int | None) -> bytes:
    stream, at = encode(ticks, loop)
    code, init, play = player(*place(at))
    banks = code.ljust(BANK_BYTES, b"\0") + stream + bytes(BANK_BYTES)
    return b"NESM\x1a\1\1\1" + struct.pack("<HHH", 0x8000, init, play) + bytes(98) + b"\0\1" + bytes(14) + banks


def test_a_long_song_goes_through_many_banks() -> None:
    log = log_of(busy(1500))
    expected, _ = log_ticks(log, TICK_US["ntsc"])
    machine = NsfMachine(nsf_bytes(log))
    assert len(machine.rom) > 5 * BANK_BYTES
    for tick in expected:
        assert sorted(machine.tick()) == sorted(tick)
    assert machine.tick() == [(0x15, 0)]


def test_the_registers_follow_the_log() -> None:
    """At every tick they hold what the log last wrote before the middle between it and the next."""
    log = log_of(song(96))
    machine, held, position = NsfMachine(nsf_bytes(log)), {}, 0
    expected: dict[int, int] = {}
    for tick in range(round(4 * 1e6 / TICK_US["ntsc"])):
        while position < len(log.cycle) and round(log.cycle[position] / CLOCK * 1e6 / TICK_US["ntsc"]) <= tick:
            expected[int(log.address[position]) - 0x4000] = int(log.value[position])
            position += 1
        held.update(machine.tick())
        assert held == expected


def test_what_comes_again_takes_little_room() -> None:
    bar = busy(96)
    once, often = (len(nsf_bytes(log_of(np.tile(bar, (n, 1, 1))))) for n in (5, 45))
    assert often < once + 2 * BANK_BYTES


def test_three_minutes_of_four_busy_voices_are_under_128_kib() -> None:
    assert len(nsf_bytes(log_of(busy(180 * 24)))) < 128 * 1024


def test_the_header_says_what_it_is(tmp_path: Path) -> None:
    write_nsf(tmp_path / "a.nsf", log_of(song(), Tags("Mañana " * 9, "Me", date="1987")))
    data = (tmp_path / "a.nsf").read_bytes()
    title, author, date = (data[at : at + 32] for at in (0x0E, 0x2E, 0x4E))
    assert title == b"Ma?ana Ma?ana Ma?ana Ma?ana Ma?" + b"\0"
    assert (author.rstrip(b"\0"), date.rstrip(b"\0")) == (b"Me", b"1987")
    assert data[5:8] == b"\1\1\1"
    assert struct.unpack_from("<H", data, 0x6E) == (16_639,)
    assert data[0x70:0x78] == bytes((0, 1, 0, 0, 0, 0, 0, 0))
    assert data[0x7A:0x80] == bytes(6)
    assert (len(data) - 0x80) % BANK_BYTES == 0


def test_init_silences_the_chip() -> None:
    machine = NsfMachine(nsf_bytes(log_of(song())))
    assert (0x15, 0) in machine.writes
    assert {value for register, value in machine.writes if register not in (0x15, 0x17)} == {0}


def test_a_loop_goes_on_from_its_tick() -> None:
    log = with_loop(log_of(song(96)), 2 * VGM_RATE_HZ)
    expected, loop = log_ticks(log, TICK_US["ntsc"])
    assert loop == round(2e6 / TICK_US["ntsc"])
    machine = NsfMachine(nsf_bytes(log))
    for tick in [*expected, *expected[loop:], *expected[loop:]]:
        assert sorted(machine.tick()) == sorted(tick)


def test_the_sweep_s_carry_keeps_its_order() -> None:
    """A bend over a period's upper bits is five writes, whose order is what makes it."""
    bend = [(2, 0xFF), (1, 0x87), (0x17, 0x80), (1, 0x08), (2, 0x10)]
    registers, values = zip(*bend, strict=True)
    cycle = np.full(5, round(CLOCK * 0.1))
    log = RegisterLog(cycle, 0x4000 + np.array(registers), np.array(values, np.uint8), CLOCK, "ntsc", 8820)
    assert [tick for tick in log_ticks(log, TICK_US["ntsc"])[0] if tick] == [tuple(bend)]


def test_a_pulse_that_the_chip_has_swept_is_told_its_period_again() -> None:
    note = [(0x01, 0x9A), (0x02, 0x80), (0x03, 0x09)]
    plain = [(0x01, 0x08), (0x02, 0x80), (0x03, 0x09)]
    played = [note, note, plain, plain]
    writes = [(index, register, value) for index, tick in enumerate(played) for register, value in tick]
    at, registers, values = np.array(writes).T
    cycle = np.rint(CLOCK * 0.1 * (1 + at)).astype(np.int64)
    log = RegisterLog(cycle, 0x4000 + registers, values.astype(np.uint8), CLOCK, "ntsc", 44_100)
    ticks = [list(tick) for tick in log_ticks(log, TICK_US["ntsc"])[0] if tick]
    assert ticks == [note, note, plain, [(0x03, 0x09)]]


def sampled_log(memory: Memory, **fields: object) -> RegisterLog:
    """Return a second in which a sample begins each tenth, and the triangle's gate opens and closes between."""
    kick = [(0x15, 0x0F), (0x10, 0x0F), (0x12, 0x20), (0x13, 0x04), (0x15, 0x1F), (0x12, 0xFF), (0x13, 0)]
    writes = [(10 * tenth + 3, *write) for tenth in range(10) for write in (*kick, (0x11, 5))]
    writes += [(10 * tenth + at, 0x15, value) for tenth in range(10) for at, value in ((6, 0x1B), (8, 0x0F))]
    at, register, value = np.array(sorted(writes, key=lambda write: write[0])).T
    cycle = np.rint(at * CLOCK / 100).astype(np.int64)
    return RegisterLog(cycle, 0x4000 + register, value.astype(np.uint8), CLOCK, "ntsc", 44_100, memory=memory, **fields)  # type: ignore[arg-type]


def test_samples_lie_where_the_dmc_looks_for_them_and_change_when_the_log_does() -> None:
    rng = np.random.default_rng(5)
    first, other = (bytes(0x4000) + rng.integers(1, 256, 0x4000, np.uint8).tobytes() for _ in range(2))
    change = MemoryChange(round(0.5 * CLOCK), 0x6000, other[0x6000:])
    log = sampled_log(Memory(first, (change,)))
    expected, _ = log_ticks(log, TICK_US["ntsc"])
    machine, seen = NsfMachine(nsf_bytes(log)), []
    for tick in expected:
        assert machine.tick() == list(tick)
        seen.append(bytes(machine.read(address) for address in (0xC000, 0xDFFF, 0xE000, 0xFFFF)))
    at = round(0.5e6 / TICK_US["ntsc"])
    before = bytes(first[offset] for offset in (0x4000, 0x5FFF, 0x6000, 0x7FFF))
    after = before[:2] + bytes(other[offset] for offset in (0x6000, 0x7FFF))
    assert seen == [before] * at + [after] * (len(seen) - at)


def test_a_loop_finds_its_samples_again() -> None:
    rng = np.random.default_rng(6)
    first, other = (rng.integers(1, 256, 0x8000, np.uint8).tobytes() for _ in range(2))
    log = with_loop(sampled_log(Memory(first, (MemoryChange(round(0.5 * CLOCK), 0, other),))), VGM_RATE_HZ // 4)
    expected, loop = log_ticks(log, TICK_US["ntsc"])
    assert loop is not None
    machine, seen = NsfMachine(nsf_bytes(log)), []
    for tick in [*expected, *expected[loop:]]:
        assert machine.tick() == list(tick)
        seen.append(machine.read(0xC000))
    assert seen[loop : len(expected) - 1] == seen[len(expected) : -1]
    assert {first[0x4000], other[0x4000]} == set(seen)


def test_without_a_memory_no_sample_is_begun() -> None:
    ticks, _ = log_ticks(sampled_log(Memory()), TICK_US["ntsc"])
    written = {write for tick in ticks for write in tick}
    assert {register for register, _ in written} == {0x11, 0x15}
    assert max(value for register, value in written if register == 0x15) == 0x0F


def test_a_sample_that_runs_into_the_player_is_refused() -> None:
    memory = Memory(b"\1")
    log = sampled_log(memory)
    log.value[log.address == 0x4012] = 0xFF
    with pytest.raises(FormatError, match=r"65 bytes at \$FFC0 runs past \$FFFF"):
        nsf_bytes(log)


def test_more_samples_than_there_are_banks_are_refused() -> None:
    changes = tuple(
        MemoryChange(n * 1000, 0x4000 + 0x1000 * page, bytes([n % 256, n // 256]))
        for n in range(300)
        for page in [n % 4]
    )
    with pytest.raises(FormatError, match=r"30\d of them with samples, and a console numbers 256"):
        nsf_bytes(sampled_log(Memory(b"", changes)))


def test_a_song_that_no_console_reaches_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"1\.\d MiB"):
        write_nsf(tmp_path / "a.nsf", log_of(busy(90_000)))
    with pytest.raises(FormatError, match="hours"):
        write_nsf(tmp_path / "a.nsf", RegisterLog(*(np.zeros(0, int),) * 3, CLOCK, "ntsc", 20_000 * VGM_RATE_HZ))
    assert not list(tmp_path.iterdir())


def test_a_log_loops_where_it_says() -> None:
    log = RegisterLog(
        np.array([0, 1000]), np.array([0x4000, 0x4004]), np.array([1, 2], np.uint8), CLOCK, "ntsc", 44_100, Loop(0, 1)
    )
    ticks, loop = log_ticks(log, TICK_US["ntsc"])
    assert (loop, len(ticks), ticks[0]) == (0, 60, ((0, 1), (4, 2)))


@pytest.mark.skipif(ctypes.util.find_library("gme") is None, reason="Game_Music_Emu (libgme0) is not installed")
@pytest.mark.skipif(not APUREF.is_dir(), reason=f"the reference is not at {APUREF}")
@pytest.mark.parametrize("voice", [Voice.P1, Voice.P2, Voice.TR])
def test_game_music_emu_plays_it_as_our_chip_does(monkeypatch: pytest.MonkeyPatch, voice: Voice) -> None:
    monkeypatch.syspath_prepend(str(APUREF))
    nsfref, compare = importlib.import_module("nsfref"), importlib.import_module("compare")
    rate, seconds = 48_000, 12
    frames = np.repeat(busy(seconds * 3), 8, axis=0)
    log = log_of(frames)
    theirs = nsfref.render(nsf_bytes(log), fs=rate, seconds=seconds, voices=("p1", "p2", "tri")[voice])
    cycles_a_tick = int(TICK_US["ntsc"] * nsfref.GME_NTSC / (1e6 / 12)) / 12
    writes = [
        (round((index + 1) * cycles_a_tick), 0x4000 + register, value)
        for index, tick in enumerate(log_ticks(log, TICK_US["ntsc"])[0])
        for register, value in tick
    ]
    cycle, address, value = (np.array(column, np.int64) for column in zip(*writes, strict=True))
    ours = render_writes(
        cycle,
        address,
        value,
        cpu_clock_hz=nsfref.gme_clock(rate),
        sample_rate=rate,
        n_samples=seconds * rate,
        voices=(("p1", "p2", "tr")[voice],),
        mixer="linear",
        filters=False,
    )
    to_period = triangle_note_to_timer_period if voice is Voice.TR else pulse_note_to_timer_period
    steps = 32 if voice is Voice.TR else 16
    steady = [
        (k / 3 + 0.03, (k + 1) / 3, CLOCK / steps / (to_period(int(note), CLOCK) + 1))
        for k, note in enumerate(frames[::8, voice, 0])
        if note <= 90  # a tone that moves between its two halves tells its own pitch poorly
    ]
    figures = compare.report(theirs, ours.astype(float), rate, steady, lag=GME_LAG)
    assert figures["cents_n"] > 15
    assert figures["cents_ref_max"] < 0.5
    aligned = compare.align(theirs, ours.astype(float), rate, lag=GME_LAG)
    a, b = (compare.band(sound, rate, 30, 6000) for sound in aligned[:2])
    _, p95, _ = compare.envelope_db(a, b * np.sqrt((a @ a) / (b @ b)), rate, ms=1000 / FRAME_RATE_HZ)
    assert p95 < 0.45  # a cycle more or less in the program moves a triangle's phase, and this by 0.1 dB
