"""Captures: which frames they keep, and what becomes of them."""

import io
from pathlib import Path

import pytest

from livegen.errors import FormatError
from livegen.offline.capture import Captures, capture_endings
from livegen.takes.records import Kept


class Process:
    """Stands for a process that renders."""

    def __init__(self) -> None:
        self.stderr = io.BytesIO(b"livegen: there is no room\n")
        self.returncode: int | None = None

    def poll(self) -> int | None:
        return self.returncode


class Processes:
    """Starts them."""

    def __init__(self) -> None:
        self.started: list[tuple[Path, Kept, tuple[str, ...]]] = []
        self.running: list[Process] = []

    def start(self, take: Path, kept: Kept, endings: tuple[str, ...]) -> Process:
        self.started.append((take, kept, endings))
        self.running.append(Process())
        return self.running[-1]


def test_a_stretch_is_rendered_once_the_log_has_it(tmp_path: Path) -> None:
    processes = Processes()
    captures = Captures(tmp_path, (".mid", ".flac"), processes.start)
    captures.ask(96, 240)
    captures.ask(500, 250)
    captures.work(239)
    assert processes.started == []
    captures.work(245)
    captures.work(260)
    assert processes.started == [
        (tmp_path, Kept("capture-1", 144, 240), (".mid", ".flac")),
        (tmp_path, Kept("capture-2", 0, 250), (".mid", ".flac")),
    ]
    assert captures.said == ""
    processes.running[0].returncode = 0
    captures.work(270)
    assert captures.said == "kept capture-1.mid/.flac"
    processes.running[1].returncode = 2
    captures.work(280)
    assert captures.said == "capture-2 could not be written: livegen: there is no room"


def test_a_button_that_bounces_starts_a_few_at_once_and_what_was_asked_in_time_is_written(tmp_path: Path) -> None:
    processes = Processes()
    captures = Captures(tmp_path, start=processes.start)
    kept = [captures.ask(96, 100) for _ in range(50)]
    assert [each.name for each in kept] == [f"capture-{i + 1}" for i in range(50)]
    assert captures.said.startswith("capture-50 is only marked")
    captures.work(100)
    captures.work(100)
    assert len(processes.started) == 2
    processes.running[0].returncode = 0
    captures.work(100)
    captures.work(100)
    assert len(processes.started) == 3
    captures.work(100, is_last=True)
    assert [each.name for _, each, _ in processes.started] == [f"capture-{i + 1}" for i in range(8)]


def test_a_process_that_cannot_be_started_is_said(tmp_path: Path) -> None:
    def refuse(*_: object) -> None:
        raise OSError(11, "Resource temporarily unavailable")

    captures = Captures(tmp_path, start=refuse)
    captures.ask(96, 100)
    captures.work(100)
    assert captures.said == "capture-1 could not be written: Resource temporarily unavailable"


def test_the_kinds_of_files_are_those_that_can_be_written() -> None:
    assert capture_endings("mid, .WAV") == (".mid", ".wav")
    with pytest.raises(FormatError, match=r"\.ogg"):
        capture_endings("mid,ogg")
