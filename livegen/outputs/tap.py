"""The tap: a ring with the latest sound of the callback, as one channel, for remote listeners.

The callback writes each sample to the ring at the place of its number, and then how far it has come. It never waits
for a reader. A reader that is too slow finds samples overwritten; it skips and counts them.
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
        ("begin", np.int64, 1),  # number of the first sample since it was switched on
        ("end", np.int64, 1),  # number of the sample that comes next
        ("samples", np.float32, TAP_SAMPLES),
    ],
    align=True,
)

_MASK: Final = TAP_SAMPLES - 1
_INT16_MAX: Final = 32_767.0


@kernel
def write_tap(tap: Record, first_sample: int, parts: NDArray[np.float32], n_parts: int, n_samples: int) -> None:
    """Write the sum of the first `n_parts` of `parts`, `n_samples` long, at the samples from `first_sample` on."""
    if tap.end[0] != first_sample:
        store_release(tap.begin, 0, first_sample)
    fence()  # so that a reader of any of these samples notices that it came too late for the old ones
    for i in range(n_samples):
        mix = np.float32(0.0)
        for part in range(n_parts):
            mix += parts[part, i]
        tap.samples[(first_sample + i) & _MASK] = mix
    store_release(tap.end, 0, first_sample + n_samples)


@kernel
def read_tap(tap: Record, from_sample: int, out: NDArray[np.int16], room: int) -> tuple[int, int]:
    """Copy samples from `from_sample` on into `out`; return the number of the first one copied, and how many there are.

    `room` is the longest piece that the callback writes at once. That many of the oldest may be overwritten already.
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
        Largest number of samples that the callback makes at once.

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
        """Let the callback fill the tap, or stop that. Samples from before the tap was switched on are not read."""
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
