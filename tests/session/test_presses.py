"""Presses of a switch: each is told from the others by time alone, none is lost, and none is taken for two."""

import math

from hypothesis import given
from hypothesis import strategies as st

from livegen.controls import DEFAULTS, PRESSES
from livegen.events import ControlChange, Event, NoteOff, NoteOn, SetControl, SourceLost
from livegen.rig import Knob
from livegen.session.mapping import ControllerMap
from livegen.session.presses import DOUBLE_SECONDS, LONG_SECONDS, Switch

QUICK, SLOW = 0.1, LONG_SECONDS + 0.2
LEARNED = st.sets(st.sampled_from(PRESSES), min_size=1)


def pressed(learned: set, *holds: float, gap: float = 2.0) -> list[tuple[float, str]]:
    """Hold a switch for some times in a row, with gaps, and return the presses with the times when they were known."""
    switch, now, found = Switch(), 0.0, []

    def wait(until: float) -> None:
        nonlocal switch
        if switch.due(learned) <= until:
            due = switch.due(learned)
            switch, known = switch.waited(due, learned)
            found.extend((due, press) for press in known)
            assert switch.due(learned) == math.inf

    for hold in holds:
        switch, known = switch.down(now, learned)
        found.extend((now, press) for press in known)
        wait(now + hold)
        now += hold
        switch, known = switch.up(learned)
        found.extend((now, press) for press in known)
        wait(now + gap)
        now += gap
    wait(math.inf)
    return [(at, press) for at, press in found if press in learned]


def test_a_switch_with_single_presses_alone_acts_at_once():
    assert pressed({"single"}, QUICK, SLOW) == [(0.0, "single"), (QUICK + 2.0, "single")]


def test_all_three_presses_of_one_switch_are_told_apart():
    every = set(PRESSES)
    assert pressed(every, QUICK) == [(DOUBLE_SECONDS, "single")]
    assert pressed(every, QUICK, QUICK, gap=QUICK) == [(2 * QUICK, "double")]
    assert pressed(every, SLOW) == [(LONG_SECONDS, "long")]
    assert [press for _, press in pressed(every, QUICK, QUICK, QUICK, gap=QUICK)] == ["double", "single"]


def test_a_single_press_waits_no_longer_than_what_else_is_learned_asks_for():
    assert pressed({"single", "long"}, QUICK) == [(QUICK, "single")]
    assert pressed({"single", "double"}, SLOW) == [(DOUBLE_SECONDS, "single")]
    assert pressed({"long"}, QUICK) == []


@given(LEARNED, st.lists(st.sampled_from([QUICK, SLOW]), max_size=6), st.sampled_from([QUICK, 1.0]))
def test_no_press_counts_twice(learned, holds, gap):
    found = pressed(learned, *holds, gap=gap)
    assert len(found) <= len(holds)
    assert [at for at, _ in found] == sorted(at for at, _ in found)
    if learned == set(PRESSES) and gap == 1.0:
        assert [press for _, press in found] == ["long" if hold == SLOW else "single" for hold in holds]


class Pedal:
    """A foot switch at a map of knobs, on a clock that a test moves."""

    def __init__(self, *controls: str) -> None:
        self.map, self.now, self.sent = ControllerMap(()), 0.0, []
        for words in controls:
            self.send(SetControl("learn", words))
            self.hold(0.0)
            self.now += 2.0
            self.wait()
        self.sent.clear()

    def send(self, event: Event) -> None:
        self.map, events = self.map.hear(event, "midi:pedal", DEFAULTS, None, self.now)
        self.sent += [event for event in events if isinstance(event, SetControl) and event.name != "learn"]

    def hold(self, seconds: float) -> None:
        self.send(self.down)
        self.now += seconds
        self.wait()
        self.send(self.up)

    def wait(self) -> None:
        if self.map.due <= self.now:
            self.map, fired = self.map.wait(self.now, DEFAULTS)
            self.sent += [event for event, _ in fired]

    down: Event = ControlChange(0, 64, 127)
    up: Event = ControlChange(0, 64, 0)


class Pad(Pedal):
    down, up = NoteOn(9, 40, 90), NoteOff(9, 40)


def test_three_presses_of_one_pedal_or_pad_are_learned_and_do_three_things():
    for kind in (Pedal, Pad):
        pedal = kind("fill", "break double", "end long")
        assert [knob.press for knob in pedal.map.knobs] == ["single", "double", "long"]
        pedal.hold(QUICK)
        pedal.now += 1.0
        pedal.wait()
        pedal.hold(SLOW)
        pedal.hold(QUICK)
        pedal.hold(QUICK)
        pedal.now += 1.0
        pedal.wait()
        assert pedal.sent == [SetControl("fill", True), SetControl("end", True), SetControl("break", 1)]
        assert pedal.map.due == math.inf


def test_a_press_that_is_learned_anew_takes_the_place_of_that_press_alone():
    pedal = Pedal("fill", "end long", "drop long")
    assert [(knob.control, knob.press) for knob in pedal.map.knobs] == [("fill", "single"), ("drop", "long")]
    pedal.send(SetControl("unlearn", "drop long"))
    assert [knob.control for knob in pedal.map.knobs] == ["fill"]


def test_a_number_cannot_be_set_by_a_press_and_does_not_share_its_knob():
    pedal = Pedal("fill", "end long")
    pedal.send(SetControl("learn", "temperature long"))
    assert pedal.map.learning is None
    assert "is a number" in pedal.map.news
    pedal = Pedal("end long", "temperature")
    assert pedal.map.knobs == (Knob("temperature", 0, "cc", 64),)


def test_a_pedal_that_is_pulled_while_it_is_held_does_nothing_more():
    pedal = Pedal("fill", "end long")
    pedal.send(pedal.down)
    pedal.send(SourceLost())
    pedal.now += 5.0
    pedal.wait()
    assert pedal.sent == []
