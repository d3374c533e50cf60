"""Motifs: runs of notes of a voice that come back, with the same steps and the same rhythm, at any pitch."""

from collections import defaultdict
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.score import PITCHED, Voice

_FEWEST_RETURNS: Final = {16: 2, 12: 2, 8: 2, 6: 3, 5: 3, 4: 3}
"""Lengths in notes, the longest first, and how often a motif of each must come."""

_MOST_MOTIFS: Final = 6
_MOST_NOTES: Final = 20_000
_LONGEST_STEP: Final = 16  # sixteenths from one note to the next: a longer rest divides motifs


@dataclass(frozen=True, slots=True)
class Motif:
    """A motif.

    Attributes
    ----------
    notes : tuple of int
        Where it comes first, as MIDI note numbers.
    steps : tuple of int
        Sixteenths from each note to the next.
    places : tuple of (Voice, int, int)
        Where it comes: voice, sixteenth from bar 1 on, and semitones above the first time; in the order of time.
    """

    notes: tuple[int, ...]
    steps: tuple[int, ...]
    places: tuple[tuple[Voice, int, int], ...]


def motifs_of(struck: dict[Voice, tuple[NDArray[np.int64], NDArray[np.int64]]]) -> list[Motif]:
    """Return up to six motifs, the one that makes up most of the music first.

    `struck` has for each voice the sixteenths in which it strikes notes, ascending, and the notes. Longer motifs are
    looked for first, and a note belongs to one motif alone.
    """
    lines = {voice: tuple(column[:_MOST_NOTES] for column in struck[voice]) for voice in PITCHED}
    is_taken = {voice: np.zeros(len(lines[voice][0]), np.bool_) for voice in PITCHED}
    found: list[Motif] = []
    for length, fewest in _FEWEST_RETURNS.items():
        by_shape: dict[tuple[bytes, bytes], list[tuple[Voice, int]]] = defaultdict(list)
        for voice, (steps, notes) in lines.items():
            rises, waits = np.diff(notes), np.diff(steps)
            for at in range(len(notes) - length + 1):
                rise, wait = rises[at : at + length - 1], waits[at : at + length - 1]
                if rise.any() and wait.max() <= _LONGEST_STEP:
                    by_shape[rise.tobytes(), wait.tobytes()].append((voice, at))
        for places in sorted(by_shape.values(), key=len, reverse=True):
            free = _apart(places, is_taken, length)
            if len(free) < fewest:
                continue
            for voice, at in free:
                is_taken[voice][at : at + length] = True
            found.append(_motif(lines, free, length))
    found.sort(key=lambda motif: len(motif.notes) * (len(motif.places) - 1), reverse=True)
    return found[:_MOST_MOTIFS]


def _apart(
    places: list[tuple[Voice, int]], is_taken: dict[Voice, NDArray[np.bool_]], length: int
) -> list[tuple[Voice, int]]:
    """Return the places of a motif that share no note with each other or with what is taken."""
    free: list[tuple[Voice, int]] = []
    end = dict.fromkeys(PITCHED, 0)
    for voice, at in places:
        if at >= end[voice] and not is_taken[voice][at : at + length].any():
            free.append((voice, at))
            end[voice] = at + length
    return free


def _motif(lines: dict[Voice, tuple[NDArray[np.int64], ...]], places: list[tuple[Voice, int]], length: int) -> Motif:
    in_time = sorted((int(lines[voice][0][at]), voice, at) for voice, at in places)
    _, voice, first = in_time[0]
    steps, notes = lines[voice]
    base = int(notes[first])
    return Motif(
        tuple(notes[first : first + length].tolist()),
        tuple(np.diff(steps[first : first + length]).tolist()),
        tuple((each, step, int(lines[each][1][at]) - base) for step, each, at in in_time),
    )
