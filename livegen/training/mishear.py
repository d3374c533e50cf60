"""Songs with slips, as an imperfect player would play them: what a network hears of itself has slips too.

A network that was trained on perfect music only gets lost at the first odd note of its own. If it has held a voice a
little too long, this looks to it like a voice that is held for good, and the voice never moves again. So half of the
songs are heard with slips in them, while the frames to predict stay as they were written: the network learns to find
back.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.score import N_VOICES, SILENCE, VOLUME_MAX, Column, Voice, onsets

_SLIP_SHARE: Final = {"missed": 0.02, "late": 0.03, "early": 0.0, "wrong": 0.015, "dropped": 0.015, "volume": 0.03}
"""Share of a voice's events that slip, by kind. A slip changes the frames around the event or until the next one."""

_LOOSE_SHARE: Final = _SLIP_SHARE | {"late": 0.25, "early": 0.25}
"""The same for a player who does not keep time."""

_MOST_LATE_FRAMES: Final = 4
_MOST_EARLY_FRAMES: Final = 2
_MOST_VOLUME: Final = 4
_FRAMES_A_FREEZE: Final = 1000
"""A freeze is a stretch in which one voice, or all four, hold what they have. On average there are four freezes, as
many as voices, in this number of frames."""

_MEAN_FREEZE_FRAMES: Final = 40
_ALL_FREEZE_SHARE: Final = 0.3
"""Mean length of a freeze, and share of the freezes in which all four voices freeze."""

_DRIFT_SHARE: Final = 0.03
"""Share of the frames of a voice in which the volume is off by up to 2."""


def mishear(frames: NDArray[np.uint8], generator: np.random.Generator, *, is_loose: bool = False) -> NDArray[np.uint8]:
    """Return a copy of a song, ``uint8 (N, 4, 3)``, with slips in it; every value stays in its range.

    With `is_loose`, half of all events come early or late. A network that is told the beat then learns to trust it more
    than what it hears.
    """
    heard = frames.copy()
    is_event = events(frames)
    for voice in Voice:
        _slip(heard[:, voice], np.flatnonzero(is_event[:, voice]), VOLUME_MAX[voice], is_loose, generator)
    for _ in range(generator.poisson(len(frames) / _FRAMES_A_FREEZE * N_VOICES)):
        _freeze(heard, generator)
    return heard


def events(frames: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return where a voice of a song, ``uint8 (N, 4, 3)``, attacks or changes its note, ``bool (N, 4)``."""
    is_event = onsets(frames)
    is_event[1:] |= frames[1:, :, Column.NOTE] != frames[:-1, :, Column.NOTE]
    return is_event


def _slip(
    part: NDArray[np.uint8],
    starts: NDArray[np.int64],
    volume_max: int,
    is_loose: bool,
    generator: np.random.Generator,
) -> None:
    """Let events of one voice, ``uint8 (N, 3)``, slip in place."""
    written = part.copy()
    shares = _LOOSE_SHARE if is_loose else _SLIP_SHARE
    kinds = generator.choice([*shares, ""], len(starts), p=[*shares.values(), 1 - sum(shares.values())])
    ends = [*starts[1:], len(part)]
    for i in np.flatnonzero(kinds != ""):
        run = slice(starts[i], ends[i])
        before = part[starts[i] - 1] if starts[i] else SILENCE[0]
        match kinds[i]:
            case "missed":
                part[run] = before
            case "late":
                part[starts[i] : min(starts[i] + generator.integers(1, _MOST_LATE_FRAMES + 1), ends[i])] = before
            case "early":
                first = starts[i] - generator.integers(1, _MOST_EARLY_FRAMES + 1)
                part[max(first, 0) : starts[i]] = part[starts[i]]
            case "wrong" if part[starts[i], 0]:
                other = written[generator.choice(starts), 0]
                part[run, 0] = other or part[run, 0]
            case "dropped":
                part[run, :2] = 0
            case "volume":
                change = generator.integers(-_MOST_VOLUME, _MOST_VOLUME + 1)
                part[run, 1] = _changed_volume(part[run, 1], change, volume_max)
    drifts = generator.random(len(part)) < _DRIFT_SHARE
    part[drifts, 1] = _changed_volume(part[drifts, 1], generator.integers(-2, 3, drifts.sum()), volume_max)


def _changed_volume(
    volumes: NDArray[np.uint8], change: NDArray[np.int64] | np.int64, volume_max: int
) -> NDArray[np.uint8]:
    """Return the volumes moved by `change`; a volume above 0 stays above 0, and 0 stays 0."""
    moved = np.clip(volumes.astype(np.int64) + change, min(1, volume_max), volume_max)
    return np.where(volumes > 0, moved, 0).astype(np.uint8)


def _freeze(heard: NDArray[np.uint8], generator: np.random.Generator) -> None:
    """Hold one voice or all of them for a while, in place."""
    start = int(generator.integers(len(heard)))
    end = start + 1 + generator.geometric(1 / _MEAN_FREEZE_FRAMES)
    voices = list(Voice) if generator.random() < _ALL_FREEZE_SHARE else [Voice(int(generator.integers(N_VOICES)))]
    heard[start:end, voices] = heard[start, voices]
