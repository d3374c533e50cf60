"""The settings of one MIDI output: their dataclass, their ranges, and their text form.

A rig file's ``[[midi_out]]`` tables and the command line's ``--midi-out`` have the same keys, and `read_settings` reads
both. There, channels are 1..16 and 0 means none; here, they are 0..15 or None.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Final

from livegen.errors import PortError
from livegen.score import MIDI_CHANNEL, NOTE_RANGE, Voice, fit_octave
from livegen.toml.ports import TRANSPOSITIONS, number_of, parse_port, port_of, switch_of, table_of, whole_of, word_of
from livegen.units import MAX_VELOCITY
from livegen.voices import VOICE_OF_NAME

DRUM_KEYS: Final[Mapping[int, int]] = MappingProxyType(
    {
        **{1: 35, 2: 36},  # bass drums
        **{3: 41, 4: 43, 5: 45},  # low toms
        **{6: 48, 7: 50},  # high toms
        **{8: 40, 9: 38, 10: 39},  # snares and clap
        **{11: 49, 12: 46, 13: 51},  # crash, open hi-hat, ride
        **{14: 42, 15: 44, 16: 70},  # closed hi-hat, pedal hi-hat, maracas
    }
)
"""General MIDI drum key by noise note. For the notes in `livegen.score.DRUM_NOTES`, it is the inverse of that table."""

EXPONENTS: Final[Mapping[str, float]] = MappingProxyType({"soft": 0.5, "linear": 1.0, "hard": 2.0})
FIXED: Final = "fixed"
CURVES: Final = (*EXPONENTS, FIXED)
"""Names of velocity curves. Velocity is 127 times the level (0..1) to the power of the exponent; `FIXED` ignores it."""

EXPRESSIONS: Final = ("off", "nesmdb", "relative")
"""How CC 11 and CC 12 tell volume and timbre.

``off`` does not tell them. ``nesmdb`` tells them as NES-MDB does, 0..15 and 0..3. ``relative`` is for a synthesizer
whose loudness is velocity times expression: 127 is the volume with which the note began, and the timbres are spread
over 0..127.
"""

MIN_OFFSET_MS: Final = -50.0
MAX_OFFSET_MS: Final = 500.0

_RANGES: Final[Mapping[str, tuple[int, int]]] = MappingProxyType(
    {"channel": (0, 16), "transpose": TRANSPOSITIONS, "velocity": (1, MAX_VELOCITY)}
)
_WORDS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType({"curve": CURVES, "expression": EXPRESSIONS})
_VOICE_KEYS: Final = ("channel", "transpose", "curve", "velocity")
_KEYS: Final = ("port", "thru", "clock", "metronome", "offset_ms", "expression", "drums")


@dataclass(frozen=True, slots=True)
class VoiceOut:
    """How one voice is sent.

    Attributes
    ----------
    channel : int or None
        0..15; None sends nothing.
    transpose : int
        In semitones, -48..48. A key beyond MIDI's range moves back by octaves. NO uses the drum map instead.
    curve : str
        One of `CURVES`.
    velocity : int
        1..127. Used by the curve ``fixed``, and for the model's TR, which has no volume.
    """

    channel: int | None
    transpose: int = 0
    curve: str = "linear"
    velocity: int = 100

    def velocity_of(self, level: float | None) -> int:
        """Return the MIDI velocity, 1..127, of a level of 0..1. The level is None if the voice has no volume."""
        if level is None or self.curve == FIXED:
            return self.velocity
        return max(1, round(MAX_VELOCITY * min(level, 1.0) ** EXPONENTS[self.curve]))


def _default_voices() -> tuple[VoiceOut, ...]:
    return tuple(VoiceOut(MIDI_CHANNEL[voice]) for voice in Voice)


@dataclass(frozen=True, slots=True)
class MidiOutSettings:
    """One MIDI output.

    Attributes
    ----------
    port : str or None
        Part of the port's name. None opens a virtual port that others connect with.
    voices : tuple of VoiceOut
        In the order P1, P2, TR, NO.
    drums : mapping of int to int
        MIDI key of NO by noise note, all of 1..16.
    expression : str
        One of `EXPRESSIONS`.
    thru : bool
        Whether the performer's keys are sent too, on the channel of the voice that they play.
    clock : bool
        Whether MIDI clock is sent, with start, stop, continue and song position.
    metronome : int or None
        Channel of the metronome, 0..15; None sends no metronome.
    offset_ms : float
        How much later than its sound everything is sent, in milliseconds, -50..500; negative is earlier. What is sent
        early must be decided early. A frame is decided a few milliseconds before it sounds in any case; beyond that,
        the model answers as much later.
    """

    port: str | None = None
    voices: tuple[VoiceOut, ...] = field(default_factory=_default_voices)
    drums: Mapping[int, int] = field(default_factory=lambda: DRUM_KEYS)
    expression: str = "off"
    thru: bool = False
    clock: bool = False
    metronome: int | None = None
    offset_ms: float = 0.0

    def key(self, voice: Voice, note: int) -> int:
        """Return the MIDI key, 0..127, of a voice's note."""
        return self.drums[note] if voice is Voice.NO else fit_octave(note + self.voices[voice].transpose, 0, 127)

    @property
    def channels(self) -> tuple[int, ...]:
        """The channels in use, each once: those of the voices in order, then that of the metronome."""
        used = [*(voice.channel for voice in self.voices), self.metronome]
        return tuple(dict.fromkeys(channel for channel in used if channel is not None))


def read_settings(table: Mapping[str, Any]) -> MidiOutSettings:
    """Return the settings in a table, as a rig file has it.

    Parameters
    ----------
    table : mapping
        Any of ``port``, ``thru``, ``clock``, ``metronome``, ``offset_ms``, ``expression``, ``drums`` (key by noise
        note) and a table for each of ``p1``, ``p2``, ``tr``, ``no`` with any of ``channel``, ``transpose``, ``curve``,
        ``velocity``. Numbers and switches may be text.

    Raises
    ------
    PortError
        If a key is unknown or a value is out of range; the message begins with the key, ``p1.channel``.
    """
    settings = MidiOutSettings()
    voices = list(settings.voices)
    changes: dict[str, Any] = {}
    for key, value in table.items():
        if key in VOICE_OF_NAME:
            voices[VOICE_OF_NAME[key]] = _read_voice(voices[VOICE_OF_NAME[key]], key, value)
        elif key == "drums":
            changes[key] = _read_drums(value)
        elif key == "offset_ms":
            changes[key] = number_of(key, value, MIN_OFFSET_MS, MAX_OFFSET_MS)
        elif key in ("thru", "clock"):
            changes[key] = switch_of(key, value)
        elif key == "metronome":
            changes[key] = _channel(key, value)
        elif key == "expression":
            changes[key] = word_of(key, value, _WORDS[key])
        elif key == "port":
            changes[key] = port_of(value, "output")
        else:
            raise PortError(f"{key} is unknown for a MIDI output: allowed is {', '.join((*_KEYS, *VOICE_OF_NAME))}")
    return replace(settings, voices=tuple(voices), **changes)


def parse_settings(text: str) -> MidiOutSettings:
    """Return the settings of one ``--midi-out``: a part of a port's name, then any ``key=value``, with commas between.

    ``moog,tr.channel=5,clock=on`` is the port that has moog in its name; without a name it is a virtual port.

    Raises
    ------
    PortError
        As `read_settings`.
    """
    return parse_port("--midi-out", text, read_settings)


def write_settings(settings: MidiOutSettings) -> dict[str, Any]:
    """Return a table of all that differs from the defaults. `read_settings` makes the same settings of it."""
    default, table = MidiOutSettings(), dict[str, Any]()
    for key in ("port", "thru", "clock", "offset_ms", "expression"):
        if getattr(settings, key) != getattr(default, key):
            table[key] = getattr(settings, key)
    if settings.metronome is not None:
        table["metronome"] = settings.metronome + 1
    drums = {str(note): key for note, key in settings.drums.items() if key != DRUM_KEYS[note]}
    if drums:
        table["drums"] = drums
    for name, voice in VOICE_OF_NAME.items():
        own, usual = settings.voices[voice], default.voices[voice]
        changed = {key: getattr(own, key) for key in _VOICE_KEYS if getattr(own, key) != getattr(usual, key)}
        if "channel" in changed:
            changed["channel"] = 0 if own.channel is None else own.channel + 1
        if changed:
            table[name] = changed
    return table


def _read_voice(voice: VoiceOut, name: str, table: object) -> VoiceOut:
    changes: dict[str, Any] = {}
    for key, value in table_of(name, table, "channel = 5").items():
        where = f"{name}.{key}"
        if key == "channel":
            changes[key] = _channel(where, value)
        elif key == "curve":
            changes[key] = word_of(where, value, _WORDS[key])
        elif key in ("transpose", "velocity"):
            changes[key] = whole_of(where, value, *_RANGES[key])
        else:
            raise PortError(f"{where} is unknown for a MIDI output: allowed is {', '.join(_VOICE_KEYS)}")
    return replace(voice, **changes)


def _read_drums(table: object) -> Mapping[int, int]:
    lowest, highest = NOTE_RANGE[Voice.NO]
    read = {
        whole_of("a key of drums", note, lowest, highest): whole_of(f"drums.{note}", key, 0, 127)
        for note, key in table_of("drums", table, "2 = 36").items()
    }
    return MappingProxyType({**DRUM_KEYS, **read})


def _channel(key: str, value: object) -> int | None:
    channel = whole_of(key, value, *_RANGES["channel"])
    return channel - 1 if channel else None
