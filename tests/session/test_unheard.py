"""What moves nothing is counted by kind, and the performer is told what to do about it."""

import pytest

from livegen.controls import DEFAULTS, with_value
from livegen.events import ControlChange, Event, NoteOff, NoteOn, PitchWheel, ProgramChange
from livegen.score import Voice
from livegen.session.unheard import Unheard

KEYS = "midi:keys"


@pytest.mark.parametrize(
    ("event", "kind", "says"),
    [
        (ControlChange(0, 74, 3), "knobs that set nothing", "CC 74 on channel 1 sets nothing: :learn"),
        (ControlChange(4, 7, 3), "knobs that set nothing", "CC 7 on channel 5"),
        (NoteOn(1, 60, 100), "keys that play no voice", "key 60 on channel 2 plays no voice of yours"),
        (ProgramChange(0, 4), "programs that pick nothing", "program 5 on channel 1"),
        (
            NoteOn(0, 60, 100, Voice.TR),
            "keys that play no voice",
            "plays TR, which is not yours: set tr.role to player",
        ),
    ],
)
def test_what_moves_nothing_is_counted_by_kind(event: Event, kind: str, says: str) -> None:
    unheard = Unheard()
    for _ in range(3):
        unheard.hear(event, KEYS, DEFAULTS)
    unheard.hear(event, "file:song.mid", DEFAULTS)
    assert unheard.counts == {kind: 3}
    assert says in unheard.last


@pytest.mark.parametrize(
    "event",
    [NoteOn(0, 60, 100), NoteOff(1, 60), PitchWheel(0, 5), *(ControlChange(0, n, 1) for n in (1, 64, 101, 123))],
)
def test_what_plays_or_stands_for_a_wheel_or_a_pedal_is_not(event: Event) -> None:
    unheard = Unheard()
    unheard.hear(event, KEYS, DEFAULTS)
    assert unheard.counts == {}
    assert unheard.last == ""


def test_a_key_outside_every_zone_is() -> None:
    unheard = Unheard()
    unheard.hear(NoteOn(0, 30, 100), KEYS, with_value(DEFAULTS, "p1.key_low", 48))
    assert unheard.counts == {"keys that play no voice": 1}


def test_a_channel_that_an_input_does_not_listen_to_is_named() -> None:
    unheard = Unheard()
    for event in (NoteOn(1, 60, 100), NoteOff(1, 60), PitchWheel(1, 3)):
        unheard.leave_out(event, "midi:MiniLab:keys")
    assert unheard.counts == {"messages on other channels": 1}
    assert unheard.last == "channel 2 of MiniLab:keys is not listened to: --midi-in says which one is"


def test_an_input_s_transposition_comes_before_the_zones() -> None:
    unheard = Unheard()
    values = with_value(DEFAULTS, "p1.key_low", 60)
    unheard.hear(NoteOn(0, 50, 100, None, 12), KEYS, values)
    assert unheard.counts == {}
    unheard.hear(NoteOn(0, 60, 100, None, -12), KEYS, values)
    assert unheard.counts == {"keys that play no voice": 1}
