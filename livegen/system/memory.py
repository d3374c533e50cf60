"""How the C library hands out memory: a jam of hours is to need no more than one of minutes."""

import ctypes
from typing import Final

_MMAP_THRESHOLD, _ARENA_MAX = -3, -8  # their numbers in glibc's malloc.h
_LARGE_BYTES: Final = 256 << 10
_MOST_ARENAS: Final = 2


def keep_memory_together() -> bool:
    """Let all threads take small blocks of memory from two places, and give large ones back when they are free.

    By itself glibc has eight such places a core, each of which keeps the most that its threads ever had at a time,
    and keeps more and more large blocks too. To be called before there are threads. Without glibc it does nothing.

    Returns
    -------
    bool
        Whether it was done.

    Notes
    -----
    https://man7.org/linux/man-pages/man3/mallopt.3.html
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError, TypeError):  # another C library; on Windows there is no such call
        return False
    return bool(mallopt(_ARENA_MAX, _MOST_ARENAS) and mallopt(_MMAP_THRESHOLD, _LARGE_BYTES))
