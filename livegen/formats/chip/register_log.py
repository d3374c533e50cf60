"""Logs of what is written to the chip and when. VGM and NSF files hold such logs, and sound is rendered from them."""

from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.apu.dmc import DMC_BIT
from livegen.apu.memory import Memory, MemoryChange, content_after
from livegen.apu.render import pulse_periods
from livegen.errors import FormatError

VGM_RATE_HZ: Final = 44_100
"""Sample rate in which a VGM file counts its waits, whatever the rate at which it is rendered."""

_STATUS: Final = 0x4015
_PERIODS: Final = (0x4002, 0x4006)  # lower bytes of the pulses' periods; the upper bits are in the next register
_CONSTANT_VOLUME: Final = 0x10  # a bit of $4000 and $4004
_LENGTHS: Final = (0x4003, 0x4007, 0x400B, 0x400F)  # registers that load the length counters, which $4015 clears


@dataclass(frozen=True, slots=True)
class Tags:
    """What a file says of its song. A text is empty if the file does not say it."""

    title: str = ""
    author: str = ""
    game: str = ""
    date: str = ""
    notes: str = ""


@dataclass(frozen=True, slots=True)
class Loop:
    """Where a song goes on after its end.

    Attributes
    ----------
    start : int
        Start of the loop, in samples at `VGM_RATE_HZ`.
    first_write : int
        Index of the first write that is played again.
    """

    start: int
    first_write: int


@dataclass(frozen=True, slots=True)
class RegisterLog:
    """Register writes to one NES APU, as `livegen.apu.render_writes` takes them.

    Attributes
    ----------
    cycle : ndarray of int64, shape (n,)
        CPU cycles since power-up, ascending.
    address : ndarray of int64, shape (n,)
        $4000..$4017.
    value : ndarray of uint8, shape (n,)
    cpu_clock_hz : float
    region : str
        "ntsc" or "pal": the one whose clock is nearer.
    length : int
        How long it plays, in samples at `VGM_RATE_HZ`.
    loop : Loop or None
    tags : Tags
    left_out : tuple of str
        Names of what its file has beside these writes.
    fade : int
        Over how much of its end, in samples at `VGM_RATE_HZ`, the sound fades out: a song would go on there.
    memory : Memory
        Where the DMC finds its samples; empty if it plays none.
    """

    cycle: NDArray[np.int64]
    address: NDArray[np.int64]
    value: NDArray[np.uint8]
    cpu_clock_hz: float
    region: str
    length: int
    loop: Loop | None = None
    tags: Tags = field(default_factory=Tags)
    left_out: tuple[str, ...] = ()
    fade: int = 0
    memory: Memory = field(default_factory=Memory)

    @property
    def title(self) -> str:
        """Name of the song; empty if the file does not say it."""
        return self.tags.title

    @property
    def sample(self) -> NDArray[np.int64]:
        """Sample at `VGM_RATE_HZ` that is nearest to each write, shape (n,)."""
        return np.rint(self.cycle * (VGM_RATE_HZ / self.cpu_clock_hz)).astype(np.int64)

    def sample_of(self, change: MemoryChange) -> int:
        """Return the sample at `VGM_RATE_HZ` that is nearest to a change of the memory."""
        return round(change.cycle * (VGM_RATE_HZ / self.cpu_clock_hz))

    def n_samples(self, sample_rate: int) -> int:
        """Return the number of samples, at a sample rate, that the whole log takes."""
        return -(-self.length * sample_rate // VGM_RATE_HZ)


def with_loop(log: RegisterLog, start: int) -> RegisterLog:
    """Return a log with a loop: after its end it goes on at a sample (at `VGM_RATE_HZ`).

    Writes are added at the end which set the registers to what they hold at the start of the loop, so that the loop
    sounds the same each time; and so for the memory. A sample of the DMC that plays at the end plays on.

    Raises
    ------
    FormatError
        If the loop would begin at the end of the log or later.
    """
    if not 0 <= start < log.length:
        raise FormatError(
            f"a loop cannot begin at {start / VGM_RATE_HZ:.2f} s of {log.length / VGM_RATE_HZ:.2f} s: give a time "
            "before the end"
        )
    first = int(np.searchsorted(log.sample, start))
    begin, end = _registers(log, first, start), _registers(log, len(log.cycle), log.length)
    if _STATUS in begin:
        begin[_STATUS] = begin[_STATUS] & ~DMC_BIT | end[_STATUS] & DMC_BIT
    changed = {address for address in begin if begin[address] != end[address]}
    if _STATUS in changed:
        changed |= begin.keys() & set(_LENGTHS)
    order = sorted(changed, key=lambda address: (address != _STATUS, address))
    at = max(round(log.length * log.cpu_clock_hz / VGM_RATE_HZ), int(log.cycle[-1]) if len(log.cycle) else 0)
    return replace(
        log,
        cycle=np.concatenate([log.cycle, np.full(len(order), at, np.int64)]),
        address=np.concatenate([log.address, np.array(order, np.int64)]),
        value=np.concatenate([log.value, np.array([begin[address] for address in order], np.uint8)]),
        loop=Loop(start, first),
        memory=_with_loop(log, start, at),
    )


def _with_loop(log: RegisterLog, start: int, end_cycle: int) -> Memory:
    """Return the memory with a change at the end that makes it what it is when the loop begins."""
    before = [change for change in log.memory.changes if log.sample_of(change) < start]
    first, last = content_after(log.memory.first, before), content_after(log.memory.first, log.memory.changes)
    if first == last:
        return log.memory
    return replace(log.memory, changes=(*log.memory.changes, MemoryChange(end_cycle, 0, first)))


def _registers(log: RegisterLog, n_writes: int, sample: int) -> dict[int, int]:
    """Return what the registers hold at a sample, after the first `n_writes` writes, by address.

    The period of a pulse is the one that it has at that time, after a sweep or after a bend across the period's upper
    bits. For a pulse whose envelope decays, it is the one that was written: writing another would restart the note.
    """
    cycle, address, value = log.cycle[:n_writes], log.address[:n_writes], log.value[:n_writes]
    held = dict(zip(address.tolist(), value.tolist(), strict=True))
    periods = pulse_periods(
        cycle, address, value, cpu_clock_hz=log.cpu_clock_hz, region=log.region, seconds=sample / VGM_RATE_HZ
    )
    for low, period in zip(_PERIODS, periods, strict=True):
        if low + 1 in held and held.get(low - 2, 0) & _CONSTANT_VOLUME:
            held[low], held[low + 1] = period & 0xFF, held[low + 1] & 0xF8 | period >> 8
    return held
