"""What came the last time: the longest match, of equals the latest, and nothing of silence or of another song."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tonnetz_weights import random_engine

from livegen.engines.tonnetz.config import LONGEST_MATCH, N_HEARD
from livegen.engines.tonnetz.lattice import LOWEST_NOTE, N_PITCHES
from livegen.engines.tonnetz.listener import pitches_of
from livegen.engines.tonnetz.recall import NOWHERE, last_times

C, F, G, A = (60, 64, 67), (60, 65, 69), (59, 62, 67), (57, 60, 64)
C_ELSEWHERE = (48, 76, 67)
NOTHING = ()


def slices(*chords: tuple[int, ...]) -> np.ndarray:
    pitches = np.zeros((len(chords), N_PITCHES), np.bool_)
    for i, notes in enumerate(chords):
        pitches[i, [note - LOWEST_NOTE for note in notes]] = True
    return pitches


def last_time(*chords: tuple[int, ...], first: int = 0) -> list[tuple[int, int]]:
    """Return length and place after all of these: of the same pitches, and of the same chords."""
    lengths, places = last_times(slices(*chords), np.array([first]), np.array([len(chords)]))
    return list(zip(lengths[0].tolist(), places[0].tolist(), strict=True))


def test_the_longest_match_wins_and_of_equals_the_latest() -> None:
    assert last_time(C, F, G, A, F, C, F) == [(2, 2)] * 2
    assert last_time(C, F, G, C, F, A, C, F) == [(2, 5)] * 2
    assert last_time(C, F, G, A) == [(0, NOWHERE)] * 2
    assert last_time(*[C, F, G] * 6) == [(LONGEST_MATCH, 15)] * 2


def test_the_same_chord_may_have_other_pitches() -> None:
    assert last_time(C, F, A, C_ELSEWHERE, F, G, C, F) == [(2, 2), (2, 5)]
    assert last_time(C, F, C_ELSEWHERE) == [(0, NOWHERE), (1, 1)]


def test_an_empty_slice_is_like_no_other() -> None:
    assert last_time(NOTHING, NOTHING, NOTHING) == [(0, NOWHERE)] * 2
    assert last_time(NOTHING, C, F, NOTHING, C) == [(1, 2)] * 2


def test_no_place_is_beyond_the_beginning_or_what_is_remembered() -> None:
    assert last_time(C, F, G, A, C) == [(1, 1)] * 2
    assert last_time(C, F, G, A, C, first=1) == [(0, NOWHERE)] * 2
    assert last_time(G, C, F, A, G, C, first=1) == [(1, 2)] * 2
    long_ago = [C, F, *[G] * (N_HEARD - 2), C]
    assert last_time(*long_ago[:-2], C) == [(1, 1)] * 2
    assert last_time(*long_ago) == [(0, NOWHERE)] * 2


@given(st.lists(st.integers(0, 3), min_size=1, max_size=40))
def test_many_answers_are_those_that_are_asked_for_one_by_one(song: list[int]) -> None:
    pitches = slices(*([NOTHING, C, F, G][each] for each in song))
    lengths, places = last_times(pitches, np.zeros(len(song), np.int64), 1 + np.arange(len(song)))
    for end in range(1, len(song) + 1):
        alone = last_times(pitches[:end], np.zeros(1, np.int64), np.array([end]))
        assert np.array_equal(alone, [lengths[end - 1 : end], places[end - 1 : end]])
        for length, place in zip(lengths[end - 1], places[end - 1], strict=True):
            assert (length > 0) == (place != NOWHERE)
            assert length == 0 or song[place - length : place] == song[end - length : end]


def test_what_came_the_last_time_says_what_comes_next() -> None:
    network = random_engine().network
    network.recalled[:] = 0.0
    song = [sum(1 << note - LOWEST_NOTE for note in notes) for notes in (F, G, *[A] * 30, F)]
    before = network.hear(song, None).logits
    network.recalled[0, 1] = (3.0, 1.0, -0.5, 0.0)
    said = network.hear(song, None).logits - before
    assert said == pytest.approx(3.0 * pitches_of(song[1:2])[0] + np.tile(np.isin(np.arange(12), (11, 2, 7)), 8) - 0.5)
