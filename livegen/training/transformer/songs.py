"""Songs as events to the sample: what the words of a split are made of.

NES-MDB's songs are read from its MIDI files, whose times are exact; other songs from their frames. Of jams only what
their players played is taken.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from livegen.errors import TrainingError
from livegen.formats.midi.nesmdb import piece_to_song
from livegen.formats.midi.smf import Song
from livegen.formats.score.downsample import GRID_RATE_HZ
from livegen.formats.score.piece import Piece
from livegen.formats.words.tx1 import song_to_rows
from livegen.score import N_COLUMNS, N_VOICES, Column, Voice
from livegen.training.data.doubles import Doubles
from livegen.training.data.kept import archive_of, load_arrays, made_of, save_arrays
from livegen.training.data.sources import Heard, Listener, load_songs
from livegen.training.profile import phase
from livegen.training.transformer.variation import words_of
from livegen.units import FRAME_RATE_HZ

FEWEST_WORDS: Final = 10
"""Songs with fewer, `<S>` at both ends among them, are left out, as LakhNES does."""

_VERSION: Final = 1
"""Of how events are kept: what is of another version is made anew."""


@dataclass(frozen=True, slots=True)
class SongEvents:
    """The songs of a split.

    Attributes
    ----------
    rows : ndarray of int32, shape (total events, 3)
        Sample at 44.1 kHz from the song's first event on, voice, and note, 0 where one ends and none begins; the songs
        one after another.
    offsets : ndarray of int64, shape (songs + 1,)
        Where each song begins in `rows`.
    """

    rows: NDArray[np.int32]
    offsets: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def song(self, index: int) -> NDArray[np.int32]:
        """Return the events of one song."""
        return self.rows[self.offsets[index] : self.offsets[index + 1]]

    def save(self, path: Path, about: str = "") -> None:
        """Write them to an .npz; `about` is kept with them."""
        save_arrays(path, _VERSION, about, rows=self.rows, offsets=self.offsets)

    @classmethod
    def load(cls, path: Path, about: str = "") -> Self | None:
        """Return what `save` wrote; None if there is nothing, or it is of another version, or about something else."""
        arrays = load_arrays(path, _VERSION, about, ("rows", "offsets"))
        return None if arrays is None else cls(*arrays)

    @classmethod
    def of(cls, songs: Iterable[NDArray[np.int64]]) -> Self:
        """Return songs, each the rows of `livegen.formats.words.tx1.song_to_rows`, without tiny ones."""
        begun = ((rows - [rows[0, 0], 0, 0]).astype(np.int32) for rows in songs if len(rows))
        kept = [rows for rows in begun if len(words_of(rows)) >= FEWEST_WORDS]
        offsets = np.cumsum([0, *(len(rows) for rows in kept)], dtype=np.int64)
        return cls(np.concatenate([np.empty((0, 3), np.int32), *kept]), offsets)

    def without_doubles(self) -> Self:
        """Return the songs without those that are there under another name, too."""
        doubles, kept = Doubles(), []
        for i in range(len(self)):
            frames = _frames(self.song(i))
            if doubles.first_of(frames) is None:
                doubles.add("", frames)
                kept.append(self.song(i).astype(np.int64))
        return type(self).of(kept)

    def spread(self, n: int) -> Self:
        """Return n of the songs, of all evenly, or all if there are no more."""
        which = np.linspace(0, len(self) - 1, min(n, len(self))).astype(np.int64)
        return type(self).of(self.song(i).astype(np.int64) for i in which)

    def digest(self) -> str:
        """Return the SHA-256, in hexadecimal, of the songs."""
        digest = hashlib.sha256(np.ascontiguousarray(self.offsets, "<i8").tobytes())
        digest.update(np.ascontiguousarray(self.rows, "<i4").tobytes())
        return digest.hexdigest()


def _frames(rows: NDArray[np.int32]) -> NDArray[np.uint8]:
    """Return which notes sound in each frame, as `livegen.training.data.doubles` compares songs."""
    at = rows[:, 0].astype(np.int64) * FRAME_RATE_HZ // GRID_RATE_HZ
    frames = np.zeros((int(at[-1]) + 1, N_VOICES, N_COLUMNS), np.uint8)
    for voice in Voice:
        is_own = rows[:, 1] == voice
        place = np.searchsorted(at[is_own], np.arange(len(frames)), side="right")
        frames[:, voice, Column.NOTE] = np.append(0, rows[is_own, 2])[place]
    return frames


@phase("reading")
def load_events(
    data: Path, split: str, listener: Listener | None = None, *, is_strict: bool = False, cache: Path | None = None
) -> SongEvents:
    """Read the songs of a split.

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
        If there is no such data, it cannot be read, or no song has ten words.
    """
    listener = listener or Heard()
    archive = archive_of(data, split)
    if archive is None:
        found = SongEvents.of(_of_frames(data, split, listener, is_strict=is_strict))
    else:
        found = made_of(archive, split, "words", SongEvents.load, _of_songs, listener, cache)
    if not len(found):
        raise TrainingError(f"{data} holds no song of {FEWEST_WORDS} words for the {split} split: give more songs")
    return found


def _of_frames(data: Path, split: str, listener: Listener, *, is_strict: bool) -> Iterator[NDArray[np.int64]]:
    songs = load_songs(data, split, listener, is_strict=is_strict)
    for i in range(len(songs)):
        frames, is_learnt = songs.song(i), songs.learnt(i)
        if is_learnt is not None:
            frames = np.where(is_learnt[..., None], frames, 0).astype(np.uint8)
        yield song_to_rows(piece_to_song(Piece(frames), f"song {i}"))[0]


def _of_songs(songs: Iterable[Song]) -> SongEvents:
    return SongEvents.of(song_to_rows(song)[0] for song in songs)
