"""A piano roll of a score as a picture: time to the right, pitch upwards, the noise in a lane below.

Each voice has a colour, opacity shows the volume, and a white frame marks what a performer played. A long score is
divided into rows, one below the other.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.errors import FormatError
from livegen.formats.score.canvas import MIDDLE, RIGHT, Canvas, canvas_for
from livegen.formats.score.piece import Piece
from livegen.score import NOTE_RANGE, Column, Voice, onsets, validate_frames
from livegen.units import FRAME_RATE_HZ, MAX_VOLUME

PICTURE_ENDINGS: Final = (".png", ".svg")
"""How the name of a picture may end."""

_MAX_SECONDS: Final = 3600
VOICE_COLOURS: Final = {Voice.P1: "#ff7769", Voice.P2: "#6fd3ea", Voice.TR: "#cff25a", Voice.NO: "#b07cf0"}
BACKGROUND, LANE, WORDS, FAINT_WORDS = "#12141b", "#1a1d27", "#e8eaf2", "#8b91a7"
_BLACK_KEYS, _LINE, _OCTAVE, _PLAYER = "#161922", "#2b3040", "#343a4d", "#ffffff"
_IS_BLACK: Final = (False, True, False, True, False, False, True, False, True, False, True, False)

_FRAME_WIDTH: Final = 4.0  # pixels, while the song is short
_ROW_SECONDS: Final = 20
_LONGEST_ROW_SECONDS: Final = 22  # of a song that would have a row for its last moment else
_MOST_ROWS: Final = 40
_KEY_HEIGHT: Final = 7
_MARGIN_KEYS: Final = 2
_NOISE_HEIGHT: Final = 4
_LEFT, _RIGHT, _HEAD, _GAP, _LANE_GAP, _AXIS, _FOOT = 56, 24, 84, 26, 8, 22, 12
_LEAST_WIDTH: Final = 480
_SECONDS_A_LABEL: Final = (1, 2, 5, 10, 15, 30, 60, 120, 300)
_LABEL_WIDTH: Final = 90  # pixels from one label to the next, at least
_FAINTEST: Final = 0.25
_TRIANGLE_OPACITY: Final = 0.85


def write_picture(path: Path, piece: Piece) -> None:
    """Draw a piece as .png or .svg.

    Raises
    ------
    ScoreError
        If the frames break the ranges of a score.
    FormatError
        If it has no frames, lasts over an hour, the file cannot be written, or Pillow is missing for a .png.
    """
    frames = validate_frames(piece.frames)
    if not 0 < len(frames) <= _MAX_SECONDS * FRAME_RATE_HZ:
        raise FormatError(
            f"{path.name} would show {len(frames) / FRAME_RATE_HZ / 3600:.1f} hours: up to 1 can be drawn"
            if len(frames)
            else "the score has no frames, so there is nothing to draw: choose another file"
        )
    layout = _Layout.of(frames)
    canvas = canvas_for(path, layout.width, layout.height)
    canvas.rectangle(0, 0, layout.width, layout.height, BACKGROUND)
    player = piece.is_player
    _draw_head(canvas, layout, piece.tags.title or path.stem, has_player=bool(player.any()))
    for row in range(layout.n_rows):
        _draw_grid(canvas, layout, row)
    for note in sorted(_notes(frames, player, layout.row_frames), key=lambda note: note.look):
        x, y, width, height = layout.box(note)
        gap = 1 if note.begins and width > 2 else 0
        canvas.rectangle(x + gap, y, width - gap, height, VOICE_COLOURS[note.voice], note.opacity)
    for note in _played(frames, player, layout.row_frames):
        canvas.frame(*layout.box(note), _PLAYER)
    for at, words in piece.markers:
        _draw_marker(canvas, layout, min(at, len(frames) - 1), words)
    canvas.save(path)


@dataclass(frozen=True, slots=True)
class _Note:
    """A stretch of frames in one row in which a voice sounds without change."""

    voice: Voice
    start: int
    end: int
    note: int
    volume: int
    begins: bool

    @property
    def opacity(self) -> float:
        if self.voice is Voice.TR:
            return _TRIANGLE_OPACITY
        return _FAINTEST + (1 - _FAINTEST) * self.volume / MAX_VOLUME if self.volume else _FAINTEST / 2

    @property
    def look(self) -> tuple[int, int]:
        """Key by which notes are sorted for drawing: bass before melody, and notes that look the same together."""
        return (Voice.NO - self.voice, self.volume)


@dataclass(frozen=True, slots=True)
class _Layout:
    """The positions and sizes of everything in the picture."""

    n_frames: int
    n_rows: int
    row_frames: int
    frame_width: float
    lowest: int
    highest: int
    has_noise: bool

    @classmethod
    def of(cls, frames: NDArray[np.uint8]) -> "_Layout":
        n_rows = min(math.ceil(len(frames) / (_LONGEST_ROW_SECONDS * FRAME_RATE_HZ)), _MOST_ROWS)
        row_frames = max(_ROW_SECONDS * FRAME_RATE_HZ, -(-len(frames) // n_rows))
        frame_width = _FRAME_WIDTH * _ROW_SECONDS * FRAME_RATE_HZ / row_frames
        row_frames = min(row_frames, len(frames))
        pitched = frames[:, : Voice.NO, Column.NOTE]
        sounding = pitched[pitched > 0]
        lowest, highest = (int(sounding.min()), int(sounding.max())) if sounding.size else (60, 71)
        return cls(
            n_frames=len(frames),
            n_rows=-(-len(frames) // row_frames),
            row_frames=row_frames,
            frame_width=frame_width,
            lowest=lowest - _MARGIN_KEYS,
            highest=highest + _MARGIN_KEYS,
            has_noise=bool(frames[:, Voice.NO, Column.NOTE].any()),
        )

    @property
    def width(self) -> int:
        return max(round(_LEFT + self.row_frames * self.frame_width + _RIGHT), _LEAST_WIDTH)

    @property
    def height(self) -> int:
        return _HEAD + self.n_rows * self.row_height + (self.n_rows - 1) * _GAP + _FOOT

    @property
    def pitch_height(self) -> int:
        return (self.highest - self.lowest + 1) * _KEY_HEIGHT

    @property
    def noise_height(self) -> int:
        return NOTE_RANGE[Voice.NO][1] * _NOISE_HEIGHT if self.has_noise else 0

    @property
    def row_height(self) -> int:
        lane = _LANE_GAP + self.noise_height if self.has_noise else 0
        return self.pitch_height + lane + _AXIS

    def top(self, row: int) -> int:
        return _HEAD + row * (self.row_height + _GAP)

    def frames_in(self, row: int) -> int:
        return min(self.row_frames, self.n_frames - row * self.row_frames)

    def x(self, frame_index: int, row: int) -> float:
        return _LEFT + (frame_index - row * self.row_frames) * self.frame_width

    def key_y(self, note: int, row: int) -> int:
        return self.top(row) + (self.highest - note) * _KEY_HEIGHT

    def noise_y(self, row: int) -> int:
        return self.top(row) + self.pitch_height + _LANE_GAP

    def box(self, note: _Note) -> tuple[float, float, float, float]:
        """Return x, y, width and height of a note."""
        row = note.start // self.row_frames
        x, width = self.x(note.start, row), (note.end - note.start) * self.frame_width
        if note.voice is Voice.NO:
            y = self.noise_y(row) + (NOTE_RANGE[Voice.NO][1] - note.note) * _NOISE_HEIGHT
            return x, y, width, _NOISE_HEIGHT
        return x, self.key_y(note.note, row), width, _KEY_HEIGHT


def _notes(frames: NDArray[np.uint8], player: NDArray[np.bool_], row_frames: int) -> Iterator[_Note]:
    """Yield what sounds, cut at each change of note, volume or player, and at the end of a row."""
    attacks = onsets(frames)
    for voice in Voice:
        note, volume = frames[:, voice, Column.NOTE], frames[:, voice, Column.VOLUME]
        changes = (np.diff(note) != 0) | (np.diff(volume) != 0) | np.diff(player[:, voice])
        yield from _runs(voice, frames, np.flatnonzero(changes | attacks[1:, voice]) + 1, attacks[:, voice], row_frames)


def _played(frames: NDArray[np.uint8], player: NDArray[np.bool_], row_frames: int) -> Iterator[_Note]:
    """Yield whole notes of the player's, cut only at the end of a row."""
    attacks = onsets(frames)
    for voice in Voice:
        mask = player[:, voice] & (frames[:, voice, Column.NOTE] > 0)
        changes = (np.diff(frames[:, voice, Column.NOTE]) != 0) | np.diff(mask) | attacks[1:, voice]
        for note in _runs(voice, frames, np.flatnonzero(changes) + 1, attacks[:, voice], row_frames):
            if mask[note.start]:
                yield note


def _runs(
    voice: Voice, frames: NDArray[np.uint8], cuts: NDArray[np.int64], attacks: NDArray[np.bool_], row_frames: int
) -> Iterator[_Note]:
    edges = np.union1d(cuts, np.arange(0, len(frames), row_frames)).tolist()
    for start, end in zip(edges, [*edges[1:], len(frames)], strict=True):
        note, volume, _ = frames[start, voice].tolist()
        if note:
            yield _Note(voice, start, end, note, volume, bool(attacks[start]))


def _draw_head(canvas: Canvas, layout: _Layout, title: str, *, has_player: bool) -> None:
    canvas.text(_LEFT, 26, title[: layout.width // 24], 20, WORDS)
    legend = [(voice.name, VOICE_COLOURS[voice]) for voice in Voice] + ([("player", _PLAYER)] if has_player else [])
    x = _LEFT
    for name, colour in legend:
        if colour == _PLAYER:
            canvas.frame(x, 44, 14, 8, colour)
        else:
            canvas.rectangle(x, 44, 14, 8, colour)
        canvas.text(x + 20, 48, name, 12, FAINT_WORDS)
        x += 54
    minutes, seconds = divmod(round(layout.n_frames / FRAME_RATE_HZ), 60)
    canvas.text(layout.width - _RIGHT, 26, f"{minutes}:{seconds:02d}", 14, FAINT_WORDS, RIGHT)


def _draw_grid(canvas: Canvas, layout: _Layout, row: int) -> None:
    width = layout.frames_in(row) * layout.frame_width
    canvas.rectangle(_LEFT, layout.top(row), width, layout.pitch_height, LANE)
    for key in range(layout.lowest, layout.highest + 1):
        if _IS_BLACK[key % 12]:
            canvas.rectangle(_LEFT, layout.key_y(key, row), width, _KEY_HEIGHT, _BLACK_KEYS)
    bottom = layout.top(row) + layout.pitch_height
    if layout.has_noise:
        canvas.rectangle(_LEFT, layout.noise_y(row), width, layout.noise_height, LANE)
        canvas.text(_LEFT - 8, layout.noise_y(row) + layout.noise_height / 2, "NO", 11, FAINT_WORDS, RIGHT)
        bottom = layout.noise_y(row) + layout.noise_height
    second_width = FRAME_RATE_HZ * layout.frame_width
    step = next((s for s in _SECONDS_A_LABEL if s * second_width >= _LABEL_WIDTH), _SECONDS_A_LABEL[-1])
    first, last = row * layout.row_frames, row * layout.row_frames + layout.frames_in(row)
    for second in range(-(-first // FRAME_RATE_HZ), last // FRAME_RATE_HZ + 1):
        x, is_labelled = layout.x(second * FRAME_RATE_HZ, row), second % step == 0
        if is_labelled or second_width >= 8:
            canvas.rectangle(x, layout.top(row), 1, bottom - layout.top(row), _OCTAVE if is_labelled else _LINE, 0.7)
    for second in range(-(-first // FRAME_RATE_HZ // step) * step, last // FRAME_RATE_HZ + 1, step):
        x = layout.x(second * FRAME_RATE_HZ, row)
        canvas.text(x, bottom + 12, f"{second // 60}:{second % 60:02d}", 11, FAINT_WORDS, MIDDLE)
    for key in range(-(-layout.lowest // 12) * 12, layout.highest + 1, 12):
        y = layout.key_y(key, row) + _KEY_HEIGHT
        canvas.rectangle(_LEFT, y, width, 1, _OCTAVE)
        canvas.text(_LEFT - 8, y - _KEY_HEIGHT / 2, f"C{key // 12 - 1}", 11, FAINT_WORDS, RIGHT)


def _draw_marker(canvas: Canvas, layout: _Layout, frame_index: int, words: str) -> None:
    row = frame_index // layout.row_frames
    x = layout.x(frame_index, row)
    canvas.rectangle(x, layout.top(row) - 12, 1, layout.row_height - _AXIS + 12, WORDS, 0.8)
    canvas.text(x + 4, layout.top(row) - 7, words[:40], 11, WORDS)
