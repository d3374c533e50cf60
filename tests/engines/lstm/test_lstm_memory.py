import numpy as np
import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from livegen.engines.lstm import memory
from livegen.engines.lstm.features import (
    LEFT,
    N_LEFTS,
    N_RELATIONS,
    N_TRUSTS,
    NEXT,
    NO_PROPOSALS,
    ON_TIME,
    OWN_LOOSE,
    OWN_STRICT,
    RELATION,
    SHARED,
    THEN_TIMBRE,
    THEN_VOLUME,
    TRUST,
)
from livegen.engines.lstm.memory import Memory, Past, is_shown, propose_song
from livegen.score import SILENCE, Voice


def _tune(notes: list[int], length: int = 6, voice: Voice = Voice.P1) -> np.ndarray:
    frames = np.zeros((len(notes) * length, 4, 3), np.uint8)
    frames[:, voice, 0] = np.repeat(notes, length)
    frames[:, voice, 1] = np.tile(np.maximum(12 - 2 * np.arange(length), 1), len(notes))
    frames[:, voice, 2] = 2
    return frames


THEME = [60, 64, 67, 65, 62, 59, 60, 55]
OTHER = [72, 70, 69, 74, 76, 71]


def test_a_theme_that_comes_back_is_proposed_to_the_frame():
    song = _tune(THEME + OTHER + THEME)
    proposals = propose_song(song)
    again = len(THEME + OTHER) * 6
    for t in range(again + 13, len(song)):  # from the second onset of the theme on it is known
        of = proposals[t, Voice.P1, OWN_STRICT]  # what comes before frame t
        if song[t, 0, 0] != song[t - 1, 0, 0]:
            assert (of[NEXT], of[LEFT]) == (song[t, 0, 0], ON_TIME), t
        else:
            assert of[LEFT] > ON_TIME
        assert (of[THEN_VOLUME], of[THEN_TIMBRE]) == (song[t, 0, 1], 2)
        assert of[RELATION] >= 3  # it has the note that it had then


def test_longer_matches_are_trusted_more():
    proposals = propose_song(_tune(THEME + OTHER + THEME))[:, Voice.P1, OWN_STRICT, TRUST]
    again = len(THEME + OTHER) * 6
    trusts = proposals[again + 7 :: 6].tolist()
    assert trusts == sorted(trusts)
    assert trusts[0] > 0
    assert trusts[-1] > trusts[0]


@given(st.lists(st.integers(-1, 1), min_size=22, max_size=22))
@settings(max_examples=examples(30))
def test_a_theme_is_recognised_though_its_onsets_move_by_a_frame(moves):
    lengths = [8 + move for move in moves]
    lengths[14:] = [8] * 8  # the gaps differ by a frame at most
    frames = np.concatenate([_tune([note], n) for note, n in zip(THEME + OTHER + THEME, lengths, strict=True)])
    proposals = propose_song(frames)[:, Voice.P1, OWN_STRICT]
    onsets = np.cumsum([0, *lengths])
    for i in range(17, 22):
        assert proposals[onsets[i], NEXT] == (THEME[i - 14])


def test_another_way_on_is_proposed_beside_the_longest_match():
    song = _tune([60, 62, 64, 65, 80, 60, 62, 64, 67, 81, 60, 62, 64])
    last = propose_song(song)[-1, Voice.P1]
    assert {int(last[OWN_STRICT, NEXT]), int(last[OWN_LOOSE, NEXT])} == {65, 67}


def test_what_one_voice_recognises_is_proposed_to_the_others():
    song = _tune(THEME + OTHER + THEME)
    song[:, Voice.TR, 0] = 40
    song[: 6 * 5, Voice.TR, 0] = 33  # under the start of the theme the bass has another note, and then moves
    song[6 * 14 :, Voice.TR, 0] = 33
    again = 6 * (14 + 5)  # five notes into the theme
    shared = propose_song(song)[again, Voice.TR, SHARED]
    assert (shared[NEXT], shared[LEFT]) == (40, ON_TIME)


@given(arrays(np.uint8, (70, 4), elements=st.integers(0, 3)))
@settings(max_examples=examples(40))
def test_proposals_are_in_range_and_depend_on_the_past_alone(notes):
    frames = np.zeros((70, 4, 3), np.uint8)
    frames[..., 0] = notes * 4 + 30 * (notes > 0)
    frames[:, Voice.NO, 0] = notes[:, Voice.NO]
    frames[..., 1] = notes * 5
    proposals = propose_song(frames)
    limits = {NEXT: 109, LEFT: N_LEFTS, TRUST: N_TRUSTS, RELATION: N_RELATIONS, THEN_VOLUME: 17, THEN_TIMBRE: 5}
    assert all((proposals[..., column] < limit).all() for column, limit in limits.items())
    is_none = proposals[..., TRUST] == 0
    assert (proposals[is_none] == np.broadcast_to(NO_PROPOSALS, proposals.shape)[is_none]).all()
    assert (propose_song(frames[:40]) == proposals[:41]).all()


def _hear(of: Memory, past: Past | None, frames: np.ndarray) -> tuple[Past | None, list[bytes]]:
    told = []
    for frame in frames:
        past, proposals = of.hear(past, frame)
        told.append(proposals.tobytes())
    return past, told


def test_hearing_frame_by_frame_is_hearing_the_song():
    song = _tune(THEME + OTHER + THEME)
    _, told = _hear(Memory(), None, [SILENCE, *song])
    assert told == [proposals.tobytes() for proposals in propose_song(song)]


@given(st.data())
@settings(max_examples=examples(25))
def test_a_past_is_a_value_whatever_was_heard_after_it(data):
    songs = [_tune(THEME + OTHER[:2] + THEME, 3), _tune(OTHER + THEME[:3] + OTHER, 3)]
    of = Memory()
    pasts: list[tuple[Past | None, list[np.ndarray]]] = [(None, [])]
    for _ in range(12):
        past, heard = data.draw(st.sampled_from(pasts))
        song = data.draw(st.sampled_from(songs))
        more = song[len(heard) % len(song) :][: data.draw(st.integers(1, 20))]
        past, told = _hear(of, past, more)
        heard = [*heard, *more]
        _, expected = _hear(Memory(), None, heard)
        assert told == expected[-len(more) :]
        pasts.append((past, heard))


def test_a_memory_that_is_full_goes_on_with_what_it_has(monkeypatch):
    monkeypatch.setattr(memory, "CAPACITY", 256)
    of, song = Memory(), _tune(THEME, 4)
    past, _ = _hear(of, None, song)
    for _ in range(30):
        past, told = _hear(of, past, song)
    proposals = np.frombuffer(told[-2], np.uint8).reshape(NO_PROPOSALS.shape)
    assert proposals[Voice.P1, OWN_STRICT, NEXT] == THEME[0]
    oldest, n = past, 0
    while oldest is not None:
        oldest, n = oldest.before, n + 1
    assert n <= 256 + 1


@pytest.mark.parametrize(("memory_control", "low", "high"), [(0.0, 0, 0), (0.5, 35, 65), (1.0, 100, 100)])
def test_a_memory_is_shown_for_its_share_of_the_time(memory_control, low, high):
    shown = sum(is_shown(48 * block + 5, memory_control) for block in range(100))
    assert low <= shown <= high
    assert is_shown(48, memory_control) == is_shown(95, memory_control)
