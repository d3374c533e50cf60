"""The status of a session while it plays, for the screen, the page and the last line of a jam."""

import time
from collections.abc import Callable, Mapping

from livegen.inputs.midi import POLL_SECONDS, MidiInput
from livegen.inputs.osc import OscServer
from livegen.instrument.instrument import Instrument
from livegen.performance.timeline import Step
from livegen.session.clock import AudioClock
from livegen.session.midi_outs import MidiOuts
from livegen.session.sound.speaker import Speaker
from livegen.session.unheard import Unheard
from livegen.takes.recorder import Recorder


class Status:
    """Reads the parts of a session; any thread may ask.

    Parameters
    ----------
    instrument : Instrument
    clock : AudioClock
    speaker : Speaker
    osc : OscServer
    unheard : Unheard
    midi_in : MidiInput or None
    midi_outs : MidiOuts or None
    recorder : Recorder or None

    Attributes
    ----------
    faults : int
        Number of exceptions that a thread survived; the last one is in `last_fault`.
    counters : list of callable
        Each returns the number of each kind of trouble, by its name.
    """

    def __init__(
        self,
        instrument: Instrument,
        clock: AudioClock,
        speaker: Speaker,
        osc: OscServer,
        unheard: Unheard,
        midi_in: MidiInput | None = None,
        midi_outs: MidiOuts | None = None,
        recorder: Recorder | None = None,
    ) -> None:
        self._instrument = instrument
        self._clock = clock
        self._speaker = speaker
        self._osc = osc
        self._unheard = unheard
        self._midi_in = midi_in
        self._midi_outs = midi_outs
        self._recorder = recorder
        self.faults = 0
        self.last_fault = ""
        self.counters: list[Callable[[], Mapping[str, int]]] = [self._counts]

    def frames_in_hand(self) -> int:
        """Return how many frames are planned beyond the one that sounds."""
        return self._instrument.state.timeline.end - 1 - self._clock.frame_at(time.perf_counter_ns())

    def sounding_step(self) -> Step | None:
        """Return the step of the frame that sounds; None before the first."""
        timeline = self._instrument.state.timeline
        frame_index = self._clock.frame_at(time.perf_counter_ns())
        return timeline.at(frame_index) if timeline.start <= frame_index < timeline.end else None

    def key_to_sound_ms(self) -> float:
        """Return how long a key takes to sound: half a block on average, the device's latency, and the poll."""
        half_block_seconds = self._clock.block_samples() / self._clock.sample_rate / 2
        early_seconds = self._clock.earliness_ns() / 1e9
        return 1000.0 * (half_block_seconds + early_seconds + self._speaker.latency_seconds + POLL_SECONDS / 2)

    def midi_ports(self) -> tuple[list[str], list[str]]:
        """Return the MIDI ports: the inputs with what each plays, and the outputs by their names."""
        midi_in, midi_outs = self._midi_in, self._midi_outs
        return [] if midi_in is None else midi_in.described, [] if midi_outs is None else list(midi_outs.names)

    def ports(self) -> str:
        """Return what is connected now."""
        midi_in, midi_out = (", ".join(names) or "none" for names in self.midi_ports())
        return f"MIDI in: {midi_in} · out: {midi_out} · OSC: {self._osc.host}:{self._osc.port}"

    def take(self) -> str:
        """Return where the jam is recorded, and the result of the last capture."""
        if self._recorder is None:
            return "take: none"
        return " · ".join(filter(None, [f"take: {self._recorder.folder}", self._recorder.captures.said]))

    def troubles(self) -> list[str]:
        """Return what went wrong so far and how often, the worst first; an empty list if all is well."""
        lines = [f"{what}: {count}" for what, count in self.counts().items() if count]
        lines += [f"OSC of {self._osc.last_drop}"] if self._osc.last_drop else []
        lines += [self._unheard.last] if self._unheard.last else []
        if self._recorder is not None and self._recorder.trouble:
            lines = [self._recorder.trouble, *lines]
        lines = [self._speaker.trouble, *lines] if self._speaker.trouble else lines
        return [f"faults: {self.faults}, the last in {self.last_fault}", *lines] if self.faults else lines

    def counts(self) -> dict[str, int]:
        """Return the number of each kind of trouble so far, without the faults."""
        return {what: count for counter in self.counters for what, count in counter().items()}

    def _counts(self) -> dict[str, int]:
        stats, midi_in, midi_outs = self._instrument.callback["stats"][0], self._midi_in, self._midi_outs
        return {
            "late frames": int(stats["late_frames"]),
            "underflows": int(stats["underflows"]),
            "losses of the sound device": self._speaker.losses,
            "the model followed a frame late": self._instrument.n_late_follows,
            "events lost": self._instrument.n_lost,
            "MIDI ports lost": 0 if midi_in is None else midi_in.lost,
            "MIDI pieces dropped": 0 if midi_in is None else midi_in.dropped,
            "MIDI messages not sent": 0 if midi_outs is None else midi_outs.errors,
            "frames not sent as MIDI": 0 if midi_outs is None else midi_outs.skipped_frames,
            **{f"OSC {kind}": count for kind, count in self._osc.drops.items()},
            **self._unheard.counts,
            "OSC answers not sent": self._osc.unsent,
        }

    def count_fault(self, where: str, error: Exception) -> None:
        """Count an exception that a thread survived, for the status line."""
        self.faults += 1
        self.last_fault = f"{where}: {error!r}"

    def farewell(self) -> str:
        """Return what is shown at the end: how long the session played, and what went wrong."""
        return f"played {self._clock.seconds():.1f} s, {', '.join(self.troubles()) or 'no late frame, no underflow'}"
