"""OSC packets: from bytes to messages and back, and from messages to events."""

import struct
from collections.abc import Iterator
from typing import Any, Final

from pythonosc.osc_message import OscMessage
from pythonosc.osc_message_builder import OscMessageBuilder

from livegen.controls import CONTROLS, OSC_PREFIX, Value, parse_value
from livegen.errors import ControlError
from livegen.events import NoteOff, NoteOn, SetControl

NOTE_RANGES: Final = {"channel": (1, 16), "note": (0, 127), "velocity": (0, 127)}
"""Lowest and highest value of the three whole numbers of ``/livegen/note``. Velocity 0 releases the key."""

_MAX_PACKET: Final = 8192  # bytes; a larger packet sets no control
_MAX_DEPTH: Final = 8  # how deep bundles may lie in bundles
_BUNDLE: Final = b"#bundle\x00"
_BUNDLE_HEADER: Final = 16  # the word #bundle and a time tag, which is taken as "now"
_KNOWN_TYPES: Final = frozenset("ihfdsbrmtTFNI[]")


class NotOscError(ValueError):
    """A packet, or a part of one, is not OSC."""


def parse_packet(packet: bytes) -> list[tuple[str, list[Any]]]:
    """Return the messages of a packet, each with its address and arguments.

    Bundles are taken apart here and not by python-osc, which loops for ever on a negative element size, recurses
    as deep as the packet says, and logs type tags that it does not know.

    Raises
    ------
    NotOscError
        If any part of it is not OSC.
    """
    if len(packet) > _MAX_PACKET:
        raise NotOscError(f"a packet has at most {_MAX_PACKET} bytes")
    return [_parse_message(data) for data in _elements(packet, 0)]


def _elements(packet: bytes, depth: int) -> Iterator[bytes]:
    if not packet.startswith(_BUNDLE):
        yield packet
        return
    if depth == _MAX_DEPTH or len(packet) < _BUNDLE_HEADER:
        raise NotOscError("a bundle is too deep or too short")
    at = _BUNDLE_HEADER
    while at < len(packet):
        if at + 4 > len(packet):
            raise NotOscError("a bundle breaks off")
        (size,) = struct.unpack_from(">i", packet, at)
        at += 4
        if size <= 0 or at + size > len(packet):
            raise NotOscError("a bundle's element is longer than the bundle")
        yield from _elements(packet[at : at + size], depth + 1)
        at += size


def _parse_message(data: bytes) -> tuple[str, list[Any]]:
    if not data.startswith(b"/"):
        raise NotOscError("an address begins with a slash")
    tags_at = (data.find(b"\x00") // 4 + 1) * 4
    tags = data[tags_at:].split(b"\x00", 1)[0].decode("latin-1")
    if tags and not (tags[0] == "," and set(tags[1:]) <= _KNOWN_TYPES):
        raise NotOscError(f"unknown type tags {tags!r}")
    if "I" in tags:  # an impulse, which python-osc does not know; like T it has no data
        data = data[:tags_at] + tags.replace("I", "T").encode() + data[tags_at + len(tags) :]
    try:
        message = OscMessage(data)
        return message.address, message.params
    except Exception as error:  # python-osc raises not only its ParseError, but also struct, Unicode and index errors
        raise NotOscError(str(error)) from error


def build_packet(address: str, *arguments: Value) -> bytes:
    """Return a message as a packet. A bool is sent as 0 or 1, because more programs know these than OSC's T and F."""
    builder = OscMessageBuilder(address)
    for argument in arguments:
        builder.add_arg(int(argument) if isinstance(argument, bool) else argument)
    return bytes(builder.build().dgram)


def note_event(arguments: list[Any]) -> NoteOn | NoteOff:
    """Return the event of a key that the arguments of ``/livegen/note`` describe.

    Raises
    ------
    ControlError
        If they are not three numbers within `NOTE_RANGES`.
    """
    numbers = [int(number) for number in arguments if isinstance(number, (int, float)) and abs(number) < 128]
    if len(arguments) != 3 or len(numbers) != 3:
        raise ControlError(f"{OSC_PREFIX}/note takes three numbers: channel 1..16, note 0..127, velocity 0..127")
    for (what, (lowest, highest)), number in zip(NOTE_RANGES.items(), numbers, strict=True):
        if not lowest <= number <= highest:
            raise ControlError(f"{what} {number} of {OSC_PREFIX}/note is out of range: {lowest}..{highest}")
    channel, note, velocity = numbers
    return NoteOn(channel - 1, note, velocity) if velocity else NoteOff(channel - 1, note)


def set_event(name: str, arguments: list[Any]) -> SetControl | None:
    """Return what a message to the address of a control sets; None when the button of a trigger comes up.

    For an action, OSC's N, which is None here, counts as no argument.

    Raises
    ------
    ControlError
        If there is more than one argument, or the control cannot have its value.
    """
    if len(arguments) > 1:
        raise ControlError(f"{name} takes one argument, not {len(arguments)}")
    control = CONTROLS[name]
    is_bare = not arguments or (control.is_action and arguments[0] is None)
    value = parse_value(name, control.argument if is_bare else arguments[0])
    return SetControl(name, value) if value or control.kind != "trigger" else None


def shown(value: object) -> str:
    """Return a value as an error shows it, cut if it is long."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}..."
