"""A program on JACK that hears the MIDI of livegen's voices, for the device tests and for tools/soak.py."""

from collections import Counter
from collections.abc import Iterable

from remote_port import RemotePort


class MidiListener:
    """A MIDI input on JACK that can be unplugged.

    Attributes
    ----------
    messages : list of list of int
        All that has come.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self.messages: list[list[int]] = []
        self._sounding: set[tuple[int, int]] = set()
        self._n_notes: Counter[int] = Counter()  # by channel
        self._midi: RemotePort | None = None
        self.plug_in_midi()

    def take(self) -> None:
        """Hear what has come since the last look."""
        if self._midi is not None:
            self._hear(self._midi.take())

    def _hear(self, new: list[list[int]]) -> None:
        for status, key, velocity in (message for message in new if message[0] & 0xE0 == 0x80):
            begins, channel = bool(status & 0x10 and velocity), status & 0x0F
            self._n_notes[channel] += begins
            (self._sounding.add if begins else self._sounding.discard)((channel, key))
        self.messages += new

    def n_notes(self, channels: Iterable[int] = range(16)) -> int:
        """Return how many notes have begun on channels of livegen's MIDI output so far."""
        self.take()
        return sum(self._n_notes[channel] for channel in channels)

    def is_told(self, *message: int) -> bool:
        """Tell whether a message has come from livegen's MIDI output."""
        self.take()
        return list(message) in self.messages

    def hanging(self) -> set[tuple[int, int]]:
        """Return channel and key of every note that has begun on livegen's MIDI output and not ended."""
        self.take()
        return set(self._sounding)

    def unplug_midi(self) -> None:
        """Take the MIDI port away."""
        if self._midi is not None:
            self._hear(self._midi.unplug())
            self._midi = None

    def plug_in_midi(self) -> None:
        """Bring the MIDI port back."""
        self._midi = RemotePort("in", self._name, "in")
