"""What an echo of our own output is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livegen.system.midi_echo import EchoFilter

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
