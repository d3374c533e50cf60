"""The inbox: takes the events of all inputs, and passes them to the desk, the instrument and the MIDI outputs."""

import math
import threading
import time
from collections.abc import Callable, Sequence
from typing import Final

from livegen.controls import with_value
from livegen.events import PANIC, Event, SetControl, SourceLost
from livegen.inputs.midi_settings import Wiring
from livegen.instrument.instrument import Instrument
from livegen.session.clock import AudioClock
from livegen.session.desk import Desk
from livegen.session.midi_outs import MidiOuts
from livegen.session.panic import PanicButton, may_be_panic
from livegen.session.schedule import Schedule
from livegen.session.unheard import Unheard
from livegen.units import FRAME_RATE_HZ

_NS: Final = 1_000_000_000
_KEY_MARGIN_NS: Final = 10_000_000
"""How long before the block of its sample a key is handed to the callback."""

_PLAN_MARGIN_NS: Final = 1_500_000_000 // FRAME_RATE_HZ
"""How long before the last plan of its frame the score is told of an event: a frame, and half of one to spare."""

_LONGEST_WAIT_SECONDS: Final = 0.1


class Inbox:
    """Takes events from any thread.

    Parameters
    ----------
    desk : Desk
    instrument : Instrument
    clock : AudioClock

    Attributes
    ----------
    midi_outs : MidiOuts or None
        What follows the keys and ends its notes with a panic; the inbox is there before it.
    wiring_of : callable
        Returns what is done with the events of a source, if it is a MIDI port.
    unheard : Unheard
        What moves nothing.
    plan_seconds : callable
        How long before it sounds a frame is planned for the last time.
    """

    def __init__(self, desk: Desk, instrument: Instrument, clock: AudioClock) -> None:
        self._desk = desk
        self._instrument = instrument
        self._clock = clock
        self.midi_outs: MidiOuts | None = None
        self.wiring_of: Callable[[str], Wiring | None] = lambda source: None
        self.plan_seconds: Callable[[], float] = lambda: 0.0
        self.unheard = Unheard()
        self._panic = PanicButton()
        self._early = Schedule(self._expect)
        self._punctual = Schedule(
            lambda events, source, due_ns: self._play_together(self._heard(events, source), source)
        )
        self._held: object = None
        self._wake = threading.Event()

    def receive(self, event: Event, source: str) -> None:
        """Take an event from any input; the `Sink` of them all."""
        self.receive_together((event,), source)

    def receive_together(self, events: Sequence[Event], source: str, due_ns: int | None = None) -> bool:
        """Take events that take effect together, at once or at a time to come; a `TogetherSink`."""
        if due_ns is not None and due_ns > time.perf_counter_ns():
            # a panic also ends what MIDI outputs play, which know of no time to come
            schedule = self._punctual if any(map(may_be_panic, events)) else self._early
            is_taken = schedule.put(events, source, due_ns)
            self._wake.set()
            return is_taken
        self._play_together(self._heard(events, source), source)
        return True

    def play(self, event: Event, source: str) -> None:
        """Take an event that is music."""
        self._play_together((event,), source)

    def run(self, stop: threading.Event) -> None:
        """Hand on what waits for its time, until `stop`."""
        while not stop.is_set():
            self._wake.clear()
            wait_seconds = (self.keep_time() - time.perf_counter_ns()) / _NS
            if wait_seconds > 0.0:
                self._wake.wait(min(wait_seconds, _LONGEST_WAIT_SECONDS))

    def keep_time(self) -> float:
        """Hand on what is due now, and return when to come back, in nanoseconds."""
        now_ns = time.perf_counter_ns()
        plan_ns = round(self.plan_seconds() * _NS) + _PLAN_MARGIN_NS
        block_ns = self._clock.block_samples() * _NS // self._clock.sample_rate
        next_ns = min(self._early.hand_on(now_ns + plan_ns) - plan_ns, self._punctual.hand_on(now_ns))
        sound_ns = self._instrument.sound_until(now_ns, block_ns + self._clock.earliness_ns() + _KEY_MARGIN_NS)
        self._follow_keys()
        if self._desk.knobs.due <= now_ns / _NS:
            for event, source in self._desk.wait(now_ns / _NS, self._instrument.values):
                self.play(event, source)
        return min(next_ns, self._desk.knobs.due * _NS, math.inf if sound_ns is None else sound_ns)

    def _expect(self, events: Sequence[Event], source: str, due_ns: int) -> None:
        """Tell the instrument of what is due soon."""
        heard = self._heard(events, source, due_ns)
        for event in heard:
            self._panic.is_pressed(event, source, due_ns / _NS)  # it is none: the button notes which keys come up
        self._instrument.receive_ahead(heard, source, due_ns, self._clock.steady_sample_at(due_ns))

    def _heard(self, events: Sequence[Event], source: str, due_ns: int | None = None) -> list[Event]:
        """Return what the desk makes of events, each with the controls that those before it have set.

        `due_ns` is when they happen, if that is still to come.
        """
        now_seconds = (time.perf_counter_ns() if due_ns is None else due_ns) / _NS
        values, heard = self._instrument.values, []
        wiring = self.wiring_of(source)
        for event in events:
            port = None if wiring is None else wiring.settings_for(event)
            if wiring is not None and port is None:
                self.unheard.leave_out(event, source)
                continue
            played = event if port is None else port.played(event)
            passed = self._desk.hear(played, source, values, wiring, now_seconds)
            if any(each is played for each in passed):
                self.unheard.hear(played, source, values)
            for each in passed:
                if isinstance(each, SetControl) and each.name in values:
                    values = with_value(values, each.name, each.value)
            heard += passed
        if self._desk.knobs.due < math.inf:  # a switch waits for what its press means
            self._wake.set()
        return heard

    def _play_together(self, events: Sequence[Event], source: str) -> None:
        now_seconds, was_running = time.perf_counter(), self._instrument.is_model_audible
        if PANIC in events:
            self._clear()
        elif any(isinstance(event, SourceLost) for event in events):  # nobody would let go of its keys
            self._clear(source)
        self._instrument.receive_together(events, source)
        self._follow_keys()
        for event in events:
            if event == PANIC:
                everywhere = self._panic.goes_everywhere(now_seconds, is_running=was_running)
                if self.midi_outs is not None:
                    self.midi_outs.panic(everywhere=everywhere)
            elif self._panic.is_pressed(event, source, now_seconds):
                self.play(PANIC, source)

    def _clear(self, source: str | None = None) -> None:
        """Drop what waits for its time, of a source or of all."""
        self._early.clear(source)
        self._punctual.clear(source)

    def _follow_keys(self) -> None:
        held = self._instrument.held_keys
        if self.midi_outs is not None and held is not self._held:
            self._held = held
            self.midi_outs.follow_keys()
