"""Register writes as a stream of operations, one a tick, for the player of an NSF file.

| first byte | operation |
| --- | --- |
| $00 | the end: go on from the loop, in the same tick |
| $01..$7E | nothing changes for this number of ticks, the present one included |
| $7F | next byte: a count; then that many pairs of register and value, in their order |
| $7F $00 | four numbers of banks, which hold the DMC's samples from now on; then another operation, in the same tick |
| $80..$BF | a phrase: play n + 1 operations, n the lower six bits, from an address (two bytes) in a bank; one a tick |
| $C0..$FF | the lower six bits and the next byte select registers of `MASKED_REGISTERS`; then a value for each |

In a tick only the last value of each register counts. A value that a register already holds is not written again,
unless the write itself does something: $4003, $4007, $400B and $400F start a note's phase, length and envelope. While
the sweep of a pulse is on, its period ($4002, $4006) counts as unknown, because the chip changes it. Where the order
matters, as when a write to $4017 clocks the sweep, or when a sample begins, the writes of a tick are stored as pairs in
their order.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np

from livegen.apu.dmc import DMC_BIT
from livegen.cpu.memory import BANK_BYTES, MOST_BANKS
from livegen.errors import FormatError
from livegen.formats.chip.nsf_player import FIRST_BANK, MASKED_REGISTERS, WINDOW
from livegen.formats.chip.register_log import VGM_RATE_HZ, RegisterLog

Tick = tuple[tuple[int, int], ...]
"""The writes of a tick: pairs of register, as an offset from $4000, and value.

Those of banks of samples come first; their registers are `BANK_REGISTERS`.
"""

BANK_REGISTERS: Final = (0xFC, 0xFD, 0xFE, 0xFF)
"""What $5FFC to $5FFF, which choose the banks of samples, are called among registers."""

MAX_STREAM_BYTES: Final = (MOST_BANKS - FIRST_BANK) * BANK_BYTES

_END: Final = b"\0"
_MAX_WAIT: Final = 0x7E
_PAIRS: Final = 0x7F
_MAX_PAIRS: Final = 255
_PHRASE, _MAX_PHRASE, _PHRASE_BYTES = 0x80, 64, 4
_MASK: Final = 0xC000

_STATUS, _FRAME_COUNTER = 0x15, 0x17
_SWEEPS: Final = (0x01, 0x05)
_ALWAYS: Final = frozenset({0x03, 0x07, 0x0B, 0x0F, _FRAME_COUNTER})  # a write does something, whatever the value
_UNUSED: Final = frozenset({0x09, 0x0D, 0x14, 0x16})
_LEVEL: Final = 0x11
_SAMPLE_REGISTERS: Final = frozenset({0x10, 0x12, 0x13})
_KEY_TOKENS: Final = 3  # operations by which earlier runs are looked up
_MAX_CANDIDATES: Final = 16  # earlier runs that are compared


def log_ticks(log: RegisterLog, tick_us: int) -> tuple[list[Tick], int | None]:
    """Return the writes of each tick of `tick_us` microseconds, and the tick at which a loop begins.

    A write goes to the nearest tick. A write at the end of a loop goes to the loop's last tick. Samples of the DMC are
    left out if the log has no memory in which they lie.
    """
    unused, status_bits = (_UNUSED, 0x1F) if log.memory else (_UNUSED | _SAMPLE_REGISTERS, 0x0F)
    n_ticks = max(round(log.length / VGM_RATE_HZ * 1e6 / tick_us), 1)
    loop_tick = None
    if log.loop is not None:
        loop_tick = min(round(log.loop.start / VGM_RATE_HZ * 1e6 / tick_us), n_ticks - 1)
    written: list[list[tuple[int, int]]] = [[] for _ in range(n_ticks + (log.loop is None))]
    at = np.minimum(np.rint(log.cycle / log.cpu_clock_hz * 1e6 / tick_us).astype(np.int64), len(written) - 1)
    for index, (tick, address, value) in enumerate(
        zip(at.tolist(), log.address.tolist(), log.value.tolist(), strict=True)
    ):
        if log.loop is not None and loop_tick is not None and index >= log.loop.first_write:
            tick = max(tick, loop_tick)
        if address - 0x4000 not in unused:
            written[tick].append((address - 0x4000, value & status_bits if address == 0x4015 else value))
    held: dict[int, int] = {}
    ticks = []
    for index, writes in enumerate(written):
        if index == loop_tick:
            held = {}  # the next time, the stream comes here from the end, where the registers hold other values
        if log.memory:
            held.pop(_LEVEL, None)  # a sample changes it, too
        ticks.append(_needed(writes, held))
    return ticks, loop_tick


def _needed(writes: list[tuple[int, int]], held: dict[int, int]) -> Tick:
    """Return the writes of a tick that do something, and update `held`, which is what the registers hold."""
    last = dict(writes)
    needed = [
        (register, value)
        for register, value in last.items()
        if register in _ALWAYS or held.get(register) != value or (register in _SWEEPS and value & 0x80)
    ]
    held.update(last)
    for sweep in _SWEEPS:
        if held.get(sweep, 0) & 0x80:
            held.pop(sweep + 1, None)
    if _FRAME_COUNTER in last or any(_is_of_samples(*write) for write in writes):
        return tuple(writes)
    return tuple(sorted(needed, key=lambda write: (write[0] != _STATUS, write[0])))


def _is_of_samples(register: int, value: int) -> bool:
    """Tell whether a write has a part in playing a sample, so that its place among the others matters."""
    return register in _SAMPLE_REGISTERS or (register == _STATUS and value & DMC_BIT != 0)


def encode(ticks: list[Tick], loop_tick: int | None) -> tuple[bytes, int]:
    """Return the stream, and the offset in it at which it goes on after its end.

    Without a loop, the stream goes on at an operation that switches all voices off.

    Raises
    ------
    FormatError
        If the stream needs more banks than a console can number.
    """
    stream = _Stream()
    first = len(ticks) if loop_tick is None else loop_tick
    stream.add(list(_tokens(ticks[:first])))
    loop = len(stream.data)
    stream.add(list(_tokens([((_STATUS, 0),)] if loop_tick is None else ticks[loop_tick:])))
    stream.data += _END
    if len(stream.data) > MAX_STREAM_BYTES:
        raise FormatError(
            f"an NSF file of this would have {len(stream.data) / 2**20:.1f} MiB, and a console reaches 1 MiB: "
            "cut the song"
        )
    return bytes(stream.data), loop


def place(offset: int) -> tuple[int, int]:
    """Return the address in the window of a byte of the stream, and its bank."""
    return WINDOW + offset % BANK_BYTES, FIRST_BANK + offset // BANK_BYTES


def _tokens(ticks: list[Tick]) -> Iterator[bytes]:
    """Yield the operations of some ticks, without phrases."""
    idle = 0
    for tick in ticks:
        if not tick:
            idle += 1
            continue
        yield from _waits(idle)
        idle = 0
        yield _operation(tick)
    yield from _waits(idle)


def _waits(n_ticks: int) -> Iterator[bytes]:
    longest, rest = divmod(n_ticks, _MAX_WAIT)
    yield from [bytes((_MAX_WAIT,))] * longest
    if rest:
        yield bytes((rest,))


def _operation(tick: Tick) -> bytes:
    if tick and tick[0][0] in BANK_REGISTERS:
        banks, others = tick[: len(BANK_REGISTERS)], tick[len(BANK_REGISTERS) :]
        return bytes((_PAIRS, 0, *(bank for _, bank in banks))) + _operation(others)
    registers = [register for register, _ in tick]
    is_plain = len(set(registers)) == len(registers) and all(register in MASKED_REGISTERS for register in registers)
    if not is_plain:
        return bytes(
            (_PAIRS, min(len(tick), _MAX_PAIRS), *(number for write in tick[-_MAX_PAIRS:] for number in write))
        )
    values = dict(tick)
    mask = _MASK
    for index, register in enumerate(MASKED_REGISTERS):
        if register in values:
            mask |= 1 << len(MASKED_REGISTERS) - 1 - index
    return mask.to_bytes(2) + bytes(values[register] for register in MASKED_REGISTERS if register in values)


class _Stream:
    """Operations one after another. A run that is in the stream already is replaced by a phrase."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.written: list[bytes] = []  # the operations so far; b"" for a phrase, since no phrase may hold another
        self.offsets: list[int] = []
        self.found: dict[tuple[bytes, ...], list[int]] = {}  # indices at which `_KEY_TOKENS` operations in a row begin

    def add(self, tokens: list[bytes]) -> None:
        """Append operations."""
        at = 0
        while at < len(tokens):
            source, length = self._longest(tokens, at)
            if sum(map(len, tokens[at : at + length])) > _PHRASE_BYTES:
                address, bank = place(self.offsets[source])
                self._append(b"", bytes((_PHRASE + length - 1, address & 0xFF, address >> 8, bank & 0xFF)))
                at += length
            else:
                self._append(tokens[at], tokens[at])
                at += 1

    def _append(self, operation: bytes, data: bytes) -> None:
        self.written.append(operation)
        self.offsets.append(len(self.data))
        self.data += data
        key = tuple(self.written[-_KEY_TOKENS:])
        if len(key) == _KEY_TOKENS and all(key):
            self.found.setdefault(key, []).append(len(self.written) - _KEY_TOKENS)

    def _longest(self, tokens: list[bytes], at: int) -> tuple[int, int]:
        """Return the index of the longest earlier run that equals the next operations, and its length; 0 if none."""
        best, best_length = 0, 0
        for source in self.found.get(tuple(tokens[at : at + _KEY_TOKENS]), [])[:_MAX_CANDIDATES]:
            length = 0
            limit = min(_MAX_PHRASE, len(tokens) - at, len(self.written) - source)
            while length < limit and self.written[source + length] == tokens[at + length]:
                length += 1
            if length > best_length:
                best, best_length = source, length
        return best, best_length
