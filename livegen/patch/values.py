"""The content of a patch as frozen dataclasses; `livegen.patch.keys` explains each field."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from livegen.controls import Value


@dataclass(frozen=True, slots=True)
class Macro:
    """Values that a voice runs through, one each engine tick (60.0988 Hz), as in FamiTracker.

    While the key is held, the macro runs to `release`, or to its end if there is none. From there it jumps back to
    `loop`, or stays where it is if there is none. When the key comes up, the macro plays what follows `release`, and
    the note ends when the volume macro ends. If the volume macro has no `release`, the note ends at once.

    Attributes
    ----------
    values : tuple of int
        One to 64 values.
    loop, release : int or None
        Indices into `values`. `loop` must not be after `release`.
    """

    values: tuple[int, ...]
    loop: int | None = None
    release: int | None = None


@dataclass(frozen=True, slots=True)
class VoicePatch:
    """How notes sound on one voice: a field for each of `livegen.patch.keys.VOICE_KEYS`, in its units."""

    volume: Macro
    timbre: Macro
    arpeggio: Macro
    pitch: Macro
    hi_pitch: Macro
    arpeggio_mode: Literal["absolute", "relative", "fixed"]
    velocity: bool
    model_sound: Literal["score", "patch"]
    legato: bool
    portamento: float
    slide_from: float
    slide_to: float
    slide_speed: float
    vibrato_depth: float
    vibrato_speed: float
    vibrato_delay: int
    tremolo_depth: int
    tremolo_speed: float
    tremolo_delay: int
    modulation: float
    aftertouch: Literal["vibrato", "volume", "off"]
    detune: float
    envelope: int
    envelope_loop: bool
    sweep_period: int
    sweep_shift: int
    echo: int
    echo_delay: int


@dataclass(frozen=True, slots=True)
class Drum:
    """What a drum key plays: a field for each of `livegen.patch.keys.DRUM_KEYS`."""

    note: int
    volume: Macro
    timbre: Macro
    arpeggio: Macro
    kick: Macro | None
    sample: bytes | None
    sample_rate: int


@dataclass(frozen=True, slots=True)
class Patch:
    """What a patch file says.

    Attributes
    ----------
    name, description : str
        One line each.
    controls : mapping of str to value
        Controls by their full names, in range.
    voices : tuple of VoicePatch, length 4
        In the order of `Voice`.
    drums : mapping of int to Drum
        What some keys of the noise voice play instead, by MIDI key.
    drum_notes : mapping of int to int
        Noise note by MIDI key: those of `drums`, and for other keys General MIDI's.
    """

    name: str
    description: str
    controls: Mapping[str, Value]
    voices: tuple[VoicePatch, ...]
    drums: Mapping[int, Drum]
    drum_notes: Mapping[int, int]
