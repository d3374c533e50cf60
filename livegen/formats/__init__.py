"""Files that musicians and data sets use, to and from the score."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.errors import FormatError
from livegen.formats import nesmdb
from livegen.formats.midi_file import read_midi_score, write_midi_score

Reader = Callable[[Path], NDArray[np.uint8]]
Writer = Callable[[Path, NDArray[np.uint8]], None]

_SCORE_FORMATS: Final[dict[str, tuple[Reader, Writer]]] = {
    ".mid": (read_midi_score, write_midi_score),
    ".midi": (read_midi_score, write_midi_score),
    ".npz": (nesmdb.load_npz, nesmdb.save_npz),
    ".exprsco.pkl": (nesmdb.load_exprsco, nesmdb.save_exprsco),
    ".seprsco.pkl": (nesmdb.load_seprsco, nesmdb.save_seprsco),
}

SCORE_ENDINGS: Final = tuple(_SCORE_FORMATS)
"""What the names of score files end in, in small letters."""


def read_score(path: Path) -> NDArray[np.uint8]:
    """Read a score, uint8 (N, 4, 3), from a file of the format that its name ends with.

    Raises
    ------
    FormatError
        If the name ends otherwise than in .mid, .midi, .npz, .exprsco.pkl or .seprsco.pkl, or the file is bad.
    """
    return _format_of(path)[0](path)


def write_score(path: Path, frames: NDArray[np.uint8]) -> None:
    """Write a score, uint8 (N, 4, 3), in the format that the name of the file ends with.

    Raises
    ------
    ScoreError
        If `frames` breaks the ranges of a score.
    FormatError
        If the name ends otherwise than `read_score` allows, or the file cannot be written.
    """
    _format_of(path)[1](path, frames)


def _format_of(path: Path) -> tuple[Reader, Writer]:
    for ending, functions in _SCORE_FORMATS.items():
        if path.name.lower().endswith(ending):
            return functions
    raise FormatError(f"{path.name} is no score file by its name: it must end in {', '.join(_SCORE_FORMATS)}")
