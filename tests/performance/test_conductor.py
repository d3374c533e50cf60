"""A model that conducts: its chord leads what any engine draws, and all that it knows is a part of the state."""

import numpy as np
import pytest
from hash_engine import HashEngine
from hypothesis import given, settings
from hypothesis import strategies as st
from lstm_weights import random_engine as random_lstm
from recorded_jam import RecordedJam
from tonnetz_weights import random_engine

from livegen.controls import DEFAULTS, Value
from livegen.engines.cast import Cast
from livegen.engines.checkpoint import load_conductor
from livegen.engines.ensemble import assemble
from livegen.engines.protocol import Engine
from livegen.engines.triads import scale_pitch_classes
from livegen.events import Event, NoteOff, NoteOn, SetControl, StampedEvent
from livegen.performance.performance import advance, begin
from livegen.performance.state import State
from livegen.performance.timeline import Context
from livegen.score import PITCHED, Column
from livegen.takes.replay import check
from livegen.takes.take import Take

BEAT = 12


class Session:
    """A performance at 120 beats a minute under a conductor."""

    def __init__(self, engine: Engine | None = None, **values: Value) -> None:
        given = {**DEFAULTS, "bpm": 120.0, "chord_from": "model", "arrangement": 0.0, "p1.role": "model", **values}
        engine = HashEngine() if engine is None else engine
        self.state: State = begin(engine, given, seed=1, conductor=random_engine())
        self.go(0)

    def go(self, to_frame: int, *events: Event) -> None:
        stamped = [StampedEvent(event, "keys", to_frame) for event in events]
        self.state, _, _ = advance(self.state, to_frame, stamped)

    def play(self, n_beats: int) -> None:
        for _ in range(n_beats * BEAT):
            self.go(self.state.horizon + 1)

    def set(self, name: str, value: Value) -> None:
        self.go(self.state.horizon, SetControl(name, value))

    @property
    def context(self) -> Context:
        """What is known before the first frame that may still change."""
        return self.state.timeline.at(self.state.horizon).context

    def frames(self, start: int) -> np.ndarray:
        return np.array([step.planned.frame for step in self.state.timeline.since(start)])


def test_its_chord_leads_each_beat_once_it_has_heard_enough() -> None:
    lstm = random_lstm()
    session = Session(lstm)
    assert session.context.chord is None
    session.play(10)
    chords = [step.context.chord for step in session.state.timeline.since(4 * BEAT)]
    assert None not in chords
    beats = [set(chords[at : at + BEAT]) for at in range(0, 6 * BEAT, BEAT)]
    assert all(len(chords) == 1 for chords in beats)
    chord = session.context.chord
    assert chord is not None
    session.set("chord_pull", 0.0)
    free = session.frames(session.state.horizon)
    session.set("chord_pull", 1.0)
    led = session.frames(session.state.horizon)
    assert not np.array_equal(free, led)
    notes = [int(frame[v, Column.NOTE]) for frame in led[:BEAT] for v in PITCHED if frame[v, Column.NOTE]]
    assert np.mean([scale_pitch_classes(chord) >> note % 12 & 1 for note in notes]) > 0.7


def test_a_model_s_chord_is_asked_for_at_any_time_and_knows_what_was_played_before() -> None:
    always, late = Session(chord_pull=0.0), Session(chord_pull=0.0, chord_from="lattice")
    always.play(9)
    late.play(9)
    assert late.context.chord is None
    late.set("chord_from", "model")
    late.play(1)
    always.play(1)
    assert np.array_equal(always.frames(0), late.frames(0))
    assert late.context.chord == always.context.chord is not None


def test_going_back_is_what_it_knew_then() -> None:
    session = Session()
    session.play(6)
    session.set("store", "verse")
    there = session.context
    session.play(8)
    session.set("rewind_frames", 8 * BEAT)
    assert session.context.ear is there.ear
    session.play(3)
    session.set("recall", "verse")
    assert session.context.ear is there.ear
    session.set("reset", True)
    assert session.context.chord is None


def engines(name: str) -> Engine:
    tonnetz, lstm = random_engine(), random_lstm()
    if name == "alone":
        return tonnetz
    if name == "mixed":
        return assemble(Cast("lstm", ("same", "random", "random", "same")), {"lstm": lstm, "random": tonnetz})
    return lstm


EVENTS = st.one_of(
    st.builds(NoteOn, st.just(0), st.integers(50, 80), st.just(100)),
    st.builds(NoteOff, st.just(0), st.integers(50, 80)),
    st.builds(SetControl, st.just("rewind_frames"), st.integers(1, 40)),
    st.builds(SetControl, st.sampled_from(("store", "recall")), st.sampled_from(("1", "2"))),
    st.builds(SetControl, st.sampled_from(("undo", "reroll")), st.just(True)),
    st.builds(SetControl, st.just("chord_from"), st.sampled_from(("model", "lattice"))),
    st.builds(SetControl, st.just("bpm"), st.sampled_from((0.0, 90.0, 173.3))),
)


@pytest.mark.parametrize("name", ["alone", "mixed", "conducting"])
@settings(max_examples=4, deadline=None)
@given(st.lists(st.lists(EVENTS, max_size=1), min_size=60, max_size=70))
def test_a_jam_with_it_comes_out_the_same(name: str, tmp_path_factory: pytest.TempPathFactory, events: list) -> None:
    folder = tmp_path_factory.mktemp("jam")
    jam = RecordedJam(folder, engine=engines(name), bpm=200.0, chord_from="model")
    for each in events:
        jam.frame(*each)
    jam.stop()
    outcome = check(Take(folder), engines(name))
    assert outcome.difference == ""
    assert outcome.n_frames == jam.horizon


def test_a_tonnetz_in_force_conducts_itself() -> None:
    assert load_conductor(engines("alone")) is not load_conductor(engines("conducting"))
    mixed = engines("mixed")
    assert load_conductor(mixed) is mixed.models["random"]
