"""Histories of a model's own making: songs in which it plays on by itself for some seconds, now and then.

A network that has only heard real songs does not know its own slips, and what it makes of a performer who goes
elsewhere. So a model plays along with songs of which somebody performs a voice, in closed loop, and what it did is
heard in place of the song when the next one is trained; what is right stays the song's.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from livegen.engines.protocol import Conditions, Engine, Performer, Sampling
from livegen.errors import TrainingError
from livegen.score import N_VOICES, SILENCE, Voice
from livegen.training.perform import drawn_frames

_MADE_SHARE: Final = 0.5
_PERFORMED_SHARES: Final = (0.7, 0.08, 0.22)
"""How many of the songs, and how often P1, P2 or TR of those is performed."""

_OWN_SECONDS: Final = (3.0, 14.0)
_SONG_SECONDS: Final = (1.0, 8.0)
_SAMPLING: Final = Sampling(density=(-0.3,) * N_VOICES)


@dataclass(frozen=True)
class Made:
    """Songs of a split as they were heard where a model played on.

    Attributes
    ----------
    frames : ndarray of uint8, shape (total frames, 4, 3)
        As `livegen.training.data.songs.Songs` has them, one after another.
    is_own : ndarray of bool, shape (total frames,)
        Where the model played.
    performed : ndarray of int64, shape (songs,)
        The voice that was performed, -1 where nothing was made of a song.
    """

    frames: NDArray[np.uint8]
    is_own: NDArray[np.bool_]
    performed: NDArray[np.int64]

    @classmethod
    def load(cls, path: Path, frames: NDArray[np.uint8], n_songs: int) -> Self:
        """Read what `save` wrote for these songs; raises TrainingError."""
        try:
            with np.load(path, allow_pickle=False) as npz:
                made = cls(npz["frames"], npz["is_own"], npz["performed"])
        except (OSError, ValueError, KeyError) as error:
            raise TrainingError(f"{path} holds no histories: {error}; make them with livegen imagine") from error
        is_fit = made.frames.shape == frames.shape and made.performed.shape == (n_songs,)
        if not (is_fit and (made.frames[~made.is_own] == frames[~made.is_own]).all()):
            raise TrainingError(f"the histories in {path} are of other songs: make them anew with livegen imagine")
        return made

    def save(self, path: Path) -> None:
        """Write it to an .npz."""
        np.savez_compressed(path, frames=self.frames, is_own=self.is_own, performed=self.performed)


def imagine(
    engine: Engine,
    frames: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    seed: int,
    on_song: Callable[[float], None] = lambda done: None,
) -> Made:
    """Let a model play along with half of the songs, ``frames (total, 4, 3)`` that begin at `offsets`."""
    made = Made(frames.copy(), np.zeros(len(frames), np.bool_), np.full(len(offsets) - 1, -1, np.int64))
    for i in range(len(offsets) - 1):
        generator = np.random.default_rng([seed, i])
        voice = Voice(int(generator.choice(len(_PERFORMED_SHARES), p=_PERFORMED_SHARES)))
        song = slice(int(offsets[i]), int(offsets[i + 1]))
        on_song((i + 1) / len(made.performed))
        if generator.random() >= _MADE_SHARE or not made.frames[song, voice, 0].any():
            continue
        made.performed[i] = voice
        made.is_own[song] = _spans(song.stop - song.start, generator)
        _play(engine, made.frames[song], made.is_own[song], voice, generator)
    return made


def _spans(n_frames: int, generator: np.random.Generator) -> NDArray[np.bool_]:
    is_own = np.zeros(n_frames, np.bool_)
    at = drawn_frames(_SONG_SECONDS, generator)
    while at < n_frames:
        until = at + drawn_frames(_OWN_SECONDS, generator)
        is_own[at:until] = True
        at = until + drawn_frames(_SONG_SECONDS, generator)
    return is_own


def _play(
    engine: Engine,
    song: NDArray[np.uint8],
    is_own: NDArray[np.bool_],
    voice: Voice,
    generator: np.random.Generator,
) -> None:
    """Put what a model plays to one voice of a song in the song's place where `is_own` says so."""
    is_theirs = np.arange(N_VOICES) == voice
    seed = int(generator.integers(1 << 40))
    frame, state = SILENCE, engine.initial_state()
    for t in range(len(song)):
        note = int(song[t, voice, 0])
        performer = Performer(tuple(is_theirs.tolist()), (note,) if note else ())
        distribution, state = engine.step(frame, state, Conditions(performer=performer))
        if is_own[t]:
            song[t] = distribution.sample(song[t], is_theirs, _SAMPLING, seed=seed, frame_index=t)
        frame = song[t]
