"""The console's memory as a program for an NSF player sees it, https://www.nesdev.org/wiki/NSF.

| address | what lies there |
| --- | --- |
| $0000-$1FFF | 2 KiB of RAM, four times |
| $4000-$4017 | the chip: writes are logged, reads give 0 |
| $5FF8-$5FFF | which bank of 4 KiB appears at $8000, $9000 and so on; writes are logged |
| $6000-$7FFF | 8 KiB of RAM |
| $8000-$FFFF | eight banks of the program, which cannot be written |

Everything else, and a bank that the program does not have, reads as 0, and writes there are lost.
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from livegen.system.kernels import Record, kernel

BANK_BYTES: Final = 0x1000
N_BANKS: Final = 8
"""Banks that the processor reaches at a time."""

MOST_BANKS: Final = 256
"""Banks that a program may have: their numbers are bytes."""

BANK_REGISTERS: Final = 0x5FF8
"""Address of the number of the bank that appears at $8000; the others follow."""

LOG_WRITES: Final = 4096
"""Writes that are logged before `livegen.cpu.cpu.run` comes back, so that the owner empties the log."""

_PAGE: Final = 0x100
_ROM: Final = 0x8000
_CHIP, _LAST_CHIP = 0x4000, 0x4017
_RAM_BYTES, _WORK_RAM, _WORK_RAM_BYTES = 0x800, 0x6000, 0x2000
_NOTHING: Final = _RAM_BYTES + _WORK_RAM_BYTES  # a bank of zeros; the program's banks come after it
_FIRST_BANK: Final = _NOTHING + BANK_BYTES

MEMORY_MAP: Final = np.dtype(
    [
        ("places", np.int32, 0x100),  # where in the memory each page of 256 bytes lies
        ("is_ram", np.uint8, 0x100),  # whether it can be written
        ("n_banks", np.int64),
        ("n_writes", np.int64),
        ("cycles", np.int64, LOG_WRITES + 4),  # an instruction that changes a register writes twice
        ("addresses", np.int64, LOG_WRITES + 4),
        ("values", np.uint8, LOG_WRITES + 4),
    ],
    align=True,
)
"""Where each page lies in an array of bytes, and the log of writes to registers."""


def new_memory(program: NDArray[np.uint8], banks: tuple[int, ...]) -> tuple[NDArray[Any], NDArray[np.uint8]]:
    """Return the memory map, shape (1,), and the bytes behind it, with cleared RAM.

    Parameters
    ----------
    program : ndarray of uint8, shape (n * BANK_BYTES,)
        At most `MOST_BANKS` banks.
    banks : tuple of int
        The banks that appear at $8000, $9000 and so on, `N_BANKS` of them, each 0..255.
    """
    memory = np.concatenate([np.zeros(_FIRST_BANK, np.uint8), program])
    mapped = np.zeros(1, MEMORY_MAP)
    mapped["n_banks"] = len(program) // BANK_BYTES
    mapped["places"] = _NOTHING
    for page in range(0x100):
        address = page * _PAGE
        if address < 0x2000:
            mapped["places"][0, page] = address % _RAM_BYTES
            mapped["is_ram"][0, page] = True
        elif _WORK_RAM <= address < _ROM:
            mapped["places"][0, page] = _RAM_BYTES + address - _WORK_RAM
            mapped["is_ram"][0, page] = True
    for slot, bank in enumerate(banks):
        select_bank(mapped[0], slot, bank)
    return mapped, memory


def plain_memory() -> tuple[NDArray[Any], NDArray[np.uint8]]:
    """Return a map, and bytes behind it, that are 64 KiB of RAM and nothing else."""
    mapped = np.zeros(1, MEMORY_MAP)
    mapped["places"] = np.arange(0, 0x10000, _PAGE)
    mapped["is_ram"] = True
    return mapped, np.zeros(0x10000, np.uint8)


@kernel
def select_bank(mapped: Record, slot: int, bank: int) -> None:
    """Let a bank appear in one of the `N_BANKS` places from $8000 on."""
    first = _ROM // _PAGE + slot * (BANK_BYTES // _PAGE)
    for page in range(BANK_BYTES // _PAGE):
        if bank < mapped.n_banks:
            mapped.places[first + page] = _FIRST_BANK + bank * BANK_BYTES + page * _PAGE
        else:
            mapped.places[first + page] = _NOTHING


@kernel
def read(mapped: Record, memory: NDArray[np.uint8], address: int) -> int:
    """Return the byte at an address."""
    return np.int64(memory[mapped.places[address >> 8] + (address & 0xFF)])  # type: ignore[return-value]


@kernel
def read_word(mapped: Record, memory: NDArray[np.uint8], address: int) -> int:
    """Return the word at an address, its lower byte first."""
    return read(mapped, memory, address) | read(mapped, memory, (address + 1) & 0xFFFF) << 8


@kernel
def write(mapped: Record, memory: NDArray[np.uint8], cycle: int, address: int, value: int) -> None:
    """Write a byte, which takes effect at a cycle."""
    page = address >> 8
    if mapped.is_ram[page]:
        memory[mapped.places[page] + (address & 0xFF)] = value
    elif _CHIP <= address <= _LAST_CHIP or BANK_REGISTERS <= address < BANK_REGISTERS + N_BANKS:
        mapped.cycles[mapped.n_writes] = cycle
        mapped.addresses[mapped.n_writes] = address
        mapped.values[mapped.n_writes] = value
        mapped.n_writes += 1
        if address >= BANK_REGISTERS:
            select_bank(mapped, address - BANK_REGISTERS, value)
