"""Does it answer? The first voice of real songs is played in phrases with rests between, which are the model's.

What it plays in a rest is compared with the phrase before it, and so is what the song itself has next.
"""

from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass
from itertools import pairwise
from operator import add
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from livegen.judge.notes import Notes, changes, in_turn, notes_of
from livegen.judge.stage import Stage, keys_of, spread
from livegen.performance.modes import TURNS
from livegen.score import SILENCE, Voice
from livegen.training.data.songs import Songs
from livegen.units import seconds_to_frame

N_SONGS: Final = 12

_PHRASE_SECONDS: Final = 4
_BPM: Final = 120.0
"""A phrase, and a rest after it, are two bars at this tempo."""

_N_PHRASES: Final = 5
_LEAST_SOUND: Final = 0.8
_FEWEST_ONSETS: Final = 80
"""How many phrases are played of a song; how much of them sounds, and how many changes they and the rests have."""


@dataclass(frozen=True)
class TakenUp:
    """How much of a phrase is in what follows it; sums over many can be taken."""

    n_pairs: int = 0
    n_pairs_taken_up: int = 0
    n_sounding: int = 0
    n_in_pitch_classes: int = 0
    n_frames: int = 0

    def __add__(self, other: "TakenUp") -> "TakenUp":
        return TakenUp(*map(add, astuple(self), astuple(other)))

    def shares(self) -> dict[str, float]:
        """Return the figures: shares of interval pairs and of time in the phrase's pitch classes, and of all time."""
        return {
            "interval_pairs": self.n_pairs_taken_up / max(self.n_pairs, 1),
            "pitch_classes": self.n_in_pitch_classes / max(self.n_sounding, 1),
            "plays": self.n_sounding / max(self.n_frames, 1),
        }


def taken_up(phrase: Notes, answer: Notes) -> TakenUp:
    """Compare an answer with a phrase: which pairs of neighbouring intervals, and which pitch classes it has of it."""
    said = set(_interval_pairs(phrase))
    pairs = _interval_pairs(answer)
    sounding = answer[answer > 0]
    is_in = np.isin(sounding % 12, in_turn(phrase) % 12)
    return TakenUp(len(pairs), sum(pair in said for pair in pairs), len(sounding), int(is_in.sum()), len(answer))


def _interval_pairs(notes: Notes) -> list[tuple[int, int]]:
    return list(pairwise(np.diff(in_turn(notes)).tolist()))


def judge_answering(
    stage: Stage, songs: Songs, *, seed: int = 0, progress: Callable[[], None] = lambda: None
) -> tuple[dict[str, Any], list[NDArray[np.uint8]]]:
    """Play phrases of `N_SONGS` songs to a model in each of `TURNS`, and compare its answers with what songs have next.

    `progress` is called after every song in every mode. Returns, by mode and for ``songs``, the shares of `TakenUp`;
    and what was played, ``uint8 (n, 4, 3)`` each.
    """
    half = seconds_to_frame(_PHRASE_SECONDS)
    n_frames = 2 * half * _N_PHRASES
    chosen = _songs(songs, n_frames)
    figures: dict[str, Any] = {"n_songs": len(chosen)}
    pieces = []
    for mode in TURNS:
        answers = TakenUp()
        for song in chosen:
            part = song[:, Voice.P1].copy()
            for begin in range(half, n_frames, 2 * half):
                part[begin : begin + half] = SILENCE[Voice.P1]
            controls = {"mode": mode, "bpm": _BPM}
            played = stage.play(n_frames, seed=seed, controls=controls, keys=keys_of(part, Voice.P1))
            answers += _answers(played, half)
            pieces.append(played)
            progress()
        figures[mode] = answers.shares()
    figures["songs"] = sum((_answers(song, half) for song in chosen), TakenUp()).shares()
    return figures, pieces


def _songs(songs: Songs, n_frames: int) -> Sequence[NDArray[np.uint8]]:
    found = []
    for i in range(len(songs)):
        song = songs.song(i)[:n_frames]
        notes = notes_of(song, Voice.P1)
        if len(song) == n_frames and (notes > 0).mean() >= _LEAST_SOUND and len(changes(notes)) >= _FEWEST_ONSETS:
            found.append(song)
    return spread(found, N_SONGS, len(songs), "lasts 40 s with a busy first voice")


def _answers(frames: NDArray[np.uint8], half: int) -> TakenUp:
    notes = notes_of(frames, Voice.P1)
    phrases = range(0, len(notes) - 2 * half + 1, 2 * half)
    return sum((taken_up(notes[at : at + half], notes[at + half : at + 2 * half]) for at in phrases), TakenUp())
