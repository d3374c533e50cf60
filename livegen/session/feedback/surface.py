"""The lights of one MIDI controller, as a value: what it was sent last, and what it must get now."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from livegen.profiles.profile import Profile
from livegen.session.feedback.light import ENCODERS, Address, Light
from livegen.session.knob import Hand, Place

REST_SECONDS: Final = 0.3
"""A knob that has not moved for so long is not being moved: before that, a motor leaves it to the hand."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message to a device.

    Attributes
    ----------
    data : bytes
    puts : (Place, float) or None
        The place of a knob that it may put somewhere, and to which position.
    """

    data: bytes
    puts: tuple[Place, float] | None = None


@dataclass(frozen=True, slots=True)
class Surface:
    """What a controller shows. A new one shows nothing, so it gets all there is to show.

    Attributes
    ----------
    profile : Profile
    shown : mapping of Address to tuple of bytes, or None
        The messages of what each light shows; None for one that a hand may have changed.
    hands : mapping of Address to Hand, or None
        Each knob's, when it was last looked at.
    moved_seconds : mapping of Address to float
        When each knob was last moved by hand.
    waits : bool
        Whether a knob gets nothing now because a hand is on it, and so time alone changes what it must get.
    """

    profile: Profile
    shown: Mapping[Address, tuple[bytes, ...] | None] = field(default_factory=dict)
    hands: Mapping[Address, Hand | None] = field(default_factory=dict)
    moved_seconds: Mapping[Address, float] = field(default_factory=dict)
    waits: bool = False

    def show(self, lights: Iterable[Light], now_seconds: float) -> tuple["Surface", list[Message]]:
        """Return the controller after it shows lights, and what it must get for that.

        Parameters
        ----------
        lights : iterable of Light
            All that it is to show; what is not among them and was lit is put out.
        now_seconds : float
            On any clock that does not go back.

        Notes
        -----
        A light that shows it already gets nothing. A knob that shows its own position, by a ring or a motor, shows
        where the hand has turned it; it gets the value in force once the hand rests. Any other light is put out before
        it is first lit, because nobody knows how it was left.
        """
        shown: dict[Address, tuple[bytes, ...] | None] = {}
        hands: dict[Address, Hand | None] = {}
        moved = dict(self.moved_seconds)
        messages: list[Message] = []
        waits = False
        for light in lights:
            wanted = self._messages_of(light)
            if not wanted:
                continue
            address = light.address
            shown[address], hands[address] = self.shown.get(address), light.hand
            if address in self.hands and light.hand is not self.hands[address]:
                shown[address] = self._turned_to(light)
                moved[address] = now_seconds
            if shown[address] == wanted:
                continue
            if self._is_own(light) and now_seconds - moved.get(address, -math.inf) < REST_SECONDS:
                waits = True
                continue
            puts = (light.place, light.position) if self._is_own(light) else None
            first = self._dark(address) if address not in self.shown and puts is None else ()
            messages += [Message(data, puts) for data in (wanted if first == wanted else (*first, *wanted))]
            shown[address] = wanted
        gone = [address for address in self.shown if address not in shown]
        messages += [Message(data) for address in gone for data in self._dark(address)]
        moved = {address: at for address, at in moved.items() if address in shown}
        return Surface(self.profile, shown, hands, moved, waits), messages

    def put_out(self) -> tuple["Surface", list[Message]]:
        """Return the controller with all that was lit put out, and what it must get for that."""
        return Surface(self.profile), [Message(data) for address in self.shown for data in self._dark(address)]

    def _messages_of(self, light: Light) -> tuple[bytes, ...]:
        """Return the messages that show a light; none if the device has nothing to show it by."""
        lamp, ring = self.profile.lamp_at(*light.address), self.profile.ring_at(*light.address)
        if lamp is not None and light.state is not None and (light.is_switch or ring is None):
            return lamp.messages(*light.address[1:], light.state)
        return self._positions_of(light, light.position)

    def _positions_of(self, light: Light, position: float) -> tuple[bytes, ...]:
        ring = self.profile.ring_at(*light.address)
        if ring is None or (light.mode in ENCODERS and not ring.encoders):
            return ()
        return ring.messages(*light.address[1:], position, is_pair=light.mode == "pair")

    def _turned_to(self, light: Light) -> tuple[bytes, ...] | None:
        """Return the messages of what a knob shows after a hand has moved it; None if that cannot be known."""
        if not self._is_own(light) or not light.is_alone or light.hand is None or light.hand.position is None:
            return None
        return self._positions_of(light, light.hand.position)

    def _is_own(self, light: Light) -> bool:
        """Tell whether what a light is sent says where its own knob stands."""
        ring = None if light.is_switch else self.profile.ring_at(*light.address)
        return ring is not None and ring.span.is_own and light.mode not in ENCODERS

    def _dark(self, address: Address) -> tuple[bytes, ...]:
        """Return what puts a light out, whatever it shows."""
        lamp, ring = self.profile.lamp_at(*address), self.profile.ring_at(*address)
        if lamp is not None:
            return lamp.messages(*address[1:], "off")
        return () if ring is None else ring.dark(*address[1:])
