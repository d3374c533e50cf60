"""Which commit of livegen's repository this is."""

from pathlib import Path
from typing import Final

_PACKAGE: Final = Path(__file__).parent.parent
_FILE: Final = _PACKAGE / "commit.txt"  # written by tools/hatch_build.py
_SHORT: Final = 9  # digits
_REFERENCE: Final = "ref: "


def commit() -> str:
    """Return the commit in short, as it was built or as the checkout has it; empty if nobody knows."""
    try:
        found = _FILE.read_text("utf-8") if _FILE.is_file() else _checked_out(_PACKAGE.parent / ".git")
    except (OSError, ValueError):
        return ""
    return found.strip()[:_SHORT]


def _checked_out(folder: Path) -> str:
    """Return the commit of a repository's HEAD, without starting git: https://git-scm.com/docs/gitrepository-layout."""
    head = (folder / "HEAD").read_text("utf-8").strip()
    if not head.startswith(_REFERENCE):
        return head
    reference = head.removeprefix(_REFERENCE)
    if (folder / reference).is_file():
        return (folder / reference).read_text("utf-8")
    lines = (folder / "packed-refs").read_text("utf-8").splitlines()
    return next((line.split()[0] for line in lines if line.endswith(f" {reference}")), "")
