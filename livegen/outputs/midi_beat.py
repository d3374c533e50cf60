"""The MIDI messages on the beat: MIDI clock with its transport, and the metronome. Values and pure functions.

https://midi.org/midi-1-0-core-specifications: a clock has 24 messages a beat; a song position counts sixteenths and
must come while the receiver is stopped; the receiver plays from the first clock after a start or continue.
"""

from dataclasses import dataclass
from typing import Final

import mido

from livegen.outputs.beats import NEVER_COUNTED, next_part
from livegen.score_table import FrameBeat
from livegen.units import FRAME_RATE_HZ, MIDI_CLOCK_PPQN

_TICKS_A_SIXTEENTH: Final = MIDI_CLOCK_PPQN // 4
_FARTHEST_POSITION: Final = 0x3FFF  # 1024 bars of four beats
_HEADSTART_SECONDS: Final = 0.001  # how much earlier than their clock a start and a continue are sent
_ACCENT_KEY, _BEAT_KEY = 76, 77  # General MIDI's wood blocks, high and low
_ACCENT_VELOCITY, _BEAT_VELOCITY = 127, 90
_CLICK_SECONDS: Final = 0.03


@dataclass(frozen=True, slots=True)
class ClockState:
    """The state of a MIDI clock that is sent.

    Attributes
    ----------
    next_tick : int
        Number of the next tick, counted from bar 1, beat 1.
    is_started : bool
        Whether the receiver plays.
    """

    next_tick: int = NEVER_COUNTED
    is_started: bool = False


def clock_messages(
    state: ClockState, beat: FrameBeat | None, *, is_running: bool
) -> tuple[ClockState, list[mido.Message]]:
    """Return the clock's messages of one frame, and its state after it.

    The clock ticks while the beat is known. A start, or a continue from the present position, is sent on a sixteenth.
    During a count-in none is: the receiver begins with the music. A stop is sent when the model stops, or when the beat
    jumps or is no longer known.

    Parameters
    ----------
    state : ClockState
    beat : FrameBeat or None
        None is unknown.
    is_running : bool
        Whether the model plays.

    Returns
    -------
    ClockState
    list of mido.Message
        Its `time` is when it is due, in seconds since the frame began.
    """
    stop = [mido.Message("stop")] if state.is_started else []
    if beat is None:
        return ClockState(), stop
    tick, part = next_part(state.next_tick, beat.beats, beat.beats_a_frame, MIDI_CLOCK_PPQN)
    is_started = state.is_started and is_running and tick == state.next_tick
    messages = [] if is_started else stop
    while part < 1.0:
        at = part / FRAME_RATE_HZ
        is_counted = tick < beat.counted[1] * MIDI_CLOCK_PPQN
        if is_running and not is_started and not is_counted and tick >= 0 and tick % _TICKS_A_SIXTEENTH == 0:
            messages += _begin(tick // _TICKS_A_SIXTEENTH, at)
            is_started = True
        messages.append(mido.Message("clock", time=at))
        tick, part = next_part(tick + 1, beat.beats, beat.beats_a_frame, MIDI_CLOCK_PPQN)
    return ClockState(tick, is_started), messages


def click_messages(
    next_beat: int, beat: FrameBeat | None, channel: int, *, is_on: bool = True
) -> tuple[int, list[mido.Message]]:
    """Return the number of the beat that comes next, and the metronome's messages of one frame.

    Parameters
    ----------
    next_beat : int
        Number of the next beat, counted from bar 1, beat 1; `NEVER_COUNTED` at first.
    beat : FrameBeat or None
        None is unknown.
    channel : int
        0..15.
    is_on : bool
        Whether the metronome is on; the beats of a count-in are sent in any case.
    """
    if beat is None:
        return NEVER_COUNTED, []
    number, part = next_part(next_beat, beat.beats, beat.beats_a_frame, 1.0)
    if part >= 1.0:
        return number, []
    if not is_on and not beat.counted[0] <= number < beat.counted[1]:
        return number + 1, []
    at = part / FRAME_RATE_HZ
    is_accent = number % beat.beats_a_bar == 0
    key, velocity = (_ACCENT_KEY, _ACCENT_VELOCITY) if is_accent else (_BEAT_KEY, _BEAT_VELOCITY)
    return number + 1, [
        mido.Message("note_on", channel=channel, note=key, velocity=velocity, time=at),
        mido.Message("note_off", channel=channel, note=key, velocity=0, time=at + _CLICK_SECONDS),
    ]


def _begin(sixteenth: int, at: float) -> list[mido.Message]:
    before = max(at - _HEADSTART_SECONDS, 0.0)
    if sixteenth == 0:
        return [mido.Message("start", time=before)]
    position = min(sixteenth, _FARTHEST_POSITION)
    return [mido.Message("songpos", pos=position), mido.Message("continue", time=before)]
