"""A console that plays a song of an NSF file: calls its program as a player does, and logs what it writes to the chip.

At the start the RAM is clear, the chip silent and its voices on. `INIT` gets the song, from 0, in A, and the region in
X. Then `PLAY` is called again and again, and never before the last call is over. https://www.nesdev.org/wiki/NSF has
what a player must do, which leaves the very cycle open. It is the one of Game_Music_Emu: the first call comes a period
after the start, and a period has whole halves of a cycle, as an NTSC picture has. What is less is dropped: files give
periods in microseconds, of 1.8 cycles.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.cpu.cpu import HALTED, RETURNED, call, new_cpu, run
from livegen.cpu.memory import new_memory
from livegen.errors import FormatError
from livegen.formats.chip.nsf_file import HEADER_BYTES, NsfFile
from livegen.units import CPU_CLOCK_HZ

LONGEST_CALL_SECONDS: Final = 10.0
"""A routine that takes longer does not return. Some play speech meanwhile."""

MOST_WRITES: Final = 16 * 2**20 // 3
"""Writes that a log may have, about which is what the largest VGM file holds: at most a logful more are kept."""

_ROUNDING: Final = 1e-6  # by which a whole number of half cycles may come out too low

_SILENCE: Final = (*((0x4000 + register, 0) for register in range(0x14)), (0x4015, 0), (0x4015, 0x0F), (0x4017, 0x40))

Writes = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.uint8]]
"""CPU cycle, address and value of each write."""


class NsfMachine:
    """Plays one song from its start.

    Parameters
    ----------
    nsf : NsfFile
    song : int
        1 to `nsf.n_songs`.

    Raises
    ------
    FormatError
        If the song's INIT does not come to its end.

    Attributes
    ----------
    clock_hz : float
    tick_writes : list of int
        How many writes there were before each call of PLAY.
    mapped, memory
        What the program finds where; see `livegen.cpu.memory.new_memory`.
    fault : str
        Why the song cannot go on, in words that follow a file's name; empty while it can.
    """

    def __init__(self, nsf: NsfFile, song: int) -> None:
        self.clock_hz = CPU_CLOCK_HZ[nsf.region]
        self.tick_writes: list[int] = []
        self.fault = ""
        self._nsf, self._song = nsf, song
        self._period_halves = int(2e-6 * nsf.period_us * self.clock_hz + _ROUNDING)
        self.mapped, self.memory = new_memory(nsf.program, nsf.banks)
        self._cpu = new_cpu()
        address, value = zip(*_SILENCE, strict=True)
        self._pieces = [(np.zeros(len(address), np.int64), np.array(address, np.int64), np.array(value, np.uint8))]
        self.n_writes = len(address)
        self._cpu["a"], self._cpu["x"] = song - 1, nsf.region == "pal"
        self._call("INIT", nsf.init)
        if self.fault:
            raise FormatError(f"{nsf.name} {self.fault}: choose another song or another file")

    @property
    def n_ticks(self) -> int:
        """How often PLAY was due so far."""
        return len(self.tick_writes)

    def tick_cycle(self, tick: int) -> int:
        """Return the CPU cycle at which a call of PLAY is due."""
        return self._period_halves // 2 + tick * self._period_halves // 2

    def play(self, n_ticks: int) -> None:
        """Go on until PLAY was due so often, or the song cannot go on."""
        cpu = self._cpu[0]
        while len(self.tick_writes) < n_ticks and not self.fault:
            due = self.tick_cycle(len(self.tick_writes))
            self.tick_writes.append(self.n_writes + int(self.mapped["n_writes"][0]))
            if cpu["cycle"] <= due:
                cpu["cycle"] = due
                self._call("PLAY", self._nsf.play)
        self._take_writes()

    def log(self) -> Writes:
        """Return cycle, address and value of all writes so far, those that switch banks among them."""
        self._pieces = [tuple(np.concatenate(columns) for columns in zip(*self._pieces, strict=True))]  # type: ignore[list-item]
        return self._pieces[0]

    def _call(self, routine: str, address: int) -> None:
        cpu, mapped = self._cpu[0], self.mapped[0]
        call(cpu, mapped, self.memory, address)
        until = int(cpu["cycle"]) + round(LONGEST_CALL_SECONDS * self.clock_hz)
        while (ended := run(cpu, mapped, self.memory, until, True)) != RETURNED:
            if ended == HALTED:
                self.fault = f"comes to a halt in the {routine} of song {self._song}, at {self._place()}"
            elif cpu["cycle"] >= until:
                self.fault = (
                    f"does not return from the {routine} of song {self._song} within {LONGEST_CALL_SECONDS:.0f} s, and "
                    f"stands at {self._place()}"
                )
            if self.fault:
                break
            self._take_writes()
            if self._is_full():
                break
        if mapped["n_writes"] > len(mapped["cycles"]) // 2:
            self._take_writes()
            self._is_full()

    def _is_full(self) -> bool:
        """Tell whether the log may have no more writes, which is a fault."""
        if self.n_writes < MOST_WRITES:
            return False
        self.fault = f"writes to the chip more than {MOST_WRITES:,} times in song {self._song}"
        return True

    def _place(self) -> str:
        """Return where the program stands, with the byte of the file if it is one."""
        address = int(self._cpu["pc"][0])
        place = int(self.mapped["places"][0, address >> 8]) + (address & 0xFF) - (len(self.memory) - self._n_program)
        offset = place + self._nsf.data_offset
        is_known = 0 <= place < self._n_program and offset >= HEADER_BYTES
        return f"${address:04X}, byte {offset:,} of the file" if is_known else f"${address:04X}, where no program is"

    @property
    def _n_program(self) -> int:
        return len(self._nsf.program)

    def _take_writes(self) -> None:
        mapped = self.mapped
        n_writes = int(mapped["n_writes"][0])
        names = ("cycles", "addresses", "values")
        self._pieces.append(tuple(mapped[name][0, :n_writes].copy() for name in names))  # type: ignore[arg-type]
        self.n_writes += n_writes
        mapped["n_writes"] = 0
