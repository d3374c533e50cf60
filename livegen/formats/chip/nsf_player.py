"""The program that plays an NSF file on a 6502: its source, and an assembler for the instructions in it.

INIT silences the chip and goes to the beginning of the stream. PLAY is called once a tick and plays one operation of
the stream; `livegen.formats.chip.nsf_stream` describes the operations. The program lies at $8000. The stream lies in
banks of 4 KiB, which appear one after another in the window at $9000 (https://www.nesdev.org/wiki/NSF).
"""

import re
from typing import Final

ORIGIN: Final = 0x8000
WINDOW: Final = 0x9000
FIRST_BANK: Final = 1
"""Number of the first bank of the stream. Bank 0 holds the program."""

SAMPLE_BANKS: Final = 4
"""Number of banks from $C000 on, where the DMC finds its samples."""

MASKED_REGISTERS: Final = (0x15, 0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x0A, 0x0B, 0x0C, 0x0E, 0x0F)
"""Registers of the bits of a mask, from the top bit down, as offsets from $4000.

$4015 comes first, because it enables the length counters, and only an enabled one can be loaded.
"""

_SOURCE: Final = """
; zero page
read    = $00       ; where in the window the next byte lies, two bytes
bank    = $02       ; which is in the window
wait    = $03       ; ticks that pass by
left    = $04       ; operations left of a phrase, and one; 0 outside of one
back    = $05       ; where the stream goes on after a phrase, two bytes, and its bank
back_bank = $07
to      = $08       ; of a phrase, two bytes, and its bank
to_bank = $0A
high    = $0B       ; mask of registers
low     = $0C
count   = $0D

init:   lda #0
        sta wait
        sta left
        ldx #$13
clear:  sta $4000,x
        dex
        bpl clear
        sta $4015
        lda #$40        ; no interrupts of the frame counter
        sta $4017
        lda #$00
        sta read
        lda #$90
        sta read+1
        lda #1
        sta bank
        sta $5FF9
        rts

play:   lda wait
        beq next
        dec wait
        rts

next:   lda left
        beq take
        dec left
        bne take
        lda back        ; the phrase is over
        sta read
        lda back+1
        sta read+1
        lda back_bank
        sta bank
        sta $5FF9
take:   jsr get
        cmp #$C0
        bcs masked
        cmp #$80
        bcs phrase
        cmp #$7F
        beq pairs
        tax
        beq again
        dex             ; $01..$7E: nothing changes for so many ticks, this one included
        stx wait
        rts

again:  lda loop        ; $00: the end, go on from the loop
        sta read
        lda loop+1
        sta read+1
        lda loop+2
        sta bank
        sta $5FF9
        jmp take

phrase: and #$3F        ; $80..$BF: play so many operations, and one, that stand elsewhere
        clc
        adc #2
        sta count
        jsr get
        sta to
        jsr get
        sta to+1
        jsr get
        sta to_bank
        lda read
        sta back
        lda read+1
        sta back+1
        lda bank
        sta back_bank
        lda to
        sta read
        lda to+1
        sta read+1
        lda to_bank
        sta bank
        sta $5FF9
        lda count
        sta left
        jmp next

pairs:  jsr get         ; $7F: so many pairs of register and value
        sta count
        cmp #0
        beq samples
pair:   jsr get
        tax
        jsr get
        sta $4000,x
        dec count
        bne pair
        rts

masked: sta high        ; $C0..$FF: 14 bits that name registers, and a value for each
        jsr get
        sta low
        asl low         ; the two bits that say what this is
        rol high
        asl low
        rol high
        ldx #0
bit:    asl low
        rol high
        bcc unset
        jsr get
        ldy registers,x
        sta $4000,y
unset:  inx
        lda low
        ora high
        bne bit
        rts

samples: jsr get        ; $7F $00: the banks of samples, and then what else there is in this tick
        sta $5FFC
        jsr get
        sta $5FFD
        jsr get
        sta $5FFE
        jsr get
        sta $5FFF
        jmp take

get:    ldy #0          ; the next byte, in A; keeps X
        lda (read),y
        inc read
        bne got
        inc read+1
        ldy read+1
        cpy #$A0
        bne got
        ldy #$90
        sty read+1
        inc bank
        ldy bank
        sty $5FF9
got:    rts

registers:              ; 14 bytes, then the loop: its place in the window, and its bank
"""

_OPCODES: Final[dict[tuple[str, str], int]] = {
    **{("adc", "#"): 0x69, ("and", "#"): 0x29, ("asl", "zp"): 0x06, ("clc", ""): 0x18, ("cmp", "#"): 0xC9},
    **{("cpy", "#"): 0xC0, ("dec", "zp"): 0xC6, ("dex", ""): 0xCA, ("inc", "zp"): 0xE6, ("inx", ""): 0xE8},
    **{("jmp", "abs"): 0x4C, ("jsr", "abs"): 0x20, ("lda", "#"): 0xA9, ("lda", "zp"): 0xA5, ("lda", "abs"): 0xAD},
    **{("lda", "(zp),y"): 0xB1, ("ldx", "#"): 0xA2, ("ldy", "#"): 0xA0, ("ldy", "zp"): 0xA4, ("ldy", "abs,x"): 0xBC},
    **{("ora", "zp"): 0x05, ("rol", "zp"): 0x26, ("rts", ""): 0x60, ("sta", "zp"): 0x85, ("sta", "abs"): 0x8D},
    **{("sta", "abs,x"): 0x9D, ("sta", "abs,y"): 0x99, ("stx", "zp"): 0x86, ("sty", "zp"): 0x84, ("sty", "abs"): 0x8C},
    **{("tax", ""): 0xAA},
    **{("bcc", "rel"): 0x90, ("bcs", "rel"): 0xB0, ("beq", "rel"): 0xF0, ("bne", "rel"): 0xD0, ("bpl", "rel"): 0x10},
}
"""Opcodes by mnemonic and addressing mode, https://www.nesdev.org/wiki/CPU_addressing_modes."""

_OPERAND_BYTES: Final = {"": 0, "#": 1, "zp": 1, "(zp),y": 1, "rel": 1, "abs": 2, "abs,x": 2, "abs,y": 2}
_LINE: Final = re.compile(r"(?:(\w+):)?\s*(?:(\w+)(?:\s+(\S+))?)?")
_OPERAND: Final = re.compile(r"(#?)(\(?)(\$[0-9A-F]+|\d+|\w+)(?:\+(\d))?\)?(,[xy])?")

_Instruction = tuple[str, str, str]  # mnemonic, mode and operand


def player(loop_address: int, loop_bank: int) -> tuple[bytes, int, int]:
    """Return the program, and the addresses of INIT and PLAY.

    Parameters
    ----------
    loop_address, loop_bank : int
        Address in the window, and bank, at which the stream goes on after its end.
    """
    code, labels = _assemble(_SOURCE)
    loop = loop_address.to_bytes(2, "little") + bytes((loop_bank,))
    return code + bytes(MASKED_REGISTERS) + loop, labels["init"], labels["play"]


def _assemble(source: str) -> tuple[bytes, dict[str, int]]:
    """Return the bytes of a program at `ORIGIN`, and the addresses of its labels and names."""
    names: dict[str, int] = {}
    program: list[tuple[int, _Instruction]] = []
    address = ORIGIN
    for line in (text.partition(";")[0].strip() for text in source.splitlines()):
        if "=" in line:
            name, _, value = line.partition("=")
            names[name.strip()] = int(value.strip().removeprefix("$"), 16)
            continue
        match = _LINE.fullmatch(line)
        assert match is not None, line
        label, mnemonic, operand = match.groups()
        if label:
            names[label] = address
        if mnemonic:
            mode = _mode(mnemonic, operand or "", names)
            program.append((address, (mnemonic, mode, operand or "")))
            address += 1 + _OPERAND_BYTES[mode]
    names["loop"] = address + len(MASKED_REGISTERS)
    return b"".join(_encode(at, instruction, names) for at, instruction in program), names


def _mode(mnemonic: str, operand: str, names: dict[str, int]) -> str:
    if not operand:
        return ""
    if mnemonic.startswith("b"):
        return "rel"
    match = _OPERAND.fullmatch(operand)
    assert match is not None, operand
    immediate, parenthesis, value, _, index = match.groups()
    if immediate:
        return "#"
    if parenthesis:
        return "(zp),y"
    is_zero_page = value in names and names[value] < 0x100
    return "zp" if is_zero_page else f"abs{index or ''}"


def _encode(address: int, instruction: _Instruction, names: dict[str, int]) -> bytes:
    mnemonic, mode, operand = instruction
    code = bytes((_OPCODES[mnemonic, mode],))
    if not operand:
        return code
    match = _OPERAND.fullmatch(operand)
    assert match is not None, operand
    value, offset = match.group(3), int(match.group(4) or 0)
    number = int(value[1:], 16) if value[0] == "$" else int(value) if value.isdigit() else names[value] + offset
    if mode == "rel":
        return code + (number - (address + 2)).to_bytes(1, "little", signed=True)
    return code + number.to_bytes(_OPERAND_BYTES[mode], "little")
