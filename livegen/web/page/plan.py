"""The plan as the pages draw it: a row for each frame. Only rows that are new to the pages are sent."""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from livegen.performance.state import State
from livegen.performance.timeline import Step
from livegen.score_table import PlannedFrame
from livegen.units import FRAME_RATE_HZ

PAST_FRAMES: Final = 10 * FRAME_RATE_HZ
"""Number of frames of the past that a page is shown when it opens."""

_SETTLED_FRAMES: Final = 6
"""Number of frames during which a frame that has sounded may still change, because a key came in late."""

_BEAT_DRIFT: Final = 0.02
_ONSET_DRIFT_FRAMES: Final = 0.05
"""How far a frame's place, in beats, and its onsets, in frames (2 ms), may move before the frame is sent again.

A clock that jitters moves those of all frames in every frame.
"""


class _Told(NamedTuple):
    """A frame as it was sent to the pages."""

    planned: PlannedFrame
    content: bytes
    offsets: list[float]
    beats: float | None

    def is_near(self, other: "_Told") -> bool:
        """Tell whether a page would draw another version of the frame just as this one."""
        pairs = zip(self.offsets, other.offsets, strict=True)
        has_moved = any(abs(was - now) > _ONSET_DRIFT_FRAMES for was, now in pairs)
        return self.content == other.content and not has_moved and self.has_place(other.beats)

    def has_place(self, beats: float | None) -> bool:
        """Tell whether the frame begins near a place, given in beats."""
        if self.beats is None or beats is None:
            return self.beats is beats
        return abs(self.beats - beats) < _BEAT_DRIFT


class PlanRows:
    """Remembers which frames the pages know. Only one thread may call it."""

    def __init__(self) -> None:
        self._told: dict[int, _Told] = {}
        self._state: State | None = None
        self._from = 0

    def forget(self) -> None:
        """Assume that the pages know nothing: the next rows begin with the past."""
        self._told, self._state, self._from = {}, None, 0

    def new(self, state: State) -> list[list[Any]]:
        """Return the rows of frames that are new or differ from what was sent, the oldest first."""
        if state is self._state:
            return []
        first = max(self._from, state.horizon - PAST_FRAMES)
        rows = list(self._changed(state, first))
        self._state, self._from = state, max(state.horizon - _SETTLED_FRAMES, 0)
        self._told = {index: told for index, told in self._told.items() if index >= self._from}
        return rows

    def _changed(self, state: State, first: int) -> Iterator[list[Any]]:
        has_beat = state.tempo.source != "none"
        for step in state.timeline.since(first):
            planned = step.planned
            beats = state.tempo.beats_at(planned.frame_index) if has_beat else None
            was = self._told.get(planned.frame_index)
            if was is not None and was.planned is planned and was.has_place(beats):
                continue
            content = planned.frame.tobytes() + planned.owner.tobytes()
            now = _Told(planned, content, planned.onset_offset.tolist(), beats)
            if was is not None and was.is_near(now):
                self._told[planned.frame_index] = was._replace(planned=planned)
                continue
            self._told[planned.frame_index] = now
            yield _row(step, beats)


def _row(step: Step, beats: float | None) -> list[Any]:
    planned = step.planned
    notes, volumes, timbres = planned.frame.T.tolist()
    offsets = [round(offset, 3) for offset in planned.onset_offset.tolist()]
    matches = list(step.context.distribution.match_lengths(planned.frame))
    place = None if beats is None else round(beats, 4)
    return [planned.frame_index, notes, volumes, timbres, planned.owner.tolist(), offsets, matches, place]
