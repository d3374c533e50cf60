"""The files of the page. They are read once at the start, so no request reaches any other file on the disk."""

import hashlib
import mimetypes
from dataclasses import dataclass
from pathlib import Path
from typing import Final

STATIC: Final = Path(__file__).parent / "static"
PAGE: Final = "index.html"
VIEWS: Final = {"": PAGE, "stage": "tablet.html", "show": "show.html"}
"""The pages, by what an address says as ``?view=``; the stage page is there without that."""

_TYPES: Final = {".js": "text/javascript", ".css": "text/css", ".html": "text/html", ".svg": "image/svg+xml"}


@dataclass(frozen=True, slots=True)
class File:
    """A file as it is served.

    Attributes
    ----------
    content : bytes
    media_type : str
    etag : str
        Changes with the content.
    """

    content: bytes
    media_type: str
    etag: str


def read_files(folder: Path = STATIC) -> dict[str, File]:
    """Return every file of a folder, by its path in the folder, with slashes."""
    return {
        path.relative_to(folder).as_posix(): _read(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.startswith(".")
    }


def _read(path: Path) -> File:
    content = path.read_bytes()
    media_type = _TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return File(content, media_type, f'"{hashlib.sha256(content).hexdigest()[:16]}"')
