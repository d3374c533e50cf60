"""The inbox: what has a time to come waits for it, whatever else happens, and for nothing after a panic."""

import time
from collections.abc import Iterator

import numpy as np
import pytest
from hash_engine import HashEngine
from waiting import wait_until

from livegen.events import ControlChange, Event, NoteOff, NoteOn, SetControl, SourceLost
from livegen.outputs.callback import RING_SIZE, TIMED_RING
from livegen.patch import load_patch
from livegen.performance.turn import FrameReport
from livegen.session.build import build_session
from livegen.session.schedule import MAX_WAITING, Schedule
from livegen.session.session import Session
from livegen.session.settings import Settings

NS = 1_000_000_000
OSC = "osc:10.0.0.7"


@pytest.fixture
def session() -> Iterator[Session]:
    settings = Settings(audio="null", midi_api="none", osc_port=0, seed=7)
    session = build_session(HashEngine(), load_patch("plain"), settings)
    session.start(lambda: None)
    assert wait_until(lambda: session.instrument.state.horizon >= 12)  # the clock's fit stands
    yield session
    session.stop()
    assert session.status.faults == 0


@pytest.fixture
def reports(session: Session) -> list[FrameReport]:
    reports: list[FrameReport] = []
    session.observers.append(reports.append)
    return reports


def frames_of(reports: list[FrameReport], event: Event) -> list[tuple[int, int]]:
    """Return where an event lies, and the first frame that was planned on it."""
    return [
        (stamped.frame_index, report.horizon)
        for report in list(reports)
        for stamped in report.events
        if stamped.event == event
    ]


def test_a_bundle_takes_effect_whole_in_its_frame(session: Session, reports: list[FrameReport]) -> None:
    bundle = [SetControl("temperature", 0.25), SetControl("p2.role", "off"), NoteOn(0, 60, 100)]
    due_ns = time.perf_counter_ns() + NS // 2
    assert session.receive_together(bundle, OSC, due_ns)
    assert session.instrument.values["temperature"] != 0.25
    assert wait_until(lambda: bool(frames_of(reports, bundle[0])))
    assert wait_until(lambda: bool(session.instrument.held_keys))
    due_frame = int(session.clock.position_at(due_ns))
    for event in bundle:
        ((frame, horizon),) = frames_of(reports, event)
        assert frame == horizon
        assert abs(frame - due_frame) <= 1  # the fit of the clock moves a little


def test_keys_of_a_clock_are_as_far_apart_as_it_says_to_the_sample(session: Session) -> None:
    apart_ns = [0, 62_500_000, 125_000_000, 187_500_000, 400_000_000]
    expected = np.array(apart_ns) * session.clock.sample_rate / NS
    ring = session.instrument.callback["rings"][0, TIMED_RING]

    def are_exact() -> bool:
        first, first_ns = int(ring["written"][0]), time.perf_counter_ns() + NS // 4
        for key, apart in enumerate(apart_ns):
            session.receive_together([NoteOn(0, 60 + key, 100)], OSC, first_ns + apart)
        assert wait_until(lambda: int(ring["read"][0]) == first + len(apart_ns))
        samples = [int(ring["commands"][(first + n) % RING_SIZE]["sample"]) for n in range(len(apart_ns))]
        return bool(np.abs(np.array(samples) - samples[0] - expected).max() <= 1)

    # where the machine lets the null clock's blocks be late, the fit of the clock moves between two keys
    assert any(are_exact() for _ in range(6))


@pytest.mark.parametrize("panic", [SetControl("panic", True), ControlChange(0, 120, 0)])
def test_a_panic_clears_what_waits(session: Session, reports: list[FrameReport], panic: Event) -> None:
    due_ns = time.perf_counter_ns() + NS // 4
    session.receive_together([NoteOn(0, 60, 100)], OSC, due_ns)
    session.receive_together([SetControl("temperature", 0.25)], OSC, due_ns + NS // 50)
    session.receive(panic, "midi:keys")
    session.receive_together([SetControl("hold", True)], OSC, due_ns + NS // 10)  # comes after it
    assert wait_until(lambda: session.instrument.state.values["hold"] is True)
    assert frames_of(reports, NoteOn(0, 60, 100)) == []
    assert session.instrument.held_keys == ()
    assert session.instrument.values["temperature"] == session.instrument.state.values["temperature"] != 0.25


def test_a_panic_may_wait_too(session: Session) -> None:
    session.receive(NoteOn(0, 60, 100), "midi:keys")
    session.receive_together([SetControl("panic", True)], OSC, time.perf_counter_ns() + NS // 5)
    assert session.instrument.held_keys != ()
    assert wait_until(lambda: session.instrument.held_keys == ())
    assert not session.instrument.is_model_audible


def test_a_source_that_is_gone_plays_nothing_later(session: Session, reports: list[FrameReport]) -> None:
    due_ns = time.perf_counter_ns() + NS // 5
    session.receive_together([NoteOn(0, 60, 100)], "web:1", due_ns)
    session.receive_together([NoteOn(0, 64, 100)], "web:2", due_ns)
    session.receive(SourceLost(), "web:1")
    assert wait_until(lambda: bool(session.instrument.held_keys))
    assert [key.key for key in session.instrument.held_keys] == [64]
    assert frames_of(reports, NoteOn(0, 60, 100)) == []
    session.receive(NoteOff(0, 64), "web:2")


def test_what_is_due_already_is_taken_at_once(session: Session) -> None:
    assert session.receive_together([NoteOn(0, 60, 100)], OSC, time.perf_counter_ns() - NS)
    assert [key.key for key in session.instrument.held_keys] == [60]


def test_events_of_a_bundle_are_never_in_two_frames(session: Session, reports: list[FrameReport]) -> None:
    names = [f"{voice}.{what}" for voice in ("p1", "p2", "tr", "no") for what in ("lowest", "highest")]
    end, value = session.instrument.state.horizon + 24, 0
    while session.instrument.state.horizon < end:
        value = (value + 1) % 100
        session.receive_together([SetControl(name, value) for name in names], OSC)
    assert wait_until(lambda: session.instrument.state.values["no.highest"] == value)
    for report in list(reports):
        values = {event.event.value for event in report.events if isinstance(event.event, SetControl)}
        assert len(values) <= 1  # of those that came in one frame the last bundle counts


def test_the_schedule_is_bounded_and_takes_again_what_has_room() -> None:
    delivered: list[tuple[int, str]] = []
    schedule = Schedule(lambda events, source, due_ns: delivered.append((due_ns, source)))
    event = SetControl("hold", True)
    assert schedule.put([event] * (MAX_WAITING - 1), "a", 50)
    assert not schedule.put([event] * 2, "b", 10)
    assert schedule.put([event], "b", 10)
    assert schedule.hand_on(9) == 10
    assert schedule.hand_on(10) == 50
    schedule.clear("a")
    assert schedule.put([event] * MAX_WAITING, "c", 70)
    assert schedule.hand_on(100) == float("inf")
    assert delivered == [(10, "b"), (70, "c")]


def test_what_waits_for_one_time_is_handed_on_in_the_order_in_which_it_came() -> None:
    delivered: list[str] = []
    schedule = Schedule(lambda events, source, due_ns: delivered.append(source))
    for source in "abcdefgh":
        schedule.put([SetControl("hold", True)], source, 5)
    schedule.hand_on(5)
    assert delivered == list("abcdefgh")


def test_a_performer_who_moves_nothing_finds_out_why(session: Session) -> None:
    session.receive(ControlChange(0, 74, 5), "midi:keys")
    session.receive(NoteOn(1, 60, 100), "midi:keys")
    session.receive_together([SetControl("tr.role", "player"), NoteOn(2, 40, 100)], OSC)
    session.receive(SetControl("learn", "temperature"), "terminal")
    session.receive(ControlChange(0, 20, 5), "midi:keys")
    assert session.status.counts()["knobs that set nothing"] == 1
    assert session.status.counts()["keys that play no voice"] == 1
    assert session.status.troubles()[-1].startswith("key 60 on channel 2 plays no voice")
