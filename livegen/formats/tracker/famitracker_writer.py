"""Writes a score as FamiTracker's text.

The grammar is that of `TextExporter.cpp` (https://github.com/Dn-Programming-Core-Management/Dn-FamiTracker). Rows are
parts of a beat; what happens between two is put off by the effect G. Where rows have not all the same number of ticks
they follow a groove, which 0CC- and Dn-FamiTracker know; else FamiTracker 0.4.6 reads the text, too.
"""

from typing import Final

from livegen.formats.score.piece import Piece
from livegen.formats.tracker.bends import Bends, bends_of
from livegen.formats.tracker.changes import CUT, Change, Instrument, changes_of, instruments_of, with_all_said
from livegen.formats.tracker.famitracker_rows import Rows, is_short, rows_of
from livegen.formats.tracker.famitracker_song import MAX_COLUMNS, N_CHANNELS, N_NOTES, Effect
from livegen.formats.tracker.grid import ROUND_RATE_HZ, rate_of
from livegen.formats.tracker.text import quoted
from livegen.score import Voice

_LOWEST: Final = {Voice.P1: 24, Voice.P2: 24, Voice.TR: 12, Voice.NO: 1}
"""Note of a score that C-0 is, or 0-# of the noise."""

_NAMES: Final = ("C-", "C#", "D-", "D#", "E-", "F-", "F#", "G-", "G#", "A-", "A#", "B-")
_MACROS: Final = ("volume", "arpeggio", "pitch", "hi_pitch", "timbre")
_ARPEGGIOS: Final = {"absolute": 0, "fixed": 1, "relative": 2}
_VIBRATO_DEPTHS: Final = (0.0, 1.5, 2.5, 4.0, 5.0, 7.0, 10.0, 12.0, 14.0, 17.0, 22.0, 30.0, 44.0, 64.0, 96.0, 128.0)
_NO_BEND: Final = 0x80
_TEMPO: Final = 150  # at which a row has as many ticks as the speed says
_SPLIT: Final = 32

_Row = tuple[str, list[Effect]]
"""Note, instrument and volume as text, and effects."""


def famitracker_text(piece: Piece, name: str) -> str:
    """Return a score as FamiTracker's text.

    Parameters
    ----------
    piece : Piece
        With its patch, instruments have the macros of that, and notes its vibrato and slides.
    name : str
        Of the file, for messages.

    Raises
    ------
    ScoreError
        If the frames break the ranges of a score.
    FormatError
        If the piece is too long for an order list.
    """
    rate_hz = rate_of(piece)
    changes = changes_of(piece, rate_hz)
    rows = rows_of(piece, changes, rate_hz, name)
    instruments = instruments_of(changes)
    channels = [_channel(voice, changes[voice], rows, instruments) for voice in Voice]
    channels.append(
        {
            (block, row): ("... .. .", effects)
            for block, said in enumerate(rows.steering)
            for row, effects in said.items()
        }
    )
    return "\n".join(
        [*_head(piece, rows, rate_hz), *_instrument_lines(instruments), *_song_lines(piece, rows, channels), ""]
    )


def _head(piece: Piece, rows: Rows, rate_hz: float) -> list[str]:
    program = "0CC-FamiTracker text export" if rows.grooves else "FamiTracker text export 0.4.2"
    tags = piece.tags
    grooves = [
        f"GROOVE {number:3d} {len(groove):3d} : {' '.join(map(str, groove))}"
        for number, groove in enumerate(rows.grooves)
    ]
    return [
        f"# {program}",
        "",
        "# INFO block",
        f"TITLE           {quoted(tags.title)}",
        f"AUTHOR          {quoted(tags.author)}",
        f"COPYRIGHT       {quoted(tags.date)}",
        "",
        "# COMMENTS block",
        f"COMMENT {quoted(tags.notes)}",
        "",
        "# PARAMS block",
        "MACHINE         0",
        f"FRAMERATE       {round(rate_hz) if rate_hz == ROUND_RATE_HZ else 0}",
        "EXPANSION       0",
        "VIBRATO         1",
        f"SPLIT           {_SPLIT}",
        "",
        *(["# GROOVES block", *grooves, "", "# Tracks using default groove:", "USEGROOVE : 1", ""] if grooves else []),
    ]


def _instrument_lines(instruments: list[Instrument]) -> list[str]:
    """Return the lines of instruments and of their sequences, the same ones shared."""
    known: dict[tuple[int, str], int] = {}
    sequences, lines = [], []
    for number, instrument in enumerate(instruments):
        of_instrument = []
        for kind, macro in enumerate(_MACROS):
            said = _sequence(instrument, macro)
            if said and (kind, said) not in known:
                known[kind, said] = sum(other == kind for other, _ in known)
                sequences.append(f"MACRO     {kind:3d} {known[kind, said]:3d} {said}")
            of_instrument.append(known[kind, said] if said else -1)
        indices = " ".join(f"{index:3d}" for index in of_instrument)
        lines.append(f"INST2A03 {number:3d}   {indices} {quoted(instrument.name)}")
    return ["# SEQUENCES block", *sequences, "", "# INSTRUMENTS block", *lines, ""]


def _sequence(instrument: Instrument, name: str) -> str:
    """Return loop, release, setting and values of a macro; empty if it does nothing."""
    macro = instrument.macros.get(name)
    if macro is None or instrument.patch is None or (name == "timbre" and instrument.voice is Voice.TR):
        return ""
    setting, values = 0, macro.values
    if name == "arpeggio":
        setting = 0 if instrument.drum is not None else _ARPEGGIOS[instrument.patch.arpeggio_mode]
        if setting == _ARPEGGIOS["fixed"]:
            values = tuple(value - _LOWEST[instrument.voice] for value in values)
    if name == "volume" and macro.release is not None and values[-1]:
        values = (*values, 0)  # where the macro ends, the note does
    return f"{_index(macro.loop):3d} {_index(macro.release):3d} {setting:3d} : {' '.join(map(str, values))}"


def _index(at: int | None) -> int:
    return -1 if at is None else at


def _channel(
    voice: Voice, changes: list[Change], rows: Rows, instruments: list[Instrument]
) -> dict[tuple[int, int], _Row]:
    """Return what stands in the rows of a channel, by block and row."""
    cells: dict[tuple[int, int], _Row] = {}
    held = {"3": 0, "4": 0, "7": 0, "P": _NO_BEND}
    sounding: Instrument | None = None
    note = CUT
    later: list[tuple[int, Effect]] = []
    before: Change | None = None
    begun = -1
    for change in changes:
        while later and later[0][0] < change.tick:
            _put_later(cells, rows, *later.pop(0))
        later.clear()
        block, row, delay = rows.place(change.tick)
        if before is not None and is_short(before, change) and (block, row) in cells:
            cells[block, row][1].append(("S", change.tick - before.tick))
            note, before = CUT, change
            continue
        if change.instrument is not None and block != begun:
            change, begun = with_all_said(change), block
        effects: list[Effect] = [("G", delay)] if delay else []
        shown, instrument = "...", ".."
        if change.timbre is not None:
            effects.append(("V", change.timbre))
        if change.note == CUT:
            shown = "===" if sounding is not None and sounding.is_released else "---"
        elif change.note is not None and change.instrument is not None:
            bends = bends_of(change.instrument, change.note, note if change.is_glide else CUT)
            index = change.note + bends.start - _LOWEST[voice]
            shown = _note(voice, min(index, N_NOTES - 1))
            instrument = f"{instruments.index(change.instrument):02X}"
            too_high = voice is not Voice.NO and index >= N_NOTES  # one more period up makes that note of the triangle
            wanted, slide = _effects(bends, is_raised=too_high)
            effects += slide
            for letter, parameter in wanted.items():
                if parameter != held[letter] and len(effects) < MAX_COLUMNS:
                    effects.append((letter, parameter))
                    held[letter] = parameter
            if bends.vibrato_delay and bends.vibrato_periods:
                held["4"] = _vibrato(bends)
                later.append((change.tick + bends.vibrato_delay, ("4", held["4"])))
            sounding = change.instrument
        note, before = note if change.note is None else change.note, change
        volume = "." if change.volume is None else f"{change.volume:X}"
        cells[block, row] = (f"{shown} {instrument} {volume}", effects)
    for at in later:
        _put_later(cells, rows, *at)
    return cells


def _put_later(cells: dict[tuple[int, int], _Row], rows: Rows, tick: int, effect: Effect) -> None:
    """Put an effect into the row of a tick, if there is one with room for it."""
    if tick >= rows.blocks[-1][-1]:
        return
    block, row, delay = rows.place(tick)
    shown, effects = cells.get((block, row), ("... .. .", [("G", delay)] if delay else []))
    if len(effects) < MAX_COLUMNS:
        cells[block, row] = (shown, [*effects, effect])


def _note(voice: Voice, index: int) -> str:
    return f"{index:X}-#" if voice is Voice.NO else f"{_NAMES[index % 12]}{index // 12}"


def _effects(bends: Bends, *, is_raised: bool) -> tuple[dict[str, int], list[Effect]]:
    """Return the parameters that must be in force for a note, and the slide that it begins with."""
    slide: list[Effect] = []
    if bends.slide:
        semitones = abs(bends.slide)
        speed = min(max(round((bends.slide_periods / bends.slide_ticks - 1.0) / 2.0), 0), 15)
        slide = [("Q" if bends.slide > 0 else "R", speed << 4 | semitones)]
    fine = _NO_BEND - bends.detune_periods + is_raised
    wanted = {
        "3": min(bends.glide_periods, 0xFF),
        "4": 0 if bends.vibrato_delay else _vibrato(bends),
        "7": min(round(bends.tremolo_speed), 15) << 4 | bends.tremolo_depth if bends.tremolo_depth else 0,
        "P": min(max(fine, 0), 0xFF),
    }
    return wanted, slide


def _vibrato(bends: Bends) -> int:
    """Return the parameter of the effect 4."""
    if not bends.vibrato_periods:
        return 0
    depth = min(range(len(_VIBRATO_DEPTHS)), key=lambda at: abs(_VIBRATO_DEPTHS[at] - bends.vibrato_periods))
    return min(max(round(bends.vibrato_speed), 1), 15) << 4 | depth if depth else 0


def _song_lines(piece: Piece, rows: Rows, channels: list[dict[tuple[int, int], _Row]]) -> list[str]:
    """Return the lines of the song: patterns that are the same are one."""
    columns = [max([1, *(len(effects) for _, effects in cells.values())]) for cells in channels]
    patterns: list[dict[tuple[str, ...], int]] = [{} for _ in channels]
    orders = []
    for block in range(len(rows.blocks)):
        order = []
        for channel, cells in enumerate(channels):
            shown = tuple(
                _cell(*cells.get((block, row), ("... .. .", [])), columns[channel]) for row in range(rows.n_rows)
            )
            order.append(patterns[channel].setdefault(shown, len(patterns[channel])))
        orders.append(f"ORDER {block:02X} : {' '.join(f'{pattern:02X}' for pattern in order)}")
    lines = []
    empty = [tuple([_cell("... .. .", [], n_columns)] * rows.n_rows) for n_columns in columns]
    by_number = [dict(zip(known.values(), known, strict=True)) for known in patterns]
    for number in range(max(len(known) for known in patterns)):
        of_channels = [by_number[channel].get(number, empty[channel]) for channel in range(N_CHANNELS)]
        lines.append(f"PATTERN {number:02X}")
        lines += [f"ROW {row:02X} : {' : '.join(cells)}" for row, cells in enumerate(zip(*of_channels, strict=True))]
    return [
        "# track HEADER block",
        f"TRACK {rows.n_rows:3d} {rows.speed:3d} {_TEMPO:3d} {quoted(piece.tags.title)}",
        f"COLUMNS : {' '.join(map(str, columns))}",
        "",
        "# track FRAMES block",
        *orders,
        "",
        "# track PATTERNS block",
        *lines,
        "",
        "# End of export",
    ]


def _cell(shown: str, effects: list[Effect], n_columns: int) -> str:
    said = [f"{letter}{parameter:02X}" for letter, parameter in effects]
    return " ".join([shown, *said, *["..."] * (n_columns - len(said))])
