"""The text of a patch, and errors that say where in it a mistake stands: file, line, key, value, what is allowed."""

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from livegen.errors import PatchError

DOTS_MAX: Final = 250  # a line; the time of tomllib grows with the square of a dotted key


@dataclass(frozen=True, slots=True)
class PatchText:
    """The text of a patch and what errors call it.

    Attributes
    ----------
    label : str
        The path of its file.
    text : str
        TOML.
    """

    label: str
    text: str

    def parse(self) -> dict[str, Any]:
        """Return the root table; raises PatchError where the text is no TOML."""
        for number, line in enumerate(self.text.split("\n"), 1):
            if line.count(".") > DOTS_MAX and not line.lstrip().startswith("#"):
                raise PatchError(
                    f"{self.label}, line {number}, has over {DOTS_MAX} dots, more than any key or value of a patch"
                )
        try:
            return tomllib.loads(self.text)
        except (ValueError, RecursionError) as error:  # a number of 5,000 digits is a plain ValueError
            raise PatchError(f"{self.label} is not TOML: {shorten(str(error), 120)}") from None

    def check_keys(self, parents: tuple[str, ...], table: dict[str, Any], allowed: Iterable[str]) -> None:
        """Refuse a table with keys that are not allowed."""
        allowed = list(allowed)
        for name in table:
            if name not in allowed:
                raise PatchError(f"{self.where((*parents, name))} is no key: allowed are {', '.join(allowed)}")

    def table(self, keys: tuple[str, ...], value: object) -> dict[str, Any]:
        """Return a value that must be a section."""
        if not isinstance(value, dict):
            raise self.refusal(keys, value, f"a section: write [{'.'.join(keys)}] on a line of its own")
        return value

    def refusal(self, keys: tuple[str, ...], value: object, allowed: str) -> PatchError:
        """Return the error that says that a key cannot have a value."""
        return PatchError(f"{self.where(keys)} cannot be {_show(value)}: allowed is {allowed}")

    def where(self, keys: tuple[str, ...]) -> str:
        """Return ``FILE, line N: key``, without the line where it cannot be told."""
        line = _line_of(self.text, keys)
        return f"{self.label}{f', line {line}' if line else ''}: {shorten('.'.join(keys), 60)}"


def _line_of(text: str, keys: tuple[str, ...]) -> int | None:
    """Return the line, from 1, that sets a key; or of the table that holds it, where the key stands inside one."""
    found, depth = None, 0
    section: tuple[str, ...] = ()
    for number, line in enumerate(text.split("\n"), 1):
        head, equals, _ = line.partition("=")
        if line.lstrip().startswith("["):
            section = path = _split_key(line.strip(" \t\r[").partition("]")[0])
        elif equals:
            path = section + _split_key(head)
        else:
            continue
        shared = min(len(path), len(keys))
        if shared > depth and path[:shared] == keys[:shared]:
            found, depth = number, shared
    return found


def _split_key(dotted: str) -> tuple[str, ...]:
    return tuple(part.strip().strip("\"'") for part in _KEY_PART.findall(dotted))


_KEY_PART: Final = re.compile(r"\s*(?:\"[^\"]*\"|'[^']*'|[^.]+)")


def _show(value: object) -> str:
    if isinstance(value, dict):
        return "a section"
    if isinstance(value, bool):
        return str(value).lower()
    try:
        return shorten(repr(value), 40)
    except (ValueError, RecursionError):  # Python refuses to print a number of over 4,300 digits
        return "a value that is too long to print"


def shorten(text: str, length: int) -> str:
    """Return a text of at most so many characters, and dots where it was cut."""
    return text if len(text) <= length else f"{text[:length]}..."
