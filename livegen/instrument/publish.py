"""From the plan to the score table: what each frame sounds like, and where the beat is in it."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from livegen import score_table
from livegen.events import NoteOn, StampedEvent
from livegen.performance.state import State
from livegen.score_table import MODEL, PLAYER, FrameBeat, PlannedFrame


def publish(
    table: NDArray[np.void], state: State, frames: Iterable[PlannedFrame], events: Sequence[StampedEvent]
) -> None:
    """Write planned frames into the table, with the beat as it is known now.

    Parameters
    ----------
    table : ndarray of void
        The score table, see `score_table.new_table`.
    state : State
        The performance after the frames were planned.
    frames : iterable of PlannedFrame
    events : sequence of StampedEvent
        What the frame at the horizon was planned on.
    """
    timeline, at = state.timeline, state.horizon
    before = timeline.at(at - 1).planned if at > timeline.start else None
    sounding = (_up_to_keys(each, before, events) if each.frame_index == at else each for each in frames)
    score_table.write_frames(table, [_on_beat(state, planned) for planned in sounding])


def _up_to_keys(planned: PlannedFrame, before: PlannedFrame | None, events: Sequence[StampedEvent]) -> PlannedFrame:
    """Return a frame as it is to sound where a key is to come within it: up to there the model plays on as before it.

    In the score the voice is the player's in all of that frame.
    """
    has_keys = any(isinstance(each.event, NoteOn) and each.frame_index == planned.frame_index for each in events)
    if before is None or not has_keys:
        return planned
    is_taken = (planned.owner == PLAYER) & (before.owner == MODEL)
    frame = np.where(is_taken[:, None], before.frame, planned.frame)
    owner = np.where(is_taken, np.uint8(MODEL), planned.owner)
    return replace(planned, frame=frame, owner=owner)


def _on_beat(state: State, planned: PlannedFrame) -> PlannedFrame:
    tempo, count_in = state.tempo, state.count_in
    if tempo.source == "none" and count_in is None:
        return replace(planned, beat=None)
    beats = tempo.beats_at(planned.frame_index)
    n_beats = tempo.beats_at(planned.frame_index + 1) - beats
    counted = (0, 0) if count_in is None else count_in.beats
    return replace(planned, beat=FrameBeat(beats, n_beats, int(state.values["beats_a_bar"]), counted))
