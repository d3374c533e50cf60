"""The tap: the last part of what the callback has made, as one channel, for whoever listens from afar.

The callback writes samples at their numbers in a ring and then how far it has come; it never waits for a reader. A
reader that is too slow finds the samples overwritten: it skips and counts them.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.system.atomics import fence, load_acquire, store_release
from livegen.system.kernels import Record, kernel

TAP_SAMPLES: Final = 1 << 15
"""Length of the ring, a power of two: two thirds of a second at 48 kHz."""

TAP: Final = np.dtype(
    [
        ("is_on", np.int64),
        ("begin", np.int64, 1),  # the first sample since it was switched on
        ("end", np.int64, 1),  # the sample that comes next
        ("samples", np.float32, TAP_SAMPLES),
    ],
    align=True,
)

_MASK: Final = TAP_SAMPLES - 1
_INT16_MAX: Final = 32_767.0


@kernel
def write_tap(tap: Record, first_sample: int, parts: NDArray[np.float32], n_parts: int, n_samples: int) -> None:
    """Write the sum of `parts`, (n_parts, n_samples) of them, at the samples from `first_sample` on."""
    if tap.end[0] != first_sample:
        store_release(tap.begin, 0, first_sample)
    fence()  # who reads a sample of these finds that it was too late
    for i in range(n_samples):
        mix = np.float32(0.0)
        for part in range(n_parts):
            mix += parts[part, i]
        tap.samples[(first_sample + i) & _MASK] = mix
    store_release(tap.end, 0, first_sample + n_samples)


@kernel
def read_tap(tap: Record, from_sample: int, out: NDArray[np.int16], room: int) -> tuple[int, int]:
    """Copy samples from `from_sample` on into `out`; return the first that is there, and how many are.

    `room` is the longest piece that the callback writes at once: so many of the oldest may be overwritten already.
    """
    end = load_acquire(tap.end, 0)
    begin = max(from_sample, load_acquire(tap.begin, 0), end - (TAP_SAMPLES - room))
    n = max(min(end - begin, len(out)), 0)
    for i in range(n):
        level = min(max(tap.samples[(begin + i) & _MASK], np.float32(-1.0)), np.float32(1.0))
        out[i] = np.int16(np.rint(level * _INT16_MAX))
    fence()
    oldest = load_acquire(tap.end, 0) - (TAP_SAMPLES - room)
    if oldest > begin:  # overwritten meanwhile
        return oldest, 0
    return begin, n


class TapReader:
    """Reads the tap of a callback from one thread.

    Parameters
    ----------
    callback : ndarray of CALLBACK, shape (1,)
    room : int
        Samples that the callback makes at once, at most.

    Attributes
    ----------
    lost : int
        Samples that were overwritten before they were read.
    """

    def __init__(self, callback: NDArray[np.void], room: int) -> None:
        self._tap = callback["tap"]
        self._room = room
        self._out = np.zeros(TAP_SAMPLES, np.int16)
        self._next = 0
        self.lost = 0

    def switch(self, *, is_on: bool) -> None:
        """Let the callback fill the tap, or not; what it was filled with before is not read any more."""
        if is_on and not self._tap["is_on"][0]:
            self._next = int(self._tap["end"][0, 0])
        self._tap["is_on"] = is_on

    def read(self) -> tuple[int, NDArray[np.int16]]:
        """Return the number of the first new sample, and the new samples, int16 (n,), which the next call reuses."""
        first, n = read_tap(self._tap[0], self._next, self._out, self._room)
        if self._next >= self._tap["begin"][0, 0]:  # else the tap was off in between
            self.lost += max(first - self._next, 0)
        self._next = max(first + n, self._next)
        return first, self._out[:n]
