"""The inbox: where all inputs put what comes in, and from where it goes to the desk, the instrument and MIDI out."""

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
        What follows the keys and ends its notes with a panic; the inbox is there before it.
    """

    def __init__(self, desk: Desk, instrument: Instrument) -> None:
        self._desk = desk
        self._instrument = instrument
        self.midi_outs: MidiOuts | None = None
        self._panic = PanicButton()

    def receive(self, event: Event, source: str) -> None:
        """Take an event from any input; the `Sink` of them all."""
        for passed in self._desk.hear(event, source, self._instrument.values):
            self.play(passed, source)

    def play(self, event: Event, source: str) -> None:
        """Take an event that is music."""
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
