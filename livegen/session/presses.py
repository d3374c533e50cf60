"""Single, double and long presses of one switch: a value, and what it has meant when time has passed.

A switch on which only single presses are learned acts when it goes down, as every button does. Where others are learned
too, a press means nothing before it can only mean one thing: so a single press waits for its release where a long one
is learned, and for `DOUBLE_SECONDS` where a double one is. A long press acts while the switch is still held.
"""

import math
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Final

from livegen.controls import Press

DOUBLE_SECONDS: Final = 0.35
"""Within so long after the first press the second one of a double press begins."""

LONG_SECONDS: Final = 0.6
"""A switch that is held for so long is pressed long."""


@dataclass(frozen=True, slots=True)
class Switch:
    """A switch, and whether it has acted on its last press yet.

    Attributes
    ----------
    is_down : bool
    since : float
        When it last went down, in seconds.
    waits : bool
        Whether its last press may still mean one thing or another.
    """

    is_down: bool = False
    since: float = -math.inf
    waits: bool = False

    def down(self, now: float, learned: Collection[Press]) -> tuple["Switch", list[Press]]:
        """Return the switch after it went down, and the presses that are complete with that.

        Parameters
        ----------
        now : float
            In seconds, on any clock that does not go back.
        learned : collection of {"single", "double", "long"}
        """
        if self.is_down:
            return self, []
        if self.waits and "double" in learned:
            return Switch(is_down=True, since=now), ["double"]
        if set(learned) <= {"single"}:
            return Switch(is_down=True, since=now), ["single"]
        return Switch(is_down=True, since=now, waits=True), []

    def up(self, learned: Collection[Press]) -> tuple["Switch", list[Press]]:
        """Return the switch after it came up, and the presses that are complete with that."""
        let_go = replace(self, is_down=False)
        if self.waits and "double" not in learned:
            return replace(let_go, waits=False), ["single"]
        return let_go, []

    def due(self, learned: Collection[Press]) -> float:
        """Return when time alone makes a press complete; infinity where none waits."""
        if not self.waits:
            return math.inf
        is_held_long = self.is_down and "long" in learned
        return self.since + (LONG_SECONDS if is_held_long else DOUBLE_SECONDS)

    def waited(self, now: float, learned: Collection[Press]) -> tuple["Switch", list[Press]]:
        """Return the switch at a time, and the press that is complete by then."""
        if not self.waits or now < self.due(learned):
            return self, []
        return replace(self, waits=False), ["long" if self.is_down and "long" in learned else "single"]
