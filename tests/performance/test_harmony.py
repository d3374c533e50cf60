"""The chord that leads the model's notes: which one it is, what it does to a draw, and a walk on the lattice."""

import numpy as np
import pytest
from hash_engine import HashDistribution, HashEngine
from hypothesis import given
from hypothesis import strategies as st

from livegen.controls import DEFAULTS, Value
from livegen.engines.protocol import NONE_LATER, Sampling
from livegen.engines.tonality import Key
from livegen.engines.triads import MOVES, moved, scale_pitch_classes, triad_pitch_classes
from livegen.events import Event, NoteOn, SetControl, StampedEvent
from livegen.performance.harmony.lead import led, performers_triad
from livegen.performance.harmony.walk import name_of, steps_of, triad_of
from livegen.performance.performance import advance, begin
from livegen.performance.state import ControlInForce, Message, Refused, State
from livegen.score import PITCHED, Column, Voice

TRIADS = st.builds(Key, st.integers(0, 11), st.booleans())
C_MAJOR, A_MINOR = Key(0), Key(9, True)


def bits(*pitch_classes: int) -> int:
    return sum(1 << each for each in pitch_classes)


@given(TRIADS, st.sampled_from(MOVES))
def test_a_move_keeps_two_of_three_pitch_classes_and_leads_back(triad: Key, move: str) -> None:
    there = moved(triad, move)
    assert (triad_pitch_classes(triad) & triad_pitch_classes(there)).bit_count() == 2
    assert there.is_minor != triad.is_minor
    assert moved(there, move) == triad


@pytest.mark.parametrize(("move", "chord"), [("p", "c_minor"), ("l", "e_minor"), ("r", "a_minor")])
def test_moves_from_c_major_are_those_of_the_books(move: str, chord: str) -> None:
    assert name_of(moved(C_MAJOR, move)) == chord


@given(TRIADS)
def test_a_triad_lies_in_its_scale_and_keeps_its_name(triad: Key) -> None:
    assert triad_pitch_classes(triad) & ~scale_pitch_classes(triad) == 0
    assert triad_of(name_of(triad)) == triad
    assert triad_of("none") is None


def test_moves_are_read_with_anything_between_them_and_nothing_else() -> None:
    assert steps_of("L, r-L") == "lrl"
    assert [steps_of(text) for text in ("", "x", "pl8", "-")] == [None] * 4


@given(
    TRIADS,
    st.integers(1, 0xFFF),
    st.none() | st.floats(0, 1, exclude_max=True),
    st.lists(st.integers(0, 108), min_size=4, max_size=4),
    st.lists(st.integers(0, 127), max_size=4),
)
def test_a_frame_that_is_led_has_pitch_classes_of_the_chord_s_scale_and_of_the_scale_that_is_set(
    triad: Key, scale: int, phase: float | None, sounding: list[int], keys: list[int]
) -> None:
    sampling = Sampling(scale=scale)
    drawn = led(sampling, triad, 1.0, seed=1, frame_index=5, phase=phase, sounding=sounding, keys=keys)
    own, held = scale_pitch_classes(triad), sum({1 << key % 12 for key in keys})
    beside = sum({1 << (key + by) % 12 for key in keys for by in (-1, 1)}) & ~held
    assert drawn.pitch_classes
    if own & scale & ~beside:
        assert drawn.scale & ~(own & scale & ~beside) == 0
        if phase is None and triad_pitch_classes(triad) & scale & ~beside:
            assert drawn.pitch_classes & ~triad_pitch_classes(triad) == 0
    for voice, note in enumerate(sounding):
        fits = voice not in PITCHED or not note or drawn.pitch_classes >> note % 12 & 1
        assert (drawn.leave_note[voice] == 0.0) == bool(fits)
    assert led(sampling, triad, 0.0, seed=1, frame_index=5, phase=phase, sounding=sounding, keys=keys) is sampling


def test_a_pull_of_a_half_leads_every_second_frame_or_so() -> None:
    def is_led(frame_index: int) -> bool:
        given = Sampling()
        return led(given, C_MAJOR, 0.5, seed=3, frame_index=frame_index, phase=0.0, sounding=[0] * 4, keys=()) != given

    assert 400 < sum(map(is_led, range(1000))) < 600


class AnyAllowed(HashEngine):
    """Plays in each frame another one of the pitch classes that it may change to."""

    def step(self, frame, state, conditions=None):
        return AnyAllowedDistribution(1), state


class AnyAllowedDistribution(HashDistribution):
    def sample(self, forced, is_forced, sampling, *, seed, frame_index, is_later=NONE_LATER):
        allowed = [each for each in range(12) if sampling.pitch_classes >> each & 1]
        drawn = np.array([(60 + allowed[frame_index % len(allowed)], volume, 0) for volume in (9, 9, 0, 0)], np.uint8)
        drawn[Voice.NO] = 0
        return np.where(is_forced[:, None], forced, drawn)


BEAT = 12
"""Frames of a beat at 120 beats a minute."""


class Session:
    """A performance at 120 beats a minute."""

    def __init__(self, **values: Value) -> None:
        given = {**DEFAULTS, "bpm": 120.0, "tightness": 0.0, "lookahead": 40, **values}
        self.state: State = begin(AnyAllowed(), given, seed=1)
        self.messages: list[Message] = []
        self.go(0)

    def go(self, to_frame: int, *events: Event) -> None:
        stamped = [StampedEvent(event, "page", to_frame) for event in events]
        self.state, _, messages = advance(self.state, to_frame, stamped)
        self.messages += messages

    def set(self, name: str, value: Value) -> None:
        self.go(self.state.horizon, SetControl(name, value))

    def pitch_classes(self, start: int, end: int) -> int:
        """Return what the model's P2 plays from a frame up to another one."""
        steps = (self.state.timeline.at(frame_index) for frame_index in range(start, end))
        return sum({1 << int(step.planned.frame[Voice.P2, Column.NOTE]) % 12 for step in steps})

    @property
    def chord(self) -> Value:
        return self.state.values["tonnetz.chord"]


def test_nothing_leads_until_a_chord_is_chosen_and_then_it_does_from_the_next_open_frame_on() -> None:
    session = Session()
    session.go(5)
    assert session.pitch_classes(5, 5 + 2 * BEAT) == 0xFFF
    session.set("tonnetz.chord", "a_minor")
    assert session.pitch_classes(5, 5 + 2 * BEAT) == scale_pitch_classes(A_MINOR)
    assert session.pitch_classes(BEAT, BEAT + 3) == triad_pitch_classes(A_MINOR)
    session.set("chord_pull", 0.0)
    assert session.pitch_classes(5, 5 + 2 * BEAT) == 0xFFF


def test_a_move_is_made_at_once_and_a_path_goes_on_with_each_beat_and_is_planned_ahead() -> None:
    session = Session(**{"tonnetz.chord": "c_major"})
    session.go(5)
    session.set("tonnetz.move", "R")
    session.set("tonnetz.p", True)
    assert session.chord == "a_major"
    session.set("tonnetz.p", False)
    session.set("tonnetz.p", True)
    assert session.chord == "a_minor"
    assert session.pitch_classes(5, BEAT) & ~scale_pitch_classes(A_MINOR) == 0
    session.set("tonnetz.path", "l p")
    f_major, f_minor = Key(5), Key(5, True)
    assert session.pitch_classes(BEAT, BEAT + 3) == triad_pitch_classes(f_major)  # before it has come
    assert session.chord == "a_minor"
    session.go(BEAT)
    assert session.chord == "f_major"
    session.go(2 * BEAT)
    assert session.chord == "f_minor"
    assert session.pitch_classes(4 * BEAT, 4 * BEAT + 3) == triad_pitch_classes(f_minor)
    followed = [each for each in session.messages if isinstance(each, ControlInForce) and each.is_consequence]
    assert [(each.value, each.source) for each in followed] == [
        (chord, "page") for chord in ("a_minor", "a_major", "a_minor", "f_major", "f_minor")
    ]


def test_a_path_follows_the_tempo_and_ends_where_a_chord_is_chosen() -> None:
    session = Session(**{"tonnetz.chord": "c_major"})
    session.go(1)
    session.set("tonnetz.path", "rlp")
    session.go(2)
    session.set("bpm", 60.0)
    session.go(BEAT + 2)
    assert session.chord == "c_major"
    session.go(2 * BEAT + 2)
    assert session.chord == "a_minor"
    session.set("tonnetz.chord", "g_major")
    session.go(8 * BEAT)
    assert session.chord == "g_major"


def test_undo_takes_a_walk_back_and_what_is_no_move_is_refused() -> None:
    session = Session(**{"tonnetz.chord": "c_major"})
    session.go(3)
    session.set("tonnetz.move", "r")
    session.set("undo", True)
    assert session.chord == "c_major"
    session.set("tonnetz.move", "rl")
    session.set("tonnetz.path", "xyz")
    assert session.chord == "c_major"
    refused = [each.reason for each in session.messages if isinstance(each, Refused)]
    assert refused == [
        "tonnetz.move cannot be 'rl': allowed is p, l, r",
        "tonnetz.path cannot be 'xyz': allowed is p, l, r or several of them, such as lrl",
    ]


def test_without_a_chord_a_walk_begins_at_the_key_that_is_heard() -> None:
    session = Session(key="g", scale="major")
    session.go(3)
    session.set("tonnetz.move", "r")
    assert session.chord == "e_minor"


def test_the_performer_s_chord_leads_where_it_is_asked_for() -> None:
    session = Session(chord_from="performer", **{"tonnetz.chord": "c_major"})
    session.go(2)
    assert session.pitch_classes(2, 2 + 2 * BEAT) == 0xFFF
    session.go(3, *(NoteOn(0, note, 100) for note in (57, 60, 64)))
    assert session.pitch_classes(5, 5 + 2 * BEAT) & ~scale_pitch_classes(A_MINOR) == 0


@given(TRIADS)
def test_three_keys_of_a_triad_are_heard_as_it(triad: Key) -> None:
    keys = [48 + each for each in range(12) if triad_pitch_classes(triad) >> each & 1]
    assert performers_triad((), keys) == triad


def test_a_performer_who_has_not_played_has_no_chord() -> None:
    assert performers_triad((), ()) is None
