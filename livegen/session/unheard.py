"""What came from a keyboard and moved nothing: counted by kind, with what to do about the last of it."""

from collections import Counter
from collections.abc import Mapping
from typing import Final

from livegen.controls import Values
from livegen.events import ControlChange, Event, NoteOn, ProgramChange
from livegen.performance.keyboard import HEARD_CONTROLLERS, key_of, voices_of

_FILE: Final = "file:"
"""What a file has for other instruments is no surprise to anybody."""


class Unheard:
    """Counts it; any thread may call.

    Attributes
    ----------
    last : str
        What it was last, and the cure, in a sentence; or empty.
    """

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self.last = ""

    @property
    def counts(self) -> Mapping[str, int]:
        """How often, by kind."""
        return dict(self._counts)

    def hear(self, event: Event, source: str, values: Values) -> None:
        """Count an event that has come as far as the instrument, if it moves nothing there."""
        if source.startswith(_FILE):
            return
        match event:
            case NoteOn(channel, note) if not voices_of(channel, key_of(event), values, event.voice):
                voice = event.voice
                cure = "plays no voice of yours: set a role to player, or a zone"
                if voice is not None:
                    cure = f"plays {voice.name}, which is not yours: set {voice.name.lower()}.role to player"
                self._count("keys that play no voice", f"key {note} on channel {channel + 1} {cure}")
            case ControlChange(channel, control) if control not in HEARD_CONTROLLERS:
                self._count(
                    "knobs that set nothing",
                    f"CC {control} on channel {channel + 1} sets nothing: :learn and a control's name give it one",
                )
            case ProgramChange(channel, program):
                self._count(
                    "programs that pick nothing",
                    f"program {program + 1} on channel {channel + 1} picks nothing: list patches in the rig",
                )

    def leave_out(self, event: Event, source: str) -> None:
        """Count an event on a channel that nobody listens to."""
        if isinstance(event, (NoteOn, ControlChange, ProgramChange)):
            port = source.removeprefix("midi:")
            self._count(
                "messages on other channels",
                f"channel {event.channel + 1} of {port} is not listened to: --midi-in says which one is",
            )

    def _count(self, kind: str, sentence: str) -> None:
        self._counts[kind] += 1
        self.last = sentence
