"""Reads FamiTracker's text, as FamiTracker 0.4.6, 0CC- and Dn-FamiTracker export it.

The grammar is that of `TextExporter.cpp` (https://github.com/Dn-Programming-Core-Management/Dn-FamiTracker). A line is
a command and its arguments; what other chips and samples have is known by name and left out.
"""

import re
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from typing import Final

from livegen.formats.chip.register_log import Tags
from livegen.formats.files import Warn
from livegen.formats.tracker.famitracker_song import (
    CUT,
    ECHO,
    EMPTY,
    HOLD,
    MAX_COLUMNS,
    MAX_GROOVE_LENGTH,
    MAX_GROOVES,
    MAX_INSTRUMENTS,
    MAX_ORDERS,
    MAX_PATTERNS,
    MAX_ROWS,
    MAX_SEQUENCE_LENGTH,
    MAX_SEQUENCES,
    MAX_TRACKS,
    N_CHANNELS,
    NO_INSTRUMENT,
    NO_NOTE,
    RELEASE,
    Cell,
    Effect,
    Module,
    Sequence,
    Track,
)
from livegen.formats.tracker.text import Lines
from livegen.formats.tracker.ticks import RATES_HZ
from livegen.score import Voice

END_OF_EXPORT: Final = "# End of export"

_CHIPS: Final = ("VRC6", "VRC7", "FDS", "MMC5", "N163", "S5B")
_SEQUENCES_OF: Final = {"MACRO": "2A03", "MACROVRC6": "VRC6", "MACRON163": "N163", "MACROS5B": "S5B"}
_N_SEQUENCES: Final = 5
_OF_OTHERS: Final = frozenset(
    ("N163CHANNELS", "INSTVRC7", "INSTFDS", "FDSWAVE", "FDSMOD", "FDSMACRO", "N163WAVE", "USEEXTERNALOPLL", "OPLLPATCH")
)
_NOT_MUSIC: Final = frozenset(("COMMENT", "JSON", "BOOKMARK"))
_MAX_CHANNELS: Final = 40
COMMANDS: Final = frozenset(("TITLE", "AUTHOR", "COPYRIGHT", "COMMENT", "MACHINE", "TRACK"))
"""Commands with which a text may begin."""

_TOKEN: Final = re.compile(r'"((?:[^"]|"")*)"(?=\s|$)|(\S+)')
_NOTE: Final = re.compile(r"([A-Ga-g])([-.#+bf])([0-7])")
_SEMITONES: Final = {"c": 0, "d": 2, "e": 4, "f": 5, "g": 7, "a": 9, "b": 11}
_EFFECTS: Final = frozenset("0123479ABCDEFGHIJKLMNOPQRSTVWXYZ=")
STEERING: Final = frozenset("BCDFO")
"""Effects that count in whatever channel they are."""


def read_famitracker(name: str, text: str, warn: Warn) -> Module:
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
        If a line is none of FamiTracker's, with its number; or as `warn` does.
    """
    reader = _Reader(Lines(name, text))
    for line in reader.lines:
        reader.take(line)
    if END_OF_EXPORT not in text[-1000:]:
        warn(f"{name} is cut off or made by another program: it does not end with {END_OF_EXPORT!r}")
    return reader.module()


class _Reader:
    """Takes a text line by line."""

    def __init__(self, lines: Lines) -> None:
        self.lines = lines
        self._tags: dict[str, str] = {}
        self._numbers = {"MACHINE": 0, "FRAMERATE": 0, "VIBRATO": 0, "SPLIT": 32, "LINEARPITCH": 0}
        self._tuning = 0.0
        self._sequences: dict[tuple[str, int, int], Sequence] = {}
        self._instruments: dict[int, tuple[str, tuple[int, ...]]] = {}
        self._names: dict[int, str] = {}
        self._grooves: dict[int, tuple[int, ...]] = {}
        self._with_groove: set[int] = set()
        self._tracks: list[Track] = []
        self._columns: list[int] = []
        self._pattern = 0
        self._left_out: dict[str, None] = {}
        self._cell = lru_cache(maxsize=1 << 14)(self._read_cell)
        self._commands: dict[str, Callable[[str, list[str]], None]] = {
            **dict.fromkeys(("TITLE", "AUTHOR", "COPYRIGHT"), self._take_tag),
            **dict.fromkeys(self._numbers, self._take_number),
            **dict.fromkeys(_SEQUENCES_OF, self._take_sequence),
            **dict.fromkeys(("INST2A03", "INSTVRC6", "INSTN163", "INSTS5B"), self._take_instrument),
            **dict.fromkeys(("DPCMDEF", "DPCM", "KEYDPCM"), self._leave_samples),
            **dict.fromkeys(_OF_OTHERS | _NOT_MUSIC, self._leave),
            "EXPANSION": self._take_expansion,
            "PLAYBACKRATE": self._take_playback_rate,
            "TUNING": self._take_tuning,
            "DETUNE": self._leave_detune,
            "GROOVE": self._take_groove,
            "USEGROOVE": self._take_use_groove,
            "TRACK": self._take_track,
            "COLUMNS": self._take_columns,
            "ORDER": self._take_order,
            "PATTERN": self._take_pattern,
            "ROW": self._take_row,
        }

    def take(self, line: str) -> None:
        """Take a line."""
        if not line or line.startswith("#"):
            return
        command, _, rest = line.partition(" ")
        take = self._commands.get(command.upper())
        if take is None:
            self.lines.refuse(f"{command[:40]!r} is no command of FamiTracker's text")
        if take == self._take_row:
            self._take_row("ROW", rest.split())
            return
        tokens = []
        for match in _TOKEN.finditer(rest):
            quoted, plain = match.groups()
            if plain is not None and plain.startswith('"'):
                self.lines.refuse("a text in it has no closing quote")
            tokens.append(plain if quoted is None else quoted.replace('""', '"'))
        take(command.upper(), tokens)

    def module(self) -> Module:
        """Return what was said."""
        is_pal = bool(self._numbers["MACHINE"])
        sequences = {
            index: tuple(
                None if number < 0 else self._sequences.get((chip, kind, number)) for kind, number in enumerate(numbers)
            )
            for index, (chip, numbers) in self._instruments.items()
        }
        return Module(
            tags=Tags(self._tags.get("TITLE", ""), self._tags.get("AUTHOR", ""), notes=self._tags.get("COPYRIGHT", "")),
            is_pal=is_pal,
            rate_hz=float(self._numbers["FRAMERATE"]) or RATES_HZ["pal" if is_pal else "ntsc"],
            has_new_vibrato=bool(self._numbers["VIBRATO"]),
            is_linear=bool(self._numbers["LINEARPITCH"]),
            split=self._numbers["SPLIT"],
            tuning=self._tuning,
            instruments=sequences,
            names=self._names,
            grooves=self._grooves,
            tracks=tuple(
                replace(track, uses_groove=number in self._with_groove) for number, track in enumerate(self._tracks, 1)
            ),
            left_out=tuple(self._left_out),
        )

    def _take_tag(self, command: str, tokens: list[str]) -> None:
        self._tags[command] = tokens[0] if tokens else ""

    def _take_number(self, command: str, tokens: list[str]) -> None:
        highest = {"MACHINE": 1, "FRAMERATE": 800, "VIBRATO": 1, "SPLIT": 255, "LINEARPITCH": 1}[command]
        self._numbers[command] = self._number(tokens, 0, command.lower(), 0, highest)

    def _take_expansion(self, command: str, tokens: list[str]) -> None:
        chips = self._number(tokens, 0, "the set of chips", 0, 255)
        for bit, chip in enumerate(_CHIPS):
            if chips >> bit & 1:
                self._left_out[chip] = None

    def _take_playback_rate(self, command: str, tokens: list[str]) -> None:
        self._number(tokens, 0, "the kind of playback rate", 0, 2)
        self._number(tokens, 1, "the playback rate", 0, 0xFFFF)

    def _take_tuning(self, command: str, tokens: list[str]) -> None:
        semitones = self._number(tokens, 0, "the tuning", -12, 12)
        self._tuning = semitones + self._number(tokens, 1, "the tuning in cents", -100, 100) / 100

    def _leave(self, command: str, tokens: list[str]) -> None:
        """Take no notice: of another chip, which EXPANSION has named, or no music."""

    def _leave_samples(self, command: str, tokens: list[str]) -> None:
        self._left_out["DPCM samples"] = None

    def _leave_detune(self, command: str, tokens: list[str]) -> None:
        self._left_out["detune tables"] = None

    def _take_sequence(self, command: str, tokens: list[str]) -> None:
        kind = self._number(tokens, 0, "the kind of sequence", 0, _N_SEQUENCES - 1)
        index = self._number(tokens, 1, "the sequence", 0, MAX_SEQUENCES - 1)
        loop, release = (self._number(tokens, at, "loop or release", -1, MAX_SEQUENCE_LENGTH) for at in (2, 3))
        setting = self._number(tokens, 4, "the setting", 0, 255)
        values = self._list(tokens, 5, "a value of the sequence", -128, 127, MAX_SEQUENCE_LENGTH)
        loop, release = (at if at < len(values) else -1 for at in (loop, release))
        self._sequences[_SEQUENCES_OF[command], kind, index] = Sequence(values, loop, release, setting)

    def _take_instrument(self, command: str, tokens: list[str]) -> None:
        index = self._number(tokens, 0, "the instrument", 0, MAX_INSTRUMENTS - 1)
        numbers = tuple(
            self._number(tokens, 1 + kind, "a sequence", -1, MAX_SEQUENCES - 1) for kind in range(_N_SEQUENCES)
        )
        self._instruments[index] = command.removeprefix("INST"), numbers
        self._names[index] = tokens[-1] if len(tokens) > 1 + _N_SEQUENCES else ""

    def _take_groove(self, command: str, tokens: list[str]) -> None:
        index = self._number(tokens, 0, "the groove", 0, MAX_GROOVES - 1)
        length = self._number(tokens, 1, "the length of the groove", 1, MAX_GROOVE_LENGTH)
        entries = self._list(tokens, 2, "a speed of the groove", 1, 255, MAX_GROOVE_LENGTH)
        if len(entries) != length:
            self.lines.refuse(f"the groove has {len(entries)} speeds and says that it has {length}")
        self._grooves[index] = entries

    def _take_use_groove(self, command: str, tokens: list[str]) -> None:
        self._with_groove.update(self._list(tokens, 0, "a track", 1, MAX_TRACKS, MAX_TRACKS))

    def _take_track(self, command: str, tokens: list[str]) -> None:
        if len(self._tracks) >= MAX_TRACKS:
            self.lines.refuse(f"it is track {MAX_TRACKS + 1}, and a module has {MAX_TRACKS} at most")
        n_rows = self._number(tokens, 0, "the number of rows", 1, MAX_ROWS)
        speed, tempo = self._number(tokens, 1, "the speed", 0, 255), self._number(tokens, 2, "the tempo", 0, 255)
        title = tokens[3] if len(tokens) > 3 else ""
        self._tracks.append(Track(title, n_rows, speed, tempo, uses_groove=False))
        self._columns, self._pattern = [], 0

    def _take_columns(self, command: str, tokens: list[str]) -> None:
        self._track()
        self._columns = list(self._list(tokens, 0, "the number of columns", 1, MAX_COLUMNS, _MAX_CHANNELS))
        self._check_channels(len(self._columns))

    def _take_order(self, command: str, tokens: list[str]) -> None:
        place = self._hex(tokens, 0, "the place", 0, MAX_ORDERS - 1)
        if tokens[1:2] != [":"]:
            self.lines.refuse("a colon must follow the place")
        patterns = tuple(self.lines.hex_in(token, "a pattern", 0, MAX_PATTERNS - 1) for token in tokens[2:])
        self._check_channels(len(patterns))
        self._track().orders[place] = patterns

    def _take_pattern(self, command: str, tokens: list[str]) -> None:
        self._track()
        self._pattern = self._hex(tokens, 0, "the pattern", 0, MAX_PATTERNS - 1)

    def _take_row(self, command: str, tokens: list[str]) -> None:
        track = self._track()
        row = self._hex(tokens, 0, "the row", 0, MAX_ROWS - 1)
        starts = [at for at, token in enumerate(tokens) if token == ":"]
        if tokens[1:2] != [":"]:
            self.lines.refuse("a colon must follow the row")
        self._check_channels(len(starts))
        for channel, (start, end) in enumerate(zip(starts, [*starts[1:], len(tokens)], strict=True)):
            n_columns = self._columns[channel] if channel < len(self._columns) else 1
            cell = self._cell(channel, n_columns, tuple(tokens[start + 1 : end]))
            if cell is not EMPTY:
                track.patterns.setdefault((channel, self._pattern), {})[row] = cell

    def _read_cell(self, channel: int, n_columns: int, tokens: tuple[str, ...]) -> Cell:
        if len(tokens) != 3 + n_columns:
            self.lines.refuse(f"channel {channel + 1} has {len(tokens)} entries and must have {3 + n_columns}")
        note, instrument, volume, *effects = tokens
        said = tuple(self._effect(effect) for effect in effects if effect != "...")
        if channel >= len(Voice):
            said = tuple(effect for effect in said if effect[0] in STEERING)
            if channel == N_CHANNELS - 1 and note not in ("...", "---", "==="):
                self._left_out["DPCM samples"] = None
            return Cell(effects=said) if said else EMPTY
        cell = Cell(self._note(note, channel), self._instrument(instrument), self._volume(volume), said)
        return EMPTY if cell == EMPTY else cell

    def _note(self, token: str, channel: int) -> int:
        rests = {"...": NO_NOTE, "---": CUT, "===": RELEASE}
        if token in rests:
            return rests[token]
        if len(token) == 3 and channel == Voice.NO and token[0].upper() in "0123456789ABCDEF":
            return int(token[0], 16)
        if len(token) == 3 and token[:2] == "^-" and token[2] in "0123":
            return ECHO + int(token[2])
        match = _NOTE.fullmatch(token)
        if match is None:
            self.lines.refuse(f"{token[:40]!r} is no note of channel {channel + 1}")
        letter, accidental, octave = match.groups()
        raised = {"#": 1, "+": 1, "b": -1, "f": -1}.get(accidental, 0)
        return 12 * int(octave) + (_SEMITONES[letter.lower()] + raised) % 12

    def _instrument(self, token: str) -> int:
        if token in ("..", "&&"):
            return NO_INSTRUMENT if token == ".." else HOLD
        return self.lines.hex_in(token, "the instrument", 0, MAX_INSTRUMENTS - 1)

    def _volume(self, token: str) -> int:
        return -1 if token == "." else self.lines.hex_in(token, "the volume", 0, 15)

    def _effect(self, token: str) -> Effect:
        if len(token) != 3 or token[0].upper() not in _EFFECTS:
            self.lines.refuse(f"{token[:40]!r} is no effect")
        return token[0].upper(), self.lines.hex_in(token[1:], f"the parameter of {token}", 0, 255)

    def _track(self) -> Track:
        if not self._tracks:
            self.lines.refuse("it comes before any TRACK")
        return self._tracks[-1]

    def _check_channels(self, n_channels: int) -> None:
        if not N_CHANNELS <= n_channels <= _MAX_CHANNELS:
            self.lines.refuse(f"it has {n_channels} channels and must have {N_CHANNELS}, or more with other chips")

    def _number(self, tokens: list[str], at: int, what: str, lowest: int, highest: int) -> int:
        return self.lines.number_in(tokens[at] if at < len(tokens) else "", what, lowest, highest)

    def _hex(self, tokens: list[str], at: int, what: str, lowest: int, highest: int) -> int:
        return self.lines.hex_in(tokens[at] if at < len(tokens) else "", what, lowest, highest)

    def _list(self, tokens: list[str], at: int, what: str, lowest: int, highest: int, most: int) -> tuple[int, ...]:
        """Return the numbers after the colon that must stand at a place."""
        if tokens[at : at + 1] != [":"]:
            self.lines.refuse("a colon must stand before its list")
        if len(tokens) - at - 1 > most:
            self.lines.refuse(f"its list has {len(tokens) - at - 1} numbers, and {most} is the most")
        return tuple(self.lines.number_in(token, what, lowest, highest) for token in tokens[at + 1 :])
