"""All controllers of a session that are lit, as one object: it opens their ports and counts what goes wrong.

It is an `livegen.session.audience.Audience` of the session, to hear of a panic.
"""

import contextlib
from collections.abc import Collection, Mapping, Sequence
from functools import partial

from livegen.controls import Value
from livegen.errors import PortError
from livegen.inputs.midi import MidiInput, source_of
from livegen.inputs.midi_settings import FEEDBACK_OFF, FEEDBACK_ON, Wiring
from livegen.instrument.instrument import Instrument
from livegen.profiles.profile import Profile
from livegen.profiles.reader import load_profile, profile_of
from livegen.session.desk import Desk
from livegen.session.feedback.feedback import Feedback
from livegen.system.midi_echo import EchoFilter
from livegen.system.midi_names import Choice, output_beside
from livegen.system.midi_ports import InputPort, MidiSystem, OutputPort


class Devices:
    """The controllers. Each has a thread of its own, so that a port that hangs does not delay the others.

    Parameters
    ----------
    midi : MidiSystem
    midi_in : MidiInput
        Its named ports are those that may be lit. It is told what is an echo.
    desk : Desk
    instrument : Instrument
    echo : EchoFilter

    Attributes
    ----------
    warnings : list of str
        Controllers that cannot be lit, each in a sentence.

    Raises
    ------
    ProfileError
        If the file of a profile cannot be read.
    """

    def __init__(
        self, midi: MidiSystem, midi_in: MidiInput, desk: Desk, instrument: Instrument, echo: EchoFilter
    ) -> None:
        self.warnings: list[str] = []
        self._midi, self._midi_in, self._desk, self._instrument, self._echo = midi, midi_in, desk, instrument, echo
        self._lit: dict[InputPort, Feedback] = {}
        self._n_errors_before = 0
        with contextlib.ExitStack() as opened:
            opened.callback(self.close)
            self.rewire()
            opened.pop_all()
        midi_in.is_late_echo = self.is_echo

    @property
    def feedbacks(self) -> list[Feedback]:
        """Those of the controllers that are lit now."""
        return list(self._lit.values())

    def rewire(self) -> list[Feedback]:
        """Light the controllers that the inputs name now, and return those that are new: their `run` is to be called.

        One that was lit before stays so; the others go dark, and their ports are closed.

        Raises
        ------
        ProfileError
            If the file of a profile cannot be read.
        """
        wanted = {keys: wiring for keys, wiring in self._midi_in.named() if wiring.feedback != FEEDBACK_OFF}
        for keys, feedback in list(self._lit.items()):
            if keys in wanted and wanted[keys].feedback == feedback.wiring.feedback:
                feedback.wiring = wanted.pop(keys)
            else:
                self._n_errors_before += self._lit.pop(keys).errors
                feedback.leave()
        new = []
        for keys, wiring in wanted.items():
            is_by_name = wiring.feedback == FEEDBACK_ON
            profile = profile_of(keys.name) if is_by_name else load_profile(wiring.feedback)
            port = self._open(str(wiring.port), keys.name)
            if port is not None:
                self._lit[keys] = self._feedback(port, keys, wiring, profile)
                new.append(self._lit[keys])
        return new

    def _feedback(self, port: OutputPort, keys: InputPort, wiring: Wiring, profile: Profile) -> Feedback:
        return Feedback(
            port,
            partial(source_of, keys),
            wiring,
            profile,
            knobs=lambda: self._desk.knobs,
            values=lambda: self._instrument.values,
            state=lambda: self._instrument.state,
            place=self._desk.place,
            echo=self._echo,
        )

    def announce(self, name: str, value: Value) -> None:
        """Let all controllers know that a control took effect."""
        for feedback in self.feedbacks:
            feedback.announce(name, value)

    def refuse(self, name: str, reason: str) -> None:
        """Do nothing: a light shows what is so."""

    def tell_news(self, sentence: str, about: Collection[str] = ()) -> None:
        """Do nothing: a light cannot speak."""

    def counts(self) -> Mapping[str, int]:
        """Return how often a device did not take what lights it, in the performer's words; nothing without a device."""
        n_errors = self._n_errors_before + sum(feedback.errors for feedback in self.feedbacks)
        return {"lights not taken": n_errors} if self._lit or n_errors else {}

    def is_echo(self, message: Sequence[int], source: str, now_seconds: float) -> bool:
        """Tell whether a message is what a device was sent and sends back late; any thread may call it."""
        return any(feedback.is_echo(message, source, now_seconds) for feedback in self.feedbacks)

    def close(self) -> None:
        """Put all lights out and close all ports, even if one of them raises."""
        with contextlib.ExitStack() as closing:
            for feedback in self.feedbacks:
                closing.callback(feedback.close)

    def _open(self, wanted: str, name: str) -> OutputPort | None:
        """Return the open output of the device that an input belongs to; None, and a warning, if it has none."""
        taken = {feedback.name for feedback in self.feedbacks}
        output = output_beside(name, wanted, [each for each in self._midi.port_names("out") if each not in taken])
        if output is None:
            self.warnings.append(f"{name} has no output port beside its input: feedback has nothing to light there")
            return None
        try:
            return OutputPort(self._midi, wanted, Choice(output))
        except PortError as error:
            self.warnings.append(f"{name} is not lit: {error}")
            return None
