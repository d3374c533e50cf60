"""Programs that musicians have, as tests run them: which package brings each, and what it has printed."""

import os
import re
import shutil
import signal
import socket
import subprocess
from pathlib import Path

import pytest
from waiting import wait_until

PACKAGES = {
    **dict.fromkeys(("oscsend", "oscdump"), "liblo-tools"),
    "pd": "puredata-core",
    "sclang": "supercollider-language",
}
PATIENCE_SECONDS = 40.0


def needs(*programs: str) -> None:
    """Skip where a program is missing, or fail where it must be there."""
    missing = [program for program in programs if shutil.which(program) is None]
    if missing and os.environ.get("LIVEGEN_REQUIRE_OSC_CLIENTS") == "1":
        pytest.fail(f"LIVEGEN_REQUIRE_OSC_CLIENTS is set, but {', '.join(missing)} is not here")
    for program in missing:
        pytest.skip(f"{program} is not here: it is in Debian's package {PACKAGES[program]}")


class Program:
    """A program that runs, and what it has printed."""

    def __init__(self, folder: Path, *command: str | Path, **environment: str) -> None:
        self._path = folder / "printed.txt"
        with self._path.open("wb") as printed:
            self._process = subprocess.Popen(
                command,
                cwd=folder,
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                stdout=printed,
                stderr=printed,
            )

    @property
    def printed(self) -> str:
        return self._path.read_text("utf-8", "replace")

    def has_printed(self, *lines: str) -> bool:
        """Wait until all of some regular expressions match what it has printed."""
        return wait_until(lambda: all(re.search(line, self.printed, re.MULTILINE) for line in lines), PATIENCE_SECONDS)

    def close(self) -> None:
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGKILL)
        self._process.wait()


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
