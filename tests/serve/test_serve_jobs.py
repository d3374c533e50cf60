"""The port: both queues do the same, and whatever dies, a job has exactly one result."""

import threading
from pathlib import Path

from serve_parts import RESULT, SILENCE_SECONDS, Embedded, Queued, order

from livegen.serve.jobs.port import MAX_ATTEMPTS, Attempt, Result, State

OTHER = Result(b"another", b"one")
DAY_SECONDS = 86_400.0
MARGIN_SECONDS = 100.0
"""More than a test takes on the busiest machine."""


def begun(queued: Queued, seed: int = 1) -> Attempt:
    queued.jobs.submit(order(seed=seed), "c")
    attempt = queued.begin(order(seed=seed))
    assert attempt is not None
    return attempt


def test_a_job_is_played_once_and_its_result_stays(queued: Queued) -> None:
    first = queued.jobs.submit(order(), "c")
    assert (first.id, first.state, first.order) == (order().id, State.QUEUED, order())
    assert queued.jobs.submit(order(), "d") == first
    attempt = queued.begin(order())
    assert attempt is not None
    assert attempt.order == order()
    assert queued.begin(order()) is None
    assert queued.jobs.beat(attempt, 0.5)
    half = queued.jobs.find(first.id)
    assert half is not None
    assert (half.state, half.progress, half.attempts) == (State.RUNNING, 0.5, 1)
    assert queued.jobs.result(first.id) is None
    assert queued.jobs.finish(attempt, RESULT)
    assert queued.jobs.result(first.id) == RESULT
    done = queued.jobs.submit(order(), "c")
    assert (done.state, done.progress) == (State.DONE, 1.0)
    assert queued.begin(order()) is None
    assert queued.jobs.totals() == {"done": 1, "failed": 0, "retried": 0, "refused": 0}


def test_of_two_attempts_one_result_counts(queued: Queued) -> None:
    slow = begun(queued)
    queued.wait(SILENCE_SECONDS - MARGIN_SECONDS)
    queued.jobs.tend(DAY_SECONDS)
    assert queued.begin(order()) is None
    queued.wait(2 * MARGIN_SECONDS)
    queued.jobs.tend(DAY_SECONDS)
    quick = queued.begin(order(), "x")
    assert quick is not None
    assert not queued.jobs.beat(slow, 0.9)
    assert not queued.jobs.finish(slow, OTHER)
    queued.jobs.fail(slow, "it was not so")
    assert queued.jobs.finish(quick, RESULT)
    assert not queued.jobs.finish(quick, OTHER)
    assert queued.jobs.result(order().id) == RESULT
    assert queued.jobs.totals() == {"done": 1, "failed": 0, "retried": 1, "refused": 0}


def test_a_beat_is_heard(queued: Queued) -> None:
    attempt = begun(queued)
    for _ in range(3):
        queued.wait(SILENCE_SECONDS - MARGIN_SECONDS)
        assert queued.jobs.beat(attempt, 0.1)
        queued.jobs.tend(DAY_SECONDS)
    assert queued.jobs.finish(attempt, RESULT)


def test_a_job_that_ends_its_workers_fails_in_the_end(queued: Queued) -> None:
    queued.jobs.submit(order(), "c")
    for _ in range(MAX_ATTEMPTS):
        assert queued.begin(order()) is not None
        queued.wait(SILENCE_SECONDS + MARGIN_SECONDS)
        queued.jobs.tend(DAY_SECONDS)
    assert queued.begin(order()) is None
    job = queued.jobs.find(order().id)
    assert job is not None
    assert (job.state, job.attempts) == (State.FAILED, MAX_ATTEMPTS)
    assert "silent" in job.error


def test_one_that_failed_is_begun_anew_when_it_is_asked_for_again(queued: Queued) -> None:
    attempt = begun(queued)
    queued.jobs.fail(attempt, "the model is gone")
    job = queued.jobs.find(order().id)
    assert job is not None
    assert (job.state, job.error) == (State.FAILED, "the model is gone")
    assert queued.jobs.n_open("c") == 0
    again = queued.jobs.submit(order(), "c")
    assert (again.state, again.error, again.attempts) == (State.QUEUED, "", 0)
    assert queued.begin(order()) is not None


def test_one_that_is_cancelled_is_gone(queued: Queued) -> None:
    attempt = begun(queued)
    assert queued.jobs.forget(attempt.id)
    assert not queued.jobs.forget(attempt.id)
    assert queued.jobs.find(attempt.id) is None
    assert not queued.jobs.beat(attempt, 0.5)
    assert not queued.jobs.finish(attempt, RESULT)
    assert queued.jobs.result(attempt.id) is None
    anew = begun(queued)
    assert not queued.jobs.finish(attempt, OTHER)
    assert queued.jobs.finish(anew, RESULT)
    assert queued.jobs.forget(anew.id)
    assert queued.jobs.result(anew.id) is None


def test_what_nobody_fetches_is_cleared_after_a_day(queued: Queued) -> None:
    for seed in (1, 2):
        assert queued.jobs.finish(begun(queued, seed), RESULT)
    queued.jobs.fail(begun(queued, 3), "no")
    waiting = queued.jobs.submit(order(seed=4), "c")
    queued.wait(DAY_SECONDS - MARGIN_SECONDS)
    queued.jobs.tend(DAY_SECONDS)
    assert queued.jobs.result(order(seed=1).id) == RESULT
    queued.wait(2 * MARGIN_SECONDS)
    queued.jobs.tend(DAY_SECONDS)
    assert queued.jobs.result(order(seed=1).id) == RESULT
    assert queued.jobs.find(order(seed=2).id) is None
    assert queued.jobs.find(order(seed=3).id) is None
    assert queued.jobs.find(waiting.id) is not None


def test_the_queue_is_shown(queued: Queued) -> None:
    for seed in (1, 2, 3):
        queued.jobs.submit(order(seed=seed), "c")
        queued.wait(0.001)
    assert queued.begin(order(seed=1)) is not None
    assert [job.order.prediction.seed for job in queued.jobs.recent(2)] == [3, 2]
    assert queued.jobs.recent(0) == []
    assert queued.jobs.counts() == {State.QUEUED: 2, State.RUNNING: 1, State.DONE: 0, State.FAILED: 0}
    assert (queued.jobs.n_open("c"), queued.jobs.n_open("d")) == (3, 0)


def test_jobs_are_begun_in_their_order_and_by_whom_they_are_for(tmp_path: Path) -> None:
    queued = Embedded(tmp_path)
    for model, seed in (("a", 1), ("b", 1), ("a", 2)):
        queued.jobs.submit(order(model, seed=seed), "c")
        queued.wait(1)
    begun = [queued.jobs.begin("w", models) for models in (["b"], None, None, ["b"])]
    assert [attempt and (attempt.order.model, attempt.order.prediction.seed) for attempt in begun] == [
        ("b", 1),
        ("a", 1),
        ("a", 2),
        None,
    ]


def test_a_worker_that_died_before_it_could_say_that_it_was_done_has_done_it(tmp_path: Path) -> None:
    queued = Embedded(tmp_path)
    attempt = begun(queued)
    (tmp_path / "results" / attempt.id).mkdir()  # what `finish` does before it says so
    queued.wait(SILENCE_SECONDS + MARGIN_SECONDS)
    queued.jobs.tend(DAY_SECONDS)
    job = queued.jobs.find(attempt.id)
    assert job is not None
    assert job.state is State.DONE


def test_of_many_at_once_each_job_is_begun_by_one(queued: Queued) -> None:
    for seed in range(20):
        queued.jobs.submit(order(seed=seed), "c")
    begun: list[Attempt | None] = []

    def work() -> None:
        begun.extend(queued.begin(order(seed=seed)) for seed in range(20))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(attempt.order.prediction.seed or 0 for attempt in begun if attempt is not None) == list(range(20))
