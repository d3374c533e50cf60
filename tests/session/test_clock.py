"""Samples and monotonic time, tied by what the callback noted."""

import time

import numpy as np
import pytest

from livegen.offline.clock import OfflineClock
from livegen.outputs.callback import N_STAMPS, new_callback
from livegen.patch import load_patch
from livegen.session.clock import AudioClock
from livegen.units import frame_to_sample

BLOCK = 256
ORIGIN_NS = 5_000_000_000_000


class Played:
    """The record of a callback that the test plays."""

    def __init__(self, rate: int = 48_000) -> None:
        self.callback = new_callback(rate, load_patch("plain"))
        self.clock = AudioClock(self.callback)
        self._rate = rate
        self._sample = 0

    def block(self, late_ns: int = 0, origin_ns: int = ORIGIN_NS) -> None:
        stats = self.callback["stats"][0]
        n_blocks = int(stats["blocks"][0])
        stats["stamp_samples"][n_blocks % N_STAMPS] = self._sample
        stats["stamp_ns"][n_blocks % N_STAMPS] = origin_ns + self._sample * 1_000_000_000 // self._rate + late_ns
        stats["blocks"][0] += 1
        self._sample += BLOCK


@pytest.mark.parametrize("rate", [44_100, 48_000])
def test_a_time_has_its_sample_and_a_frame_its_time(rate: int) -> None:
    played = Played(rate)
    for _ in range(400):  # longer than the stamps are kept
        played.block()
    clock = played.clock
    assert abs(clock.origin_ns() - ORIGIN_NS) <= 1
    assert abs(clock.sample_at(ORIGIN_NS + 2_000_000_000) - 2 * rate) <= 1
    assert clock.time_of_frame(1000) == pytest.approx(ORIGIN_NS + 1_000_000_000 * 1000 / 24, abs=30_000)
    for frame_index in (0, 1, 7, 24, 40):
        assert clock.frame_at(clock.time_of_frame(frame_index) + 1000) == frame_index
        assert clock.position_at(clock.time_of_frame(frame_index)) == pytest.approx(frame_index, abs=0.01)
        assert clock.frame_at(clock.time_of_frame(frame_index + 1) - 30_000) == frame_index
    assert clock.frame_at(0) == 0  # before the start


def test_a_device_that_stands_still_stops_the_clock() -> None:
    played = Played()
    for _ in range(20):
        played.block()
    last = 19 * BLOCK
    assert last < played.clock.sample_at(ORIGIN_NS + 60_000_000_000) < last + 48_000 // 4


def test_blocks_that_come_several_at_once_are_early() -> None:
    played = Played()
    assert played.clock.earliness_ns() == 0
    for burst in range(10):
        for place in range(4):
            played.block(late_ns=-place * BLOCK * 1_000_000_000 // 48_000)
        assert burst < 4 or played.clock.earliness_ns() >= BLOCK * 1_000_000_000 // 48_000


def test_late_blocks_do_not_move_the_clock() -> None:
    played = Played()
    random = np.random.default_rng(0)
    for block in range(100):
        played.block(late_ns=int(random.integers(1_000_000, 20_000_000)) if block % 3 == 0 else 0)
        if block >= 4:
            assert abs(played.clock.origin_ns() - ORIGIN_NS) < 10_000


def test_jitter_is_averaged_away() -> None:
    played = Played()
    random = np.random.default_rng(1)
    errors = []
    for _ in range(300):
        played.block(late_ns=int(random.exponential(300_000)))
        errors.append(played.clock.origin_ns() - ORIGIN_NS)
    assert max(errors[20:]) < 900_000


def test_after_skipped_blocks_the_clock_follows_within_a_few() -> None:
    played = Played()
    for _ in range(50):
        played.block()
    moved = ORIGIN_NS + 10 * BLOCK * 1_000_000_000 // 48_000
    for _ in range(8):
        played.block(origin_ns=moved)
    assert abs(played.clock.origin_ns() - moved) <= 1


def test_before_the_first_block_sample_0_is_still_to_come() -> None:
    clock = Played().clock
    assert clock.time_of_frame(0) <= time.perf_counter_ns() < clock.time_of_frame(1)
    assert clock.frame_at(time.perf_counter_ns()) == 0


def test_the_offline_clock_maps_as_the_audio_clock_does() -> None:
    for rate in (44_100, 48_000):
        played, offline = Played(rate), OfflineClock(rate)
        for _ in range(600):
            played.block()
        for time_ns in range(0, 3_000_000_000, 7_654_321):
            assert abs(played.clock.sample_at(ORIGIN_NS + time_ns) - offline.sample_at(time_ns)) <= 1
        for frame_index in (1, 7, 24, 1000):
            time_ns = -(-frame_to_sample(frame_index, rate) * 1_000_000_000 // rate)
            positions = [offline.position_at(time_ns - 30_000), offline.position_at(time_ns)]
            assert [int(position) for position in positions] == [frame_index - 1, frame_index]
