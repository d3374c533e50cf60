"""The audio clock: tells which sample is made at which time of the monotonic clock.

The callback notes when each block was asked for. The sample that belongs to a time is a median over the last blocks.
So single late blocks do not move the clock, and after skipped blocks it is right again within a few blocks.
"""

import time
from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.outputs.callback import N_STAMPS
from livegen.units import FRAME_RATE_HZ, frame_to_sample, sample_to_frame

_N_RECENT: Final = 15
_LONGEST_SILENCE_SECONDS: Final = 0.1
"""A device stands still, and so does its clock, if it has asked for no block for this long after its last block."""

_STEP_NS: Final = 1_000_000
"""By so much the fit must have moved for what is timed to the sample to follow it."""


class AudioClock:
    """The clock of a callback that plays; any thread may read it.

    Parameters
    ----------
    callback : ndarray of CALLBACK, shape (1,)
    """

    def __init__(self, callback: NDArray[np.void]) -> None:
        self._stats = callback["stats"][0]
        self.sample_rate = int(callback["sample_rate"][0])
        self._steady_origin_ns = 0

    def _recent(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the first samples and the times of the last few blocks."""
        n_blocks = int(self._stats["blocks"][0])
        recent = np.arange(max(n_blocks - _N_RECENT, 0), n_blocks) % N_STAMPS
        return self._stats["stamp_samples"][recent], self._stats["stamp_ns"][recent]

    def _origins_ns(self) -> NDArray[np.float64]:
        """Return when sample 0 would have been made, by each of the last few blocks."""
        samples, times_ns = self._recent()
        return times_ns - samples * (1_000_000_000 / self.sample_rate)

    def origin_ns(self) -> int:
        """Return when sample 0 would have been made, in nanoseconds of `time.perf_counter_ns`."""
        origins_ns = self._origins_ns()
        return int(np.median(origins_ns)) if len(origins_ns) else time.perf_counter_ns()  # nothing was made yet

    def earliness_ns(self) -> int:
        """Return how much too early a block may be asked for: some devices ask for several blocks at once."""
        origins_ns = self._origins_ns()
        return int(np.median(origins_ns) - origins_ns.min()) if len(origins_ns) else 0

    def sample_at(self, time_ns: int) -> int:
        """Return the sample that is made at a time; negative before the start.

        While the device stands still, so does the clock: it never runs ahead of the sound for long.
        """
        sample = (time_ns - self.origin_ns()) * self.sample_rate // 1_000_000_000
        samples, _ = self._recent()
        if len(samples) == 0:
            return sample
        last_block = int(samples[-1] - samples[-2]) if len(samples) > 1 else 0
        return min(sample, int(samples[-1]) + last_block + round(_LONGEST_SILENCE_SECONDS * self.sample_rate))

    def steady_sample_at(self, time_ns: int) -> int:
        """Return the sample that is made at a time, 0 or more, for what is timed to the sample; for one thread.

        The fit moves by some samples from block to block. What is so far apart in time is to be so far apart in the
        sound, so this one follows only where it has moved by a millisecond.
        """
        origin_ns = self.origin_ns()
        if abs(origin_ns - self._steady_origin_ns) > _STEP_NS:
            self._steady_origin_ns = origin_ns
        return max(round((time_ns - self._steady_origin_ns) * self.sample_rate / 1_000_000_000), 0)

    def seconds(self) -> float:
        """Return how long the callback has played; negative before the start."""
        return self.sample_at(time.perf_counter_ns()) / self.sample_rate

    def block_samples(self) -> int:
        """Return the longest block that the device has asked for so far."""
        return int(self._stats["block_samples_max"])

    def block_seconds(self) -> float:
        """Return how long that block lasts."""
        return self.block_samples() / self.sample_rate

    def time_of_sample(self, sample: int) -> int:
        """Return when a sample is made, in nanoseconds of `time.perf_counter_ns`."""
        return self.origin_ns() + sample * 1_000_000_000 // self.sample_rate

    def frame_at(self, time_ns: int) -> int:
        """Return the frame that sounds at a time."""
        return max(sample_to_frame(self.sample_at(time_ns), self.sample_rate), 0)

    def position_at(self, time_ns: int) -> float:
        """Return a time in frames since the start, 0 or more; its whole part is `frame_at`."""
        return max(self.sample_at(time_ns) * FRAME_RATE_HZ / self.sample_rate, 0.0)

    def time_of_frame(self, frame_index: int) -> int:
        """Return when the first sample of a frame is made, in nanoseconds of `time.perf_counter_ns`."""
        return self.time_of_sample(frame_to_sample(frame_index, self.sample_rate))

    def heard_position_at(self, time_ns: int, latency_seconds: float) -> float:
        """Return what is heard at a time, in frames since the start: the latency before what is made then."""
        return self.position_at(time_ns) - latency_seconds * FRAME_RATE_HZ

    def time_heard(self, frame_index: int, latency_seconds: float) -> float:
        """Return when a frame is heard, in seconds of `time.perf_counter`: the latency after it is made."""
        return self.time_of_frame(frame_index) / 1e9 + latency_seconds
