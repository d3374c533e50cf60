"""Knobs, buttons and pads: what they set, when they take over, and how they are learned."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livegen.controls import CONTROLS, DEFAULTS, Value, Values, parse_value, with_value
from livegen.events import (
    ControlChange,
    Event,
    NoteOff,
    NoteOn,
    ProgramChange,
    SetControl,
    SourceLost,
)
from livegen.inputs.midi_settings import labels_of, parse_settings, wirings
from livegen.rig import DEFAULT_KNOBS, Knob
from livegen.session.mapping import ControllerMap

KEYS = "midi:keys"


class Player:
    """A performer at a controller, and the values that come into force at once, as on the audio side."""

    def __init__(self, *knobs: Knob, programs: tuple[str, ...] = ()) -> None:
        self.map = ControllerMap(knobs, programs)
        self.values: Values = DEFAULTS

    def do(self, event: Event, source: str = KEYS) -> list[Event]:
        self.map, events = self.map.hear(event, source, self.values)
        for passed in events:
            if isinstance(passed, SetControl) and passed.name in self.values:
                self.values = with_value(self.values, passed.name, passed.value)
        return events

    def turn(self, number: int, *values: int, channel: int = 0) -> list[Value]:
        """Move a knob; return what it set."""
        events = [event for value in values for event in self.do(ControlChange(channel, number, value))]
        return [event.value for event in events if isinstance(event, SetControl)]

    def learn(self, name: str) -> None:
        assert self.do(SetControl("learn", name), "terminal") == [SetControl("learn", name)]
        assert self.map.learning == name


def test_a_knob_is_learned_and_sets_its_control_over_the_whole_range() -> None:
    player = Player()
    player.learn("temperature")
    assert player.turn(74, 10) == []
    assert player.map.knobs == (Knob("temperature", 0, "cc", 74),)
    assert player.map.news == "CC 74 on channel 1 sets temperature"
    assert player.map.learning is None
    assert player.turn(74, *range(11, 128))[-1] == 2.0
    assert player.turn(74, *range(126, -1, -1))[-1] == 0.0


def test_a_knob_does_nothing_until_it_reaches_the_value_in_force() -> None:
    player = Player(Knob("temperature", 0, "cc", 74))  # 0.9 of 2 is knob position 57.15
    assert player.turn(74, 0, 20, 40, 55) == []
    assert player.turn(74, 57) == [pytest.approx(2 * 57 / 127)]
    assert player.turn(74, 90) == [pytest.approx(2 * 90 / 127)]


def test_a_knob_that_jumps_over_the_value_picks_it_up() -> None:
    player = Player(Knob("temperature", 0, "cc", 74))
    assert player.turn(74, 100) == []
    assert player.turn(74, 20) == [pytest.approx(2 * 20 / 127)]


def test_a_value_that_was_changed_elsewhere_is_picked_up_anew() -> None:
    player = Player(Knob("temperature", 0, "cc", 74))
    assert player.turn(74, 57, 60)[-1] == pytest.approx(2 * 60 / 127)
    player.do(SetControl("temperature", 1.8), "osc:127.0.0.1")
    assert player.turn(74, 61, 70) == []
    assert player.turn(74, 120) == [pytest.approx(2 * 120 / 127)]


def test_a_keyboard_that_was_gone_has_to_pick_up_again() -> None:
    player = Player(Knob("temperature", 0, "cc", 74))
    assert player.turn(74, 57, 60)
    player.do(SourceLost())
    assert player.turn(74, 120) == []


def test_a_pair_has_fourteen_bits_and_never_jumps() -> None:
    plain, fine = Player(), Player()
    for player in (plain, fine):
        player.do(SetControl("temperature", 0.0), "terminal")
        player.learn("temperature")
    fine.turn(1, 0)
    fine.turn(33, 0)
    assert fine.map.knobs == (Knob("temperature", 0, "cc", 1, "pair"),)
    assert fine.map.news == "CC 1 and 33 on channel 1 sets temperature"
    plain.turn(1, 0)
    finest = []
    for position in range(0, 16384, 7):
        finest += fine.turn(1, position >> 7) + fine.turn(33, position & 127)
    coarse = plain.turn(1, *range(128))
    assert len(set(coarse)) <= 128
    assert len(set(finest)) > 2000
    steps = [after - before for before, after in pairwise(finest)]  # type: ignore[operator]
    assert min(steps) > 0  # no step back where the upper bits change
    assert max(steps) < 2 * 2 * 7 / 16383
    assert finest[-1] == pytest.approx(2.0, abs=0.002)


def test_a_pair_may_leave_out_the_half_that_did_not_change() -> None:
    player = Player(Knob("temperature", 0, "cc", 1, "pair"))
    player.turn(1, 57)
    assert player.turn(33, 10) == [pytest.approx(2 * (57 * 128 + 10) / 16383)]
    assert player.turn(33, 11) == [pytest.approx(2 * (57 * 128 + 11) / 16383)]
    assert player.turn(1, 58, 59) == [pytest.approx(2 * 58 * 128 / 16383)]


def test_lower_bits_that_come_first_are_left_out() -> None:
    player = Player()
    player.learn("temperature")
    player.turn(33, 5)
    player.turn(1, 57)
    assert player.map.knobs == (Knob("temperature", 0, "cc", 1),)
    assert player.turn(33, 6, 7) == []


def test_two_knobs_32_apart_are_two_knobs() -> None:
    player = Player()
    player.learn("temperature")
    player.turn(1, 50, 51)
    player.turn(33, 60)
    assert player.map.knobs == (Knob("temperature", 0, "cc", 1),)


@pytest.mark.parametrize(("up", "down", "mode"), [(1, 127, "twos_complement"), (65, 63, "offset_64")])
def test_an_endless_encoder_moves_by_steps(up: int, down: int, mode: str) -> None:
    player = Player()
    player.learn("lookahead")
    player.turn(20, up, up)
    assert player.turn(20, up) == [13]
    assert player.map.knobs[0].mode == mode
    assert player.turn(20, up, down, down) == [14, 13, 12]
    player.do(SetControl("lookahead", 48), "terminal")
    assert player.turn(20, up) == []  # at its end
    assert player.turn(20, down) == [47]


def test_a_choice_has_equal_parts() -> None:
    player = Player(Knob("p2.role", 0, "cc", 20))  # player, model, off
    assert player.turn(20, 10) == []
    assert player.turn(20, 50, 100, 10) == ["off", "player"]


def test_a_switch_follows_its_button_at_once() -> None:
    player = Player(Knob("p2.mute", 0, "cc", 20))
    assert player.turn(20, 127, 127, 0, 63, 64) == [True, False, True]


def test_a_trigger_fires_when_its_button_goes_down() -> None:
    player = Player(Knob("panic", 0, "cc", 20))
    assert player.turn(20, 63) == []
    assert player.turn(20, 64, 90, 127) == [True]
    assert player.turn(20, 0) == []
    assert player.turn(20, 127) == [True]


@pytest.mark.parametrize(
    ("name", "sets"), [("p2.mute", [True, False]), ("panic", [True, True]), ("p2.role", ["off", "player"])]
)
def test_a_pad_switches_fires_or_goes_on_to_the_next(name: str, sets: list[Value]) -> None:
    player = Player()
    player.learn(name)
    assert player.do(NoteOn(9, 40, 100)) == []
    assert player.map.news == f"key 40 on channel 10 sets {name}"
    for value in sets:
        assert player.do(NoteOn(9, 40, 100)) == [SetControl(name, value)]
        assert player.do(NoteOff(9, 40)) == [NoteOff(9, 40)]  # a key that was held before it was learned comes up
    assert player.do(NoteOn(0, 40, 100)) == [NoteOn(0, 40, 100)]


def test_a_number_is_learned_from_no_key() -> None:
    player = Player()
    player.learn("temperature")
    assert player.do(NoteOn(0, 60, 100)) == [NoteOn(0, 60, 100)]
    assert player.map.learning == "temperature"


def test_a_pedal_that_is_learned_lets_go() -> None:
    player = Player()
    assert player.do(ControlChange(0, 64, 127)) == [ControlChange(0, 64, 127)]
    player.learn("panic")
    assert player.do(ControlChange(0, 64, 0)) == [ControlChange(0, 64, 0)]
    assert player.do(ControlChange(0, 64, 127)) == [SetControl("panic", True)]


@pytest.mark.parametrize("number", [0, 6, 38, 96, 98, 99, 100, 101, 120, 121, 123, 127])
def test_what_comes_with_other_messages_is_not_learned(number: int) -> None:
    player = Player()
    player.learn("temperature")
    assert player.do(ControlChange(0, number, 64)) == [ControlChange(0, number, 64)]
    assert player.map.learning == "temperature"


def test_each_control_has_one_knob_and_each_knob_one_control() -> None:
    player = Player(Knob("temperature", 0, "cc", 74), Knob("top_p", 0, "cc", 75))
    player.learn("temperature")
    player.turn(75, 1)
    assert player.map.knobs == (Knob("temperature", 0, "cc", 75),)


def test_unlearning_gives_the_knob_back() -> None:
    player = Player(Knob("temperature", 0, "cc", 74), Knob("top_p", 0, "cc", 75), Knob("memory", 0, "cc", 76))
    player.do(SetControl("unlearn", "temperature"))
    assert player.map.news == "CC 74 on channel 1 no longer sets temperature"
    assert player.do(ControlChange(0, 74, 1)) == [ControlChange(0, 74, 1)]
    player.do(SetControl("unlearn", ""))
    assert player.map.knobs == (Knob("top_p", 0, "cc", 75),)
    player.do(SetControl("unlearn", "temperature"))
    assert player.map.news == "no knob sets 'temperature'"


class Duo:
    """Two keyboards that both send channel 1, as `--midi-in` names them."""

    def __init__(self, *texts: str, knobs: tuple[Knob, ...] = DEFAULT_KNOBS) -> None:
        settings = [parse_settings(text) for text in texts]
        self._wirings = wirings(settings)
        self._sources = [f"midi:{wiring.port}:port {i}" for i, wiring in enumerate(self._wirings)]
        self.map = ControllerMap(knobs, labels=labels_of(settings))
        self.values: Values = DEFAULTS

    def do(self, keyboard: int, *events: Event) -> list[Event]:
        """Return what comes of events of one of them."""
        passed: list[Event] = []
        for event in events:
            self.map, heard = self.map.hear(event, self._sources[keyboard], self.values, self._wirings[keyboard])
            passed += heard
        return passed

    def learn(self, name: str, keyboard: int, event: Event) -> str:
        """Return what is said when a control is learned."""
        self.do(keyboard, SetControl("learn", name), event)
        return self.map.news


TWO = ("keystation,voice=p1", "minilab,voice=tr,transpose=-12")


def test_the_volume_of_a_keyboard_is_that_of_its_voice() -> None:
    duo = Duo(*TWO)
    duo.values = {**DEFAULTS, "p1.volume": 0.0, "tr.volume": 0.0}
    assert duo.do(0, ControlChange(0, 7, 0), ControlChange(0, 7, 127))[-1] == SetControl("p1.volume", 1.0)
    assert duo.do(1, ControlChange(0, 7, 0), ControlChange(0, 7, 127))[-1] == SetControl("tr.volume", 1.0)


def test_the_same_knob_of_two_keyboards_is_two_knobs() -> None:
    duo = Duo(*TWO)
    assert duo.learn("temperature", 0, ControlChange(0, 74, 0)) == "CC 74 on channel 1 of keystation sets temperature"
    assert duo.learn("top_p", 1, ControlChange(0, 74, 0)) == "CC 74 on channel 1 of minilab sets top_p"
    assert duo.learn("panic", 1, NoteOn(0, 36, 100)) == "key 36 on channel 1 of minilab sets panic"
    assert len(duo.map.knobs) == len(DEFAULT_KNOBS) + 3
    assert duo.do(0, ControlChange(0, 74, 127)) == [SetControl("temperature", 2.0)]
    assert duo.do(1, ControlChange(0, 74, 127)) == [SetControl("top_p", 1.0)]
    assert duo.do(0, NoteOn(0, 36, 100)) == [NoteOn(0, 36, 100)]
    assert duo.do(1, NoteOn(0, 36, 100)) == [SetControl("panic", True)]


def test_a_keyboard_that_is_pulled_leaves_the_knobs_of_the_other_in_hand() -> None:
    duo = Duo(*TWO)
    duo.learn("temperature", 0, ControlChange(0, 74, 0))
    duo.learn("top_p", 1, ControlChange(0, 74, 0))
    for keyboard, name, largest in ((0, "temperature", 2.0), (1, "top_p", 1.0)):
        assert duo.do(keyboard, ControlChange(0, 74, 127)) == [SetControl(name, largest)]
        duo.values = {**duo.values, name: largest}
    duo.do(1, SourceLost())
    assert duo.do(0, ControlChange(0, 74, 0)) == [SetControl("temperature", 0.0)]
    assert duo.do(1, ControlChange(0, 74, 0)) == []  # it may have been turned meanwhile


def test_pairs_and_encoders_of_a_named_keyboard_are_noticed() -> None:
    duo = Duo(*TWO)
    duo.learn("temperature", 1, ControlChange(0, 20, 3))
    duo.do(1, ControlChange(0, 52, 17))
    assert duo.map.knob_of("temperature") == Knob("temperature", 0, "cc", 20, "pair", "minilab")
    duo.learn("top_p", 0, ControlChange(0, 20, 127))
    duo.do(0, ControlChange(0, 20, 127), ControlChange(0, 20, 127))
    assert duo.map.knob_of("top_p") == Knob("top_p", 0, "cc", 20, "twos_complement", "keystation")
    (event,) = duo.do(0, ControlChange(0, 20, 127))
    assert isinstance(event, SetControl)
    assert event.name == "top_p"


def test_two_keyboards_of_one_make_have_knobs_of_their_own() -> None:
    duo = Duo("minilab", "minilab")
    assert duo.learn("temperature", 0, ControlChange(0, 74, 0)).startswith("CC 74 on channel 1 of minilab sets")
    assert duo.learn("top_p", 1, ControlChange(0, 74, 0)) == "CC 74 on channel 1 of minilab #2 sets top_p"
    assert duo.do(0, ControlChange(0, 74, 127)) == [SetControl("temperature", 2.0)]
    assert duo.do(1, ControlChange(0, 74, 127)) == [SetControl("top_p", 1.0)]


def test_a_knob_of_a_port_serves_wherever_that_port_is_and_one_of_none_everywhere() -> None:
    knobs = (Knob("temperature", 0, "cc", 74, port="MiniLab"), Knob("top_p", 0, "cc", 75))
    for texts, heard in ((("minilab",), 0), (("keys", "minilab"), 1)):
        duo = Duo(*texts, knobs=knobs)
        assert duo.do(heard, ControlChange(0, 74, 0), ControlChange(0, 74, 127))[-1:] == [
            SetControl("temperature", 2.0)
        ]
        assert duo.do(0, ControlChange(0, 75, 0), ControlChange(0, 75, 127))[-1:] == [SetControl("top_p", 1.0)]
    duo = Duo("keys", "pads", knobs=knobs)
    assert duo.do(0, ControlChange(0, 74, 127)) == [ControlChange(0, 74, 127)]


def test_a_keyboard_alone_learns_as_ever() -> None:
    duo = Duo("keystation")
    duo.learn("temperature", 0, ControlChange(0, 74, 0))
    assert duo.map.knob_of("temperature") == Knob("temperature", 0, "cc", 74)


def test_learning_is_given_up() -> None:
    player = Player()
    player.learn("temperature")
    player.do(SetControl("learn", ""))
    assert player.turn(74, 1) == []
    assert player.map.knobs == ()


def test_without_learning_only_channel_volume_moves_anything() -> None:
    moved = set()
    for channel in range(16):
        for number in range(128):
            player = Player(*DEFAULT_KNOBS)
            player.turn(number, 127, 100, channel=channel)
            if player.values != DEFAULTS:
                moved.add((channel, number))
    assert moved == {(0, 7), (1, 7), (2, 7), (9, 7)}


def test_program_changes_pick_patches() -> None:
    player = Player(programs=("lead", "split"))
    assert player.do(ProgramChange(3, 1)) == [SetControl("patch", "split")]
    assert player.do(ProgramChange(3, 2)) == []
    assert player.map.news == "program 3 picks no patch: there are 2"
    assert player.do(ProgramChange(3, 1), "file:song.mid") == [ProgramChange(3, 1)]  # a song's own instruments
    assert Player().do(ProgramChange(0, 1)) == [ProgramChange(0, 1)]


_NUMBERS = st.integers(0, 127)
_CHANNELS = st.integers(0, 1)
_EVENTS: Any = st.one_of(
    st.builds(ControlChange, _CHANNELS, st.sampled_from([0, 1, 7, 20, 33, 64, 74, 120]), _NUMBERS),
    st.builds(NoteOn, _CHANNELS, st.integers(60, 62), st.integers(1, 127)),
    st.builds(NoteOff, _CHANNELS, st.integers(60, 62)),
    st.builds(ProgramChange, _CHANNELS, _NUMBERS),
    st.builds(SetControl, st.just("learn"), st.sampled_from([*CONTROLS, ""])),
    st.builds(SetControl, st.just("unlearn"), st.sampled_from([*CONTROLS, ""])),
    st.builds(SetControl, st.just("temperature"), st.floats(0, 2)),
    st.builds(SourceLost),
)


@given(st.lists(st.tuples(_EVENTS, st.sampled_from([KEYS, "midi:pads", "osc:x"])), max_size=80))
def test_whatever_comes_every_value_is_in_range_and_no_release_is_lost(stream: list[tuple[Event, str]]) -> None:
    player = Player(*DEFAULT_KNOBS, programs=("lead",))
    for event, source in stream:
        events = player.do(event, source)
        for passed in events:
            if isinstance(passed, SetControl):
                assert parse_value(passed.name, passed.value) == passed.value
        if isinstance(event, (NoteOff, SourceLost)):
            assert events == [event]
        places = [(knob.channel, knob.kind, knob.number) for knob in player.map.knobs]
        names = [knob.control for knob in player.map.knobs]
        assert len(set(places)) == len(places)
        assert len(set(names)) == len(names)


def test_a_knob_that_was_put_to_a_value_goes_on_from_there() -> None:
    player = Player(Knob("volume", 0, "cc", 21))
    player.turn(21, 10)
    player.values = with_value(player.values, "volume", 0.5)
    player.map = player.map.place({("", 0, "cc", 21): 0.5})
    assert player.turn(21, 67) == [pytest.approx(67 / 127)]  # more than a step away, but it came from 0.5
    player.values = with_value(player.values, "volume", 0.0)
    assert player.turn(21, 70) == []  # nobody has put it there


def test_a_knob_without_a_motor_must_reach_the_value_though_it_was_told_to_go_there() -> None:
    player = Player(Knob("volume", 0, "cc", 21))
    player.values = with_value(player.values, "volume", 0.5)
    player.map = player.map.place({("", 0, "cc", 21): 0.5})
    assert player.turn(21, 10, 20) == []
    assert player.turn(21, 63) == [pytest.approx(63 / 127)]


def test_a_controller_that_comes_back_was_put_nowhere() -> None:
    player = Player(Knob("volume", 0, "cc", 21))
    player.turn(21, 10)
    player.values = with_value(player.values, "volume", 0.5)
    player.map = player.map.place({("", 0, "cc", 21): 0.5})
    player.do(SourceLost())
    assert player.turn(21, 67) == []


def test_a_port_has_its_own_knobs_and_those_of_any_port_where_it_has_none() -> None:
    own, other = Knob("hold", 9, "note", 36, port="pads"), Knob("volume", 0, "cc", 21, port="faders")
    any_port, hidden = Knob("temperature", 0, "cc", 21), Knob("p2.mute", 9, "note", 36)
    inputs = [parse_settings("pads"), parse_settings("faders")]
    pads, _ = wirings(inputs)
    knobs = ControllerMap((own, other, any_port, hidden), labels=labels_of(inputs))
    assert knobs.knobs_on("midi:pads:out", pads) == [own, any_port]
