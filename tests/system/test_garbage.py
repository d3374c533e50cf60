"""The time that goes into garbage."""

import gc

from livegen.system.garbage import GarbageClock


def test_collections_are_timed_while_the_clock_runs_and_no_longer() -> None:
    clock = GarbageClock()
    gc.collect()
    assert clock.total_ns == 0
    with clock:
        gc.collect()
        once = clock.total_ns
        gc.collect()
        assert 0 < once < clock.total_ns
        known = clock.total_ns
    gc.collect()
    assert clock.total_ns == known
