"""A MIDI port of another program on JACK, in a process of its own.

One process must not be two programs on JACK: libjack may take the one for the other when one of them leaves, and
crash (`livegen.system.libjack.JackClient`). A test that is a keyboard and a listener would be two.
"""

import os
import subprocess
import sys
from typing import Final, Literal

_PROGRAM: Final = """
import sys, threading, time
import rtmidi
direction, name, port, target = sys.argv[1:]
if direction == "out":
    midi = rtmidi.MidiOut(rtmidi.API_UNIX_JACK, name=name)
    for _ in range(2000 if target else 0):  # twenty seconds
        if target in midi.get_ports():
            break
        time.sleep(0.01)
    if target:
        midi.open_port(midi.get_ports().index(target), port)
    else:
        midi.open_virtual_port(port)
    sys.stdout.write("ready\\n")
    sys.stdout.flush()
    for line in sys.stdin:
        midi.send_message([int(byte) for byte in line.split()])
else:
    midi = rtmidi.MidiIn(rtmidi.API_UNIX_JACK, name=name, queue_size_limit=100_000)
    midi.open_virtual_port(port)
    sys.stdout.write("ready\\n")
    sys.stdout.flush()
    is_over = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), is_over.set()), daemon=True).start()
    while True:
        is_last = is_over.wait(0.0005)
        lines = []
        while (pending := midi.get_message()) is not None:
            lines.append(" ".join(map(str, pending[0])) + "\\n")
        sys.stdout.write("".join(lines))
        sys.stdout.flush()
        if is_last:
            break
midi.close_port()
midi.delete()
"""


class RemotePort:
    """A port that is there until `unplug`.

    Parameters
    ----------
    direction : {"in", "out"}
    name : str
        Of the program.
    port : str
        Of the port.
    target : str, optional
        The port that an output is connected with, as soon as it is there.
    """

    def __init__(self, direction: Literal["in", "out"], name: str, port: str, target: str = "") -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM, direction, name, port, target],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._to, self._from = self._process.stdin, self._process.stdout.fileno()
        assert self._process.stdout.readline() == b"ready\n", f"{name} finds no JACK server"
        os.set_blocking(self._from, False)
        self._rest = b""

    def send(self, *message: int) -> None:
        """Send any bytes; over three of them must begin with 0xF0."""
        self._to.write(b"%s\n" % " ".join(map(str, message)).encode())
        self._to.flush()

    def take(self) -> list[list[int]]:
        """Return the messages that have come since the last look."""
        try:
            while new := os.read(self._from, 1 << 16):
                self._rest += new
        except BlockingIOError:
            pass
        *lines, self._rest = self._rest.split(b"\n")
        return [[int(byte) for byte in line.split()] for line in lines]

    def unplug(self) -> list[list[int]]:
        """Leave once all that was sent is on its way; return what has come since the last look."""
        self._to.close()
        os.set_blocking(self._from, True)
        last = self.take()
        self._process.wait()
        return last
