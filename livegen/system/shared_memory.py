"""Memory that processes share, without a name that could be left behind."""

import mmap
import os
import secrets
import sys
import tempfile
import weakref
from multiprocessing.reduction import DupFd
from typing import Any

import numpy as np
from numpy.typing import NDArray


class SharedMemory:
    """Bytes that this process shares with those that it is handed to when they are started; all zeros at first.

    The standard library's shared memory has a name, and a process of its own that takes the name away; at the end of a
    process that still looks into the memory it complains.

    Parameters
    ----------
    n_bytes : int
    """

    def __init__(self, n_bytes: int) -> None:
        if sys.platform == "win32":
            self._map(n_bytes, f"livegen-{secrets.token_hex(8)}")
        elif hasattr(os, "memfd_create"):
            file = os.memfd_create("livegen")
            os.ftruncate(file, n_bytes)
            self._map(n_bytes, file)
        else:
            with tempfile.TemporaryFile() as temporary:
                temporary.truncate(n_bytes)
                self._map(n_bytes, os.dup(temporary.fileno()))

    def array(self, dtype: Any) -> NDArray[Any]:
        """Return the memory as an array of one element, shape (1,); it stays as long as the array does."""
        return np.frombuffer(self._memory, dtype, 1)

    def _map(self, n_bytes: int, place: Any) -> None:
        self._n_bytes, self._place = n_bytes, place
        if sys.platform == "win32":
            self._memory = mmap.mmap(-1, n_bytes, tagname=place)
        else:
            self._memory = mmap.mmap(place, n_bytes)
            weakref.finalize(self, os.close, place)

    def __getstate__(self) -> tuple[int, Any]:
        return self._n_bytes, self._place if sys.platform == "win32" else DupFd(self._place)

    def __setstate__(self, state: tuple[int, Any]) -> None:
        n_bytes, place = state
        self._map(n_bytes, place if sys.platform == "win32" else place.detach())
