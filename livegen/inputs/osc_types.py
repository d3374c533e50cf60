"""The types of OSC's arguments: all of 1.0, the optional ones too, and of 1.1.

See https://opensoundcontrol.stanford.edu/spec-1_0.html and https://opensoundcontrol.stanford.edu/spec-1_1.html.
python-osc is not asked: it has no S, c and I, passes over what it does not know, and lets many kinds of errors out.
"""

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from livegen.errors import ControlError


class DropError(ControlError):
    """Something that came by OSC is dropped; `kind` is what it is counted as."""

    kind = "values refused"


def kind_of(error: ControlError) -> str:
    """Return what something is counted as that is dropped for an error."""
    return error.kind if isinstance(error, DropError) else DropError.kind


class NotOscError(DropError):
    """A packet, or a part of one, is not OSC."""

    kind = "damaged packets"


class UnknownTypeError(DropError):
    """A message has an argument of a type that nobody knows, so nobody knows how long it is."""

    kind = "unknown types"


@dataclass(frozen=True, slots=True)
class Colour:
    """A colour, as 32 bits of red, green, blue and alpha."""

    rgba: int

    def __repr__(self) -> str:
        return f"the colour #{self.rgba:08x}"


@dataclass(frozen=True, slots=True)
class MidiMessage:
    """A MIDI message: the bytes status, first and second datum, without the port that came before them."""

    data: bytes

    def __repr__(self) -> str:
        return f"the MIDI message {self.data.hex(' ')}"


@dataclass(frozen=True, slots=True)
class TimeTag:
    """A time as an argument, in 2**-32 seconds since 1900."""

    ticks: int

    def __repr__(self) -> str:
        return f"the time tag {self.ticks:016x}"


_Reader = Callable[[bytes, int], tuple[Any, int]]
"""Returns the argument that begins at a place, and where the next one does."""


def read_arguments(tags: str, data: bytes, at: int) -> tuple[Any, ...]:
    """Return the arguments of a message; what is in an array counts as if it were not.

    Parameters
    ----------
    tags : str
        Their types, without the comma.
    data : bytes
        The message.
    at : int
        Where the first of them begins.

    Raises
    ------
    UnknownTypeError
        If one of the types is none of OSC's.
    NotOscError
        If they break off, a string is no UTF-8, or brackets do not match.
    """
    unknown = next((tag for tag in tags if tag not in _READERS and tag not in "[]"), None)
    if unknown is not None:
        known = " ".join((*_READERS, "[", "]"))
        raise UnknownTypeError(f"there is no OSC type {unknown!r}: send one of {known}")
    arguments, depth = [], 0
    for tag in tags:
        if tag in "[]":
            depth += 1 if tag == "[" else -1
            if depth < 0:
                break
            continue
        argument, at = _READERS[tag](data, at)
        arguments.append(argument)
    if depth:
        raise NotOscError("the brackets of an array do not match")
    return tuple(arguments)


def read_string(data: bytes, at: int) -> tuple[str, int]:
    """Return a string, and where what comes after it begins; a last one may lack the zeros that fill it up.

    Raises
    ------
    NotOscError
        If it does not end, or is no UTF-8.
    """
    end = data.find(b"\0", at)
    if end < 0:
        raise NotOscError("a string does not end")
    try:
        return data[at:end].decode("utf-8"), end + 4 - (end - at) % 4
    except UnicodeDecodeError:
        raise NotOscError("a string is no UTF-8") from None


def _packed(code: str, make: Callable[[Any], Any] = lambda number: number) -> _Reader:
    packed = struct.Struct(f">{code}")

    def read(data: bytes, at: int) -> tuple[Any, int]:
        try:
            return make(packed.unpack_from(data, at)[0]), at + packed.size
        except (struct.error, ValueError, OverflowError):  # a character may be none of Unicode's
            raise NotOscError("an argument breaks off, or is no character") from None

    return read


def _constant(value: object) -> _Reader:
    return lambda data, at: (value, at)


_read_int: Final = _packed("i")


def _read_blob(data: bytes, at: int) -> tuple[bytes, int]:
    size, begin = _read_int(data, at)
    if not 0 <= size <= len(data) - begin:
        raise NotOscError("a blob breaks off")
    return data[begin : begin + size], begin + (size + 3) // 4 * 4


_READERS: Final[Mapping[str, _Reader]] = MappingProxyType(
    {
        **{"i": _read_int, "f": _packed("f"), "s": read_string, "b": _read_blob},
        **{"h": _packed("q"), "d": _packed("d"), "t": _packed("Q", TimeTag), "S": read_string, "c": _packed("i", chr)},
        **{"r": _packed("I", Colour), "m": _packed("4s", lambda four: MidiMessage(four[1:]))},
        **{"T": _constant(True), "F": _constant(False), "N": _constant(None), "I": _constant(True)},
    }
)
"""How an argument is read, by its type; an impulse is told by True: it is pressed, and cannot be let go."""
