"""The recorder: all of a jam on the disk, and the music goes on whatever the disk does."""

import errno
import os
import threading
from pathlib import Path

import pytest
from recorded_jam import STARTED, TOLD, FullDisk, RecordedJam
from waiting import wait_until

from livegen.errors import TakeError
from livegen.events import NoteOff, NoteOn, SetControl, SourceLost
from livegen.offline.capture import Captures
from livegen.takes import recorder as recorder_module
from livegen.takes.library import head_of
from livegen.takes.recorder import Recorder
from livegen.takes.records import LOG_FILE, Gap, Kept, Note, Played, Turned
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
def test_a_disk_that_fills_up_ends_the_take_and_not_the_music(tmp_path: Path, room: int) -> None:
    empty = FullDisk(1 << 20)
    RecordedJam(tmp_path, log=empty).stop()
    disk = FullDisk(len(empty.data) + room)
    jam = RecordedJam(tmp_path, log=disk)
    for _ in range(40):
        jam.frames(5)
        if jam.recorder.trouble:
            break
    assert wait_until(lambda: jam.recorder.trouble != "")
    assert "No space left on device" in jam.recorder.trouble
    assert disk.is_closed
    horizon = jam.horizon
    jam.frames(5)
    assert jam.horizon == horizon + 5
    jam.stop()
    (tmp_path / LOG_FILE).write_bytes(disk.data)
    assert len(records(tmp_path, Played)) > 10


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
    assert len(gaps) == 1
    assert len(records(tmp_path, Turned)) + gaps[0].n_calls == 64
    assert jam.recorder.trouble.startswith(f"{gaps[0].n_calls} frames missing")


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
