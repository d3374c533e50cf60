"""OSC's time tags: when a bundle is to take effect, on this machine's clocks.

A tag counts 2**-32 seconds since 1900, as NTP does, on the wall clock of its sender, which NTP keeps near ours.
"""

import time
from typing import Final

IMMEDIATELY: Final = 1
"""The tag that means at once."""

MOST_AHEAD_SECONDS: Final = 10.0
"""How far ahead a bundle may lie; a clock that is off by more, either way, is not to be believed."""

_NTP_TO_UNIX_SECONDS: Final = 2_208_988_800
_TICKS: Final = 1 << 32
_NS: Final = 1_000_000_000
_SPAN: Final = 1 << 64  # NTP counts anew in 2036
_N_READINGS: Final = 3
_STEP_NS: Final = 500_000
"""By so much the wall clock must have moved against the monotonic one to be followed: two bundles of one clock are as
far apart as it says, to the sample."""


class WallClock:
    """The wall clock, tied to that of `time.perf_counter_ns`."""

    def __init__(self) -> None:
        self._offset_ns = self._read_offset_ns()

    def due_ns(self, tag: int) -> int | None:
        """Return when a tag is due, in nanoseconds of `time.perf_counter_ns`; None for at once.

        That is what lies in the past, means at once, or comes from a clock that is off.
        """
        ahead = self.seconds_ahead(tag)
        if tag <= IMMEDIATELY or not 0.0 < ahead <= MOST_AHEAD_SECONDS:
            return None
        offset_ns = self._read_offset_ns()
        if abs(offset_ns - self._offset_ns) > _STEP_NS:
            self._offset_ns = offset_ns
        now_ns = time.time_ns()
        ticks = now_ns * _TICKS // _NS + _distance(tag, unix_ns_to_tag(now_ns))  # since 1970, whatever the time is now
        return ticks * _NS // _TICKS - self._offset_ns

    def seconds_ahead(self, tag: int) -> float:
        """Return how far ahead of now a tag lies by the wall clock; 0 for the tag that means at once."""
        return 0.0 if tag <= IMMEDIATELY else _distance(tag, unix_ns_to_tag(time.time_ns())) / _TICKS

    def is_off(self, tag: int) -> bool:
        """Tell whether the clock of a tag's sender cannot be believed."""
        return abs(self.seconds_ahead(tag)) > MOST_AHEAD_SECONDS

    @staticmethod
    def _read_offset_ns() -> int:
        """Return by how much the wall clock is ahead of the monotonic one: the quickest of a few readings."""
        readings = []
        for _ in range(_N_READINGS):
            before_ns = time.perf_counter_ns()
            wall_ns = time.time_ns()
            after_ns = time.perf_counter_ns()
            readings.append((after_ns - before_ns, wall_ns - (before_ns + after_ns) // 2))
        return min(readings)[1]


def unix_ns_to_tag(time_ns: int) -> int:
    """Return a time of `time.time_ns` as a tag."""
    return (time_ns * _TICKS // _NS + _NTP_TO_UNIX_SECONDS * _TICKS) % _SPAN


def _distance(tag: int, other: int) -> int:
    """Return how much later a tag is than another, across NTP's new count."""
    return (tag - other + _SPAN // 2) % _SPAN - _SPAN // 2


def clock_warning(who: str, seconds_ahead: float) -> str:
    """Return what a sender is told whose clock is off."""
    way = "ahead of" if seconds_ahead > 0 else "behind"
    return (
        f"the clock of {who} is {abs(seconds_ahead):.1f} s {way} this machine's, so its bundles are served at once: "
        f"set both by NTP, or send the time tag 1; up to {MOST_AHEAD_SECONDS:g} s ahead are waited for"
    )
