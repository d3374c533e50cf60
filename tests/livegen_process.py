"""The program as a user runs it: a command as a process, and OSC to talk to a jam."""

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

from pythonosc.osc_message import OscMessage
from pythonosc.osc_message_builder import OscMessageBuilder
from waiting import wait_until

import livegen

CHECKOUT = Path(livegen.__file__).parents[1]
START_SECONDS = 120.0  # the first run ever compiles
LEAVE_SECONDS = 8.0  # less than the ten after which jam leaves without drivers that hang


def environment() -> dict[str, str]:
    """Return this process's environment, its JACK server and all, with which livegen is found from any folder."""
    return {**os.environ, "PYTHONPATH": str(CHECKOUT)}


def run_livegen(*arguments: str | Path, folder: Path, **changes: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end in a working directory, with changes to the environment."""
    return subprocess.run(
        [sys.executable, "-m", "livegen", *arguments],
        cwd=folder,
        env={**environment(), **changes},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=START_SECONDS,
        check=False,
    )


class OscClient:
    """A program that talks OSC to a jam."""

    def __init__(self, port: int) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.settimeout(20.0)
        self._socket.connect(("127.0.0.1", port))

    def send(self, address: str, *arguments: float | str) -> None:
        """Send one message."""
        builder = OscMessageBuilder(address)
        for argument in arguments:
            builder.add_arg(argument)
        self.send_packet(builder.build().dgram)

    def send_packet(self, packet: bytes) -> None:
        """Send any bytes."""
        self._socket.send(packet)

    def receive(self) -> tuple[str, list[object]]:
        """Return address and arguments of the next message."""
        message = OscMessage(self._socket.recv(8192))
        return message.address, message.params

    def receive_from(self, address: str) -> list[object]:
        """Return the arguments of the next message from an address, passing over others."""
        while True:
            of, arguments = self.receive()
            if of == address:
                return arguments

    def ask(self, address: str, *arguments: float | str) -> tuple[str, list[object]]:
        """Send one message and return the next."""
        self.send(address, *arguments)
        return self.receive()

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()


class Jam:
    """A `livegen jam` that runs.

    Parameters
    ----------
    folder : Path
        Where it runs and where its words go.
    arguments : str or Path
        Beside `--osc-port 0`, and `--no-web` where they have no web in them.
    """

    def __init__(self, folder: Path, *arguments: str | Path) -> None:
        self._words = folder / "words.txt"
        self._clients: list[OscClient] = []
        has_page = any(str(argument).startswith("--web") for argument in arguments)
        options = ["--osc-port", "0", *([] if has_page else ["--no-web"]), *arguments]
        with self._words.open("wb") as words:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "livegen", "jam", *options],
                cwd=folder,
                env=environment(),
                stdin=subprocess.DEVNULL,
                stdout=words,
                stderr=words,
            )
        try:
            assert wait_until(lambda: "OSC: " in self.words or not self.plays, START_SECONDS), self.words
            assert self.plays, self.words
        except BaseException:
            self.close()
            raise

    @property
    def pid(self) -> int:
        """Number of the process."""
        return self._process.pid

    @property
    def words(self) -> str:
        """What it has said on stdout and stderr so far."""
        return self._words.read_text("utf-8")

    @property
    def plays(self) -> bool:
        """Whether the process is there."""
        return self._process.poll() is None

    @property
    def osc_port(self) -> int:
        """Where it listens."""
        port = re.search(r"OSC: 127\.0\.0\.1:(\d+)", self.words)
        assert port, self.words
        return int(port[1])

    def osc(self) -> OscClient:
        """Return a new program that talks to it, which `close` closes."""
        self._clients.append(OscClient(self.osc_port))
        return self._clients[-1]

    @property
    def page(self) -> str:
        """Address of its page."""
        address = re.search(r"http://\S+", self.words)
        assert address, self.words
        return address[0]

    def leave(self, signal_number: int) -> int:
        """Send a signal and return the exit code; fails where that takes longer than `LEAVE_SECONDS`."""
        assert self.plays, self.words
        self._process.send_signal(signal_number)
        return self._process.wait(LEAVE_SECONDS)

    def close(self) -> None:
        """End it, however it stands."""
        for client in self._clients:
            client.close()
        if self.plays:
            self._process.kill()
            self._process.wait()


def assert_left_well(jam: Jam, signal_number: int = signal.SIGTERM) -> None:
    """Send a signal and assert that it ends in order."""
    assert jam.leave(signal_number) == 0
    assert "Traceback" not in jam.words
    assert "fault" not in jam.words
