"""A file of ideas: what is to be rendered, in TOML.

model = "default"          # what stands here is for every idea that does not say otherwise
seconds = 30
files = ["flac", "mid"]
controls.temperature = 0.9

[[idea]]
name = "verse"
seed = 7
count = 20                 # verse-01 to verse-20, and the seeds count up
"""

import base64
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from livegen.controls import Value
from livegen.errors import FormatError, OrderError
from livegen.formats.files import read_bytes
from livegen.serve.kinds import Kind
from livegen.toml.controls import read_controls
from livegen.toml.text import SimpleKind, TomlText, read_text

MAX_IDEAS: Final = 10_000

_NAME: Final = re.compile(r"[\w-][\w .-]{0,63}")
_PROMPT_BYTES_MAX: Final = 1 << 20
_SIMPLE: Final[dict[str, tuple[SimpleKind, tuple[float, float]]]] = {
    "name": ("text", (0, 0)),
    "model": ("text", (0, 0)),
    "patch": ("text", (0, 0)),
    "prompt": ("text", (0, 0)),
    "seconds": ("number", (0.1, 600)),
    "seed": ("int", (0, 2**53)),
    "count": ("int", (1, MAX_IDEAS)),
}
_OF_ALL: Final = ("model", "patch", "seconds", "files", "controls")


@dataclass(frozen=True, slots=True)
class Idea:
    """One render.

    Attributes
    ----------
    name : str
        Of its files, without their endings.
    model : str
    body : dict
        Of the request.
    files : tuple of str
        Kinds of files; see `livegen.serve.kinds`.
    """

    name: str
    model: str
    body: dict[str, Any]
    files: tuple[str, ...]


def read_ideas(path: Path) -> list[Idea]:
    """Return the ideas of a file, each with a name of its own.

    Raises
    ------
    OrderError
        If the file says something that an idea cannot say.
    FormatError
        If a prompt cannot be read.
    """
    file = TomlText(str(path), read_text(path, OrderError, "file of ideas"), OrderError, "file of ideas")
    root = file.parse()
    file.check_keys((), root, (*_OF_ALL, "idea"))
    shared = {name: value for name, value in root.items() if name != "idea"}
    tables = file.tables(("idea",), root.get("idea", [{}]))
    ideas = []
    for number, table in enumerate(tables):
        file.check_keys(("idea", number), table, (*_OF_ALL, "name", "seed", "count", "prompt"))
        said = {"name": f"idea-{number + 1:02d}", **shared, **table, "controls": _controls(file, root, table)}
        ideas += _ideas_of(file, number, said, path.parent)
    names = [idea.name for idea in ideas]
    twice = next((name for name in names if names.count(name) > 1), None) if len(set(names)) < len(names) else None
    if twice is not None:
        raise OrderError(f"{path}: two ideas are called {twice!r}: give each a name of its own")
    if len(ideas) > MAX_IDEAS:
        raise OrderError(f"{path} has {len(ideas):,} ideas: at most {MAX_IDEAS:,} are allowed, so split it")
    return ideas


def _ideas_of(file: TomlText, number: int, said: dict[str, Any], folder: Path) -> list[Idea]:
    """Return the ideas of one section: as many as its count."""
    for name, (kind, span) in _SIMPLE.items():
        if name in said:
            file.simple(("idea", number, name), said[name], kind, (), span)
    if not _NAME.fullmatch(said["name"]):
        raise file.refusal(("idea", number, "name"), said["name"], "letters, digits, spaces, dots, - and _")
    files = said.get("files", ["flac"])
    if not isinstance(files, list) or not files or any(kind not in tuple(Kind) for kind in files):
        raise file.refusal(("idea", number, "files"), files, f"a list of some of {', '.join(Kind)}")
    body: dict[str, Any] = {
        "seconds": said.get("seconds", 30.0),
        "patch": said.get("patch", "plain"),
        "controls": said["controls"],
    }
    if "prompt" in said:
        body["prompt"] = _prompt(folder / said["prompt"])
    count, first = said.get("count", 1), said.get("seed", 0)
    digits = max(len(str(count)), 2)
    return [
        Idea(
            said["name"] if count == 1 else f"{said['name']}-{place + 1:0{digits}d}",
            said.get("model", "default"),
            {**body, "seed": first + place},
            tuple(dict.fromkeys(files)),
        )
        for place in range(count)
    ]


def _controls(file: TomlText, *tables: dict[str, Any]) -> dict[str, Value]:
    """Return the controls of tables, by full names; a later one stands over those before."""
    controls: dict[str, Value] = {}
    for table in tables:
        controls |= read_controls(file, "controls", file.table(("controls",), table.get("controls", {})))
    return controls


def _prompt(path: Path) -> dict[str, str]:
    kind = path.suffix.lower()
    if kind not in (".mid", ".npz"):
        raise FormatError(f"{path.name} is no prompt by its name: it must end in .mid or .npz")
    return {"kind": kind, "data": base64.b64encode(read_bytes(path, _PROMPT_BYTES_MAX)).decode()}
