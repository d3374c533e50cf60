"""OSC as controllers send it: packets built byte by byte, of all types, in bundles with time tags."""

import struct
import time

NTP_SECONDS = 2_208_988_800


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
