"""The processor, against another one where that is installed, and against what its documents say of each opcode."""

from collections.abc import Sequence

import numpy as np
import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from livegen.cpu.cpu import BREAK, CARRY, HALTED, RAN, RETURN, RETURNED, UNUSED, call, new_cpu, run
from livegen.cpu.memory import LOG_WRITES, new_memory, plain_memory, read
from livegen.cpu.opcodes import CYCLES, OPCODES

CYCLES_BY_ROW = (
    "76...35.322..46.25...46.24...47."
    "66..335.422.446.25...46.24...47."
    "66...35.322.346.25...46.24...47."
    "66...35.422.546.25...46.24...47."
    ".6..333.2.2.444.26..444.252..5.."
    "262.333.222.444.25..444.242.444."
    "26..335.222.446.25...46.24...47."
    "26..335.222.446.25...46.24...47."
)
"""https://www.nesdev.org/wiki/6502_cycle_times, two rows of sixteen a line; a point is an opcode without a document."""

DOCUMENTED = [code for code, cycles in enumerate(CYCLES_BY_ROW) if cycles != "."]
PAIRS = {"SLO": ("ASL", "ORA"), "RLA": ("ROL", "AND"), "SRE": ("LSR", "EOR"), "RRA": ("ROR", "ADC")}
PAIRS |= {"DCP": ("DEC", "CMP"), "ISC": ("INC", "SBC"), "LAX": ("LDA", "LDX")}
"""Undocumented operations that are two documented ones: https://www.nesdev.org/wiki/CPU_unofficial_opcodes."""

REGISTERS = ("a", "x", "y", "s", "p", "pc")
BYTE = st.integers(0, 255)
BYTES = np.random.default_rng(7).integers(0, 256, 0x10000, dtype=np.uint8)


class Computer:
    """A processor with 64 KiB of RAM."""

    def __init__(self, content: NDArray[np.uint8] | None = None) -> None:
        self.mapped, self.memory = plain_memory()
        self.cpu = new_cpu()
        if content is not None:
            self.memory[:] = content

    def __getattr__(self, name: str) -> int:
        return int(self.__dict__["cpu"][name][0])

    def put(self, address: int, code: Sequence[int]) -> None:
        for place, byte in enumerate(code):
            self.memory[address + place & 0xFFFF] = byte

    def set(self, **registers: int) -> None:
        for name, value in registers.items():
            self.cpu[name] = value

    def step(self, n_instructions: int = 1) -> int:
        """Run some instructions, and return the cycles that they took."""
        before = self.cycle
        for _ in range(n_instructions):
            run(self.cpu[0], self.mapped[0], self.memory, self.cycle + 1, False)
        return self.cycle - before

    def registers(self) -> list[int]:
        return [getattr(self, name) for name in REGISTERS]


def test_every_opcode_takes_its_cycles() -> None:
    assert len(DOCUMENTED) == 151
    assert [int(CYCLES[code]) for code in DOCUMENTED] == [int(CYCLES_BY_ROW[code]) for code in DOCUMENTED]
    as_others = {"SLO": "ASL", "RLA": "ROL", "SRE": "LSR", "RRA": "ROR", "DCP": "DEC", "ISC": "INC", "LAX": "LDA"}
    for code, (name, mode) in enumerate(OPCODES):
        if name in as_others and (as_others[name], mode) in OPCODES:
            assert CYCLES[code] == CYCLES[OPCODES.index((as_others[name], mode))], (name, mode)
    assert [int(CYCLES[OPCODES.index(("SLO", mode))]) for mode in ("ay", "xi", "iy")] == [7, 8, 8]
    assert [int(CYCLES[code]) for code in (0x04, 0x0C, 0x14, 0x1C, 0x83, 0x8F, 0x97)] == [3, 4, 4, 4, 6, 4, 4]


@pytest.mark.parametrize("code", DOCUMENTED, ids="{:02X}".format)
def test_each_documented_opcode_does_as_another_processor(code: int) -> None:
    py65 = pytest.importorskip("py65.devices.mpu6502", reason="py65, another 6502, is not installed")
    rng = np.random.default_rng(code)
    for _ in range(10):
        pc = int(rng.integers(0x200, 0xFF00))
        a, x, y, s, p = (int(number) for number in rng.integers(0, 256, 5))
        p = (p | UNUSED | BREAK) & ~0x08  # theirs has decimal numbers, and the console has none
        ours = Computer(BYTES)
        ours.put(pc, [code])
        theirs = py65.MPU(memory=bytearray(ours.memory), pc=pc)
        theirs.a, theirs.x, theirs.y, theirs.sp, theirs.p, theirs.processorCycles = a, x, y, s, p, 0
        theirs.step()
        ours.set(a=a, x=x, y=y, s=s, p=p, pc=pc)
        cycles = ours.step()
        assert ours.registers()[:4] == [theirs.a, theirs.x, theirs.y, theirs.sp]
        assert (ours.p | UNUSED | BREAK, ours.pc) == (theirs.p | UNUSED | BREAK, theirs.pc)
        if code != 0xCE:  # theirs takes three cycles for DEC, where the documents say six
            assert cycles == theirs.processorCycles
        assert ours.memory.tobytes() == bytes(theirs.memory)


@settings(deadline=None, max_examples=examples(100))
@given(name=st.sampled_from(sorted(PAIRS)), a=BYTE, x=BYTE, y=BYTE, flags=st.integers(0, 0xFF), low=BYTE, high=BYTE)
def test_an_undocumented_opcode_is_two_documented_ones(
    name: str, a: int, x: int, y: int, flags: int, low: int, high: int
) -> None:
    for mode in ("z", "a", "ax", "zx"):
        both = [OPCODES.index((part, mode)) if (part, mode) in OPCODES else None for part in PAIRS[name]]
        if (name, mode) not in OPCODES or None in both:
            continue
        results = []
        for codes in ([OPCODES.index((name, mode))], both):
            computer = Computer(BYTES)
            computer.set(a=a, x=x, y=y, s=0x80, p=flags | UNUSED, pc=0x0400)
            size = 3 if mode in ("a", "ax") else 2
            for place, code in enumerate(codes):
                computer.put(0x0400 + place * size, [code or 0, low, high | 0x80][:size])
            computer.step(len(codes))
            results.append(([getattr(computer, register) for register in "axysp"], computer.memory[:0x400].tobytes()))
        assert results[0] == results[1]


@pytest.mark.parametrize(
    ("code", "before", "after"),
    [
        ([0x0B, 0xF0], {"a": 0x9C}, {"a": 0x90, "carry": 1}),  # ANC
        ([0x4B, 0x0F], {"a": 0x37}, {"a": 0x03, "carry": 1}),  # ALR
        ([0x6B, 0xFF], {"a": 0xC0, "p": UNUSED | CARRY}, {"a": 0xE0, "carry": 1}),  # ARR: carry is bit 6
        ([0xCB, 0x03], {"a": 0x0F, "x": 0xF5}, {"x": 0x02, "carry": 1}),  # AXS
        ([0xCB, 0x06], {"a": 0x0F, "x": 0xF5}, {"x": 0xFF, "carry": 0}),
        ([0xEB, 0x01], {"a": 0x10, "p": UNUSED | CARRY}, {"a": 0x0F, "carry": 1}),  # SBC
        ([0xBB, 0x00, 0x20], {"s": 0xFF, "y": 0}, {"a": 0x5A, "x": 0x5A, "s": 0x5A}),  # LAS of what lies at $2000
    ],
)
def test_what_is_no_pair(code: list[int], before: dict[str, int], after: dict[str, int]) -> None:
    computer = Computer()
    computer.put(0x0400, code)
    computer.put(0x2000, [0x5A])
    computer.set(pc=0x0400, **{"p": UNUSED, **before})
    computer.step()
    assert {name: computer.p & CARRY if name == "carry" else getattr(computer, name) for name in after} == after


@pytest.mark.parametrize("code", [0x87, 0x97, 0x83, 0x8F])
def test_sax_stores_both_registers_and_no_flag(code: int) -> None:
    computer = Computer()
    computer.put(0x0400, [code, 0x10, 0x00])
    computer.put(0x0010, [0x00, 0x00])
    computer.set(a=0x3C, x=0, y=0, p=UNUSED, pc=0x0400)
    computer.set(x=0xF0 if code != 0x83 else 0x00)
    computer.step()
    assert (computer.memory[0x10], computer.p) == (0x3C & (0xF0 if code != 0x83 else 0x00), UNUSED)


def test_decimal_mode_does_nothing() -> None:
    computer = Computer()
    computer.put(0x0400, [0xF8, 0x18, 0xA9, 0x09, 0x69, 0x01])  # sed, clc, lda #9, adc #1
    computer.set(pc=0x0400)
    computer.step(4)
    assert computer.a == 0x0A


def test_an_indirect_jump_stays_in_its_page() -> None:
    computer = Computer()
    computer.put(0x0400, [0x6C, 0xFF, 0x02])
    computer.put(0x02FF, [0x34])
    computer.put(0x0200, [0x12])
    computer.set(pc=0x0400)
    assert (computer.step(), computer.pc) == (5, 0x1234)


@pytest.mark.parametrize(
    ("at", "offset", "is_taken", "cycles"), [(0x0400, 0x10, False, 2), (0x0400, 0x10, True, 3), (0x04F0, 0x20, True, 4)]
)
def test_a_branch_takes_longer_when_taken_and_across_a_page(at: int, offset: int, is_taken: bool, cycles: int) -> None:
    computer = Computer()
    computer.put(at, [0xB0, offset])
    computer.set(pc=at, p=UNUSED | (CARRY if is_taken else 0))
    assert computer.step() == cycles
    assert computer.pc == at + 2 + (offset if is_taken else 0)


@pytest.mark.parametrize(("code", "cycles"), [(0xBD, 5), (0x9D, 5), (0xFE, 7), (0x1C, 5)])
def test_only_a_read_takes_longer_across_a_page(code: int, cycles: int) -> None:
    computer = Computer()
    computer.put(0x0400, [code, 0xFF, 0x02])
    computer.set(pc=0x0400, x=1)
    assert computer.step() == cycles


def console(code: Sequence[int], banks: tuple[int, ...] = tuple(range(8))):  # type: ignore[no-untyped-def]
    program = np.zeros(0x9000, np.uint8)
    program[: len(code)] = code
    program[0x8000] = 0xEE  # bank 8
    return (*new_memory(program, banks), new_cpu())


def test_a_routine_returns_and_what_it_writes_is_logged_at_its_cycle() -> None:
    mapped, memory, cpu = console([0xA9, 0x0F, 0x8D, 0x15, 0x40, 0x60])  # lda #$0F, sta $4015, rts
    cpu["cycle"] = 100
    call(cpu[0], mapped[0], memory, 0x8000)
    assert run(cpu[0], mapped[0], memory, 1000, True) == RETURNED
    assert (cpu["pc"][0], cpu["cycle"][0], mapped["n_writes"][0]) == (RETURN, 112, 1)
    assert [mapped[name][0, 0] for name in ("cycles", "addresses", "values")] == [106, 0x4015, 0x0F]


def test_a_bank_appears_where_it_is_told_to() -> None:
    mapped, memory, cpu = console([0xA9, 8, 0x8D, 0xFE, 0x5F, 0xAD, 0, 0xE0, 0x60])  # lda #8, sta $5FFE, lda $E000
    call(cpu[0], mapped[0], memory, 0x8000)
    assert run(cpu[0], mapped[0], memory, 1000, True) == RETURNED
    assert cpu["a"][0] == 0xEE


def test_a_bank_that_is_not_there_is_empty_and_the_program_cannot_be_written() -> None:
    mapped, memory, cpu = console(
        [0xA9, 0x77, 0x8D, 0, 0x80, 0x8D, 0, 0x30, 0x8D, 0x01, 0x08, 0x60], (0, 200, *[0] * 6)
    )
    before = memory.copy()
    call(cpu[0], mapped[0], memory, 0x8000)
    run(cpu[0], mapped[0], memory, 1000, True)
    assert read(mapped[0], memory, 0x9000) == 0
    assert read(mapped[0], memory, 0x0001) == 0x77  # the RAM lies at $0800 once more
    changed = np.flatnonzero(memory != before)
    assert changed.tolist() == [1, 0x1FC, 0x1FD]  # and the stack, with where the routine returns to


@pytest.mark.parametrize(("code", "ended"), [([0x02], HALTED), ([0x00], HALTED), ([0x4C, 0x00, 0x80], RAN)])
def test_a_program_that_goes_wrong_comes_to_an_end(code: list[int], ended: int) -> None:
    mapped, memory, cpu = console(code)
    call(cpu[0], mapped[0], memory, 0x8000)
    assert run(cpu[0], mapped[0], memory, 10_000, True) == ended
    assert cpu["pc"][0] == 0x8000


def test_a_full_log_is_emptied_by_its_owner() -> None:
    mapped, memory, cpu = console([0xEE, 0x11, 0x40, 0x4C, 0x00, 0x80])  # inc $4011 for ever
    call(cpu[0], mapped[0], memory, 0x8000)
    assert run(cpu[0], mapped[0], memory, 1 << 40, True) == RAN
    assert LOG_WRITES <= mapped["n_writes"][0] <= len(mapped["cycles"][0])
