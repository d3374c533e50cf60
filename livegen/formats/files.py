"""What all readers and writers here share: bounded reading, writing in one piece, the longest score."""

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from livegen.errors import FormatError
from livegen.units import FRAME_RATE_HZ

MAX_FRAMES: Final = 1_000_000
"""Number of frames in the longest score that a file may hold: 11.5 hours, far beyond music and well within memory."""

MAX_SECONDS: Final = MAX_FRAMES / FRAME_RATE_HZ

Warn = Callable[[str], None]
"""Is told, in one sentence that names the file, what was lost or guessed while a damaged file was read."""


def ignore(sentence: str) -> None:
    """Be a `Warn` for whom damage does not matter."""


def refuse(sentence: str) -> None:
    """Be a `Warn` for whom any damage is too much; raises FormatError."""
    raise FormatError(f"{sentence}: get another copy, or leave out --strict to have what is whole")


def read_bytes(path: Path, max_bytes: int) -> bytes:
    """Return a whole file.

    Raises
    ------
    FormatError
        If the file does not exist, cannot be read, or is longer than `max_bytes`.
    """
    try:
        if not path.is_file():
            raise FormatError(f"{path} is not a file: give the path of a file that exists")
        with path.open("rb") as file:
            data = file.read(max_bytes + 1)
    except OSError as error:
        raise FormatError(f"{path} cannot be read: {error.strerror}") from error
    if len(data) > max_bytes:
        raise FormatError(f"{path} is too large: at most {max_bytes / 2**20:.0f} MiB of this kind of file are read")
    return data


def check_place(path: Path) -> None:
    """Raise FormatError if no file can be written to a path, before any work is done."""
    folder = path.absolute().parent
    try:
        if not folder.is_dir():
            raise FormatError(f"there is no folder {folder}: make it first")
        if path.is_dir():
            raise FormatError(f"{path} is a folder: give the name of a file in it")
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise FormatError(f"{path} cannot be written: {error.strerror}") from error


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a path beside `path`; when the block ends without an error, move the file written there to `path`.

    If the block raises, `path` stays as it was, and nothing is left beside it.

    Raises
    ------
    FormatError
        If the folder does not exist or cannot be written to.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    if not path.parent.is_dir():
        raise FormatError(f"{path} cannot be written: make the folder {path.parent} first")
    try:
        yield partial
        partial.replace(path)
    except OSError as error:
        raise FormatError(f"{path} cannot be written: {error.strerror or error}") from error
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
