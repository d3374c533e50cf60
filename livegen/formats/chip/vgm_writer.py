"""The writer of VGM files of version 1.61, plain or packed; `livegen.formats.chip.vgm` reads them back."""

import gzip
import struct
from pathlib import Path
from typing import Final

import numpy as np

from livegen.apu.memory import Memory
from livegen.errors import FormatError
from livegen.formats.chip.register_log import VGM_RATE_HZ, RegisterLog, Tags
from livegen.formats.chip.vgm_layout import (
    DATA_BLOCK,
    DATA_OFFSET,
    END,
    END_OFFSET,
    LENGTH,
    LOOP_LENGTH,
    LOOP_OFFSET,
    MAGIC,
    MAX_VGM_BYTES,
    MAX_VGM_SECONDS,
    NES_CLOCK,
    NES_MEMORY,
    NES_WRITE,
    PACKED_ENDINGS,
    RATE,
    TAG_MAGIC,
    TAG_OFFSET,
    VERSION,
    WAIT,
    WAIT_1,
    WAIT_735,
    WAIT_882,
)
from livegen.formats.files import atomic_path

_VERSION_1_61: Final = 0x161
_TAG_VERSION: Final = 0x100
_HEADER_BYTES: Final = 0xC0
_ENGINE_RATE_HZ: Final = 60
_LONGEST_WAIT: Final = 0xFFFF
_SHORT_WAITS: Final = 16
_SYSTEM: Final = "Nintendo Entertainment System"


def write_vgm(path: Path, log: RegisterLog) -> None:
    """Write a log as a VGM file, packed by gzip where the name ends in .vgz or .vgm.gz.

    Each write moves to the nearest sample at 44.1 kHz. The same log gives the same bytes.

    Raises
    ------
    FormatError
        If it plays longer than three hours, is larger than 16 MiB, or the file cannot be written.
    """
    data = vgm_bytes(path.name, log)
    if path.name.lower().endswith(PACKED_ENDINGS):
        data = gzip.compress(data, mtime=0)
    with atomic_path(path) as partial:
        partial.write_bytes(data)


def vgm_bytes(name: str, log: RegisterLog) -> bytes:
    """Return the content of a VGM file. `name` stands in the FormatError that this raises as `write_vgm` does."""
    if log.length > MAX_VGM_SECONDS * VGM_RATE_HZ:
        raise FormatError(
            f"{name} would play {log.length / VGM_RATE_HZ / 3600:.1f} hours: at most {MAX_VGM_SECONDS // 3600} fit "
            "into a VGM file"
        )
    commands, loop_place = _commands(log)
    tag = _tag(log.tags)
    places = {
        END_OFFSET: _HEADER_BYTES + len(commands) + len(tag) - END_OFFSET,
        VERSION: _VERSION_1_61,
        TAG_OFFSET: _HEADER_BYTES + len(commands) - TAG_OFFSET,
        LENGTH: log.length,
        RATE: _ENGINE_RATE_HZ,
        DATA_OFFSET: _HEADER_BYTES - DATA_OFFSET,
        NES_CLOCK: round(log.cpu_clock_hz),
    }
    if log.loop is not None:
        places[LOOP_OFFSET] = _HEADER_BYTES + loop_place - LOOP_OFFSET
        places[LOOP_LENGTH] = log.length - log.loop.start
    header = bytearray(_HEADER_BYTES)
    header[: len(MAGIC)] = MAGIC
    for place, number in places.items():
        struct.pack_into("<I", header, place, number)
    data = bytes(header) + commands + tag
    if len(data) > MAX_VGM_BYTES:
        raise FormatError(f"{name} would have over {MAX_VGM_BYTES // 2**20} MiB, more than is read again: write less")
    return data


def _commands(log: RegisterLog) -> tuple[bytes, int]:
    """Return all commands, and the offset among them at which the loop begins."""
    commands, now, loop_place = bytearray(_first_block(log.memory)), 0, 0
    loop = log.loop
    for sample, is_again, _, command in _timed(log):
        if is_again and loop is not None:
            commands += _wait(loop.start - now)
            now, loop_place, loop = loop.start, len(commands), None
        if sample > now:
            commands += _wait(sample - now)
            now = sample
        commands += command
    if loop is not None:
        commands += _wait(loop.start - now)
        now, loop_place = loop.start, len(commands)
    commands += _wait(log.length - now)
    commands.append(END)
    return bytes(commands), loop_place


def _timed(log: RegisterLog) -> list[tuple[int, bool, bool, bytes]]:
    """Return all writes and changes of memory in their order, as commands with their samples.

    After the sample comes whether it is a part of the loop, and then whether it is a write: a change comes first.
    """
    samples = np.minimum(log.sample, log.length).tolist()
    registers = (log.address - 0x4000).tolist()
    loop_write = len(samples) if log.loop is None else log.loop.first_write
    writes = [
        (sample, index >= loop_write, True, bytes((NES_WRITE, register, value)))
        for index, (sample, register, value) in enumerate(zip(samples, registers, log.value.tolist(), strict=True))
    ]
    if not log.memory.changes:
        return writes
    changes = [(min(log.sample_of(change), log.length), change) for change in log.memory.changes]
    blocks = [
        (sample, log.loop is not None and sample >= log.loop.start, False, _block(change.offset, change.data))
        for sample, change in changes
    ]
    return sorted(blocks + writes, key=lambda command: command[:3])


def _first_block(memory: Memory) -> bytes:
    content = memory.first.rstrip(b"\0")
    offset = len(content) - len(content.lstrip(b"\0"))
    return _block(offset, content[offset:]) if content else b""


def _block(offset: int, content: bytes) -> bytes:
    """Return the command that writes to the memory of the APU, at an offset from $8000."""
    address = struct.pack("<H", 0x8000 + offset)
    return struct.pack("<BBBI", DATA_BLOCK, END, NES_MEMORY, len(address + content)) + address + content


def _wait(n_samples: int) -> bytes:
    """Return the shortest commands that wait a number of samples."""
    longest, rest = divmod(n_samples, _LONGEST_WAIT)
    waits = struct.pack("<BH", WAIT, _LONGEST_WAIT) * longest
    if rest == 0:
        return waits
    if rest in (735, 882):
        return waits + bytes((WAIT_735 if rest == 735 else WAIT_882,))
    if rest <= _SHORT_WAITS:
        return waits + bytes((WAIT_1 + rest - 1,))
    if rest <= 2 * _SHORT_WAITS:
        return waits + bytes((WAIT_1 + _SHORT_WAITS - 1, WAIT_1 + rest - _SHORT_WAITS - 1))
    return waits + struct.pack("<BH", WAIT, rest)


def _tag(tags: Tags) -> bytes:
    """Return a GD3 tag, https://vgmrips.net/wiki/GD3_Specification."""
    fields = (tags.title, "", tags.game, "", _SYSTEM, "", tags.author, "", tags.date, "livegen", tags.notes)
    text = "".join(field.replace("\0", "") + "\0" for field in fields).encode("utf-16-le", errors="replace")
    return TAG_MAGIC + struct.pack("<II", _TAG_VERSION, len(text)) + text
