"""The queue for many machines: RQ on Redis hands out the jobs, and how each stands is a hash of ours beside them.

RQ's own job holds nothing but the order. A change of state is one script that Redis runs as a whole, so that of two
attempts one result counts. All times are those of Redis's clock, for machines disagree.
"""

import json
import secrets
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import redis
from rq import Queue
from rq.serializers import JSONSerializer

from livegen.errors import QueueError
from livegen.serve.jobs import scripts
from livegen.serve.jobs.guard import FUNCTION, WORKER_SECONDS, GuardedWorker, guarded_job
from livegen.serve.jobs.order import Order, parse_order
from livegen.serve.jobs.port import MAX_ATTEMPTS, SILENCE_SECONDS, Attempt, Job, Perform, Result, State
from livegen.serve.jobs.scripts import key
from livegen.serve.redis_door import connect, there

_LOOK_SECONDS: Final = 5.0  # how often jobs are looked for that RQ's queues have lost
_AGAIN_SECONDS: Final = 1.0
_FAILURE_SECONDS: Final = 60  # how long RQ keeps what it knows of a job that ended badly; the state is ours


class RqJobs:
    """A `livegen.serve.jobs.port.Jobs` on a Redis server.

    Parameters
    ----------
    url : str
        See `livegen.serve.redis_door.connect`.

    Raises
    ------
    QueueError
        If the address is none that may be used. The server itself need not be there yet.
    """

    def __init__(self, url: str) -> None:
        self._redis = connect(url)
        self._scripts = {name: self._redis.register_script(text) for name, text in scripts.TEXTS.items()}
        self._looked = 0.0
        self._looking = threading.Lock()

    def submit(self, order: Order, client: str) -> Job:
        """Return the job of an order; see the port."""
        id = order.id
        with there():
            is_new = self._run("submit", id, order.model_dump_json(), order.model, client, secrets.token_hex(8))
            if is_new:
                self._push(id, order)
        job = self.find(id)
        if job is None:
            raise QueueError(f"the job {id} was cancelled at this moment: ask again")
        return job

    def find(self, id: str) -> Job | None:
        """Return a job, or None if there is none."""
        with there():
            return _job(id, self._redis.hgetall(key("job", id)))

    def recent(self, n: int) -> Sequence[Job]:
        """Return the newest jobs, the newest first."""
        with there():
            ids = [id.decode() for id in self._redis.zrange(key("all"), 0, n - 1, desc=True)] if n else []
            pipeline = self._redis.pipeline(transaction=False)
            for id in ids:
                pipeline.hgetall(key("job", id))
            found = pipeline.execute()
        return [job for job in map(_job, ids, found) if job is not None]

    def counts(self) -> Mapping[State, int]:
        """Return how many jobs there are in each state."""
        with there():
            pipeline = self._redis.pipeline(transaction=False)
            for state in State:
                pipeline.zcard(key(state.value))
            return dict(zip(State, pipeline.execute(), strict=True))

    def n_open(self, client: str) -> int:
        """Return how many jobs of a client are queued or running."""
        with there():
            return int(self._redis.scard(key("open", client)))

    def totals(self) -> Mapping[str, int]:
        """Return counts since the queue was made: done, failed, retried, refused."""
        with there():
            found = self._redis.hgetall(key("totals"))
        return {name: int(found.get(name.encode(), 0)) for name in ("done", "failed", "retried", "refused")}

    def forget(self, id: str) -> bool:
        """Cancel or delete a job; see the port. RQ hands its order out still, and no worker begins it."""
        with there():
            return bool(self._run("forget", id))

    def result(self, id: str) -> Result | None:
        """Return what a job has made, and note that it was fetched."""
        with there():
            found = self._run("fetch", id)
        return Result(*found) if found else None

    def tend(self, keep_seconds: float) -> None:
        """Give jobs of silent workers to others, and delete what nobody fetches; see the port."""
        with there():
            lost = f"its worker fell silent {MAX_ATTEMPTS} times: is there enough memory?"
            again = self._run("tend", "", SILENCE_SECONDS, MAX_ATTEMPTS, lost, keep_seconds)
            for id in again:
                self._push_again(id.decode())
            with self._looking:
                if time.monotonic() - self._looked > _LOOK_SECONDS:
                    self._looked = time.monotonic()
                    self._find_lost()

    def workers(self) -> Mapping[str, Sequence[str] | None]:
        """Return the workers that are there, and the models that each takes."""
        with there():
            found = self._run("workers", "", SILENCE_SECONDS)
        return {name.decode(): json.loads(models) for name, models in zip(found[::2], found[1::2], strict=True)}

    def beat(self, attempt: Attempt, progress: float) -> bool:
        """Say that a worker is at work; see the port."""
        with there():
            return bool(self._run("beat", attempt.id, attempt.token, progress))

    def finish(self, attempt: Attempt, result: Result) -> bool:
        """Give in the result; see the port."""
        with there():
            return bool(self._run("finish", attempt.id, attempt.token, result.score, result.registers))

    def fail(self, attempt: Attempt, sentence: str) -> None:
        """Give a job up for good."""
        with there():
            self._run("fail", attempt.id, attempt.token, sentence)

    def begin(self, order: Order, worker: str) -> Attempt | None:
        """Return an order's job, now begun; None if it does not wait any more."""
        token = f"{worker}:{secrets.token_hex(8)}"
        with there():
            is_begun = self._run("begin", order.id, token)
        return Attempt(order.id, order, token) if is_begun else None

    def work(
        self, name: str, models: Sequence[str] | None, perform: Perform, is_asked_to_leave: Callable[[], bool]
    ) -> None:
        """Perform one job after another; see the port."""

        def play(text: str) -> None:
            try:
                attempt = self.begin(parse_order(text), name)
            except QueueError:
                return  # the job waits still, and is found when Redis is back
            if attempt is not None:
                perform(attempt)

        job_class = guarded_job(play, lambda: self._redis.hincrby(key("totals"), "refused", 1))
        said = json.dumps(None if models is None else list(models))
        while not is_asked_to_leave():  # each turn ends after some idle seconds: there may be new models
            try:
                worker = GuardedWorker(
                    [self._queue(model) for model in models or self._models()],
                    name=secrets.token_hex(8),
                    connection=self._redis,
                    job_class=job_class,
                    serializer=JSONSerializer,
                    worker_ttl=WORKER_SECONDS,
                )
                worker.serve(is_asked_to_leave, lambda: self._run("greet", "", name, said))
            except redis.RedisError:  # not there: it goes on when it is back
                time.sleep(_AGAIN_SECONDS)

    def _models(self) -> Sequence[str]:
        """Return the models of which there ever was a job: those are the queues."""
        found = self._redis.smembers(key("queues"))
        return sorted(name.decode() for name in found) or ["default"]

    def _queue(self, model: str) -> Queue:
        return Queue(f"livegen-{model}", connection=self._redis, serializer=JSONSerializer)

    def _push(self, id: str, order: Order) -> None:
        self._redis.sadd(key("queues"), order.model)
        self._queue(order.model).enqueue_call(
            FUNCTION,
            args=(order.model_dump_json(),),
            timeout=-1,  # a worker that is silent is noticed by us
            result_ttl=0,
            failure_ttl=_FAILURE_SECONDS,
            job_id=f"{id}-{secrets.token_hex(4)}",
            description=id,
        )

    def _push_again(self, id: str) -> None:
        job = self.find(id)
        if job is not None and job.state is State.QUEUED:
            self._push(id, job.order)

    def _find_lost(self) -> None:
        """Hand those jobs to RQ again that wait and are not in its queues: who took one has died before it began."""
        waiting = self._run("waiting", "", _LOOK_SECONDS)
        if not waiting:
            return
        there = {id.partition("-")[0] for model in self._models() for id in self._queue(model).get_job_ids()}
        for id in (each.decode() for each in waiting):
            if id not in there:
                self._push_again(id)

    def _run(self, name: str, id: str, *given: Any) -> Any:
        return self._scripts[name](keys=[id], args=list(given))


def _job(id: str, found: Mapping[bytes, bytes]) -> Job | None:
    if not found:
        return None
    return Job(
        id,
        parse_order(found[b"order"]),
        State(found[b"state"].decode()),
        float(found[b"created"]),
        float(found[b"progress"]),
        int(found[b"attempts"]),
        found[b"error"].decode(),
    )
