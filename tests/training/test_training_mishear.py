import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from songs import song

from livegen.score import Voice, onsets, validate_frames
from livegen.training.mishear import mishear


@given(st.integers(0, 2**32), st.integers(1, 300))
def test_slips_stay_in_range_and_leave_the_song_alone(seed, n_frames):
    frames = song(3, n_frames)
    before = frames.copy()
    heard = validate_frames(mishear(frames, np.random.default_rng(seed)))
    assert (frames == before).all()
    assert heard.shape == frames.shape
    loud = [Voice.P1, Voice.P2, Voice.NO]
    assert ((heard[:, loud, 0] > 0) == (heard[:, loud, 1] > 0)).all()


def test_most_is_heard_right_and_every_voice_slips_now_and_then():
    frames = song(3, 3000)
    heard = mishear(frames, np.random.default_rng(1))
    slipped = (heard[..., 0] != frames[..., 0]).mean(0)
    assert (slipped[[Voice.P1, Voice.P2, Voice.NO]] > 0.01).all()
    assert (slipped < 0.3).all()
    quieter = heard[:, Voice.P1, 1] != frames[:, Voice.P1, 1]
    assert 0.02 < quieter.mean() < 0.4


def test_voices_stop_for_longer_than_the_song_ever_holds_them():
    frames = song(3, 3000)
    heard = mishear(frames, np.random.default_rng(1))
    changes = np.flatnonzero(np.diff(heard[:, Voice.P1, 0].astype(int)))
    assert np.diff(changes).max() > 2 * np.diff(np.flatnonzero(np.diff(frames[:, Voice.P1, 0].astype(int)))).max()


def test_a_player_who_does_not_keep_time_is_early_or_late_at_many_notes():
    frames = song(3, 2000)
    moved = []
    for is_loose in (False, True):
        heard = mishear(frames, np.random.default_rng(0), is_loose=is_loose)
        moved.append((onsets(heard) != onsets(frames)).sum() / onsets(frames).sum())
    assert moved[1] > 2 * moved[0]
