"""A MIDI file in place of a performer: its messages become events when they are due."""

import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Final

import mido

from livegen.events import Event, Sink, SourceLost
from livegen.inputs.midi import event_of

_LONGEST_WAIT_SECONDS: Final = 0.02  # wait no longer: the session's clock may run at another speed, or stop


def timeline_events(timeline: Iterable[tuple[float, mido.Message]]) -> list[tuple[float, Event]]:
    """Return the events of a timeline in the order of their seconds. Messages that have no event are left out."""
    events = [(seconds, event_of(message)) for seconds, message in timeline]
    return sorted(((at, event) for at, event in events if event is not None), key=lambda timed: timed[0])


class MidiFilePlayer:
    """Plays a MIDI file into the session in real time.

    Parameters
    ----------
    timeline : sequence of (float, mido.Message)
        Messages with their seconds since the start of the file, ascending.
    sink : Sink
        Called on the thread that runs `run`.
    source : str
        Name of the source, such as ``"file:song.mid"``.

    Attributes
    ----------
    received : int
        Events handed on so far.
    dropped : int
        Messages so far that stand for no event.
    has_ended : bool
        Whether the whole file was played.
    """

    def __init__(self, timeline: Sequence[tuple[float, mido.Message]], sink: Sink, source: str = "file") -> None:
        self._timeline = timeline
        self._sink = sink
        self._source = source
        self.received = 0
        self.dropped = 0
        self.has_ended = False

    def run(self, stop: threading.Event, clock_seconds: Callable[[], float]) -> None:
        """Play from now until the end or `stop`; then release every key.

        Parameters
        ----------
        stop : threading.Event
        clock_seconds : callable
            The session's time in seconds.
        """
        start = clock_seconds()
        try:
            for at, message in self._timeline:  # made into events as they are due: files may be large
                event = event_of(message)
                if event is None:
                    self.dropped += 1
                    continue
                while (remaining := start + at - clock_seconds()) > 0:
                    if stop.wait(min(remaining, _LONGEST_WAIT_SECONDS)):
                        return
                if stop.is_set():
                    return
                self._sink(event, self._source)
                self.received += 1
            self.has_ended = True
        finally:
            self._sink(SourceLost(), self._source)

    def close(self) -> None:
        """Do nothing, for nothing is held open. All inputs have this method."""
