"""The plan as the pages draw it: a row for each frame, and only those that are new to them."""

from collections.abc import Iterator
from typing import Any, Final

from livegen.score_table import PlannedFrame
from livegen.session.state import State
from livegen.session.timeline import Step
from livegen.units import FRAME_RATE_HZ

PAST_FRAMES: Final = 10 * FRAME_RATE_HZ
"""Frames of the past that a page is shown when it opens."""

_SETTLED_FRAMES: Final = 6
"""So long after it has sounded a frame may still be written anew: with a key that came in late."""

_BEAT_DRIFT: Final = 0.02
"""By how much, in beats, a frame's place may move before it is told again."""

_Told = tuple[PlannedFrame, bytes, float | None]
"""A frame as it was told: the frame, its bytes, and where it begins in beats."""


class PlanRows:
    """Which frames the pages know, and which they do not; one thread asks."""

    def __init__(self) -> None:
        self._told: dict[int, _Told] = {}
        self._state: State | None = None
        self._from = 0

    def forget(self) -> None:
        """Let the pages know nothing: what comes next begins with the past."""
        self._told, self._state, self._from = {}, None, 0

    def new(self, state: State) -> list[list[Any]]:
        """Return the rows of frames that are new, or not what was told of them, the oldest first."""
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
            if was is not None and was[0] is planned and _is_near(was[2], beats):
                continue
            content = planned.frame.tobytes() + planned.owner.tobytes() + planned.onset_offset.tobytes()
            if was is not None and was[1] == content and _is_near(was[2], beats):
                self._told[planned.frame_index] = (planned, content, was[2])
                continue
            self._told[planned.frame_index] = (planned, content, beats)
            yield _row(step, beats)


def _is_near(was: float | None, beats: float | None) -> bool:
    if was is None or beats is None:
        return was is beats
    return abs(beats - was) < _BEAT_DRIFT


def _row(step: Step, beats: float | None) -> list[Any]:
    planned = step.planned
    notes, volumes, timbres = planned.frame.T.tolist()
    offsets = [round(offset, 3) for offset in planned.onset_offset.tolist()]
    matches = list(step.context.distribution.match_lengths(planned.frame))
    place = None if beats is None else round(beats, 4)
    return [planned.frame_index, notes, volumes, timbres, planned.owner.tolist(), offsets, matches, place]
