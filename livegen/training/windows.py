"""Songs on the grid of their beat, and the windows of it that models of two bars learn from.

A song that has a clear beat is written with twelve steps a beat, at any tempo. A window is eight beats, 96 steps, of
all four voices of one song. It begins on a beat: where bars begin is not in the data. NES-MDB's songs are read from
its MIDI files, whose times are exact; other songs from their frames.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.beat import Beat
from livegen.engines.steps import BEATS, N_STEPS, STEPS_A_BEAT, on_the_beat, score_on_the_beat
from livegen.errors import TrainingError
from livegen.formats.midi.nesmdb import voice_changes
from livegen.formats.midi.smf import Song
from livegen.formats.score.downsample import GRID_RATE_HZ
from livegen.score import N_COLUMNS, N_VOICES, NOTE_RANGE, PITCHED, Column, Voice, onsets
from livegen.training.data.exact_onsets import exact_beat
from livegen.training.data.kept import archive_of, load_arrays, made_of, save_arrays
from livegen.training.data.sources import VALID, Heard, Listener, has_split, load_songs
from livegen.training.profile import phase
from livegen.units import FRAME_RATE_HZ

MAX_SHIFT: Final = 6
"""Most semitones by which a window may be transposed."""

_VERSION: Final = 1
"""Of how windows are made: a packed file of another version is made anew."""


@dataclass(frozen=True, slots=True)
class Windows:
    """Songs on the grid of their beat, and where windows begin in them.

    Attributes
    ----------
    steps : ndarray of uint8, shape (total steps, 4, 3)
        The songs one after another, in the columns and ranges of `livegen.score`; a silent voice has zeros.
    offsets : ndarray of int64, shape (songs + 1,)
        Where each song begins in `steps`.
    period_frames : ndarray of float64, shape (songs,)
        Frames a beat of each song.
    starts : ndarray of int64, shape (windows,)
        The first step of each window, rising: a beat, and `N_STEPS` steps of the same song follow from it on.
    lowest_shift, highest_shift : ndarray of int64, shape (songs,)
        Semitones by which P1, P2 and TR may move and stay in range, within `MAX_SHIFT`.
    """

    steps: NDArray[np.uint8]
    offsets: NDArray[np.int64]
    period_frames: NDArray[np.float64]
    starts: NDArray[np.int64]
    lowest_shift: NDArray[np.int64]
    highest_shift: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.starts)

    def songs_of(self, which: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the index of the song that each of some windows is of."""
        return np.searchsorted(self.offsets, self.starts[which], side="right") - 1

    def take(self, which: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Return some windows, a copy of shape (n, 96, 4, 3)."""
        return self.steps[self.starts[which][:, None] + np.arange(N_STEPS)]

    def spread(self, n: int) -> NDArray[np.int64]:
        """Return which windows to take of all songs evenly, n or all if there are no more."""
        return np.linspace(0, len(self) - 1, min(n, len(self))).astype(np.int64)

    def before(self, which: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Return the step before each of some windows, (n, 4, 3): silence where the song begins with the window."""
        starts = self.starts[which]
        is_first = starts == self.offsets[self.songs_of(which)]
        return np.where(is_first[:, None, None], np.uint8(0), self.steps[starts - 1])

    def digest(self) -> str:
        """Return the SHA-256, in hexadecimal, of the songs and of where the windows begin."""
        digest = hashlib.sha256()
        for array in (self.offsets, self.starts):
            digest.update(np.ascontiguousarray(array, "<i8").tobytes())
        digest.update(np.ascontiguousarray(self.steps).tobytes())
        return digest.hexdigest()

    def save(self, path: Path, about: str = "") -> None:
        """Write them to an .npz; `about` is kept with them."""
        save_arrays(path, _VERSION, about, steps=self.steps, offsets=self.offsets, period_frames=self.period_frames)

    @staticmethod
    def load(path: Path, about: str = "") -> "Windows | None":
        """Return what `save` wrote; None if there is nothing, or it is of another version, or about something else."""
        arrays = load_arrays(path, _VERSION, about, ("steps", "offsets", "period_frames"))
        return None if arrays is None else _completed(*arrays)


def _completed(steps: NDArray[np.uint8], offsets: NDArray[np.int64], period_frames: NDArray[np.float64]) -> Windows:
    """Return songs with their windows. A window is left out if no voice attacks in it."""
    attacks = np.concatenate([[0], np.cumsum(onsets(steps).any(1))])
    bounds = list(pairwise(offsets.tolist()))
    starts = np.concatenate(
        [np.empty(0, np.int64), *(np.arange(begin, end - N_STEPS + 1, STEPS_A_BEAT) for begin, end in bounds)]
    )
    starts = starts[attacks[starts + N_STEPS] > attacks[starts]]
    shifts = np.array([_shifts(steps[begin:end]) for begin, end in bounds], np.int64).reshape(-1, 2)
    return Windows(steps, offsets, period_frames, starts, shifts[:, 0], shifts[:, 1])


def _shifts(steps: NDArray[np.uint8]) -> tuple[int, int]:
    down, up = -MAX_SHIFT, MAX_SHIFT
    for voice in PITCHED:
        notes = steps[:, voice, Column.NOTE].astype(np.int64)
        notes = notes[notes > 0]
        if len(notes):
            lowest, highest = NOTE_RANGE[voice]
            down, up = max(down, lowest - int(notes.min())), min(up, highest - int(notes.max()))
    return min(down, 0), max(up, 0)


@phase("reading")
def load_windows(
    data: Path, split: str, listener: Listener | None = None, *, is_strict: bool = False, cache: Path | None = None
) -> Windows:
    """Read the windows of a split.

    Parameters
    ----------
    data : Path
        Songs, as `livegen.training.data.sources.load_songs` takes them. Where there is a .zip of the split's songs as
        MIDI files in NES-MDB's layout, it is read and nothing else.
    split : str
        "train" or "valid".
    cache : Path, optional
        The folder where what a .zip gives is kept, since reading one takes minutes; by default livegen's own.

    Raises
    ------
    TrainingError
        If there is no such data, it cannot be read, or not one song has a clear beat and eight beats of music.
    """
    listener = listener or Heard()
    archive = archive_of(data, split)
    if archive is None:
        songs = load_songs(data, split, listener, is_strict=is_strict)
        found = windows_of((songs.song(i), beat) for i, beat in enumerate(songs.beats) if beat is not None)
    else:
        found = made_of(archive, split, "windows", Windows.load, _exact_windows, listener, cache)
    if not len(found):
        raise TrainingError(
            f"{data} has no song for the {split} split with a clear beat and {BEATS} beats of music, and this kind of "
            "model learns from nothing else: give more songs, or train an lstm"
        )
    return found


def only_voices(windows: Windows, voices: tuple[Voice, ...]) -> Windows:
    """Return the windows with only these voices sounding, without those in which none of them attacks.

    Raises
    ------
    TrainingError
        If no window is left.
    """
    if len(voices) == N_VOICES:
        return windows
    steps = np.zeros_like(windows.steps)
    steps[:, list(voices)] = windows.steps[:, list(voices)]
    found = _completed(steps, windows.offsets, windows.period_frames)
    if not len(found):
        names = " or ".join(voice.name for voice in voices)
        raise TrainingError(f"no song with a clear beat has {names} in it: give other songs, or more voices")
    return found


def load_watched(
    data: Path, listener: Listener, voices: tuple[Voice, ...] = tuple(Voice), *, is_strict: bool = False
) -> Windows | None:
    """Return valid windows to watch a run with, as `load_windows` and `only_voices` do.

    None where the data has no such split, or the few songs that are kept for it have no window: the listener is told.
    """
    if not has_split(data, VALID):
        return None
    try:
        return only_voices(load_windows(data, VALID, listener, is_strict=is_strict), voices)
    except TrainingError as error:
        listener.warn(f"the run is not measured as it goes on: {error}")
        return None


def _exact_windows(songs: Iterable[Song]) -> Windows:
    return _gathered(_on_their_beats(songs))


def _on_their_beats(songs: Iterable[Song]) -> Iterator[tuple[NDArray[np.uint8], float]]:
    """Yield those songs that have a clear beat on the grid of that, each with its frames a beat."""
    for song in songs:
        beat = exact_beat(song)
        if beat is None or not len(song.seconds):
            continue
        to_frames = FRAME_RATE_HZ / GRID_RATE_HZ
        changes = [(starts * to_frames, states[:, :N_COLUMNS]) for starts, states in voice_changes(song).values()]
        yield on_the_beat(changes, beat, float(song.seconds[-1]) * FRAME_RATE_HZ), beat.period_frames


def windows_of(songs: Iterable[tuple[NDArray[np.uint8], Beat]]) -> Windows:
    """Return the windows of scores, ``uint8 (N, 4, 3)``, each with its beat and the phase of that in its first frame.

    An onset is taken to be where its frame begins.
    """
    return _gathered((score_on_the_beat(score, beat), beat.period_frames) for score, beat in songs)


def _gathered(songs: Iterable[tuple[NDArray[np.uint8], float]]) -> Windows:
    kept = [(steps, period) for steps, period in songs if len(steps) >= N_STEPS]
    offsets = np.cumsum([0, *(len(steps) for steps, _ in kept)], dtype=np.int64)
    steps = np.concatenate([np.empty((0, N_VOICES, N_COLUMNS), np.uint8), *(steps for steps, _ in kept)])
    return _completed(steps, offsets, np.array([period for _, period in kept], np.float64))
