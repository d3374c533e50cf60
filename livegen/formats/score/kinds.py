"""The kinds of score files, known by the endings of their names, and functions that read and write them all."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.errors import FormatError
from livegen.formats.chip.nsf_file import NSF_SOURCE_ENDINGS
from livegen.formats.chip.register_files import REGISTER_SOURCE_ENDINGS, read_registers
from livegen.formats.files import Warn, ignore
from livegen.formats.midi.daw import write_daw_midi
from livegen.formats.midi.file import read_midi_piece, song_to_piece, write_midi_piece
from livegen.formats.score import nesmdb
from livegen.formats.score.piece import Piece
from livegen.formats.score.registers import log_to_piece
from livegen.formats.tracker.file import (
    FAMISTUDIO_ENDING,
    FAMITRACKER_ENDING,
    TEXT_ENDING,
    read_tracker,
    write_famistudio,
    write_famitracker,
)
from livegen.formats.words.kinds import WORD_ENDINGS, read_words

Reader = Callable[[Path, Warn], Piece]
Writer = Callable[[Path, Piece], None]

_SCORE_FORMATS: Final[dict[str, tuple[Reader, Writer]]] = {
    ".mid": (read_midi_piece, write_midi_piece),
    ".midi": (read_midi_piece, write_midi_piece),
    ".npz": (lambda path, _: nesmdb.load_piece(path), nesmdb.save_piece),
    ".exprsco.pkl": (
        lambda path, _: Piece(nesmdb.load_exprsco(path)),
        lambda path, piece: nesmdb.save_exprsco(path, piece.frames),
    ),
    ".seprsco.pkl": (
        lambda path, _: Piece(nesmdb.load_seprsco(path)),
        lambda path, piece: nesmdb.save_seprsco(path, piece.frames),
    ),
    FAMITRACKER_ENDING: (read_tracker, write_famitracker),
    FAMISTUDIO_ENDING: (read_tracker, write_famistudio),
}

_READ_ONLY: Final[dict[str, Reader]] = {
    ".rmi": read_midi_piece,
    ".kar": read_midi_piece,
    **dict.fromkeys(WORD_ENDINGS, lambda path, warn: song_to_piece(read_words(path, warn))),
    **dict.fromkeys(REGISTER_SOURCE_ENDINGS, lambda path, warn: log_to_piece(read_registers(path, warn=warn))),
}
"""MIDI files in a RIFF file, MIDI files with words to sing, songs as words, and register writes."""

SCORE_ENDINGS: Final = tuple(_SCORE_FORMATS)
"""Endings of the names of score files, in lower case."""

SCORE_SOURCE_ENDINGS: Final = (*SCORE_ENDINGS, *_READ_ONLY)
"""What the names of score files that can be read end in. `read_piece` reads any other text as a tracker's."""

MIDI_ENDINGS: Final = (".mid", ".midi")
"""Those endings whose files hold a title, tempos and markers."""

MIDI_SOURCE_ENDINGS: Final = (*MIDI_ENDINGS, ".rmi", ".kar")
"""What the names of MIDI files that can be read end in."""


def read_score(path: Path, warn: Warn = ignore) -> NDArray[np.uint8]:
    """Read a score, uint8 (N, 4, 3), from a file of the format that its name ends with.

    Raises
    ------
    FormatError
        If the name ends otherwise than in one of `SCORE_SOURCE_ENDINGS`, the file is bad, or as `warn` does, which
        hears of what was lost or guessed.
    """
    return read_piece(path, warn).frames


def write_score(path: Path, frames: NDArray[np.uint8]) -> None:
    """Write a score, uint8 (N, 4, 3), in the format that the name of the file ends with.

    Raises
    ------
    ScoreError
        If `frames` breaks the ranges of a score.
    FormatError
        If the name has no ending that `read_score` allows, or the file cannot be written.
    """
    write_piece(path, Piece(frames))


def read_piece(path: Path, warn: Warn = ignore, track: int | None = None) -> Piece:
    """Read a score with what else its file tells; raises FormatError as `read_score` does.

    Parameters
    ----------
    path : Path
    warn : callable
    track : int, optional
        Which of several songs of a tracker's text or an NSF file, from 1; else the one with which players begin.
    """
    name = path.name.lower()
    if name.endswith(NSF_SOURCE_ENDINGS):
        return log_to_piece(read_registers(path, track, warn=warn))
    read = next((read for ending, read in _READ_ONLY.items() if name.endswith(ending)), None)
    if read is None and name.endswith(TEXT_ENDING):
        return read_tracker(path, warn, track)
    if track is not None:
        raise FormatError(f"{path.name} holds one song, and track {track} was asked for: leave the track out")
    return (read or _format_of(path)[0])(path, warn)


def write_piece(path: Path, piece: Piece, *, is_for_daw: bool = False) -> None:
    """Write a score with as much of the other content as the format holds; raises as `write_score` does.

    A MIDI file holds the player's part, tempos, markers and the title, an .npz file the player's part, a pickle the
    frames alone, and a tracker's text all but the markers, in bars and with the sound of the patch.

    Parameters
    ----------
    path : Path
    piece : Piece
    is_for_daw : bool
        Whether a MIDI file is laid out for a DAW, and not in NES-MDB's layout, which can be read back exactly.
    """
    if is_for_daw and path.suffix.lower() in MIDI_ENDINGS:
        write_daw_midi(path, piece)
    else:
        _format_of(path)[1](path, piece)


def _format_of(path: Path) -> tuple[Reader, Writer]:
    for ending, functions in _SCORE_FORMATS.items():
        if path.name.lower().endswith(ending):
            return functions
    raise FormatError(f"{path.name} is no score file by its name: it must end in {', '.join(_SCORE_FORMATS)}")
