"""All MIDI outputs of a session as one object: it opens them, counts their errors, and sends a panic to all."""

import contextlib
from collections.abc import Callable, Sequence

from livegen.instrument.instrument import Instrument
from livegen.outputs.midi import MidiOutput, TimeOfFrame
from livegen.outputs.midi_messages import ThruKey
from livegen.outputs.midi_settings import MidiOutSettings
from livegen.system.midi_echo import EchoFilter
from livegen.system.midi_ports import MidiSystem, OutputPort


class MidiOuts:
    """The outputs. Each has a thread of its own, so that a port that hangs does not delay the others.

    Parameters
    ----------
    midi : MidiSystem
    settings : sequence of MidiOutSettings
    instrument : Instrument
        The instrument whose score and keys are sent.
    time_of_sound : callable
        Returns when a frame is heard, in seconds of `time.perf_counter`.
    echo : EchoFilter

    Attributes
    ----------
    outputs : list of MidiOutput
    warnings : list of str
        What the user should know about how the ports were chosen.

    Raises
    ------
    PortError
        If a port cannot be opened.
    """

    def __init__(
        self,
        midi: MidiSystem,
        settings: Sequence[MidiOutSettings],
        instrument: Instrument,
        time_of_sound: TimeOfFrame,
        echo: EchoFilter,
    ) -> None:
        self.outputs: list[MidiOutput] = []
        self.warnings: list[str] = []
        self._midi = midi
        self._instrument, self._time_of_sound, self._echo = instrument, time_of_sound, echo
        with contextlib.ExitStack() as opened:
            opened.callback(self.close)
            for each in self._asked(settings):
                self.outputs.append(self._open(each))
            opened.pop_all()

    def _asked(self, settings: Sequence[MidiOutSettings]) -> Sequence[MidiOutSettings]:
        return settings or ((MidiOutSettings(),) if self._midi.has_virtual_ports else ())

    def _open(self, settings: MidiOutSettings, *, is_patient: bool = False) -> MidiOutput:
        instrument, port = self._instrument, OutputPort(self._midi, settings.port, is_patient=is_patient)
        self.warnings += [port.warning] if port.warning else []
        return MidiOutput(
            port,
            instrument.table,
            self._time_of_sound,
            settings=settings,
            muted=lambda: instrument.mutes,
            held=_held_by(instrument),
            is_running=lambda: instrument.is_model_audible,
            has_metronome=lambda: bool(instrument.values["metronome_out"]),
            echo=self._echo,
        )

    def rewire(self, settings: Sequence[MidiOutSettings]) -> list[MidiOutput]:
        """Let the outputs be others from now on, and return those that are new: their `run` is to be called.

        A port that both have stays open. One that is not there is opened when it comes; the others are closed.
        """
        kept, new, free = list[MidiOutput](), list[MidiOutput](), list(self.outputs)
        for each in sorted(self._asked(settings), key=lambda each: each not in [output.settings for output in free]):
            same = [output for output in free if output.settings.port == each.port]
            output = next((output for output in same if output.settings == each), same[0] if same else None)
            if output is None:
                new.append(self._open(each, is_patient=True))
                continue
            free.remove(output)
            kept.append(output)
            if output.settings != each:
                output.change(each)
        self.outputs = kept + new
        for output in free:
            output.leave()
        return new

    @property
    def names(self) -> list[str]:
        """Names of their ports."""
        return [output.name for output in self.outputs]

    @property
    def errors(self) -> int:
        """Number of messages that the ports refused."""
        return sum(output.errors for output in self.outputs)

    @property
    def skipped_frames(self) -> int:
        """Number of frames that were not sent because the machine was late."""
        return sum(output.skipped_frames for output in self.outputs)

    @property
    def earliest_seconds(self) -> float:
        """How long before it is heard the earliest output sends a frame; 0 if no output is early."""
        return max((-output.settings.offset_ms / 1000.0 for output in self.outputs), default=0.0)

    def panic(self, *, everywhere: bool) -> None:
        """End every note on every output at once; see `MidiOutput.panic`."""
        for output in self.outputs:
            output.panic(everywhere=everywhere)

    def follow_keys(self) -> None:
        """Send what the performer plays to the outputs that are set to pass it on."""
        for output in self.outputs:
            output.follow_keys()

    def close(self) -> None:
        """Release every note and close all ports, even if one of them raises."""
        with contextlib.ExitStack() as closing:
            for output in self.outputs:
                closing.callback(output.close)


def _held_by(instrument: Instrument) -> Callable[[], tuple[ThruKey, ...]]:
    def held() -> tuple[ThruKey, ...]:
        return tuple(
            ThruKey(key.source, key.voice, key.played_key, key.note, key.velocity, key.order)
            for key in instrument.held_keys
        )

    return held
