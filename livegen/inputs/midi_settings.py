"""The settings of MIDI inputs: their dataclass, their text form, and which of them belong to one port.

A rig file's ``[[midi_in]]`` tables and the command line's ``--midi-in`` have the same keys, and `read_settings` reads
both. There, channels are 1..16; here, they are 0..15.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from livegen.controls import VOICE_PREFIX
from livegen.errors import PortError
from livegen.events import Event, NoteOn
from livegen.profiles.reader import is_profile, list_profiles
from livegen.toml.ports import TRANSPOSITIONS, parse_port, port_of, whole_of, word_of
from livegen.toml.text import shown
from livegen.voices import VOICE_OF_NAME, Voice

_KEYS: Final = ("port", "voice", "channel", "transpose", "feedback")
_CHANNELS: Final = (1, 16)

FEEDBACK_OFF: Final = "off"
FEEDBACK_ON: Final = "on"
"""What ``feedback`` may say beside a profile: the port's name picks the profile."""


@dataclass(frozen=True, slots=True)
class MidiInSettings:
    """One MIDI input.

    Attributes
    ----------
    port : str or None
        Part of the port's name. None is the virtual port, and every keyboard that no other input names.
    voice : Voice or None
        The voice that all its keys play, on whatever channel; None leaves that to channel and key.
    channel : int or None
        0..15, the only channel that is listened to; None listens to all.
    transpose : int
        In semitones, -48..48. A key beyond MIDI's range moves back by octaves.
    feedback : str
        Whether its knobs and pads show what they set: ``off``, ``on``, or the name or file of a profile. It takes a
        port with a name.
    """

    port: str | None = None
    voice: Voice | None = None
    channel: int | None = None
    transpose: int = 0
    feedback: str = FEEDBACK_OFF

    @property
    def is_plain(self) -> bool:
        """Whether it says nothing but the port."""
        return self == MidiInSettings(self.port)

    def takes(self, event: Event) -> bool:
        """Tell whether an event is of its channel, or of none."""
        return self.channel is None or getattr(event, "channel", self.channel) == self.channel

    def played(self, event: Event) -> Event:
        """Return an event as this input plays it: keys know their voice, and how they are transposed."""
        if isinstance(event, NoteOn) and not self.is_plain:
            return replace(event, voice=self.voice, transpose=self.transpose)
        return event

    def words(self) -> str:
        """Return what it does with its port, as it is shown; empty if nothing special."""
        said = [] if self.channel is None else [f"channel {self.channel + 1}"]
        said += [] if self.voice is None else [f"plays {self.voice.name}"]
        said += [f"{self.transpose:+d} semitones"] if self.transpose else []
        said += [] if self.feedback == FEEDBACK_OFF else [f"feedback {self.feedback}"]
        return ", ".join(said)

    def __str__(self) -> str:
        """Name its port, and what it does with it."""
        words = self.words()
        name = self.port or "every keyboard that is not named"
        return f"{name} ({words})" if words else name

    def _meets(self, other: "MidiInSettings") -> bool:
        """Tell whether both would take the same messages of a port."""
        return self.channel is None or other.channel is None or self.channel == other.channel


@dataclass(frozen=True, slots=True)
class Wiring:
    """What a session does with one port, or with all that it does not name.

    Attributes
    ----------
    port : str or None
        As in the settings.
    settings : tuple of MidiInSettings
        No two of them take the same message.
    label : str or None
        How the knobs of the port are told from those of others: by the name that the session gives it, with ``#2`` for
        the second of that name. None where the session has no other input, and for what it does not name.
    """

    port: str | None
    settings: tuple[MidiInSettings, ...]
    label: str | None = None

    def settings_for(self, event: Event) -> MidiInSettings | None:
        """Return the settings that take an event, or None if its channel is not listened to."""
        return next((each for each in self.settings if each.takes(event)), None)

    @property
    def feedback(self) -> str:
        """What the first of the settings says of feedback that has it."""
        return next((each.feedback for each in self.settings if each.feedback != FEEDBACK_OFF), FEEDBACK_OFF)

    def words(self) -> str:
        """Return what is done with the port, as it is shown; empty if nothing special."""
        return "; ".join(filter(None, (each.words() for each in self.settings)))


def wirings(settings: Sequence[MidiInSettings]) -> list[Wiring]:
    """Return what the inputs of a session are, each port once.

    Inputs of the same name with a channel each share a port. Other inputs of the same name are ports of their own, such
    as two keyboards of one make.

    Raises
    ------
    PortError
        If two inputs without a name would take the same messages.
    """
    groups: list[list[MidiInSettings]] = []
    for each in settings or (MidiInSettings(),):
        same = [group for group in groups if _folded(group[0].port) == _folded(each.port)]
        free = next((group for group in same if not any(each._meets(other) for other in group)), None)
        if free is not None:
            free.append(each)
        elif each.port is None and same:
            raise PortError(
                "two MIDI inputs without a name cannot both take every keyboard: name a port, or give each a channel"
            )
        else:
            groups.append([each])
    before: list[str] = []
    made = []
    for group in groups:
        port, label = group[0].port, None
        if port is not None and len(groups) > 1:
            n_before = before.count(port.lower())
            label = f"{port} #{n_before + 1}" if n_before else port
            before.append(port.lower())
        made.append(Wiring(port, tuple(group), label))
    return made


def labels_of(settings: Sequence[MidiInSettings]) -> frozenset[str]:
    """Return the labels of a session's inputs, in lower case."""
    return frozenset(each.label.lower() for each in wirings(settings) if each.label is not None)


def roles_of(settings: Iterable[MidiInSettings]) -> dict[str, str]:
    """Return the roles that go without saying: the voices that inputs play are the player's."""
    return {VOICE_PREFIX[each.voice] + "role": "player" for each in settings if each.voice is not None}


def read_settings(table: Mapping[str, Any]) -> MidiInSettings:
    """Return the settings in a table, as a rig file has it.

    Parameters
    ----------
    table : mapping
        Any of ``port``, ``voice``, ``channel``, ``transpose`` and ``feedback``. Numbers may be text.

    Raises
    ------
    PortError
        If a key is unknown or a value is out of range; the message begins with the key.
    """
    changes: dict[str, Any] = {}
    for key, value in table.items():
        if key == "port":
            changes[key] = port_of(value, "input")
        elif key == "voice":
            changes[key] = VOICE_OF_NAME[word_of(key, value, tuple(VOICE_OF_NAME))]
        elif key == "channel":
            changes[key] = whole_of(key, value, *_CHANNELS) - 1
        elif key == "transpose":
            changes[key] = whole_of(key, value, *TRANSPOSITIONS)
        elif key == "feedback":
            changes[key] = _feedback_of(value)
        else:
            raise PortError(f"{key} is unknown for a MIDI input: allowed is {', '.join(_KEYS)}")
    settings = MidiInSettings(**changes)
    if settings.port is None and settings.feedback != FEEDBACK_OFF:
        raise PortError("feedback needs a port, such as port = launchpad: without a name there is no device to light")
    return settings


def parse_settings(text: str) -> MidiInSettings:
    """Return the settings of one ``--midi-in``: a part of a port's name, then any ``key=value``, with commas between.

    ``minilab,voice=tr,transpose=-12`` is the port that has minilab in its name; without a name it is the virtual port
    and every keyboard that no other input names.

    Raises
    ------
    PortError
        As `read_settings`.
    """
    return parse_port("--midi-in", text, read_settings)


def write_settings(settings: MidiInSettings) -> dict[str, Any]:
    """Return a table of all that differs from the defaults. `read_settings` makes the same settings of it."""
    table: dict[str, Any] = {}
    if settings.port is not None:
        table["port"] = settings.port
    if settings.voice is not None:
        table["voice"] = settings.voice.name.lower()
    if settings.channel is not None:
        table["channel"] = settings.channel + 1
    if settings.transpose:
        table["transpose"] = settings.transpose
    if settings.feedback != FEEDBACK_OFF:
        table["feedback"] = settings.feedback
    return table


def _feedback_of(value: object) -> str:
    if isinstance(value, bool):
        return FEEDBACK_ON if value else FEEDBACK_OFF
    if isinstance(value, str) and value.lower() in (FEEDBACK_ON, FEEDBACK_OFF):
        return value.lower()
    if isinstance(value, str) and is_profile(value):
        return value
    there = ", ".join((FEEDBACK_ON, FEEDBACK_OFF, *list_profiles()))
    raise PortError(f"feedback cannot be {shown(value)}: allowed is {there}, or a profile's .toml file of your own")


def _folded(port: str | None) -> str | None:
    return None if port is None else port.lower()
