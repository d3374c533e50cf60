"""Reads FamiStudio's text.

The grammar is that of its documentation (https://famistudio.org/doc/export/, "FamiStudio Text") and of
`FamistudioTextFile.cs` (https://github.com/BleuBleu/FamiStudio). A line is an object and its attributes; what other
chips and samples have is left out.
"""

import re
from collections.abc import Callable
from typing import Final

from livegen.formats.chip.register_log import Tags
from livegen.formats.files import Warn
from livegen.formats.tracker.famistudio_song import (
    CHANNELS,
    MAX_DURATION,
    MAX_ENVELOPE_LENGTH,
    MAX_GROOVE_LENGTH,
    MAX_NOTE_LENGTH,
    MAX_PATTERN_TICKS,
    MAX_PATTERNS,
    N_NOTES,
    NOTE_NAMES,
    STOP,
    VIBRATO_DEPTH_MAX,
    VIBRATO_SPEED_MAX,
    Channel,
    Envelope,
    Note,
    Padding,
    Project,
    Song,
    Timing,
)
from livegen.formats.tracker.text import Lines
from livegen.score import Voice
from livegen.units import MAX_VOLUME

_OBJECT: Final = re.compile(r'([A-Za-z]+)((?:\s+[^\s"=]+\s*=\s*"(?:[^"]|"")*")*)\s*')
_ATTRIBUTE: Final = re.compile(r'([^\s"=]+)\s*=\s*"((?:[^"]|"")*)"')
_VALUE: Final = re.compile(r"([A-G]#?)([0-7])")
_PADDINGS: Final[tuple[Padding, ...]] = ("Beginning", "Middle", "End")
_LONGEST_BEAT: Final = 1 << 16
_OTHER_ATTRIBUTES: Final = {"PhaseReset": "phase resets"}

Attributes = dict[str, str]


def read_famistudio(name: str, text: str, warn: Warn) -> Project:
    """Return what a text says.

    Parameters
    ----------
    name : str
        Of the file, for messages.
    text : str
    warn : callable
        Hears if the file is cut off.

    Raises
    ------
    FormatError
        If a line is none of FamiStudio's, with its number; or as `warn` does.
    """
    reader = _Reader(Lines(name, text))
    for line in reader.lines:
        reader.take(line)
    project = reader.project()
    if any(set(CHANNELS) - song.channels.keys() for song in project.songs) or not project.songs:
        warn(f"{name} is cut off: not every song has the five channels of the console")
    return project


class _Reader:
    """Takes a text line by line."""

    def __init__(self, lines: Lines) -> None:
        self.lines = lines
        self._project: Attributes | None = None
        self._tuning_hz = 440
        self._left_out: dict[str, None] = {}
        self._instruments: dict[str, dict[str, Envelope]] = {}
        self._arpeggios: dict[str, Envelope] = {}
        self._songs: list[Song] = []
        self._envelopes: dict[str, Envelope] = {}
        self._song: Song | None = None
        self._channel: Channel | None = None
        self._pattern: dict[int, Note] | None = None
        self._is_heard = False
        self._objects: dict[str, Callable[[Attributes], None]] = {
            "Project": self._take_project,
            "DPCMSample": self._leave_sample,
            "DPCMMapping": self._leave_sample,
            "Instrument": self._take_instrument,
            "Arpeggio": self._take_arpeggio,
            "Envelope": self._take_envelope,
            "Song": self._take_song,
            "PatternCustomSettings": self._take_settings,
            "Channel": self._take_channel,
            "Pattern": self._take_pattern,
            "Note": self._take_note,
            "PatternInstance": self._take_instance,
        }

    @property
    def has_famitracker_tempo(self) -> bool:
        """Whether time is counted in rows."""
        return (self._project or {}).get("TempoMode") == "FamiTracker"

    def take(self, line: str) -> None:
        """Take a line."""
        if not line:
            return
        match = _OBJECT.fullmatch(line)
        take = self._objects.get(match[1]) if match else None
        if match is None or take is None:
            self.lines.refuse(f"{line[:40]!r} is no object of FamiStudio's text with its attributes in double quotes")
        if self._project is None and match[1] != "Project":
            self.lines.refuse(f"{match[1]} comes before Project")
        take({key: value.replace('""', '"') for key, value in _ATTRIBUTE.findall(match[2])})

    def project(self) -> Project:
        """Return what was said."""
        said = self._project or {}
        return Project(
            tags=Tags(said.get("Name", ""), said.get("Author", ""), notes=said.get("Copyright", "")),
            is_pal=said.get("PAL", "").lower() == "true",
            tuning_hz=self._tuning_hz,
            has_famitracker_tempo=self.has_famitracker_tempo,
            instruments=self._instruments,
            arpeggios=self._arpeggios,
            songs=tuple(self._songs),
            left_out=tuple(self._left_out),
        )

    def _take_project(self, said: Attributes) -> None:
        if self._project is not None:
            self.lines.refuse("it is a second Project")
        self._project = said
        if said.get("TempoMode", "FamiStudio") not in ("FamiStudio", "FamiTracker"):
            self.lines.refuse(f"TempoMode is {said['TempoMode'][:40]!r} and must be FamiStudio or FamiTracker")
        self._tuning_hz = self._number(said, "Tuning", 300, 580, 440)
        for chip in (said.get("Expansions") or said.get("Expansion", "")).split(","):
            if chip.strip():
                self._left_out[chip.strip()[:20]] = None

    def _leave_sample(self, said: Attributes) -> None:
        self._left_out["DPCM samples"] = None

    def _take_instrument(self, said: Attributes) -> None:
        self._envelopes = self._instruments.setdefault(self._text(said, "Name"), {})

    def _take_arpeggio(self, said: Attributes) -> None:
        self._arpeggios[self._text(said, "Name")] = self._envelope(said)

    def _take_envelope(self, said: Attributes) -> None:
        if not self._instruments:
            self.lines.refuse("Envelope comes before any Instrument")
        kind = self._text(said, "Type")
        if kind in ("Volume", "Arpeggio", "Pitch", "DutyCycle"):
            self._envelopes[kind] = self._envelope(said)

    def _envelope(self, said: Attributes) -> Envelope:
        words = self._text(said, "Values").split(",")
        if len(words) > MAX_ENVELOPE_LENGTH:
            self.lines.refuse(f"Values are {len(words)}, and {MAX_ENVELOPE_LENGTH} are the most")
        length = self._number(said, "Length", 0, MAX_ENVELOPE_LENGTH)
        values = tuple(self.lines.number_in(word.strip(), "a value of Values", -128, 127) for word in words)[:length]
        loop, release = (self._number(said, key, -1, MAX_ENVELOPE_LENGTH, -1) for key in ("Loop", "Release"))
        loop, release = (at if at < len(values) else -1 for at in (loop, release))
        if release >= 0 and not 0 <= loop < release:
            release = -1
        return Envelope(values, loop, release, said.get("Relative", "").lower() == "true")

    def _take_song(self, said: Attributes) -> None:
        length = self._number(said, "Length", 1, MAX_PATTERNS)
        self._song = Song(
            name=self._text(said, "Name"),
            length=length,
            loop_point=self._number(said, "LoopPoint", -1, MAX_PATTERNS, -1),
            timing=self._timing(said, "PatternLength"),
            tempo=self._number(said, "FamiTrackerTempo", 1, 255, 150),
            speed=self._number(said, "FamiTrackerSpeed", 1, 255, 6),
        )
        self._songs.append(self._song)
        self._channel = self._pattern = None

    def _timing(self, said: Attributes, length_key: str) -> Timing:
        if self.has_famitracker_tempo:
            length = self._number(said, length_key, 1, MAX_PATTERN_TICKS)
            return Timing(length, self._number(said, "BeatLength", 1, _LONGEST_BEAT, 4))
        note_length = self._number(said, "NoteLength", 1, MAX_NOTE_LENGTH)
        words = said.get("Groove", str(note_length)).split("-")
        if len(words) > MAX_GROOVE_LENGTH:
            self.lines.refuse(f"Groove has {len(words)} notes, and {MAX_GROOVE_LENGTH} are the most")
        groove = tuple(self.lines.number_in(word, "a note of Groove", 1, MAX_NOTE_LENGTH + 1) for word in words)
        if min(groove) != note_length or max(groove) > note_length + 1:
            self.lines.refuse(f"Groove is {said['Groove'][:40]!r} and must be of {note_length} and {note_length + 1}")
        padding = said.get("GroovePaddingMode", "Middle")
        if padding not in _PADDINGS:
            self.lines.refuse(f"GroovePaddingMode is {padding[:40]!r} and must be one of {', '.join(_PADDINGS)}")
        length = self._number(said, length_key, 1, MAX_PATTERN_TICKS) * note_length
        if length > MAX_PATTERN_TICKS:
            self.lines.refuse(f"{length_key} makes a pattern of {length} ticks, and {MAX_PATTERN_TICKS} are the most")
        beat = self._number(said, "BeatLength", 1, _LONGEST_BEAT, 4) * note_length
        return Timing(length, beat, groove, next(known for known in _PADDINGS if known == padding))

    def _take_settings(self, said: Attributes) -> None:
        song = self._in_song("PatternCustomSettings")
        song.timings[self._number(said, "Time", 0, MAX_PATTERNS - 1)] = self._timing(said, "Length")

    def _take_channel(self, said: Attributes) -> None:
        kind = self._text(said, "Type")
        self._channel = self._in_song("Channel").channels.setdefault(kind, Channel())
        self._pattern = None
        self._is_heard = kind in CHANNELS[: len(Voice)]

    def _take_pattern(self, said: Attributes) -> None:
        if self._channel is None:
            self.lines.refuse("Pattern comes before any Channel of its song")
        self._pattern = self._channel.patterns.setdefault(self._text(said, "Name"), {})

    def _take_note(self, said: Attributes) -> None:
        if self._pattern is None:
            self.lines.refuse("Note comes before any Pattern of its channel")
        if not self._is_heard:
            return
        value = self._value(said, "Value")
        vibrato = None
        if "VibratoSpeed" in said or "VibratoDepth" in said:
            vibrato = (
                self._number(said, "VibratoSpeed", 0, VIBRATO_SPEED_MAX, 0),
                self._number(said, "VibratoDepth", 0, VIBRATO_DEPTH_MAX, 0),
            )
        self._left_out.update({what: None for key, what in _OTHER_ATTRIBUTES.items() if key in said})
        self._pattern[self._number(said, "Time", 0, MAX_PATTERN_TICKS - 1)] = Note(
            value=value,
            duration=self._number(said, "Duration", 0, MAX_DURATION, 0),
            release=self._number(said, "Release", 0, MAX_DURATION, 0),
            instrument=said.get("Instrument"),
            arpeggio=said.get("Arpeggio"),
            slide_target=self._value(said, "SlideTarget"),
            has_attack=said.get("Attack", "").lower() != "false",
            volume=self._maybe(said, "Volume", 0, MAX_VOLUME),
            volume_target=self._maybe(said, "VolumeSlideTarget", 0, MAX_VOLUME),
            vibrato=vibrato,
            speed=self._maybe(said, "Speed", 1, 255),
            fine_pitch=self._maybe(said, "FinePitch", -128, 127),
            duty=self._maybe(said, "DutyCycle", 0, 7),
            delay=self._maybe(said, "NoteDelay", 0, 31),
            cut_delay=self._maybe(said, "CutDelay", 0, 31),
        )

    def _take_instance(self, said: Attributes) -> None:
        if self._channel is None:
            self.lines.refuse("PatternInstance comes before any Channel of its song")
        pattern = self._text(said, "Pattern")
        if pattern not in self._channel.patterns:
            self.lines.refuse(f"Pattern {pattern[:40]!r} is none of its channel's")
        self._channel.instances[self._number(said, "Time", 0, MAX_PATTERNS - 1)] = pattern

    def _in_song(self, what: str) -> Song:
        if self._song is None:
            self.lines.refuse(f"{what} comes before any Song")
        return self._song

    def _value(self, said: Attributes, key: str) -> int | None:
        """Return the value of a note by its name."""
        name = said.get(key, "")
        if not name:
            return None
        if name == "Stop" and key == "Value":
            return STOP
        match = _VALUE.fullmatch(name)
        if match is None or match[1] not in NOTE_NAMES:
            self.lines.refuse(f"{key} is {name[:40]!r} and must be a note from C0 to B7")
        value = 12 * int(match[2]) + NOTE_NAMES.index(match[1]) + 1
        return min(value, N_NOTES - 1)

    def _text(self, said: Attributes, key: str) -> str:
        if not said.get(key):
            self.lines.refuse(f"it has no {key}")
        return said[key]

    def _number(self, said: Attributes, key: str, lowest: int, highest: int, default: int | None = None) -> int:
        if key not in said and default is not None:
            return default
        return self.lines.number_in(said.get(key, ""), key, lowest, highest)

    def _maybe(self, said: Attributes, key: str, lowest: int, highest: int) -> int | None:
        return self.lines.number_in(said[key], key, lowest, highest) if key in said else None
