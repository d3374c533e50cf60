"""https://www.nesdev.org/wiki/APU_Length_Counter."""

import numpy as np
import pytest

from livegen.apu.length_counter import LENGTH_COUNTER, clock_length, enable_length, load_length
from livegen.apu.tables import LENGTHS


def enabled() -> np.void:
    length = np.zeros(1, LENGTH_COUNTER)[0]
    enable_length(length, True)
    return length


@pytest.mark.parametrize("index", range(32))
def test_it_counts_the_half_frames_of_its_table(index: int) -> None:
    length = enabled()
    load_length(length, index << 3 | 5)
    clocks = 0
    while length["count"] > 0:
        clock_length(length)
        clocks += 1
    assert clocks == LENGTHS[index]


def test_known_lengths() -> None:
    assert LENGTHS[[0, 1, 2, 3, 16, 30, 31]].tolist() == [10, 254, 20, 2, 12, 32, 30]


def test_it_loads_only_where_enabled_and_stops_at_once_where_disabled() -> None:
    length = np.zeros(1, LENGTH_COUNTER)[0]
    load_length(length, 0x08)
    assert length["count"] == 0
    enable_length(length, True)
    load_length(length, 0x08)
    assert length["count"] == 254
    enable_length(length, False)
    assert length["count"] == 0


def test_halt_holds_it() -> None:
    length = enabled()
    load_length(length, 0)
    length["halt"] = True
    clock_length(length)
    assert length["count"] == 10
