"""Panic: which events mean it, and which MIDI channels it silences.

Besides the control ``panic`` there are two MIDI messages, all sound off (120) and all notes off (123). A panic button
sends them on one channel or on all channels; such a burst counts as one press. Some keyboards send 123 whenever their
last key comes up; that is no panic.
"""

import math
from typing import Final

from livegen.events import PANIC, ControlChange, Event, NoteOff

_CONTROLLERS: Final = (120, 123)
_ALL_NOTES_OFF: Final = 123
_BURST_SECONDS: Final = 0.1
_AGAIN_SECONDS: Final = 2.0


def may_be_panic(event: Event) -> bool:
    """Tell whether an event is a panic, or a MIDI message that may stand for one."""
    return event == PANIC or (isinstance(event, ControlChange) and event.control in _CONTROLLERS)


class PanicButton:
    """Recognizes the presses of a panic button.

    Notes
    -----
    Inputs call it from their own threads, each with its own sources. Two presses at the same moment on two inputs may
    count as two, which does no harm.
    """

    def __init__(self) -> None:
        self._let_go_at: dict[tuple[str, int], float] = {}
        self._burst_at = self._pressed_at = -math.inf

    def is_pressed(self, event: Event, source: str, now_seconds: float) -> bool:
        """Tell whether an event is a MIDI message that means ``panic``, and the first of its burst."""
        match event:
            case NoteOff(channel):
                self._let_go_at[source, channel] = now_seconds
            case ControlChange(channel, control) if control in _CONTROLLERS:
                since_key_up = now_seconds - self._let_go_at.get((source, channel), -math.inf)
                if control == _ALL_NOTES_OFF and since_key_up < _BURST_SECONDS:
                    return False
                is_new = now_seconds - self._burst_at >= _BURST_SECONDS
                self._burst_at = now_seconds
                return is_new
        return False

    def goes_everywhere(self, now_seconds: float, *, is_running: bool) -> bool:
        """Note a panic, and tell whether it silences all sixteen channels: at a second press, or while stopped.

        Parameters
        ----------
        now_seconds : float
        is_running : bool
            Whether the model played until now.
        """
        is_second = now_seconds - self._pressed_at < _AGAIN_SECONDS
        self._pressed_at = now_seconds
        return is_second or not is_running
