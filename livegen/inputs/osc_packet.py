"""OSC packets: bytes to messages and back. What is whole in a packet is read, and what is not is told."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from pythonosc.osc_message_builder import OscMessageBuilder

from livegen.controls import Value
from livegen.inputs.osc_time import IMMEDIATELY
from livegen.inputs.osc_types import DropError, NotOscError, UnknownTypeError, read_arguments, read_string

_MAX_PACKET: Final = 8192  # bytes; a larger packet sets no control
_MAX_DEPTH: Final = 8  # how deep bundles may lie in bundles
_BUNDLE: Final = b"#bundle\x00"
_BUNDLE_HEADER: Final = 16  # the word #bundle and a time tag
_MAX_SHOWN: Final = 60


@dataclass(frozen=True, slots=True)
class Message:
    """A message.

    Attributes
    ----------
    address : str
        Which may be a pattern.
    arguments : tuple
        int, float, str, bytes, bool, None, or one of the classes of `livegen.inputs.osc_types`.
    tag : int
        Time at which it is to take effect, with all others of the same; that of its bundle, or of the one around that
        where it is later.
    """

    address: str
    arguments: tuple[Any, ...]
    tag: int = IMMEDIATELY


def parse_packet(packet: bytes) -> tuple[list[Message], list[DropError]]:
    """Return the messages of a packet, and what is wrong with the rest of it; never raises."""
    messages: list[Message] = []
    faults: list[DropError] = []
    if len(packet) > _MAX_PACKET:
        return [], [NotOscError(f"a packet has at most {_MAX_PACKET} bytes, not {len(packet)}")]
    elements = _elements(packet, 0, IMMEDIATELY)
    while True:
        try:
            messages.append(_parse_message(*next(elements)))
        except StopIteration:
            return messages, faults
        except DropError as fault:
            faults.append(fault)


def _elements(packet: bytes, depth: int, tag: int) -> Iterator[tuple[bytes, int]]:
    """Yield each message with its time tag; raises NotOscError where the bundle around it is damaged."""
    if not packet.startswith(_BUNDLE):
        yield packet, tag
        return
    if depth == _MAX_DEPTH or len(packet) < _BUNDLE_HEADER:
        raise NotOscError("a bundle is too deep or too short")
    tag = max(tag, int.from_bytes(packet[len(_BUNDLE) : _BUNDLE_HEADER], "big"))
    at = _BUNDLE_HEADER
    while at < len(packet):
        if at + 4 > len(packet):
            raise NotOscError("a bundle breaks off")
        (size,) = struct.unpack_from(">i", packet, at)
        at += 4
        if size <= 0 or at + size > len(packet):
            raise NotOscError("a bundle's element is longer than the bundle")
        yield from _elements(packet[at : at + size], depth + 1, tag)
        at += size


def _parse_message(data: bytes, tag: int) -> Message:
    if not data.startswith(b"/"):
        raise NotOscError("an address begins with a slash")
    address, at = read_string(data, 0)
    if at >= len(data):  # old programs leave out the types where there is no argument
        return Message(address, (), tag)
    tags, at = read_string(data, at)
    if tags and not tags.startswith(","):
        raise NotOscError("the types of arguments begin with a comma")
    try:
        return Message(address, read_arguments(tags[1:], data, at), tag)
    except UnknownTypeError as error:
        raise UnknownTypeError(f"{shown(address)}: {error}") from None


def build_packet(address: str, *arguments: Value) -> bytes:
    """Return a message as a packet. A bool is sent as 0 or 1, because more programs know these than OSC's T and F."""
    builder = OscMessageBuilder(address)
    for argument in arguments:
        builder.add_arg(int(argument) if isinstance(argument, bool) else argument)
    return bytes(builder.build().dgram)


def shown(value: object) -> str:
    """Return a value as an error shows it, cut if it is long."""
    text = repr(value)
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}..."
