"""Ableton Link: the beat that programs and devices of one network share (https://ableton.github.io/link/).

Needs the extra `link`. Its package contains Ableton's library, which is under the GPL (version 2 or later). So it is
no part of livegen, and nothing else here imports it.

Link has a clock of its own, on Linux the raw monotonic one. It drifts from the clock of `time.perf_counter_ns` by what
NTP corrects. So both clocks are read together each time the beat is read.
"""

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from livegen.errors import PortError
from livegen.events import LinkBeat

POLL_SECONDS: Final = 0.02
"""Time from one poll of Link to the next. A change of tempo is known at most this much later."""

_TELL_SECONDS: Final = 0.125
_MOVED_SECONDS: Final = 0.001
"""The beat is told to the session every `_TELL_SECONDS`, and at once if it is further than `_MOVED_SECONDS` from where
it was expected.
"""

_FIRST_BPM: Final = 120.0
_N_READINGS: Final = 3  # of the two clocks; the one that took the shortest time counts
_APART_SECONDS: Final = 0.005
_APART_SHARE: Final = 0.001
"""While nobody else is in the Link session, Link takes our beat if its own is `_APART_SECONDS` away, or its tempo is
off by `_APART_SHARE`.
"""


@dataclass(frozen=True, slots=True)
class OwnBeat:
    """What the performance says of the beat at one moment.

    Attributes
    ----------
    beats_a_bar : int
    beats : float or None
        Beats since bar 1, beat 1; None if the beat is unknown or comes from Link.
    bpm : float
        Beats a minute.
    by_hand_bpm : float or None
        The tempo that was tapped or set last.
    by_hand_at : float
        When that was, in frames.
    is_links : bool
        Whether the beat comes from Link.
    """

    beats_a_bar: int = 4
    beats: float | None = None
    bpm: float = _FIRST_BPM
    by_hand_bpm: float | None = None
    by_hand_at: float = 0.0
    is_links: bool = False


TimedSink = Callable[[LinkBeat, int], None]
"""Takes a beat and its time in nanoseconds of `time.perf_counter_ns`. Called on Link's thread."""


class LinkInput:
    """One peer of the Link session, until `close`.

    Changes that others make to tempo and phase are told to `sink`. While the performance follows Link, a tempo that is
    tapped or set is sent to all peers; the phase of other peers is never changed. While no other peer is there, Link
    takes tempo and phase from the performance, so that a peer who joins finds them.

    Parameters
    ----------
    sink : TimedSink
    own_beat : callable
        Returns the performance's own beat at a time in nanoseconds.

    Raises
    ------
    PortError
        If the extra is not installed.

    Notes
    -----
    One thread calls `run`; `close` is called after it has ended.
    """

    def __init__(self, sink: TimedSink, own_beat: Callable[[int], OwnBeat]) -> None:
        try:
            import link
        except ImportError:
            raise PortError(
                "Ableton Link needs a package that is not installed: pip install 'livegen[link]', or leave out --link"
            ) from None
        self._sink = sink
        self._own_beat = own_beat
        self._link = link.Link(_FIRST_BPM)
        self._clock = self._link.clock()
        self._by_hand_at = 0.0
        self._told: tuple[LinkBeat, int] | None = None
        self._link.enabled = True

    def run(self, stop: threading.Event) -> None:
        """Poll until `stop`."""
        while not stop.wait(POLL_SECONDS):
            self.poll()

    def poll(self) -> None:
        """Give Link our tempo and phase where they count, and hand on Link's beat if that is news."""
        _, time_ns, micros = min(self._read_clocks() for _ in range(_N_READINGS))
        own, state, peers = self._own_beat(time_ns), self._link.captureAppSessionState(), self._link.numPeers()
        if self._tell_link(state, own, micros, is_alone=peers == 0):
            self._link.commitAppSessionState(state)
        beat = LinkBeat(state.beatAtTime(micros, own.beats_a_bar), state.tempo(), peers)
        if self._is_news(beat, time_ns):
            self._told = beat, time_ns
            self._sink(beat, time_ns)

    def close(self) -> None:
        """Leave the session."""
        self._link.enabled = False

    def _read_clocks(self) -> tuple[int, int, int]:
        """Return how long reading both clocks took, our clock in nanoseconds, and Link's clock in microseconds."""
        before_ns = time.perf_counter_ns()
        micros = self._clock.micros()
        after_ns = time.perf_counter_ns()
        return after_ns - before_ns, (before_ns + after_ns) // 2, micros

    def _tell_link(self, state: Any, own: OwnBeat, micros: int, *, is_alone: bool) -> bool:
        """Change Link's state where the performance may do so, and tell whether it was changed."""
        is_new = own.by_hand_at > self._by_hand_at
        self._by_hand_at = own.by_hand_at
        if is_new and own.is_links and own.by_hand_bpm is not None:
            state.setTempo(own.by_hand_bpm, micros)
            return True
        if not is_alone or own.beats is None:
            return False
        beats_apart = math.remainder(own.beats - state.beatAtTime(micros, own.beats_a_bar), own.beats_a_bar)
        seconds_apart = abs(beats_apart) * 60.0 / own.bpm
        if seconds_apart < _APART_SECONDS and abs(state.tempo() / own.bpm - 1.0) < _APART_SHARE:
            return False
        state.setTempo(own.bpm, micros)
        state.requestBeatAtTime(own.beats, micros, own.beats_a_bar)
        return True

    def _is_news(self, beat: LinkBeat, time_ns: int) -> bool:
        if self._told is None:
            return True
        told, told_ns = self._told
        seconds = (time_ns - told_ns) / 1e9
        moved_seconds = abs(beat.beats - told.beats - seconds * told.bpm / 60.0) * 60.0 / told.bpm
        is_same = (beat.bpm, beat.peers) == (told.bpm, told.peers)
        return not is_same or moved_seconds > _MOVED_SECONDS or seconds >= _TELL_SECONDS
