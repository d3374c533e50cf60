"""All controllers of a session that are lit, as one object: it opens their ports and counts what goes wrong."""

import contextlib
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from livegen.errors import PortError
from livegen.inputs.midi import MidiInput, source_of
from livegen.inputs.midi_settings import FEEDBACK_OFF, FEEDBACK_ON
from livegen.instrument.instrument import Instrument
from livegen.profiles.reader import load_profile, profile_of
from livegen.session.desk import Desk
from livegen.session.feedback.feedback import Feedback
from livegen.system.midi_echo import EchoFilter
from livegen.system.midi_names import Choice, output_beside
from livegen.system.midi_ports import MidiSystem, OutputPort

if TYPE_CHECKING:
    from livegen.session.session import Session


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
    feedbacks : list of Feedback
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
        self.feedbacks: list[Feedback] = []
        self.warnings: list[str] = []
        with contextlib.ExitStack() as opened:
            opened.callback(self.close)
            for keys, wiring in midi_in.named():
                if wiring.feedback == FEEDBACK_OFF:
                    continue
                is_by_name = wiring.feedback == FEEDBACK_ON
                profile = profile_of(keys.name) if is_by_name else load_profile(wiring.feedback)
                port = self._open(midi, str(wiring.port), keys.name)
                if port is not None:
                    feedback = Feedback(
                        port,
                        partial(source_of, keys),
                        wiring,
                        profile,
                        knobs=lambda: desk.knobs,
                        values=lambda: instrument.values,
                        state=lambda: instrument.state,
                        place=desk.place,
                        echo=echo,
                    )
                    self.feedbacks.append(feedback)
            opened.pop_all()
        midi_in.is_late_echo = self.is_echo

    def attach(self, session: "Session") -> None:
        """Let a session that has not started run the lights, tell them of a panic, and count what goes wrong."""
        for feedback in self.feedbacks:
            session.audience.append(feedback)
            session.attach(f"lights {feedback.name}", feedback.run, is_urgent=False)
        session.status.counters.append(lambda: {"lights not taken": self.errors} if self.feedbacks else {})

    @property
    def errors(self) -> int:
        """Number of times that a device did not take what lights it."""
        return sum(feedback.errors for feedback in self.feedbacks)

    def is_echo(self, message: Sequence[int], source: str, now_seconds: float) -> bool:
        """Tell whether a message is what a device was sent and sends back late; any thread may call it."""
        return any(feedback.is_echo(message, source, now_seconds) for feedback in self.feedbacks)

    def close(self) -> None:
        """Put all lights out and close all ports, even if one of them raises."""
        with contextlib.ExitStack() as closing:
            for feedback in self.feedbacks:
                closing.callback(feedback.close)

    def _open(self, midi: MidiSystem, wanted: str, name: str) -> OutputPort | None:
        """Return the open output of the device that an input belongs to; None, and a warning, if it has none."""
        taken = {feedback.name for feedback in self.feedbacks}
        output = output_beside(name, wanted, [each for each in midi.port_names("out") if each not in taken])
        if output is None:
            self.warnings.append(f"{name} has no output port beside its input: feedback has nothing to light there")
            return None
        try:
            return OutputPort(midi, wanted, Choice(output))
        except PortError as error:
            self.warnings.append(f"{name} is not lit: {error}")
            return None
