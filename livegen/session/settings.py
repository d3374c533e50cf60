"""What a session is opened with, as frozen values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from livegen.controls import Value
from livegen.offline.capture import CAPTURE_ENDINGS
from livegen.outputs.midi_settings import MidiOutSettings
from livegen.rig import Library, Rig
from livegen.takes.library import TakeSettings


@dataclass(frozen=True, slots=True)
class Settings:
    """What a session is opened with; names as on the command line.

    Attributes
    ----------
    audio : str or None
        Device, host API, ``"null"``, or None for the best there is.
    is_apart : bool
        Whether each voice sounds on a channel of its own.
    rate, block : int or None
        Sample rate in Hz and samples a block; None takes the device's own.
    latency_ms : float or None
        From a sample's making to its sound, as `livegen calibrate` measures it; None believes the device.
    midi_api : str
    midi_in : str or None
        Part of a port's name; None opens a virtual port where the system has them.
    midi_outs : tuple of MidiOutSettings
        None at all opens a virtual port where the system has them.
    osc_host : str
    osc_port : int or None
        UDP port, 0 for a free one; None takes the usual one, or a free one where that is in use.
    link : bool
        Whether to join the Ableton Link session of the network.
    play : Path or None
        A MIDI file that is played into the session.
    is_strict : bool
        Whether that file is refused if it is damaged.
    seed : int
    controls : mapping
        Values over those of the patch.
    take : TakeSettings or None
        Where and how the jam is recorded; None is not.
    captures : sequence of str
        Kinds of the files that a capture writes beside the take.
    library : Library
        Patches that may be changed to.
    rig : Rig
        What the session was asked for, by a rig and over it by options: what `save` keeps begins as this.
    """

    audio: str | None = None
    is_apart: bool = False
    rate: int | None = None
    block: int | None = None
    latency_ms: float | None = None
    midi_api: str = "auto"
    midi_in: str | None = None
    midi_outs: tuple[MidiOutSettings, ...] = ()
    osc_host: str = "127.0.0.1"
    osc_port: int | None = None
    link: bool = False
    play: Path | None = None
    is_strict: bool = False
    seed: int = 0
    controls: Mapping[str, Value] = field(default_factory=dict)
    take: TakeSettings | None = None
    captures: Sequence[str] = CAPTURE_ENDINGS
    library: Library = field(default_factory=Library)
    rig: Rig = field(default_factory=Rig)
