"""The folder of takes: names, what is told of each, and clearing away."""

import os
import time
from datetime import datetime
from pathlib import Path

import pytest
from hash_engine import HashEngine
from recorded_jam import RATE, TOLD, RecordedJam

from livegen.errors import TakeError
from livegen.events import NoteOn
from livegen.instrument.instrument import Instrument
from livegen.offline.capture import Captures
from livegen.patch import load_patch
from livegen.takes.library import (
    TakeSettings,
    find_take,
    look_at,
    model_hash,
    new_take,
    prune,
    take_folders,
    takes_folder,
)
from livegen.takes.recorder import Recorder
from livegen.takes.records import LOG_FILE

DAY_SECONDS = 86_400


def begun(told: TakeSettings) -> Recorder:
    """Return the recorder of a take that begins now."""
    folder, head = new_take(told, Instrument(HashEngine(), load_patch("plain"), RATE, n_channels=1))
    return Recorder(folder, head, Captures(folder))


def some_takes(parent: Path, n: int, n_frames: int = 5) -> list[Path]:
    """Make takes that were left a day apart, the last one now; return them, the oldest first."""
    folders = []
    for number in range(n):
        jam = RecordedJam(parent / f"take {number}")
        jam.frame(NoteOn(0, 60, 100))
        jam.frames(n_frames - 1)
        jam.stop()
        at = time.time() - (n - 1 - number) * DAY_SECONDS
        os.utime(jam.path, (at, at))
        folders.append(jam.path.parent)
    return folders


def test_a_take_is_named_by_date_and_time_and_two_of_one_second_are_two(tmp_path: Path) -> None:
    told = TakeSettings(tmp_path / "new" / "folder", TOLD.model, TOLD.patch, TOLD.patches)
    recorders = [begun(told) for _ in range(5)]
    names = [recorder.folder.name for recorder in recorders]
    assert len(set(names)) == 5
    assert all(datetime.strptime(name[:19], "%Y-%m-%d_%H-%M-%S") for name in names)
    for recorder in recorders:
        recorder.stop()
        assert (recorder.folder / LOG_FILE).stat().st_size > 1000


def test_takes_are_kept_with_the_user_s_data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LIVEGEN_DATA_DIR", str(tmp_path))
    assert takes_folder() == tmp_path / "takes"
    recorder = begun(TOLD)
    recorder.stop()
    assert recorder.folder.parent == tmp_path / "takes"


def test_a_place_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    told = TakeSettings(tmp_path / "file" / "takes", TOLD.model, TOLD.patch, TOLD.patches)
    with pytest.raises(TakeError, match="no take can be kept in"):
        begun(told)


def test_what_was_played_is_told(tmp_path: Path) -> None:
    (folder,) = some_takes(tmp_path, 1, 30)
    whole = look_at(folder)
    assert whole.head is not None
    assert whole.played is not None
    assert (whole.is_whole, whole.is_running) == (True, False)
    assert (whole.played.n_frames, whole.played.n_events, whole.played.n_notes[0]) == (30, 1, 1)
    assert whole.n_bytes == (folder / LOG_FILE).stat().st_size
    log = (folder / LOG_FILE).read_bytes()
    (folder / LOG_FILE).write_bytes(log[: log.rindex(b'{"end"') + 4])
    cut_off = look_at(folder)
    assert not cut_off.is_whole
    assert cut_off.played == whole.played  # counted from its records
    (folder / LOG_FILE).write_bytes(b"no take\n")
    assert "line 1" in look_at(folder).trouble


def test_a_take_is_found_by_name_by_path_and_as_the_newest(tmp_path: Path) -> None:
    folders = some_takes(tmp_path, 3)
    assert take_folders(tmp_path) == folders
    assert find_take("take 1", tmp_path) == folders[1]
    assert find_take(str(folders[0])) == folders[0]
    assert find_take(str(folders[0] / LOG_FILE)) == folders[0]
    assert find_take(None, tmp_path) == folders[2]
    assert find_take(str(tmp_path)) == folders[2]
    with pytest.raises(TakeError, match="there is no take 'take 9': `livegen takes`"):
        find_take("take 9", tmp_path)
    with pytest.raises(TakeError, match="there is no take in"):
        find_take(None, tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("limits", "kept"),
    [
        ({"keep": 2}, [2, 3]),
        ({"keep": 0}, []),
        ({"keep": 9}, [0, 1, 2, 3]),
        ({"older_than_days": 1.5}, [2, 3]),
        ({"max_bytes": 0}, []),
        ({"keep": 3, "older_than_days": 0.5}, [3]),
    ],
)
def test_old_takes_are_cleared_away(tmp_path: Path, limits: dict, kept: list[int]) -> None:
    folders = some_takes(tmp_path, 4)
    (tmp_path / "no take").mkdir()
    removed = prune(tmp_path, **limits)
    assert take_folders(tmp_path) == [folders[number] for number in kept]
    assert sorted(removed) == [folder for folder in folders if folder not in take_folders(tmp_path)]
    assert (tmp_path / "no take").is_dir()


def test_takes_are_cleared_away_by_their_size(tmp_path: Path) -> None:
    folders = some_takes(tmp_path, 3)
    sizes = [look_at(folder).n_bytes for folder in folders]
    prune(tmp_path, max_bytes=sizes[1] + sizes[2])
    assert take_folders(tmp_path) == folders[1:]


@pytest.mark.skipif(os.name != "posix", reason="Windows keeps open files by itself")
def test_a_take_that_is_being_written_is_never_removed(tmp_path: Path) -> None:
    jam = RecordedJam(tmp_path / "running")
    (old,) = some_takes(tmp_path, 1)
    listed = look_at(jam.path.parent)
    assert (listed.is_running, listed.is_whole) == (True, False)
    assert prune(tmp_path, keep=0) == [old]
    jam.frames(5)
    jam.stop()
    assert prune(tmp_path, keep=0) == [jam.path.parent]


def test_the_hash_of_a_model_is_that_of_its_files(tmp_path: Path, model: Path) -> None:
    assert model_hash(model) == model_hash(model)
    assert len(model_hash(model)) == 64
    assert model_hash(tmp_path) == ""
