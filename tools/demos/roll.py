"""Draws the pictures of demos: `python tools/demos/roll.py` renders them anew.

One is the README's moving picture, docs/roll.svg; of each kind of model there is the roll of 20 seconds, for
docs/engines.md.

Notes go by a playhead as they sound. What the performer plays is framed in white; beyond the playhead is what the model
has planned, half a second of it, in outline. It stands still for those who ask their system for less motion.
"""

import sys
from collections.abc import Iterator
from html import escape
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np
from make import run, working_folder
from numpy.typing import NDArray
from table import FOLDER, read_table

from livegen.cli.output import say
from livegen.controls import DEFAULTS
from livegen.formats.chip.register_log import Tags
from livegen.formats.score.kinds import read_piece
from livegen.formats.score.piece import Piece
from livegen.formats.score.roll import BACKGROUND, LANE, VOICE_COLOURS, WORDS, write_picture
from livegen.score import NOTE_RANGE, Column, Voice, onsets
from livegen.units import FRAME_RATE_HZ, frame_to_seconds

DEMO: Final = "walk"
PICTURE: Final = FOLDER.parent / "docs" / "roll.svg"

STILLS: Final = {name: PICTURE.with_name(f"roll-{name}.png") for name in (DEMO, "loops", "cradle", "lattice", "wander")}
"""Pictures of demos that stand still: one by each kind of model."""

_STILL_SECONDS: Final = 20

_WIDTH, _LEFT, _TOP, _PLAYHEAD = 860, 12, 44, 640
_FRAME_WIDTH: Final = 5
_KEY_HEIGHT, _NOISE_HEIGHT, _LANE_GAP, _FOOT = 6, 3, 10, 12
_MARGIN_KEYS: Final = 2
_PLAYER: Final = "#ffffff"


class _Note(NamedTuple):
    """A note of a voice from one frame to another, and whether the performer plays it."""

    voice: Voice
    start: int
    end: int
    note: int
    is_player: bool


def main() -> int:
    """Render the demos and write the pictures."""
    for demo in read_table():
        if demo.name not in STILLS:
            continue
        with working_folder() as folder:
            piece = read_piece(run(demo, folder, ".mid"))
        if demo.name == DEMO:
            PICTURE.write_text(moving_roll(piece, " ".join(demo.words)), encoding="utf-8")
        still = STILLS[demo.name]
        shown = slice(0, _STILL_SECONDS * FRAME_RATE_HZ)
        write_picture(still, Piece(piece.frames[shown], piece.is_player[shown], tags=Tags(demo.name)))
        say(f"{still.name}: {still.stat().st_size:,} bytes")
    return 0


def moving_roll(piece: Piece, command: str) -> str:
    """Return an SVG file of a piece that goes by; `command` is what played it."""
    notes = sorted(_notes(piece.frames, piece.is_player), key=lambda note: -note.voice)
    pitched = [note.note for note in notes if note.voice is not Voice.NO]
    lowest, highest = min(pitched) - _MARGIN_KEYS, max(pitched) + _MARGIN_KEYS
    noise_top = _TOP + (highest - lowest + 1) * _KEY_HEIGHT + _LANE_GAP
    height = noise_top + NOTE_RANGE[Voice.NO][1] * _NOISE_HEIGHT + _FOOT

    def box(note: _Note) -> str:
        x, width = _PLAYHEAD + note.start * _FRAME_WIDTH, (note.end - note.start) * _FRAME_WIDTH
        if note.voice is Voice.NO:
            return _path(x, noise_top + (NOTE_RANGE[Voice.NO][1] - note.note) * _NOISE_HEIGHT, width, _NOISE_HEIGHT)
        return _path(x, _TOP + (highest - note.note) * _KEY_HEIGHT, width, _KEY_HEIGHT)

    filled, planned = [], []
    for voice in reversed(Voice):
        own = [note for note in notes if note.voice is voice]
        colour = VOICE_COLOURS[voice]
        filled.append(f'<path fill="{colour}" d="{"".join(map(box, own))}"/>')
        of_model = "".join(box(note) for note in own if not note.is_player)
        planned.append(f'<path fill="none" stroke="{colour}" d="{of_model}"/>')
    framed = "".join(box(note) for note in notes if note.is_player)
    plan_width = int(DEFAULTS["lookahead"]) * _FRAME_WIDTH
    way, bottom = len(piece.frames) * _FRAME_WIDTH, height - _TOP - _FOOT // 2
    seconds = frame_to_seconds(len(piece.frames))
    return "\n".join(
        [
            '<svg xmlns="http://www.w3.org/2000/svg"',
            f' width="{_WIDTH}" height="{height}" viewBox="0 0 {_WIDTH} {height}"',
            ' role="img" aria-labelledby="t" font-family="Inter, Helvetica, Arial, sans-serif" font-size="13">',
            '<title id="t">A piano roll that moves: you play a tune, and the model plays around it.',
            f" Made by {escape(command)}</title>",
            "<style>",
            f"@keyframes go {{ to {{ transform: translateX(-{way}px) }} }}",
            f".roll {{ animation: go {seconds:.2f}s linear -{seconds / 4:.2f}s infinite }}",  # full at first
            "@media (prefers-reduced-motion: reduce) "
            f"{{ .roll {{ animation: none; transform: translateX(-{way // 2}px) }} }}",
            "</style>",
            f'<clipPath id="past"><path d="{_path(_LEFT, _TOP, _PLAYHEAD - _LEFT, bottom)}"/></clipPath>',
            f'<clipPath id="plan"><path d="{_path(_PLAYHEAD, _TOP, plan_width, bottom)}"/></clipPath>',
            f'<path fill="{BACKGROUND}" d="{_path(0, 0, _WIDTH, height)}"/>',
            f'<path fill="{LANE}" d="{_path(_LEFT, _TOP, _WIDTH - 2 * _LEFT, noise_top - _LANE_GAP - _TOP)}'
            f'{_path(_LEFT, noise_top, _WIDTH - 2 * _LEFT, height - _FOOT - noise_top)}"/>',
            *_legend(),
            f'<g clip-path="url(#past)"><g class="roll">{"".join(filled)}',
            f'<path fill="none" stroke="{_PLAYER}" d="{framed}"/></g></g>',
            f'<g clip-path="url(#plan)"><g class="roll">{"".join(planned)}</g></g>',
            f'<path fill="{WORDS}" d="{_path(_PLAYHEAD - 1, _TOP, 2, bottom)}"/>',
            "</svg>\n",
        ]
    )


def _legend() -> Iterator[str]:
    x = _LEFT
    for voice in Voice:
        yield f'<path fill="{VOICE_COLOURS[voice]}" d="{_path(x, 18, 16, 8)}"/>'
        yield f'<text x="{x + 22}" y="27" fill="{WORDS}">{voice.name}</text>'
        x += 62
    for words, colour in (("you", _PLAYER), ("planned", VOICE_COLOURS[Voice.P2])):
        yield f'<path fill="none" stroke="{colour}" d="{_path(x, 18, 16, 8)}"/>'
        yield f'<text x="{x + 22}" y="27" fill="{WORDS}">{words}</text>'
        x += 70


def _notes(frames: NDArray[np.uint8], player: NDArray[np.bool_]) -> Iterator[_Note]:
    attacks = onsets(frames)
    for voice in Voice:
        notes = frames[:, voice, Column.NOTE]
        cuts = np.flatnonzero((np.diff(notes) != 0) | np.diff(player[:, voice]) | attacks[1:, voice]) + 1
        edges = [0, *cuts.tolist(), len(frames)]
        for start, end in pairwise(edges):
            if notes[start]:
                yield _Note(voice, start, end, int(notes[start]), bool(player[start, voice]))


def _path(x: float, y: float, width: float, height: float) -> str:
    """Return a rectangle, half a pixel smaller all around, so that neighbours do not touch."""
    return f"M{x + 0.5:g} {y + 0.5:g}h{width - 1:g}v{height - 1:g}h{1 - width:g}z"


if __name__ == "__main__":
    sys.exit(main())
