"""Time tags on this machine's clocks."""

import time

import pytest
from osc_packets import tag_in

from livegen.inputs.osc_time import IMMEDIATELY, WallClock, unix_ns_to_tag


@pytest.mark.parametrize("seconds", [0.05, 0.5, 1.0, 9.9])
def test_a_tag_ahead_is_due_then(seconds: float) -> None:
    due_ns = WallClock().due_ns(tag_in(seconds))
    assert due_ns is not None
    assert abs(due_ns - time.perf_counter_ns() - seconds * 1e9) < 20e6


@pytest.mark.parametrize("tag", [0, IMMEDIATELY])
def test_at_once_is_never_off(tag: int) -> None:
    clock = WallClock()
    assert (clock.due_ns(tag), clock.is_off(tag)) == (None, False)


@pytest.mark.parametrize(
    ("seconds", "is_off"), [(-0.2, False), (-9.0, False), (-11.0, True), (10.5, True), (3600.0, True)]
)
def test_what_is_late_or_too_far_is_due_at_once(seconds: float, is_off: bool) -> None:
    clock = WallClock()
    assert (clock.due_ns(tag_in(seconds)), clock.is_off(tag_in(seconds))) == (None, is_off)


def test_two_tags_are_as_far_apart_as_they_say() -> None:
    clock, first = WallClock(), tag_in(1.0)
    due_ns = [clock.due_ns(first + apart * (1 << 32) // 1000) for apart in (0, 250)]
    assert None not in due_ns
    assert abs(due_ns[1] - due_ns[0] - 250_000_000) < 2_000  # type: ignore[operator]


def test_a_tag_is_due_at_one_time_whenever_it_is_asked() -> None:
    clock, tag = WallClock(), tag_in(1.0)
    assert len({clock.due_ns(tag) for _ in range(500)}) == 1


def test_tags_count_anew_in_2036() -> None:
    before, after = unix_ns_to_tag(2_085_978_495 * 10**9), unix_ns_to_tag(2_085_978_497 * 10**9)
    assert before > 1 << 63 > after > IMMEDIATELY
