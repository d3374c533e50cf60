"""Scores in NumPy files and in NES-MDB's pickles."""

import io
import pickle
import random
import re
import zipfile

import numpy as np
import pytest
from examples import examples
from format_samples import NESMDB, needs_nesmdb, scores, song
from hypothesis import HealthCheck, given, settings

from livegen.errors import FormatError, ScoreError
from livegen.formats.score import nesmdb
from livegen.formats.score.downsample import frame_edges
from livegen.formats.score.kinds import SCORE_ENDINGS, read_score, write_score
from livegen.formats.tracker.file import TRACKER_ENDINGS
from livegen.score import Column

LOSSLESS = tuple(ending for ending in SCORE_ENDINGS if ending not in (".seprsco.pkl", *TRACKER_ENDINGS))
"""A tracker's text holds what sounds, and no volume under silence: `tests/formats/tracker/test_tracker_writers.py`."""


@pytest.mark.parametrize("ending", LOSSLESS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=examples(20))
@given(frames=scores())
def test_a_score_reads_back_exactly(tmp_path, ending, frames):
    write_score(tmp_path / f"a{ending}", frames)
    assert np.array_equal(read_score(tmp_path / f"a{ending}"), frames)


def test_a_seprsco_keeps_the_notes(tmp_path):
    frames = song()
    write_score(tmp_path / "a.seprsco.pkl", frames)
    read = read_score(tmp_path / "a.seprsco.pkl")
    assert np.array_equal(read[..., Column.NOTE], frames[..., Column.NOTE])
    assert (read[:, [0, 1, 3], Column.VOLUME] == 15 * (frames[:, [0, 1, 3], Column.NOTE] > 0)).all()


@pytest.mark.parametrize("ending", SCORE_ENDINGS)
def test_the_same_score_gives_the_same_bytes(tmp_path, ending):
    for name in ("a", "b"):
        write_score(tmp_path / (name + ending), song())
    assert (tmp_path / f"a{ending}").read_bytes() == (tmp_path / f"b{ending}").read_bytes()


@pytest.mark.parametrize("ending", SCORE_ENDINGS)
def test_a_score_out_of_range_is_not_written(tmp_path, ending):
    frames = song()
    frames[3, 0, Column.NOTE] = 20
    (tmp_path / f"a{ending}").write_bytes(b"what was here before")
    with pytest.raises(ScoreError, match="note 20 of P1 in frame 3"):
        write_score(tmp_path / f"a{ending}", frames)
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"what was here before"]


@pytest.mark.parametrize("name", ["a.wav", "a.pkl", "a", "npz"])
def test_a_name_of_no_format_is_told_which_there_are(tmp_path, name):
    for function, arguments in ((read_score, ()), (write_score, (song(),))):
        with pytest.raises(FormatError, match=f"must end in {re.escape(', '.join(SCORE_ENDINGS))}"):
            function(tmp_path / name, *arguments)


def test_endings_may_be_in_capitals(tmp_path):
    write_score(tmp_path / "A.MID", song())
    assert np.array_equal(read_score(tmp_path / "A.MID"), song())


def test_metadata_goes_with_a_score(tmp_path):
    nesmdb.save_npz(tmp_path / "a.npz", song(), {"seed": 7, "model": "default"})
    assert nesmdb.load_npz_metadata(tmp_path / "a.npz") == {"seed": 7, "model": "default"}
    np.savez(tmp_path / "b.npz", frames=song())
    assert nesmdb.load_npz_metadata(tmp_path / "b.npz") == {}
    assert np.array_equal(nesmdb.load_npz(tmp_path / "b.npz"), song())


@pytest.mark.parametrize("text", ["[1]", "{", "[" * 100_000])
def test_metadata_that_is_no_object_is_refused(tmp_path, text):
    np.savez(tmp_path / "a.npz", frames=song(), metadata=np.array(text))
    with pytest.raises(FormatError, match="metadata"):
        nesmdb.load_npz_metadata(tmp_path / "a.npz")


def save_split(path, **parts):
    whole = {"frames": song(20), "offsets": np.array([0, 7, 20]), "names": np.array(["one", "two"])}
    np.savez_compressed(path, **{key: value for key, value in (whole | parts).items() if value is not None})
    return path


def test_a_split_gives_its_songs(tmp_path):
    split = nesmdb.load_split(save_split(tmp_path / "a.npz"))
    assert (len(split), split.names) == (2, ("one", "two"))
    assert np.array_equal(split.song(0), song(20)[:7])
    assert np.array_equal(split.song(1), song(20)[7:])


@pytest.mark.parametrize(
    ("parts", "says"),
    [
        ({"offsets": None}, "no array named offsets"),
        ({"offsets": np.array([0, 20])}, "one offset more than its 2 names"),
        ({"offsets": np.array([0.0, 7.0, 20.0])}, "one offset more"),
        ({"offsets": np.array(0)}, "one offset more"),
        ({"offsets": np.array([0, 7, 21])}, "from 0 to its 20 frames"),
        ({"offsets": np.array([0, 21, 20])}, "from 0 to its 20 frames"),
        ({"offsets": np.array([1, 7, 20])}, "from 0 to its 20 frames"),
        ({"frames": np.zeros((20, 3, 4), np.uint8)}, "shape"),
        ({"frames": np.full((20, 4, 3), 255, np.uint8)}, "out of range"),
        ({"frames": np.zeros((20, 4, 3), object)}, "cannot be read"),
    ],
)
def test_a_split_whose_parts_do_not_fit_is_refused(tmp_path, parts, says):
    with pytest.raises(FormatError, match=says):
        nesmdb.load_split(save_split(tmp_path / "a.npz", **parts))


def test_a_split_is_no_score(tmp_path):
    with pytest.raises(FormatError, match="data set of many songs"):
        nesmdb.load_npz(save_split(tmp_path / "a.npz"))


def write_npz(path, member, data, **changes):
    """Write a zip with one member, and then lie about it in the directory."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(member, data)
        for name, value in changes.items():
            setattr(archive.getinfo(member), name, value)


def npy(shape, data=b"", descr="|u1"):
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"shape": shape, "fortran_order": False, "descr": descr})
    return file.getvalue() + data


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (npy((2, 4, 3), bytes(12)), "cannot be read"),
        (npy((10**15, 4, 3), bytes(12)), "cannot be read"),
        (npy((-1, 4, 3), bytes(12)), "cannot be read"),
        (npy((1,), bytes(8), "|O"), "cannot be read"),
        (pickle.dumps(song()), "cannot be read"),
        (b"", "cannot be read"),
        (b"\x93NUMPY\x01\x00\xff\xff" + b"(" * 60_000, "cannot be read"),
    ],
)
def test_an_array_that_is_not_what_it_says_is_refused(tmp_path, data, says):
    write_npz(tmp_path / "a.npz", "frames.npy", data)
    with pytest.raises(FormatError, match=says):
        nesmdb.load_npz(tmp_path / "a.npz")


def test_a_zip_bomb_is_refused_by_its_header(tmp_path):
    write_npz(tmp_path / "a.npz", "frames.npy", npy((8_000_000, 4, 3)) + bytes(96_000_000))
    assert (tmp_path / "a.npz").stat().st_size < 200_000
    with pytest.raises(FormatError, match=r"claims 96,000,\d+ bytes of frames: at most 12,000,000"):
        nesmdb.load_npz(tmp_path / "a.npz")


def test_a_zip_bomb_that_lies_in_its_header_is_refused(tmp_path):
    write_npz(tmp_path / "a.npz", "frames.npy", npy((8_000_000, 4, 3)) + bytes(96_000_000), file_size=1000)
    with pytest.raises(FormatError, match="cannot be read"):
        nesmdb.load_npz(tmp_path / "a.npz")


def test_an_archive_of_endless_members_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        for index in range(2000):
            archive.writestr(f"{index}.npy", b"")
    with pytest.raises(FormatError, match=r"not an \.npz"):
        nesmdb.load_npz(tmp_path / "a.npz")


@pytest.mark.parametrize("data", [b"", b"PK", bytes(100), b"PK\x05\x06" + bytes(18)])
def test_what_is_no_archive_is_refused(tmp_path, data):
    (tmp_path / "a.npz").write_bytes(data)
    with pytest.raises(FormatError, match=r"a\.npz"):
        nesmdb.load_npz(tmp_path / "a.npz")


@pytest.mark.parametrize("ending", SCORE_ENDINGS)
def test_damaged_files_are_read_or_refused_and_nothing_else(tmp_path, ending):
    chance, path = random.Random(ending), tmp_path / f"a{ending}"
    write_score(path, song(12))
    original, refused = path.read_bytes(), 0
    for _ in range(150):
        data = bytearray(original)
        for _ in range(chance.choice([0, 1, 4])):
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        del data[chance.choice([len(data), chance.randrange(len(data))]) :]
        path.write_bytes(data)
        try:
            read_score(path)
        except FormatError:
            refused += 1
    assert 0 < refused < 150


@pytest.mark.parametrize(("rate", "n_frames"), [(48.0, 24), (44_100.0, 12), (12.0, 24)])
def test_a_pickle_of_another_rate_comes_at_24_frames_a_second(tmp_path, rate, n_frames):
    repeats = {48.0: 4, 44_100.0: np.diff(frame_edges(12)), 12.0: 1}[rate]
    frames = np.repeat(song(12), repeats, axis=0)
    (tmp_path / "a.exprsco.pkl").write_bytes(pickle.dumps((rate, 0, frames)))
    expected = song(12) if rate > 48 else np.repeat(song(12), 2, axis=0)
    assert len(expected) == n_frames
    assert np.array_equal(nesmdb.load_exprsco(tmp_path / "a.exprsco.pkl"), expected)


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (song(), "holds no NES-MDB score"),
        ((24.0, song()), "holds no NES-MDB score"),
        ((24.0, 10, 11), "holds no NES-MDB score"),
        (("fast", 10, song()), "rate"),
        ((0.0, 10, song()), "rate"),
        ((float("nan"), 10, song()), "rate"),
        ((None, 10, song()), "rate"),
        ((24.0, 10, song()[..., 0]), "shape"),
        ((24.0, 10, song().astype(float)), "whole numbers"),
        ((24.0, 10, song() + np.uint8(200)), "out of range"),
        ((1.0, 10, np.zeros((50_000, 4, 3), np.uint8)), "hours"),
    ],
)
def test_a_pickle_of_something_else_is_refused(tmp_path, value, says):
    (tmp_path / "a.exprsco.pkl").write_bytes(pickle.dumps(value))
    with pytest.raises(FormatError, match=says):
        nesmdb.load_exprsco(tmp_path / "a.exprsco.pkl")


@needs_nesmdb
@pytest.mark.parametrize("ending", [".npz", ".exprsco.pkl"])
def test_songs_of_the_data_set_read_back_exactly(tmp_path, ending):
    split = nesmdb.load_split(NESMDB / "nesmdb24_exprsco_valid.npz")
    assert len(split) == 403
    for index in range(0, len(split), len(split) // 20):
        write_score(tmp_path / f"a{ending}", split.song(index))
        assert np.array_equal(read_score(tmp_path / f"a{ending}"), split.song(index))


@pytest.mark.parametrize(
    ("player", "says"),
    [
        (np.zeros((12, 3), bool), "player does not fit"),
        (np.zeros((12, 4), np.uint8), "player does not fit"),
        (np.zeros(4_100_000, bool), "bytes of player"),
    ],
)
def test_a_player_s_part_that_does_not_fit_is_refused(tmp_path, player, says):
    np.savez_compressed(tmp_path / "a.npz", frames=song(12), player=player)
    with pytest.raises(FormatError, match=says):
        nesmdb.load_piece(tmp_path / "a.npz")


def test_metadata_that_fills_the_memory_is_refused(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", frames=song(12), metadata=np.array("[" * 2_000_000))
    with pytest.raises(FormatError, match="bytes of metadata"):
        nesmdb.load_npz_metadata(tmp_path / "a.npz")
    with pytest.raises(FormatError, match="so much metadata"):
        nesmdb.save_npz(tmp_path / "b.npz", song(12), {"words": "a" * 300_000})
