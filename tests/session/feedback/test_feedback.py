"""What a controller is sent, on a clock that stands until it is told to move."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lit_controller import Band, LitController

from livegen.controls import CONTROLS
from livegen.events import NoteOff, NoteOn
from livegen.performance.cues.cue import NEVER, Cue, Cues, Mark
from livegen.profiles.profile import Profile
from livegen.profiles.reader import parse_profile
from livegen.rig import Knob

TEMPERATURE = Knob("temperature", 0, "cc", 20)
VOLUME = Knob("volume", 0, "cc", 21)
MUTE = Knob("p2.mute", 9, "note", 36)
HOLD = Knob("hold", 9, "note", 37)
MODE = Knob("mode", 9, "note", 38)
REROLL = Knob("reroll", 9, "note", 39)
DROP = Knob("drop", 9, "note", 40)
BREAK = Knob("break", 0, "cc", 91)
ALL = (TEMPERATURE, VOLUME, MUTE, HOLD, MODE, REROLL, DROP, BREAK)

DARK, LIT = 0, 127
START, STOP = bytes.fromhex("F0002029020C0E01F7"), bytes.fromhex("F0002029020C0E00F7")
GREEN, YELLOW, TURQUOISE = 21, 13, 37


def test_a_knob_that_is_moved_elsewhere_shows_where_it_stands_and_of_many_moves_the_last() -> None:
    device = LitController(TEMPERATURE)
    assert device.wait() == [bytes((0xB0, 20, 57))]  # 0.9 of 2
    assert device.wait(1.0) == []
    for step in range(21):
        device.set("temperature", step / 10)
    assert device.wait(1.0) == [bytes((0xB0, 20, 127))]


def test_all_is_shown_again_once_jack_may_have_lost_some_of_it() -> None:
    device = LitController(TEMPERATURE)
    shown = device.wait()
    device.n_xruns += 2
    assert device.wait(2.0) == shown


def test_a_knob_of_14_bits_gets_both_halves_and_an_encoder_nothing_on_its_steps() -> None:
    pair, encoder = Knob("top_p", 1, "cc", 3, "pair"), Knob("volume", 1, "cc", 4, "offset_64")
    device = LitController(pair, encoder)
    device.set("top_p", 0.5)
    assert device.wait() == [bytes((0xB1, 3, 64)), bytes((0xB1, 35, 0))]
    device.set("volume", 0.1)
    assert device.wait() == []


def test_the_ring_of_an_encoder_follows_where_the_profile_knows_it() -> None:
    device = LitController(Knob("volume", 10, "cc", 2, "twos_complement"), profile="x-touch-mini")
    assert device.wait()[1:] == [bytes((0xB0, 10, 0)), bytes((0xB0, 10, 11))]
    for _ in range(40):
        device.move(0xBA, 2, 1)
    assert device.values["volume"] == 1.0
    assert device.wait() == [bytes((0xB0, 10, 13))]


def test_pads_show_what_is_on_and_are_put_out_before_they_are_first_lit() -> None:
    device = LitController(MUTE, MODE)
    device.set("p2.mute", True)
    assert device.wait() == [bytes((0x99, 36, DARK)), bytes((0x99, 36, LIT)), bytes((0x99, 38, DARK))]
    device.set("mode", "trade")
    assert device.wait() == [bytes((0x99, 38, LIT))]
    device.move(0x99, 36, 100)
    assert device.values["p2.mute"] is False
    assert device.wait() == [bytes((0x99, 36, DARK))]


def test_a_launchpad_shows_a_cue_that_waits_one_in_force_and_a_press() -> None:
    device = LitController(DROP, REROLL, profile="launchpad-x")
    assert device.wait() == [START, bytes((0x90, 40, 0)), bytes((0x90, 39, 0))]
    cue = Cue("drop", 0, "osc", Mark(4.0, 50), Mark(8.0, NEVER))
    device.band = Band(Cues(planned=cue))
    assert device.wait() == [bytes((0x92, 40, YELLOW))]
    device.band = Band(Cues(in_force=cue))
    assert device.wait() == [bytes((0x90, 40, GREEN))]
    device.band = Band()
    assert device.wait() == [bytes((0x90, 40, 0))]
    device.move(0x99, 39, 90)
    assert device.wait() == [bytes((0x90, 39, TURQUOISE))]
    device.move(0x89, 39, 0)
    assert device.wait() == [bytes((0x90, 39, 0))]


def test_start_and_stop_show_whether_the_model_plays() -> None:
    device = LitController(Knob("start", 0, "note", 11), Knob("stop", 0, "note", 12))
    assert device.wait()[-2:] == [bytes((0x90, 11, LIT)), bytes((0x90, 12, DARK))]
    device.band = Band(is_running=False)
    assert device.wait() == [bytes((0x90, 11, DARK)), bytes((0x90, 12, LIT))]


@pytest.mark.parametrize(
    ("presses", "shown"),
    [
        ({"single": "p2.mute", "long": "hold"}, "p2.mute"),
        ({"single": "reroll", "double": "hold", "long": "p2.mute"}, "hold"),
        ({"long": "hold", "double": "undo"}, "hold"),
    ],
)
def test_a_switch_of_several_presses_shows_the_single_one_s_state_or_the_first_that_has_one(
    presses: dict[str, str], shown: str
) -> None:
    device = LitController(*(Knob(name, 9, "note", 36, press=press) for press, name in presses.items()))
    assert device.wait() == [bytes((0x99, 36, DARK))]
    for name in {*presses.values()} - {shown, "reroll", "undo"}:
        device.set(name, True)
        assert device.wait() == []
    device.set(shown, True)
    assert device.wait() == [bytes((0x99, 36, LIT))]


def test_a_round_button_of_a_launchpad_is_lit_by_its_controller() -> None:
    device = LitController(Knob("p2.mute", 0, "cc", 91), profile="launchpad-x")
    device.set("p2.mute", True)
    assert device.wait()[-1:] == [bytes((0xB0, 91, GREEN))]


def test_what_the_hand_has_turned_shows_it_already_and_a_motor_waits_until_the_hand_rests() -> None:
    device = LitController(VOLUME)
    device.wait()
    device.set("volume", 0.5)
    assert device.wait() == [bytes((0xB0, 21, 64))]
    for value in range(64, 90):
        device.move(0xB0, 21, value)
        assert device.wait() == []
    assert device.values["volume"] == pytest.approx(89 / 127)
    device.set("volume", 0.0)  # by somebody else, while the hand is on it
    assert device.wait(0.2) == []
    assert device.wait(0.2) == [bytes((0xB0, 21, 0))]


def test_a_knob_that_has_not_taken_over_shows_the_value_in_force_again() -> None:
    device = LitController(VOLUME)
    device.wait()
    device.move(0xB0, 21, 3)  # far from 0.8
    assert device.wait(1.0) == [bytes((0xB0, 21, 102))]


def test_a_light_beside_its_knob_is_right_again_at_once() -> None:
    device = LitController(Knob("volume", 10, "cc", 2), profile="x-touch-mini")
    assert device.wait()[-1:] == [bytes((0xB0, 10, 11))]
    device.move(0xBA, 2, 0)  # the controller has moved its own ring
    assert device.wait() == [bytes((0xB0, 10, 11))]


def test_learning_lights_a_knob_at_once_and_unlearning_puts_it_out() -> None:
    device = LitController()
    assert device.wait() == []
    device.learn("hold", 0x99, 37, 100)
    device.set("hold", True)
    assert device.wait() == [bytes((0x99, 37, DARK)), bytes((0x99, 37, LIT))]
    device.learn("temperature", 0xB0, 20, 5)
    assert device.wait() == [bytes((0xB0, 20, 57))]
    device.unlearn("hold")
    assert device.wait() == [bytes((0x99, 37, DARK))]
    device.unlearn("temperature")
    assert device.wait() == [bytes((0xB0, 20, 0))]


MOTORS = parse_profile('name = "motors"\n[[ring]]\nccs = [0, 119]\n', "motors.toml")


def test_a_motor_stays_where_it_is_when_its_light_would_be_put_out() -> None:
    device = LitController(VOLUME, profile=MOTORS)
    assert device.wait() == [bytes((0xB0, 21, 102))]
    device.unlearn("volume")
    assert device.wait() == []


def test_a_device_that_comes_back_gets_everything_anew_and_nothing_meanwhile() -> None:
    device = LitController(VOLUME, MUTE, profile="launchpad-x")
    assert device.wait() == [START, bytes((0x90, 36, 0))]
    device.lose()
    device.set("p2.mute", True)
    assert device.wait(2.0) == []
    assert device.feedback.errors == 1
    device.is_there = True
    assert device.wait(1.0) == [START, bytes((0x90, 36, 0)), bytes((0x90, 36, GREEN))]


def test_a_device_that_refuses_in_the_middle_gets_everything_anew() -> None:
    device = LitController(VOLUME)
    device.wait()
    device.is_there = False
    device.set("volume", 0.0)
    assert device.wait() == []
    device.is_there = True
    assert device.wait(1.0) == [bytes((0xB0, 21, 0))]


def test_at_the_end_what_was_lit_is_put_out_and_the_controller_is_as_it_was() -> None:
    device = LitController(MUTE, profile="launchpad-x")
    device.set("p2.mute", True)
    device.wait()
    n_before = len(device.sent)
    device.feedback.close()
    device.feedback.close()
    assert device.sent[n_before:] == [bytes((0x90, 36, 0)), STOP]


def test_a_panic_puts_the_lights_out_until_the_next_control_takes_effect() -> None:
    device = LitController(MUTE, VOLUME)
    device.set("p2.mute", True)
    device.wait()
    device.feedback.announce("panic", True)
    assert device.wait() == [bytes((0x99, 36, DARK)), bytes((0xB0, 21, 0))]
    device.set("volume", 1.0)
    assert device.wait(1.0) == []
    device.feedback.announce("volume", 1.0)
    assert device.wait() == [bytes((0x99, 36, DARK)), bytes((0x99, 36, LIT)), bytes((0xB0, 21, 127))]


def test_the_lights_of_a_port_that_plays_a_voice_are_on_its_own_channel_and_not_on_the_voice_s() -> None:
    voice = "pads,voice=tr"
    knob, pad = Knob("volume", 2, "cc", 2), Knob("p2.mute", 2, "note", 9)  # the channel of the triangle
    device = LitController(knob, pad, profile="x-touch-mini", asked=voice)
    device.set("p2.mute", True)
    assert device.wait()[1:] == [bytes(each) for each in ((0xB0, 10, 0), (0xB0, 10, 11), (0x90, 1, 0), (0x90, 1, 1))]
    lead = Knob("p1.volume", 0, "cc", 2)  # on the channel of a voice that this port does not play
    assert LitController(knob, lead, asked=voice).wait() == [bytes((0xB0, 2, 102))]
    assert LitController(knob, asked=f"{voice},channel=5").wait() == [bytes((0xB4, 2, 102))]


def test_a_knob_of_another_port_is_not_lit_here() -> None:
    device = LitController(Knob("volume", 0, "cc", 21, port="faders"), MUTE, Knob("hold", 9, "note", 36, port="pads"))
    device.set("hold", True)
    assert device.wait() == [bytes((0x99, 36, DARK)), bytes((0x99, 36, LIT))]  # the port's own, in place of any port's
    device.set("p2.mute", True)
    device.set("volume", 0.0)
    assert device.wait() == []


MOVES = st.lists(
    st.tuples(
        st.floats(0.0, 0.5),
        st.sampled_from(
            [("temperature", 0.0, 2.0), ("volume", 0.0, 1.0), ("p2.mute", False, True), ("hold", False, True)]
        ),
        st.floats(0.0, 1.0),
    ),
    max_size=25,
)
PROFILES = st.sampled_from(["generic", "launchpad-x", "apc40-mk2", MOTORS])


@given(MOVES, PROFILES, st.floats(0.0, 3.0), st.integers(0, 2**32))
def test_a_device_that_sends_everything_back_moves_nothing_and_the_traffic_ends(
    moves: list[tuple[float, tuple[str, float, float], float]], profile: str | Profile, delay: float, seed: int
) -> None:
    """However late: with a controller that echoes, nothing is taken for the performer's."""
    dice = random.Random(seed)
    device = LitController(*ALL, profile=profile, echo_seconds=lambda: delay + dice.uniform(0.0, 0.01))
    device.wait(delay + 0.05)
    for pause, (name, low, high), share in moves:
        device.wait(pause)
        device.set(name, share >= 0.5 if CONTROLS[name].kind == "bool" else low + share * (high - low))
    values = device.values
    device.wait(delay + 1.0)
    assert device.heard == []
    assert device.values == values
    assert device.wait(2.0 * delay + 1.0) == []


@given(st.lists(st.tuples(st.floats(0.1, 0.8), st.integers(36, 40)), max_size=12), PROFILES, st.floats(0.0, 1.5))
def test_a_press_acts_once_though_its_light_comes_back(
    presses: list[tuple[float, int]], profile: str | Profile, delay: float
) -> None:
    device = LitController(*ALL, profile=profile, echo_seconds=lambda: delay)
    device.wait(delay + 0.05)
    for pause, key in presses:
        device.move(0x99, key, 90)  # not the velocity of any light
        device.wait(0.06)
        device.move(0x89, key, 0)
        device.wait(pause)
    device.wait(delay + 1.0)
    controls = {36: "p2.mute", 37: "hold", 38: "mode", 39: "reroll", 40: "drop"}
    assert [event.name for event in device.fired] == [controls[key] for _, key in presses]
    assert device.wait(2.0 * delay + 1.0) == []


def test_every_input_drops_what_lights_a_device_when_it_comes_by_another_way() -> None:
    device = LitController(MUTE, VOLUME, profile="apc40-mk2")
    device.set("p2.mute", True)
    sent = [message for message in device.wait() if message[0] < 0xF0]
    assert sent
    assert all(device.echo.is_echo(message, device.now) for message in sent if message[2])


@pytest.mark.parametrize("delay", [0.06, 0.2, 1.0, 3.0])
def test_a_loop_that_is_plugged_in_while_a_pad_is_lit_ends(delay: float) -> None:
    """The controller did not send anything back before; the first messages that come back may be taken for presses."""
    device = LitController(REROLL, profile="launchpad-x", echo_seconds=None)
    device.wait(6.0)
    device.loop(delay)
    device.move(0x99, 39, 90)
    device.wait(0.1)
    device.move(0x89, 39, 0)
    device.wait(20.0)
    assert len(device.fired) <= 3
    assert device.wait(10.0) == []


@given(st.lists(st.floats(0.08, 0.6), min_size=1, max_size=12))
def test_a_pad_whose_light_has_the_velocity_of_its_press_hears_every_press(pauses: list[float]) -> None:
    """It sends 127, and is lit with 127; it sends nothing back."""
    device = LitController(MUTE)
    device.wait(1.0)
    for pause in pauses:
        device.move(0x99, 36, 127)
        device.wait(0.07)
        device.move(0x89, 36, 0)
        device.wait(pause)
    assert len(device.fired) == len(pauses)
    assert {type(event) for event in device.heard} == {NoteOn, NoteOff}


@given(st.permutations(range(1, 127)))
def test_a_knob_obeys_the_hand_though_the_same_positions_were_just_sent(values: list[int]) -> None:
    device = LitController(VOLUME)
    device.wait()
    for value in values:
        device.set("volume", value / 127)
        device.wait()
    device.wait(0.5)
    first = values[-1]
    for value in range(first, 128):
        device.move(0xB0, 21, value)
    assert device.values["volume"] == 1.0
    for value in range(127, -1, -1):
        device.move(0xB0, 21, value)
    assert device.values["volume"] == 0.0
