"""Judge the service: kill workers, stop Redis, ask from many clients, and print what came of it as a table.

    python tools/judge_service.py                                  # all, both queues: an hour on two free cores
    python tools/judge_service.py --only scaling --renders 6 --seconds 10 --queue embedded

A figure is a row: what, on which queue, measured, bar. The machine's load stands above: figures of time depend on it.
"""

import argparse
import contextlib
import json
import os
import random
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from livegen.serve.jobs.port import State
from livegen.serve.place import Place

_START_SECONDS: Final = 600.0
_JOB_SECONDS: Final = 1200.0
_WORKER: Final = "solo"  # the quickest model
_CONTROLS: Final = {"p1.role": "model"}
_OPEN: Final = ("--rate", "10000", "--jobs", "100000")


@dataclass(frozen=True)
class Row:
    """A figure."""

    what: str
    queue: str
    measured: str
    bar: str


class Run:
    """A service, its workers and where they keep things."""

    def __init__(self, queue: str, n_workers: int, folder: Path, *options: str) -> None:
        self.queue, self.n_workers, self.folder = queue, n_workers, folder
        self._options = options
        self.redis_port = _free_port()
        self.redis: subprocess.Popen[bytes] | None = None
        self.workers: list[subprocess.Popen[bytes]] = []
        self.server: subprocess.Popen[bytes] | None = None
        self.url = ""

    @property
    def place(self) -> Place:
        """Where the queue is."""
        url = f"redis://127.0.0.1:{self.redis_port}/0"
        return Place(self.folder, (_WORKER,), url if self.queue == "redis" else None)

    def start(self) -> None:
        """Start it all, and wait until every worker is warm."""
        if self.queue == "redis":
            self.start_redis()
            self.workers = [self._worker(number) for number in range(self.n_workers)]
        self.start_server()
        _wait(lambda: self.ask("GET", "/jobs?n=0")["workers"] >= self.n_workers, _START_SECONDS)

    def start_redis(self) -> None:
        """Start Redis with all that it was told before."""
        (self.folder / "redis").mkdir(exist_ok=True)
        words = ["--port", str(self.redis_port), "--bind", "127.0.0.1", "--appendonly", "yes", "--save", ""]
        self.redis = _start(["redis-server", *words, "--dir", str(self.folder / "redis")], self.folder / "redis.txt")
        _wait(lambda: _listens(self.redis_port), 60.0)

    def start_server(self) -> None:
        """Start the server."""
        n = self.n_workers if self.queue == "embedded" else 0
        words = self.folder / f"serve-{time.time_ns()}.txt"
        where = [] if self.place.queue is None else ["--queue", self.place.queue]
        self.server = _start(
            [
                *(*_LIVEGEN, "serve", "--port", "0", "--workers", str(n), "--models", _WORKER),
                *(*_OPEN, *where, "--folder", str(self.folder), *self._options),
            ],
            words,
        )
        found: list[str] = []
        _wait(lambda: bool(found.extend(re.findall(r"http://[\d.:]+", words.read_text())) or found), _START_SECONDS)
        self.url = found[0]
        _wait(lambda: self.ask("GET", "/health/live")["status"] == "live", 60.0)

    def kill_worker(self, moment: random.Random) -> bool:
        """Kill one of the workers with SIGKILL, and see that another one takes its place."""
        if self.queue == "redis":
            number = moment.randrange(len(self.workers))
            self.workers[number].kill()
            self.workers[number].wait()
            self.workers[number] = self._worker(number)
            return True
        assert self.server is not None
        pids = [pid for pid in _children(self.server.pid) if b"spawn_main" in _command(pid)]
        if not pids:
            return False
        with contextlib.suppress(ProcessLookupError):
            os.kill(moment.choice(pids), signal.SIGKILL)
        return True

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Return an answer from JSON; None where the service is not there."""
        status, _, answer = self.request(method, path, body)
        return json.loads(answer) if 200 <= status < 300 and answer else None

    def request(self, method: str, path: str, body: Any = None) -> tuple[int, str, bytes]:
        """Return the status, 0 where the service is not there, Retry-After, and the body of an answer."""
        given = None if body is None else json.dumps(body).encode()
        asked = urllib.request.Request(self.url + path, given, {"content-type": "application/json"}, method=method)
        try:
            with urllib.request.urlopen(asked, timeout=120.0) as answer:
                return int(answer.status), answer.headers.get("retry-after", ""), bytes(answer.read())
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.headers.get("retry-after", ""), error.read()
        except OSError:
            return 0, "", b""

    def submit(self, seed: int, seconds: float) -> str:
        """Submit a job, again and again until it is taken, and return its id."""
        body = {"seconds": seconds, "seed": seed, "controls": _CONTROLS}
        taken: list[str] = []

        def ask() -> bool:
            job = self.ask("POST", f"/predictions/{_WORKER}", body)
            taken.extend([job["id"]] if job else [])
            return bool(taken)

        _wait(ask, _START_SECONDS)
        return taken[0]

    def end(self) -> None:
        """End it all."""
        for process in (self.server, *self.workers, self.redis):
            if process is not None and process.poll() is None:
                process.terminate()
        for process in (self.server, *self.workers, self.redis):
            if process is not None:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(10.0)
                process.kill()

    def _worker(self, number: int) -> subprocess.Popen[bytes]:
        words = ["--queue", str(self.place.queue), "--models", _WORKER, "--folder", str(self.folder)]
        return _start([*_LIVEGEN, "worker", *words], self.folder / f"worker-{number}.txt")


_LIVEGEN: Final = [sys.executable, "-m", "livegen"]


@contextlib.contextmanager
def running(queue: str, n_workers: int, *options: str) -> Iterator[Run]:
    """Yield a service whose workers are warm."""
    with tempfile.TemporaryDirectory(prefix="livegen-judge-", ignore_cleanup_errors=True) as name:
        run = Run(queue, n_workers, Path(name), *options)
        try:
            run.start()
            yield run
        finally:
            run.end()


def judge_scaling(queue: str, asked: argparse.Namespace) -> Iterator[Row]:
    """Let one worker render, then two, in turns: a machine that others use, too, is not equally fast all the time."""
    took: dict[int, list[float]] = {1: [], 2: []}
    for n_workers in (1, 2) * asked.turns:
        with running(queue, n_workers) as run:
            began = time.monotonic()
            ids = [run.submit(seed, asked.seconds) for seed in range(asked.renders)]
            _wait_for(run, ids)
            took[n_workers].append(time.monotonic() - began)
    one, two = (", ".join(f"{seconds:.1f}" for seconds in took[n_workers]) for n_workers in (1, 2))
    said = f"{sum(took[1]) / sum(took[2]):.2f} times ({asked.renders} of {asked.seconds:g} s: {one} s, {two} s)"
    yield Row("two workers against one", queue, said, "1.7 times")


def judge_kills(queue: str, asked: argparse.Namespace) -> Iterator[Row]:
    """Kill workers at random moments."""
    moment = random.Random(21)
    with running(queue, 2) as run:
        ids = [run.submit(seed, 1.0) for seed in range(asked.jobs)]
        n_killed, is_done = 0, threading.Event()

        def wait_for_all() -> None:
            _wait_for(run, ids)
            is_done.set()

        waiting = threading.Thread(target=wait_for_all)
        waiting.start()
        while n_killed < asked.kills and not is_done.is_set():
            time.sleep(moment.uniform(0.1, asked.every))
            n_killed += run.kill_worker(moment)
        waiting.join()
        what = f"{n_killed} workers killed in {asked.jobs} jobs"
        yield Row(what, queue, _results(run, ids), "each exactly one result")


def judge_restart(queue: str, asked: argparse.Namespace) -> Iterator[Row]:
    """Kill the server and start it again."""
    with running(queue, 2) as run:
        ids = [run.submit(seed, 1.0) for seed in range(asked.renders)]
        _wait(lambda: run.ask("GET", "/jobs?n=0")["done"] >= 1, _JOB_SECONDS)
        before = {id: run.place.open_jobs().result(id) for id in ids}
        assert run.server is not None
        run.server.kill()
        run.server.wait()
        run.start_server()
        _wait_for(run, ids)
        jobs = run.place.open_jobs()
        stand = all(jobs.result(id) == result for id, result in before.items() if result is not None)
        said = f"{_results(run, ids)}; those of before {'stand' if stand else 'DO NOT STAND'}"
        yield Row("the server killed and started again", queue, said, "jobs go on, results stand")


def judge_away(queue: str, asked: argparse.Namespace) -> Iterator[Row]:
    """Stop Redis in mid-run."""
    if queue != "redis":
        return
    with running(queue, 2) as run:
        ids = [run.submit(seed, 4.0) for seed in range(asked.renders)]
        _wait(lambda: run.ask("GET", "/jobs?n=0")["done"] >= 1, _JOB_SECONDS)
        assert run.redis is not None
        run.redis.kill()
        run.redis.wait()
        ends, said = time.monotonic() + asked.away, set()
        while time.monotonic() < ends:
            said.add(run.request("GET", "/jobs")[:2])
            said.add(run.request("POST", f"/predictions/{_WORKER}", {"seconds": 1, "seed": 10_000})[:2])
            time.sleep(0.5)
        run.start_redis()
        began = time.monotonic()
        _wait_for(run, ids)
        answers = ", ".join(f"{status} (Retry-After {retry or 'missing'})" for status, retry in sorted(said))
        measured = f"answers {answers}; {_results(run, ids)} {time.monotonic() - began:.0f} s after"
        bar = "503 with Retry-After, goes on, nothing lost"
        yield Row(f"Redis stopped for {asked.away:g} s", queue, measured, bar)


def judge_idle(queue: str, asked: argparse.Namespace) -> Iterator[Row]:
    """Ask an idle service."""
    with running(queue, 1) as run, _bare_route(run.folder) as bare:
        pairs = [(_first_byte(run.url + "/models", 1), _first_byte(bare, 1)) for _ in range(asked.requests + 1)][1:]
        ours, theirs = zip(*pairs, strict=True)
        said = (
            f"{_p99(ours) * 1000:.1f} ms, a bare FastAPI route in turns with it {_p99(theirs) * 1000:.1f} ms; medians "
            f"{statistics.median(ours) * 1000:.1f} and {statistics.median(theirs) * 1000:.1f} ms"
        )
        yield Row("idle: first byte of GET /models, p99", queue, said, "20 ms")
        sound = [_first_byte(f"{run.url}/stream/{_WORKER}", 45) for _ in range(20 + 1)][1:]
        said = f"{_p99(sound) * 1000:.0f} ms, median {statistics.median(sound) * 1000:.0f} ms"
        yield Row("idle: first byte of a stream's sound, p99", queue, said, "500 ms")


def judge_clients(queue: str, asked: argparse.Namespace) -> Iterator[Row]:
    """Ask from many clients at once."""
    with running(queue, 2) as run:
        ends = time.monotonic() + asked.clients_seconds
        waits: list[list[float]] = [[] for _ in range(32)]
        statuses: set[int] = set()

        def ask(number: int) -> None:
            seed = number * 1_000_000
            while time.monotonic() < ends:
                began, seed = time.monotonic(), seed + 1
                body = {"seconds": 0.5, "seed": seed, "controls": _CONTROLS}
                status, _, _ = run.request("POST", f"/predictions/{_WORKER}?wait=60", body)
                statuses.add(status)
                waits[number].append(time.monotonic() - began)

        assert run.server is not None
        before = _resident_mib(run.server.pid)
        threads = [threading.Thread(target=ask, args=(number,)) for number in range(32)]
        for thread in threads:
            thread.start()
        most = before
        while any(thread.is_alive() for thread in threads):
            most = max(most, _resident_mib(run.server.pid))
            time.sleep(0.5)
        flat = [wait for each in waits for wait in each]
        worst = max(map(statistics.mean, filter(None, waits)))
        mean = statistics.mean(flat)
        yield Row(
            f"32 clients, {asked.clients_seconds:g} s",
            queue,
            f"{len(flat)} answers {sorted(statuses)}, mean wait {mean:.2f} s, longest {max(flat) / mean:.2f} times it "
            f"(a client's mean at most {worst / mean:.2f} times), server {before:.0f} to {most:.0f} MiB",
            "no 5xx, bounded, at most 3 times",
        )


def judge_document(queue: str, asked: argparse.Namespace) -> Iterator[Row]:
    """Hold the OpenAPI document against the server."""
    program = shutil.which("schemathesis") or shutil.which("schemathesis", path=str(Path(sys.executable).parent))
    if program is None:
        yield Row("OpenAPI against the server", queue, "schemathesis is not installed", "no failure")
        return
    with running(queue, 1) as run:
        command = [program, "run", f"{run.url}/openapi.json", "--max-examples", str(asked.examples), "--no-color"]
        command += ["--exclude-path-regex", "/stream/", "--exclude-checks", "positive_data_acceptance"]
        ended = subprocess.run(command, capture_output=True, text=True, check=False, cwd=run.folder)
        if ended.returncode:
            sys.stderr.write(ended.stdout)
        tested = re.findall(r"(?:Test cases|generated|passed)[^\n]*", ended.stdout)
        said = "no failure" if ended.returncode == 0 else "FAILURES"
        yield Row("OpenAPI against the server", queue, f"{said} ({'; '.join(tested[-2:])})", "no failure")


def _wait_for(run: Run, ids: list[str]) -> None:
    """Wait until all jobs are done or failed, whatever becomes of the server meanwhile."""

    def is_over() -> bool:
        queue = run.ask("GET", "/jobs?n=0")
        return queue is not None and queue["done"] + queue["failed"] >= len(ids)

    _wait(is_over, _JOB_SECONDS)


def _results(run: Run, ids: list[str]) -> str:
    """Say how many jobs are done, how many results counted, and how often one was begun again."""
    jobs = run.place.open_jobs()
    n_done = sum((job := jobs.find(id)) is not None and job.state is State.DONE for id in ids)
    n_results = sum(jobs.result(id) is not None for id in ids)
    totals = jobs.totals()
    return (
        f"{n_done} of {len(ids)} done, {n_results} results, {totals['done']} counted, {totals['retried']} begun again, "
        f"{totals['failed']} failed"
    )


def _first_byte(url: str, n_bytes: int) -> float:
    """Return the seconds until so many bytes of an answer's body are there."""
    began = time.perf_counter()
    with urllib.request.urlopen(url, timeout=60.0) as answer:
        answer.read(n_bytes)
        return time.perf_counter() - began


@contextlib.contextmanager
def _bare_route(folder: Path) -> Iterator[str]:
    """Yield the address of a route that does nothing, of a FastAPI of its own: what the machine makes possible."""
    port = _free_port()
    program = (
        "import fastapi, uvicorn\napp = fastapi.FastAPI()\n"
        "@app.get('/')\ndef answer() -> list[int]:\n    return [1]\n"
        f"uvicorn.run(app, port={port}, loop='asyncio', http='h11', log_level='critical', access_log=False)"
    )
    process = _start([sys.executable, "-c", program], folder / "bare.txt")
    try:
        url = f"http://127.0.0.1:{port}/"
        _wait(lambda: _is_answered(url), 60.0)
        yield url
    finally:
        process.kill()
        process.wait()


def _is_answered(url: str) -> bool:
    with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=60.0):
        return True
    return False


def _p99(seconds: Sequence[float]) -> float:
    return sorted(seconds)[min(int(0.99 * len(seconds)), len(seconds) - 1)]


def _start(command: list[str], words: Path) -> subprocess.Popen[bytes]:
    with words.open("ab") as said:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=said, stderr=said)


def _wait(is_so: Callable[[], bool], seconds: float) -> None:
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        with contextlib.suppress(TypeError):  # there is no answer yet
            if is_so():
                return
        time.sleep(0.1)
    raise SystemExit("it takes too long")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def _listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1.0) as asking:
        asking.sendall(b"PING\r\n")
        return asking.recv(16) == b"+PONG\r\n"
    return False


def _children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text().split()]


def _command(pid: int) -> bytes:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


def _resident_mib(pid: int) -> float:
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) / 1024 if found else 0.0


JUDGES: Final = {
    "scaling": judge_scaling,
    "kills": judge_kills,
    "restart": judge_restart,
    "away": judge_away,
    "idle": judge_idle,
    "clients": judge_clients,
    "document": judge_document,
}


def main() -> None:
    """Judge what the arguments say."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", choices=list(JUDGES), default=list(JUDGES))
    parser.add_argument("--queue", nargs="*", choices=("embedded", "redis"), default=["embedded", "redis"])
    parser.add_argument("--renders", type=int, default=60)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--turns", type=int, default=2, help="how often one worker and two render, in turns")
    parser.add_argument("--jobs", type=int, default=500)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--every", type=float, default=5.0, help="longest time between two kills")
    parser.add_argument("--away", type=float, default=30.0)
    parser.add_argument("--clients-seconds", type=float, default=60.0)
    parser.add_argument("--requests", type=int, default=300, help="of an idle service")
    parser.add_argument("--examples", type=int, default=50)
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # whoever stops this stops what it started, too
    sys.stdout.write(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores\n")
    sys.stdout.write("| what | queue | measured | bar |\n| --- | --- | --- | --- |\n")
    for name in asked.only:
        for queue in asked.queue:
            for row in JUDGES[name](queue, asked):
                sys.stdout.write(f"| {row.what} | {row.queue} | {row.measured} | {row.bar} |\n")
                sys.stdout.flush()


if __name__ == "__main__":
    main()
