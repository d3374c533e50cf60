"""A private Redis server on a free port, in a folder of its own; it can be stopped, killed and started again."""

import contextlib
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

from livegen_process import START_SECONDS
from serve_parts import give_up
from waiting import wait_until


class RedisServer:
    """The server; it keeps what it was told in its folder, and loses nothing when it is killed."""

    def __init__(self, program: str, folder: Path, options: list[str] | None = None) -> None:
        self._program = program
        self._folder = folder
        self._options = ["--appendonly", "yes"] if options is None else options
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        command = [self._program, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", *self._options]
        nowhere = subprocess.DEVNULL
        self.process = subprocess.Popen(
            command, cwd=self._folder, stdin=nowhere, stdout=nowhere, stderr=nowhere, start_new_session=True
        )
        assert wait_until(self._answers, START_SECONDS), "redis-server does not come up"

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def _answers(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1.0) as asking:
            asking.sendall(b"PING\r\n")
            return asking.recv(64).startswith((b"+PONG", b"-NOAUTH"))  # it may be busy reading what it kept
        return False


@contextlib.contextmanager
def redis_server(folder: Path, options: list[str] | None = None) -> Iterator[RedisServer]:
    """Run a server; skip where there is none, or fail where the environment says that there must be."""
    program = shutil.which("redis-server") or shutil.which("valkey-server")
    if program is None:
        give_up("no redis-server is on the PATH: install the package redis-server")
    server = RedisServer(program, folder, options)
    try:
        server.start()
        yield server
    finally:
        server.kill()
