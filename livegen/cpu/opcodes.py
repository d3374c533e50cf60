"""The 256 opcodes of the 6502: what each does, how it addresses memory, and how many cycles it takes.

https://www.nesdev.org/wiki/CPU_unofficial_opcodes has the whole table, and https://www.nesdev.org/wiki/6502_cycle_times
the cycles. Those that MOS does not document are named as there; those that halt the processor are KIL.
"""

from enum import IntEnum
from typing import Final

import numpy as np

_TABLE: Final = """
BRK    ORA xi KIL    SLO xi NOP z  ORA z  ASL z  SLO z  PHP    ORA #  ASL    ANC #  NOP a  ORA a  ASL a  SLO a
BPL r  ORA iy KIL    SLO iy NOP zx ORA zx ASL zx SLO zx CLC    ORA ay NOP    SLO ay NOP ax ORA ax ASL ax SLO ax
JSR a  AND xi KIL    RLA xi BIT z  AND z  ROL z  RLA z  PLP    AND #  ROL    ANC #  BIT a  AND a  ROL a  RLA a
BMI r  AND iy KIL    RLA iy NOP zx AND zx ROL zx RLA zx SEC    AND ay NOP    RLA ay NOP ax AND ax ROL ax RLA ax
RTI    EOR xi KIL    SRE xi NOP z  EOR z  LSR z  SRE z  PHA    EOR #  LSR    ALR #  JMP a  EOR a  LSR a  SRE a
BVC r  EOR iy KIL    SRE iy NOP zx EOR zx LSR zx SRE zx CLI    EOR ay NOP    SRE ay NOP ax EOR ax LSR ax SRE ax
RTS    ADC xi KIL    RRA xi NOP z  ADC z  ROR z  RRA z  PLA    ADC #  ROR    ARR #  JMP i  ADC a  ROR a  RRA a
BVS r  ADC iy KIL    RRA iy NOP zx ADC zx ROR zx RRA zx SEI    ADC ay NOP    RRA ay NOP ax ADC ax ROR ax RRA ax
NOP #  STA xi NOP #  SAX xi STY z  STA z  STX z  SAX z  DEY    NOP #  TXA    XAA #  STY a  STA a  STX a  SAX a
BCC r  STA iy KIL    AHX iy STY zx STA zx STX zy SAX zy TYA    STA ay TXS    TAS ay SHY ax STA ax SHX ay AHX ay
LDY #  LDA xi LDX #  LAX xi LDY z  LDA z  LDX z  LAX z  TAY    LDA #  TAX    LXA #  LDY a  LDA a  LDX a  LAX a
BCS r  LDA iy KIL    LAX iy LDY zx LDA zx LDX zy LAX zy CLV    LDA ay TSX    LAS ay LDY ax LDA ax LDX ay LAX ay
CPY #  CMP xi NOP #  DCP xi CPY z  CMP z  DEC z  DCP z  INY    CMP #  DEX    AXS #  CPY a  CMP a  DEC a  DCP a
BNE r  CMP iy KIL    DCP iy NOP zx CMP zx DEC zx DCP zx CLD    CMP ay NOP    DCP ay NOP ax CMP ax DEC ax DCP ax
CPX #  SBC xi NOP #  ISC xi CPX z  SBC z  INC z  ISC z  INX    SBC #  NOP    SBC #  CPX a  SBC a  INC a  ISC a
BEQ r  SBC iy KIL    ISC iy NOP zx SBC zx INC zx ISC zx SED    SBC ay NOP    ISC ay NOP ax SBC ax INC ax ISC ax
"""
"""Sixteen opcodes a row, $00 to $FF. After the name comes the mode: `z` is the zero page, `a` any address, `x` and `y`
are added to it, `xi` and `iy` are (zp,x) and (zp),y, `i` is JMP's own, `r` a branch's, and nothing is none."""

_WIDTH: Final = 7

_MODES: Final = ("", "#", "z", "zx", "zy", "a", "ax", "ay", "xi", "iy", "i", "r")
IMPLIED, IMMEDIATE, ZERO_PAGE, ZERO_PAGE_X, ZERO_PAGE_Y = range(5)
ABSOLUTE, ABSOLUTE_X, ABSOLUTE_Y, INDEXED_INDIRECT, INDIRECT_INDEXED, INDIRECT, RELATIVE = range(5, 12)


class Operation(IntEnum):
    """What an opcode does. Up to AXS it reads a byte, up to TAS it writes one, and up to ISC it changes one."""

    LDA, LDX, LDY, LAX, LAS, ORA, AND, EOR, ADC, SBC, CMP, CPX, CPY, BIT, NOP, ANC, ALR, ARR, XAA, LXA, AXS = range(21)
    STA, STX, STY, SAX, AHX, SHX, SHY, TAS = range(21, 29)
    ASL, LSR, ROL, ROR, INC, DEC, SLO, RLA, SRE, RRA, DCP, ISC = range(29, 41)
    BPL, BMI, BVC, BVS, BCC, BCS, BNE, BEQ = range(41, 49)
    TXA, TYA, TXS, TSX, TAX, TAY, INX, INY, DEX, DEY = range(49, 59)
    CLC, SEC, CLI, SEI, CLV, CLD, SED = range(59, 66)
    BRK, JSR, RTI, RTS, JMP, PHP, PHA, PLP, PLA, KIL = range(66, 76)


_READ_CYCLES: Final = {"": 2, "#": 2, "z": 3, "zx": 4, "zy": 4, "a": 4, "ax": 4, "ay": 4, "xi": 6, "iy": 5}
_WRITE_CYCLES: Final = {**_READ_CYCLES, "ax": 5, "ay": 5, "iy": 6}
_CHANGE_CYCLES: Final = {"": 2, "z": 5, "zx": 6, "a": 6, "ax": 7, "ay": 7, "xi": 8, "iy": 8}
_OWN_CYCLES: Final = {
    **{"BRK": 7, "JSR a": 6, "RTI": 6, "RTS": 6, "JMP a": 3, "JMP i": 5},
    **{"PHA": 3, "PHP": 3, "PLA": 4, "PLP": 4},
}


def _entries() -> list[tuple[str, str]]:
    """Return name and mode of each opcode."""
    rows = [line.ljust(16 * _WIDTH) for line in _TABLE.strip().splitlines()]
    cells = [row[at : at + _WIDTH].split() for row in rows for at in range(0, 16 * _WIDTH, _WIDTH)]
    return [(cell[0], cell[1] if len(cell) > 1 else "") for cell in cells]


def _cycles(name: str, mode: str) -> int:
    operation = Operation[name]
    changes, writes = Operation.ASL <= operation <= Operation.ISC, Operation.STA <= operation <= Operation.TAS
    cycles = _CHANGE_CYCLES if changes else _WRITE_CYCLES if writes else _READ_CYCLES
    return _OWN_CYCLES.get(f"{name} {mode}".strip(), cycles.get(mode, 2))


OPCODES: Final = tuple(_entries())
"""Name and mode of each opcode, as text."""

OPERATION: Final = np.array([Operation[name] for name, _ in OPCODES], np.int64)
"""Number of the operation of each opcode, shape (256,)."""

MODE: Final = np.array([_MODES.index(mode) for _, mode in OPCODES], np.int64)
"""Addressing mode of each opcode, shape (256,)."""

CYCLES: Final = np.array([_cycles(name, mode) for name, mode in OPCODES], np.int64)
"""CPU cycles of each opcode, shape (256,); a read that crosses a page takes one more, a branch that is taken too."""
