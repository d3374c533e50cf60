"""The queue that needs nothing else: a file of SQLite, with write-ahead logging, and a folder of results.

A result is a folder that gets its name by one rename, before its job is said to be done. So however a process ends,
there is either the whole result of one attempt or none.
"""

import json
import secrets
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from livegen.errors import QueueError
from livegen.serve.jobs.order import Order, parse_order
from livegen.serve.jobs.port import BEAT_SECONDS, MAX_ATTEMPTS, SILENCE_SECONDS, Attempt, Job, Perform, Result, State

_POLL_SECONDS: Final = 0.05
_PATIENCE_SECONDS: Final = 30.0  # how long a write may wait for those of others
_SCORE: Final = "score.mid"
_REGISTERS: Final = "registers.vgm"

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS jobs (
    id TEXT PRIMARY KEY, work TEXT NOT NULL, model TEXT NOT NULL, client TEXT NOT NULL, state TEXT NOT NULL,
    created REAL NOT NULL, used REAL NOT NULL, progress REAL NOT NULL DEFAULT 0, attempts INTEGER NOT NULL DEFAULT 0,
    error TEXT NOT NULL DEFAULT '', token TEXT NOT NULL DEFAULT '', heard REAL NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS by_state ON jobs (state, created);
CREATE TABLE IF NOT EXISTS totals (name TEXT PRIMARY KEY, n INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS workers (name TEXT PRIMARY KEY, models TEXT NOT NULL, heard REAL NOT NULL);
"""
_COLUMNS: Final = "id, work, state, created, progress, attempts, error"
_OPEN: Final = "('queued', 'running')"


class EmbeddedJobs:
    """A `livegen.serve.jobs.port.Jobs` in a folder, which the server and its workers share.

    Parameters
    ----------
    folder : Path
        Is made if it is not there.
    """

    def __init__(self, folder: Path) -> None:
        self._results = folder / "results"
        self._file = folder / "jobs.sqlite"
        self._local = threading.local()
        try:
            self._results.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise QueueError(f"{folder} cannot be used ({error.strerror}): give another one with --folder") from error
        with self._write() as db:
            for statement in filter(str.strip, _TABLES.split(";")):
                db.execute(statement)

    def submit(self, order: Order, client: str) -> Job:
        """Return the job of an order; see the port."""
        now, id = time.time(), order.id
        with self._write() as db:
            db.execute(
                "INSERT INTO jobs (id, work, model, client, state, created, used) VALUES (?, ?, ?, ?, 'queued', ?, ?) "
                "ON CONFLICT (id) DO UPDATE SET state = 'queued', error = '', attempts = 0, progress = 0, "
                "created = excluded.created, used = excluded.used, client = excluded.client WHERE state = 'failed'",
                (id, order.model_dump_json(), order.model, client, now, now),
            )
            return _job(db.execute(f"SELECT {_COLUMNS} FROM jobs WHERE id = ?", (id,)).fetchone())

    def find(self, id: str) -> Job | None:
        """Return a job, or None if there is none."""
        with self._read() as db:
            row = db.execute(f"SELECT {_COLUMNS} FROM jobs WHERE id = ?", (id,)).fetchone()
        return None if row is None else _job(row)

    def recent(self, n: int) -> Sequence[Job]:
        """Return the newest jobs, the newest first."""
        with self._read() as db:
            rows = db.execute(f"SELECT {_COLUMNS} FROM jobs ORDER BY created DESC, rowid DESC LIMIT ?", (n,))
            return [_job(row) for row in rows]

    def counts(self) -> Mapping[State, int]:
        """Return how many jobs there are in each state."""
        with self._read() as db:
            found = dict(db.execute("SELECT state, count(*) FROM jobs GROUP BY state"))
        return {state: found.get(state.value, 0) for state in State}

    def n_open(self, client: str) -> int:
        """Return how many jobs of a client are queued or running."""
        with self._read() as db:
            asked = f"SELECT count(*) FROM jobs WHERE client = ? AND state IN {_OPEN}"
            return int(db.execute(asked, (client,)).fetchone()[0])

    def totals(self) -> Mapping[str, int]:
        """Return counts since the queue was made: done, failed, retried, refused."""
        with self._read() as db:
            found = dict(db.execute("SELECT name, n FROM totals"))
        return {name: found.get(name, 0) for name in ("done", "failed", "retried", "refused")}

    def forget(self, id: str) -> bool:
        """Cancel or delete a job; see the port."""
        with self._write() as db:
            is_there = db.execute("DELETE FROM jobs WHERE id = ?", (id,)).rowcount > 0
            shutil.rmtree(self._results / id, ignore_errors=True)  # within, so that none of another job of it is lost
        return is_there

    def result(self, id: str) -> Result | None:
        """Return what a job has made, and note that it was fetched."""
        with self._write() as db:
            if not db.execute("UPDATE jobs SET used = ? WHERE id = ? AND state = 'done'", (time.time(), id)).rowcount:
                return None
        with suppress(FileNotFoundError):  # deleted meanwhile
            return Result(*((self._results / id / name).read_bytes() for name in (_SCORE, _REGISTERS)))
        return None

    def tend(self, keep_seconds: float) -> None:
        """Give jobs of silent workers to others, and delete what nobody fetches; see the port."""
        now = time.time()
        silent = "state = 'running' AND heard < ?"
        with self._write() as db:
            # a worker that died between its result and saying so
            for (id,) in db.execute(f"SELECT id FROM jobs WHERE {silent}", (now - SILENCE_SECONDS,)).fetchall():
                if (self._results / id).is_dir():
                    db.execute("UPDATE jobs SET state = 'done', progress = 1, used = ? WHERE id = ?", (now, id))
                    _count(db, "done")
            lost = f"its worker fell silent {MAX_ATTEMPTS} times: is there enough memory?"
            ended = db.execute(
                f"UPDATE jobs SET state = 'failed', error = ?, used = ? WHERE {silent} AND attempts >= ?",
                (lost, now, now - SILENCE_SECONDS, MAX_ATTEMPTS),
            ).rowcount
            again = db.execute(
                f"UPDATE jobs SET state = 'queued', progress = 0 WHERE {silent}", (now - SILENCE_SECONDS,)
            ).rowcount
            _count(db, "failed", ended)
            _count(db, "retried", again)
            old = f"FROM jobs WHERE state NOT IN {_OPEN} AND used < ?"
            gone = db.execute(f"SELECT id {old}", (now - keep_seconds,)).fetchall()
            db.execute(f"DELETE {old}", (now - keep_seconds,))
            db.execute("DELETE FROM workers WHERE heard < ?", (now - SILENCE_SECONDS,))
            for (id,) in gone:
                shutil.rmtree(self._results / id, ignore_errors=True)
        for part in self._results.glob("*.part"):  # of attempts that were killed while they wrote
            with suppress(OSError):
                if part.stat().st_mtime < time.time() - 6 * SILENCE_SECONDS:
                    shutil.rmtree(part, ignore_errors=True)

    def workers(self) -> Mapping[str, Sequence[str] | None]:
        """Return the workers that are there, and the models that each takes."""
        with self._read() as db:
            rows = db.execute("SELECT name, models FROM workers WHERE heard >= ?", (time.time() - SILENCE_SECONDS,))
            return {name: json.loads(models) for name, models in rows}

    def beat(self, attempt: Attempt, progress: float) -> bool:
        """Say that a worker is at work; see the port."""
        with self._write() as db:
            is_own = db.execute(
                "UPDATE jobs SET heard = ?, progress = ? WHERE id = ? AND state = 'running' AND token = ?",
                (time.time(), progress, attempt.id, attempt.token),
            ).rowcount
            name = attempt.token.partition(":")[0]
            db.execute("UPDATE workers SET heard = ? WHERE name = ?", (time.time(), name))
        return is_own > 0

    def finish(self, attempt: Attempt, result: Result) -> bool:
        """Give in the result; see the port."""
        part = self._results / f"{attempt.id}.{attempt.token.replace(':', '.')}.part"
        try:
            part.mkdir()
            (part / _SCORE).write_bytes(result.score)
            (part / _REGISTERS).write_bytes(result.registers)
            with self._write() as db:
                own = "WHERE id = ? AND state = 'running' AND token = ?"
                if db.execute(f"SELECT 1 FROM jobs {own}", (attempt.id, attempt.token)).fetchone() is None:
                    return False
                shutil.rmtree(self._results / attempt.id, ignore_errors=True)  # of one that was forgotten half
                part.rename(self._results / attempt.id)
                db.execute(
                    f"UPDATE jobs SET state = 'done', progress = 1, used = ? {own}",
                    (time.time(), attempt.id, attempt.token),
                )
                _count(db, "done")
            return True
        except OSError as error:
            self.fail(attempt, f"the result cannot be written ({error.strerror}): is there room on the disk?")
            return False
        finally:
            shutil.rmtree(part, ignore_errors=True)

    def fail(self, attempt: Attempt, sentence: str) -> None:
        """Give a job up for good."""
        with self._write() as db:
            n_failed = db.execute(
                "UPDATE jobs SET state = 'failed', error = ?, used = ? "
                "WHERE id = ? AND state = 'running' AND token = ?",
                (sentence, time.time(), attempt.id, attempt.token),
            ).rowcount
            _count(db, "failed", n_failed)

    def work(
        self, name: str, models: Sequence[str] | None, perform: Perform, is_asked_to_leave: Callable[[], bool]
    ) -> None:
        """Perform one job after another; see the port."""
        greeted = 0.0
        while not is_asked_to_leave():
            if time.monotonic() - greeted > BEAT_SECONDS:
                greeted = time.monotonic()
                self._greet(name, models)
            attempt = self.begin(name, models)
            if attempt is None:
                time.sleep(_POLL_SECONDS)
            else:
                perform(attempt)

    def begin(self, name: str, models: Sequence[str] | None) -> Attempt | None:
        """Return the oldest job that waits for one of these models, now begun; None if none waits."""
        wanted = "" if models is None else f"AND model IN ({','.join('?' * len(models))})"
        oldest = f"SELECT id, work FROM jobs WHERE state = 'queued' {wanted} ORDER BY created, rowid LIMIT 1"
        with self._read() as db:  # most often there is none, and readers wait for nobody
            if db.execute(oldest, models or ()).fetchone() is None:
                return None
        token = f"{name}:{secrets.token_hex(8)}"
        with self._write() as db:
            row = db.execute(oldest, models or ()).fetchone()
            if row is None:
                return None
            db.execute(
                "UPDATE jobs SET state = 'running', token = ?, heard = ?, attempts = attempts + 1 WHERE id = ?",
                (token, time.time(), row[0]),
            )
        return Attempt(row[0], parse_order(row[1]), token)

    def _greet(self, name: str, models: Sequence[str] | None) -> None:
        with self._write() as db:
            db.execute(
                "INSERT OR REPLACE INTO workers VALUES (?, ?, ?)",
                (name, json.dumps(None if models is None else list(models)), time.time()),
            )

    @contextmanager
    def _read(self) -> Iterator[sqlite3.Connection]:
        try:
            yield self._connection()
        except sqlite3.Error as error:
            raise QueueError(f"{self._file} cannot be read ({error}): is there room on the disk?") from error

    @contextmanager
    def _write(self) -> Iterator[sqlite3.Connection]:
        """Yield the database for changes that all count or none, while nobody else writes."""
        try:
            db = self._connection()
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
            except BaseException:
                db.execute("ROLLBACK")
                raise
            db.execute("COMMIT")
        except sqlite3.Error as error:
            raise QueueError(f"{self._file} cannot be written ({error}): is there room on the disk?") from error

    def _connection(self) -> sqlite3.Connection:
        """Return this thread's connection."""
        if not hasattr(self._local, "db"):
            db = sqlite3.connect(self._file, timeout=_PATIENCE_SECONDS, isolation_level=None)
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = NORMAL")
            self._local.db = db
        connection: sqlite3.Connection = self._local.db
        return connection


def _job(row: tuple) -> Job:
    id, order, state, created, progress, attempts, error = row
    return Job(id, parse_order(order), State(state), created, progress, attempts, error)


def _count(db: sqlite3.Connection, name: str, n: int = 1) -> None:
    if n > 0:
        db.execute("INSERT INTO totals VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET n = n + excluded.n", (name, n))
