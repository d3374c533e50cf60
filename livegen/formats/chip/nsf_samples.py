"""The samples of the DMC in an NSF file: banks of 4 KiB at $C000 to $FFFF, which the player changes as the log does.

What a log has at $8000 to $BFFF is left out, because there the player and its stream lie. Only a sample that runs past
$FFFF would play it, and a log with one is refused.
"""

from dataclasses import dataclass

import numpy as np

from livegen.apu.dmc import FIRST_SAMPLE_OFFSET, MEMORY_BYTES, SAMPLE_ALIGNMENT
from livegen.apu.memory import content_after
from livegen.cpu.memory import BANK_BYTES
from livegen.errors import FormatError
from livegen.formats.chip.nsf_stream import BANK_REGISTERS, Tick
from livegen.formats.chip.register_log import RegisterLog

Pages = tuple[int, ...]
"""Indices of the four pages that lie from $C000 on."""


@dataclass(frozen=True, slots=True)
class SampleBanks:
    """What lies where the DMC looks for samples, and from which tick on.

    Attributes
    ----------
    pages : tuple of bytes
        All contents of a bank that occur, each once.
    first : tuple of int
        The pages that lie there at the start; empty if the log plays no samples.
    changes : dict of int to tuple of int
        Pages by the tick from which on they lie there.
    """

    pages: tuple[bytes, ...]
    first: Pages
    changes: dict[int, Pages]

    def switched(self, ticks: list[Tick], first_bank: int) -> list[Tick]:
        """Return ticks with the switches of banks, if the first page is in the bank `first_bank`."""
        return [
            (*zip(BANK_REGISTERS, self.numbers(self.changes[index], first_bank), strict=True), *tick)
            if index in self.changes
            else tick
            for index, tick in enumerate(ticks)
        ]

    @staticmethod
    def numbers(pages: Pages, first_bank: int) -> Pages:
        """Return the numbers of the banks that hold some pages."""
        return tuple((first_bank + page) & 0xFF for page in pages)


def sample_banks(log: RegisterLog, tick_us: int, n_ticks: int, loop_tick: int | None) -> SampleBanks:
    """Return the banks of samples of a log; a change goes to the nearest tick, as a write does.

    Raises
    ------
    FormatError
        If a sample runs past $FFFF.
    """
    if not log.memory:
        return SampleBanks((), (), {})
    _check_samples(log)
    found: dict[bytes, int] = {}
    content = content_after(log.memory.first, ())
    first = _pages(content, found)
    now, at_tick = first, dict[int, Pages]()
    for change in log.memory.changes:
        tick = min(round(change.cycle / log.cpu_clock_hz * 1e6 / tick_us), n_ticks - 1)
        if loop_tick is not None and loop_tick not in at_tick and tick >= loop_tick:
            at_tick[loop_tick] = now  # the next time, the stream comes here from the end
        content = content_after(content, [change])
        now = _pages(content, found)
        at_tick[tick] = now
    return SampleBanks(tuple(found), first, at_tick)


def _pages(content: bytes, found: dict[bytes, int]) -> Pages:
    """Return the indices of the pages from $C000 on, and note those that are new."""
    pages = [content[at : at + BANK_BYTES] for at in range(FIRST_SAMPLE_OFFSET, MEMORY_BYTES, BANK_BYTES)]
    return tuple(found.setdefault(page, len(found)) for page in pages)


def _check_samples(log: RegisterLog) -> None:
    """Refuse a log that begins a sample which runs past $FFFF."""
    place, length = 0, 0
    dmc = np.flatnonzero(np.isin(log.address, (0x4012, 0x4013, 0x4015)))
    for address, value in zip(log.address[dmc].tolist(), log.value[dmc].tolist(), strict=True):
        if address == 0x4012:
            place = value * SAMPLE_ALIGNMENT
        elif address == 0x4013:
            length = value * 16 + 1
        elif value & 0x10 and FIRST_SAMPLE_OFFSET + place + length > MEMORY_BYTES:
            raise FormatError(
                f"a sample of {length:,} bytes at ${0xC000 + place:04X} runs past $FFFF, where an NSF file has its "
                "player: write .vgm"
            )
