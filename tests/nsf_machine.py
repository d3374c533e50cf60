"""Plays an NSF file's program tick by tick, for the tests of whatever writes one."""

from livegen.cpu.memory import BANK_REGISTERS, read
from livegen.formats.chip import nsf_machine
from livegen.formats.chip.nsf_file import parse_nsf


class NsfMachine:
    """Load a file and call INIT, then PLAY as often as wanted; `writes` has what the APU was sent by the last call."""

    def __init__(self, data: bytes) -> None:
        self.nsf = parse_nsf("a.nsf", data)
        self.rom = self.nsf.program
        self._machine = nsf_machine.NsfMachine(self.nsf, 1)
        self._machine.play(0)
        self.writes = self._written(0)

    def tick(self) -> list[tuple[int, int]]:
        """Return what PLAY writes: registers, beyond $4000, and values."""
        before = self._machine.n_writes
        self._machine.play(self._machine.n_ticks + 1)
        assert not self._machine.fault
        self.writes = self._written(before)
        return self.writes

    def read(self, address: int) -> int:
        return read(self._machine.mapped[0], self._machine.memory, address)

    def _written(self, before: int) -> list[tuple[int, int]]:
        cycle, address, value = (column[before:] for column in self._machine.log())
        called = cycle > 0  # before the first call a player silences the chip
        writes = list(zip(address[called].tolist(), value[called].tolist(), strict=True))
        n_banks = len(self.rom) // 0x1000
        assert all(bank < n_banks for address, bank in writes if address >= BANK_REGISTERS), "a bank that is not there"
        return [(address - 0x4000, value) for address, value in writes if address < BANK_REGISTERS]
