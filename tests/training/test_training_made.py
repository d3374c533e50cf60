from dataclasses import replace

import numpy as np
import pytest
from lstm_weights import random_engine
from songs import song, write_splits

torch = pytest.importorskip("torch")

from livegen.engines.lstm.lstm import LstmConfig, LstmEngine  # noqa: E402
from livegen.errors import TrainingError  # noqa: E402
from livegen.training.data.songs import songs_of  # noqa: E402
from livegen.training.data.sources import TRAIN, load_songs  # noqa: E402
from livegen.training.dataset import Lanes  # noqa: E402
from livegen.training.made import Made, imagine  # noqa: E402

TINY = LstmConfig(n_embedding=8, n_state=8, n_known=4, n_own=4, n_note_hidden=8, n_volume_hidden=4, n_timbre_hidden=4)
SONGS = songs_of([song(i, 300) for i in range(8)])


def _engine() -> LstmEngine:
    return random_engine(TINY, scale=1.0)


@pytest.fixture(scope="module")
def made() -> Made:
    return imagine(_engine(), SONGS.frames, SONGS.offsets, seed=3)


def test_a_model_plays_on_beside_the_voice_that_is_performed_and_elsewhere_the_song_stands(made):
    assert 0.1 < made.is_own.mean() < 0.8
    assert (made.frames[~made.is_own] == SONGS.frames[~made.is_own]).all()
    for i, voice in enumerate(made.performed):
        own = slice(SONGS.offsets[i], SONGS.offsets[i + 1])
        if voice < 0:
            assert (made.frames[own] == SONGS.song(i)).all()
        else:
            assert (made.frames[own][:, voice] == SONGS.song(i)[:, voice]).all()
            assert (made.frames[own] != SONGS.song(i)).any()


def test_the_same_seed_makes_the_same(made):
    assert (imagine(_engine(), SONGS.frames, SONGS.offsets, seed=3).frames == made.frames).all()
    assert (imagine(_engine(), SONGS.frames, SONGS.offsets, seed=4).frames != made.frames).any()


def test_what_was_made_is_written_and_read_and_told_from_that_of_other_songs(made, tmp_path):
    made.save(tmp_path / "made.npz")
    again = Made.load(tmp_path / "made.npz", SONGS.frames, len(SONGS))
    assert (again.frames == made.frames).all()
    assert (again.performed == made.performed).all()
    other = songs_of([song(i, 300) for i in range(1, 9)])
    with pytest.raises(TrainingError, match="are of other songs"):
        Made.load(tmp_path / "made.npz", other.frames, len(other))
    (tmp_path / "bad.npz").write_bytes(b"PK")
    with pytest.raises(TrainingError, match="holds no histories"):
        Made.load(tmp_path / "bad.npz", SONGS.frames, len(SONGS))


def test_it_is_heard_in_place_of_the_song_and_the_song_is_what_is_right(made):
    def heard(songs) -> tuple[float, float]:
        lanes = Lanes(songs, n_lanes=8, n_frames=100, seed=1)
        performed, wrong = [], []
        for _ in range(12):
            segment = lanes.next_segment()
            performed.append((segment.performed > 0).mean())
            wrong.append((segment.before[1:, :, 1:3, 0] != segment.target[:-1, :, 1:3, 0]).mean())
        return float(np.mean(performed)), float(np.mean(wrong))

    assert heard(replace(SONGS, made=made))[1] > heard(SONGS)[1] + 0.01


def test_the_songs_of_a_folder_have_their_histories(tmp_path):
    songs = load_songs(write_splits(tmp_path), TRAIN)
    made = imagine(_engine(), songs.frames, songs.offsets, seed=0)
    made.save(tmp_path / "made.npz")
    assert len(Made.load(tmp_path / "made.npz", songs.frames, len(songs)).performed) == len(songs)
