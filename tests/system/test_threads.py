"""Real-time priority, where the system grants it: for threads, and not for what they start."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable

import pytest
from waiting import wait_until

from livegen.system.threads import cpu_clock, least_priority, raise_priority

if not hasattr(os, "SCHED_RESET_ON_FORK"):
    pytest.skip("only Linux has it", allow_module_level=True)


def policy_of(number: int) -> int:
    return os.sched_getscheduler(number) & ~os.SCHED_RESET_ON_FORK


def needs_real_time() -> None:
    with least_priority() as is_granted:
        if not is_granted:
            pytest.skip("the system grants no real-time priority")


def test_the_least_priority_lasts_as_long_as_the_body_and_is_under_that_of_who_is_in_a_hurry() -> None:
    needs_real_time()
    before = policy_of(0)
    with least_priority():
        assert policy_of(0) == os.SCHED_FIFO
        least = os.sched_getparam(0).sched_priority
    assert policy_of(0) == before
    found: list[int] = []
    hurried = threading.Thread(target=lambda: found.extend((raise_priority(), os.sched_getparam(0).sched_priority)))
    hurried.start()
    hurried.join()
    assert found[0]
    assert found[1] > least


def test_a_process_that_is_started_meanwhile_does_not_inherit_it() -> None:
    needs_real_time()
    with least_priority():
        script = "import os; print(os.sched_getscheduler(0))"
        said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert int(said) == os.SCHED_OTHER


def test_a_thread_s_time_of_the_processor_is_its_own() -> None:
    """One that works takes time, one that waits takes next to none, and of one that has ended nothing is known."""
    over = threading.Event()
    clocks: dict[str, Callable[[], int]] = {}

    def run(name: str, work: Callable[[], object]) -> None:
        clocks[name] = cpu_clock(threading.get_ident())
        while not over.is_set():
            work()

    works = {"busy": lambda: sum(range(1000)), "idle": lambda: over.wait(1.0)}
    threads = [threading.Thread(target=run, args=each, daemon=True) for each in works.items()]
    for thread in threads:
        thread.start()
    assert wait_until(lambda: len(clocks) == 2 and clocks["busy"]() > 20_000_000)
    assert clocks["idle"]() < clocks["busy"]()
    over.set()
    for thread in threads:
        thread.join(5.0)
    assert wait_until(lambda: clocks["busy"]() == 0)  # the system ends it a moment after Python does
