"""`livegen serve` as its users start it: all its processes are killed, and it comes back."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from livegen_process import CHECKOUT, START_SECONDS, environment
from serve_parts import Embedded, put_on_shelf
from waiting import wait_until

from livegen.serve.jobs.port import SILENCE_SECONDS, State
from livegen.serve.place import Place
from livegen.serve.work.band import Band
from livegen.serve.work.worker import perform


class ServeProcess:
    """`livegen serve` with no model but those that it was given."""

    def __init__(self, folder: Path, *options: str) -> None:
        options = ("--models", "", "--streams", "0", "--port", "0", "--folder", str(folder), *options)
        self._words = folder / "words.txt"
        with self._words.open("w") as words:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "livegen", "serve", *options],
                cwd=CHECKOUT,
                env=environment(),
                stdin=subprocess.DEVNULL,
                stdout=words,
                stderr=words,
            )

    @property
    def words(self) -> str:
        return self._words.read_text("utf-8")

    @property
    def children(self) -> list[int]:
        """Process ids of those that it has started: the worker, and the helper of multiprocessing."""
        tasks = Path(f"/proc/{self.process.pid}/task").glob("*/children")
        return [int(pid) for task in tasks for pid in task.read_text().split()]

    def client(self) -> httpx.Client:
        assert wait_until(lambda: "http://" in self.words or self.process.poll() is not None, START_SECONDS)
        address = re.search(r"http://[\d.:]+", self.words)
        assert address, self.words
        return httpx.Client(base_url=address[0], timeout=START_SECONDS, trust_env=False)

    def kill(self) -> None:
        """End it and its children in the hardest way."""
        children = self.children if self.process.poll() is None else []
        self.process.kill()  # first, for it starts workers again
        for pid in children:
            os.kill(pid, signal.SIGKILL)
        self.process.wait()


@contextmanager
def serve_process(folder: Path, *options: str) -> Iterator[ServeProcess]:
    server = ServeProcess(folder, *options)
    try:
        yield server
    finally:
        server.kill()


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="finds processes in /proc")
def test_when_all_is_killed_and_the_server_comes_back_every_job_has_one_result(tmp_path: Path, model: Path) -> None:
    tiny = put_on_shelf(tmp_path / "models", model, "tiny")
    band = Band(Place(tmp_path, ()).open_shelf())
    band.warm(tiny.name, tiny.hash)  # compiled here, it is quick there
    queued = Embedded(tmp_path)
    with serve_process(tmp_path, "--workers", "1") as server, server.client() as client:
        asked = [{"seconds": 5, "seed": seed} for seed in range(3)]
        ids = [client.post("/predictions/tiny", json=each).json()["id"] for each in asked]
        assert len(set(ids)) == 3
        assert wait_until(lambda: queued.jobs.counts()[State.RUNNING] == 1, START_SECONDS)
    queued.wait(SILENCE_SECONDS)
    with serve_process(tmp_path, "--workers", "0") as server, server.client() as client:
        # the job of the worker that was killed waits again; a worker in this process starts sooner than another one
        assert wait_until(lambda: queued.jobs.counts()[State.RUNNING] == 0, START_SECONDS)
        while (attempt := queued.jobs.begin("w", None)) is not None:
            perform(queued.jobs, band, attempt)
        assert [client.get(f"/jobs/{id}/result.mid").content[:4] for id in ids] == [b"MThd"] * 3
        assert (queued.jobs.totals()["done"], queued.jobs.totals()["failed"]) == (3, 0)
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(START_SECONDS) == 0
        assert "Traceback" not in server.words
