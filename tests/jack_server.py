"""A private JACK server with the dummy driver: the sound card and MIDI patch bay of the device tests."""

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

RATE = 48_000
PERIOD = 128


@contextlib.contextmanager
def jack_server(name: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run `jackd` under a name and point this process at it; it is ended by its own process id.

    Realtime scheduling is tried first, and `--no-realtime` where the system does not grant it.

    Raises
    ------
    RuntimeError
        If no server comes up; the message ends with the server's log.
    """
    jackd = shutil.which("jackd")
    if jackd is None:
        raise RuntimeError("jackd is not on the PATH: install the package jackd2")
    settings = {"JACK_DEFAULT_SERVER": name, "JACK_NO_START_SERVER": "1", "JACK_NO_AUDIO_RESERVATION": "1"}
    before = {key: os.environ.get(key) for key in settings}
    os.environ.update(settings)
    try:
        with tempfile.TemporaryDirectory(prefix="livegen-jack-") as folder:
            server = _start(jackd, name, Path(folder) / "jackd.log")
            try:
                yield server
            finally:
                _end(server)
    finally:
        for key, value in before.items():
            if value is None:
                os.environ.pop(key, None)
            else:
                os.environ[key] = value


def _start(jackd: str, name: str, log: Path) -> subprocess.Popen[bytes]:
    for scheduling in ("--realtime", "--no-realtime"):
        command = [jackd, scheduling, "-n", name, "-d", "dummy", "-r", str(RATE), "-p", str(PERIOD)]
        with log.open("ab") as output:
            server = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
            )
        if _answers(server):
            return server
        _end(server)
    raise RuntimeError(f"jackd does not come up:\n{log.read_text(errors='replace')}")


def _answers(server: subprocess.Popen[bytes], patience_seconds: float = 10.0) -> bool:
    deadline = time.monotonic() + patience_seconds
    while server.poll() is None and time.monotonic() < deadline:
        listing = subprocess.run(["jack_lsp"], capture_output=True, check=False, timeout=patience_seconds)
        if listing.returncode == 0 and b"system:" in listing.stdout:
            return True
        time.sleep(0.05)
    return False


def _end(server: subprocess.Popen[bytes]) -> None:
    if server.poll() is None:
        server.terminate()
        try:
            server.wait(5.0)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
