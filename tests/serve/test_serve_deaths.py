"""Workers that die at any moment, or are only slow: each job has exactly one result. The kills of real processes are
judged by `tools/judge_service.py`.
"""

import random
from collections import Counter

import pytest
from serve_parts import SILENCE_SECONDS, Queued, order

from livegen.serve.jobs.port import MAX_ATTEMPTS, Attempt, Result, State

N_JOBS = 20
DAY_SECONDS = 86_400.0


@pytest.mark.parametrize("seed", range(3))
def test_workers_that_die_lose_no_job_and_double_none(queued: Queued, seed: int) -> None:
    moment = random.Random(seed)
    orders = {each.id: each for each in (order(seed=number) for number in range(N_JOBS))}
    for each in orders.values():
        queued.jobs.submit(each, "c")
    alive: list[Attempt] = []
    silent: list[Attempt] = []  # killed, or so slow that nobody hears of them
    results: dict[str, Result] = {}
    n_deaths: Counter[str] = Counter()
    while len(results) < N_JOBS:
        what = moment.choice(("begin", "begin", "beat", "finish", "die", "wake"))
        if what == "begin":
            attempt = queued.begin(orders[moment.choice(sorted(orders))])
            alive += [] if attempt is None else [attempt]
        elif what == "wake" and silent:  # one that was slow after all: it counts if nobody has taken its place
            attempt = silent.pop(moment.randrange(len(silent)))
            result = Result(attempt.id.encode(), attempt.token.encode())
            if queued.jobs.finish(attempt, result):
                assert results.setdefault(attempt.id, result) is result
        elif alive:
            attempt = alive.pop(moment.randrange(len(alive)))
            if what == "beat":
                assert queued.jobs.beat(attempt, moment.random())
                alive.append(attempt)
            elif what == "finish":
                result = Result(attempt.id.encode(), attempt.token.encode())
                assert queued.jobs.finish(attempt, result)
                assert results.setdefault(attempt.id, result) is result
            elif n_deaths[attempt.id] < MAX_ATTEMPTS - 1:
                n_deaths[attempt.id] += 1
                silent.append(attempt)
                queued.wait(SILENCE_SECONDS * 2)
                assert all(queued.jobs.beat(other, 0.5) for other in alive)
                queued.jobs.tend(100 * DAY_SECONDS)
            else:
                alive.append(attempt)
    assert sum(n_deaths.values()) > N_JOBS / 2
    assert {id: queued.jobs.result(id) for id in orders} == results
    assert queued.jobs.counts() == {State.QUEUED: 0, State.RUNNING: 0, State.DONE: N_JOBS, State.FAILED: 0}
    assert queued.jobs.totals()["done"] == N_JOBS
