"""A take on the disk, however it was left: cut off anywhere, damaged, or made by somebody who means harm."""

import os
import resource
from pathlib import Path

import pytest
from examples import examples
from hash_engine import HashEngine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from recorded_jam import RecordedJam

from livegen.errors import TakeError
from livegen.events import NoteOff, NoteOn, SetControl
from livegen.takes.recording import read_recording
from livegen.takes.records import LOG_FILE, End, Played
from livegen.takes.replay import check
from livegen.takes.take import Take


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The log of a short jam with events of all kinds."""
    jam = RecordedJam(tmp_path_factory.mktemp("take"))
    jam.frames(3)
    jam.frame(NoteOn(0, 60, 100), SetControl("temperature", 0.4))
    jam.frames(3)
    jam.frame(NoteOff(0, 60), is_late=True)
    jam.frames(8)
    return jam.stop().read_bytes()


def take_of(folder: Path, log: bytes) -> Take:
    (folder / LOG_FILE).write_bytes(log)
    return Take(folder)


def use(folder: Path, log: bytes) -> int:
    """Do all that is done with a take; return how many frames it was, or raise TakeError."""
    take = take_of(folder, log)
    outcome = check(take, HashEngine())
    assert outcome.is_same or outcome.difference
    take.end()
    read_recording(take)
    return outcome.n_frames


def test_a_whole_take_says_so_without_being_read(tmp_path: Path, log: bytes) -> None:
    take = take_of(tmp_path, log)
    end = take.end()
    assert isinstance(end, End)
    assert (end.n_frames, end.n_events) == (17, 3)
    assert list(take.records())[-1] == end
    assert [record.planned.frame_index for record in take.records() if isinstance(record, Played)] == list(range(17))
    assert Take(tmp_path / LOG_FILE).head == take.head


def test_a_take_that_is_cut_off_anywhere_opens_and_loses_its_torn_line_alone(tmp_path: Path, log: bytes) -> None:
    first = log.index(b"\n") + 1
    for length in range(first, len(log)):
        take = take_of(tmp_path, log[:length])
        assert len(list(take.records())) == log[first:length].count(b"\n")
        assert take.end() is None


def test_what_is_there_of_a_take_that_was_cut_off_comes_out_the_same(tmp_path: Path, log: bytes) -> None:
    counts = []
    for length in range(log.index(b"\n") + 1, len(log), 97):
        outcome = check(take_of(tmp_path, log[:length]), HashEngine())
        assert outcome.is_same
        counts.append(outcome.n_frames)
    assert counts == sorted(counts)
    assert counts[-1] >= 15


def test_nul_bytes_of_a_pulled_plug_are_a_torn_line(tmp_path: Path, log: bytes) -> None:
    assert len(list(take_of(tmp_path, log + bytes(4096)).records())) == log.count(b"\n") - 1


@pytest.mark.parametrize(
    ("damaged", "words"),
    [
        (lambda log: b"", "line 1: the take is empty"),
        (lambda log: log[:40], "line 1: the take is empty"),
        (lambda log: log.split(b"\n", 1)[1], "line 1: this is no take's head"),
        (lambda log: b"\x80\x04\x95" + log, "line 1: this is no UTF-8"),
        (lambda log: log.replace(b'{"take":1', b'{"take":7', 1), "line 1: the take is of version 7"),
        (lambda log: log.replace(b'{"frame":4', b'{"frame":"4"', 1), "line [0-9]+: "),
        (lambda log: log + b"[" * 100_000 + b"\n", "line [0-9]+: this is no JSON"),
        (lambda log: log + b'{"gap":' + b"9" * 5000 + b"}\n", "line [0-9]+: "),
        (lambda log: log + b'{"note":"' + b"x" * (1 << 23) + b'","count":1,"ns":1}\n', "longer than 8 MiB"),
    ],
)
def test_what_is_no_take_is_refused_with_file_and_line(tmp_path: Path, log: bytes, damaged, words: str) -> None:
    with pytest.raises(TakeError, match=f"{LOG_FILE}, {words}" if "longer" not in words else words) as refused:
        list(take_of(tmp_path, damaged(log)).records())
    assert len(str(refused.value)) < 300


def test_there_is_no_take(tmp_path: Path) -> None:
    with pytest.raises(TakeError, match="there is no take in"):
        Take(tmp_path)
    with pytest.raises(TakeError, match="there is no take in"):
        Take(tmp_path / "missing")


def test_a_line_of_a_gigabyte_takes_no_room(tmp_path: Path, log: bytes) -> None:
    path = tmp_path / LOG_FILE
    path.write_bytes(log)
    with path.open("ab") as file:
        os.truncate(file.fileno(), 1 << 30)  # a hole, which reads as zeros without a line's end
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(TakeError, match="longer than 8 MiB"):
        list(Take(tmp_path).records())
    assert Take(tmp_path).end() is None
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # KiB


def test_a_take_that_leaps_is_refused_in_no_time(tmp_path: Path, log: bytes) -> None:
    lines = log.splitlines(keepends=True)
    lines.insert(9, b'{"call":[[999999,999999]],"ns":1}\n')
    with pytest.raises(TakeError, match="leaps from frame"):
        check(take_of(tmp_path, b"".join(lines)), HashEngine())


@settings(deadline=None, max_examples=examples(150), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 7)), min_size=1, max_size=6))
def test_flipped_bits_end_in_a_replay_or_in_one_sentence(tmp_path: Path, log: bytes, flips: list) -> None:
    damaged = bytearray(log)
    for place, bit in flips:
        damaged[int(place * len(log))] ^= 1 << bit
    try:
        use(tmp_path, bytes(damaged))
    except Exception as error:
        assert type(error).__name__ in ("TakeError", "PatchError")
        assert "\n" not in str(error)[:200]


@settings(deadline=None, max_examples=examples(100), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from(("drop", "twice", "swap")), st.integers(0, 10**6)), min_size=1, max_size=8))
def test_lines_that_were_moved_about_end_in_a_replay_or_in_one_sentence(
    tmp_path: Path, log: bytes, moves: list
) -> None:
    lines = log.splitlines(keepends=True)
    for move, number in moves:
        at = number % (len(lines) - 1)
        if move == "drop":
            del lines[at]
        elif move == "twice":
            lines.insert(at, lines[at])
        else:
            lines[at], lines[at + 1] = lines[at + 1], lines[at]
    try:
        use(tmp_path, b"".join(lines))
    except TakeError as error:
        assert LOG_FILE in str(error) or "leaps" in str(error)
