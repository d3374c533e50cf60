"""OSC as controllers send it: packets built byte by byte, of all types, in bundles with time tags."""

import struct
import time

NTP_SECONDS = 2_208_988_800
HOSTILE = [
    b"",
    b"\x00",
    b"hello",
    b"/livegen/temperature",
    b"/livegen/temperature\x00\x00\x00\x00,f\x00\x00",
    b"/livegen/note\x00\x00\x00,iii\x00\x00\x00\x00" + b"\xff" * 12,
    b"#bundle\x00" + b"\x00" * 8 + b"\xff\xff\xff\xfc" * 4,
    b"#bundle\x00" + b"\x00" * 8 + b"\x7f\xff\xff\xff",
    b"/livegen/p1/role\x00\x00\x00\x00,s\x00\x00" + b"x" * 5000,
    b"/" + b"a" * 60_000,
]
"""Packets that are no OSC, or lie about what they hold."""


def text(words: str) -> bytes:
    """Return a string as OSC has it."""
    data = words.encode() + b"\0"
    return data + bytes(-len(data) % 4)


def message(address: str, tags: str = "", *arguments: object) -> bytes:
    """Return a message whose arguments have the types that are said."""
    data = text(address) + text("," + tags)
    waiting = list(arguments)
    for tag in tags:
        if tag in "TFNI[]":
            continue
        value = waiting.pop(0)
        if tag in "sS":
            data += text(str(value))
        elif tag == "b":
            assert isinstance(value, bytes)
            data += struct.pack(">i", len(value)) + value + bytes(-len(value) % 4)
        elif tag == "m":
            assert isinstance(value, bytes)
            data += b"\0" + value
        elif tag == "c":
            data += struct.pack(">i", ord(str(value)))
        else:
            data += struct.pack({"i": ">i", "h": ">q", "f": ">f", "d": ">d", "t": ">Q", "r": ">I"}[tag], value)
    assert not waiting
    return data


def tag_in(seconds: float) -> int:
    """Return the time tag of so many seconds from now."""
    return round((time.time() + NTP_SECONDS + seconds) * (1 << 32))


def bundle(*elements: bytes, tag: int = 1) -> bytes:
    """Return a bundle."""
    return b"#bundle\0" + struct.pack(">Q", tag) + b"".join(struct.pack(">i", len(data)) + data for data in elements)
