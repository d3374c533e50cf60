"""The log of plans and what it tells: by themselves, and of a session on the null clock."""

import struct
import time
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hash_engine import HashEngine
from waiting import wait_until

from livegen.engines.cast import Cast
from livegen.events import ClockTick, Event, NoteOff, NoteOn, SetControl, StampedEvent
from livegen.patch import load_patch
from livegen.performance.turn import FrameReport
from livegen.session.build import build_session
from livegen.session.pacing.diagnosis import PLAN, REASONS, diagnose, rows_of
from livegen.session.pacing.plans import COLUMNS, N_PLANS, Cause, PlanLog
from livegen.session.settings import Settings

MS = 1_000_000
FRAME_NS = 1_000_000_000 / 24
BLOCK_SECONDS = 0.003
MARGIN_NS = 8 * MS
"""A block, and the 5 ms that `livegen bench` and the guides tell of."""


def report(frame: int, *events: tuple[Event, int]) -> FrameReport:
    stamped = tuple(StampedEvent(event, "test", float(frame)) for event, _ in events)
    return FrameReport(frame, stamped, tuple(time_ns for _, time_ns in events), (), Cast("hash"), HashEngine())


def logged(log: PlanLog) -> np.ndarray:
    return np.frombuffer(log.read(), PLAN)


def kept(log: PlanLog, told: FrameReport, *, due_frame: int | None = None, sounds_ns: int = 0) -> Any:
    log.begin(0, 0.0, sounds_ns / 1e9)
    log.answer()
    log.plan()
    log.end(told, told.horizon if due_frame is None else due_frame, told.horizon + 12, BLOCK_SECONDS)
    return logged(log)[-1]


def test_the_last_thousand_are_kept_the_oldest_first() -> None:
    log = PlanLog()
    assert log.read() == b""
    for frame in range(N_PLANS + 7):
        kept(log, report(frame))
    assert logged(log)["frame"].tolist() == list(range(7, N_PLANS + 7))
    assert set(logged(log)["cause"].tolist()) == {Cause.BOUNDARY}
    assert (logged(log)["end_frame"] == logged(log)["frame"] + 12).all()


@pytest.mark.parametrize(
    ("events", "cause"),
    [
        ([ClockTick()], Cause.BEAT),
        ([ClockTick(), SetControl("temperature", 0.5)], Cause.CONTROL),
        ([NoteOff(0, 60), SetControl("temperature", 0.5)], Cause.KEY),
    ],
)
def test_the_weightiest_event_is_what_a_plan_was_made_for(events: list[Event], cause: Cause) -> None:
    row = kept(PlanLog(), report(5, *((event, 10**12) for event in events)), sounds_ns=10**12)
    assert (row["cause"], row["events"], row["keys"]) == (cause, len(events), cause is Cause.KEY)


@pytest.mark.parametrize(("early_ns", "n_frames"), [(1, 0), (-1, 1), (-FRAME_NS, 2)])
def test_a_key_is_missed_if_an_earlier_frame_began_late_enough_after_it(early_ns: float, n_frames: int) -> None:
    """The frame before begins just under, or just over, a block and 5 ms after the key."""
    before_ns = 10**12
    time_ns = before_ns - MARGIN_NS + round(early_ns)
    row = kept(PlanLog(), report(9, (NoteOn(0, 60, 100), time_ns)), sounds_ns=before_ns + round(FRAME_NS))
    assert (row["missed_keys"], row["frame"] - row["possible_frame"]) == (n_frames > 0, n_frames)


def test_a_plan_that_came_too_late_is_for_a_later_frame_which_sounds_later() -> None:
    row = kept(PlanLog(), report(9), due_frame=8, sounds_ns=10**12)
    assert (row["is_late"], row["frame"]) == (1, 9)
    assert row["sounds_ns"] == 10**12 + round(FRAME_NS)


def test_what_other_threads_and_the_collector_took_is_of_the_plan_alone_in_which_they_did() -> None:
    taken = SimpleNamespace(garbage=5, page=100, link=7)
    log = PlanLog(lambda: taken.garbage)
    log.watch("stage out", lambda: taken.page)
    log.watch("link", lambda: taken.link)
    log.watch("desk", lambda: 1 / 0)  # nobody asks what that takes
    kept(log, report(1))
    taken.garbage, taken.page, taken.link = 25, 130, 8
    row = kept(log, report(2))
    assert (row["garbage_ns"], row["page_ns"], row["link_ns"]) == (20, 30, 1)
    assert not any(kept(log, report(3))[["garbage_ns", "page_ns", "link_ns"]].tolist())


def test_quick_answers_leave_room_and_a_slow_one_none_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    log, now_ns = PlanLog(), 10**12
    assert log.room_seconds(0.0045) == pytest.approx(0.0035)

    def answer(ms: float, *events: tuple[Event, int]) -> float:
        monkeypatch.setattr(time, "perf_counter_ns", lambda: now_ns + round(ms * MS))
        log.begin(now_ns, 0.0, 0.0)
        log.answer()
        log.end(report(1, *events), 1, 13, BLOCK_SECONDS)
        return log.room_seconds(0.0045)

    key = (NoteOn(0, 60, 100), now_ns)
    assert answer(2.0, key) == pytest.approx(0.001)
    assert answer(4.0) > 0.001  # nothing had come in: that is no answer
    assert answer(4.0, key) == 0.0
    rooms = [answer(1.0, key) for _ in range(200)]
    assert rooms == sorted(rooms)
    assert rooms[-1] == pytest.approx(0.00225)


def even_plans(n: int = 20) -> np.ndarray:
    """Return plans that all began .1 ms late and had their first frame after 2 ms, of which they worked 1.5."""
    plans = np.zeros(n, PLAN)
    plans["frame"] = plans["possible_frame"] = np.arange(n)
    plans["due_ns"] = 10**12 + np.round(np.arange(n) * FRAME_NS).astype(np.int64)
    for column, after_ms in (("began", 0.1), ("answered", 2.1), ("planned", 14), ("ended", 15), ("sounds", 7)):
        plans[f"{column}_ns"] = plans["due_ns"] + round(after_ms * MS)
    plans["answer_own_ns"] = round(1.5 * MS)
    return plans


def hold_up(
    plans: np.ndarray,
    i: int,
    *,
    before: float = 0,
    wake_up: float = 0,
    wait: float = 0,
    own: float = 0,
    rehearsal: float = 0,
) -> None:
    """Let a plan be late by some milliseconds."""
    plans["ended_ns"][i - 1] = max(plans["ended_ns"][i - 1], plans["due_ns"][i] + round(before * MS))
    plans["rehearsed_ns"][i] = plans["due_ns"][i] + round(rehearsal * MS)
    plans["began_ns"][i] += round((before + rehearsal + wake_up) * MS)
    plans["answered_ns"][i] += round((before + rehearsal + wake_up + wait + own) * MS)
    plans["answer_own_ns"][i] += round(own * MS)
    plans["is_late"][i] = 1


@pytest.mark.parametrize(
    ("held_up", "worked", "reason"),
    [
        ({"before": 9.0}, {}, "plan before"),
        ({"wake_up": 9.0}, {}, "wake-up"),
        ({"wait": 9.0}, {}, "interrupted"),
        ({"own": 9.0}, {}, "model"),
        ({"rehearsal": 9.0}, {}, "model"),
        ({"own": 9.0}, {"page": 8}, "model"),  # for it used its own time of the processor
        ({"wait": 9.0}, {"page": 8}, "page"),
        ({"wait": 9.0}, {"page": 3}, "interrupted"),
        ({"wake_up": 9.0}, {"page": 1, "link": 8}, "link"),
        ({"wake_up": 9.0, "wait": 1.0}, {"garbage": 8}, "garbage"),
        ({"own": 9.0}, {"garbage": 8}, "garbage"),  # on this very thread
    ],
)
def test_a_miss_is_laid_to_what_took_most_beyond_what_it_usually_takes(
    held_up: dict[str, float], worked: dict[str, int], reason: str
) -> None:
    plans = even_plans()
    hold_up(plans, 12, **held_up)
    for who, ms in worked.items():
        plans[f"{who}_ns"][12] = ms * MS
    found = diagnose(plans, int(plans["began_ns"][12]) + 2_000 * MS)
    assert (found.reasons, found.late) == ({reason: 1}, 1)
    (miss,) = found.misses
    assert (miss.frame, miss.seconds_ago, miss.reason) == (12, 2.0, reason)
    assert miss.reason in REASONS


@pytest.mark.parametrize(("after_ms", "reason"), [(1, "early"), (-1, "input")])
def test_a_key_that_was_missed_in_time_came_after_the_plan_or_was_handed_on_after_it(
    after_ms: int, reason: str
) -> None:
    plans = even_plans()
    plans["event_ns"][12] = plans["began_ns"][11] + after_ms * MS
    plans["possible_frame"][12], plans["keys"][12], plans["missed_keys"][12] = 11, 2, 1
    found = diagnose(plans, int(plans["began_ns"][-1]))
    assert (found.keys, found.keys_on_time, found.reasons) == (2, 1, {reason: 1})


def test_times_are_told_as_percentiles_and_no_plan_at_all_is_no_trouble() -> None:
    found = diagnose(even_plans()[::-1], 10**12)
    assert found.misses == ()
    assert found.begin_late_ms == {"p50": 0.1, "p99": 0.1, "max": 0.1}
    assert (found.answer_ms["p50"], found.plan_ms["p50"]) == (2.0, 13.9)
    assert sum(diagnose(even_plans()[:0], 0).plans.values()) == 0


def test_rows_of_another_version_are_refused() -> None:
    assert rows_of(COLUMNS, [[*range(len(COLUMNS))]])["link_ns"].tolist() == [len(COLUMNS) - 1]
    with pytest.raises(ValueError, match="columns"):
        rows_of(COLUMNS[1:], [])
    assert struct.calcsize(f"<{len(COLUMNS)}q") == PLAN.itemsize


def test_a_session_keeps_what_its_plans_took() -> None:
    settings = Settings(audio="null", midi_api="none", osc_port=0, seed=7)
    session = build_session(HashEngine(), load_patch("plain"), settings)
    session.start(lambda: None)
    try:
        assert wait_until(lambda: session.instrument.state.horizon >= 3)
        session.instrument.receive(NoteOn(0, 60, 100), "test")
        session.instrument.receive(SetControl("temperature", 0.5), "test")
        assert wait_until(lambda: len(logged(session.plans)) >= 12)
        plans = logged(session.plans)
        stands = {step.planned.frame_index for step in session.instrument.state.timeline.steps}
    finally:
        session.stop()
    assert (np.diff(plans["frame"]) >= 0).all()  # one that was late plans a frame which is planned once more when due
    assert set(plans["frame"].tolist()) <= stands
    order = [plans[f"{column}_ns"] for column in ("due", "began", "answered", "planned", "ended")]
    assert all((earlier <= later).all() for earlier, later in pairwise(order))
    assert (plans["sounds_ns"] - plans["due_ns"] >= MARGIN_NS / 2).all()
    assert (plans["end_frame"] > plans["frame"]).all()
    (pressed,) = np.flatnonzero(plans["keys"])
    assert (plans["cause"][pressed], plans["events"][pressed]) == (Cause.KEY, 2)
    assert plans["event_ns"][pressed] <= plans["began_ns"][pressed]
    assert set(np.delete(plans["cause"], pressed).tolist()) == {Cause.BOUNDARY}
    found = diagnose(plans, int(plans["ended_ns"][-1]))
    assert (found.keys, found.plans["key"]) == (1, 1)
