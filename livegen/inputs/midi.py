"""MIDI input: from the bytes of ports to events, whatever the bytes are.

RtMidi delivers whole messages, but drivers and software differ. So the decoder takes any bytes, counts those that make
no message, and never raises.
"""

import contextlib
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from typing import Final

import mido

from livegen.errors import PortError
from livegen.events import (
    Aftertouch,
    ClockTick,
    Continue,
    ControlChange,
    Event,
    NoteOff,
    NoteOn,
    PitchWheel,
    PolyTouch,
    ProgramChange,
    Sink,
    SongPosition,
    SourceLost,
    Start,
    Stop,
)
from livegen.inputs.midi_settings import MidiInSettings, Wiring, wirings
from livegen.system.midi_echo import EchoFilter
from livegen.system.midi_names import Choice, choose_ports
from livegen.system.midi_ports import NO_VIRTUAL_PORTS, InputPort, MidiSystem

POLL_SECONDS: Final = 0.0005
_CHECK_SECONDS: Final = 0.5

_STATUS: Final = 0x80  # from here on a byte is a status
_SYSTEM: Final = 0xF0  # from here on a status has no channel, and ends running status
_REAL_TIME: Final = 0xF8  # from here on a status is a message of its own, and may stand inside another

_FROM_MESSAGE: Final[dict[str, Callable[[mido.Message], Event]]] = {
    "note_on": lambda m: NoteOn(m.channel, m.note, m.velocity) if m.velocity else NoteOff(m.channel, m.note),
    "note_off": lambda m: NoteOff(m.channel, m.note),
    "control_change": lambda m: ControlChange(m.channel, m.control, m.value),
    "program_change": lambda m: ProgramChange(m.channel, m.program),
    "pitchwheel": lambda m: PitchWheel(m.channel, m.pitch),
    "aftertouch": lambda m: Aftertouch(m.channel, m.value),
    "polytouch": lambda m: PolyTouch(m.channel, m.note, m.value),
    "clock": lambda m: ClockTick(),
    "start": lambda m: Start(),
    "continue": lambda m: Continue(),
    "stop": lambda m: Stop(),
    "songpos": lambda m: SongPosition(m.pos),
}


def event_of(message: mido.Message) -> Event | None:
    """Return the event of a MIDI message; None for sysex, active sensing and others that have no event."""
    make = _FROM_MESSAGE.get(message.type)
    return None if make is None else make(message)


_TO_MESSAGE: Final[Mapping[type, str]] = {
    **{NoteOn: "note_on", NoteOff: "note_off", ControlChange: "control_change", ProgramChange: "program_change"},
    **{PitchWheel: "pitchwheel", Aftertouch: "aftertouch", PolyTouch: "polytouch", SongPosition: "songpos"},
    **{ClockTick: "clock", Start: "start", Continue: "continue", Stop: "stop"},
}
"""Their fields have mido's names."""

_OF_THE_INPUT: Final = ("voice", "transpose")  # what an input adds to a message


def message_of(event: Event) -> mido.Message | None:
    """Return the MIDI message that an event came as; None where it is none of MIDI's."""
    name = _TO_MESSAGE.get(type(event))
    if name is None:
        return None
    values = {each.name: getattr(event, each.name) for each in fields(event) if each.name not in _OF_THE_INPUT}
    return mido.Message(name, **values, **({"velocity": 0} if name == "note_off" else {}))


class Decoder:
    """Cuts bytes into messages. It knows running status and real-time bytes inside messages, and skips sysex.

    Attributes
    ----------
    dropped : int
        Pieces that make no message: data without a status, truncated messages, undefined statuses.
    """

    def __init__(self) -> None:
        self.dropped = 0
        self._running_status = 0

    def decode(self, data: Sequence[int]) -> list[mido.Message]:
        """Return the messages of one packet of bytes (0..255); never raises.

        A message that a packet does not complete is dropped. Running status goes on into the next packet, because a
        keyboard's note_off may depend on it.
        """
        messages: list[mido.Message] = []
        pending: list[int] = []
        is_sysex = is_stray = False
        for byte in data:
            if byte >= _REAL_TIME:
                self._finish([byte], messages)
            elif byte >= _STATUS:
                self.dropped += bool(pending)
                is_stray, is_sysex = False, byte == _SYSTEM
                self._running_status = byte if byte < _SYSTEM else 0
                pending = [] if is_sysex or byte == 0xF7 else [byte]
            elif is_sysex:
                continue
            elif pending or self._running_status:
                pending = [*(pending or [self._running_status]), byte]
            else:
                self.dropped += not is_stray  # a run of stray data is one loss
                is_stray = True
            if pending and len(pending) == message_length(pending[0]):
                self._finish(pending, messages)
                pending = []
        self.dropped += bool(pending) or is_sysex
        return messages

    def _finish(self, data: list[int], messages: list[mido.Message]) -> None:
        try:
            messages.append(mido.Message.from_bytes(data))
        except (ValueError, KeyError, IndexError):  # a status that MIDI leaves undefined
            self.dropped += 1


def message_length(status: int) -> int:
    """Return how many bytes a message has; an undefined status stands alone."""
    if status < _SYSTEM:
        return 2 if status & 0xF0 in (0xC0, 0xD0) else 3
    return {0xF1: 2, 0xF2: 3, 0xF3: 2}.get(status, 1)


class MidiInput:
    """All MIDI that comes in, from the ports that are named, and from all other keyboards if that is asked for.

    Parameters
    ----------
    settings : sequence of MidiInSettings
        The inputs. One without a name opens a virtual port named livegen, where the system has such ports, and connects
        every hardware input that no other one names, also those that are plugged in later. So does an empty sequence.
    midi : MidiSystem
        The interface. The caller must close it.
    sink : Sink
        Called on the thread that runs `run`.
    echo : EchoFilter, optional
        Shared with the MIDI output: what we sent ourselves is dropped.
    now_seconds : callable
        Returns the monotonic time, of the same clock that the output uses for `echo`.

    Attributes
    ----------
    received, echoes, lost : int
        Number of events handed on; of our own messages that came back; of times that a port vanished.
    warnings : list of str
        What the user should know about how the ports were chosen.
    is_late_echo : callable
        Tells of a message from a source, at a time, whether a device sends back what lights it.

    Raises
    ------
    PortError
        If a named port is not there or is named twice, or nothing at all can be opened.

    Notes
    -----
    One thread calls `run`; `close` is called after it has ended. Any thread may call `wiring_of` and `rewire`.
    """

    def __init__(
        self,
        settings: Sequence[MidiInSettings],
        midi: MidiSystem,
        sink: Sink,
        *,
        echo: EchoFilter | None = None,
        now_seconds: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._midi = midi
        self._sink = sink
        self._echo = echo
        self._now_seconds = now_seconds
        self._ports: dict[InputPort, Decoder] = {}
        self._wirings: dict[InputPort, Wiring] = {}
        self._of_source: dict[str, Wiring] = {}
        self._refused: set[str] = set()
        self._virtual: InputPort | None = None
        self._next: list[Wiring] | None = None  # what the ports are to be wired as
        self.received = self.echoes = self.lost = self._overflows = self._dropped_before = 0
        self.warnings: list[str] = []
        self.is_late_echo: Callable[[Sequence[int], str, float], bool] = lambda message, source, now_seconds: False
        inputs = wirings(settings)
        self._rest = next((each for each in inputs if each.port is None), None)
        with contextlib.ExitStack() as opened:
            opened.callback(self.close)
            self._open_named([each for each in inputs if each.port is not None])
            if self._rest is not None and midi.has_virtual_ports:
                self._virtual = self._open(self._rest, None)
            self._connect_keyboards()
            opened.pop_all()
        if not self._ports:
            self.warnings.append(NO_VIRTUAL_PORTS)

    @property
    def dropped(self) -> int:
        """Number of pieces that made no message, plus the times that the queue was full."""
        return self._overflows + self._dropped_before + sum(decoder.dropped for decoder in self._ports.values())

    @property
    def names(self) -> list[str]:
        """Names of the ports that are open."""
        return [port.name for port in list(self._ports) if port.is_open]

    @property
    def described(self) -> list[str]:
        """The ports as the performer reads them: what each plays, and those that are named and gone."""
        shown = []
        for port, wiring in list(self._wirings.items()):
            words = wiring.words() if port.is_open else "gone, plays again when it is back"
            name = port.name or str(wiring.port)
            shown.append(f"{name} ({words})" if words else name)
        return shown

    def wiring_of(self, source: str) -> Wiring | None:
        """Return what is done with the events of a source; None if it is no port that was ever open here."""
        return self._of_source.get(source)

    def named(self) -> list[tuple[InputPort, Wiring]]:
        """Return the ports that are named, and what is done with each."""
        return [(port, wiring) for port, wiring in self._wirings.items() if wiring.port is not None]

    def run(self, stop: threading.Event) -> None:
        """Poll until `stop`: twice a millisecond for messages, twice a second for ports that come and go."""
        next_check = self._now_seconds() + _CHECK_SECONDS
        while not stop.is_set():
            self.poll()
            if self._now_seconds() >= next_check:
                self.check()
                next_check = self._now_seconds() + _CHECK_SECONDS
            time.sleep(POLL_SECONDS)

    def poll(self) -> None:
        """Hand on all messages that wait; before that, open and close ports if others are wanted."""
        inputs, self._next = self._next, None
        if inputs is not None:
            self._wire_anew(inputs)
        for port, decoder in self._ports.items():
            packets = port.poll()
            if not packets:
                continue
            for packet in packets:
                self._hand_on(packet, port, decoder)
            if len(packets) >= port.queue_size:  # messages were lost, perhaps a note_off
                self._overflows += 1
                self._sink(SourceLost(), source_of(port))

    def check(self) -> None:
        """Notice ports that vanished, open those that came back, and connect new keyboards."""
        for port, wiring in list(self._wirings.items()):
            was_open, source = port.is_open, source_of(port)
            if not port.check() and was_open:
                self.lost += 1
                self._sink(SourceLost(), source)
                if wiring.port is None and port is not self._virtual:
                    self._forget(port)  # it is found again when it comes back, even under another address
            elif port.has_lost_partner():  # the keys that it held on our virtual port would sound for ever
                self.lost += 1
                self._sink(SourceLost(), source)
            self._of_source[source_of(port)] = wiring
        self._connect_keyboards()

    def rewire(self, settings: Sequence[MidiInSettings]) -> None:
        """Let the next `poll` open and close ports, so that the inputs are others from then on.

        A port that both have stays open; where its settings are the same, what is held on it sounds on. One that is
        not there is opened when it comes.

        Raises
        ------
        PortError
            If two inputs without a name would take the same messages.
        """
        self._next = wirings(settings)

    def close(self) -> None:
        """Close all ports; the session learns that their keys are released."""
        for port in list(self._ports):
            self._drop(port)

    def _drop(self, port: InputPort) -> None:
        self._sink(SourceLost(), source_of(port))
        self._forget(port)

    def _wire_anew(self, inputs: Sequence[Wiring]) -> None:
        """Keep the ports that are wanted, close the others, and open what is missing."""
        self._rest = next((each for each in inputs if each.port is None), None)
        missing, free = [each for each in inputs if each.port is not None], list(self._ports)
        for has_had_it in (True, False):  # a port goes to the input that had it before, or else to one that it fits
            for wiring in list(missing):
                port = next((port for port in free if self._fits(port, wiring, has_had_it=has_had_it)), None)
                if port is not None:
                    missing.remove(wiring)
                    free.remove(port)
                    self._wire(port, wiring)
        keyboards = set(self._midi.hardware_inputs([port.name for port in free])) if self._rest is not None else set()
        for port in free:
            if self._rest is not None and (port is self._virtual or port.name in keyboards):
                self._wire(port, self._rest)
            else:
                self._drop(port)
        for wiring in missing:
            self._open(wiring, wiring.port, is_patient=True)
        if self._rest is not None and self._virtual is None and self._midi.has_virtual_ports:
            with contextlib.suppress(PortError):
                self._virtual = self._open(self._rest, None)
        self._connect_keyboards()

    def _fits(self, port: InputPort, wiring: Wiring, *, has_had_it: bool) -> bool:
        """Tell whether an open port is one that an input names, and whether the input of that name had it before."""
        assert wiring.port is not None
        before = self._wirings[port].port
        if has_had_it:
            return before is not None and before.lower() == wiring.port.lower()
        return port is not self._virtual and wiring.port.lower() in port.name.lower()

    def _wire(self, port: InputPort, wiring: Wiring) -> None:
        """Let a port do something else; its keys come up, unless it does the same as before."""
        if self._wirings[port].settings != wiring.settings:
            self._sink(SourceLost(), source_of(port))
        self._wirings[port] = self._of_source[source_of(port)] = wiring

    def _forget(self, port: InputPort) -> None:
        self._virtual = None if port is self._virtual else self._virtual
        self._dropped_before += self._ports.pop(port).dropped
        del self._wirings[port]
        port.close()

    def _hand_on(self, packet: list[int], port: InputPort, decoder: Decoder) -> None:
        now_seconds, source = self._now_seconds(), source_of(port)
        is_echo = self._echo is not None and self._echo.is_echo(packet, now_seconds, source)
        is_late_echo = self.is_late_echo(packet, source, now_seconds)  # it must know of every message
        if is_echo or is_late_echo:
            self.echoes += 1
            return
        for message in decoder.decode(packet):
            event = event_of(message)
            if event is not None:
                self.received += 1
                self._sink(event, source)

    def _open_named(self, named: Sequence[Wiring]) -> None:
        texts = [wiring.port for wiring in named if wiring.port is not None]
        choices = choose_ports(self._midi.port_names("in"), texts, "in") if texts else []
        for wiring, choice in zip(named, choices, strict=True):
            port = self._open(wiring, wiring.port, choice)
            if port.warning:
                self.warnings.append(port.warning)

    def _open(
        self, wiring: Wiring, wanted: str | None, choice: Choice | None = None, *, is_patient: bool = False
    ) -> InputPort:
        port = InputPort(self._midi, wanted, choice, lambda: list(self._ports), is_patient=is_patient)
        self._of_source[source_of(port)] = wiring
        self._ports[port], self._wirings[port] = Decoder(), wiring
        return port

    def _connect_keyboards(self) -> None:
        if self._rest is None:
            return
        there = self._midi.hardware_inputs(self._port_names())
        self._refused &= set(there)
        ports = list(self._ports)
        for name in set(there) - {port.name for port in ports} - self._refused:
            if any(port.waits_for(name) for port in ports):
                continue
            try:
                self._open(self._rest, name)
            except PortError as error:  # another program may use it: try again when it is plugged in again
                self._refused.add(name)
                self.warnings.append(str(error))

    def _port_names(self) -> list[str]:
        return self._midi.port_names("in") if self._virtual is None else self._virtual.neighbours()


def source_of(port: InputPort) -> str:
    """Return the source of the events of a port. It may change when the port goes and comes back."""
    return f"midi:{port.name}"
