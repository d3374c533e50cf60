"""Which voices follow a match of the motif memory, as the page marks them."""

import numpy as np
from lstm_weights import random_engine
from numpy.typing import NDArray

from livegen.engines.lstm.features import NO_PROPOSALS
from livegen.engines.lstm.match import match_lengths
from livegen.engines.protocol import Conditions
from livegen.score import SILENCE, Voice

THEME = [60, 64, 67, 65, 62, 59, 60, 55]
OTHER = [72, 70, 69, 74, 76, 71]
LENGTH = 6


def tune(notes: list[int]) -> NDArray[np.uint8]:
    frames = np.zeros((len(notes) * LENGTH, 4, 3), np.uint8)
    frames[:, Voice.P1, 0] = np.repeat(notes, LENGTH)
    frames[:, Voice.P1, 1] = 10
    return frames


def lengths_of(song: NDArray[np.uint8], memory: float = 1.0) -> NDArray[np.int64]:
    """Return the match that each voice of each frame follows, as the engine tells it; shape (N, 4)."""
    engine = random_engine()
    told, conditions = [], Conditions(memory=memory)
    distribution, state = engine.step(SILENCE, engine.initial_state())
    for frame in song:
        told.append(distribution.match_lengths(frame))
        distribution, state = engine.step(frame, state, conditions)
    return np.array(told)


def test_a_theme_that_comes_back_follows_a_match_that_grows() -> None:
    song = tune(THEME + OTHER + THEME)
    lengths = lengths_of(song)
    again = len(THEME + OTHER) * LENGTH
    assert (lengths[: len(THEME) * LENGTH - LENGTH] == 0).all()
    follows = lengths[again + 2 * LENGTH :, Voice.P1]
    assert (follows >= 2).all()
    assert (np.diff(follows) >= 0).all()
    assert follows[-1] >= 7
    assert (lengths[:, Voice.P2 :] == 0).all()


def test_a_length_is_never_longer_than_what_was_played_again() -> None:
    song = tune(THEME + OTHER + THEME)
    again = len(THEME + OTHER) * LENGTH
    for t, length in enumerate(lengths_of(song)[again:, Voice.P1]):
        assert length <= 1 + t // LENGTH + 1


def test_another_note_than_the_one_that_came_then_follows_nothing() -> None:
    song = tune([*THEME, *OTHER, *THEME[:4], 50, *THEME[5:]])
    wrong = len(THEME + OTHER) * LENGTH + 4 * LENGTH
    lengths = lengths_of(song)[:, Voice.P1]
    assert lengths[wrong - 1] >= 2
    assert lengths[wrong] == 0


def test_a_note_that_is_held_for_too_long_follows_nothing_any_more() -> None:
    song = tune([*THEME, *OTHER, *THEME[:4]])
    held = np.concatenate([song, np.repeat(song[-1:], 6, axis=0)])
    lengths = lengths_of(held)[:, Voice.P1]
    assert lengths[len(song) - 1] >= 2
    assert lengths[-1] == 0


def test_silence_and_a_memory_that_is_hidden_follow_nothing() -> None:
    song = tune(THEME * 4)
    assert lengths_of(song).any()
    assert not lengths_of(song, memory=0.0).any()
    assert match_lengths(np.zeros((4, 19), np.uint8), NO_PROPOSALS, song[0]) == (0, 0, 0, 0)
    engine = random_engine()
    distribution, _ = engine.step(SILENCE, engine.initial_state())
    assert distribution.match_lengths(SILENCE) == (0, 0, 0, 0)
