"""The log of a take as it grows: turns the calls of a jam into lines. It touches no file, but keeps a state."""

from collections.abc import Iterable
from typing import Final

from livegen.beat import Beat
from livegen.performance.state import State
from livegen.performance.timeline import Step
from livegen.performance.turn import Turn
from livegen.score import N_VOICES, is_onset
from livegen.score_table import PlannedFrame
from livegen.takes.lines import encode
from livegen.takes.records import End, Played, Record, Turned

BEHIND_FRAMES: Final = 12
"""Number of standing frames that are compared again after each call: a key may become known after its frame stands."""

_SETTLED_FRAMES: Final = 2
"""Number of the last standing frames that are not written yet."""


def turned_of(turn: Turn, began_ns: int, now_ns: int) -> Turned:
    """Return the line of a call.

    Parameters
    ----------
    turn : Turn
    began_ns, now_ns : int
        When the take began and when the call was over, on the clock of the events' times.
    """
    return Turned(
        at_ns=now_ns - began_ns,
        calls=turn.calls,
        events=turn.report.events,
        times_ns=tuple(time_ns - began_ns for time_ns in turn.report.times_ns),
        messages=turn.report.messages,
        n_held=max(turn.calls[0].to_frame - turn.before.timeline.end, 0) if turn.calls else 0,
        is_late=turn.is_late,
    )


def standing_steps(turn: Turn) -> tuple[Step, ...]:
    """Return the steps that stand after a call and that the call may have changed, oldest first."""
    timeline, horizon = turn.after.timeline, turn.after.horizon
    steps = timeline.since(min(turn.before.horizon, horizon) - BEHIND_FRAMES)
    return steps[: len(steps) - max(timeline.end - horizon, 0)]


def beat_of(step: Step) -> Beat | None:
    """Return the beat that the model was told for a frame, or None."""
    return step.context.told.beat


def bar_frames(state: State) -> float:
    """Return how long a bar is now, in frames; if the beat is unknown, at 120 beats a minute."""
    return int(state.values["beats_a_bar"]) * state.tempo.period_frames


class Tally:
    """Counts the frames, events and notes of a take."""

    def __init__(self) -> None:
        self.n_frames = 0
        self.n_events = 0
        self._n_notes = [0] * N_VOICES
        self._last = [(0, 0)] * N_VOICES  # note and volume in the last frame counted

    def add(self, planned: PlannedFrame) -> None:
        """Count a frame; a frame that was counted already is ignored."""
        if planned.frame_index < self.n_frames:
            return
        self.n_frames = planned.frame_index + 1
        for voice, (note, volume, _) in enumerate(planned.frame.tolist()):
            self._n_notes[voice] += is_onset(*self._last[voice], note, volume)
            self._last[voice] = note, volume

    def end(self) -> End:
        """Return what was counted."""
        return End(self.n_frames, self.n_events, tuple(self._n_notes))


def summary_of(records: Iterable[Record]) -> End:
    """Return the end of a take that was cut off: its frames, events and notes, counted from the records."""
    tally = Tally()
    for record in records:
        if isinstance(record, Turned):
            tally.n_events += len(record.events)
        elif isinstance(record, Played):
            tally.add(record.planned)
    return tally.end()


class TakeLog:
    """Turns calls into lines, and counts what was played."""

    def __init__(self) -> None:
        self._tally = Tally()
        self._steps: tuple[Step, ...] = ()
        self._lines: dict[int, bytes] = {}  # lines of the last frames written, by frame

    @property
    def n_frames(self) -> int:
        """Number of frames written so far."""
        return self._tally.n_frames

    def add(self, turned: Turned, steps: tuple[Step, ...]) -> bytes:
        """Return the lines of a call, then those of the frames that are new or have changed, except the last ones."""
        self._tally.n_events += len(turned.events)
        self._steps = steps
        return encode(turned) + self._settled(_SETTLED_FRAMES)

    def end(self) -> bytes:
        """Return the last lines: the last frames, and the end."""
        return self._settled(0) + encode(self._tally.end())

    def _settled(self, n_open: int) -> bytes:
        lines = b""
        for step in self._steps[: len(self._steps) - n_open]:
            planned = step.planned
            line = encode(Played(planned, beat_of(step)))
            if self._lines.get(planned.frame_index) != line:
                lines += line
                self._lines[planned.frame_index] = line
                self._lines.pop(planned.frame_index - 4 * BEHIND_FRAMES, None)
                self._tally.add(planned)
        return lines
