import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from songs import song

from livegen.beat import Beat
from livegen.score import Voice, onsets, validate_frames
from livegen.training.perform import (
    Performance,
    in_wrong_keys,
    modulated,
    next_right,
    nobody,
    perform,
)

OTHERS = (Voice.P2, Voice.TR)
P1_PERFORMS = Performance((Voice.P1,), np.ones(600, np.uint8), np.zeros(600, np.int64), np.full(600, 12, np.uint8))


def _performances(n: int, **given_):
    for seed in range(n):
        frames = song(seed % 5, 600)
        yield frames, *perform(frames, np.random.default_rng(seed), tuple(Voice), None, **given_)


def test_somebody_performs_in_most_songs_and_is_ahead_of_the_others_by_a_frame_or_more():
    lags, n_performed = [], 0
    for frames, heard, who in _performances(60):
        validate_frames(heard)
        others = [voice for voice in Voice if voice not in who.voices]
        assert (heard[:, others] == frames[:, others]).all()
        n_performed += bool(who.voices)
        if Voice.P1 in who.voices and (who.performed > 0).all() and (heard[:, 0, 1] > 0).any():
            same = [(heard[: 600 - d, 0] == frames[d:, 0]).all() for d in range(1, 4)]
            lags += [1 + same.index(True)] if any(same) else []
    assert 25 < n_performed < 55
    assert set(lags) == {1, 2, 3}


def test_the_keys_are_those_of_the_notes_that_the_performer_sounds():
    for _, heard, who in _performances(30, given=Voice.P1):
        note = heard[:, Voice.P1, 0].astype(int)
        assert (who.keys == np.where(note > 0, 1 << note % 12, 0)).all()
        assert (who.bass == 12).all()
    for _, heard, who in _performances(5, given=Voice.TR):
        assert (who.bass == np.where(heard[:, Voice.TR, 0] > 0, heard[:, Voice.TR, 0] % 12, 12)).all()


def test_some_hold_chords_of_which_one_note_sounds():
    found = 0
    for _, heard, who in _performances(200):
        several = np.array([bin(keys).count("1") > 1 for keys in who.keys.tolist()])
        if not several.any() or len(who.voices) > 1:
            continue
        found += 1
        voice = who.voices[0]
        sounding = heard[several, voice, 0]
        assert (sounding > 0).all()
        assert ((who.keys[several] >> (sounding.astype(np.int64) % 12)) & 1 == 1).all()
    assert found > 3


def test_chords_change_on_the_beat():
    for seed in range(300):
        frames = song(1, 600)
        _, who = perform(frames, np.random.default_rng(seed), (Voice.P1,), Beat(12.0, 0.0))
        if (who.bass < 12).any():
            changes = np.flatnonzero(np.diff(who.keys)) + 1
            assert len(set((changes % 12).tolist()) - {0}) <= 1
            return
    raise AssertionError("nobody held chords")


@given(st.integers(0, 2**32))
def test_in_a_wrong_key_voices_keep_their_rhythm_and_the_others_their_notes(seed):
    frames = song(2, 600)
    heard = frames.copy()
    is_wrong = in_wrong_keys(heard, np.random.default_rng(seed), OTHERS, 0, 0)
    validate_frames(heard)
    assert (heard[~is_wrong] == frames[~is_wrong]).all()
    assert (heard[..., 1:] == frames[..., 1:]).all()
    assert not is_wrong[:, [Voice.P1, Voice.NO]].any()
    sounds = is_wrong & (frames[..., 0] > 0)
    assert (heard[sounds][:, 0] != frames[sounds][:, 0]).all()


def test_after_a_song_has_changed_its_key_the_others_are_heard_in_the_old_one():
    for seed in range(40):
        frames = song(1, 600)
        moved, at, shift = modulated(frames, np.random.default_rng(seed), -6, 6)
        if shift:
            break
    assert (moved[:at] == frames[:at]).all()
    assert (moved[at:, Voice.P1, 0].astype(int) - frames[at:, Voice.P1, 0] == shift).all()
    heard = moved.copy()
    is_wrong = in_wrong_keys(heard, np.random.default_rng(0), OTHERS, at, shift)
    assert not is_wrong[:at].any()
    assert is_wrong[at : at + 40, list(OTHERS)].all()
    assert (heard[is_wrong] == frames[is_wrong]).all()


@given(st.integers(0, 2**32))
def test_after_a_wrong_note_it_is_right_to_hold_as_long_as_the_song_does_and_then_to_go_on_with_it(seed):
    frames = song(3, 600)
    heard = frames.copy()
    generator = np.random.default_rng(seed)
    is_wrong = in_wrong_keys(heard, generator, OTHERS, 0, 0)
    targets, is_turn = next_right(frames, heard, is_wrong, nobody(600), generator)
    validate_frames(targets)
    moves = onsets(frames)
    moves[1:] |= frames[1:, :, 0] != frames[:-1, :, 0]
    after = np.zeros_like(is_wrong)
    after[1:] = is_wrong[:-1]
    assert (targets[moves] == frames[moves]).all()
    assert (targets[~after] == frames[~after]).all()
    held = (after & ~moves)[1:]
    assert (targets[1:][held][:, 0] == heard[:-1][held][:, 0]).all()
    assert (is_turn == (after & moves)).all()


def test_a_wrong_note_that_clashes_may_be_left_as_soon_as_the_performer_moves():
    frames = np.zeros((600, 4, 3), np.uint8)
    frames[:, Voice.P1, 0] = np.repeat([60, 67], 300)
    frames[:, Voice.P1, 1] = frames[:, Voice.P2, 1] = 9
    frames[:, Voice.P2, 0] = 64
    heard, is_wrong = frames.copy(), np.zeros((600, 4), np.bool_)
    heard[:, Voice.P2, 0], is_wrong[:, Voice.P2] = 66, True  # a tritone, then a semitone off
    left = 0
    for seed in range(40):
        targets, is_turn = next_right(frames, heard, is_wrong, P1_PERFORMS, np.random.default_rng(seed))
        assert is_turn[:, Voice.P2].sum() == (targets[300, Voice.P2, 0] == 64)
        assert np.delete(targets[1:, Voice.P2, 0], 299).tolist() == [66] * 598
        left += int(is_turn[300, Voice.P2])
    assert 8 < left < 32
