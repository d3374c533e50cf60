"""What a profile is: the lights of a MIDI controller, and the messages that set them, as frozen values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, get_args

Kind = Literal["cc", "note"]
"""Of the messages that a knob or a pad sends, and that light it."""

LampState = Literal["off", "on", "waiting", "pressed"]
"""What a pad or a button shows: it waits while what it set is still to come, and is pressed as long as it is held."""

LAMP_STATES: Final[tuple[LampState, ...]] = get_args(LampState)

Colour = tuple[tuple[int | None, int], ...]
"""Channel (0..15) and value of each message that shows a state, in order; None is the channel of the light itself."""

MAX_VALUE: Final = 127
_MAX_PAIR: Final = 16_383
_PAIR_OFFSET: Final = 32
_STATUS: Final[Mapping[Kind, int]] = {"cc": 0xB0, "note": 0x90}


@dataclass(frozen=True, slots=True)
class Span:
    """Knobs or pads in a row, and the lights beside them.

    Attributes
    ----------
    kind : {"cc", "note"}
    first, last : int
        Numbers of the controllers or keys that they send, 0..127.
    channel : int or None
        0..15, the channel that they send on; None is any.
    led : int or None
        Number of the first light, where lights have numbers of their own.
    led_channel : int or None
        0..15, the channel of the lights, where they have one of their own.
    """

    kind: Kind
    first: int
    last: int
    channel: int | None = None
    led: int | None = None
    led_channel: int | None = None

    @property
    def is_own(self) -> bool:
        """Whether a light is set by the message that its knob sends."""
        return self.led is None and self.led_channel is None

    def covers(self, kind: Kind, channel: int | None, number: int) -> bool:
        """Tell whether a knob or a pad is one of these; its channel is None if it is not known."""
        is_on_channel = self.channel is None or channel in (None, self.channel)
        return kind == self.kind and self.first <= number <= self.last and is_on_channel

    def light(self, channel: int | None, number: int) -> tuple[int, int]:
        """Return channel and number of the light of a knob or a pad."""
        own = next(each for each in (self.led_channel, channel, self.channel, 0) if each is not None)
        return own, number if self.led is None else self.led + number - self.first

    def message(self, channel: int, number: int, value: int) -> bytes:
        """Return the message that gives a light a value."""
        return bytes((_STATUS[self.kind] | channel, number, value))


@dataclass(frozen=True, slots=True)
class Lamp:
    """Lights that show states by colours, or by being lit or dark.

    Attributes
    ----------
    span : Span
    colours : mapping of LampState to Colour
        At least for ``off`` and ``on``.
    """

    span: Span
    colours: Mapping[LampState, Colour]

    def messages(self, channel: int | None, number: int, state: LampState) -> tuple[bytes, ...]:
        """Return what the device must get for a pad or a button to show a state."""
        own, led = self.span.light(channel, number)
        colour = self.colours.get(state, self.colours["off" if state == "pressed" else "on"])
        return tuple(self.span.message(own if to is None else to, led, value) for to, value in colour)


@dataclass(frozen=True, slots=True)
class Ring:
    """Lights around knobs, or faders with motors: they show where a value stands in its range.

    Attributes
    ----------
    span : Span
    lowest, highest : int
        What shows the ends of the range.
    off : int or None
        What puts the light out; None for a motor, which stays where it is.
    encoders : bool
        Whether it also shows the value that an endless encoder steps through.
    """

    span: Span
    lowest: int = 0
    highest: int = MAX_VALUE
    off: int | None = None
    encoders: bool = False

    def messages(
        self, channel: int | None, number: int, position: float, *, is_pair: bool = False
    ) -> tuple[bytes, ...]:
        """Return what the device must get for a knob to show a position, 0..1; a pair gets all of its 14 bits."""
        own, led = self.span.light(channel, number)
        if is_pair and self.span.is_own and (self.lowest, self.highest) == (0, MAX_VALUE):
            upper, lower = divmod(round(position * _MAX_PAIR), MAX_VALUE + 1)
            return self.span.message(own, led, upper), self.span.message(own, led + _PAIR_OFFSET, lower)
        value = round(self.lowest + position * (self.highest - self.lowest))
        return (self.span.message(own, led, value),)

    def dark(self, channel: int | None, number: int) -> tuple[bytes, ...]:
        """Return what puts the light out."""
        own, led = self.span.light(channel, number)
        return () if self.off is None else (self.span.message(own, led, self.off),)


@dataclass(frozen=True, slots=True)
class Profile:
    """The lights of a MIDI controller.

    Attributes
    ----------
    name : str
        As a musician calls the controller.
    ports : tuple of str
        Parts of the names of its ports, in lower case.
    start, stop : tuple of bytes
        What it gets before it is lit, and after it was put out.
    lamps : tuple of Lamp
    rings : tuple of Ring
        Of those that cover a knob, the first counts.
    """

    name: str
    ports: tuple[str, ...] = ()
    start: tuple[bytes, ...] = ()
    stop: tuple[bytes, ...] = ()
    lamps: tuple[Lamp, ...] = field(default_factory=tuple)
    rings: tuple[Ring, ...] = field(default_factory=tuple)

    def lamp_at(self, kind: Kind, channel: int | None, number: int) -> Lamp | None:
        """Return the lamp of a pad or a button, if it has one."""
        return next((lamp for lamp in self.lamps if lamp.span.covers(kind, channel, number)), None)

    def ring_at(self, kind: Kind, channel: int | None, number: int) -> Ring | None:
        """Return the ring or the motor of a knob, if it has one."""
        return next((ring for ring in self.rings if ring.span.covers(kind, channel, number)), None)

    def is_of(self, port: str) -> bool:
        """Tell whether a port's name is that of such a controller."""
        return any(part in port.lower() for part in self.ports)
