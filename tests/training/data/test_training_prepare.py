import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from songs import song, write_splits

from livegen.beat import Beat
from livegen.errors import FormatError, TrainingError
from livegen.formats.score.kinds import write_score
from livegen.formats.score.nesmdb import load_split, save_npz
from livegen.training.data.doubles import Doubles
from livegen.training.data.prepare import prepare, read_prepared
from livegen.training.data.sources import TRAIN, VALID, has_split, load_songs


def same(one, two) -> bool:
    """Tell whether two splits are the same songs to learn from."""
    return (
        one.digest() == two.digest()
        and one.beats == two.beats
        and np.array_equal(one.is_learnt, two.is_learnt)
        and np.array_equal(one.lowest_shift, two.lowest_shift)
    )


def write_folder(folder: Path) -> Path:
    """Write scores as MIDI, a jam of which P1 was played, a double and a file that is none."""
    folder.mkdir()
    for i in range(8):
        write_score(folder / f"song {i}.mid", song(i, 260))
    player = np.zeros((300, 4), bool)
    player[:, 0] = True
    save_npz(folder / "jam.npz", song(9, 300), player=player)
    write_score(folder / "song 1 again.mid", song(1, 260))
    (folder / "bad.mid").write_bytes(b"MThd")
    return folder


def test_what_is_learnt_of_prepared_songs_is_what_is_learnt_of_the_songs(tmp_path: Path) -> None:
    raw = write_folder(tmp_path / "raw")
    about, doubles = prepare(raw, tmp_path / "out"), Doubles()
    for split in (TRAIN, VALID):
        songs = load_songs(raw, split, doubles=doubles)
        assert same(load_songs(tmp_path / "out", split), songs)
        assert about[split] == {"songs": len(songs), "frames": songs.n_frames, "sha256": songs.digest()}
    beats = [load_songs(tmp_path / "out", TRAIN).beats, load_songs(tmp_path / "out", VALID).beats]
    assert any(isinstance(beat, Beat) for each in beats for beat in each)
    assert any(load_split(tmp_path / "out" / f"{split}.npz").is_learnt is not None for split in (TRAIN, VALID))
    assert len(about["left_out"]) == 2
    assert read_prepared(tmp_path / "out") == json.loads((tmp_path / "out" / "data.json").read_text()) == about


def test_the_same_songs_are_the_same_bytes(tmp_path: Path) -> None:
    raw = write_folder(tmp_path / "raw")
    for name in ("one", "two"):
        prepare(raw, tmp_path / name)
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()


def test_packed_splits_an_archive_alone_and_songs_without_a_valid_split_are_prepared(tmp_path: Path) -> None:
    packed = tmp_path / "packed"
    packed.mkdir()
    write_splits(packed)
    (packed / "made_midi_train.zip").write_bytes(b"no archive")
    with pytest.raises(TrainingError, match=r"made_midi_train\.zip"):
        prepare(packed, tmp_path / "out")
    (packed / "made_midi_train.zip").unlink()
    prepare(packed, tmp_path / "out")
    assert same(load_songs(tmp_path / "out", TRAIN), load_songs(packed, TRAIN))
    raw = write_folder(tmp_path / "raw")
    (tmp_path / "fetched").mkdir()
    shutil.make_archive(str(tmp_path / "fetched" / "songs"), "gztar", raw)
    assert prepare(tmp_path / "fetched", tmp_path / "out")["train"]["songs"] == 8
    alone = tmp_path / "alone"
    alone.mkdir()
    write_score(alone / "a.mid", song(1))
    assert "valid" not in prepare(alone, tmp_path / "few")
    assert not has_split(tmp_path / "few", VALID)


@pytest.mark.parametrize(
    ("parts", "says"),
    [
        ({"beats": np.zeros((1, 2))}, "a period over 0"),
        ({"beats": np.full((2, 2), -1.0)}, "a period over 0"),
        ({"beats": np.ones((2, 2), int)}, "a period over 0"),
        ({"beats": np.ones((2, 2)), "is_learnt": np.ones((3, 4), bool)}, "is_learnt does not fit its 20 frames"),
        ({"beats": np.ones((2, 2)), "is_learnt": np.ones((20, 4))}, "is_learnt does not fit"),
    ],
)
def test_a_damaged_split_is_refused(tmp_path: Path, parts: dict, says: str) -> None:
    whole = {"frames": song(1, 20), "offsets": np.array([0, 7, 20]), "names": np.array(["one", "two"])}
    np.savez_compressed(tmp_path / "a.npz", **whole, **parts)
    with pytest.raises(FormatError, match=says):
        load_split(tmp_path / "a.npz")


@pytest.mark.parametrize("text", ["", "[1]", "[" * 100_000])
def test_what_prepare_did_not_write_is_no_prepared_data(tmp_path: Path, text: str) -> None:
    (tmp_path / "data.json").write_text(text)
    assert read_prepared(tmp_path) == {}
    assert read_prepared(tmp_path / "nothing") == {}
