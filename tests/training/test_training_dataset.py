import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from songs import song, write_split, write_splits

from livegen.errors import TrainingError
from livegen.predictor.features import NOTE, hear, hear_song
from livegen.score import NOTE_RANGE, Voice, validate_frames
from livegen.training.dataset import Lanes, in_order, load_songs, songs_of, split_file, transposed

SONGS = songs_of([song(i, 40 + 13 * i) for i in range(7)])


def _heard(frames: np.ndarray) -> np.ndarray:
    heard = np.empty((len(frames) + 1, 4, SONGS.heard.shape[2]), np.uint8)
    hear_song(frames, heard)
    return heard


@given(st.integers(0, 6), st.integers(-6, 6))
def test_transposing_what_was_heard_is_hearing_the_transposed_song(index, shift):
    frames = song(index)
    moved = frames.copy()
    notes = moved[:, : Voice.NO, 0]
    notes[notes > 0] += np.uint8(shift % 256)
    assert (transposed(_heard(frames), shift) == _heard(moved)).all()


def test_a_song_is_transposed_only_as_far_as_its_notes_reach():
    frames = song(0)
    frames[3, Voice.P1, 0] = NOTE_RANGE[Voice.P1][1] - 2
    frames[4, Voice.TR, 0] = NOTE_RANGE[Voice.TR][0] + 1
    songs = songs_of([frames, song(1)])
    assert (songs.lowest_shift.tolist(), songs.highest_shift.tolist()) == ([-1, -6], [2, 6])


def test_lanes_play_every_song_once_an_epoch_from_start_to_end():
    lanes = Lanes(SONGS, n_lanes=3, n_frames=16, seed=5)
    lengths = []
    playing = [0, 0, 0]
    while lanes.taken < 2 * len(SONGS) + 3:
        segment = lanes.next_segment()
        for lane in range(3):
            if segment.is_start[lane]:
                lengths.append(playing[lane])
                playing[lane] = 0
            playing[lane] += int(segment.n_frames[lane])
            for part in (segment.before, segment.target):
                assert (part[segment.n_frames[lane] :, lane] == 0).all()
                validate_frames(part[:, lane, :, :3])
    played = sorted(length for length in lengths if length)
    assert set(played) == {40 + 13 * i for i in range(7)}


def test_what_lanes_give_depends_on_the_seed_and_a_position_goes_on_exactly():
    one, same, other = (Lanes(SONGS, 3, 16, seed) for seed in (1, 1, 2))
    parts = [one.next_segment().before for _ in range(9)]
    assert all((part == same.next_segment().before).all() for part in parts)
    assert any((part != other.next_segment().before).any() for part in parts)
    later = Lanes(SONGS, 3, 16, 1)
    later.resume_at(one.position())
    for _ in range(9):
        expected, got = one.next_segment(), later.next_segment()
        assert (expected.before == got.before).all()
        assert (expected.target == got.target).all()
        assert (expected.is_start == got.is_start).all()


def test_what_was_heard_leads_to_the_frame_to_predict_whether_heard_right_or_not():
    lanes = Lanes(SONGS, 3, 16, 1)
    misheard, wrong = 0, 0
    for _ in range(20):
        segment = lanes.next_segment()
        for t, lane in np.argwhere(np.arange(16)[:, None] < segment.n_frames):
            after = np.empty_like(segment.target[t, lane])
            hear(np.ascontiguousarray(segment.target[t, lane, :, :3]), segment.before[t, lane], after)
            wrong += (after != segment.target[t, lane]).any()
            if t:
                misheard += (segment.before[t, lane, :, :3] != segment.target[t - 1, lane, :, :3]).any()
    assert wrong == 0
    assert misheard > 0


def test_in_order_gives_every_frame_once_unchanged():
    n_frames, notes = 0, 0
    for segment in in_order(SONGS, n_lanes=3, n_frames=16):
        counts = np.arange(16)[:, None] < segment.n_frames
        n_frames += counts.sum()
        notes += segment.target[..., NOTE].astype(np.int64)[counts].sum()
    expected = [SONGS.song(i)[1:, :, NOTE].astype(np.int64).sum() for i in range(len(SONGS))]
    assert n_frames == SONGS.n_frames
    assert notes == sum(expected)


def test_a_split_is_found_by_its_name(tmp_path):
    write_splits(tmp_path)
    assert split_file(tmp_path, "valid").name == "made_valid.npz"
    assert split_file(tmp_path / "made_train.npz", "valid").name == "made_train.npz"
    assert len(load_songs(tmp_path / "made_train.npz")) == 6


def test_bad_data_is_told_in_one_sentence(tmp_path):
    with pytest.raises(TrainingError, match="no data at"):
        split_file(tmp_path / "nowhere", "train")
    with pytest.raises(TrainingError, match=r"holds 0 files named \*train\*\.npz"):
        split_file(tmp_path, "train")
    path = tmp_path / "bad_train.npz"
    path.write_bytes(b"PK\x03\x04 nothing")
    with pytest.raises(TrainingError, match=r"bad_train\.npz"):
        load_songs(path)
    loud = song(0)
    loud[5, Voice.P1, 0] = 7
    with pytest.raises(TrainingError, match=r"note 7 of P1"):
        load_songs(write_split(path, [loud]))
    np.savez(path, frames=song(0))
    with pytest.raises(TrainingError, match="offsets"):
        load_songs(path)
    with pytest.raises(TrainingError, match="no songs"):
        load_songs(write_split(path, [song(0)[:0]]))
