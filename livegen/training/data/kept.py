"""What is made of NES-MDB's MIDI files, which takes minutes, kept for the next time.

A packed file says of which version it is, and what it was made of: of another one nothing is taken.
"""

import hashlib
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from livegen.errors import FormatError, TrainingError
from livegen.formats.files import atomic_path
from livegen.formats.midi.smf import Song
from livegen.system.resources import cache_folder
from livegen.training.data.exact_onsets import archived_songs
from livegen.training.data.sources import Listener, midi_archive


class Packed(Protocol):
    """What can be written to a file."""

    def save(self, path: Path, about: str = "") -> None:
        """Write it to an .npz; `about` is kept with it."""
        ...


P = TypeVar("P", bound=Packed)


def archive_of(data: Path, split: str) -> Path | None:
    """Return the one .zip of a split's songs as MIDI files in a folder, or beside a packed split; None without one."""
    if data.is_dir():
        return midi_archive(data, split)
    return midi_archive(data.parent, split) if data.suffix.lower() == ".npz" else None


def made_of(
    archive: Path,
    split: str,
    what: str,
    load: Callable[[Path, str], P | None],
    make: Callable[[Iterator[Song]], P],
    listener: Listener,
    cache: Path | None = None,
) -> P:
    """Return what is made of the songs of a .zip: what was kept of this very file, or else made now, and then kept.

    Parameters
    ----------
    archive : Path
    split : str
    what : str
        What it is, in the plural: the listener is told, and the folder in livegen's own cache is called so.
    load : callable
        Returns what was kept in a file with such an `about`; None if there is nothing.
    make : callable
        Makes it of the songs.
    listener : Listener
    cache : Path, optional
        The folder where it is kept.

    Raises
    ------
    TrainingError
        If the archive cannot be read.
    """
    about = _hash(archive)
    folder = cache or cache_folder() / what
    kept = folder / f"{split}-{about[:16]}.npz"
    found = load(kept, about)
    if found is not None:
        return found
    songs = archived_songs(archive, lambda done: listener.progress(f"reading {split} {what}", done))
    try:
        found = make(song for _, song in songs)
    except FormatError as error:
        raise TrainingError(str(error)) from error
    try:
        folder.mkdir(parents=True, exist_ok=True)
        found.save(kept, about)
    except (OSError, FormatError) as error:
        listener.warn(f"the {what} are not kept for the next time: {error}")
    return found


def save_arrays(path: Path, version: int, about: str, **arrays: NDArray) -> None:
    """Write arrays to an .npz, with their version and what they are about; raises OSError or FormatError."""
    with atomic_path(path) as partial, partial.open("wb") as file:
        np.savez_compressed(file, version=version, about=about, **arrays)  # type: ignore[arg-type]


def load_arrays(path: Path, version: int, about: str, names: tuple[str, ...]) -> list[NDArray] | None:
    """Return what `save_arrays` wrote; None if there is none, or it is of another version or about something else."""
    try:
        with np.load(path, allow_pickle=False) as npz:
            if int(npz["version"]) != version or str(npz["about"]) != about:
                return None
            return [npz[name] for name in names]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None


def _hash(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise TrainingError(f"{path} cannot be read: {error.strerror or error}") from error
