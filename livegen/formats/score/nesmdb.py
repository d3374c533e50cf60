"""Scores in NumPy files and in NES-MDB's pickles (https://github.com/chrisdonahue/nesmdb).

livegen's own score file is an `.npz` with `frames`. A split of the data set is an `.npz` with `frames`, `offsets` and
`names`, and what `livegen prepare` knows beyond that. NES-MDB's `.exprsco.pkl` and `.seprsco.pkl` hold ``(rate, number
of samples at 44.1 kHz, array)``.
"""

import io
import json
import math
import pickle
import struct
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from livegen.errors import FormatError, ScoreError
from livegen.formats.files import MAX_FRAMES, atomic_path, read_bytes
from livegen.formats.score.downsample import GRID_RATE_HZ, downsample, frames_to_samples, samples_to_frames
from livegen.formats.score.pickles import PickleRefused, load
from livegen.formats.score.piece import Piece
from livegen.score import N_COLUMNS, N_VOICES, Column, Voice, validate_frames
from livegen.units import FRAME_RATE_HZ, MAX_VOLUME

MAX_SPLIT_FRAMES: Final = 50_000_000
"""Largest number of frames in a split: fourteen times NES-MDB's train split, 600 MB in memory."""

_FRAME_BYTES: Final = N_VOICES * N_COLUMNS
_MAX_FILE_BYTES: Final = 64 * 2**20
_MAX_SPLIT_FILE_BYTES: Final = 2**28
_MAX_TEXT_BYTES: Final = 64 * 2**20
_MAX_METADATA_BYTES: Final = 2**20
_HEADER_BYTES: Final = 2**16
_MAX_DIRECTORY_BYTES: Final = 2**16


@dataclass(frozen=True, slots=True)
class Split:
    """Many songs in one array.

    Attributes
    ----------
    frames : ndarray of uint8, shape (N, 4, 3)
        The songs one after another.
    offsets : ndarray of int64, shape (songs + 1,)
        Index of each song's first frame; the last offset is N.
    names : tuple of str
        One for each song.
    beats : ndarray of float64, shape (songs, 2), or None
        Frames a beat, and the phase of the beat in the song's first frame, in beats; NaN for a song without a clear
        beat. None if the file does not say.
    is_learnt : ndarray of bool, shape (N, 4), or None
        What there is to learn from; None for all of it.
    """

    frames: NDArray[np.uint8]
    offsets: NDArray[np.int64]
    names: tuple[str, ...]
    beats: NDArray[np.float64] | None = None
    is_learnt: NDArray[np.bool_] | None = None

    def __len__(self) -> int:
        return len(self.names)

    def song(self, index: int) -> NDArray[np.uint8]:
        """Return the frames of a song, a view of shape (n, 4, 3)."""
        return self.frames[self.offsets[index] : self.offsets[index + 1]]


def load_split(path: Path) -> Split:
    """Read a split of NES-MDB from an `.npz` with `frames`, `offsets` and `names`, or one that `save_split` wrote.

    Raises
    ------
    FormatError
        If the file is damaged, too large, or its parts do not fit each other.
    """
    with _Npz(path, _MAX_SPLIT_FILE_BYTES) as npz:
        frames = _checked_frames(path, npz.array("frames", MAX_SPLIT_FRAMES * _FRAME_BYTES))
        offsets = npz.array("offsets", _MAX_TEXT_BYTES)
        names = npz.array("names", _MAX_TEXT_BYTES)
        beats = npz.array("beats", _MAX_TEXT_BYTES) if npz.has("beats") else None
        is_learnt = npz.array("is_learnt", MAX_SPLIT_FRAMES * N_VOICES) if npz.has("is_learnt") else None
    if offsets.ndim != 1 or offsets.dtype.kind not in "iu" or names.shape != (len(offsets) - 1,):
        raise FormatError(f"{path.name} is no split: it needs one offset more than its {names.size} names")
    offsets = offsets.astype(np.int64)
    if offsets[0] != 0 or offsets[-1] != len(frames) or (np.diff(offsets) < 0).any():
        raise FormatError(f"{path.name} is no split: its offsets must rise from 0 to its {len(frames)} frames")
    if beats is not None and (beats.shape != (len(names), 2) or beats.dtype.kind != "f" or (beats[:, 0] <= 0.0).any()):
        raise FormatError(f"{path.name} is no split: its beats must be a period over 0 and a phase a song, or NaN")
    if is_learnt is not None and (is_learnt.dtype != np.bool_ or is_learnt.shape != frames.shape[:2]):
        raise FormatError(f"{path.name} is no split: its array is_learnt does not fit its {len(frames)} frames")
    return Split(frames, offsets, tuple(map(str, names.tolist())), beats, is_learnt)


def save_split(path: Path, split: Split) -> None:
    """Write a split. The same split gives the same bytes.

    Raises
    ------
    FormatError
        If the file cannot be written.
    """
    arrays = {"frames": split.frames, "offsets": split.offsets, "names": np.array(split.names, np.str_)}
    more = {"beats": split.beats, "is_learnt": split.is_learnt}
    arrays |= {name: array for name, array in more.items() if array is not None}
    with atomic_path(path) as partial, partial.open("wb") as file:
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]


def load_npz(path: Path) -> NDArray[np.uint8]:
    """Read a score, uint8 (N, 4, 3), from livegen's own score file.

    Raises
    ------
    FormatError
        If the file is damaged, holds more than 1,000,000 frames, or is a split of many songs.
    """
    return load_piece(path).frames


def load_piece(path: Path) -> Piece:
    """Read a score and where a performer played from livegen's own score file; raises as `load_npz` does."""
    with _Npz(path, _MAX_FILE_BYTES) as npz:
        if npz.has("offsets"):
            raise FormatError(f"{path.name} is a data set of many songs: choose a file with one score")
        frames = _checked_frames(path, npz.array("frames", MAX_FRAMES * _FRAME_BYTES))
        if not npz.has("player"):
            return Piece(frames)
        player = npz.array("player", MAX_FRAMES * N_VOICES)
    if player.dtype != np.bool_ or player.shape != frames.shape[:2]:
        raise FormatError(f"{path.name} is damaged: its array player does not fit its {len(frames)} frames")
    return Piece(frames, player)


def load_npz_metadata(path: Path) -> dict[str, Any]:
    """Return the metadata that `save_npz` was given with a score; empty if none.

    Raises
    ------
    FormatError
        If the file is damaged, or its metadata is no JSON object.
    """
    with _Npz(path, _MAX_FILE_BYTES) as npz:
        if not npz.has("metadata"):
            return {}
        text = str(npz.array("metadata", _MAX_METADATA_BYTES))
    try:
        metadata = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{path.name} has damaged metadata: save the score again") from error
    if not isinstance(metadata, dict):
        raise FormatError(f"{path.name} has metadata of type {type(metadata).__name__}: it must be a JSON object")
    return metadata


def save_npz(
    path: Path,
    frames: NDArray[np.uint8],
    metadata: Mapping[str, Any] | None = None,
    *,
    player: NDArray[np.bool_] | None = None,
) -> None:
    """Write a score, and metadata about it that JSON can hold. The same score gives the same bytes.

    Parameters
    ----------
    path : Path
    frames : ndarray of uint8, shape (N, 4, 3)
    metadata : mapping, optional
    player : ndarray of bool, shape (N, 4), optional
        True where a performer played.

    Raises
    ------
    ScoreError
        If `frames` breaks the ranges of a score.
    FormatError
        If the metadata is longer than 262,144 characters, or the file cannot be written.
    """
    arrays: dict[str, NDArray] = {"frames": validate_frames(frames)}
    arrays["metadata"] = np.array(json.dumps(dict(metadata or {}), sort_keys=True))
    if arrays["metadata"].nbytes > _MAX_METADATA_BYTES:
        raise FormatError(f"{path.name} cannot hold so much metadata: {_MAX_METADATA_BYTES // 4:,} characters fit")
    if player is not None:
        arrays["player"] = player
    with atomic_path(path) as partial, partial.open("wb") as file:
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]


def save_piece(path: Path, piece: Piece) -> None:
    """Write a score and where a performer played; raises as `save_npz` does."""
    save_npz(path, piece.frames, player=piece.player)


def load_exprsco(path: Path) -> NDArray[np.uint8]:
    """Read NES-MDB's `.exprsco.pkl` as frames, uint8 (N, 4, 3), converted to 24 a second if it has another rate.

    Raises
    ------
    FormatError
        If the file is damaged or too long, holds anything but an array of numbers, or breaks the ranges of a score.
    """
    rate, array = _load_pickle(path, (N_VOICES, N_COLUMNS))
    return _to_frame_rate(_checked_frames(path, array), rate)


def load_seprsco(path: Path) -> NDArray[np.uint8]:
    """Read NES-MDB's `.seprsco.pkl`, which holds only notes, as frames, uint8 (N, 4, 3).

    Sounding notes of P1, P2 and NO get volume 15, and every timbre is 0, as in nesmdb.

    Raises
    ------
    FormatError
        As `load_exprsco`.
    """
    rate, notes = _load_pickle(path, (N_VOICES,))
    array = np.zeros((*notes.shape, N_COLUMNS), notes.dtype)
    array[..., Column.NOTE] = notes
    array[..., Column.VOLUME] = np.where(notes > 0, MAX_VOLUME, 0)
    array[:, Voice.TR, Column.VOLUME] = 0
    return _to_frame_rate(_checked_frames(path, array), rate)


def save_exprsco(path: Path, frames: NDArray[np.uint8]) -> None:
    """Write a score as NES-MDB's `.exprsco.pkl`. NES-MDB's Python 2 code can read it.

    Raises
    ------
    ScoreError
        If `frames` breaks the ranges of a score.
    FormatError
        If the file cannot be written.
    """
    _save_pickle(path, validate_frames(frames))


def save_seprsco(path: Path, frames: NDArray[np.uint8]) -> None:
    """Write the notes of a score, uint8 (N, 4, 3), as NES-MDB's `.seprsco.pkl`; volumes and timbres are lost.

    Raises
    ------
    ScoreError
        If `frames` breaks the ranges of a score.
    FormatError
        If the file cannot be written.
    """
    _save_pickle(path, validate_frames(frames)[..., Column.NOTE])


class _Npz:
    """An `.npz` whose sizes are checked before anything is unpacked, because NumPy trusts what the file claims."""

    def __init__(self, path: Path, max_bytes: int) -> None:
        self.name = path.name
        data = read_bytes(path, max_bytes)
        try:
            self._check_directory(data)
            self.zip = zipfile.ZipFile(io.BytesIO(data))
        except Exception as error:  # zipfile raises whatever broken bytes lead to
            raise FormatError(f"{path.name} is not an .npz file, or it is damaged: get another copy") from error

    def __enter__(self) -> "_Npz":
        return self

    def __exit__(self, *_: object) -> None:
        self.zip.close()

    def has(self, key: str) -> bool:
        return f"{key}.npy" in self.zip.namelist()

    def array(self, key: str, max_bytes: int) -> NDArray:
        """Return an array of numbers or text that takes at most `max_bytes` in memory."""
        if not self.has(key):
            raise FormatError(f"{self.name} has no array named {key}: it is not the kind of .npz that is wanted here")
        info = self.zip.getinfo(f"{key}.npy")
        if info.file_size > max_bytes + _HEADER_BYTES:
            raise FormatError(f"{self.name} claims {info.file_size:,} bytes of {key}: at most {max_bytes:,} are read")
        try:
            data = self.zip.read(info)
            self._check_header(data)
            return np.load(io.BytesIO(data), allow_pickle=False)
        except Exception as error:  # what zipfile, zlib and NumPy's parser of headers raise has no common base
            raise FormatError(f"{self.name} is damaged: its array {key} cannot be read") from error

    @staticmethod
    def _check_directory(data: bytes) -> None:
        """Raise unless the archive ends as NumPy ends it, with a short directory: zipfile would read any size."""
        signature, size, comment = struct.unpack("<4s8xI4xH", data[-22:])
        is_zip64 = data[-42:-38] == b"PK\x06\x07"
        if signature != b"PK\x05\x06" or size > _MAX_DIRECTORY_BYTES or comment or is_zip64:
            raise zipfile.BadZipFile("the directory of the archive is not NumPy's")

    @staticmethod
    def _check_header(data: bytes) -> None:
        """Raise unless as many bytes follow an array's header as its shape needs. NumPy allocates before it reads."""
        file = io.BytesIO(data)
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = read(file)
        if dtype.hasobject or math.prod(shape) * dtype.itemsize != len(data) - file.tell():
            raise ValueError("the size of the array is not what its header says")


def _load_pickle(path: Path, frame_shape: tuple[int, ...]) -> tuple[float, NDArray]:
    """Return rate and array, shape (N, *frame_shape), of a pickle of NES-MDB."""
    try:
        value = load(read_bytes(path, _MAX_FILE_BYTES))
    except PickleRefused as error:
        raise FormatError(f"{path.name} is not a pickle of NES-MDB that can be read: {error}") from error
    if not isinstance(value, tuple) or len(value) != 3 or not isinstance(value[2], np.ndarray):
        raise FormatError(f"{path.name} holds no NES-MDB score: that is a rate, a number of samples and an array")
    rate, _, array = value
    if not isinstance(rate, (int, float, np.number)) or not 1 <= rate <= GRID_RATE_HZ:
        raise FormatError(f"{path.name} has a rate that is not 1 to {GRID_RATE_HZ} frames a second")
    if array.ndim != 1 + len(frame_shape) or array.shape[1:] != frame_shape:
        raise FormatError(f"{path.name} holds an array of shape {array.shape}, not (frames, *{frame_shape})")
    if len(array) * FRAME_RATE_HZ > MAX_FRAMES * rate:
        raise FormatError(f"{path.name} lasts {len(array) / rate / 3600:.1f} hours: that is over {MAX_FRAMES:,} frames")
    return float(rate), array


def _save_pickle(path: Path, array: NDArray[np.uint8]) -> None:
    data = pickle.dumps((float(FRAME_RATE_HZ), frames_to_samples(len(array)), np.ascontiguousarray(array)), protocol=2)
    # NumPy 2.0 renamed this module; nesmdb and its readers know only the old name.
    data = data.replace(b"cnumpy._core.multiarray\n", b"cnumpy.core.multiarray\n", 1)
    with atomic_path(path) as partial:
        partial.write_bytes(data)


def _checked_frames(path: Path, array: NDArray) -> NDArray[np.uint8]:
    try:
        return validate_frames(array)
    except ScoreError as error:
        raise FormatError(f"{path.name} does not hold a score: {error}") from error


def _to_frame_rate(frames: NDArray[np.uint8], rate: float) -> NDArray[np.uint8]:
    """Convert a score of another rate to 24 frames a second by NES-MDB's rule."""
    if rate == FRAME_RATE_HZ or not len(frames):
        return frames
    starts = np.rint(np.arange(len(frames)) / rate * GRID_RATE_HZ).astype(np.int64)
    n_frames = samples_to_frames(round(len(frames) / rate * GRID_RATE_HZ))
    return np.stack([downsample(starts, frames[:, voice], n_frames) for voice in Voice], axis=1)
