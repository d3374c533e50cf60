import threading
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from livegen.score_table import (
    MODEL,
    N_SLOTS,
    OFF,
    PLAYER,
    SLOT,
    FrameBeat,
    PlannedFrame,
    clear,
    new_table,
    read_frame,
    read_slot,
    write_frames,
    write_slot,
)
from livegen.system.atomics import load_acquire, store_release
from livegen.system.kernels import Record, kernel

N_WRITES = 2_000_000  # some tenths of a second
CONTESTED = 5  # index of the frame that is written and read all the time


def planned(frame_index: int, note: int = 60) -> PlannedFrame:
    frame = np.full((4, 3), note, np.uint8)
    owner = np.array([PLAYER, MODEL, MODEL, OFF], np.uint8)
    return PlannedFrame(frame_index, frame, owner, np.array([-0.5, 0.0, 0.25, 0.999]))


def test_what_is_written_is_read() -> None:
    table = new_table()
    write_frames(table, [planned(index, note=index) for index in range(N_SLOTS)])
    for index in range(N_SLOTS):
        expected, found = planned(index, note=index), read_frame(table, index)
        assert found is not None
        assert found.frame_index == index
        for field in ("frame", "owner", "onset_offset"):
            np.testing.assert_array_equal(getattr(found, field), getattr(expected, field))


def test_the_last_of_two_plans_stands() -> None:
    table = new_table()
    write_frames(table, [planned(7, note=50), planned(7, note=51)])
    found = read_frame(table, 7)
    assert found is not None
    assert found.frame[0, 0] == 51


@pytest.mark.parametrize("frame_index", [0, 1, N_SLOTS - 1, N_SLOTS, 10**12])
def test_an_empty_table_holds_no_frame(frame_index: int) -> None:
    assert read_frame(new_table(), frame_index) is None


def test_a_stale_slot_is_told_from_a_planned_one() -> None:
    table = new_table()
    write_frames(table, [planned(3)])
    assert read_frame(table, 3 + N_SLOTS) is None
    write_frames(table, [planned(3 + N_SLOTS)])
    assert read_frame(table, 3) is None
    assert read_frame(table, 3 + N_SLOTS) is not None


def test_a_beat_comes_back_and_an_unknown_one_is_none() -> None:
    table, beat = new_table(), FrameBeat(7.25, 0.0625, 3, (-4, 12))
    write_frames(table, [replace(planned(3), beat=beat), planned(4)])
    assert [read_frame(table, 3).beat, read_frame(table, 4).beat] == [beat, None]


def test_clear_empties_a_table() -> None:
    table = new_table()
    write_frames(table, [planned(3)])
    clear(table)
    assert read_frame(table, 3) is None


def test_a_reader_gives_up_on_a_writer_that_never_ends() -> None:
    table = new_table()
    write_frames(table, [planned(3)])
    table["sequence"][0, 3] += 1  # odd: the writer is at it
    assert read_frame(table, 3) is None


@kernel
def keep_writing(table: Record, n_writes: int, running: NDArray, slot: Record) -> None:
    """Write frames whose every value is the same, another one each time."""
    slot.frame_index = CONTESTED
    for count in range(n_writes):
        value = count & 0x7F
        slot.frame[:] = value
        slot.owner[:] = value
        slot.onset_offset[:] = value
        slot.beats, slot.beats_a_frame, slot.beats_a_bar = value, value, value
        slot.counted_from, slot.counted_until = value, value
        write_slot(table, slot)
    store_release(running, 0, 0)


@kernel
def keep_reading(table: Record, running: NDArray, copy: Record, counts: NDArray) -> None:
    """Count in `counts` the reads, those that gave up, those that were torn, and changes of the value."""
    last = -1
    while load_acquire(running, 0) == 1:
        if not read_slot(table, CONTESTED, copy):
            counts[1] += 1
            continue
        counts[0] += 1
        value = copy.owner[0]
        torn = copy.beats != value or copy.beats_a_frame != value or copy.beats_a_bar != value
        for voice in range(4):
            torn |= copy.owner[voice] != value or copy.onset_offset[voice] != value
            for column in range(3):
                torn |= copy.frame[voice, column] != value
        counts[2] += torn
        counts[3] += value != last
        last = value


def test_no_reader_sees_a_torn_frame() -> None:
    table, copy, counts = new_table(), np.zeros(1, SLOT), np.zeros(4, np.int64)
    running = np.zeros(1, np.int64)
    slot = np.zeros(1, SLOT)
    keep_writing(table[0], 1, running, slot[0])  # compiles both, so that the threads start together
    keep_reading(table[0], running, copy[0], counts)
    running[0] = 1
    reader = threading.Thread(target=keep_reading, args=(table[0], running, copy[0], counts))
    writer = threading.Thread(target=keep_writing, args=(table[0], N_WRITES, running, slot[0]))
    reader.start()
    writer.start()
    writer.join()
    reader.join()
    reads, _, torn, changes = counts.tolist()
    assert torn == 0
    assert reads > 0
    assert changes > 1  # the reader did read while the writer wrote
