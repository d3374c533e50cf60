"""The processor itself: runs a program until it returns, halts, or has used up its cycles.

The 2A03's core is a 6502 whose decimal flag does nothing, https://www.nesdev.org/wiki/CPU. No interrupt comes, since an
NSF player has none. What is written takes effect with the last cycle of its instruction.

Opcodes that MOS does not document do as on the chip (https://www.nesdev.org/wiki/CPU_unofficial_opcodes). Five of them,
AHX, SHX, SHY, TAS across a page and XAA, are not the same on each chip; no tune is known that uses them.
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from livegen.cpu.memory import LOG_WRITES, read, read_word, write
from livegen.cpu.opcodes import (
    ABSOLUTE,
    ABSOLUTE_X,
    ABSOLUTE_Y,
    CYCLES,
    IMMEDIATE,
    IMPLIED,
    INDEXED_INDIRECT,
    INDIRECT,
    MODE,
    OPERATION,
    ZERO_PAGE,
    ZERO_PAGE_X,
    ZERO_PAGE_Y,
    Operation,
)
from livegen.system.kernels import Record, kernel

CPU: Final = np.dtype([(name, np.int64) for name in ("a", "x", "y", "s", "p", "pc", "cycle")])
"""Accumulator, index registers, stack pointer, flags, program counter, and the cycles since power-up."""

CARRY, ZERO, NO_INTERRUPTS, DECIMAL, BREAK, UNUSED, OVERFLOW, NEGATIVE = (1 << bit for bit in range(8))

RAN, RETURNED, HALTED = range(3)
"""How a run came to its end: for a reason of its owner's, at the return of the called routine, or at an opcode that
halts the processor or calls for what an NSF player does not have."""

RETURN: Final = 0x5FF0
"""Where a routine that `call` has begun returns to: there is no memory there."""

_STACK: Final = 0x100
_BREAK_VECTOR: Final = 0xFFFE
_UNSTABLE: Final = 0xEE  # what XAA and LXA have beside the accumulator; it differs from chip to chip


def new_cpu() -> NDArray[Any]:
    """Return a processor at power-up, shape (1,)."""
    cpu = np.zeros(1, CPU)
    cpu["s"], cpu["p"] = 0xFD, UNUSED | NO_INTERRUPTS
    return cpu


@kernel
def call(cpu: Record, mapped: Record, memory: NDArray[np.uint8], address: int) -> None:
    """Let the processor begin a routine, which is over when `run` tells that it has returned."""
    _push_word(cpu, mapped, memory, RETURN - 1)
    cpu.pc = address


@kernel
def run(cpu: Record, mapped: Record, memory: NDArray[np.uint8], until: int, stops_at_break: bool) -> int:
    """Run to the end of a routine, but not beyond a cycle, nor with a full log; return how it ended.

    With `stops_at_break`, BRK halts the processor. A processor that was halted stands at the opcode that did it.
    """
    while cpu.cycle < until and mapped.n_writes < LOG_WRITES:
        if cpu.pc == RETURN:
            return RETURNED
        code = read(mapped, memory, cpu.pc)
        operation = OPERATION[code]
        if operation == Operation.KIL or (operation == Operation.BRK and stops_at_break):
            return HALTED
        cpu.pc = (cpu.pc + 1) & 0xFFFF
        cpu.cycle += CYCLES[code]
        if operation >= Operation.BRK:
            _jump(cpu, mapped, memory, operation, MODE[code])
        elif operation >= Operation.BPL:
            _move(cpu, mapped, memory, operation)
        else:
            _operate(cpu, mapped, memory, operation, MODE[code])
    return RETURNED if cpu.pc == RETURN else RAN


@kernel
def _operate(cpu: Record, mapped: Record, memory: NDArray[np.uint8], operation: int, mode: int) -> None:
    """Read, write or change a byte, in memory or in the accumulator."""
    if mode == IMPLIED:
        if operation != Operation.NOP:
            cpu.a = _changed(cpu, operation, cpu.a)
        return
    address = _address(cpu, mapped, memory, mode, operation <= Operation.AXS)
    if operation <= Operation.AXS:
        _use(cpu, operation, read(mapped, memory, address))
    elif operation <= Operation.SAX:
        write(mapped, memory, cpu.cycle, address, _stored(cpu, operation))
    elif operation <= Operation.TAS:
        _store_and_high(cpu, mapped, memory, operation, address)
    else:
        value = read(mapped, memory, address)
        write(mapped, memory, cpu.cycle - 1, address, value)
        write(mapped, memory, cpu.cycle, address, _changed(cpu, operation, value))


@kernel
def _address(cpu: Record, mapped: Record, memory: NDArray[np.uint8], mode: int, is_read: bool) -> int:
    """Return the address of an instruction's byte, and step over the operand."""
    if mode == IMMEDIATE:
        cpu.pc = (cpu.pc + 1) & 0xFFFF
        return (cpu.pc - 1) & 0xFFFF
    if mode >= ABSOLUTE and mode <= ABSOLUTE_Y:
        base = read_word(mapped, memory, cpu.pc)
        cpu.pc = (cpu.pc + 2) & 0xFFFF
        if mode == ABSOLUTE:
            return base
        return _indexed(cpu, base, cpu.x if mode == ABSOLUTE_X else cpu.y, is_read)
    place = read(mapped, memory, cpu.pc)
    cpu.pc = (cpu.pc + 1) & 0xFFFF
    if mode == ZERO_PAGE:
        return place
    if mode == ZERO_PAGE_X:
        return (place + cpu.x) & 0xFF
    if mode == ZERO_PAGE_Y:
        return (place + cpu.y) & 0xFF
    if mode == INDEXED_INDIRECT:
        return _zero_page_word(mapped, memory, (place + cpu.x) & 0xFF)
    return _indexed(cpu, _zero_page_word(mapped, memory, place), cpu.y, is_read)


@kernel
def _indexed(cpu: Record, base: int, index: int, is_read: bool) -> int:
    address = (base + index) & 0xFFFF
    if is_read and (address ^ base) & 0xFF00:
        cpu.cycle += 1
    return address


@kernel
def _zero_page_word(mapped: Record, memory: NDArray[np.uint8], place: int) -> int:
    return read(mapped, memory, place) | read(mapped, memory, (place + 1) & 0xFF) << 8


@kernel
def _use(cpu: Record, operation: int, value: int) -> None:
    """Do what an operation does with a byte that it has read."""
    if operation == Operation.LDA:
        cpu.a = _flagged(cpu, value)
    elif operation == Operation.LDX:
        cpu.x = _flagged(cpu, value)
    elif operation == Operation.LDY:
        cpu.y = _flagged(cpu, value)
    elif operation == Operation.CMP:
        _compare(cpu, cpu.a, value)
    elif operation == Operation.CPX:
        _compare(cpu, cpu.x, value)
    elif operation == Operation.CPY:
        _compare(cpu, cpu.y, value)
    elif operation == Operation.AND:
        cpu.a = _flagged(cpu, cpu.a & value)
    elif operation == Operation.ORA:
        cpu.a = _flagged(cpu, cpu.a | value)
    elif operation == Operation.EOR:
        cpu.a = _flagged(cpu, cpu.a ^ value)
    elif operation == Operation.ADC:
        _add(cpu, value)
    elif operation == Operation.SBC:
        _add(cpu, value ^ 0xFF)
    elif operation == Operation.BIT:
        _set(cpu, ZERO, cpu.a & value == 0)
        cpu.p = cpu.p & ~(NEGATIVE | OVERFLOW) | value & (NEGATIVE | OVERFLOW)
    elif operation == Operation.LAX:
        cpu.x = cpu.a = _flagged(cpu, value)
    elif operation != Operation.NOP:
        _use_oddly(cpu, operation, value)


@kernel
def _use_oddly(cpu: Record, operation: int, value: int) -> None:
    """Do what an undocumented operation does with a byte that it has read."""
    if operation == Operation.ANC:
        cpu.a = _flagged(cpu, cpu.a & value)
        _set(cpu, CARRY, cpu.a >= 0x80)
    elif operation == Operation.ALR:
        cpu.a = _changed(cpu, Operation.LSR, cpu.a & value)
    elif operation == Operation.ARR:
        cpu.a = _changed(cpu, Operation.ROR, cpu.a & value)
        _set(cpu, CARRY, cpu.a & 0x40 != 0)
        _set(cpu, OVERFLOW, (cpu.a ^ cpu.a << 1) & 0x40 != 0)
    elif operation == Operation.AXS:
        both = cpu.a & cpu.x
        _compare(cpu, both, value)
        cpu.x = (both - value) & 0xFF
    elif operation == Operation.XAA:
        cpu.a = _flagged(cpu, (cpu.a | _UNSTABLE) & cpu.x & value)
    elif operation == Operation.LXA:
        cpu.x = cpu.a = _flagged(cpu, (cpu.a | _UNSTABLE) & value)
    else:  # LAS
        cpu.s = cpu.x = cpu.a = _flagged(cpu, cpu.s & value)


@kernel
def _stored(cpu: Record, operation: int) -> int:
    """Return the byte that an operation writes."""
    if operation == Operation.STA:
        return cpu.a
    if operation == Operation.STX:
        return cpu.x
    if operation == Operation.STY:
        return cpu.y
    return cpu.a & cpu.x


@kernel
def _store_and_high(cpu: Record, mapped: Record, memory: NDArray[np.uint8], operation: int, address: int) -> None:
    """Write a register and the upper byte of the address, and one; which also becomes that byte across a page."""
    index = cpu.x if operation == Operation.SHY else cpu.y
    base = address - index & 0xFFFF
    value = cpu.x if operation == Operation.SHX else cpu.y if operation == Operation.SHY else cpu.a & cpu.x
    if operation == Operation.TAS:
        cpu.s = value
    value &= (base >> 8) + 1
    if (base ^ address) & 0xFF00:
        address = address & 0xFF | value << 8
    write(mapped, memory, cpu.cycle, address, value)


@kernel
def _changed(cpu: Record, operation: int, value: int) -> int:
    """Return what an operation makes of a byte, and do what it does with that, too."""
    if operation == Operation.INC or operation == Operation.ISC:
        result = value + 1 & 0xFF
    elif operation == Operation.DEC or operation == Operation.DCP:
        result = value - 1 & 0xFF
    else:
        carry = cpu.p & CARRY
        goes_left = operation == Operation.ASL or operation == Operation.ROL
        goes_left = goes_left or operation == Operation.SLO or operation == Operation.RLA
        is_open = operation == Operation.ASL or operation == Operation.LSR
        is_open = is_open or operation == Operation.SLO or operation == Operation.SRE
        if is_open:
            carry = 0
        if goes_left:
            _set(cpu, CARRY, value >= 0x80)
            result = value << 1 & 0xFF | carry
        else:
            _set(cpu, CARRY, value & 1 != 0)
            result = value >> 1 | carry << 7
    if operation <= Operation.DEC:
        return _flagged(cpu, result)
    if operation == Operation.SLO:
        cpu.a = _flagged(cpu, cpu.a | result)
    elif operation == Operation.RLA:
        cpu.a = _flagged(cpu, cpu.a & result)
    elif operation == Operation.SRE:
        cpu.a = _flagged(cpu, cpu.a ^ result)
    elif operation == Operation.RRA:
        _add(cpu, result)
    elif operation == Operation.DCP:
        _compare(cpu, cpu.a, result)
    else:  # ISC
        _add(cpu, result ^ 0xFF)
    return result


@kernel
def _move(cpu: Record, mapped: Record, memory: NDArray[np.uint8], operation: int) -> None:
    """Branch, move a register to another, count in one, or set a flag."""
    if operation <= Operation.BEQ:
        _branch(cpu, mapped, memory, operation)
    elif operation == Operation.TXA:
        cpu.a = _flagged(cpu, cpu.x)
    elif operation == Operation.TYA:
        cpu.a = _flagged(cpu, cpu.y)
    elif operation == Operation.TXS:
        cpu.s = cpu.x
    elif operation == Operation.TSX:
        cpu.x = _flagged(cpu, cpu.s)
    elif operation == Operation.TAX:
        cpu.x = _flagged(cpu, cpu.a)
    elif operation == Operation.TAY:
        cpu.y = _flagged(cpu, cpu.a)
    elif operation == Operation.INX:
        cpu.x = _flagged(cpu, cpu.x + 1 & 0xFF)
    elif operation == Operation.INY:
        cpu.y = _flagged(cpu, cpu.y + 1 & 0xFF)
    elif operation == Operation.DEX:
        cpu.x = _flagged(cpu, cpu.x - 1 & 0xFF)
    elif operation == Operation.DEY:
        cpu.y = _flagged(cpu, cpu.y - 1 & 0xFF)
    elif operation == Operation.CLV:
        _set(cpu, OVERFLOW, False)
    elif operation == Operation.CLC or operation == Operation.SEC:
        _set(cpu, CARRY, operation == Operation.SEC)
    elif operation == Operation.CLI or operation == Operation.SEI:
        _set(cpu, NO_INTERRUPTS, operation == Operation.SEI)
    else:
        _set(cpu, DECIMAL, operation == Operation.SED)


@kernel
def _branch(cpu: Record, mapped: Record, memory: NDArray[np.uint8], operation: int) -> None:
    offset = read(mapped, memory, cpu.pc)
    cpu.pc = (cpu.pc + 1) & 0xFFFF
    kind = operation - Operation.BPL
    flag = NEGATIVE if kind < 2 else OVERFLOW if kind < 4 else CARRY if kind < 6 else ZERO
    if (cpu.p & flag != 0) == (kind & 1):
        target = (cpu.pc + (offset ^ 0x80) - 0x80) & 0xFFFF
        cpu.cycle += 2 if (target ^ cpu.pc) & 0xFF00 else 1
        cpu.pc = target


@kernel
def _jump(cpu: Record, mapped: Record, memory: NDArray[np.uint8], operation: int, mode: int) -> None:
    """Jump, return, or use the stack."""
    if operation == Operation.JSR:
        target = read_word(mapped, memory, cpu.pc)
        _push_word(cpu, mapped, memory, (cpu.pc + 1) & 0xFFFF)
        cpu.pc = target
    elif operation == Operation.RTS:
        cpu.pc = (_pull_word(cpu, mapped, memory) + 1) & 0xFFFF
    elif operation == Operation.JMP:
        target = read_word(mapped, memory, cpu.pc)
        if mode == INDIRECT:  # its upper byte comes from the same page
            upper = read(mapped, memory, target & 0xFF00 | target + 1 & 0xFF)
            target = read(mapped, memory, target) | upper << 8
        cpu.pc = target
    elif operation == Operation.PHA:
        _push(cpu, mapped, memory, cpu.a)
    elif operation == Operation.PLA:
        cpu.a = _flagged(cpu, _pull(cpu, mapped, memory))
    elif operation == Operation.PHP:
        _push(cpu, mapped, memory, cpu.p | BREAK | UNUSED)
    elif operation == Operation.PLP:
        cpu.p = _pull(cpu, mapped, memory) & ~BREAK | UNUSED
    elif operation == Operation.RTI:
        cpu.p = _pull(cpu, mapped, memory) & ~BREAK | UNUSED
        cpu.pc = _pull_word(cpu, mapped, memory)
    else:  # BRK
        _push_word(cpu, mapped, memory, (cpu.pc + 1) & 0xFFFF)
        _push(cpu, mapped, memory, cpu.p | BREAK | UNUSED)
        cpu.p |= NO_INTERRUPTS
        cpu.pc = read_word(mapped, memory, _BREAK_VECTOR)


@kernel
def _push(cpu: Record, mapped: Record, memory: NDArray[np.uint8], value: int) -> None:
    write(mapped, memory, cpu.cycle, _STACK + cpu.s, value)
    cpu.s = (cpu.s - 1) & 0xFF


@kernel
def _push_word(cpu: Record, mapped: Record, memory: NDArray[np.uint8], value: int) -> None:
    _push(cpu, mapped, memory, value >> 8)
    _push(cpu, mapped, memory, value & 0xFF)


@kernel
def _pull(cpu: Record, mapped: Record, memory: NDArray[np.uint8]) -> int:
    cpu.s = (cpu.s + 1) & 0xFF
    return read(mapped, memory, _STACK + cpu.s)


@kernel
def _pull_word(cpu: Record, mapped: Record, memory: NDArray[np.uint8]) -> int:
    lower = _pull(cpu, mapped, memory)
    return lower | _pull(cpu, mapped, memory) << 8


@kernel
def _flagged(cpu: Record, value: int) -> int:
    """Set the flags that tell of a byte, and return it."""
    cpu.p = cpu.p & ~(ZERO | NEGATIVE) | value & NEGATIVE | (ZERO if value == 0 else 0)
    return value


@kernel
def _set(cpu: Record, flag: int, is_set: bool) -> None:
    cpu.p = cpu.p | flag if is_set else cpu.p & ~flag


@kernel
def _compare(cpu: Record, register: int, value: int) -> None:
    _set(cpu, CARRY, register >= value)
    _flagged(cpu, register - value & 0xFF)


@kernel
def _add(cpu: Record, value: int) -> None:
    """Add a byte and the carry to the accumulator; subtracting is adding the complement."""
    total = cpu.a + value + (cpu.p & CARRY)
    _set(cpu, CARRY, total > 0xFF)
    _set(cpu, OVERFLOW, ~(cpu.a ^ value) & (cpu.a ^ total) & 0x80 != 0)
    cpu.a = _flagged(cpu, total & 0xFF)
