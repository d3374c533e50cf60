"""The inbox: takes the events of all inputs, and passes them to the desk, the instrument and the MIDI outputs."""

import time

from livegen.events import Event
from livegen.instrument.instrument import Instrument
from livegen.session.desk import Desk
from livegen.session.midi_outs import MidiOuts
from livegen.session.panic import PANIC, PanicButton


class Inbox:
    """Takes events from any thread.

    Parameters
    ----------
    desk : Desk
    instrument : Instrument

    Attributes
    ----------
    midi_outs : MidiOuts or None
        The outputs that follow the keys and end their notes at a panic. They are set later: the inbox is made first.
    """

    def __init__(self, desk: Desk, instrument: Instrument) -> None:
        self._desk = desk
        self._instrument = instrument
        self.midi_outs: MidiOuts | None = None
        self._panic = PanicButton()

    def receive(self, event: Event, source: str) -> None:
        """Take an event from any input: the `Sink` of all inputs."""
        for passed in self._desk.hear(event, source, self._instrument.values):
            self.play(passed, source)

    def play(self, event: Event, source: str) -> None:
        """Pass on an event that the desk has let through."""
        now_seconds, was_running = time.perf_counter(), self._instrument.is_model_audible
        self._instrument.receive(event, source)
        if self.midi_outs is not None:
            self.midi_outs.follow_keys()
        if event == PANIC:
            everywhere = self._panic.goes_everywhere(now_seconds, is_running=was_running)
            if self.midi_outs is not None:
                self.midi_outs.panic(everywhere=everywhere)
        elif self._panic.is_pressed(event, source, now_seconds):
            self.play(PANIC, source)
