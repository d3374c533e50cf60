"""A service without processes of its own: its routes are asked in this process, and the test plays the jobs."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

from starlette.testclient import TestClient

from livegen.serve.http.app import create_app
from livegen.serve.http.service import Service
from livegen.serve.http.settings import Limits, ServeSettings
from livegen.serve.place import Place
from livegen.serve.work.band import Band
from livegen.serve.work.worker import perform

HERE = ("127.0.0.1", 50_000)
ELSEWHERE = ("192.0.2.7", 50_000)
TOKEN = "t" * 22
LIMITS = Limits(jobs=100, rate=1000.0, streams=1)


class Served:
    """The service, a client of it, and a worker."""

    def __init__(self, place: Place, limits: Limits, token: str = "") -> None:
        host = "127.0.0.1" if not token else "0.0.0.0"
        self.place = place
        self.service = Service(place, ServeSettings(host, 9126, token, 86_400.0, limits), 0)
        self.app = create_app(self.service)
        self.band = Band(self.service.shelf)

    def client(self, peer: tuple[str, int] = HERE, **given: Any) -> TestClient:
        """Return a client at an address; what it asks is answered in this process."""
        return TestClient(self.app, "http://127.0.0.1:9126", client=peer, raise_server_exceptions=False, **given)

    def play(self) -> int:
        """Play all jobs that wait, as a worker does, and return their number."""
        n = 0
        while (attempt := self.service.jobs.begin("w", None)) is not None:  # type: ignore[attr-defined]
            perform(self.service.jobs, self.band, attempt)
            n += 1
        return n

    def end(self) -> None:
        self.service.made.end()


@contextmanager
def serving(place: Place, limits: Limits | None = None, token: str = "") -> Iterator[Served]:
    """Yield a service that has no processes: its results are converted in this one."""
    with patch("livegen.serve.work.made._new_pool", lambda: ThreadPoolExecutor(1)):
        served = Served(place, limits or LIMITS, token)
    try:
        yield served
    finally:
        served.end()


def files_under(folder: Path) -> set[str]:
    """Return the paths of all files in a folder."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
