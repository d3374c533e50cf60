"""The text of a user's TOML file, and errors that say where in it a mistake is.

Errors name file, line, key, value and what is allowed.
"""

import re
import tomllib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any, Final, Literal

from livegen.errors import LivegenError

FILE_BYTES_MAX: Final = 1 << 20
TEXT_LENGTH_MAX: Final = 200
DOTS_MAX: Final = 250  # in a line; the time that tomllib takes grows with the square of the length of a dotted key

SimpleKind = Literal["text", "bool", "int", "number", "choice"]

Keys = tuple[str | int, ...]
"""Path to a value: the names of its sections and its key. After the name of an array of tables comes an index."""


def read_text(path: Path, error: type[LivegenError], kind: str) -> str:
    """Return the text of a TOML file.

    Parameters
    ----------
    path : Path
    error : type
        Raised if the file cannot be read, is not UTF-8, or is longer than `FILE_BYTES_MAX`.
    kind : str
        What the user calls such a file: ``"patch"``, ``"rig"``.
    """
    try:
        with path.open("rb") as stream:
            content = stream.read(FILE_BYTES_MAX + 1)
    except OSError as trouble:
        raise error(f"{path} cannot be read: {trouble.strerror}") from None
    if len(content) > FILE_BYTES_MAX:
        raise error(f"{path} is over {FILE_BYTES_MAX >> 20} MiB, which no {kind} needs")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as trouble:
        line = content.count(b"\n", 0, trouble.start) + 1
        raise error(f"{path}, line {line}, is not UTF-8: save the file as UTF-8") from None


@dataclass(frozen=True, slots=True)
class TomlText:
    """The text of a file, and what errors need to know of it.

    Attributes
    ----------
    label : str
        The path of its file.
    text : str
        TOML.
    error : type of LivegenError
        The error that every method raises.
    kind : str
        What the user calls such a file: ``"patch"``, ``"rig"``.
    """

    label: str
    text: str
    error: type[LivegenError]
    kind: str

    def parse(self) -> dict[str, Any]:
        """Return the root table."""
        for number, line in enumerate(self.text.split("\n"), 1):
            if line.count(".") > DOTS_MAX and not line.lstrip().startswith("#"):
                raise self.error(
                    f"{self.label}, line {number}, has over {DOTS_MAX} dots, more than any key or value of a "
                    f"{self.kind}"
                )
        try:
            return tomllib.loads(self.text)
        except (ValueError, RecursionError) as error:
            raise self.error(f"{self.label} is not TOML: {shorten(self._placed(error), 120)}") from None

    def _placed(self, error: Exception) -> str:
        """Return what TOML's reader says, with a line where it says none."""
        lines = self.text.rstrip().split("\n")
        if isinstance(error, tomllib.TOMLDecodeError):
            return str(error).replace("(at end of document)", f"(at the end, line {len(lines)})")
        if isinstance(error, RecursionError):
            return f"Arrays or tables too deep in each other (at line {_deepest(lines)})"
        return f"Too long a number (at line {1 + lines.index(max(lines, key=len))})"  # of over 4,300 digits

    def check_keys(self, parents: Keys, table: dict[str, Any], allowed: Iterable[str]) -> None:
        """Refuse a table with keys that are not allowed."""
        allowed = list(allowed)
        for name in table:
            if name not in allowed:
                raise self.error(f"{self.where((*parents, name))} is no key: allowed are {', '.join(allowed)}")

    def table(self, keys: Keys, value: object) -> dict[str, Any]:
        """Return a value that must be a section."""
        if not isinstance(value, dict):
            raise self.refusal(keys, value, f"a section: write [{_dotted(keys)}] on a line of its own")
        return value

    def tables(self, keys: Keys, value: object) -> list[dict[str, Any]]:
        """Return a value that must be an array of tables."""
        if not isinstance(value, list) or not all(isinstance(table, dict) for table in value):
            raise self.refusal(keys, value, f"sections: write [[{_dotted(keys)}]] over each")
        return value

    def simple(
        self, keys: Keys, value: object, kind: SimpleKind, choices: tuple[str, ...], span: tuple[float, float]
    ) -> Any:
        """Return a value that must be a text, a bool, a choice, or a number in a span.

        Nothing is converted, except that a whole number becomes a float where any number is allowed.
        """
        fits: bool
        if kind == "text":
            fits = isinstance(value, str) and len(value) <= TEXT_LENGTH_MAX and value.isprintable()
            allowed = f"one line of text of up to {TEXT_LENGTH_MAX} characters"
        elif kind == "bool":
            fits, allowed = isinstance(value, bool), "true or false"
        elif kind == "choice":
            fits, allowed = value in choices, " or ".join(f'"{choice}"' for choice in choices)
        else:
            number: Any = value
            lowest, highest = span
            fits = type(number) in ((int,) if kind == "int" else (int, float)) and lowest <= number <= highest
            allowed = f"a {'whole ' if kind == 'int' else ''}number from {lowest:g} to {highest:g}"
        if not fits:
            raise self.refusal(keys, value, allowed)
        return float(number) if kind == "number" else value

    def refusal(self, keys: Keys, value: object, allowed: str) -> LivegenError:
        """Return the error that says that a key cannot have a value."""
        return self.error(f"{self.where(keys)} cannot be {_show(value)}: allowed is {allowed}")

    def where(self, keys: Keys) -> str:
        """Return ``FILE, line N: key``, without the line if it is not found."""
        line = _line_of(self.text, keys)
        return f"{self.label}{f', line {line}' if line else ''}: {shorten(_dotted(keys), 60)}"


def _deepest(lines: list[str]) -> int:
    """Return the number, from 1, of the line in which most brackets are open."""
    opened = [line.count("[") + line.count("{") for line in lines]
    closed = [line.count("]") + line.count("}") for line in lines]
    before = [0, *accumulate(map(int.__sub__, opened, closed))]
    return 1 + max(range(len(lines)), key=lambda n: before[n] + opened[n])


def _line_of(text: str, keys: Keys) -> int | None:
    """Return the number, from 1, of the line that sets a key, or else of the line that sets the table around it."""
    found, depth = None, 0
    section: Keys = ()
    n_tables: Counter[Keys] = Counter()  # tables seen so far of each array
    for number, line in enumerate(text.split("\n"), 1):
        head, equals, _ = line.partition("=")
        if line.lstrip().startswith("["):
            section = path = _split_key(line.strip(" \t\r[").partition("]")[0])
            if line.lstrip().startswith("[["):
                n_tables[path] += 1
            array = next((path[:length] for length in range(1, len(path) + 1) if path[:length] in n_tables), None)
            if array is not None:
                section = path = (*array, n_tables[array] - 1, *path[len(array) :])
        elif equals:
            path = section + _split_key(head)
        else:
            continue
        shared = min(len(path), len(keys))
        if shared > depth and path[:shared] == keys[:shared]:
            found, depth = number, shared
    return found


def _dotted(keys: Keys) -> str:
    return ".".join(key for key in keys if isinstance(key, str))  # no index: the line tells which table of an array


def _split_key(dotted: str) -> Keys:
    return tuple(part.strip().strip("\"'") for part in _KEY_PART.findall(dotted))


_KEY_PART: Final = re.compile(r"\s*(?:\"[^\"]*\"|'[^']*'|[^.]+)")


def _show(value: object) -> str:
    if isinstance(value, dict):
        return "a section"
    if isinstance(value, bool):
        return str(value).lower()
    return shown(value)


def shown(value: object) -> str:
    """Return the beginning of a value as Python writes it."""
    try:
        return shorten(repr(value), 40)
    except (ValueError, RecursionError):  # Python refuses to print a number of over 4,300 digits
        return "a value that is too long to print"


def shorten(text: str, length: int) -> str:
    """Return a text cut to a number of characters, with three dots after it if it was cut."""
    return text if len(text) <= length else f"{text[:length]}..."
