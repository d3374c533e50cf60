"""Songs as slices: which pitches sound in each beat, without percussion and what is too short to count."""

import hashlib
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from livegen.engines.steps import STEPS_A_BEAT
from livegen.engines.tonnetz.lattice import N_PITCHES, pitch_of
from livegen.engines.tonnetz.recall import followed, last_times
from livegen.errors import TrainingError
from livegen.score import PITCHED, Column, onsets
from livegen.training.windows import Windows
from livegen.units import FRAME_RATE_HZ

SHORTEST_TRACK_SECONDS: Final = 2.5
SHORTEST_NOTE_SECONDS: Final = 1.0 / 16.0
"""Voices that play for less than that from their first note to the end of their last one, and notes that are shorter,
are left out."""

SILENT: Final = 32
"""Empty slices before each song: as many as the network hears before what it is to tell."""

_PITCH_OF_NOTE: Final = np.array([pitch_of(note) for note in range(256)])


@dataclass(frozen=True, slots=True)
class Slices:
    """Songs as slices.

    Attributes
    ----------
    pitches : ndarray of bool, shape (slices, 96)
        Which pitches sound in each, the songs one after another, each after `SILENT` empty slices.
    targets : ndarray of int64, shape (n,)
        Slices that can be foretold: all of the music, but for each song's first.
    songs : ndarray of int64, shape (n,)
        Of which song these are.
    lengths, places : ndarray of int64, shape (slices, 2)
        When a song was last as it is before each slice, and the slice that followed then; see
        `livegen.engines.tonnetz.recall.last_times`.
    """

    pitches: NDArray[np.bool_]
    targets: NDArray[np.int64]
    songs: NDArray[np.int64]
    lengths: NDArray[np.int64]
    places: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.targets)

    @classmethod
    def of(cls, windows: Windows, slice_steps: int) -> Self:
        """Return the slices of songs on the grid of their beat; raises TrainingError if no song has two."""
        silence = np.zeros((SILENT, N_PITCHES), np.bool_)
        pitches, targets, songs, firsts, at = [], [], [], [], 0
        for song, (begin, end) in enumerate(pairwise(windows.offsets.tolist())):
            found = slices_of(windows.steps[begin:end], windows.period_frames[song], slice_steps)
            sounding = np.flatnonzero(found.any(1))
            if len(sounding) == 0 or sounding[-1] <= sounding[0]:
                continue
            found = found[sounding[0] : sounding[-1] + 1]
            pitches += [silence, found]
            targets.append(at + SILENT + np.arange(1, len(found)))
            songs.append(np.full(len(found) - 1, song))
            firsts.append(np.full(SILENT + len(found), at + SILENT))
            at += SILENT + len(found)
        if not pitches:
            raise TrainingError("no song has two slices of music in it: give more songs, or shorter slices")
        together = np.concatenate(pitches)
        recalled = last_times(together, np.concatenate(firsts), np.arange(at))
        return cls(together, np.concatenate(targets), np.concatenate(songs), *recalled)

    def up_to(self, which: NDArray[np.int64], n: int) -> NDArray[np.bool_]:
        """Return the n slices of which some targets are the last, (len(which), n, 96); at most `SILENT` + 1."""
        return self.pitches[self.targets[which][:, None] + np.arange(1 - n, 1)]

    def recalled(self, which: NDArray[np.int64], n: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Return what is recalled before each of those n slices: lengths, (len(which), n, 2), and what followed then.

        That is (len(which), n, 2, 96), and 0 where nothing was alike.
        """
        at = self.targets[which][:, None] + np.arange(1 - n, 1)
        return self.lengths[at], followed(self.pitches, self.places[at])

    def digest(self) -> str:
        """Return the SHA-256, in hexadecimal, of the slices and of which are foretold."""
        digest = hashlib.sha256(np.packbits(self.pitches).tobytes())
        digest.update(np.ascontiguousarray(self.targets, "<i8").tobytes())
        return digest.hexdigest()


def slices_of(steps: NDArray[np.uint8], period_frames: float, slice_steps: int) -> NDArray[np.bool_]:
    """Return which pitches sound in each slice of a song, (slices, 96).

    Parameters
    ----------
    steps : ndarray of uint8, shape (N, 4, 3)
        The song on the grid of its beat, see `livegen.engines.steps`.
    period_frames : float
        Frames a beat.
    slice_steps : int
        Steps a slice.
    """
    step_seconds = period_frames / STEPS_A_BEAT / FRAME_RATE_HZ
    n_slices = -(-len(steps) // slice_steps)
    pitches = np.zeros((n_slices, N_PITCHES), np.bool_)
    is_onset = onsets(steps)
    for voice in PITCHED:
        note = steps[:, voice, Column.NOTE]
        sounding = np.flatnonzero(note)
        if len(sounding) == 0 or (sounding[-1] + 1 - sounding[0]) * step_seconds < SHORTEST_TRACK_SECONDS:
            continue
        begins = np.flatnonzero(is_onset[:, voice] | (np.diff(note, prepend=0) != 0))
        for begin, end in pairwise([*begins.tolist(), len(note)]):
            if note[begin] and (end - begin) * step_seconds >= SHORTEST_NOTE_SECONDS:
                first, last = begin // slice_steps, (end - 1) // slice_steps
                pitches[first : last + 1, _PITCH_OF_NOTE[note[begin]]] = True
    return pitches
