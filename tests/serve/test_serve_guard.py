"""The worker of the queue: it runs one function of ours, and whatever else is on the queue is refused and counted."""

import json
import os
import pickle
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis as redis_library
from redis_server import RedisServer, redis_server
from rq import Queue
from rq.serializers import JSONSerializer, PickleSerializer
from serve_parts import RESULT, order

from livegen.errors import QueueError
from livegen.serve.jobs.guard import FUNCTION, is_ours
from livegen.serve.jobs.port import Attempt, State
from livegen.serve.jobs.rq import RqJobs
from livegen.serve.redis_door import connect

OURS = [FUNCTION, None, [order().model_dump_json()], {}]


def packed(data: Any) -> dict[bytes, bytes]:
    return {b"data": zlib.compress(json.dumps(data).encode())}


def test_an_order_is_ours() -> None:
    assert is_ours(packed(OURS))


@pytest.mark.parametrize(
    "raw",
    [
        {},
        {b"data": b"no zlib"},
        {b"data": zlib.compress(pickle.dumps(("os.system", None, ("true",), {})))},
        {b"data": zlib.compress(b" " * (64 << 20))},
        {b"data": zlib.compress(b"[" * 1_000_000)},
        packed("x"),
        packed(["os.system", None, ["true"], {}]),
        packed(["os.system", None, [order().model_dump_json()], {}]),
        packed([FUNCTION, "os", [order().model_dump_json()], {}]),
        packed([FUNCTION, None, ["{}"], {}]),
        packed([FUNCTION, None, [order().model_dump_json()] * 2, {}]),
        packed([FUNCTION, None, [order().model_dump_json()], {"timeout": 1}]),
        {**packed(OURS), b"success_callback_name": b"os.getpid"},
        {**packed(OURS), b"failure_callback_name": b"os.getpid"},
        {**packed(OURS), b"stopped_callback_name": b"os.getpid"},
        {**packed(OURS), b"webhooks": b'[{"url": "http://192.0.2.1/"}]'},
    ],
)
def test_anything_else_is_not(raw: dict[bytes, bytes]) -> None:
    assert not is_ours(raw)


@pytest.fixture
def server(redis: RedisServer) -> Iterator[redis_library.Redis]:
    client = redis_library.Redis.from_url(redis.url)
    client.flushall()
    yield client
    client.close()


def test_what_names_another_function_is_refused_counted_and_not_run(
    redis: RedisServer, server: redis_library.Redis, tmp_path: Path
) -> None:
    made = tmp_path / "made"
    jobs = RqJobs(redis.url)
    for serializer in (PickleSerializer, JSONSerializer):
        queue = Queue("livegen-tiny", connection=server, serializer=serializer)
        queue.enqueue("os.mkdir", str(made))
        queue.enqueue(os.mkdir, str(made))
        queue.enqueue("livegen.serve.work.worker.run", 1)
    server.rpush("rq:queue:livegen-tiny", "a-job-that-is-not-there")
    jobs.submit(order(), "c")
    played: list[str] = []

    def play(attempt: Attempt) -> None:
        played.append(attempt.id)
        jobs.finish(attempt, RESULT)

    jobs.work("w", ["tiny"], play, lambda: bool(played))
    assert played == [order().id]
    assert not made.exists()
    assert jobs.totals()["refused"] == 6
    job = jobs.find(order().id)
    assert job is not None
    assert job.state is State.DONE
    assert [key for key in server.keys("rq:job:*") if b":results" not in key] == []


def test_an_order_that_nobody_asked_us_for_is_not_played(redis: RedisServer, server: redis_library.Redis) -> None:
    queue = Queue("livegen-tiny", connection=server, serializer=JSONSerializer)
    queue.enqueue_call(FUNCTION, args=(order(seed=99).model_dump_json(),))
    jobs = RqJobs(redis.url)
    jobs.submit(order(), "c")
    played: list[str] = []
    jobs.work("w", ["tiny"], lambda attempt: played.append(attempt.id), lambda: bool(played))
    assert played == [order().id]


def test_a_job_that_rq_has_lost_is_handed_out_again(redis: RedisServer, server: redis_library.Redis) -> None:
    jobs = RqJobs(redis.url)
    jobs.submit(order(), "c")
    assert server.delete("rq:queue:livegen-tiny") == 1  # a worker took it, and died before it began
    server.zincrby("livegen:queued", -60.0, order().id)
    jobs.tend(86_400.0)
    assert server.llen("rq:queue:livegen-tiny") == 1
    jobs.tend(86_400.0)
    assert server.llen("rq:queue:livegen-tiny") == 1


def test_while_redis_is_away_it_is_said_and_then_it_goes_on(tmp_path: Path) -> None:
    with redis_server(tmp_path) as server:
        jobs = RqJobs(server.url)
        job = jobs.submit(order(), "c")
        attempt = jobs.begin(order(), "w")
        assert attempt is not None
        server.kill()
        for ask in (jobs.counts, lambda: jobs.find(job.id), lambda: jobs.beat(attempt, 0.5)):
            with pytest.raises(QueueError, match="does not answer: try again"):
                ask()
        server.start()
        assert jobs.beat(attempt, 0.5)
        assert jobs.finish(attempt, RESULT)
        server.kill()
        server.start()
        assert jobs.result(job.id) == RESULT


@pytest.mark.parametrize(
    "url",
    ["redis://queue.example:6379", "redis://:secret@queue.example", "rediss://queue.example", "redis://0.0.0.0:1"],
)
def test_another_machine_needs_a_password_and_tls(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LIVEGEN_QUEUE_PASSWORD", raising=False)
    with pytest.raises(QueueError, match="give Redis TLS and a password") as refused:
        connect(url)
    assert "secret" not in str(refused.value)
    connect("rediss://:secret@queue.example")
    monkeypatch.setenv("LIVEGEN_QUEUE_PASSWORD", "secret")
    connect("rediss://queue.example")
    for here in ("redis://localhost", "redis://127.0.0.1:6379/0", "redis://[::1]:6379", "unix:///run/redis.sock"):
        connect(here)


@pytest.mark.parametrize("url", ["", "http://localhost", "redis://", "localhost:6379", "redis://[::1"])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(QueueError, match="is no Redis server: write redis://localhost:6379"):
        connect(url)


def test_a_password_is_asked_for(tmp_path: Path) -> None:
    with redis_server(tmp_path, ["--requirepass", "secret"]) as server:
        with pytest.raises(QueueError):
            RqJobs(server.url).counts()
        assert RqJobs(server.url.replace("redis://", "redis://:secret@")).counts()[State.DONE] == 0
