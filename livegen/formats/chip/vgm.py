"""The reader of VGM files, https://vgmrips.net/wiki/VGM_Specification, versions 1.61 and later.

A VGM file is a log of a machine's writes to its sound chips. Between them are waits in samples at 44.1 kHz, whatever
the rate at which it is played. Only the writes to the NES APU are read, and the data blocks with samples of its DMC.
The rest is skipped with the specification's table of operands: other chips, the FDS, other data blocks, streams.

**What is refused and what is not.** A command that the specification does not have is refused, for nobody knows how
long it is. A file that is cut off is played up to the cut, with a warning; of two NES APUs, the first is played. What
does not change the sound is passed over, as players do: a tag or a loop that points nowhere, and a missing end command
where the stream is whole by the file's own account.

All writes of a sample get its first CPU cycle, in their order. Only those after a write to $4017 get a cycle that is
later by a few, when $4017 is in effect: a sweep that is on for the half frame which $4017 causes must not be off again
before it.

Players switch all voices on before they begin, and some logs leave it to them. So where a log begins notes before it
first writes $4015, or never does, a write that switches them on is put in front of it.
"""

import struct
import zlib
from array import array
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.apu.dmc import DMC_BIT, MEMORY_BYTES
from livegen.apu.frame_counter import RESET_CYCLES
from livegen.apu.memory import Memory, MemoryChange, content_after
from livegen.apu.render import CPU_CLOCK_RANGE_HZ, samples_to_cycles
from livegen.errors import FormatError
from livegen.formats.chip.register_log import VGM_RATE_HZ, Loop, RegisterLog, Tags
from livegen.formats.chip.vgm_layout import (
    DATA_BLOCK,
    DATA_OFFSET,
    END,
    END_OFFSET,
    EXTRA_OFFSET,
    LOOP_OFFSET,
    MAGIC,
    MAX_VGM_BYTES,
    MAX_VGM_SECONDS,
    NES_CLOCK,
    NES_MEMORY,
    NES_WRITE,
    STREAM_SETUP,
    TAG_MAGIC,
    TAG_OFFSET,
    VERSION,
    WAIT,
    WAIT_1,
    WAIT_735,
    WAIT_882,
)
from livegen.formats.files import Warn, ignore, read_bytes
from livegen.units import CPU_CLOCK_HZ

_MAX_WRITES: Final = MAX_VGM_BYTES // 3
_MAX_GZIP_MEMBERS: Final = 100
_MAX_TAG_BYTES: Final = 4096
_MAX_TAG_LENGTH: Final = 100
_VERSIONS: Final = range(0x161, 0x200)  # binary-coded decimal

_GZIP_MAGIC: Final = b"\x1f\x8b"
_HEADER_BYTES: Final = 0x100
_SHORTEST_HEADER_BYTES: Final = 0x40
_HAS_FDS: Final = 1 << 31
_IS_DUAL: Final = 1 << 30
_CLOCK_BITS: Final = _IS_DUAL - 1

_OTHER_CHIPS: Final = {
    **{0x0C: "SN76489", 0x10: "YM2413", 0x2C: "YM2612", 0x30: "YM2151", 0x38: "Sega PCM", 0x40: "RF5C68"},
    **{0x44: "YM2203", 0x48: "YM2608", 0x4C: "YM2610", 0x50: "YM3812", 0x54: "YM3526", 0x58: "Y8950"},
    **{0x5C: "YMF262", 0x60: "YMF278B", 0x64: "YMF271", 0x68: "YMZ280B", 0x6C: "RF5C164", 0x70: "PWM"},
    **{0x74: "AY8910", 0x80: "Game Boy DMG", 0x88: "MultiPCM", 0x8C: "uPD7759", 0x90: "OKIM6258", 0x98: "OKIM6295"},
    **{0x9C: "K051649", 0xA0: "K054539", 0xA4: "HuC6280", 0xA8: "C140", 0xAC: "K053260", 0xB0: "Pokey"},
    **{0xB4: "QSound", 0xB8: "SCSP", 0xC0: "WonderSwan", 0xC4: "VSU", 0xC8: "SAA1099", 0xCC: "ES5503"},
    **{0xD0: "ES5506", 0xD8: "X1-010", 0xDC: "C352", 0xE0: "GA20", 0xE4: "Mikey"},
}
"""Names of chips, by the offset of their clock in the header."""

_NES_CHIP: Final = 0x14  # number of the NES APU, in the order of the header's clocks
_STATUS: Final = 0x15  # $4015
_FRAME_COUNTER: Final = 0x17
_ALL_VOICES: Final = 0x0F
_LENGTH_COUNTERS: Final = (0x03, 0x07, 0x0B, 0x0F)  # of $4003 and so on, with which notes begin
_SECOND_CHIP: Final = "a second NES APU"
_BLOCK_HEADER_BYTES: Final = 7

_Block = tuple[int, int, bytes]  # sample, offset in the DMC's memory, and what is written there


def _by_command(ranges: dict[tuple[int, int], int], otherwise: int) -> list[int]:
    table = [otherwise] * 256
    for (first, last), number in ranges.items():
        table[first : last + 1] = [number] * (last + 1 - first)
    return table


_UNKNOWN: Final = -1

OPERAND_BYTES: Final = _by_command(
    {
        **{(0x30, 0x3F): 1, (0x40, 0x4E): 2, (0x4F, 0x50): 1, (0x51, 0x5F): 2},
        **{(0x61, 0x61): 2, (0x62, 0x63): 0, (0x64, 0x64): 3, (0x66, 0x66): 0, (0x67, 0x67): 6, (0x68, 0x68): 11},
        **{(0x70, 0x8F): 0, (0x90, 0x91): 4, (0x92, 0x92): 5, (0x93, 0x93): 10, (0x94, 0x94): 1, (0x95, 0x95): 4},
        **{(0xA0, 0xBF): 2, (0xC0, 0xDF): 3, (0xE0, 0xFF): 4},
    },
    _UNKNOWN,
)
"""Number of bytes that follow a command, or -1 if there is no such command. A data block's data come after them."""

_FIXED_WAITS: Final = _by_command({(WAIT_735, WAIT_735): 735, (WAIT_882, WAIT_882): 882}, 0)
_FIXED_WAITS[WAIT_1 : WAIT_1 + 32] = [*range(1, 17), *range(16)]


def read_vgm(path: Path, *, loops: int = 1, warn: Warn = ignore) -> RegisterLog:
    """Read the writes to the NES APU out of a VGM file, plain or packed by gzip whatever its name says.

    Parameters
    ----------
    path : Path
    loops : int, optional
        How often the part that the file marks as its loop is played, 1 or more.
    warn : callable, optional
        Is told if the file is cut off.

    Raises
    ------
    FormatError
        If the file is no VGM file of version 1.61 or later, has no NES APU, holds a command that is none, plays longer
        than three hours or not at all, is larger than 16 MiB unpacked, or is to be looped and cannot be; or as `warn`
        does.
    """
    data, is_cut = _unpacked(path, read_bytes(path, MAX_VGM_BYTES))
    if data[:4] != MAGIC:
        raise FormatError(f"{path.name} is no VGM file, or it is damaged: it does not begin with 'Vgm '")
    header, start = _read_header(path.name, data)
    clock_and_flags = _u32(header, NES_CLOCK)
    clock = clock_and_flags & _CLOCK_BITS
    _check_clock(path.name, clock)

    stream = _Stream(path.name, data, start, _absolute(header, TAG_OFFSET), _absolute(header, LOOP_OFFSET))
    stream.read()
    samples, registers, values, blocks, length = stream.looped(loops)
    if not length:
        raise FormatError(f"{path.name} has no wait in it, so there is nothing to hear: get another copy")
    if is_cut or stream.is_cut:
        warn(f"{path.name} is cut off at byte {stream.stop}: it plays up to there, {length / VGM_RATE_HZ:.1f} s")
    left_out = [name for offset, name in _OTHER_CHIPS.items() if _u32(header, offset) & _CLOCK_BITS]
    if clock_and_flags & _HAS_FDS or stream.n_fds_writes:
        left_out.append("FDS")
    if clock_and_flags & _IS_DUAL:
        stream.leave_out(_SECOND_CHIP)
    left_out += stream.left_out
    cpu_clock_hz = _exact_clock(clock)
    return RegisterLog(
        cycle=_cycles(samples, registers, cpu_clock_hz),
        address=0x4000 + registers.astype(np.int64),
        value=values,
        cpu_clock_hz=cpu_clock_hz,
        region=min(CPU_CLOCK_HZ, key=lambda region: abs(CPU_CLOCK_HZ[region] - clock)),
        length=length,
        loop=stream.marked_loop() if loops == 1 else None,
        tags=_tags(data, _absolute(header, TAG_OFFSET)),
        left_out=tuple(left_out),
        memory=_memory(blocks, stream.n_first_blocks, cpu_clock_hz),
    )


def _memory(blocks: list[_Block], n_first: int, cpu_clock_hz: float) -> Memory:
    """Return the memory that the first blocks fill before anything is played, and that the others change."""
    changes = [MemoryChange(0, offset, data) for _, offset, data in blocks]
    samples = np.array([sample for sample, _, _ in blocks], np.int64)
    cycles = samples_to_cycles(samples, cpu_clock_hz=cpu_clock_hz, sample_rate=VGM_RATE_HZ).tolist()
    return Memory(
        content_after(b"", changes[:n_first]).rstrip(b"\0"),
        tuple(replace(change, cycle=cycle) for change, cycle in zip(changes[n_first:], cycles[n_first:], strict=True)),
    )


def _exact_clock(clock: int) -> float:
    """Return the exact clock of the console that a header means. The header holds whole hertz only."""
    return next((exact for exact in CPU_CLOCK_HZ.values() if abs(exact - clock) < 1), float(clock))


def _cycles(samples: NDArray[np.int64], registers: NDArray[np.uint8], cpu_clock_hz: float) -> NDArray[np.int64]:
    """Return the CPU cycle of each write: less than half a sample after the start of the write's sample."""
    is_reset = registers == _FRAME_COUNTER
    resets_before = np.cumsum(is_reset) - is_reset
    first_of_sample = np.searchsorted(samples, samples)
    waits = RESET_CYCLES * (resets_before - resets_before[first_of_sample])
    longest = int(cpu_clock_hz / VGM_RATE_HZ / 2) - 1
    return samples_to_cycles(samples, cpu_clock_hz=cpu_clock_hz, sample_rate=VGM_RATE_HZ) + np.minimum(waits, longest)


def _unpacked(path: Path, data: bytes) -> tuple[bytes, bool]:
    """Return the content of gzip's members one after another, and whether it is cut off.

    What follows them is no part of it, as for gzip.
    """
    if data[:2] != _GZIP_MAGIC:
        return data, False
    content = bytearray()
    for _ in range(_MAX_GZIP_MEMBERS):
        unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
        try:
            content += unpacker.decompress(data, MAX_VGM_BYTES + 1 - len(content))
        except zlib.error as error:
            raise FormatError(f"{path.name} is packed by gzip and damaged: get another copy") from error
        if len(content) > MAX_VGM_BYTES:
            raise FormatError(
                f"{path.name} unpacks to more than {MAX_VGM_BYTES // 2**20} MiB: a VGM file of that size is not read"
            )
        if not unpacker.eof:
            if len(content) < _SHORTEST_HEADER_BYTES:
                raise FormatError(f"{path.name} is packed by gzip and breaks off: get another copy")
            return bytes(content), True
        data = unpacker.unused_data
        if data[:2] != _GZIP_MAGIC:
            return bytes(content), False
    raise FormatError(f"{path.name} is packed by gzip in more than {_MAX_GZIP_MEMBERS} parts: pack it as one")


def _read_header(name: str, data: bytes) -> tuple[bytes, int]:
    """Return the header, zero where the file has none, and where the commands begin."""
    if len(data) < _SHORTEST_HEADER_BYTES:
        raise FormatError(f"{name} breaks off in its header, after {len(data)} bytes: get another copy")
    version = _u32(data, VERSION)
    if version not in _VERSIONS:
        raise FormatError(
            f"{name} is of VGM version {version >> 8:x}.{version & 0xFF:02x}: 1.61 and later 1.xx have the NES APU"
        )
    start = _absolute(data, DATA_OFFSET) or 0x40
    if not 0x40 <= start < len(data):
        raise FormatError(
            f"{name} has its commands at byte {start:,} by its header: its {len(data):,} bytes end before that"
            if start >= len(data)
            else f"{name} has its commands at byte {start} by its header: 64 or more is allowed"
        )
    end = min(start, _HEADER_BYTES)
    extra = _absolute(data, EXTRA_OFFSET) if end >= EXTRA_OFFSET + 4 else 0
    return data[: min(end, extra or end)].ljust(_HEADER_BYTES, b"\0"), start


def _check_clock(name: str, clock: int) -> None:
    if not clock:
        raise FormatError(f"{name} has no NES APU: it is a log of another chip")
    lowest, highest = CPU_CLOCK_RANGE_HZ
    if not lowest <= clock <= highest:
        raise FormatError(f"{name} has an NES APU of {clock:,} Hz: {lowest:,.0f} to {highest:,.0f} is allowed")


class _Stream:
    """The commands of a file, read once from the first to the end."""

    def __init__(self, name: str, data: bytes, start: int, tag: int, loop: int) -> None:
        self.name, self.data, self.start, self.loop = name, data, start, loop
        self.end = tag if start <= tag < len(data) else len(data)  # the tag may also lie before the commands
        self.samples = array("q")
        self.registers, self.values = bytearray(), bytearray()
        self.length = 0
        self.loop_start: int | None = None  # samples before the loop
        self.loop_writes = 0  # writes before the loop
        self.blocks: list[_Block] = []
        self.n_first_blocks = 0  # before anything else
        self.loop_blocks = 0  # blocks before the loop
        self.n_fds_writes = 0
        self.stop = start  # behind the last command
        self.is_cut = False
        self.left_out: list[str] = []

    def read(self) -> None:
        """Read all commands."""
        data, end, loop, position, sample = self.data, self.end, self.loop, self.start, 0
        max_samples = MAX_VGM_SECONDS * VGM_RATE_HZ
        has_end = False
        while position < end and not has_end:
            if position == loop:
                self.loop_start, self.loop_writes, self.loop_blocks = sample, len(self.values), len(self.blocks)
            command = data[position]
            n_operands = OPERAND_BYTES[command]
            if n_operands == _UNKNOWN:
                raise FormatError(
                    f"{self.name} has the byte {command:02X} at {position:,} where a command must be, and VGM has no "
                    "such command: it is damaged, get another copy"
                )
            after = position + 1 + n_operands
            if command == DATA_BLOCK and after <= end:
                after += _u32(data, position + 3) & 0x7FFF_FFFF  # the top bit is the second chip's
            if after > end:
                self.is_cut = True
                break
            if command == DATA_BLOCK:
                self._read_block(sample, position, after)
            elif command == NES_WRITE:
                self._write(sample, data[position + 1], data[position + 2])
            elif command == WAIT:
                sample += data[position + 1] | data[position + 2] << 8
            elif command == STREAM_SETUP and data[position + 2] & 0x7F == _NES_CHIP:
                self.leave_out("streamed samples")
            else:
                sample += _FIXED_WAITS[command]
                has_end = command == END
            if sample > max_samples:
                raise FormatError(
                    f"{self.name} plays longer than {MAX_VGM_SECONDS // 3600} hours, the most that is allowed: it is "
                    "damaged, or cut it"
                )
            position = after
        self.is_cut |= not has_end and _absolute(data, END_OFFSET) > len(data)
        self.length, self.stop = sample, position
        if not self.blocks and self._begins_samples():
            self.leave_out("samples of the DMC")
        if self.values and self._leaves_voices_to_players():
            self.samples.insert(0, 0)
            self.registers.insert(0, _STATUS)
            self.values.insert(0, _ALL_VOICES)
            self.loop_writes += 1

    def _read_block(self, sample: int, begin: int, end: int) -> None:
        """Read a data block that lies from `begin` to `end`, if it is for the memory of the first NES APU."""
        if self.data[begin + 2] != NES_MEMORY or _u32(self.data, begin + 3) >> 31:
            return
        content = self.data[begin + _BLOCK_HEADER_BYTES : end]
        address, offset = content[:2], int.from_bytes(content[:2], "little") - 0x8000
        if len(address) < 2 or not 0 <= offset <= MEMORY_BYTES - len(content[2:]):
            where = f"from ${offset + 0x8000:04X} on" if len(address) == 2 else "without an address"
            raise FormatError(
                f"{self.name} has a block of {len(content[2:]):,} bytes of samples at {begin:,}, {where}: the APU "
                "finds samples from $8000 to $FFFF, so it is damaged: get another copy"
            )
        if sample == 0 and not self.values and self.loop_start is None:
            self.n_first_blocks += 1
        self.blocks.append((sample, offset, content[2:]))

    def _begins_samples(self) -> bool:
        is_status = np.frombuffer(self.registers, np.uint8) == _STATUS
        return bool((np.frombuffer(self.values, np.uint8)[is_status] & DMC_BIT).any())

    def _leaves_voices_to_players(self) -> bool:
        """Tell whether notes begin before $4015 is first written, or it never is."""
        first = self.registers.find(_STATUS)
        if first < 0:
            return True
        before = np.frombuffer(self.samples, np.int64)[:first] < self.samples[first]
        return bool(np.isin(np.frombuffer(self.registers, np.uint8)[:first][before], _LENGTH_COUNTERS).any())

    def _write(self, sample: int, register: int, value: int) -> None:
        if register <= 0x17:
            self.samples.append(sample)
            self.registers.append(register)
            self.values.append(value)
        elif 0x20 <= register < 0x80:
            self.n_fds_writes += 1
        elif register >= 0x80:
            self.leave_out(_SECOND_CHIP)

    def leave_out(self, what: str) -> None:
        """Say that something is left out, once."""
        if what not in self.left_out:
            self.left_out.append(what)

    def marked_loop(self) -> Loop | None:
        """Return the loop that the file marks, or None if there is none or its length is 0."""
        if self.loop_start is None or self.loop_start >= self.length:
            return None
        return Loop(self.loop_start, self.loop_writes)

    def looped(self, loops: int) -> tuple[NDArray[np.int64], NDArray[np.uint8], NDArray[np.uint8], list[_Block], int]:
        """Return samples, registers and values of all writes, the blocks, and the length, with `loops` loops."""
        samples = np.frombuffer(self.samples, np.int64)
        registers = np.frombuffer(self.registers, np.uint8)
        values = np.frombuffer(self.values, np.uint8)
        if loops == 1:
            return samples, registers, values, self.blocks, self.length
        if loops < 1:
            raise FormatError(f"{self.name} cannot be played with {loops} loops: 1 or more is allowed")
        loop_samples = 0 if self.loop_start is None else self.length - self.loop_start
        if not loop_samples:
            raise FormatError(f"{self.name} has no loop that can be played {loops} times: leave the loops out")
        length = self.length + (loops - 1) * loop_samples
        n_again = len(values) - self.loop_writes + len(self.blocks) - self.loop_blocks
        n_writes = len(values) + len(self.blocks) + (loops - 1) * n_again
        if length > MAX_VGM_SECONDS * VGM_RATE_HZ or n_writes > _MAX_WRITES:
            raise FormatError(
                f"{self.name} with {loops} loops plays {length / VGM_RATE_HZ / 60:.0f} minutes: at most "
                f"{MAX_VGM_SECONDS // 60} minutes and {_MAX_WRITES:,} writes are allowed, so take fewer loops"
            )
        again = slice(self.loop_writes, None)
        return (
            np.concatenate([samples, *(samples[again] + turn * loop_samples for turn in range(1, loops))]),
            np.concatenate([registers, *[registers[again]] * (loops - 1)]),
            np.concatenate([values, *[values[again]] * (loops - 1)]),
            self.blocks
            + [
                (sample + turn * loop_samples, offset, data)
                for turn in range(1, loops)
                for sample, offset, data in self.blocks[self.loop_blocks :]
            ],
            length,
        )


def _tags(data: bytes, tag: int) -> Tags:
    """Return what a GD3 tag says in English, or else in Japanese, https://vgmrips.net/wiki/GD3_Specification."""
    if not tag or data[tag : tag + 4] != TAG_MAGIC or len(data) < tag + 12:
        return Tags()
    length = min(_u32(data, tag + 8), _MAX_TAG_BYTES)
    text = data[tag + 12 : tag + 12 + length].decode("utf-16-le", errors="replace")
    fields = [_shown(field) for field in text.split("\0")] + [""] * 11
    return Tags(
        title=fields[0] or fields[1],
        game=fields[2] or fields[3],
        author=fields[6] or fields[7],
        date=fields[8],
        notes=fields[10],
    )


def _shown(text: str) -> str:
    return "".join(c for c in text if c.isprintable())[:_MAX_TAG_LENGTH].strip()


def _u32(data: bytes, offset: int) -> int:
    return struct.unpack_from("<I", data, offset)[0]


def _absolute(data: bytes, offset: int) -> int:
    """Return the place in the file to which an offset in the header points, or 0 if it points to none."""
    relative = _u32(data, offset)
    return offset + relative if relative else 0
