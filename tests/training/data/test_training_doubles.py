"""The same music under two names is found, and music that is only alike is not."""

import numpy as np
import pytest
from format_samples import song
from vgm_files import log, vgm

from livegen.errors import TrainingError
from livegen.formats.chip.register_files import synth_log, write_registers
from livegen.formats.chip.register_log import Tags
from livegen.formats.score.kinds import read_piece, write_score
from livegen.score import Column, Voice
from livegen.synth.register_log import score_writes
from livegen.training.data.doubles import Doubles
from livegen.training.data.sources import Heard, load_songs
from livegen.units import frame_to_sample


def write_vgm(path, frames):
    write_registers(path, synth_log(score_writes(frames, 44_100), frame_to_sample(len(frames), 44_100), Tags()))


def transposed(frames, semitones):
    frames = frames.copy()
    sounds = frames[:, : Voice.NO, Column.NOTE] > 0
    frames[:, : Voice.NO, Column.NOTE] += (semitones * sounds).astype(np.uint8)
    return frames


@pytest.fixture
def theme():
    return song(400, 3)


@pytest.fixture
def known(theme):
    doubles = Doubles()
    doubles.add("other", song(400, 4))
    doubles.add("theme", theme)
    return doubles


def test_silence_and_loops_and_a_lost_note_make_no_other_song(known, theme):
    rest = np.zeros((37, 4, 3), np.uint8)
    assert known.first_of(theme) == "theme"
    assert known.first_of(np.concatenate([rest, theme, rest])) == "theme"
    assert known.first_of(np.concatenate([theme, theme, theme])) == "theme"
    shorter = theme.copy()
    shorter[200:203, Voice.P1] = 0
    assert known.first_of(shorter) == "theme"


def test_other_pitches_speeds_and_songs_are_no_doubles(known, theme):
    assert known.first_of(transposed(theme, 2)) is None
    assert known.first_of(np.repeat(theme, 2, axis=0)) is None
    assert known.first_of(song(400, 5)) is None
    assert known.first_of(np.zeros((10, 4, 3), np.uint8)) is None
    half = theme.copy()
    half[200:] = song(400, 6)[200:]
    assert known.first_of(half) is None


def test_a_mixed_folder_is_read_its_doubles_named_and_bad_files_skipped(tmp_path, theme):
    write_vgm(tmp_path / "a theme.vgz", theme)
    write_score(tmp_path / "b theme again.mid", read_piece(tmp_path / "a theme.vgz").frames)
    write_score(tmp_path / "c other.npz", song(400, 4))
    (tmp_path / "d bad.vgm").write_bytes(b"Vgm nothing")
    heard = Heard()
    (tmp_path / "train").mkdir()
    for path in tmp_path.glob("*.*"):
        path.rename(tmp_path / "train" / path.name)
    songs = load_songs(tmp_path, "train", heard)
    assert len(songs) == 2
    assert [warning.split(":")[0] for warning in heard.warnings] == [
        "left out train/b theme again.mid",
        "left out train/d bad.vgm",
    ]
    assert "the same music as train/a theme.vgz" in heard.warnings[0]
    assert "breaks off in its header" in heard.warnings[1]


def test_a_song_that_is_learned_is_not_watched_too(tmp_path, theme):
    for split, frames in (("train", theme), ("valid", theme), ("valid", song(400, 4))):
        (tmp_path / split).mkdir(exist_ok=True)
        write_score(tmp_path / split / f"{len(list(tmp_path.rglob('*.npz')))}.npz", frames)
    doubles, heard = Doubles(), Heard()
    assert len(load_songs(tmp_path, "train", doubles=doubles)) == 1
    assert len(load_songs(tmp_path, "valid", heard, doubles=doubles)) == 1
    assert heard.warnings == ["left out valid/1.npz: it is the same music as train/0.npz"]
    (tmp_path / "valid" / "2.npz").unlink()
    doubles = Doubles()
    load_songs(tmp_path, "train", doubles=doubles)
    with pytest.raises(TrainingError, match="other files have the same music"):
        load_songs(tmp_path, "valid", doubles=doubles)


def test_the_beat_of_a_tune_is_that_of_its_exact_onsets(tmp_path):
    """Rows of 11 frames and a half: no frame says it, the samples do."""
    path, row_samples = tmp_path / "a.vgm", 11.5 / 4 * 1837.5
    writes = [(0, 0x15, 0x0F), (0, 0x00, 0xBF)]
    for row in (row for row in range(240) if row % 16 != 5):
        writes += [(round(row * row_samples), 0x02, 0x40 + row % 7 * 16), (round(row * row_samples), 0x03, 0x08)]
    path.write_bytes(vgm(log(writes, 240 * 5300)))
    (beat,) = load_songs(path, "train").beats
    rows = beat.period_frames / 11.5 * 4  # equal rows say no metre
    assert round(rows) == pytest.approx(rows, rel=1e-3)
