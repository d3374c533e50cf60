"""What a cue is: a value with its place in beats, and in frames as far as the tempo is known.

A place that is still to come follows the tempo; one that the commit horizon has reached stays. One cue is in force at a
time and one is planned: the newer takes the place of the older. What a cue leaves to be done is read off `Cues`.
"""

import math
from dataclasses import dataclass, replace
from typing import Final

from livegen.engines.tonality import Key
from livegen.performance.tempo import Tempo
from livegen.voices import Voice

CUES: Final = frozenset({"fill", "break", "drop", "build", "solo", "tutti", "end"})
"""The controls that are cues."""

NEVER: Final = 1 << 40
"""Frame of a place that is not set: where a cue lasts until the next one."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A place on the beat.

    Attributes
    ----------
    beats : float
        From bar 1, beat 1; infinite for one that is not set.
    frame_index : int
        The frame whose start is nearest to it, as far as the tempo is known.
    """

    beats: float
    frame_index: int

    @classmethod
    def at(cls, beats: float, tempo: Tempo, near: int) -> "Mark":
        """Return the mark of a place; `near` is a frame from which to look for its own."""
        return cls(beats, NEVER if math.isinf(beats) else tempo.frame_at(beats, near))

    def followed(self, tempo: Tempo, horizon: int) -> "Mark":
        """Return the mark where the tempo now has it; one that the horizon has reached stays."""
        if self.frame_index <= horizon or math.isinf(self.beats):
            return self
        return Mark(self.beats, max(tempo.frame_at(self.beats, self.frame_index), horizon))

    def moved(self, n_beats: float, horizon: int) -> "Mark":
        """Return the mark with its beats counted otherwise, if it is still to come."""
        return self if self.frame_index <= horizon else replace(self, beats=self.beats + n_beats)


@dataclass(frozen=True, slots=True)
class Cue:
    """A cue that is planned or in force.

    Attributes
    ----------
    name : str
        One of `CUES`.
    number : int
        How many cues were given before it.
    source : str
        Who gave it.
    begin, until : Mark
        The first frame that it shapes, and the first one after it.
    strike : Mark or None
        Of an ending, where its last note begins.
    voice : Voice or None
        The voice of a solo.
    key : Key or None
        Of an ending, the key in which it comes to its close.
    """

    name: str
    number: int
    source: str
    begin: Mark
    until: Mark
    strike: Mark | None = None
    voice: Voice | None = None
    key: Key | None = None

    @property
    def marks(self) -> tuple[Mark, ...]:
        """Its places, in order."""
        return (self.begin, self.until) if self.strike is None else (self.begin, self.strike, self.until)

    def shapes(self, frame_index: int) -> bool:
        """Tell whether it shapes a frame."""
        return self.begin.frame_index <= frame_index < self.until.frame_index

    def share(self, frame_index: int) -> float:
        """Return how much of it is over in a frame, 0..1."""
        length = self.until.frame_index - self.begin.frame_index
        return (frame_index - self.begin.frame_index) / max(length, 1)

    def followed(self, tempo: Tempo, horizon: int) -> "Cue":
        """Return the cue where the tempo now has it."""
        strike = self.strike and self.strike.followed(tempo, horizon)
        begin, until = self.begin.followed(tempo, horizon), self.until.followed(tempo, horizon)
        return replace(self, begin=begin, strike=strike, until=until)

    def recounted(self, jump: float, beats_a_bar: int, horizon: int) -> "Cue":
        """Return the cue after the count of beats has leapt by `jump`, as where a clock starts at bar 1.

        It keeps its time; if it has not begun, what was on a bar line goes to the nearest one of the new count.
        """
        place = self.strike or self.begin
        is_on_bar = place.beats % beats_a_bar == 0.0 and self.begin.frame_index > horizon
        n_beats = round((place.beats + jump) / beats_a_bar) * beats_a_bar - place.beats if is_on_bar else round(jump)
        strike = self.strike and self.strike.moved(n_beats, horizon)
        begin, until = self.begin.moved(n_beats, horizon), self.until.moved(n_beats, horizon)
        return replace(self, begin=begin, strike=strike, until=until)


@dataclass(frozen=True, slots=True)
class Cues:
    """The cues of a performance.

    Attributes
    ----------
    in_force : Cue or None
        The one that shapes frames now, or shaped them last.
    planned : Cue or None
        The one that is to come; it ends the other when it begins.
    n_given : int
        How many were ever given.
    """

    in_force: Cue | None = None
    planned: Cue | None = None
    n_given: int = 0

    @property
    def pending(self) -> tuple[Cue, ...]:
        """Those that are in force or planned, in the order in which they take effect."""
        return tuple(cue for cue in (self.in_force, self.planned) if cue is not None)

    @property
    def ending(self) -> Cue | None:
        """The ending that is planned or under way."""
        return next((cue for cue in self.pending if cue.name == "end"), None)

    def at(self, frame_index: int) -> Cue | None:
        """Return the cue that shapes a frame."""
        if self.planned is not None and frame_index >= self.planned.begin.frame_index:
            return self.planned if self.planned.shapes(frame_index) else None
        return self.in_force if self.in_force is not None and self.in_force.shapes(frame_index) else None

    def band_enters_at(self, frame_index: int) -> bool:
        """Tell whether the band comes in together in a frame: after a break, and on a tutti."""
        return any(cue.name in ("break", "tutti") and cue.until.frame_index == frame_index for cue in self.pending)

    def with_cue(self, cue: Cue) -> "Cues":
        """Return the cues with one more that is to come."""
        return replace(self, planned=cue, n_given=self.n_given + 1)

    def without(self, number: int) -> "Cues":
        """Return the cues with one of them taken back."""
        in_force, planned = (None if cue and cue.number == number else cue for cue in (self.in_force, self.planned))
        return replace(self, in_force=in_force, planned=planned)

    def cleared(self) -> "Cues":
        """Return the cues with none in force or to come."""
        return replace(self, in_force=None, planned=None)

    def has(self, number: int) -> bool:
        """Tell whether a cue is in force or planned."""
        return any(cue.number == number for cue in self.pending)

    def followed(self, tempo: Tempo, horizon: int) -> "Cues":
        """Return the cues where the tempo has them: at a commit horizon, what has begun is in force, what is over goes.

        A cue stays until the frame after it stands, in which the band may come in; an ending until all has stopped.
        """
        in_force, planned = (cue and cue.followed(tempo, horizon) for cue in (self.in_force, self.planned))
        if planned is not None and planned.begin.frame_index <= horizon:
            in_force, planned = planned, None
        if in_force is not None and in_force.until.frame_index < horizon and in_force.name != "end":
            in_force = None
        if (in_force, planned) == (self.in_force, self.planned):
            return self
        return replace(self, in_force=in_force, planned=planned)

    def recounted(self, jump: float, beats_a_bar: int, horizon: int) -> "Cues":
        """Return the cues after the count of beats has leapt by `jump`."""
        in_force, planned = (cue and cue.recounted(jump, beats_a_bar, horizon) for cue in (self.in_force, self.planned))
        return replace(self, in_force=in_force, planned=planned)

    def first_change(self, other: "Cues") -> int:
        """Return the first frame that two sets of cues may shape differently; `NEVER` if there is none."""
        mine, others = set(self.pending), set(other.pending)
        return min((mark.frame_index for cue in mine ^ others for mark in cue.marks), default=NEVER)
