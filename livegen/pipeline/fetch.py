"""Songs from a folder, a file or the web, as they are, with their hash checked where it is known."""

import hashlib
import http.client
import shutil
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Final
from urllib.parse import unquote

from livegen.errors import FormatError
from livegen.formats.files import atomic_path

SHA256: Final[Mapping[str, str]] = {
    "nesmdb24_exprsco.tar.gz": "7ca09fdf2be6db5c0767ef6ef7f3f4cac06ae23336c463d123009681b9d64d50",
    "nesmdb24_seprsco.tar.gz": "3e2dadfc0b499cc730a7d2143705215e6cf5abec9e75e6a3e6131f4f9fefeb3a",
    "nesmdb_midi.tar.gz": "37610e2ca5fe70359c85170cf1f4982596783bb304c59d9c439f68c24ff4ee93",
    "nesmdb_vgm.tar.gz": "cd44290957cd2dd22a497966f79d24d2a0cdfe135afa83857f25c0871893abc7",
}
"""By their names, the archives of NES-MDB: https://github.com/chrisdonahue/nesmdb#download-links."""

_SCHEMES: Final = ("http://", "https://")
_MOST_BYTES: Final = 8 * 2**30
_PIECE: Final = 2**20
PATIENCE_SECONDS: Final = 60.0


def is_address(source: str) -> bool:
    """Tell whether a source is an address of the web, and no path."""
    return source.lower().startswith(_SCHEMES)


def fetch(source: str, out: Path, sha256: str = "", progress: Callable[[float], None] = lambda _: None) -> None:
    """Bring songs into a folder, which is emptied first.

    Parameters
    ----------
    source : str
        A folder, whose files are copied but for those whose name begins with a dot; a file; or the address of one.
    out : Path
        The folder, made if need be.
    sha256 : str
        The hash that a file must have, in hexadecimal; by default that of NES-MDB's archive of the file's name.
    progress : callable
        Is told which share of a file has come, 0..1.

    Raises
    ------
    FormatError
        If there is no such source, it cannot be read, or its hash is another; then `out` is as it was.
    """
    is_web = is_address(source)
    place = Path(source)
    if not is_web and not place.exists():
        raise FormatError(f"there are no songs at {source}: give a folder, an archive, or the address of one")
    if place.is_dir() and sha256:
        raise FormatError(f"{source} is a folder, which has no SHA-256: leave it out, or give an archive")
    fresh = out.with_name(f".{out.name}.fetched")
    try:
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
        if place.is_dir():
            _refuse_own(place, out)
            shutil.copytree(place, fresh, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".*"))
        else:
            name = PurePosixPath(unquote(source.partition("?")[0])).name if is_web else place.name
            _copy_checked(source, is_web, fresh / (name or "songs"), sha256.lower() or SHA256.get(name, ""), progress)
        if out.exists():
            shutil.rmtree(out)
        fresh.replace(out)
    except (OSError, shutil.Error) as error:
        raise FormatError(f"{source} cannot be fetched into {out}: {error}") from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _refuse_own(source: Path, out: Path) -> None:
    if out.resolve().is_relative_to(source.resolve()):
        raise FormatError(f"{out} lies in {source}, which is to be copied there: give a folder beside it")


def _copy_checked(source: str, is_web: bool, path: Path, sha256: str, progress: Callable[[float], None]) -> None:
    with _opened(source, is_web) as (stream, size), atomic_path(path) as partial, partial.open("wb") as file:
        digest, n_bytes = hashlib.sha256(), 0
        while piece := stream.read(_PIECE):
            n_bytes += len(piece)
            if n_bytes > _MOST_BYTES:
                raise FormatError(f"{source} has more than {_MOST_BYTES / 2**30:.0f} GiB: that is no data set of songs")
            digest.update(piece)
            file.write(piece)
            progress(n_bytes / size if size else 0.0)
        if size and n_bytes < size:
            raise FormatError(f"{source} ended after {n_bytes:,} of {size:,} bytes: fetch it again")
        if sha256 and digest.hexdigest() != sha256:
            raise FormatError(
                f"{source} has the SHA-256 {digest.hexdigest()} where {sha256} is wanted: it is damaged or another file"
            )


@contextmanager
def _opened(source: str, is_web: bool) -> Iterator[tuple[IO[bytes], int]]:
    """Yield a stream of bytes, and how many there are to come, 0 if nobody says."""
    if not is_web:
        with Path(source).open("rb") as file:
            yield file, Path(source).stat().st_size
        return
    try:
        with urllib.request.urlopen(source, timeout=PATIENCE_SECONDS) as answer:
            yield answer, int(answer.headers.get("Content-Length") or 0)
    except (http.client.HTTPException, OSError, ValueError) as error:
        raise FormatError(f"{source} cannot be fetched: {error}") from error
