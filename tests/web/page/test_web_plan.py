"""The rows that the page draws: each frame as it is, and only what is new."""

import json

import numpy as np
from hash_engine import HashEngine
from hypothesis import given
from hypothesis import strategies as st

from livegen.controls import DEFAULTS, with_value
from livegen.events import Event, NoteOff, NoteOn, SetControl, StampedEvent
from livegen.performance.performance import advance, begin
from livegen.performance.state import State
from livegen.web.page.plan import PAST_FRAMES, PlanRows


def at_frame(state: State, frame: int, *events: Event) -> State:
    stamped = [StampedEvent(event, "test", frame - 0.5) for event in events]
    return advance(state, frame, stamped)[0]


def begun(**controls: float) -> State:
    values = DEFAULTS
    for name, value in controls.items():
        values = with_value(values, name, value)
    return begin(HashEngine(), values, seed=3)


def test_a_row_has_what_the_frame_has() -> None:
    state = at_frame(begun(bpm=120.0), 20)
    for row in PlanRows().new(state):
        index, notes, volumes, timbres, owners, offsets, matches, beats = json.loads(json.dumps(row))
        planned = state.timeline.at(index).planned
        assert [notes, volumes, timbres] == planned.frame.T.tolist()
        assert owners == planned.owner.tolist()
        assert np.allclose(offsets, planned.onset_offset, atol=0.001)
        assert matches == [0, 0, 0, 0]
        assert abs(beats - index / 12) < 1e-3


def test_where_nobody_knows_the_beat_there_is_none() -> None:
    assert {row[7] for row in PlanRows().new(at_frame(begun(sync="none"), 5))} == {None}


def test_the_same_state_has_nothing_new_and_the_next_frame_little() -> None:
    rows, state = PlanRows(), at_frame(begun(), 10)
    assert [row[0] for row in rows.new(state)] == list(range(state.timeline.end))
    assert rows.new(state) == []
    end = state.timeline.end
    assert [row[0] for row in rows.new(at_frame(state, 11))] == [end]


def test_a_key_has_what_is_planned_told_anew() -> None:
    rows, state = PlanRows(), at_frame(begun(), 10)
    rows.new(state)
    after = at_frame(state, 11, NoteOn(0, 60, 100))
    told = {row[0]: row for row in rows.new(after)}
    assert told[10][1][0] == 60
    assert set(told) >= set(range(11, after.timeline.end))


def test_it_begins_with_the_past_and_so_it_does_when_it_is_forgotten() -> None:
    rows, state = PlanRows(), begun()
    for frame in range(1, PAST_FRAMES + 60):
        state = at_frame(state, frame)
    first = [row[0] for row in rows.new(state)]
    assert first[0] == state.horizon - PAST_FRAMES
    rows.forget()
    assert [row[0] for row in rows.new(state)] == first


def test_a_beat_that_drifts_is_told_and_one_that_shivers_is_not() -> None:
    rows, state = PlanRows(), at_frame(begun(bpm=120.0), 10)
    rows.new(state)
    end = state.timeline.end
    shivered = at_frame(state, 11, SetControl("phase_offset", 1.0))
    assert [row[0] for row in rows.new(shivered) if row[0] < end - 1] == []
    moved = at_frame(shivered, 12, SetControl("bpm", 90.0))
    assert {row[0] for row in rows.new(moved)} >= set(range(13, end))


KEYS = st.lists(st.tuples(st.integers(0, 5), st.booleans(), st.integers(40, 80)), max_size=12)


@given(KEYS)
def test_who_follows_the_rows_knows_the_plan(keys: list[tuple[int, bool, int]]) -> None:
    rows, state, known = PlanRows(), begun(), {}
    for step, is_down, key in [(1, True, 60), *keys, (1, False, 60)]:
        event = NoteOn(0, key, 100) if is_down else NoteOff(0, key)
        state = at_frame(state, state.horizon + step, event)
        known |= {row[0]: row for row in rows.new(state)}
    for index, row in known.items():
        planned = state.timeline.at(index).planned
        assert row[1:4] == planned.frame.T.tolist()
        assert row[4] == planned.owner.tolist()
    assert sorted(known) == list(range(state.timeline.end))
