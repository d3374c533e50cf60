"""How often a client may ask: a bucket of tokens for each, which fills at a rate. Pure but for its own memory."""

from collections.abc import Callable
from time import monotonic
from typing import Final

_BURST_SECONDS: Final = 20.0  # what a bucket holds, in seconds of its rate
_MAX_CLIENTS: Final = 4096


class Limiter:
    """Counts what clients ask.

    Parameters
    ----------
    rate : float
        Requests a second, over time.
    clock : callable
        Returns seconds that only grow.
    """

    def __init__(self, rate: float, clock: Callable[[], float] = monotonic) -> None:
        self._rate = rate
        self._clock = clock
        self._buckets: dict[str, tuple[float, float]] = {}  # tokens, and when there were so many

    def wait_seconds(self, client: str) -> float:
        """Return 0 if a client may ask now, which counts, or else how long it has to wait."""
        now, most = self._clock(), max(self._rate * _BURST_SECONDS, 1.0)
        tokens, then = self._buckets.pop(client, (most, now))
        tokens = min(tokens + (now - then) * self._rate, most)
        if len(self._buckets) >= _MAX_CLIENTS:  # whoever asked longest ago has a full bucket most likely
            self._buckets.pop(next(iter(self._buckets)))
        if tokens < 1.0:
            self._buckets[client] = tokens, now
            return (1.0 - tokens) / self._rate
        self._buckets[client] = tokens - 1.0, now
        return 0.0
