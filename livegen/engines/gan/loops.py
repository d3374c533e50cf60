"""Loops: made of numbers by pure functions, and kept in a small cache so that each is made once.

What a loop is made of is a seed, a `Plan` and how draws are shaped. There is no draw while it plays: its latents are
drawn once, by numbers that stand for the seed, the loop and the voice.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.engines.cache import Cache
from livegen.engines.gan import kernels
from livegen.engines.gan.generator import Generator
from livegen.engines.gan.keys import LOWEST_SHIFT, N_SHIFTS, shift_up, signature_fits, signature_of
from livegen.engines.gan.knobs import FORMS, Origin, Plan
from livegen.engines.gan.layout import HAS_VOLUME, N_NOTES, N_TIMBRES, PHRASE_STEPS, GanConfig
from livegen.engines.protocol import ANY_PITCH_CLASS, Sampling
from livegen.engines.sampling import seed_bits, uniform
from livegen.engines.steps import STEPS_A_BEAT
from livegen.score import N_COLUMNS, N_VOICES, NOTE_RANGE, PITCHED, Voice, onsets

_AT_LATENTS: Final = 1 << 40
"""The latents' draws are named by frames from here on, where no session comes."""

_LARGEST_NAME: Final = (1 << 63) - 1
_NO_SEED: Final = seed_bits(0)
_N_LATENTS: Final = 8
_KEPT: Final = {"A": 1.0, "B": 0.75, "C": 0.6}
"""By the letter of a phrase, the share of its latent's variance that is the first phrase's."""

_GRID: Final = STEPS_A_BEAT // 4
_MOST_KEPT: Final = 48
"""Loops that are kept, and voices of them."""

_MOST_TRUNKS: Final = 8
_SAME_CHROMA: Final = 0.5
"""How much the same pitch classes count, beside the same key, where a loop is transposed to what a performer plays."""


@dataclass(frozen=True, slots=True)
class Loop:
    """A loop as it is played.

    Attributes
    ----------
    steps : ndarray of uint8, shape (T, 4, 3)
        In the key in which it is played.
    attacks : ndarray of bool, shape (T, 4)
        Where voices attack; the step before the first one is the last.
    """

    steps: NDArray[np.uint8]
    attacks: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Shape:
    """What of a `Sampling` shapes a loop; values alone. `temperature` shapes its latents, the rest what they become.

    Registers, `lowest` to `highest`, are within the voice's range and hold a note at least.
    """

    temperature: tuple[float, ...]
    density: tuple[float, ...]
    silence: tuple[float, ...]
    grid: float
    lowest: tuple[int, ...]
    highest: tuple[int, ...]
    scale: int

    @classmethod
    def of(cls, sampling: Sampling) -> "Shape":
        """Return what is heeded of a `Sampling`."""
        ranges = tuple(NOTE_RANGE[voice] for voice in Voice)
        lowest = tuple(min(max(own, low), high) for own, (low, high) in zip(sampling.lowest, ranges, strict=True))
        each = zip(sampling.highest, lowest, ranges, strict=True)
        highest = tuple(min(max(own, least), high) for own, least, (_, high) in each)
        return cls(
            (sampling.temperature, *(sampling.temperature * factor for factor in sampling.voice_temperature)),
            sampling.density,
            sampling.silence,
            sampling.grid,
            lowest,
            highest,
            sampling.scale,
        )


class Loops:
    """Makes loops with the weights of a model."""

    def __init__(self, config: GanConfig, generator: Generator) -> None:
        self._config = config
        self._generator = generator
        self._trunks = Cache[tuple[NDArray[np.float32], NDArray[np.float32]]](_MOST_TRUNKS)
        self._scores = Cache[NDArray[np.float32]](_MOST_KEPT)
        self._loops = Cache[Loop](_MOST_KEPT)

    def loop(self, plan: Plan, shape: Shape, seed: int) -> Loop:
        """Return a loop; it is the same each time."""
        key = (plan.shared, plan.own, plan.truncation, plan.bars, plan.chroma, shape, seed)
        return self._loops.made(key, lambda: self._made(plan, shape, seed))

    def _made(self, plan: Plan, shape: Shape, seed: int) -> Loop:
        plain = np.zeros((len(FORMS[plan.bars]) * PHRASE_STEPS, N_VOICES, N_COLUMNS), np.uint8)
        attack = np.where(np.arange(len(plain)) % _GRID == 0, 0.0, -shape.grid).astype(np.float32)
        for voice in Voice:
            part = np.empty((len(plain), N_COLUMNS), np.uint8)
            kernels.render(
                self._of_voice(voice, plan, shape, seed),
                float(shape.density[voice]),
                attack,
                float(shape.silence[voice]),
                NOTE_RANGE[voice][0],
                N_NOTES[voice],
                N_TIMBRES[voice],
                HAS_VOLUME[voice],
                part,
            )
            plain[:, voice] = part
        shift = shift_of(chroma_of(plain), plan.chroma, shape.scale, seed)
        steps = placed(plain, shift, shape)
        attacks = circular_attacks(steps)
        for array in (steps, attacks):
            array.flags.writeable = False
        return Loop(steps, attacks)

    def _of_voice(self, voice: Voice, plan: Plan, shape: Shape, seed: int) -> NDArray[np.float32]:
        shared, own = plan.shared, plan.own[voice]
        scale, own_scale = (plan.truncation * shape.temperature[of] for of in (0, 1 + voice))
        shared_seed, own_seed = _seed_of(shared, seed), _seed_of(own, seed)
        trunk = (shared, scale, plan.bars, shared_seed)

        def trunk_made() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
            return self._generator.of_trunk(latents(0, self._config.n_shared, shared, plan.bars, scale, shared_seed))

        def made() -> NDArray[np.float32]:
            beats, quarters = self._trunks.made(trunk, trunk_made)
            z = latents(1 + voice, self._config.n_own, own, plan.bars, own_scale, own_seed)
            return self._generator.of_voice(voice, beats, quarters, z)

        return self._scores.made((trunk, voice, own, own_scale, own_seed), made)


def _seed_of(origin: Origin, seed: int) -> int:
    """Return the seed that a latent depends on: none if both of its loops have numbers of their own."""
    is_own = origin.loop == 0 or (origin.morph > 0.0 and origin.to == 0)
    return seed if is_own else 0


def latents(which: int, size: int, origin: Origin, bars: int, scale: float, seed: int) -> NDArray[np.float32]:
    """Return the latents of a loop's phrases, (phrases, size).

    Parameters
    ----------
    which : int
        0 for what all voices share, else 1 and the voice.
    scale : float
        What they are multiplied with.
    """
    one = _numbers(which, size, origin.loop, origin.past, origin.variation, bars, seed)
    if origin.morph > 0.0:
        other = _numbers(which, size, origin.to, origin.past, origin.variation, bars, seed)
        share = origin.morph
        one = ((1.0 - share) * one + share * other) / math.hypot(1.0 - share, share)
    return np.ascontiguousarray(scale * one, np.float32)


def _numbers(which: int, size: int, loop: int, past: int, variation: int, bars: int, seed: int) -> NDArray[np.float64]:
    bits = seed_bits(seed) if loop == 0 else _NO_SEED
    found: dict[str, NDArray[np.float64]] = {}
    for place, letter in enumerate("ABC"):
        name = ((loop << 24) + (past << 12) + variation) * 4 + place
        fresh = normals(bits, _AT_LATENTS + name * _N_LATENTS + which, size)
        kept = _KEPT[letter]
        found[letter] = fresh if letter == "A" else math.sqrt(kept) * found["A"] + math.sqrt(1.0 - kept) * fresh
    return np.stack([found[letter] for letter in FORMS[bars]])


def normals(seed: np.uint64, name: int, size: int) -> NDArray[np.float64]:
    """Return normally distributed numbers that depend on the seed and a name alone."""
    found = np.empty(size)
    kernels.normals(seed, name & _LARGEST_NAME, found)
    return found


def chroma_of(steps: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Return how many steps the pitched voices sound in each pitch class, (12,)."""
    notes = steps[:, list(PITCHED), 0]
    return np.bincount(notes[notes > 0] % 12, minlength=12)


def shift_of(chroma: NDArray[np.int64], heard: tuple[float, ...], scale: int, seed: int) -> int:
    """Return by how many semitones a loop is transposed, -5..6.

    To where it fits best what was heard of a performer, by its key and its pitch classes; else to where it fits the
    scale, if one is set; else to the session's own key, which the seed decides.
    """
    if not chroma.any():
        return 0
    moved = np.array([np.roll(chroma, shift) for shift in range(12)])
    if any(heard):
        profile = np.asarray(heard)
        sizes = np.linalg.norm(moved, axis=1) * np.linalg.norm(profile)
        of_keys = np.roll(signature_fits(profile), -signature_of(chroma))  # by shift
        worth = of_keys + _SAME_CHROMA * (moved @ profile) / sizes
    elif scale != ANY_PITCH_CLASS:
        worth = moved @ np.array([scale >> pitch_class & 1 for pitch_class in range(12)])
    else:
        return LOWEST_SHIFT + int(uniform(seed_bits(seed), _AT_LATENTS, 0, 0) * N_SHIFTS)
    best = [shift for shift in range(12) if worth[shift] >= worth.max() - 1e-9]
    return min((shift_up(shift) for shift in best), key=abs)


def placed(steps: NDArray[np.uint8], shift: int, shape: Shape) -> NDArray[np.uint8]:
    """Return a loop transposed, with its notes within registers and scale: by octaves, then to the nearest note."""
    moved = steps.copy()
    for voice in Voice:
        notes = steps[:, voice, 0]
        by_note = np.zeros(256, np.uint8)
        lowest, highest = shape.lowest[voice], shape.highest[voice]
        for note in np.unique(notes[notes > 0]).tolist():
            by_note[note] = _placed_note(note + shift * (voice in PITCHED), voice, lowest, highest, shape.scale)
        moved[:, voice, 0] = by_note[notes]
    return moved


def _placed_note(note: int, voice: Voice, lowest: int, highest: int, scale: int) -> int:
    if voice not in PITCHED:
        return min(max(note, lowest), highest)
    while note < lowest and note + 12 <= highest:
        note += 12
    while note > highest and note - 12 >= lowest:
        note -= 12
    allowed = [one for one in range(lowest, highest + 1) if scale >> one % 12 & 1] or list(range(lowest, highest + 1))
    return min(allowed, key=lambda one: (abs(one - note), one))


def circular_attacks(steps: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return where voices attack in a loop, (T, 4): the step before the first one is the last."""
    return onsets(np.concatenate([steps[-1:], steps]))[1:]
