"""A MIDI file played into a session by a clock that the test turns."""

import threading

import mido

from livegen.events import Event, NoteOff, NoteOn, SourceLost
from livegen.inputs.midi_file import MidiFilePlayer, timeline_events

TIMELINE = [
    (0.0, mido.Message("note_on", note=60, velocity=90)),
    (0.5, mido.Message("note_off", note=60)),
    (0.5, mido.Message("sysex", data=(1, 2))),
    (1.0, mido.Message("note_on", channel=9, note=36, velocity=90)),
]


class Clock:
    """A clock that advances by a step whenever it is read."""

    def __init__(self, step: float) -> None:
        self.seconds = 100.0
        self._step = step

    def __call__(self) -> float:
        self.seconds += self._step
        return self.seconds


def test_each_event_comes_when_it_is_due_and_the_end_releases() -> None:
    clock, heard = Clock(0.05), []
    player = MidiFilePlayer(TIMELINE, lambda event, source: heard.append((clock.seconds, event, source)), "file:x.mid")
    start = clock.seconds
    player.run(threading.Event(), clock)
    assert [event for _, event, _ in heard] == [NoteOn(0, 60, 90), NoteOff(0, 60), NoteOn(9, 36, 90), SourceLost()]
    for (at, _, source), due in zip(heard, [0.0, 0.5, 1.0, 1.0], strict=True):
        assert start + due <= at <= start + due + 0.11
        assert source == "file:x.mid"
    assert (player.received, player.dropped, player.has_ended) == (3, 1, True)


def test_stop_ends_it_and_releases() -> None:
    heard: list[Event] = []
    stop = threading.Event()

    def sink(event: Event, _: str) -> None:
        heard.append(event)
        stop.set()

    player = MidiFilePlayer(TIMELINE, sink)
    player.run(stop, Clock(0.01))
    assert heard == [NoteOn(0, 60, 90), SourceLost()]
    assert not player.has_ended


def test_events_are_in_the_order_of_their_time() -> None:
    assert timeline_events(TIMELINE[::-1]) == [
        (0.0, NoteOn(0, 60, 90)),
        (0.5, NoteOff(0, 60)),
        (1.0, NoteOn(9, 36, 90)),
    ]
