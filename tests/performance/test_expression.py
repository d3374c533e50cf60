"""Wheels of a channel: what MIDI says of them, in semitones and shares."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livegen.events import Aftertouch, ControlChange, PitchWheel
from livegen.performance.expression import Expression, Wheels


def moved(*events: PitchWheel | Aftertouch | ControlChange) -> Wheels:
    wheels = Wheels()
    for event in events:
        wheels = wheels.after(event)
    return wheels


def select(high: int, low: int, value: int) -> list[ControlChange]:
    """Return the messages that set a registered parameter."""
    return [ControlChange(0, 101, high), ControlChange(0, 100, low), ControlChange(0, 6, value)]


@pytest.mark.parametrize(("pitch", "share"), [(-8192, -1.0), (-4096, -0.5), (0, 0.0), (4096, 0.5), (8191, 1.0)])
def test_the_pitch_wheel_reaches_its_whole_range_both_ways_and_rests_in_the_middle(pitch: int, share: float) -> None:
    for semitones in (0, 2, 24):
        assert moved(PitchWheel(0, pitch)).expression(semitones).bend == share * semitones


def test_a_turning_wheel_never_turns_back() -> None:
    bends = [Wheels(pitch).expression(2).bend for pitch in range(-8192, 8192)]
    assert all(low < high for low, high in pairwise(bends))


def test_modulation_and_pressure_are_shares() -> None:
    assert moved(ControlChange(0, 1, 127)).expression(2) == Expression(0.0, 1.0, 0.0)
    assert moved(Aftertouch(0, 127)).expression(2) == Expression(0.0, 0.0, 1.0)
    assert moved(Aftertouch(0, 10)).expression(2, 127).pressure == 1.0
    assert moved(Aftertouch(0, 127)).expression(2, 10).pressure == 1.0


def test_registered_parameter_0_sets_the_bend_range_and_no_other_does() -> None:
    assert moved(*select(0, 0, 12)).bend_range == 12
    assert moved(*select(0, 0, 127)).bend_range == 24
    assert moved(*select(0, 1, 12)).bend_range is None
    assert moved(*select(0, 0, 12), *select(127, 127, 3)).bend_range == 12
    assert moved(ControlChange(0, 6, 12)).bend_range is None
    assert moved(*select(0, 0, 12), ControlChange(0, 99, 0), ControlChange(0, 98, 0), ControlChange(0, 6, 3)) == (
        Wheels(bend_range=12)
    )


def test_a_reset_lets_go_of_everything_but_the_bend_range() -> None:
    everything = [PitchWheel(0, 9), Aftertouch(0, 9), ControlChange(0, 1, 9), *select(0, 0, 12)]
    assert moved(*everything, ControlChange(0, 121, 0)) == Wheels(bend_range=12)
    assert moved(*everything, ControlChange(0, 121, 0), ControlChange(0, 6, 3)).bend_range == 12


@given(st.lists(st.builds(ControlChange, st.just(0), st.integers(0, 127), st.integers(0, 127)), max_size=30))
def test_whatever_controllers_say_expression_is_in_range(events: list[ControlChange]) -> None:
    heard = moved(*events, PitchWheel(0, 8191)).expression(2)
    assert 0 <= heard.bend <= 24
    assert 0 <= heard.modulation <= 1
    assert heard.pressure == 0
