"""Parts of a service for tests: orders, queues whose clock is moved by hand, models that need no check."""

import os
import shutil
import sqlite3
from pathlib import Path
from typing import Any, NoReturn, Protocol

import pytest
import redis

from livegen.errors import CheckpointError
from livegen.serve.jobs.embedded import EmbeddedJobs
from livegen.serve.jobs.order import Order, Prediction
from livegen.serve.jobs.port import Attempt, Jobs, Result
from livegen.serve.jobs.rq import RqJobs
from livegen.serve.shelf.check import verdict
from livegen.serve.shelf.shelf import Model, describe, hash_of

RESULT = Result(b"a score", b"what was written to the chip")

SILENCE_SECONDS = 1000.0
"""How long a worker may be silent in tests: the clock is moved by hand, and what they wait for on a busy machine is
nothing beside it.
"""


def give_up(reason: str) -> NoReturn:
    """Skip, or fail where the environment says that no test of the service may be skipped."""
    if os.environ.get("LIVEGEN_SERVE") == "1":
        pytest.fail(f"LIVEGEN_SERVE is set, but {reason}")
    pytest.skip(reason)


def order(model: str = "tiny", model_hash: str = "0" * 64, **asked: Any) -> Order:
    """Return an order; one with the same seed is the same."""
    return Order(
        model=model, kind="lstm", model_hash=model_hash, prediction=Prediction(**{"seconds": 0.5, "seed": 1, **asked})
    )


def order_of(model: Model, **asked: Any) -> Order:
    """Return an order for a model on a shelf."""
    return order(model.name, model.hash, **asked)


def put_on_shelf(shelf: Path, model: Path, name: str) -> Model:
    """Copy a model to where a shelf keeps those that it was given."""
    folder = shelf / hash_of(model) / name
    shutil.copytree(model, folder)
    return describe(folder, is_own=False)


def check_here(folder: Path) -> None:
    """Check a model in this process, for one that loads the compiler takes seconds."""
    if said := verdict(folder):
        raise CheckpointError(said)


class Queued(Protocol):
    """A queue of any kind."""

    jobs: Jobs

    def begin(self, order: Order, worker: str = "w") -> Attempt | None:
        """Begin a job as a worker does that gets it."""
        ...

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        ...


class Embedded:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.jobs = EmbeddedJobs(folder)

    def begin(self, order: Order, worker: str = "w") -> Attempt | None:
        return self.jobs.begin(worker, [order.model])

    def wait(self, seconds: float) -> None:
        """Move all times back."""
        with sqlite3.connect(self._folder / "jobs.sqlite") as db:
            db.execute("UPDATE jobs SET created = created - ?1, used = used - ?1, heard = heard - ?1", (seconds,))
            db.execute("UPDATE workers SET heard = heard - ?", (seconds,))
        db.close()


class OnRedis:
    def __init__(self, url: str) -> None:
        self._redis = redis.Redis.from_url(url)
        self.jobs = RqJobs(url)

    def emptied(self) -> "OnRedis":
        """Delete all that there is on the server."""
        self._redis.flushall()
        return self

    def begin(self, order: Order, worker: str = "w") -> Attempt | None:
        return self.jobs.begin(order, worker)

    def wait(self, seconds: float) -> None:
        """Move all times back; those of Redis's own clock cannot be moved on."""
        for name in ("queued", "running", "done", "failed", "workers"):
            for member, _ in self._redis.zrange(f"livegen:{name}", 0, -1, withscores=True):
                self._redis.zadd(f"livegen:{name}", {member: -seconds}, xx=True, incr=True)  # unless it is gone by now
