"""A machine that runs an NSF file's program: as much of a 6502 as that needs, with the banks of an NSF player."""

import struct

ZERO_PAGE, IMMEDIATE, ABSOLUTE, ABSOLUTE_X, ABSOLUTE_Y, INDIRECT_Y = range(6)


class NsfMachine:
    """Load a file, call INIT, then PLAY as often as wanted; `writes` has what the APU was sent since the last call."""

    def __init__(self, data: bytes) -> None:
        assert data[:5] == b"NESM\x1a"
        self.load, self.init, self.play = struct.unpack_from("<HHH", data, 8)
        assert self.load & 0xFFF == 0
        self.rom, self.banks = data[0x80:], list(data[0x70:0x78])
        self.ram = bytearray(0x800)
        self.a = self.x = self.y = 0
        self.carry = self.zero = self.negative = False
        self.writes: list[tuple[int, int]] = []
        self.cycles = 0
        self.call(self.init)

    def tick(self) -> list[tuple[int, int]]:
        """Return what PLAY writes: registers, beyond $4000, and values."""
        self.writes = []
        self.call(self.play)
        return self.writes

    def read(self, address: int) -> int:
        if address < 0x800:
            return self.ram[address]
        assert address >= 0x8000, hex(address)
        place = self.banks[(address >> 12) - 8] * 0x1000 + (address & 0xFFF)
        return self.rom[place]

    def write(self, address: int, value: int) -> None:
        if address < 0x800:
            self.ram[address] = value
        elif 0x5FF8 <= address <= 0x5FFF:
            assert (value + 1) * 0x1000 <= len(self.rom), "a bank that is not there"
            self.banks[address - 0x5FF8] = value
        else:
            assert 0x4000 <= address <= 0x4017, hex(address)
            self.writes.append((address - 0x4000, value))

    def call(self, address: int) -> None:
        """Run a subroutine to its end."""
        self.pc, self.returns = address, []
        for _ in range(20_000):
            if self.step():
                return
        raise AssertionError("the program does not return")

    def step(self) -> bool:
        code = self.read(self.pc)
        self.pc += 1
        if code == 0x60:  # rts
            if not self.returns:
                return True
            self.pc = self.returns.pop()
        elif code == 0x20:  # jsr
            self.returns.append(self.pc + 2)
            self.pc = self.word()
        elif code == 0x4C:  # jmp
            self.pc = self.word()
        elif code in (0x90, 0xB0, 0xF0, 0xD0, 0x10):
            offset = self.read(self.pc)
            self.pc += 1
            taken = {0x90: not self.carry, 0xB0: self.carry, 0xF0: self.zero, 0xD0: not self.zero}
            if taken.get(code, not self.negative):
                self.pc += offset - 256 if offset >= 128 else offset
        elif code in (0xCA, 0xE8, 0xAA):  # dex inx tax
            self.x = self.flags({0xCA: self.x - 1, 0xE8: self.x + 1, 0xAA: self.a}[code])
        elif code == 0x18:
            self.carry = False
        else:
            self.operate(code)
        return False

    def word(self) -> int:
        low, high = self.read(self.pc), self.read(self.pc + 1)
        self.pc += 2
        return low | high << 8

    def flags(self, value: int) -> int:
        value &= 0xFF
        self.zero, self.negative = value == 0, value >= 0x80
        return value

    def operate(self, code: int) -> None:
        name, mode = OPERATIONS[code]
        if mode in (ABSOLUTE, ABSOLUTE_X, ABSOLUTE_Y):
            at = self.word() + {ABSOLUTE: 0, ABSOLUTE_X: self.x, ABSOLUTE_Y: self.y}[mode]
        else:
            at = self.pc if mode == IMMEDIATE else self.read(self.pc)
            self.pc += 1
        if mode == INDIRECT_Y:
            at = (self.ram[at] | self.ram[at + 1] << 8) + self.y
        if name in ("sta", "stx", "sty"):
            self.write(at, {"sta": self.a, "stx": self.x, "sty": self.y}[name])
            return
        value = self.read(at)
        if name in ("lda", "and", "ora", "adc"):
            total = {"lda": value, "and": self.a & value, "ora": self.a | value}.get(name, self.a + value + self.carry)
            if name == "adc":
                self.carry = total > 0xFF
            self.a = self.flags(total)
        elif name in ("ldx", "ldy"):
            setattr(self, name[-1], self.flags(value))
        elif name in ("cmp", "cpy"):
            register = self.a if name == "cmp" else self.y
            self.carry = register >= value
            self.flags(register - value)
        elif name in ("inc", "dec"):
            self.ram[at] = self.flags(value + (1 if name == "inc" else -1))
        else:  # asl, rol
            carry = self.carry if name == "rol" else 0
            self.carry = value >= 0x80
            self.ram[at] = self.flags(value << 1 | carry)


OPERATIONS = {
    **{0x69: ("adc", IMMEDIATE), 0x29: ("and", IMMEDIATE), 0xC9: ("cmp", IMMEDIATE), 0xC0: ("cpy", IMMEDIATE)},
    **{0xA9: ("lda", IMMEDIATE), 0xA2: ("ldx", IMMEDIATE), 0xA0: ("ldy", IMMEDIATE)},
    **{0x06: ("asl", ZERO_PAGE), 0x26: ("rol", ZERO_PAGE), 0xC6: ("dec", ZERO_PAGE), 0xE6: ("inc", ZERO_PAGE)},
    **{0xA5: ("lda", ZERO_PAGE), 0xA4: ("ldy", ZERO_PAGE), 0x05: ("ora", ZERO_PAGE)},
    **{0x85: ("sta", ZERO_PAGE), 0x86: ("stx", ZERO_PAGE), 0x84: ("sty", ZERO_PAGE)},
    **{0xAD: ("lda", ABSOLUTE), 0x8D: ("sta", ABSOLUTE), 0x8C: ("sty", ABSOLUTE)},
    **{0xBC: ("ldy", ABSOLUTE_X), 0x9D: ("sta", ABSOLUTE_X), 0x99: ("sta", ABSOLUTE_Y), 0xB1: ("lda", INDIRECT_Y)},
}
