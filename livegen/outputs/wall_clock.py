"""The machine's monotonic clock for kernels: the same one that `time.perf_counter_ns` reads.

So a time that an audio callback stores can be compared with one that Python reads.
"""

import sys
from typing import Final

import numpy as np
from numba import types
from numpy.typing import NDArray

from livegen.system.kernels import kernel

_CLOCK_ID: Final = 8 if sys.platform == "darwin" else 1  # CLOCK_UPTIME_RAW; CLOCK_MONOTONIC

if sys.platform == "win32":
    _count = types.ExternalFunction("QueryPerformanceCounter", types.int32(types.CPointer(types.int64)))
    _rate = types.ExternalFunction("QueryPerformanceFrequency", types.int32(types.CPointer(types.int64)))

    @kernel
    def now_ns(scratch: NDArray[np.int64]) -> int:
        """Return the time in nanoseconds; `scratch` is an int64 array of two that the caller owns."""
        _rate(scratch.ctypes)
        rate = scratch[0]
        _count(scratch.ctypes)
        return scratch[0] // rate * 1_000_000_000 + scratch[0] % rate * 1_000_000_000 // rate

else:
    _clock_gettime = types.ExternalFunction("clock_gettime", types.int32(types.int32, types.CPointer(types.int64)))

    @kernel
    def now_ns(scratch: NDArray[np.int64]) -> int:
        """Return the time in nanoseconds; `scratch` is an int64 array of two that the caller owns."""
        _clock_gettime(_CLOCK_ID, scratch.ctypes)
        return scratch[0] * 1_000_000_000 + scratch[1]
