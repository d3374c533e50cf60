"""What every demo must keep to: `python tools/demos/check.py` says whether it does, of the sound files as they are.

The notes' figures are those that `make.py` has written down; the sound's are measured again.
"""

import json
import sys
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import soundfile
from figures import level
from table import FIGURES, Demo, read_table

from livegen.cli.output import say

BARS: Final = MappingProxyType(
    {
        "seconds": (20.0, 60.0),
        "peak": (0.5, 0.99),
        "rms": (0.05, 0.5),
        "longest_silence": (0.0, 1.0),
        "longest_trill": (0.0, 2.0),
        "in_key": (0.9, 1.0),
        "nearest.size": (0, 16),
    }
)
"""Least and most of each figure.

Half a minute of songs of NES-MDB's valid split has 0.91 of its notes in key (median of 36), a trill of 1.7 s at most
(nineteen in twenty), and a passage of at most 16 notes that a song of the train split has, too (nine in ten).
"""


def misses(figures: Mapping[str, Any]) -> list[str]:
    """Return a sentence for each bar that the figures of a demo miss."""
    found = []
    for name, (least, most) in BARS.items():
        value: Any = figures
        for part in name.split("."):
            value = value and value.get(part)
        if value is None or not least <= value <= most:
            found.append(f"{name} is {value}: {least} to {most} is allowed")
    return found


def heard(demo: Demo) -> dict[str, float]:
    """Return the figures of a demo's sound file."""
    samples, rate = soundfile.read(demo.sound)
    loud = level(samples, rate)
    return {
        "seconds": len(samples) / rate,
        "peak": loud.peak,
        "rms": loud.rms,
        "longest_silence": loud.longest_silence,
    }


def main() -> int:
    """Tell of each demo what it misses; return 1 if any does."""
    known = json.loads(FIGURES.read_text(encoding="utf-8"))
    failed = 0
    for demo in read_table():
        missed = misses({**known[demo.name], **heard(demo)})
        failed += bool(missed)
        say(f"{demo.name}: {'; '.join(missed) or 'all well'}")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
