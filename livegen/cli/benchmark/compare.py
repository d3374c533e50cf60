"""Figures beside those of an earlier run: how many times as large each number is now."""

import json
from pathlib import Path
from typing import Any, TypeGuard

from livegen.errors import FormatError


def read_figures(path: Path) -> dict[str, Any]:
    """Return the figures of a file that `livegen bench --json` has written; raises FormatError."""
    try:
        figures = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise FormatError(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{path} is no JSON: compare with what `livegen bench --json` has written") from error
    if not isinstance(figures, dict):
        raise FormatError(f"{path} has no figures: compare with what `livegen bench --json` has written")
    return figures


def ratios(figures: dict[str, Any], old: dict[str, Any]) -> dict[str, Any]:
    """Return each number of `figures` divided by that of the same place in `old`.

    What has no number over 0 there, or is none itself, is left out.
    """
    divided: dict[str, Any] = {}
    for name, value in figures.items():
        before = old.get(name)
        if isinstance(value, dict) and isinstance(before, dict):
            inner = ratios(value, before)
            divided |= {name: inner} if inner else {}
        elif _is_number(value) and _is_number(before) and before > 0:
            divided[name] = value / before
    return divided


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)
