"""What an engine keeps of what it has made: pure functions of their arguments, so nothing depends on what is kept."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

_Made = TypeVar("_Made")


class Cache(Generic[_Made]):
    """Keeps the last things that were made, by what they were made of. Safe to call from several threads.

    Parameters
    ----------
    size : int
        How many are kept; the one that was not asked for the longest goes first.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._kept: OrderedDict[Hashable, _Made] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """Return how many things are kept."""
        return len(self._kept)

    def get(self, key: Hashable) -> _Made | None:
        """Return what is kept under a key, or None."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def keep(self, key: Hashable, made: _Made) -> None:
        """Keep something under a key."""
        with self._lock:
            self._kept[key] = made
            while len(self._kept) > self._size:
                self._kept.popitem(last=False)

    def made(self, key: Hashable, make: Callable[[], _Made]) -> _Made:
        """Return what is kept under a key; it is made if nothing is. Two threads may both make it: the same thing."""
        found = self.get(key)
        if found is None:
            found = make()
            self.keep(key, found)
        return found
