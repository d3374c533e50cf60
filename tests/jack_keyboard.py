"""A MIDI keyboard for the device tests."""

from remote_port import RemotePort


class Keyboard:
    """A keyboard on JACK that can be unplugged.

    Parameters
    ----------
    name : str
        Of its client; its port is called keys.
    """

    def __init__(self, name: str = "keyboard") -> None:
        self._name = name
        self._port: RemotePort | None = None
        self.plug_in()

    def plug_in(self) -> None:
        """Be there."""
        self._port = RemotePort("out", self._name, "keys")

    def unplug(self) -> None:
        """Be gone."""
        if self._port is not None:
            self._port.unplug()
            self._port = None

    def send(self, *message: int) -> None:
        """Send any bytes; over three of them must begin with 0xF0."""
        assert self._port is not None
        self._port.send(*message)
