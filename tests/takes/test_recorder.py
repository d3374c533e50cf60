"""The recorder: all of a jam on the disk, and the music goes on whatever the disk does."""

import errno
import os
import re
import threading
from pathlib import Path

import numpy as np
import pytest
from hash_engine import HashEngine
from nearly_full import room_for
from recorded_jam import STARTED, TOLD, FullDisk, RecordedJam
from waiting import wait_until

from livegen.errors import TakeError
from livegen.events import NoteOff, NoteOn, SetControl, SourceLost
from livegen.offline.capture import Captures
from livegen.takes import recorder as recorder_module
from livegen.takes.library import head_of
from livegen.takes.recorder import DiskFile, Recorder
from livegen.takes.recording import read_recording
from livegen.takes.records import LOG_FILE, Gap, Kept, Note, Played, Turned
from livegen.takes.replay import check
from livegen.takes.take import Take


def records(path: Path, kind: type) -> list:
    return [record for record in Take(path).records() if isinstance(record, kind)]


def test_all_that_came_in_is_in_the_log_with_its_time_and_frame(tmp_path: Path) -> None:
    jam = RecordedJam(tmp_path)
    jam.frames(3)
    jam.frame(NoteOn(0, 60, 100), SetControl("volume", 0.25), source="midi:Keystation 49")
    jam.frame(SourceLost(), source="midi:Keystation 49")
    turns = records(jam.stop(), Turned)
    assert [len(turned.events) for turned in turns] == [0, 0, 0, 0, 2, 1]
    pressed, turned = turns[4].events
    assert (pressed.event, pressed.source) == (NoteOn(0, 60, 100), "midi:Keystation 49")
    assert 3 < pressed.position == turned.position < 4
    assert [(message.name, message.value) for message in turns[4].messages] == [("volume", 0.25)]
    assert [list(call) for call in turns[4].calls] == [[4, 5], [4, None]]
    moments = [time_ns for turned in turns for time_ns in turned.times_ns]
    assert moments == sorted(moments)


def test_every_frame_is_in_the_log_as_it_was_played(tmp_path: Path) -> None:
    jam = RecordedJam(tmp_path)
    jam.frames(5)
    jam.frame(NoteOn(0, 60, 100), place=0.95)
    jam.frames(4)
    jam.frame(NoteOff(0, 60), place=0.999)  # known when its frame stands already
    jam.frames(4)
    timeline = jam.instrument.state.timeline
    last = {record.planned.frame_index: record.planned for record in records(jam.stop(), Played)}
    assert sorted(last) == list(range(jam.horizon))
    for frame_index, planned in last.items():
        stood = timeline.at(frame_index).planned
        assert planned.frame.tolist() == stood.frame.tolist()
        assert planned.owner.tolist() == stood.owner.tolist()
    assert last[6].frame[0, 0] == 60


def test_late_and_held_frames_are_told(tmp_path: Path) -> None:
    jam = RecordedJam(tmp_path, lookahead=2, sync="none")
    jam.frames(3)
    jam.frame(is_late=True)
    jam.instrument.play_frame(jam.horizon + 6, jam.clock.position_at)
    turns = records(jam.stop(), Turned)
    assert [turned.is_late for turned in turns] == [False, False, False, False, True, False]
    assert turns[-1].n_held == 4


def test_what_only_the_audio_side_knows_is_noted_once(tmp_path: Path) -> None:
    jam = RecordedJam(tmp_path)
    for underflows, losses in ((0, 0), (2, 0), (2, 0), (2, 1)):
        jam.recorder.count({"underflows": underflows, "losses": losses})
    notes = records(jam.stop(), Note)
    assert [(note.what, note.count) for note in notes] == [("underflows", 2), ("losses", 1)]


def test_what_is_played_is_soon_on_the_disk(tmp_path: Path) -> None:
    jam = RecordedJam(tmp_path)
    jam.frames(8)
    assert wait_until(lambda: len(records(jam.path, Played)) >= 6, 1.0)
    assert Take(tmp_path).end() is None
    jam.stop()
    assert Take(tmp_path).end() is not None


@pytest.mark.parametrize("room", [2500, 6000, 9000])
def test_a_take_goes_on_where_it_was_when_a_full_disk_has_room_again(tmp_path: Path, room: int) -> None:
    empty = FullDisk(1 << 20)
    RecordedJam(tmp_path, log=empty).stop()
    disk = FullDisk(len(empty.data) + room)
    jam = RecordedJam(tmp_path, log=disk)
    for _ in range(40):
        jam.frames(5)
        if jam.recorder.trouble:
            break
    assert wait_until(lambda: jam.recorder.trouble != "")
    assert re.fullmatch(r"the take waits since \d+ s: No space left on device", jam.recorder.trouble)
    horizon = jam.horizon
    jam.frame(NoteOn(0, 60, 100))
    jam.frames(5)
    assert jam.horizon == horizon + 6
    disk.n_bytes = 1 << 30
    assert wait_until(lambda: jam.recorder.trouble == "")
    jam.frame(NoteOff(0, 60))
    jam.frames(5)
    jam.stop()
    assert disk.is_closed
    (tmp_path / LOG_FILE).write_bytes(disk.data)
    played = records(tmp_path, Played)
    assert [record.planned.frame_index for record in played] == list(range(jam.horizon))
    assert [note.what for note in records(tmp_path, Note)] == ["waits for the disk"]
    outcome = check(Take(tmp_path), HashEngine())
    assert (outcome.is_same, outcome.n_frames, outcome.n_missing) == (True, jam.horizon, 0)


def test_a_disk_that_stays_full_leaves_what_was_written_before_and_says_so(tmp_path: Path) -> None:
    disk = FullDisk(1 << 20)
    jam = RecordedJam(tmp_path, log=disk)
    jam.frames(20)
    assert wait_until(lambda: disk.data.count(b'{"frame"') > 15)
    disk.n_bytes = 0
    jam.frames(20)
    assert wait_until(lambda: jam.recorder.trouble != "")
    jam.stop()
    assert re.fullmatch(r"the take ends at \d+ s: No space left on device", jam.recorder.trouble)
    assert disk.is_closed
    (tmp_path / LOG_FILE).write_bytes(disk.data)
    assert len(records(tmp_path, Played)) > 10


def test_a_disk_that_is_full_for_too_long_makes_a_gap_with_music_on_both_sides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder_module, "_MAX_UNWRITTEN_BYTES", 4000)
    monkeypatch.setattr(recorder_module, "_MAX_WAITING", 20)
    disk = FullDisk(1 << 20)
    jam = RecordedJam(tmp_path, log=disk)
    jam.frames(10)
    assert wait_until(lambda: len(disk.data) > 3000)
    disk.n_bytes = 0
    for _ in range(60):
        jam.frames(5)
        if "frames missing" in jam.recorder.trouble:
            break
    assert wait_until(lambda: "No space left on device, " in jam.recorder.trouble)
    disk.n_bytes = 1 << 30
    assert wait_until(lambda: jam.recorder._waiting.qsize() == 0)
    jam.frames(3)
    jam.stop()
    assert jam.recorder.trouble.endswith("frames missing from the take, the disk is too slow or was full")
    (tmp_path / LOG_FILE).write_bytes(disk.data)
    gaps = records(tmp_path, Gap)
    assert sum(gap.n_calls for gap in gaps) == jam.recorder._n_missing
    outcome = check(Take(tmp_path), HashEngine())
    assert outcome.is_same
    assert outcome.n_missing == gaps[0].n_calls
    recording = read_recording(Take(tmp_path))
    assert len(recording.frames) == jam.horizon
    assert np.array_equal(recording.frames[-1], jam.instrument.state.timeline.at(jam.horizon - 1).planned.frame)


def test_a_line_is_never_torn_by_a_full_disk(tmp_path: Path) -> None:
    """On a real file system: a file may be no longer than the limit, as on a disk with so much room."""
    file = DiskFile(tmp_path / "log")
    file.write(b"one\n")
    with room_for(10), pytest.raises(OSError):  # noqa: PT011  # the system says it in its own words
        file.write(b"two\nthree\n")
    assert (tmp_path / "log").read_bytes() == b"one\n"
    file.write(b"four\n")
    file.close()
    assert (tmp_path / "log").read_bytes() == b"one\nfour\n"


def test_a_disk_without_room_for_a_first_line_is_said_at_the_start(tmp_path: Path) -> None:
    jam = RecordedJam(tmp_path / "other")
    jam.stop()

    with pytest.raises(TakeError, match=r"no take can be written to .*: No space left on device"):
        Recorder(tmp_path, head_of(TOLD, jam.instrument, STARTED), Captures(tmp_path), FullDisk(100))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_a_real_disk_without_room_is_told_by_its_own_words(tmp_path: Path) -> None:
    jam = RecordedJam(tmp_path)
    full = os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, jam.recorder._file._file.fileno())  # type: ignore[attr-defined]
    os.close(full)
    jam.frames(10)
    assert wait_until(lambda: "No space left on device" in jam.recorder.trouble)
    jam.stop()


class SlowDisk(FullDisk):
    """A log file that does not take anything until it is let."""

    def __init__(self) -> None:
        super().__init__(1 << 30)
        self.is_let = threading.Event()

    def write(self, data: bytes) -> None:
        if self.data:
            self.is_let.wait(10.0)
        super().write(data)


def test_a_disk_that_stands_still_makes_a_gap_and_no_late_frame(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder_module, "_MAX_WAITING", 20)
    disk = SlowDisk()
    jam = RecordedJam(tmp_path, log=disk)
    jam.frames(60)
    assert "frames missing from the take, the disk is too slow" in jam.recorder.trouble
    disk.is_let.set()
    assert wait_until(lambda: jam.recorder._waiting.qsize() == 0)
    jam.frames(3)
    jam.stop()
    (tmp_path / LOG_FILE).write_bytes(disk.data)
    gaps = records(tmp_path, Gap)
    assert len(gaps) in (1, 2)  # the disk's thread may have taken its first frame only when others waited no more
    n_missing = sum(gap.n_calls for gap in gaps)
    assert len(records(tmp_path, Turned)) + n_missing == 64
    assert jam.recorder.trouble.startswith(f"{n_missing} frames missing")


def test_a_take_is_never_written_over(tmp_path: Path) -> None:
    RecordedJam(tmp_path).stop()
    with pytest.raises(TakeError, match="File exists"):
        RecordedJam(tmp_path)


def test_a_captured_stretch_is_told_in_the_log(tmp_path: Path) -> None:
    jam = RecordedJam(tmp_path, sync="set", bpm=160.0, beats_a_bar=3)
    started: list[Kept] = []
    jam.recorder.captures._start = lambda take, kept, endings: started.append(kept)  # type: ignore[func-returns-value]
    jam.frames(70)
    jam.frame(SetControl("capture", 1))
    asked_at = jam.horizon
    jam.frames(6)
    kept = records(jam.stop(), Kept)
    assert [(one.name, one.end) for one in kept] == [("capture-1", asked_at)]
    assert kept[0].first == asked_at - 27  # a bar of three beats of nine frames
    assert started == kept


def test_the_reason_of_a_failing_sync_is_told(tmp_path: Path) -> None:
    class Broken(FullDisk):
        def sync(self) -> None:
            if self.data.count(b"\n") > 1:
                raise OSError(errno.EIO, os.strerror(errno.EIO))

    jam = RecordedJam(tmp_path, log=Broken(1 << 20))
    jam.frames(40)
    assert wait_until(lambda: "Input/output error" in jam.recorder.trouble)
    jam.stop()
