"""A walk on the lattice: the chords that follow the one in force, one a beat."""

import math
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Final

from livegen.controls import TRIADS
from livegen.engines.tonality import Key, key_at
from livegen.engines.triads import MOVES, moved
from livegen.performance.cues.cue import Mark
from livegen.performance.tempo import Tempo

WALKS: Final = frozenset({"tonnetz.move", "tonnetz.path", *(f"tonnetz.{move}" for move in MOVES)})
"""The controls that go from the chord of the lattice to others."""


def name_of(triad: Key) -> str:
    """Return a triad as the control ``tonnetz.chord`` has it: ``c_minor``."""
    return TRIADS[2 * triad.tonic + triad.is_minor]


def triad_of(name: str) -> Key | None:
    """Return the triad that a value of ``tonnetz.chord`` names; None for ``none``."""
    return key_at(TRIADS.index(name)) if name in TRIADS else None


def steps_of(moves: str) -> str | None:
    """Return the moves that a text spells, one letter each, without what lies between; None if it spells others."""
    steps = "".join(each for each in moves.lower() if each.isalnum())
    return steps if steps and set(steps) <= set(MOVES) else None


@dataclass(frozen=True, slots=True)
class Walk:
    """The chords that are still to come, each with the beat that it begins on, in order, and who asked for them."""

    steps: tuple[tuple[Mark, Key], ...] = ()
    source: str = ""

    @classmethod
    def at_once(cls, move: str, begin: Key, tempo: Tempo, horizon: int, source: str) -> "Walk":
        """Return a walk of one move, one of `livegen.engines.triads.MOVES`, that is made in the first open frame."""
        return cls(((Mark(tempo.beats_at(horizon), horizon), moved(begin, move)),), source)

    @classmethod
    def along(cls, moves: str, begin: Key, tempo: Tempo, horizon: int, source: str) -> "Walk":
        """Return a walk from a triad that makes one move on each beat from the next one on.

        Parameters
        ----------
        moves : str
            At least one letter of `livegen.engines.triads.MOVES`.
        begin : Key
        tempo : Tempo
        horizon : int
            The first frame that may still change.
        source : str
            Who asked for it.
        """
        first = math.floor(tempo.beats_at(horizon)) + 1.0
        _, *chords = accumulate(moves, moved, initial=begin)
        marks = (Mark.at(first + number, tempo, horizon) for number in range(len(chords)))
        return cls(tuple(zip(marks, chords, strict=True)), source)

    def at(self, frame_index: int) -> Key | None:
        """Return the chord that it has come to in a frame; None before its first step."""
        return next((chord for mark, chord in reversed(self.steps) if mark.frame_index <= frame_index), None)

    def after(self, frame_index: int) -> "Walk":
        """Return what is left of it once a frame has begun."""
        return replace(self, steps=tuple(step for step in self.steps if step[0].frame_index > frame_index))

    def followed(self, tempo: Tempo, horizon: int) -> "Walk":
        """Return the walk where the tempo now has it."""
        return replace(self, steps=tuple((mark.followed(tempo, horizon), chord) for mark, chord in self.steps))

    def recounted(self, jump: float, horizon: int) -> "Walk":
        """Return the walk after the count of beats has leapt by `jump`: it keeps its time."""
        return replace(self, steps=tuple((mark.moved(jump, horizon), chord) for mark, chord in self.steps))

    def first_change(self, before: "Walk") -> int | None:
        """Return the first frame whose chord is another than in the walk before; None if there is none."""
        changed = set(self.steps) ^ set(before.steps)
        return min((mark.frame_index for mark, _ in changed), default=None)
