"""A program on JACK that hears livegen, for the device tests."""

import numpy as np
from jack_midi import MidiListener
from jack_server import RATE
from waiting import wait_until


class Listener(MidiListener):
    """A JACK program that hears what livegen plays: its sound, and the MIDI of its voices."""

    def __init__(self, name: str = "listener") -> None:
        import jack

        super().__init__(name)
        self.patch_bay = jack.Client(f"ears of {name}", no_start_server=True)
        self._sound = self.patch_bay.inports.register("sound")
        self._heard = np.zeros(RATE // 4, np.float32)  # the last quarter of a second
        self.patch_bay.set_process_callback(self._process)
        self.patch_bay.activate()

    def _process(self, n_samples: int) -> None:
        self._heard = np.concatenate((self._heard[n_samples:], self._sound.get_array()))

    def connect_sound(self) -> bool:
        """Listen to livegen's sound; False while it is not there."""
        ports = self.patch_bay.get_ports("PortAudio:out_0", is_audio=True)
        if ports:
            self.patch_bay.connect(ports[0], self._sound)
        return bool(ports)

    def connect_midi(self) -> bool:
        """Listen to livegen's virtual output; False while it is not there."""
        ports = self.patch_bay.get_ports("livegen:out", is_midi=True)
        if ports:
            self.patch_bay.connect(ports[0], f"{self._name}:in")
        return bool(ports)

    def is_connected(self, port: str) -> bool:
        """Tell whether another program's port is there and connected with anything."""
        ports = self.patch_bay.get_ports(port)
        return bool(ports) and bool(self.patch_bay.get_all_connections(ports[0]))

    def peak(self) -> float:
        """Return the highest level of the last quarter of a second."""
        return float(np.abs(self._heard).max())

    def hears(self, pitch_hz: float) -> bool:
        """Tell whether a tone of this pitch, and no other, has sounded for the last quarter of a second."""
        heard = self._heard * np.hanning(self._heard.size)
        spectrum = np.abs(np.fft.rfft(heard, 8 * heard.size))
        loudest_hz = float(np.argmax(spectrum)) * RATE / (8 * heard.size)
        return self.peak() > 0.01 and abs(loudest_hz / pitch_hz - 1.0) < 0.01

    def falls_silent(self) -> bool:
        """Wait until there is no sound."""
        return wait_until(lambda: self.peak() < 1e-3)

    def close(self) -> None:
        """Leave JACK."""
        self.unplug_midi()
        self.patch_bay.deactivate()
        self.patch_bay.close()
