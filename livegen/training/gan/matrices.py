"""The form of the seed's GAN: 256 frames of notes as a matrix of 32 by 32.

The notes of the four voices, a `seprsco`, are four rows of 256 numbers. These are cut into eight pieces of 32 frames,
which stand one below the other: row ``4 * piece + voice``, column ``frame % 32``. Such matrices are kept in an .npz.
"""

import zipfile
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.beat import Beat, estimate_beat
from livegen.engines.steps import N_STEPS, score_on_the_beat
from livegen.errors import FormatError
from livegen.formats.files import atomic_path
from livegen.score import N_COLUMNS, N_VOICES, NOTE_RANGE, VOLUME_MAX, Voice, onsets

PIECE_FRAMES: Final = 32
N_PIECES: Final = 8
N_FRAMES: Final = N_PIECES * PIECE_FRAMES
SIZE: Final = N_PIECES * N_VOICES
"""A matrix has as many rows as columns."""

_NAME: Final = "matrices"
_UNKNOWN_BEAT: Final = Beat(12.0, 0.0)
_FULL: Final = 12
_MOST_BYTES: Final = 1 << 30


def to_matrices(notes: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return excerpts, (n, 256, 4), as matrices, (n, 32, 32)."""
    pieces = notes.reshape(-1, N_PIECES, PIECE_FRAMES, N_VOICES)
    return np.ascontiguousarray(pieces.transpose(0, 1, 3, 2).reshape(-1, SIZE, PIECE_FRAMES))


def from_matrices(matrices: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return matrices, (n, 32, 32), as excerpts, (n, 256, 4)."""
    pieces = matrices.reshape(-1, N_PIECES, N_VOICES, PIECE_FRAMES)
    return np.ascontiguousarray(pieces.transpose(0, 1, 3, 2).reshape(-1, N_FRAMES, N_VOICES))


def fitted(notes: NDArray) -> NDArray[np.uint8]:
    """Return numbers, (..., 4), as notes: what lies below a voice's range is its lowest note or silence, if nearer."""
    found = np.zeros(np.shape(notes), np.uint8)
    for voice, (lowest, highest) in NOTE_RANGE.items():
        note = notes[..., voice]
        found[..., voice] = np.where(note < lowest / 2, 0, np.clip(np.rint(note), lowest, highest))
    return found


def write_matrices(path: Path, matrices: NDArray[np.uint8]) -> None:
    """Write matrices, (n, 32, 32), to an .npz; raises FormatError if that fails."""
    with atomic_path(path) as partial, partial.open("wb") as file:
        np.savez_compressed(file, matrices=matrices)


def read_matrices(path: Path) -> NDArray[np.uint8]:
    """Return the matrices of an .npz, (n, 32, 32); the first array in it, whatever its name.

    Raises
    ------
    FormatError
        If it is no such file, or a matrix has another size or is no notes.
    """
    try:
        with np.load(path, allow_pickle=False) as npz:
            if not npz.files or sum(member.file_size for member in npz.zip.infolist()) > _MOST_BYTES:
                raise FormatError(f"{path.name} holds no matrices, or more than {_MOST_BYTES >> 20} MiB of them")
            found = npz[_NAME if _NAME in npz.files else npz.files[0]]
    except (OSError, ValueError, KeyError, EOFError, AttributeError, zipfile.BadZipFile) as error:
        raise FormatError(f"{path.name} is no .npz that can be read: {error}") from error
    found = found[None] if found.ndim == 2 else found
    if found.shape[1:] != (SIZE, PIECE_FRAMES) or found.dtype.kind not in "uif":
        raise FormatError(f"{path.name} holds {found.dtype} {found.shape}, and matrices are numbers (n, 32, 32)")
    if not (np.isfinite(found).all() and (fitted(from_matrices(found)) == from_matrices(found)).all()):
        raise FormatError(f"{path.name} holds numbers that are no notes of their voices")
    return found.astype(np.uint8)


def excerpts_of(songs: list[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Return all excerpts of songs, each ``uint8 (N, 4, 3)``, one after another: (n, 256, 4)."""
    cut = [song[: len(song) // N_FRAMES * N_FRAMES, :, 0].reshape(-1, N_FRAMES, N_VOICES) for song in songs]
    return np.concatenate([np.empty((0, N_FRAMES, N_VOICES), np.uint8), *cut])


def to_phrases(excerpts: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return excerpts, (n, 256, 4), as phrases of eight beats, (n, 96, 4, 3), to be judged as those.

    The beat is the one that is found in its onsets, or 120 a minute where none is clear; what is missing is silent.
    """
    return np.array([_phrase_of(excerpt) for excerpt in excerpts])


def _phrase_of(notes: NDArray[np.uint8]) -> NDArray[np.uint8]:
    frames = np.zeros((len(notes), N_VOICES, N_COLUMNS), np.uint8)
    frames[..., 0] = notes
    for voice in Voice:
        frames[:, voice, 1] = (notes[:, voice] > 0) * min(_FULL, VOLUME_MAX[voice])
    beat = estimate_beat(np.nonzero(onsets(frames))[0]) or _UNKNOWN_BEAT
    steps = score_on_the_beat(frames, beat)
    phrase = np.zeros((N_STEPS, N_VOICES, N_COLUMNS), np.uint8)
    phrase[: min(len(steps), N_STEPS)] = steps[:N_STEPS]
    return phrase
