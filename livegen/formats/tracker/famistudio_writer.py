"""Writes a score as FamiStudio's text.

The grammar is that of its documentation (https://famistudio.org/doc/export/, "FamiStudio Text"). The attribute Version
is left out, because FamiStudio refuses texts of another version than its own, and reads those that name none.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping
from itertools import accumulate, pairwise
from typing import Any, Final

from livegen.formats.score.piece import Piece
from livegen.formats.tracker.bends import Bends, bends_of
from livegen.formats.tracker.changes import CUT, Change, Instrument, changes_of, instruments_of, with_all_said
from livegen.formats.tracker.famistudio_channel import VIBRATO_DEPTHS, VIBRATO_TICKS
from livegen.formats.tracker.famistudio_columns import Column, columns_of
from livegen.formats.tracker.famistudio_song import CHANNELS, MAX_DURATION, N_NOTES, NOTE_NAMES, Timing
from livegen.formats.tracker.text import quoted
from livegen.score import Voice

_FIRST_VALUE: Final = {Voice.P1: 1 - 24, Voice.P2: 1 - 24, Voice.TR: 1 - 12, Voice.NO: 31}
"""What is added to a note of a score for FamiStudio's value of it; of the noise's, only the lower four bits count."""

_ENVELOPES: Final = {"Volume": "volume", "Arpeggio": "arpeggio", "Pitch": "pitch", "DutyCycle": "timbre"}
_LOWEST_VALUE, _HIGHEST_VALUE = -64, 63

_Attributes = dict[str, Any]
_Pattern = tuple[tuple[int, tuple[tuple[str, Any], ...]], ...]
"""Times, and the attributes of the note there."""


def famistudio_text(piece: Piece, name: str) -> str:
    """Return a score as FamiStudio's text.

    Parameters
    ----------
    piece : Piece
        With its patch, instruments have the macros of that, and notes its vibrato and slides. FamiStudio knows no
        tremolo, and no arpeggios of fixed notes.
    name : str
        Of the file, for messages.

    Raises
    ------
    ScoreError
        If the frames break the ranges of a score.
    FormatError
        If the piece is too long for a song.
    """
    changes = changes_of(piece)
    columns = columns_of(piece, changes, name)
    instruments = instruments_of(changes)
    tags = piece.tags
    said = {"TempoMode": "FamiStudio", "Name": tags.title, "Author": tags.author, "Copyright": tags.date}
    lines = [_line(0, "Project", {key: value for key, value in said.items() if value})]
    for instrument in instruments:
        lines.append(_line(1, "Instrument", {"Name": instrument.name}))
        lines += [_line(2, "Envelope", said) for said in _envelopes(instrument)]
    usual = Counter(column.timing for column in columns).most_common(1)[0][0]
    lines.append(
        _line(
            1,
            "Song",
            {"Name": tags.title or "Song", "Length": len(columns), "LoopPoint": -1, **_timing(usual, "PatternLength")},
        )
    )
    for at, column in enumerate(columns):
        if column.timing != usual:
            lines.append(_line(2, "PatternCustomSettings", {"Time": at, **_timing(column.timing, "Length")}))
    for voice in Voice:
        lines += _channel_lines(CHANNELS[voice], _patterns(_notes(voice, changes[voice], columns), columns))
    return "\n".join([*lines, _line(2, "Channel", {"Type": CHANNELS[len(Voice)]}), ""])


def _envelopes(instrument: Instrument) -> list[_Attributes]:
    """Return the attributes of an instrument's envelopes."""
    said = []
    for kind, name in _ENVELOPES.items():
        macro = instrument.macros.get(name)
        if macro is None or instrument.patch is None or (kind == "DutyCycle" and instrument.voice is Voice.TR):
            continue
        values, loop, release = macro.values, macro.loop, macro.release
        if kind == "Arpeggio" and instrument.drum is None and instrument.patch.arpeggio_mode != "absolute":
            if instrument.patch.arpeggio_mode == "fixed" or loop is not None:
                continue
            values = tuple(accumulate(values))
        if release is not None and kind == "Volume":
            values = (*values, 0) if values[-1] else values  # where the macro ends, the note does
            loop, release = release if loop is None else loop, release + 1
        elif release is not None:
            values, release = values[: release + 1], None
        values = tuple(min(max(value, _LOWEST_VALUE), _HIGHEST_VALUE) for value in values)
        envelope: dict[str, Any] = {"Type": kind, "Length": len(values)}
        envelope |= {} if loop is None else {"Loop": loop}
        envelope |= {} if release is None else {"Release": release}
        envelope |= {"Relative": True} if kind == "Pitch" else {}
        said.append({**envelope, "Values": ",".join(map(str, values))})
    return said


def _timing(timing: Timing, length_key: str) -> _Attributes:
    note_length = min(timing.groove)
    return {
        length_key: timing.length // note_length,
        "BeatLength": timing.beat_length // note_length,
        "NoteLength": note_length,
        "Groove": "-".join(map(str, timing.groove)),
        "GroovePaddingMode": timing.padding,
    }


class _Units:
    """Where ticks are in units of the song's time."""

    def __init__(self, columns: list[Column]) -> None:
        self._columns = columns
        self._ends = [column.end for column in columns]
        self.end_tick = columns[-1].end
        self.end = columns[-1].first_unit + columns[-1].timing.length

    def __call__(self, tick: int) -> int:
        if tick >= self.end_tick:
            return self.end
        column = self._columns[bisect_right(self._ends, tick)]
        return column.first_unit + min(column.unit(tick), column.timing.length - 1)


def _notes(voice: Voice, changes: list[Change], columns: list[Column]) -> dict[int, _Attributes]:
    """Return the attributes of a channel's notes, by units from the song's start."""
    units = _Units(columns)
    notes: dict[int, _Attributes] = {}
    struck = [change for change in changes if change.note is not None]
    starts = [change.tick for change in struck]
    end_of = dict(pairwise([*starts, units.end_tick]))
    previous, fine, has_vibrato = CUT, 0, False
    firsts = _firsts(changes, columns)
    for change in changes:
        if change.tick in firsts:
            change = with_all_said(change)
        said = notes.setdefault(units(change.tick), {})
        if change.note is not None and change.instrument is not None:
            end, release = end_of[change.tick], None
            if change.instrument.is_released:
                release, end = end, end_of.get(end, end)
            bends = bends_of(change.instrument, change.note, previous if change.is_glide else CUT)
            value = change.note + bends.start + _FIRST_VALUE[voice]
            is_raised = voice is not Voice.NO and value >= N_NOTES  # a period less makes that note of the triangle
            _strike(notes, units, change, (min(value, N_NOTES - 1), end, release), bends)
            new_fine = min(max(bends.detune_periods - is_raised, -128), 127)
            said |= {"FinePitch": new_fine} if new_fine != fine else {}
            vibrato = _vibrato(bends)
            if vibrato or has_vibrato:
                now = {"VibratoSpeed": 0, "VibratoDepth": 0} if not vibrato or bends.vibrato_delay else vibrato
                said |= now
                later = change.tick + bends.vibrato_delay
                if vibrato and bends.vibrato_delay and later < end_of[change.tick]:
                    notes.setdefault(units(later), {}).update(vibrato)
            fine, has_vibrato = new_fine, bool(vibrato)
        if change.note is not None:
            previous = change.note
        said |= {} if change.volume is None else {"Volume": change.volume}
        said |= {} if change.timbre is None else {"DutyCycle": change.timbre}
        if not said:
            del notes[units(change.tick)]
    return notes


def _firsts(changes: list[Change], columns: list[Column]) -> set[int]:
    """Return the ticks of the first note of each column."""
    starts = [column.start for column in columns]
    of_column: dict[int, int] = {}
    for change in changes:
        if change.instrument is not None:
            of_column.setdefault(bisect_right(starts, change.tick), change.tick)
    return set(of_column.values())


def _strike(
    notes: dict[int, _Attributes],
    units: _Units,
    change: Change,
    lasts: tuple[int, int, int | None],
    bends: Bends,
) -> None:
    """Put a note with its value, its end and its release; where it slides, a second one that it goes on as."""
    value, end, release = lasts
    start = units(change.tick)
    said = notes[start]
    name = change.instrument.name if change.instrument is not None else ""
    said |= {"Value": _value(value), "Duration": min(max(units(end) - start, 1), MAX_DURATION), "Instrument": name}
    if bends.slide:
        target = min(max(value + bends.slide, 1), N_NOTES - 1)
        said["SlideTarget"] = _value(target)
        there = change.tick + round(bends.slide_ticks)
        if start < units(there) < units(end if release is None else release):
            said["Duration"] = units(there) - start
            rest = {"Value": _value(target), "Duration": min(units(end) - units(there), MAX_DURATION)}
            said = notes.setdefault(units(there), {})
            said |= {**rest, "Instrument": name, "Attack": False}
            start = units(there)
    if release is not None and start < units(release) < units(end):
        said["Release"] = units(release) - start


def _vibrato(bends: Bends) -> _Attributes:
    if not bends.vibrato_periods or not bends.vibrato_speed:
        return {}
    turn = 64.0 / bends.vibrato_speed
    speed = min(range(1, len(VIBRATO_TICKS)), key=lambda at: abs(VIBRATO_TICKS[at] - turn))
    depth = min(range(1, len(VIBRATO_DEPTHS)), key=lambda at: abs(VIBRATO_DEPTHS[at] // 2 - bends.vibrato_periods))
    return {"VibratoSpeed": speed, "VibratoDepth": depth}


def _value(value: int) -> str:
    return f"{NOTE_NAMES[(value - 1) % 12]}{(value - 1) // 12}"


def _patterns(notes: dict[int, _Attributes], columns: list[Column]) -> list[_Pattern]:
    """Return what stands in each column."""
    times = sorted(notes)
    patterns, at = [], 0
    for column in columns:
        said = []
        while at < len(times) and times[at] < column.first_unit + column.timing.length:
            said.append((times[at] - column.first_unit, tuple(notes[times[at]].items())))
            at += 1
        patterns.append(tuple(said))
    return patterns


def _channel_lines(kind: str, patterns: list[_Pattern]) -> list[str]:
    """Return the lines of a channel: patterns that are the same are one, and empty ones are none."""
    known = {pattern: f"Pattern {number}" for number, pattern in enumerate(dict.fromkeys(filter(None, patterns)), 1)}
    lines = [_line(2, "Channel", {"Type": kind})]
    for pattern, name in known.items():
        lines.append(_line(3, "Pattern", {"Name": name}))
        lines += [_line(4, "Note", {"Time": time, **dict(said)}) for time, said in pattern]
    lines += [
        _line(3, "PatternInstance", {"Time": at, "Pattern": known[pattern]})
        for at, pattern in enumerate(patterns)
        if pattern
    ]
    return lines


def _line(depth: int, kind: str, said: Mapping[str, Any]) -> str:
    """Return an object and its attributes; doubled quotes are quotes in a value."""
    attributes = [f"{key}={quoted(str(value))}" for key, value in said.items()]
    return "\t" * depth + " ".join([kind, *attributes])
