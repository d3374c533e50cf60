"""A page with the analysis of a piece: key by bar, form, how alike the bars are, the voices, and what comes back."""

from pathlib import Path
from typing import Final

import numpy as np

from livegen.analysis.analysis import Analysis, note_name
from livegen.analysis.bars import STEPS_A_BAR
from livegen.analysis.form import PHRASE_BARS
from livegen.analysis.keys import NAMES, key_changes, name_of
from livegen.engines.tonality import Key
from livegen.errors import FormatError
from livegen.formats.score.canvas import MIDDLE, RIGHT, Canvas, canvas_for
from livegen.formats.score.roll import BACKGROUND, FAINT_WORDS, LANE, PICTURE_ENDINGS, VOICE_COLOURS, WORDS
from livegen.score import Voice

_LIKENESS: Final = "#ffd166"
_PALETTE: Final = ("#6fd3ea", "#ff7769", "#cff25a", "#b07cf0", "#ffd166", "#f79256", "#5ea0ff", "#e07be0")
_WIDTH, _LEFT, _RIGHT, _GAP, _HEAD, _STRIP = 1200, 60, 24, 30, 92, 26
_SQUARE: Final = 520
_MOST_CELLS: Final = 260
_ROW: Final = 34
_FIFTHS: Final = 7  # semitones: keys whose tonics are a fifth apart have colours side by side


def write_page(path: Path, found: Analysis, title: str) -> None:
    """Draw an analysis as .png or .svg; raises FormatError if the name ends otherwise or it cannot be written."""
    if not path.name.lower().endswith(PICTURE_ENDINGS):
        raise FormatError(f"{path.name} is no picture by its name: it must end in {' or '.join(PICTURE_ENDINGS)}")
    height = _HEAD + 2 * (_STRIP + _GAP) + _SQUARE + 2 * _GAP + 40
    canvas = canvas_for(path, _WIDTH, height)
    canvas.rectangle(0, 0, _WIDTH, height, BACKGROUND)
    _draw_head(canvas, found, title)
    top = _HEAD
    _draw_keys(canvas, found, top)
    top += _STRIP + _GAP
    _draw_form(canvas, found, top)
    top += _STRIP + _GAP + 16
    _draw_likeness(canvas, found, top)
    left = _LEFT + _SQUARE + 60
    _draw_voices(canvas, found, left, top)
    _draw_motifs(canvas, found, left, top + 5 * _ROW + 40)
    canvas.save(path)


def _draw_head(canvas: Canvas, found: Analysis, title: str) -> None:
    canvas.text(_LEFT, 26, title, 22, WORDS)
    key = "no key" if found.key is None else name_of(found.key)
    bars = found.bars
    tempo = f"{bars.bpm:.1f} BPM ({bars.clarity:.0%} on the beat's grid)" if bars.is_beat else "no clear beat"
    canvas.text(_LEFT, 54, f"{key}  ·  {tempo}  ·  {bars.n_bars} bars  ·  {found.seconds:.1f} s", 15, FAINT_WORDS)


def _bar_x(found: Analysis, bar: float) -> float:
    return _LEFT + (_WIDTH - _LEFT - _RIGHT) * bar / found.bars.n_bars


def _draw_keys(canvas: Canvas, found: Analysis, top: float) -> None:
    canvas.text(_LEFT - 8, top + _STRIP / 2, "key", 13, FAINT_WORDS, RIGHT)
    edges = key_changes(found.keys)
    for first, end in zip(edges, [*edges[1:], found.bars.n_bars], strict=True):
        x, width = _bar_x(found, first), _bar_x(found, end) - _bar_x(found, first)
        key = found.keys[first]
        canvas.rectangle(x, top, max(width - 1, 1), _STRIP, _colour(key), 0.5 if key.is_minor else 0.9)
        short = f"{NAMES[key.tonic]}{'m' if key.is_minor else ''}"
        if width > 10 * len(short):
            canvas.text(x + width / 2, top + _STRIP / 2, short, 13, BACKGROUND, MIDDLE)


def _colour(key: Key) -> str:
    return _PALETTE[key.tonic * _FIFTHS % 12 * len(_PALETTE) // 12]


def _draw_form(canvas: Canvas, found: Analysis, top: float) -> None:
    canvas.text(_LEFT - 8, top + _STRIP / 2, "form", 13, FAINT_WORDS, RIGHT)
    names = list(dict.fromkeys(found.letters))
    for i, letter in enumerate(found.letters):
        first = found.first_phrase + i * PHRASE_BARS
        x, end = _bar_x(found, first), _bar_x(found, min(first + PHRASE_BARS, found.bars.n_bars))
        canvas.rectangle(x, top, max(end - x - 1, 1), _STRIP, _PALETTE[names.index(letter) % len(_PALETTE)], 0.8)
        if end - x > 9 * len(letter):
            canvas.text((x + end) / 2, top + _STRIP / 2, letter, 13, BACKGROUND, MIDDLE)
    n_bars = found.bars.n_bars
    step = next(step for step in (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, n_bars) if n_bars / step <= 24)
    for bar in range(0, n_bars, step):
        canvas.text(_bar_x(found, bar), top + _STRIP + 12, str(bar + 1), 11, FAINT_WORDS)


def _draw_likeness(canvas: Canvas, found: Analysis, top: float) -> None:
    """Draw how alike the bars are; of a long piece, several bars share a square."""
    canvas.text(_LEFT, top - 12, "how alike its bars are", 13, FAINT_WORDS)
    canvas.rectangle(_LEFT, top, _SQUARE, _SQUARE, LANE)
    group = -(-found.bars.n_bars // _MOST_CELLS)
    firsts = np.arange(0, found.bars.n_bars, group)
    alike = np.add.reduceat(np.add.reduceat(found.alike, firsts, 0), firsts, 1)
    sizes = np.diff(firsts, append=found.bars.n_bars)
    alike = alike / np.outer(sizes, sizes)
    size = _SQUARE / len(firsts)
    for shade in range(1, 9):  # cells of the same look together, which an SVG draws as one
        for row, column in np.argwhere(np.rint(alike * 8) == shade).tolist():
            x, y = _LEFT + column * size, top + row * size
            canvas.rectangle(x, y, max(size - 0.5, 0.5), max(size - 0.5, 0.5), _LIKENESS, shade / 8)


def _draw_voices(canvas: Canvas, found: Analysis, left: float, top: float) -> None:
    canvas.text(left, top - 12, "voices: range, share of the time, notes", 13, FAINT_WORDS)
    width = _WIDTH - _RIGHT - left - 40
    for row, voice in enumerate(Voice):
        part, y = found.voices[voice], top + row * _ROW
        canvas.text(left, y + 10, voice.name, 13, WORDS)
        canvas.rectangle(left + 36, y, width, 20, LANE)
        canvas.rectangle(left + 36, y, width * part.share, 20, VOICE_COLOURS[voice], 0.35)
        low, high = note_name(part.lowest, voice), note_name(part.highest, voice)
        words = f"{low} to {high}, {part.share:.0%}, {part.n_notes} notes" if part.n_notes else "silent"
        canvas.text(left + 44, y + 10, words, 13, WORDS)


def _draw_motifs(canvas: Canvas, found: Analysis, left: float, top: float) -> None:
    canvas.text(
        left, top - 12, "motifs that come back, and in which bars" if found.motifs else "no motif", 13, FAINT_WORDS
    )
    width = _WIDTH - _RIGHT - left - 4
    for row, motif in enumerate(found.motifs):
        y = top + row * (_ROW + 14)
        notes = " ".join(note_name(note, Voice.P1) for note in motif.notes)
        canvas.text(left, y + 8, f"{len(motif.places)} x  {notes}"[:72], 12, WORDS)
        canvas.rectangle(left, y + 18, width, 14, LANE)
        length = sum(motif.steps)
        for voice, step, _ in motif.places:
            x = left + width * step / (found.bars.n_bars * STEPS_A_BAR)
            wide = max(width * length / (found.bars.n_bars * STEPS_A_BAR), 2)
            canvas.rectangle(x, y + 18, min(wide, left + width - x), 14, VOICE_COLOURS[voice], 0.8)
