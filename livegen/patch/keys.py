"""The one table of what a patch can say: its reader and its reference page are made from it.

A patch has keys of its own (`PATCH_KEYS`), a section ``[controls]`` with any row of `livegen.controls` that holds
a value, a section for each voice (`VOICE_KEYS`) and one for each drum (`DRUM_KEYS`). Macros and their terms are those
of FamiTracker. Times are in engine ticks, of which there are 60.0988 a second.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Literal

from livegen.patch.samples import SAMPLE_RATE_DEFAULT
from livegen.score import NOTE_RANGE, PITCHED, TIMBRE_MAX, Voice
from livegen.units import MAX_VOLUME
from livegen.voices import VOICE_OF_NAME

MACRO_LENGTH_MAX: Final = 64
MIDI_KEY_MAX: Final = 127
DRUMS_MAX: Final = 32

Range = tuple[float, float]

PULSES: Final = (Voice.P1, Voice.P2)
LOUD: Final = (Voice.P1, Voice.P2, Voice.NO)

_ARPEGGIO_MAX: Final = 48


@dataclass(frozen=True, slots=True)
class Key:
    """One row of the table of keys.

    Attributes
    ----------
    name : str
    kind : {"text", "bool", "int", "number", "choice", "macro", "run", "sample"}
        A macro is a whole number or a list of them, and has two more keys, which `MACRO_SUFFIXES` explains. A run is
        a macro without those two. A sample is the name of a file beside the patch.
    default : str, bool, int, float or None
        None if there is no value where the key is left out.
    description : str
        One clause for a musician.
    ranges : mapping of Voice to (lowest, highest)
        Range of the number, or of the macro's values, for each voice. The section of a voice that is missing here does
        not have the key.
    choices : tuple of str
        Words that a choice allows.
    unit : str
    """

    name: str
    kind: Literal["text", "bool", "int", "number", "choice", "macro", "run", "sample"]
    default: str | bool | float | None
    description: str
    ranges: Mapping[Voice, Range] = field(default_factory=dict)
    choices: tuple[str, ...] = ()
    unit: str = ""


def _each(voices: tuple[Voice, ...], lowest: float = 0, highest: float = 0) -> Mapping[Voice, Range]:
    return MappingProxyType(dict.fromkeys(voices, (lowest, highest)))


_EVERY: Final = _each(tuple(Voice))

PATCH_KEYS: Final[tuple[Key, ...]] = (
    Key("name", "text", "", "what the patch is called; the name of its file if left out"),
    Key("description", "text", "", "what it is for, in one line"),
)

_VOLUME: Final = Key(
    "volume",
    "macro",
    MAX_VOLUME,
    "loudness, times that of the key; the triangle is silent at 0 and sounds at anything else",
    _each(tuple(Voice), 0, MAX_VOLUME),
)
_TIMBRE: Final = Key(
    "timbre",
    "macro",
    0,
    "duty of a pulse (0..3: 12.5, 25, 50, 75 %), mode of the noise (0 hisses, 1 rings)",
    MappingProxyType({voice: (0, TIMBRE_MAX[voice]) for voice in LOUD}),
)
_NOISE_STEPS: Final = (1 - NOTE_RANGE[Voice.NO][1], NOTE_RANGE[Voice.NO][1])
_ARPEGGIO: Final = Key(
    "arpeggio",
    "macro",
    0,
    "semitones above the note, or steps of the noise's 16 periods; see `arpeggio_mode`",
    MappingProxyType({**_each(PITCHED, -_ARPEGGIO_MAX, NOTE_RANGE[Voice.P1][1]), Voice.NO: _NOISE_STEPS}),
)

VOICE_KEYS: Final[tuple[Key, ...]] = (
    _VOLUME,
    _TIMBRE,
    _ARPEGGIO,
    Key(
        "pitch",
        "macro",
        0,
        "added to the timer's period at every tick, so each value bends further: above 0 the pitch falls",
        _each(PITCHED, -128, 127),
    ),
    Key("hi_pitch", "macro", 0, "the same in steps of 16, for kicks and zaps", _each(PITCHED, -64, 63)),
    Key(
        "arpeggio_mode",
        "choice",
        "absolute",
        "absolute: each value counts from the note; relative: from the value before; fixed: values are notes",
        _EVERY,
        ("absolute", "relative", "fixed"),
    ),
    Key("velocity", "bool", True, "whether a harder key sounds louder; false is what the console's games knew", _EVERY),
    Key(
        "model_sound",
        "choice",
        "score",
        "how the model's notes sound here: with the volume and timbre that it chose, or like the player's",
        _EVERY,
        ("score", "patch"),
    ),
    Key("legato", "bool", False, "whether a key pressed while another is held goes on without a new attack", _EVERY),
    Key(
        "portamento",
        "number",
        0,
        "speed of the glide from a note that still sounds to the next; 0 does not glide",
        _each(PITCHED, 0, 2400),
        unit="semitones a second",
    ),
    Key("slide_from", "number", 0, "how far from its note each note begins", _each(PITCHED, -48, 48), (), "semitones"),
    Key("slide_to", "number", 0, "how far from its note it slides", _each(PITCHED, -48, 48), (), "semitones"),
    Key("slide_speed", "number", 60, "how fast", _each(PITCHED, 1, 2400), (), "semitones a second"),
    Key("vibrato_depth", "number", 0, "how far the pitch swings to either side", _each(PITCHED, 0, 1200), (), "cents"),
    Key("vibrato_speed", "number", 6, "how fast, the modulation wheel's vibrato too", _each(PITCHED, 0, 30), (), "Hz"),
    Key("vibrato_delay", "int", 0, "how long after the attack it begins", _each(PITCHED, 0, 600), (), "ticks"),
    Key("tremolo_depth", "int", 0, "how far the volume dips: 15 to silence, 5 by a third", _each(LOUD, 0, MAX_VOLUME)),
    Key("tremolo_speed", "number", 6, "how fast", _each(LOUD, 0, 30), (), "Hz"),
    Key("tremolo_delay", "int", 0, "how long after the attack it begins", _each(LOUD, 0, 600), (), "ticks"),
    Key(
        "modulation",
        "number",
        50,
        "depth of the vibrato that the modulation wheel brings when fully turned",
        _each(PITCHED, 0, 1200),
        unit="cents",
    ),
    Key(
        "aftertouch",
        "choice",
        "vibrato",
        "what pressing a held key harder does: the wheel's vibrato, a swell up to full volume, or nothing",
        _EVERY,
        ("vibrato", "volume", "off"),
    ),
    Key("detune", "number", 0, "shifts the voice, also where it echoes", _each(PITCHED, -1200, 1200), (), "cents"),
    Key(
        "envelope",
        "int",
        -1,
        "the chip's own decay in place of the volume macro: 0 is the fastest, 15 takes 1.3 s; -1 is off",
        _each(LOUD, -1, MAX_VOLUME),
    ),
    Key(
        "envelope_loop", "bool", False, "whether that decay begins again at its end, as long as the key is held", _EVERY
    ),
    Key("sweep_period", "int", 0, "time between steps of the chip's sweep, 0 is the shortest", _each(PULSES, 0, 7)),
    Key(
        "sweep_shift",
        "int",
        0,
        "the chip's sweep: above 0 the pitch rises, under 0 it falls; 1 is the widest step, 7 the finest, 0 is off",
        _each(PULSES, -7, 7),
    ),
    Key(
        "echo",
        "int",
        0,
        "loudness with which pulse 2, while it is free, repeats pulse 1; 15 is as loud, 0 is off",
        _each((Voice.P2,), 0, MAX_VOLUME),
    ),
    Key("echo_delay", "int", 12, "how much later; 0 doubles pulse 1", _each((Voice.P2,), 0, 120), (), "ticks"),
)

DRUM_KEYS: Final[tuple[Key, ...]] = (
    Key(
        "note",
        "int",
        None,
        "noise note, from 1, the lowest rumble, to 16, the highest hiss; General MIDI's if left out",
        _each((Voice.NO,), *NOTE_RANGE[Voice.NO]),
    ),
    _VOLUME,
    _TIMBRE,
    _ARPEGGIO,
    Key(
        "kick",
        "run",
        None,
        "notes that the triangle plays first, one a tick, in place of its own: a falling run is a bass drum",
        _each((Voice.NO,), *NOTE_RANGE[Voice.TR]),
    ),
    Key(
        "sample",
        "sample",
        None,
        "file beside the patch that the chip's DMC plays with the noise; a sound is made one bit deep",
        _each((Voice.NO,)),
    ),
    Key(
        "sample_rate",
        "int",
        SAMPLE_RATE_DEFAULT,
        "how fast: 15 is 33.1 kHz, 8 is 9.4, 0 is 4.2",
        _each((Voice.NO,), 0, 15),
    ),
)

MACRO_SUFFIXES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "loop": "index of the value to which the macro jumps back while the key is held",
        "release": "index of the last value before the key comes up; what follows is played then",
    }
)
"""What ``volume_loop`` and ``volume_release`` mean, and the same for every other macro."""

VOICE_SECTIONS: Final = VOICE_OF_NAME
DRUMS_SECTION: Final = "drums"
CONTROLS_SECTION: Final = "controls"


def has_key(key: Key, voice: Voice) -> bool:
    """Tell whether the section of a voice has a key."""
    return voice in key.ranges
