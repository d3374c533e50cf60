"""VGM files out of register writes, for the tests: what a reader must find in them is known by construction."""

import struct
from collections.abc import Iterable, Mapping

CLOCK = 1_789_773
END = b"\x66"


def write(register: int, value: int) -> bytes:
    """Return the command that writes to $4000 + register."""
    return bytes((0xB4, register, value))


def wait(n_samples: int) -> bytes:
    """Return the commands that wait for a number of samples at 44.1 kHz."""
    whole, rest = divmod(n_samples, 0xFFFF)
    return b"\x61\xff\xff" * whole + struct.pack("<BH", 0x61, rest)


def log(writes: Iterable[tuple[int, int, int]], length: int) -> bytes:
    """Return the commands of writes (sample, register, value), ascending, that end after `length` samples."""
    commands, now = bytearray(), 0
    for sample, register, value in writes:
        if sample > now:
            commands += wait(sample - now)
        now = sample
        commands += write(register, value)
    return bytes(commands) + wait(length - now) + END


def vgm(
    commands: bytes = wait(100) + END,
    *,
    clock: int = CLOCK,
    version: int = 0x171,
    start: int = 0x100,
    loop: int | None = None,
    title: str | None = None,
    header: Mapping[int, int] | None = None,
) -> bytes:
    """Return a VGM file.

    `loop` is where in the commands the loop begins, and `header` has 32-bit numbers that overwrite those at their
    places in the header.
    """
    fields = {0x08: version, 0x34: start - 0x34, 0x84: clock}
    tag = b""
    if loop is not None:
        fields[0x1C] = start + loop - 0x1C
    if title is not None:
        text = f"{title}\0".encode("utf-16-le") + b"\0\0" * 10
        tag = b"Gd3 " + struct.pack("<II", 0x100, len(text)) + text
        fields[0x14] = start + len(commands) - 0x14
    fields[0x04] = start + len(commands) + len(tag) - 0x04
    head = bytearray(max(start, 0x100))
    head[:4] = b"Vgm "
    for place, number in {**fields, **(header or {})}.items():
        struct.pack_into("<I", head, place, number)
    return bytes(head[:start]) + commands + tag
