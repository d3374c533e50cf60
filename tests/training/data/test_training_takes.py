"""Jams as songs to learn from: what their players played, and nothing else, is learnt."""

import numpy as np
import pytest
from recorded_jam import RecordedJam
from songs import song

from livegen.errors import FormatError, TrainingError
from livegen.events import NoteOff, NoteOn, SetControl
from livegen.formats.files import ignore
from livegen.formats.score.kinds import write_piece
from livegen.formats.score.piece import Piece
from livegen.training.data.song_file import read_song_file
from livegen.training.data.songs import UNKNOWN, songs_of
from livegen.training.data.sources import Heard, load_songs
from livegen.training.dataset import Lanes, in_order, lesson_of

N_FRAMES = 300


def jam(folder, notes=(), n_frames=N_FRAMES, last=(), **controls):
    """Record a jam in which these keys are struck, each half a second long, and in the end the last events come."""
    recorded = RecordedJam(folder, **controls)
    recorded.frames(12)
    for note in notes:
        recorded.frame(NoteOn(0, note, 100))
        recorded.frames(10)
        recorded.frame(NoteOff(0, note))
    recorded.frames(n_frames - recorded.horizon)
    recorded.frames([last] * 20)
    return recorded.stop()


@pytest.fixture(scope="module")
def take(tmp_path_factory):
    return jam(tmp_path_factory.mktemp("take") / "one", (60, 64, 67, 72), bpm=120.0)


def test_of_a_take_what_its_player_played_is_learnt(take):
    found = read_song_file(take, ignore)
    assert len(found.frames) >= N_FRAMES
    learnt = found.is_learnt
    assert not learnt[:, 1:].any()  # the model's
    played = np.unique(found.frames[learnt[:, 0], 0, 0])
    assert set(played) - {0} == {60, 64, 67, 72}
    at = np.flatnonzero(learnt[:, 0])
    last = np.flatnonzero(found.frames[:, 0, 0] * learnt[:, 0])[-1]
    assert last < at[-1] <= last + 96  # a rest is theirs for four seconds


def test_the_beat_is_that_of_the_jam(take, tmp_path):
    beat = read_song_file(take, ignore).beat
    assert beat.period_frames == pytest.approx(12.0)
    assert 0.0 <= beat.phase < 1.0 / 12.0  # where in the frame a beat falls is the groove's
    changed = jam(tmp_path / "changed", (60,), last=[SetControl("bpm", 150.0)], bpm=120.0)
    assert read_song_file(changed, ignore).beat is UNKNOWN


def test_a_folder_of_takes_is_read_without_those_in_which_nobody_plays(take, tmp_path):
    (folder := tmp_path / "takes").mkdir()
    for i in range(3):
        jam(folder / str(i), (60 + i, 55 + 3 * i, 70 - i, 66, 62 + 5 * i))
    jam(folder / "silent")
    heard = Heard()
    songs = load_songs(folder, "train", heard)
    assert len(songs) == 3
    assert songs.is_learnt.shape == (songs.n_frames, 4)
    assert [sentence for sentence in heard.warnings if "nobody plays" in sentence] == heard.warnings != []
    with pytest.raises(FormatError, match="nobody plays"):
        read_song_file(folder / "silent" / "take.jsonl", ignore)
    assert len(load_songs(take.parent, "train")) == len(load_songs(take, "train")) == 1


def test_takes_are_parted_by_the_names_of_their_folders(tmp_path):
    for i in range(6):
        jam(tmp_path / f"take {i}", [60 + (i * j) % 12 for j in range(1, 10)], 140)
    splits = [load_songs(tmp_path, split) for split in ("train", "valid")]
    assert min(map(len, splits)) >= 1
    assert sum(map(len, splits)) == 6


@pytest.mark.parametrize("cut", [0, 40, 4000])
def test_a_cut_take_is_read_as_far_as_it_goes_or_refused(take, tmp_path, cut):
    path = tmp_path / "take.jsonl"
    path.write_bytes(take.read_bytes()[:cut])
    with pytest.raises(TrainingError, match="can be read"):
        load_songs(path, "train")
    path.write_bytes(take.read_bytes()[:-40])
    assert len(load_songs(path, "train")) == 1


def test_the_player_of_a_midi_file_that_a_jam_left_is_learnt_from(tmp_path):
    frames, is_player = song(3, 200), np.zeros((200, 4), np.bool_)
    is_player[50:150, 0] = True
    write_piece(tmp_path / "jam.mid", Piece(frames, is_player))
    found = read_song_file(tmp_path / "jam.mid", ignore)
    assert not found.is_learnt[:, 1:].any()
    assert found.is_learnt[:, 0].sum() == pytest.approx(100, abs=8)


def some_songs():
    scores = [song(i, 200) for i in range(4)]
    part = np.zeros((200, 4), np.bool_)
    part[:, 0] = True
    return songs_of(scores, learnt=[part, None, part, None])


def test_nothing_but_what_is_learnt_counts_and_all_is_heard():
    songs = some_songs()
    assert songs.learnt(1) is None
    lesson = lesson_of(songs.song(0), is_learnt=songs.learnt(0))
    np.testing.assert_array_equal(lesson.weights, np.tile([1.0, 0.0, 0.0, 0.0], (200, 1)))
    np.testing.assert_array_equal(lesson.target, lesson_of(songs.song(0)).target)
    segment = next(in_order(songs, 4, 200))
    assert sorted(segment.weights.sum((0, 2)).tolist()) == [200, 200, 800, 800]


def test_however_a_jam_is_varied_its_player_plays_one_voice_and_nobody_else_performs():
    songs = some_songs()
    songs = songs_of([songs.song(0)], learnt=[songs.learnt(0)])
    lanes, seen = Lanes(songs, 1, 400, 0), set()
    for _ in range(60):
        segment = lanes.next_segment()
        n = int(segment.n_frames[0])
        assert not segment.performed[:n].any()
        learnt = segment.weights[:n, 0]
        assert (learnt.sum(1) == 1.0).all()
        seen |= set(learnt.argmax(1).tolist())
    assert seen == {0, 1}  # the pulses change places now and then, and the player with them
