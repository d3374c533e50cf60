"""What means panic, and how far it goes."""

import pytest

from livegen.events import ControlChange, NoteOff, NoteOn
from livegen.session.panic import PanicButton


@pytest.mark.parametrize("control", [120, 123])
def test_a_burst_on_all_channels_is_one_press(control: int) -> None:
    button = PanicButton()
    presses = [
        button.is_pressed(ControlChange(channel, control, 0), "pad", 5.0 + channel / 1000) for channel in range(16)
    ]
    assert presses == [True] + [False] * 15
    assert button.is_pressed(ControlChange(0, control, 0), "pad", 6.0)


def test_other_events_are_no_press() -> None:
    button = PanicButton()
    assert not any(button.is_pressed(event, "pad", 1.0) for event in (NoteOn(0, 60, 1), ControlChange(0, 121, 0)))


def test_all_notes_off_right_after_a_key_came_up_is_the_keyboard_s_habit() -> None:
    button = PanicButton()
    button.is_pressed(NoteOff(0, 60), "keys", 1.0)
    assert not button.is_pressed(ControlChange(0, 123, 0), "keys", 1.001)
    assert button.is_pressed(ControlChange(0, 120, 0), "keys", 1.002)
    assert button.is_pressed(ControlChange(0, 123, 0), "keys", 2.0)
    button.is_pressed(NoteOff(0, 60), "keys", 3.0)
    assert button.is_pressed(ControlChange(0, 123, 0), "other keys", 3.0)


def test_a_second_press_or_one_while_stopped_goes_everywhere() -> None:
    button = PanicButton()
    assert not button.goes_everywhere(1.0, is_running=True)
    assert button.goes_everywhere(2.5, is_running=False)
    assert not button.goes_everywhere(10.0, is_running=True)
    assert button.goes_everywhere(11.9, is_running=True)  # started again in between
