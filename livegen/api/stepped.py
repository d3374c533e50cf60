"""A session on the offline clock: time passes only while it is told to run, and then as fast as the machine can."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.api.checked import checked_change
from livegen.api.sources import Performed, Source
from livegen.controls import Value
from livegen.errors import ScoreError
from livegen.events import Event, SetControl
from livegen.offline.render import Gathered, OfflineRun, rendered_frame
from livegen.offline.rendition import Rendition
from livegen.units import FRAME_RATE_HZ, frame_to_seconds

_NS: Final = 1_000_000_000


class SteppedClock:
    """Plays step by step; for one thread.

    Parameters
    ----------
    rendition : Rendition
        What is played; how long, and by which performer, is not asked.
    """

    warnings: Sequence[str] = ()

    def __init__(self, rendition: Rendition) -> None:
        self._rendition = rendition
        self._instrument = rendition.instrument()
        self._run = OfflineRun(self._instrument)
        self._gathered = Gathered(rendition.patch)
        self._events: list[tuple[float, Event]] = []
        self._wanted_seconds = 0.0

    @property
    def seconds(self) -> float:
        """How long it has played."""
        return frame_to_seconds(self._run.n_frames)

    @property
    def controls(self) -> Mapping[str, Value]:
        """Controls in force."""
        return self._instrument.values

    @property
    def frames(self) -> NDArray[np.uint8]:
        """All frames that were played; the newest one lacks a key that was pressed in its last milliseconds."""
        standing = self._gathered.frames
        n_left = range(len(standing), self._run.n_frames)
        return np.concatenate([standing, *(rendered_frame(self._instrument, n).frame[None] for n in n_left)])

    def receive(self, event: Event, at: float | None) -> None:
        """Take an event at a time in seconds since the start, or at once."""
        now_ns = -(-self._run.n_frames * _NS // FRAME_RATE_HZ)  # not in the frame before
        time_ns = now_ns if at is None else max(round(at * _NS), now_ns)
        self._run.receive(event, time_ns)
        self._events.append((time_ns / _NS, event))

    def set(self, name: str, value: object, at: float | None) -> None:
        """Set a control; raises ControlError."""
        self.receive(SetControl(name, checked_change(name, value)), at)

    def run(self, seconds: float) -> None:
        """Play on, up to the frame in which so many seconds since the last call end."""
        self._wanted_seconds += seconds
        while self.seconds + 0.5 / FRAME_RATE_HZ <= self._wanted_seconds:
            self._run.play_frame()
            self._gathered.follow(self._instrument)

    def source(self) -> Source:
        """Return what has been played: the same session, from its beginning."""
        if not self._run.n_frames:
            raise ScoreError("nothing was played yet: call run first")
        events = tuple(timed for timed in self._events if timed[0] < self.seconds)
        return Performed(replace(self._rendition, n_frames=self._run.n_frames, events=events))

    def close(self) -> None:
        """Do nothing, for nothing is open."""
