"""What an echo of our own output is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livegen.system.midi_echo import EchoFilter, LateEcho

NOTE_ON, NOTE_OFF, SOFT_OFF = [0x91, 60, 80], [0x81, 60, 0], [0x91, 60, 0]


def test_what_we_just_sent_is_an_echo_once() -> None:
    echo = EchoFilter(0.05)
    echo.sent(NOTE_ON, 1.0)
    assert echo.is_echo(NOTE_ON, 1.01)
    assert not echo.is_echo(NOTE_ON, 1.02)


def test_what_comes_late_or_is_another_message_is_no_echo() -> None:
    echo = EchoFilter(0.05)
    echo.sent(NOTE_ON, 1.0)
    assert not echo.is_echo(NOTE_ON, 1.06)
    assert not echo.is_echo([0x92, 60, 80], 1.01)


@pytest.mark.parametrize("off", [NOTE_OFF, SOFT_OFF, [0x81, 60, 64]])
def test_the_release_of_an_echoed_key_is_an_echo_in_any_form(off: list[int]) -> None:
    echo = EchoFilter(0.05)
    echo.sent(NOTE_ON, 1.0)
    assert echo.is_echo(NOTE_ON, 1.01)
    echo.sent(NOTE_OFF, 2.0)
    assert echo.is_echo(off, 2.01)


def test_a_key_that_the_performer_holds_is_released_even_while_we_release_the_same() -> None:
    echo = EchoFilter(0.05)
    assert not echo.is_echo(NOTE_ON, 0.5)
    echo.sent(NOTE_OFF, 1.0)
    assert not echo.is_echo(NOTE_OFF, 1.01)


def test_a_second_keyboard_strikes_what_was_just_handed_on_and_is_heard() -> None:
    """It left out what was played before; as long as it sends other notes between, it is no cable."""
    echo = EchoFilter()
    for strike in range(20):
        now = 1.0 + strike
        echo.sent([0x91, 20 + strike, 90], now, is_thru=True)  # only on the first keyboard
        echo.sent(NOTE_ON, now + 0.3, is_thru=True)
        assert not echo.is_echo(NOTE_ON, now + 0.31, "second")
        assert not echo.is_echo(NOTE_OFF, now + 0.4, "second")


def test_what_the_model_plays_is_an_echo_from_any_port() -> None:
    echo = EchoFilter()
    for strike in range(20):
        echo.sent([0x91, 20 + strike, 90], 1.0 + strike)
        echo.sent(NOTE_ON, 1.3 + strike)
        assert echo.is_echo(NOTE_ON, 1.31 + strike, "second")


@given(st.lists(st.floats(0.001, 0.04), min_size=1, max_size=30), st.integers(0, 40))
def test_a_cable_that_brings_back_what_is_handed_on_is_known_after_three_notes(
    delays: list[float], n_before: int
) -> None:
    echo = EchoFilter()
    for strike in range(n_before):  # before it was plugged in
        echo.sent(NOTE_ON, float(strike), is_thru=True)
    heard = []
    for strike, delay in enumerate(delays, n_before):
        echo.sent(NOTE_ON, float(strike), is_thru=True)
        heard.append(echo.is_echo(NOTE_ON, strike + delay, "cable"))
    assert heard == [False] * min(n_before, 3, len(delays)) + [True] * max(len(delays) - min(n_before, 3), 0)


def test_every_port_has_an_echo_of_its_own() -> None:
    echo = EchoFilter()
    echo.sent(NOTE_ON, 1.0)
    assert echo.is_echo(NOTE_ON, 1.01, "a")
    assert echo.is_echo(NOTE_ON, 1.02, "b")
    assert not echo.is_echo(NOTE_ON, 1.03, "a")


@given(st.lists(st.tuples(st.booleans(), st.lists(st.integers(0, 255), max_size=4), st.floats(0, 1)), max_size=30))
def test_what_the_performer_plays_passes_when_nothing_was_sent_lately(
    steps: list[tuple[bool, list[int], float]],
) -> None:
    echo = EchoFilter()
    for is_ours, message, at in steps:
        if is_ours:
            echo.sent(message, at)
        else:
            echo.is_echo(message, at)
    for _, message, _ in steps:
        assert not echo.is_echo(message, 2.0)


KNOB_AT_64, PAD_ON, PAD_OFF = [0xB0, 20, 64], [0x90, 36, 127], [0x90, 36, 0]


def test_a_knob_stands_where_it_was_put_last_however_late_that_comes_back() -> None:
    late = LateEcho()
    late.sent([0xB0, 20, 10], 1.0, is_position=True)
    late.sent(KNOB_AT_64, 1.1, is_position=True)
    assert not late.is_echo([0xB0, 20, 11], 3.0)
    assert late.is_echo(KNOB_AT_64, 4.0)
    assert not late.is_echo(KNOB_AT_64, 4.1)  # once


def test_a_position_before_the_last_may_be_the_performer_s() -> None:
    late = LateEcho()
    for value in range(10, 20):
        late.sent([0xB0, 20, value], 1.0 + value / 100, is_position=True)
    assert not any(late.is_echo([0xB0, 20, value], 2.0 + value) for value in range(12, 18))


@given(st.floats(0.06, 4.9), st.lists(st.tuples(st.integers(0, 3), st.integers(1, 127)), min_size=3, max_size=20))
def test_a_device_that_sends_everything_back_is_known_from_the_second_message_on(
    delay: float, sent: list[tuple[int, int]]
) -> None:
    late = LateEcho()
    messages = [[0x90, 36 + pad, velocity] for pad, velocity in sent]
    for index, message in enumerate(messages):
        late.sent(message, index / 1000)
    heard = [late.is_echo(message, index / 1000 + delay) for index, message in enumerate(messages)]
    assert heard[1:] == [True] * (len(messages) - 1)


@given(st.lists(st.floats(0.08, 0.6), min_size=2, max_size=2, unique=True), st.integers(1, 12))
def test_a_pad_that_a_hand_presses_at_any_even_pace_is_heard(paces: list[float], n_presses: int) -> None:
    """It toggles what it sets, and is lit with the velocity that it sends; it is held for less than it is let go."""
    held, pause = sorted(paces)
    pause = max(pause, held + 0.1)
    late, now = LateEcho(), 10.0
    for press in range(n_presses):
        now += pause
        assert not late.is_echo(PAD_ON, now)
        late.sent(PAD_ON if press % 2 == 0 else PAD_OFF, now + 0.01)
        now += held
        assert not late.is_echo(PAD_OFF, now)


def test_what_stays_away_shows_that_the_device_sends_nothing_back() -> None:
    late = LateEcho()
    for index in range(4):
        late.sent([0x90, 36 + index, 1], 1.0)
        late.is_echo([0x90, 36 + index, 1], 1.2)
    late.sent(PAD_ON, 2.0)  # never comes back
    late.sent([0x90, 40, 1], 8.0)
    assert not late.is_echo([0x90, 40, 1], 8.2)


def test_no_release_of_a_key_that_is_down_is_taken_for_an_echo() -> None:
    late = LateEcho()
    for index in range(4):
        late.sent([0x90, 50 + index, 1], 1.0)
        late.is_echo([0x90, 50 + index, 1], 1.2)
    assert not late.is_echo(PAD_ON, 1.3)  # the performer's
    late.sent(PAD_OFF, 1.35)
    assert not late.is_echo(PAD_OFF, 1.55)
    late.sent(PAD_OFF, 1.6)
    assert late.is_echo(PAD_OFF, 1.8)


@given(st.lists(st.tuples(st.booleans(), st.lists(st.integers(0, 255), max_size=4), st.floats(0, 9)), max_size=40))
def test_nothing_is_too_strange_to_be_asked(steps: list[tuple[bool, list[int], float]]) -> None:
    late = LateEcho()
    for is_ours, message, at in sorted(steps, key=lambda step: step[2]):
        if is_ours and message:
            late.sent(message, at, is_position=True)
        else:
            late.is_echo(message, at)
