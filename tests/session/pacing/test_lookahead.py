"""The look-ahead under load: by itself, and in a session that is recorded and replayed."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hash_engine import HashEngine
from recorded_jam import TOLD
from waiting import wait_until

from livegen.events import NoteOff, NoteOn
from livegen.patch import load_patch
from livegen.session.build import build_session
from livegen.session.pacing import lookahead as pace
from livegen.session.pacing.lookahead import Lookahead
from livegen.session.settings import Settings
from livegen.takes.records import Turned
from livegen.takes.replay import check
from livegen.takes.take import Take
from livegen.units import FRAME_RATE_HZ

FRAME = 1.0 / FRAME_RATE_HZ


def play(lookahead: Lookahead, in_force: int, *plans: float) -> list[int]:
    """Let plans take shares of a frame at a look-ahead of twelve, and return the look-ahead of each."""
    used = []
    for share in plans:
        used.append(in_force)
        in_force = lookahead.after(share * FRAME * in_force / 12, in_force) or in_force
    return used


def test_it_stays_while_plans_are_short() -> None:
    assert play(Lookahead(), 12, *[0.7] * 500) == [12] * 500


def test_it_shrinks_before_a_plan_takes_a_frame_and_then_plans_are_short() -> None:
    used = play(Lookahead(), 12, 0.2, 0.9, 0.2, 0.8, *[0.9] * 100)
    assert used[:6] == [12, 12, 12, 12, 7, 7]
    assert set(used[6:]) == {7}  # and it does not grow while the load lasts


def test_one_plan_in_which_the_machine_stood_still_shrinks_nothing() -> None:
    assert set(play(Lookahead(), 12, *[*[0.3] * 30, 5.0] * 5)) == {12}


def test_it_is_never_so_short_that_a_short_halt_is_heard() -> None:
    assert play(Lookahead(), 12, 0.2, 9.0, *[9.0] * 50)[-1] == 6
    assert play(Lookahead(), 2, 0.2, 9.0, *[9.0] * 50)[-1] == 2  # which somebody wanted


def test_it_grows_back_frame_by_frame_to_what_was_asked_for_and_no_further() -> None:
    used = play(Lookahead(), 12, 1.0, 1.0, *[0.2] * 40 * FRAME_RATE_HZ)
    assert used[2] == 6
    steps = np.diff(used[2:])
    assert set(steps.tolist()) == {0, 1}
    assert used[-1] == 12
    assert (np.diff(np.flatnonzero(steps)) >= 3 * FRAME_RATE_HZ).all()


@pytest.mark.parametrize("n_frames", [20, 8])
def test_what_somebody_sets_meanwhile_is_what_is_asked_for(n_frames: int) -> None:
    lookahead = Lookahead()
    assert play(lookahead, 12, 1.0, 1.0, 1.0)[-1] == 6
    assert lookahead.asked == 12
    assert play(lookahead, n_frames, *[0.2] * 500)[-1] == n_frames
    assert lookahead.asked == n_frames


def test_what_a_busy_session_sets_is_in_its_take_and_in_no_rig(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(pace, "_FULL", 0.0)  # as if every plan took much too long
    monkeypatch.setattr(pace, "_AIM", 0.0)
    told = replace(TOLD, folder=tmp_path)
    settings = Settings(audio="null", midi_api="none", osc_port=0, seed=7, take=told)
    session = build_session(HashEngine(), load_patch("plain"), settings)
    session.start(lambda: None)
    try:
        for number in range(4):
            session.instrument.receive(NoteOff(0, 60) if number % 2 else NoteOn(0, 60, 100), "test")
            horizon = session.instrument.state.horizon
            assert wait_until(lambda at=horizon: session.instrument.state.horizon > at + 1)
        assert session.instrument.values["lookahead"] == 6
        assert "lookahead" not in session.rig().controls
        assert "6 frames ahead, not 12" in session.desk.news
    finally:
        session.stop()
    assert session.recorder is not None
    take = Take(session.recorder.folder)
    sent = [stamped for record in take.records() if isinstance(record, Turned) for stamped in record.events]
    assert [event.event.value for event in sent if event.source == Lookahead.source] == [6]
    outcome = check(take, HashEngine())
    assert (outcome.difference, outcome.n_missing) == ("", 0)
    assert outcome.n_frames > 4
