"""VGM files that are written: the reader finds the same writes, loop and tags, and nothing else."""

import gzip
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from examples import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import ArrayLike

from livegen.apu.frame_counter import RESET_CYCLES
from livegen.apu.memory import Memory, MemoryChange, content_after
from livegen.apu.render import samples_to_cycles
from livegen.errors import FormatError
from livegen.formats.chip.register_log import VGM_RATE_HZ, Loop, RegisterLog, Tags, with_loop
from livegen.formats.chip.vgm import read_vgm
from livegen.formats.chip.vgm_writer import vgm_bytes, write_vgm
from livegen.units import CPU_CLOCK_HZ

CLOCK = CPU_CLOCK_HZ["ntsc"]
one_folder = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=examples(80)
)
WORDS = st.text(st.characters(exclude_categories=["C", "Z"]), max_size=30)


def log_of(writes: ArrayLike, length: int, **fields: object) -> RegisterLog:
    """Return a log of writes (sample, register, value)."""
    samples, registers, values = np.array(writes, np.int64).reshape(-1, 3).T
    cycle = samples_to_cycles(samples, cpu_clock_hz=CLOCK, sample_rate=VGM_RATE_HZ)
    return RegisterLog(cycle, 0x4000 + registers, values.astype(np.uint8), CLOCK, "ntsc", length, **fields)  # type: ignore[arg-type]


@st.composite
def memories(draw: st.DrawFn, latest: int) -> Memory:
    changes = [
        MemoryChange(cycle_of(sample), 0x8000 - len(data) if is_last else 0x4000, data)
        for sample, is_last, data in sorted(
            draw(st.lists(st.tuples(st.integers(1, latest), st.booleans(), st.binary(min_size=1)), max_size=4)),
            key=lambda change: change[0],
        )
    ]
    return Memory(draw(st.binary()).rstrip(b"\0"), tuple(changes))


def cycle_of(sample: int) -> int:
    return int(samples_to_cycles(np.array([sample]), cpu_clock_hz=CLOCK, sample_rate=VGM_RATE_HZ)[0])


@st.composite
def logs(draw: st.DrawFn) -> RegisterLog:
    waits = st.one_of(st.integers(0, 40), st.sampled_from([735, 882, 65_535, 65_536, 200_000]))
    sample, writes = 0, [(0, 0x15, 0x0F)]
    for wait, register, value in draw(st.lists(st.tuples(waits, st.integers(0, 0x17), st.integers(0, 255)))):
        sample += wait
        writes.append((sample, register, value))
    memory = draw(memories(sample + 1))
    log = log_of(writes, sample + 1 + draw(waits), tags=Tags(*(draw(WORDS) for _ in range(5))), memory=memory)
    if draw(st.booleans()):
        first = draw(st.integers(0, len(writes)))
        earliest = writes[first - 1][0] if first else 0
        latest = writes[first][0] if first < len(writes) else log.length - 1
        log = replace(log, loop=Loop(draw(st.integers(earliest, latest)), first))
    return log


@one_folder
@given(log=logs(), ending=st.sampled_from([".vgm", ".vgz"]))
def test_any_log_reads_back_to_the_sample(tmp_path: Path, log: RegisterLog, ending: str) -> None:
    write_vgm(tmp_path / f"a{ending}", log)
    found = read_vgm(tmp_path / f"a{ending}")
    for name in ("sample", "address", "value"):
        assert np.array_equal(getattr(found, name), getattr(log, name))
    assert replace(found, cycle=log.cycle, address=log.address, value=log.value, left_out=()) == replace(
        log, cycle=log.cycle, address=log.address, value=log.value
    )
    write_vgm(tmp_path / f"b{ending}", found)
    assert (tmp_path / f"a{ending}").read_bytes() == (tmp_path / f"b{ending}").read_bytes()


def test_the_second_turn_of_a_loop_finds_the_memory_as_the_first_did() -> None:
    memory = Memory(b"\1\2", (MemoryChange(cycle_of(100), 1, b"\3"), MemoryChange(cycle_of(600), 1, b"\4")))
    looped = with_loop(log_of([(0, 0x15, 0x1F), (700, 0x15, 0x0F)], 1000, memory=memory), 400)
    restored = looped.memory.changes[-1]
    assert looped.sample_of(restored) == 1000
    assert content_after(b"", [restored]) == content_after(b"\1\3", ())
    assert looped.value.tolist() == [0x1F, 0x0F]  # a sample is not begun by the loop
    assert with_loop(log_of([(0, 0x15, 15)], 1000, memory=replace(memory, changes=())), 400).memory.changes == ()


def test_the_header_is_that_of_version_1_61() -> None:
    data = vgm_bytes("a.vgm", log_of([(0, 0x15, 15), (100, 0, 0xBF)], 1000, loop=Loop(100, 1), tags=Tags("A", "B")))
    field = {place: struct.unpack_from("<I", data, place)[0] for place in (4, 8, 0x14, 0x18, 0x1C, 0x20, 0x34, 0x84)}
    assert data[:4] == b"Vgm "
    assert (field[8], field[4] + 4, field[0x84]) == (0x161, len(data), 1_789_773)
    assert (field[0x18], field[0x20]) == (1000, 900)
    start, tag = field[0x34] + 0x34, field[0x14] + 0x14
    assert data[start : start + 3] == b"\xb4\x15\x0f"
    assert data[start + 3 : tag] == b"\x61\x64\x00" + b"\xb4\x00\xbf" + b"\x61\x84\x03" + b"\x66"
    assert field[0x1C] + 0x1C == start + 6
    text = data[tag + 12 :].decode("utf-16-le").split("\0")
    assert text[:10] == ["A", "", "", "", "Nintendo Entertainment System", "", "B", "", "", "livegen"]


def test_the_second_turn_of_a_loop_finds_the_registers_as_the_first_did() -> None:
    writes = [(0, 0x15, 15), (0, 0, 0xB5), (0, 2, 9), (500, 0, 0xBF), (600, 0x15, 0x0B), (600, 3, 8)]
    looped = with_loop(log_of(writes, 1000), 400)
    assert looped.loop == Loop(400, 3)
    added = list(zip(looped.sample[6:].tolist(), looped.address[6:].tolist(), looped.value[6:].tolist(), strict=True))
    assert added == [(1000, 0x4015, 15), (1000, 0x4000, 0xB5)]


@pytest.mark.parametrize(("level", "expected"), [(0xBF, [(0x4002, 0x10), (0x4003, 0x0A)]), (0xA5, [(0x4002, 0x10)])])
def test_the_second_turn_of_a_loop_finds_a_bent_pulse_where_it_was(level: int, expected: list[tuple[int, int]]) -> None:
    """The upper bits of its period are the sweep's work; but $4003 would start an envelope again."""
    note = [(0, 0x15, 15), (0, 0, level), (0, 1, 8), (0, 2, 0xF0), (0, 3, 0x09)]
    bend = [(300, 2, 0xFF), (300, 1, 0x87), (300, 0x17, 0x80), (300, 1, 8), (300, 2, 0x10)]
    back = [(600, 2, 0x00), (600, 1, 0x8F), (600, 0x17, 0x80), (600, 1, 8), (600, 2, 0xF0)]
    log = log_of([*note, *bend, *back], 1000)
    log.cycle[8:10] += RESET_CYCLES
    log.cycle[13:15] += RESET_CYCLES
    looped = with_loop(log, 400)
    assert list(zip(looped.address[15:].tolist(), looped.value[15:].tolist(), strict=True)) == expected


@pytest.mark.parametrize(("length", "words"), [(3 * 3600 * VGM_RATE_HZ + 1, "3.0 hours"), (10, "16 MiB")])
def test_what_could_not_be_read_again_is_not_written(tmp_path: Path, length: int, words: str) -> None:
    writes = np.zeros((6_000_000 if length == 10 else 1, 3), np.int64)
    writes[0] = 0, 0x15, 15
    with pytest.raises(FormatError, match=words):
        write_vgm(tmp_path / "a.vgm", log_of(writes, length))
    assert not list(tmp_path.iterdir())


def test_the_same_log_gives_the_same_packed_bytes(tmp_path: Path) -> None:
    log = log_of([(0, 0x15, 15)], 100)
    for name in ("a.vgz", "b.vgz"):
        write_vgm(tmp_path / name, log)
    assert (tmp_path / "a.vgz").read_bytes() == (tmp_path / "b.vgz").read_bytes()
    assert gzip.decompress((tmp_path / "a.vgz").read_bytes()) == vgm_bytes("a", log)
