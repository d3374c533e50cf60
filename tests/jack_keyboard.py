"""A MIDI keyboard for the device tests."""

from typing import Any


class Keyboard:
    """A keyboard on JACK that can be unplugged.

    Parameters
    ----------
    name : str
        Of its client; its port is called keys.
    """

    def __init__(self, name: str = "keyboard") -> None:
        self._name = name
        self._port: Any = None
        self.plug_in()

    def plug_in(self) -> None:
        """Be there."""
        import rtmidi

        self._port = rtmidi.MidiOut(rtmidi.API_UNIX_JACK, name=self._name)
        self._port.open_virtual_port("keys")

    def unplug(self) -> None:
        """Be gone."""
        if self._port is not None:
            self._port.close_port()
            self._port.delete()
            self._port = None

    def send(self, *message: int) -> None:
        """Send any bytes; over three of them must begin with 0xF0."""
        self._port.send_message(message)
