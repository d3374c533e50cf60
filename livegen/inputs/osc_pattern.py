"""OSC's address patterns: ``*``, ``?``, ``[a-c]``, ``[!a]``, ``{this,that}``, and ``//`` of OSC 1.1.

``*`` and ``?`` stay within one part of an address; ``//`` stands for any number of whole parts. A pattern is run over
an address as a set of places that it may have come to, so that none takes long, whatever is in it.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Final

MAX_PATTERN_LENGTH: Final = 256

_WILD: Final = frozenset("*?[{")

_Places = set[int]
_Token = Callable[[str, _Places], _Places]
"""Returns the places of an address that a part of a pattern leads to, from those where it may begin."""


def is_pattern(address: str) -> bool:
    """Tell whether an address may match others than itself."""
    return "//" in address or not _WILD.isdisjoint(address)


def matches(pattern: str, address: str) -> bool:
    """Tell whether a pattern matches an address; one that is too long, or whose brackets do not close, matches none."""
    tokens = _tokens(pattern)
    if tokens is None:
        return False
    places = {0}
    for token in tokens:
        places = token(address, places)
        if not places:
            return False
    return len(address) in places


@lru_cache(maxsize=256)
def _tokens(pattern: str) -> tuple[_Token, ...] | None:
    """Return what a pattern is made of; None where it is none."""
    if len(pattern) > MAX_PATTERN_LENGTH:
        return None
    tokens: list[_Token] = []
    at = 0
    while at < len(pattern):
        letter = pattern[at]
        if pattern.startswith("//", at):
            tokens.append(_deeper)
            at += 2
            continue
        if letter in "[{":
            end = pattern.find("]" if letter == "[" else "}", at)
            if end < 0:
                return None
            inside = pattern[at + 1 : end]
            tokens.append(_one_of(inside) if letter == "[" else _either(inside.split(",")))
            at = end + 1
            continue
        tokens.append({"*": _any_run, "?": _any_one}.get(letter) or _either([letter]))
        at += 1
    return tuple(tokens)


def _any_one(address: str, places: _Places) -> _Places:
    return {at + 1 for at in places if at < len(address) and address[at] != "/"}


def _any_run(address: str, places: _Places) -> _Places:
    reached: _Places = set()
    for start in places:
        at = start
        while at not in reached:
            reached.add(at)
            if at == len(address) or address[at] == "/":
                break
            at += 1
    return reached


def _deeper(address: str, places: _Places) -> _Places:
    """From a slash on: behind it, or behind any later one."""
    first = min((at for at in places if address.startswith("/", at)), default=len(address))
    return {at + 1 for at in range(first, len(address)) if address[at] == "/"}


def _either(words: list[str]) -> _Token:
    def run(address: str, places: _Places) -> _Places:
        return {at + len(word) for at in places for word in words if address.startswith(word, at)}

    return run


def _one_of(inside: str) -> _Token:
    is_negated = inside.startswith("!")
    inside = inside.removeprefix("!")
    letters: set[str] = set()
    at = 0
    while at < len(inside):
        if inside[at + 1 : at + 2] == "-" and at + 2 < len(inside):
            low, high = sorted((ord(inside[at]), ord(inside[at + 2])))
            letters |= {chr(code) for code in range(low, min(high, 0x7F) + 1)}
            at += 3
        else:  # a minus at the end stands for itself
            letters.add(inside[at])
            at += 1

    def run(address: str, places: _Places) -> _Places:
        return {at for at in _any_one(address, places) if (address[at - 1] in letters) is not is_negated}

    return run
