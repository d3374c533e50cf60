"""A score to the sample: when the state of each voice changes, on NES-MDB's 44.1 kHz grid."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from livegen.formats.score.downsample import (
    GRID_RATE_HZ,
    downsample,
    frame_edges,
    frames_to_samples,
    samples_to_frames,
)
from livegen.score import N_COLUMNS, N_VOICES, Voice, onsets
from livegen.units import FRAME_RATE_HZ


@dataclass(frozen=True, slots=True, eq=False)
class Changes:
    """When the voices of a score change, and what they change to.

    Attributes
    ----------
    starts : tuple of ndarray of int64, shape (K,)
        For each voice the grid samples where its state changes, rising; the first is 0.
    states : tuple of ndarray of uint8, shape (K, 3)
        For each voice its note, volume and timbre from each of these samples on.
    length : int
        Grid samples that the score lasts.
    """

    starts: tuple[NDArray[np.int64], ...]
    states: tuple[NDArray[np.uint8], ...]
    length: int

    def frames(self) -> NDArray[np.uint8]:
        """Return the whole frames of the score, uint8 (N, 4, 3), by NES-MDB's rule; see `downsample`."""
        n_frames = samples_to_frames(self.length)
        voices = zip(self.starts, self.states, strict=True)
        return np.stack([downsample(starts, states, n_frames) for starts, states in voices], axis=1)

    def is_onset(self, voice: Voice) -> NDArray[np.bool_]:
        """Tell with which of its states a voice attacks, by the rule of `livegen.score.is_onset`."""
        score = np.zeros((len(self.starts[voice]), N_VOICES, N_COLUMNS), np.uint8)
        score[:, voice] = self.states[voice]
        return onsets(score)[:, voice]

    def onset_frames(self) -> NDArray[np.float64]:
        """Return when the voices attack, in frames with their fractions, ascending; once for each voice."""
        samples = [self.starts[voice][self.is_onset(voice)] for voice in Voice]
        return np.sort(np.concatenate(samples)).astype(np.float64) * (FRAME_RATE_HZ / GRID_RATE_HZ)


def changes_of(frames: NDArray[np.uint8]) -> Changes:
    """Return a score, uint8 (N, 4, 3), to the sample as far as its frames tell it."""
    length, edges = frames_to_samples(len(frames)), frame_edges(len(frames))[:-1]
    before_first = np.zeros(1, np.int64), np.zeros((1, N_COLUMNS), np.uint8)
    voices = [
        tidied(np.append(before_first[0], edges), np.append(before_first[1], frames[:, voice], axis=0), length)
        for voice in Voice
    ]
    return Changes(tuple(starts for starts, _ in voices), tuple(states for _, states in voices), length)


def tidied(
    starts: NDArray[np.int64], states: NDArray[np.uint8], length: int
) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Return the changes of a voice before a score's end: of those in one sample the last, if it changes anything."""
    keeps = (np.diff(starts, append=-1) != 0) & (starts < max(length, 1))
    starts, states = starts[keeps], states[keeps]
    keeps = np.ones(len(starts), np.bool_)
    keeps[1:] = (states[1:] != states[:-1]).any(axis=1)
    return starts[keeps], states[keeps]
