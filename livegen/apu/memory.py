"""What the DMC finds in memory while a log is rendered: its content at power-up, and the changes of it in order.

A VGM file's data blocks and an NSF's switches of banks are such changes.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.apu.dmc import MEMORY_BYTES
from livegen.errors import FormatError
from livegen.system.kernels import Record

CHANGE: Final = np.dtype(
    [
        ("cycle", np.int64),
        ("offset", np.int64),
        ("begin", np.int64),  # this and the next: where in the bytes of all changes these lie
        ("end", np.int64),
    ],
    align=True,
)


@dataclass(frozen=True, slots=True)
class MemoryChange:
    """Bytes that lie in memory from a time on.

    Attributes
    ----------
    cycle : int
        CPU cycles since power-up. A write to a register in the same cycle comes after it.
    offset : int
        Of the first byte, counted from $8000.
    data : bytes
    """

    cycle: int
    offset: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Memory:
    """What lies at $8000..$FFFF, where the DMC looks for samples.

    Attributes
    ----------
    first : bytes
        From $8000 on, at power-up; up to 32,768 of them, the others are 0.
    changes : tuple of MemoryChange
        In the order of time.
    """

    first: bytes = b""
    changes: tuple[MemoryChange, ...] = ()

    def __bool__(self) -> bool:
        """Tell whether anything ever lies there."""
        return bool(self.first or self.changes)


def content_after(first: bytes, changes: Iterable[MemoryChange]) -> bytes:
    """Return the whole memory, 32,768 bytes, after some changes of what lay there first."""
    content = bytearray(first.ljust(MEMORY_BYTES, b"\0"))
    for change in changes:
        content[change.offset : change.offset + len(change.data)] = change.data
    return bytes(content)


def check_memory(memory: Memory) -> None:
    """Raise FormatError if a memory has bytes outside of $8000..$FFFF, or changes out of order."""
    if len(memory.first) > MEMORY_BYTES:
        raise FormatError(
            f"a memory of {len(memory.first):,} bytes is given: at most {MEMORY_BYTES:,} lie from $8000 on"
        )
    before = 0
    for index, change in enumerate(memory.changes):
        if not 0 <= change.offset <= MEMORY_BYTES - len(change.data):
            raise FormatError(
                f"Change {index} of the memory has {len(change.data):,} bytes at offset {change.offset:,}; they must "
                f"lie from 0 to {MEMORY_BYTES:,}."
            )
        if change.cycle < before:
            raise FormatError(
                f"Change {index} of the memory is at cycle {change.cycle}, before the {before} of the one before it."
            )
        before = change.cycle


def changes_as_arrays(memory: Memory) -> tuple[NDArray[np.void], NDArray[np.uint8]]:
    """Return the changes as an array of `CHANGE`, and the bytes of all of them, each content once."""
    changes, places, pool = np.zeros(len(memory.changes), CHANGE), dict[bytes, int](), bytearray()
    for record, change in zip(changes, memory.changes, strict=True):
        if change.data not in places:
            places[change.data] = len(pool)
            pool += change.data
        begin = places[change.data]
        record["cycle"], record["offset"] = change.cycle, change.offset
        record["begin"], record["end"] = begin, begin + len(change.data)
    return changes, np.frombuffer(bytes(pool), np.uint8)


def load_first(memory: Memory, record: Record) -> None:
    """Store what lies in memory at power-up in a record of `livegen.apu.dmc.DMC`."""
    record["memory"][: len(memory.first)] = np.frombuffer(memory.first, np.uint8)
