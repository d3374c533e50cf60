"""The content of a rig as frozen dataclasses; `livegen.rig.keys` explains each field."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from livegen.controls import CONTROLS, SAME, Press, Value
from livegen.engines.cast import Cast
from livegen.inputs.midi_settings import MidiInSettings
from livegen.outputs.midi_settings import MidiOutSettings
from livegen.score import MIDI_CHANNEL, Voice

Peer = tuple[str, int]
"""Host and UDP port of a program that hears every change by OSC."""

_CHANNEL_VOLUME: Final = 7


@dataclass(frozen=True, slots=True)
class Knob:
    """A knob, button or pad of a MIDI controller, and the control that it sets.

    Attributes
    ----------
    control : str
        Full name of the control.
    channel : int
        0..15.
    kind : {"cc", "note"}
    number : int
        Number of the controller, or the MIDI key of a pad.
    mode : {"absolute", "pair", "twos_complement", "offset_64"}
        What its values mean. ``absolute`` is its position, 0..127. ``pair`` is its position in 14 bits, whose lower
        seven come on the controller 32 above. The last two are steps of an endless encoder: one step down is 127 for
        ``twos_complement`` and 63 for ``offset_64``.
    port : str or None
        The input that it is on, as the session names it, or a part of the port's name. None is any input; there, one
        that plays a voice of its own counts as the channel of that voice.
    """

    control: str
    channel: int
    kind: Literal["cc", "note"]
    number: int
    mode: Literal["absolute", "pair", "twos_complement", "offset_64"] = "absolute"
    port: str | None = None
    press: Press = "single"

    @property
    def is_switch(self) -> bool:
        """Whether it presses, and has no position that counts: an action, or one of several presses."""
        return self.press != "single" or CONTROLS[self.control].is_action

    def clashes(self, other: "Knob") -> bool:
        """Tell whether two knobs cannot both be there: a control has one, and so has a press of a switch."""
        is_one_place = self.place == other.place and (self.press == other.press or not can_press(self, other))
        return self.control == other.control or is_one_place

    @property
    def place(self) -> tuple[str, int, str, int]:
        """Where it is: its port in lower case, empty for any, and its channel, kind and number."""
        return (self.port or "").lower(), self.channel, self.kind, self.number

    def __str__(self) -> str:
        """Name it as a musician does."""
        what = "key" if self.kind == "note" else "CC"
        number = f"{self.number} and {self.number + 32}" if self.mode == "pair" else str(self.number)
        pressed = "" if self.press == "single" else f", pressed {'twice' if self.press == 'double' else 'long'}"
        return (
            f"{what} {number} on channel {self.channel + 1}{'' if self.port is None else f' of {self.port}'}{pressed}"
        )


def can_press(*knobs: Knob) -> bool:
    """Tell whether a switch can set the controls of all these knobs: none is a number."""
    return all(CONTROLS[knob.control].kind not in ("float", "int") for knob in knobs)


DEFAULT_KNOBS: Final = tuple(
    Knob(f"{voice.name.lower()}.volume", MIDI_CHANNEL[voice], "cc", _CHANNEL_VOLUME) for voice in Voice
)
"""Knobs that work without being learned: MIDI's channel volume, on the channel of each voice, sets its volume."""


@dataclass(frozen=True, slots=True)
class Rig:
    """What a rig file says: a field for each of `livegen.rig.keys.RIG_KEYS`, None if the file does not have the key.

    Attributes
    ----------
    controls : mapping of str to value
        Controls by their full names, in range. They override those of the patch.
    knobs : tuple of Knob or None
        Each control has at most one knob, and each knob one control. None means `DEFAULT_KNOBS`.
    midi_ins : tuple of MidiInSettings or None
    midi_outs : tuple of MidiOutSettings or None
    path : Path or None
        Path of the file.
    """

    patch: str | None = None
    patches: tuple[str, ...] | None = None
    model: str | None = None
    models: Mapping[Voice, str] | None = None
    seed: int | None = None
    audio: str | None = None
    audio_channels: str | None = None
    rate: int | None = None
    block: int | None = None
    latency_ms: float | None = None
    midi_api: str | None = None
    osc_host: str | None = None
    osc_port: int | None = None
    osc_peers: tuple[Peer, ...] | None = None
    web: bool | None = None
    web_host: str | None = None
    web_port: int | None = None
    link: bool | None = None
    controls: Mapping[str, Value] = field(default_factory=dict)
    knobs: tuple[Knob, ...] | None = None
    midi_ins: tuple[MidiInSettings, ...] | None = None
    midi_outs: tuple[MidiOutSettings, ...] | None = None
    path: Path | None = None

    @property
    def first_knobs(self) -> tuple[Knob, ...]:
        """The knobs that a session begins with."""
        return DEFAULT_KNOBS if self.knobs is None else self.knobs

    @property
    def cast(self) -> Cast:
        """Which model plays which voice, each by its name or its folder."""
        own = self.models or {}
        return Cast(self.model or "default", tuple(own.get(voice, SAME) for voice in Voice))
