"""The GAN's live controls, and the loop that they ask for.

A loop is a few numbers, and never kept as notes: the same numbers make the same loop, bit for bit. Number 0 is the
session's own, which its seed decides; a number from 1 on is the same loop in every session with this model. So to store
a loop is to note its numbers, and to recall it is to set them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, Self

from livegen.controls import Value
from livegen.engines.gan.layout import BAR_BEATS
from livegen.engines.protocol import number_of
from livegen.score import N_VOICES, Voice

FORMS: Final = {2: "A", 4: "AB", 8: "ABAC"}
"""By a loop's bars, its phrases of two bars; what has one letter has one latent."""

_LARGEST: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Knobs:
    """What the controls say.

    Attributes
    ----------
    loop, to : int
        Number of the loop, and of the one that `morph` leads to.
    morph : float
        0..1: how far.
    repeats : int
        Over how many repeats of the loop it goes there; 0 for at once.
    truncation : float
        What the latents are multiplied with: below 1 a loop is more like all others.
    loop_bars : int
        2, 4 or 8.
    every : int
        Bars after which the next loop comes; 0 for never.
    lock : tuple of bool
        By voice: whether it stays as it is while the others change.
    variation : tuple of int
        By voice: which latent of the loop the voice has; a reroll is the next one.
    """

    loop: int = 0
    to: int = 0
    morph: float = 0.0
    repeats: int = 0
    truncation: float = 0.9
    loop_bars: int = 4
    every: int = 16
    lock: tuple[bool, ...] = (False,) * N_VOICES
    variation: tuple[int, ...] = (0,) * N_VOICES

    @classmethod
    def of(cls, values: Mapping[str, Value]) -> Self:
        """Return what a mapping by local name says, such as ``morph`` and ``no.lock``; defaults where it is silent."""

        def number(name: str, default: float, low: float, high: float) -> float:
            return number_of(values, name, default, low, high)

        bars = number("loop_bars", _DEFAULT.loop_bars, 2, 8)
        return cls(
            loop=int(number("loop", 0, 0, _LARGEST)),
            to=int(number("to", 0, 0, _LARGEST)),
            morph=number("morph", 0.0, 0.0, 1.0),
            repeats=int(number("repeats", 0, 0, 64)),
            truncation=number("truncation", _DEFAULT.truncation, 0.0, 2.0),
            loop_bars=max(size for size in FORMS if size <= bars),
            every=int(number("every", _DEFAULT.every, 0, 1024)),
            lock=tuple(bool(values.get(f"{voice.name.lower()}.lock", False)) for voice in Voice),
            variation=tuple(int(number(f"{voice.name.lower()}.variation", 0, 0, _LARGEST)) for voice in Voice),
        )


_DEFAULT: Final = Knobs()


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a latent comes from; values alone, so that it can name what is kept in a cache.

    Attributes
    ----------
    loop : int
        Number of the loop.
    past : int
        How many loops have come since, by themselves.
    variation : int
        Of the voice; 0 for the latent that all share.
    to : int
        Number of the loop that it is morphed to.
    morph : float
        How far.
    """

    loop: int = 0
    past: int = 0
    variation: int = 0
    to: int = 0
    morph: float = 0.0


@dataclass(frozen=True, slots=True)
class Plan:
    """The loop in force: what a seam decides, until the next one.

    Attributes
    ----------
    shared : Origin
        Of the latent that all voices share.
    own : tuple of Origin
        Of each voice's own latent.
    truncation : float
    bars : int
    chroma : tuple of float
        What was heard of a performer's pitch classes, (12,); empty if nothing was.
    past : int
        How many loops have come by themselves.
    morph : float
        How far a morph over several repeats has come.
    played : int
        Bars since a loop came by itself.
    """

    shared: Origin = Origin()
    own: tuple[Origin, ...] = (Origin(),) * N_VOICES
    truncation: float = 1.0
    bars: int = 2
    chroma: tuple[float, ...] = ()
    past: int = 0
    morph: float = 0.0
    played: int = 0

    @property
    def beats(self) -> int:
        """Its length."""
        return self.bars * BAR_BEATS


def first_plan(knobs: Knobs, chroma: tuple[float, ...] = ()) -> Plan:
    """Return the first loop of a song. A lock has nothing to keep yet."""
    return replace(next_plan(Plan(), replace(knobs, lock=(False,) * N_VOICES, every=0), chroma), played=0)


def next_plan(plan: Plan, knobs: Knobs, chroma: tuple[float, ...] = ()) -> Plan:
    """Return the loop that follows at the seam.

    A voice that is locked keeps its latent, and while one is, so does what all share: it would change with that. Only
    its own variation changes it.
    """
    played = plan.played + plan.bars
    is_new = 0 < knobs.every <= played
    past = plan.past + is_new
    morph = knobs.morph
    if knobs.repeats > 0:
        way = 1.0 / knobs.repeats
        morph = plan.morph + min(max(knobs.morph - plan.morph, -way), way)
    place = Origin(knobs.loop, past, 0, knobs.to if morph > 0.0 else 0, morph)
    own = tuple(
        replace(was if is_locked else place, variation=variation)
        for was, is_locked, variation in zip(plan.own, knobs.lock, knobs.variation, strict=True)
    )
    return Plan(
        plan.shared if any(knobs.lock) else place,
        own,
        knobs.truncation,
        knobs.loop_bars,
        chroma or plan.chroma,
        past,
        morph,
        0 if is_new else played,
    )
