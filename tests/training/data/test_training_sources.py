import gzip
import io
import tarfile
import zipfile

import mido
import numpy as np
import pytest
from songs import song, write_split, write_splits

from livegen.errors import TrainingError
from livegen.formats.score.kinds import write_score
from livegen.score import Voice
from livegen.training.data import sources
from livegen.training.data.sources import Heard, has_split, load_songs

N_SONGS = 40


@pytest.fixture(scope="module")
def scores():
    return [song(i, 60 + i) for i in range(N_SONGS)]


@pytest.fixture(scope="module")
def midi_folder(scores, tmp_path_factory):
    folder = tmp_path_factory.mktemp("midi")
    for i, score in enumerate(scores):
        path = folder / f"game {i % 3}" / f"song {i}.{'MID' if i % 2 else 'midi'}"
        path.parent.mkdir(exist_ok=True)
        write_score(path, score)
    return folder


@pytest.fixture
def nesmdb_folder(tmp_path):
    folder = tmp_path / "nesmdb24_exprsco"
    for split, first in (("train", 0), ("valid", 100), ("test", 200)):
        (folder / split).mkdir(parents=True)
        for i in range(3):
            write_score(folder / split / f"{split}_{i}.exprsco.pkl", song(first + i))
    return folder


def packed(folder, archive):
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(folder, folder.name)
    return archive


def contents(songs):
    return {songs.song(i).tobytes() for i in range(len(songs))}


class Ear:
    def __init__(self):
        self.done, self.warnings = [], []

    def progress(self, what, done):
        self.done.append(done)

    def warn(self, sentence):
        self.warnings.append(sentence)


def test_a_packed_split_is_found_by_its_name(tmp_path):
    write_splits(tmp_path)
    assert contents(load_songs(tmp_path, "valid")) == {song(100).tobytes(), song(101).tobytes()}
    assert len(load_songs(tmp_path / "made_train.npz", "valid")) == 6
    assert has_split(tmp_path, "valid")
    assert not has_split(tmp_path / "made_train.npz", "valid")
    (tmp_path / "made_valid.npz").unlink()
    assert not has_split(tmp_path, "valid")
    write_split(tmp_path / "more_train.npz", [song(0)])
    with pytest.raises(TrainingError, match="holds 2 files named"):
        load_songs(tmp_path, "train")


def test_beats_are_those_of_midi_files_beside_a_packed_split(tmp_path):
    """A row of seven ticks of 60 Hz: four make a beat, which no whole frames do, and the frames say it less clearly."""
    row = 7 * 24 / 60.0988
    starts = np.arange(1, 120) * row
    frames = np.zeros((int(starts[-1]) + 4, 4, 3), np.uint8)
    for i, start in enumerate(starts):
        frames[int(start) : int(start) + 2, Voice.P1] = 60 + i % 5, 9, 0
    write_split(tmp_path / "made_train.npz", [frames, song(1)])
    track = mido.MidiTrack(
        mido.Message(kind, note=60, velocity=9, time=time)
        for start, length in zip(np.diff(np.r_[0, starts]), [1000] * len(starts), strict=True)
        for kind, time in (("note_on", round(start * 44100 / 24) - length), ("note_off", length))
    )
    buffer = io.BytesIO()
    mido.MidiFile(tracks=[mido.MidiTrack(), track], ticks_per_beat=22050).save(file=buffer)
    with zipfile.ZipFile(tmp_path / "midi_train.zip", "w") as archive:
        archive.writestr("train/song 0.mid", buffer.getvalue())
    exact, estimated = load_songs(tmp_path, "train").beats
    assert exact is not None
    assert min(abs(exact.period_frames / (row * n) - 1) for n in (2, 4, 8)) < 1e-3
    assert estimated is not None  # from its frames, as there is no file of it
    (tmp_path / "midi_train.zip").write_bytes(b"no archive")
    with pytest.raises(TrainingError, match=r"midi_train\.zip is no archive that can be read"):
        load_songs(tmp_path, "train")


def test_bad_packed_data_is_told_in_one_sentence(tmp_path):
    with pytest.raises(TrainingError, match="no data at"):
        load_songs(tmp_path / "nowhere", "train")
    path = tmp_path / "bad_train.npz"
    path.write_bytes(b"PK\x03\x04 nothing")
    with pytest.raises(TrainingError, match=r"bad_train\.npz"):
        load_songs(path, "train")
    loud = song(0)
    loud[5, Voice.P1, 0] = 7
    with pytest.raises(TrainingError, match=r"note 7 of P1"):
        load_songs(write_split(path, [loud]), "train")
    np.savez(path, frames=song(0))
    with pytest.raises(TrainingError, match="offsets"):
        load_songs(path, "train")
    with pytest.raises(TrainingError, match="no songs"):
        load_songs(write_split(path, [song(0)[:0]]), "train")


def test_a_folder_of_midi_files_is_parted_by_a_hash_of_their_names(midi_folder, scores):
    ear = Ear()
    train, valid = (load_songs(midi_folder, split, ear) for split in ("train", "valid"))
    assert contents(train) | contents(valid) == {score.tobytes() for score in scores}
    assert len(train) + len(valid) == N_SONGS
    assert 1 <= len(valid) <= N_SONGS // 4
    assert not ear.warnings
    assert (ear.done[0], ear.done[-1]) == (0.0, 1.0)
    assert has_split(midi_folder, "valid")


def test_a_song_stays_on_its_side_when_others_come(midi_folder, tmp_path):
    valid = contents(load_songs(midi_folder, "valid"))
    for i in range(N_SONGS // 2):
        write_score(tmp_path / f"song {i}.mid", song(i, 60 + i))
    assert contents(load_songs(tmp_path, "valid")) <= valid


@pytest.mark.parametrize("first", range(0, 40, 5))
def test_of_five_songs_one_at_least_watches_the_run(tmp_path, first):
    for i in range(first, first + 5):
        write_score(tmp_path / f"song {i}.mid", song(i, 60))
    n_valid = len(load_songs(tmp_path, "valid"))
    assert 1 <= n_valid <= 3
    assert len(load_songs(tmp_path, "train")) == 5 - n_valid


def test_one_song_alone_is_to_learn_from(tmp_path):
    names = (f"{i}.mid" for i in range(1000))
    path = tmp_path / "alone" / next(name for name in names if sources._place(name) < 0.1)
    path.parent.mkdir()
    write_score(path, song(0))
    assert len(load_songs(path.parent, "train")) == 1
    assert not has_split(path.parent, "valid")
    with pytest.raises(TrainingError, match="valid split: put them into folders"):
        load_songs(path.parent, "valid")
    assert len(load_songs(path, "valid")) == 1  # a file that is named is what is wanted


def test_nesmdb_folders_and_their_archive_are_read_by_split(nesmdb_folder, tmp_path):
    archive = packed(nesmdb_folder, tmp_path / "nesmdb24_exprsco.tar.gz")
    for split, first in (("train", 0), ("valid", 100)):
        expected = {song(first + i).tobytes() for i in range(3)}
        for data in (nesmdb_folder, nesmdb_folder.parent, nesmdb_folder / split, archive):
            assert contents(load_songs(data, split)) == expected, data
            assert has_split(data, split)
    assert not has_split(nesmdb_folder / "train", "valid")


def test_bad_files_are_left_out_named_and_counted(nesmdb_folder):
    for i in range(8):
        (nesmdb_folder / "train" / f"bad{i}.mid").write_bytes(b"MThd and then nothing")
    (nesmdb_folder / "train" / "notes.txt").write_text("not music")
    (nesmdb_folder / "train" / "._train_0.exprsco.pkl").write_bytes(b"what a Mac leaves")
    ear = Ear()
    assert len(load_songs(nesmdb_folder, "train", ear)) == 3
    assert len(ear.warnings) == 6
    assert all(f"train/bad{i}.mid" in ear.warnings[i] for i in range(5))
    assert ear.warnings[-1] == "left out 8 of 11 train songs that cannot be read"


def test_damaged_files_are_read_named_and_counted_or_left_out_where_that_is_asked(nesmdb_folder):
    for i in range(8):
        path = nesmdb_folder / "train" / f"worn{i}.mid"
        write_score(path, song(50 + i, 60))
        path.write_bytes(path.read_bytes() + b"more")
    ear = Ear()
    assert len(load_songs(nesmdb_folder, "train", ear)) == 11
    assert len(ear.warnings) == 6
    assert all(f"read what is whole of train/worn{i}.mid: worn{i}.mid is damaged" in ear.warnings[i] for i in range(5))
    assert ear.warnings[-1] == "read what is whole of 8 of 11 train songs that are damaged"
    assert len(load_songs(nesmdb_folder, "train", ear, is_strict=True)) == 3
    assert ear.warnings[-1] == "left out 8 of 11 train songs that cannot be read"


def test_data_without_one_sound_song_is_refused(tmp_path):
    with pytest.raises(TrainingError, match="holds no songs"):
        load_songs(tmp_path, "train")
    (tmp_path / "a.mid").write_bytes(b"")
    (tmp_path / "b.exprsco.pkl").write_bytes(b"cos\nsystem\n(S'true'\ntR.")
    with pytest.raises(TrainingError, match="not one of the 2 train songs"):
        load_songs(tmp_path, "train")
    (tmp_path / "words.txt").write_text("hello")
    with pytest.raises(TrainingError, match="holds no songs"):
        load_songs(tmp_path / "words.txt", "train")


@pytest.mark.parametrize("damage", [lambda b: b[: len(b) // 2], lambda b: b"hello", lambda b: b"", lambda b: b[:9]])
def test_a_damaged_archive_is_refused_by_name(nesmdb_folder, tmp_path, damage):
    archive = packed(nesmdb_folder, tmp_path / "songs.tar.gz")
    archive.write_bytes(damage(archive.read_bytes()))
    with pytest.raises(TrainingError, match=r"songs\.tar\.gz"):
        load_songs(archive, "train")


def bomb(tmp_path, kind, name):
    """Return an archive in which a file, or the header that names one, unpacks to 100 MB of nothing."""
    info = tarfile.TarInfo(name)
    info.type, info.size = kind, 100_000_000
    with gzip.open(tmp_path / "bomb.tar.gz", "wb", compresslevel=1) as file:
        file.write(info.tobuf())
        for _ in range(100):
            file.write(bytes(1_000_000))
    return tmp_path / "bomb.tar.gz"


@pytest.mark.parametrize("kind", [tarfile.REGTYPE, tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME])
@pytest.mark.parametrize("name", ["train/a.mid", "train/readme.txt"])
def test_a_bomb_is_not_unpacked(tmp_path, kind, name):
    with pytest.raises(TrainingError, match="unpacks to over"):
        load_songs(bomb(tmp_path, kind, name), "train")


def test_an_archive_of_too_much_in_all_is_refused(nesmdb_folder, tmp_path, monkeypatch):
    archive = packed(nesmdb_folder, tmp_path / "songs.tar.gz")
    monkeypatch.setattr(sources, "MAX_SONGS", 5)
    with pytest.raises(TrainingError, match="more than 5 files"):
        load_songs(archive, "train")
    with pytest.raises(TrainingError, match="more than 5 songs"):
        load_songs(nesmdb_folder, "train")
    monkeypatch.setattr(sources, "MAX_SONGS", 100)
    monkeypatch.setattr(sources, "_MAX_ARCHIVE_BYTES", 5000)
    with pytest.raises(TrainingError, match="unpacks to over"):
        load_songs(archive, "train")
    monkeypatch.setattr(sources, "MAX_SPLIT_FRAMES", 400)
    with pytest.raises(TrainingError, match="more than 400 frames"):
        load_songs(nesmdb_folder, "train")


def test_links_and_paths_that_lead_out_of_an_archive_lead_nowhere(tmp_path):
    outside = tmp_path / "outside.mid"
    with tarfile.open(tmp_path / "odd.tar", "w") as tar:
        link = tarfile.TarInfo("train/link.mid")
        link.type, link.linkname = tarfile.SYMTYPE, str(outside)
        tar.addfile(link)
        for i, name in enumerate(("../../train/up.mid", "/tmp/train/absolute.mid", f"train/{'long' * 100}.mid")):
            write_score(outside, song(i))
            data = outside.read_bytes()
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    assert len(load_songs(tmp_path / "odd.tar", "train")) == 3
    assert sorted(path.name for path in tmp_path.iterdir()) == ["odd.tar", "outside.mid"]


def test_what_is_heard_is_passed_on_and_kept():
    ear = Ear()
    heard = Heard(ear)
    heard.warn("a file")
    heard.progress("reading", 0.5)
    assert heard.warnings == ear.warnings == ["a file"]
    assert ear.done == [0.5]
