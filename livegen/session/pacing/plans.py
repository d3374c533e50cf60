"""The log of plans: what the last thousand took, and what each was made for.

The frame thread alone writes it. A row is packed into memory that is there from the start, since whoever plans has no
time to spare. Any thread may read it.
"""

import time
from collections.abc import Callable
from enum import IntEnum
from struct import Struct
from typing import Final

from livegen.events import CLOCK_EVENTS, NoteOff, NoteOn, SetControl
from livegen.performance.turn import FrameReport
from livegen.units import FRAME_RATE_HZ

N_PLANS: Final = 1000
"""Plans that are kept: those of the last 42 seconds."""

ANSWER_MARGIN_SECONDS: Final = 0.005
"""A frame can be conditioned on an event if it begins that much later, and a block."""

COLUMNS: Final = (
    *("cause", "events", "keys", "missed_keys", "frame", "possible_frame", "end_frame", "is_late"),
    *("event_ns", "due_ns", "began_ns", "answered_ns", "planned_ns", "ended_ns", "sounds_ns", "rehearsed_ns"),
    *("answer_own_ns", "garbage_ns", "page_ns", "link_ns"),
)
"""What is kept of a plan, whole numbers. Times are those of `time.perf_counter_ns`, 0 for what was not.

============== =======================================================================================================
cause          what it was made for, a `Cause`
events         how many came since the plan before; `keys` of them went down or came up, and `missed_keys` of those are
               answered later than in the first frame that is possible
frame          the first that was planned on the events
possible_frame the first that begins at least `ANSWER_MARGIN_SECONDS` and a block after the first event
end_frame      behind the last that is planned
is_late        1 if the sound had taken the frame that was due already, so that the plan became one for a later frame
event_ns       when the first event came
due_ns         when the plan was to begin
began_ns       when it did
answered_ns    when its first frame was published
planned_ns     when all of it was
ended_ns       when those had been told who watch
sounds_ns      when the first sample of `frame` is made
rehearsed_ns   when the answer had been rehearsed, see `livegen.instrument.rehearsal`
answer_own_ns  the processor's time that the frame thread took from `began_ns` to `answered_ns`; the rest it waited
garbage_ns     how long garbage was collected, on whichever thread, from the answer of the plan before to `answered_ns`
page_ns        the processor's time that was spent on sending to the stage page, since the plan before ended
link_ns        likewise on Link
============== =======================================================================================================
"""

_ROW: Final = Struct(f"<{len(COLUMNS)}q")
_FRAME_NS: Final = 1_000_000_000 / FRAME_RATE_HZ
_FORGETS: Final = 0.98
_SAFELY: Final = 1.25
_LEAST_ROOM_SECONDS: Final = 0.001
"""An answer that takes a quarter longer than the slowest of late is to be there a millisecond early."""

_WATCHED: Final = ("stage out", "link")


class Cause(IntEnum):
    """What a plan was made for: the boundary of a frame alone, or the weightiest of what came in."""

    BOUNDARY = 0
    INPUT = 1
    BEAT = 2
    CONTROL = 3
    KEY = 4


_CAUSES: Final = (
    ((NoteOn, NoteOff), Cause.KEY),
    ((SetControl,), Cause.CONTROL),
    (CLOCK_EVENTS, Cause.BEAT),
    ((object,), Cause.INPUT),
)


class PlanLog:
    """The last `N_PLANS` plans of a session.

    Parameters
    ----------
    garbage_ns : callable
        Returns how long garbage has been collected so far.

    Attributes
    ----------
    slow_answer_seconds : float
        How long the slowest answer took, in plans that something came in for; so much less for each plan since as
        halves it within a second and a half.
    """

    def __init__(self, garbage_ns: Callable[[], int] = lambda: 0) -> None:
        self._garbage_so_far_ns = garbage_ns
        self._rows = bytearray(_ROW.size * N_PLANS)
        self._n_rows = 0
        self.slow_answer_seconds = 0.0
        self._clocks: dict[str, Callable[[], int]] = dict.fromkeys(_WATCHED, lambda: 0)
        self._used_ns = [0, 0]  # by those clocks, until the plan before ended
        self._collected_ns = self._answer_garbage_ns = 0
        self._due_ns = self._began_ns = self._answered_ns = self._planned_ns = self._sounds_ns = 0
        self._rehearsed_ns = self._own_ns = self._answer_own_ns = 0

    def watch(self, name: str, clock: Callable[[], int]) -> None:
        """Keep what a thread takes, if it is one of those that are watched; `clock` returns its processor's time."""
        if name in self._clocks:
            self._clocks[name] = clock

    def rehearse(self) -> None:
        """Note that an answer was rehearsed."""
        self._rehearsed_ns = time.perf_counter_ns()

    def begin(self, now_ns: int, wait_seconds: float, seconds_to_frame: float) -> None:
        """Note that a plan begins.

        Parameters
        ----------
        now_ns : int
        wait_seconds : float
            Until it is due; 0 or less.
        seconds_to_frame : float
            Until the frame sounds that is due.
        """
        self._began_ns, self._answered_ns = now_ns, 0
        self._due_ns, self._sounds_ns = now_ns + round(1e9 * wait_seconds), now_ns + round(1e9 * seconds_to_frame)
        self._own_ns = time.thread_time_ns()

    def answer(self) -> None:
        """Note that the first frame is published."""
        self._answered_ns = time.perf_counter_ns()
        self._answer_own_ns = time.thread_time_ns() - self._own_ns
        collected_ns = self._garbage_so_far_ns()
        self._answer_garbage_ns, self._collected_ns = collected_ns - self._collected_ns, collected_ns

    def plan(self) -> None:
        """Note that all frames are published."""
        self._planned_ns = time.perf_counter_ns()

    def end(self, report: FrameReport, due_frame: int, end_frame: int, block_seconds: float) -> None:
        """Note that a plan is over, and keep it.

        Parameters
        ----------
        report : FrameReport
        due_frame : int
            The frame that it was to be for.
        end_frame : int
            Behind the last that is planned.
        block_seconds : float
            How long a block lasts.
        """
        frame = report.horizon
        sounds_ns = self._sounds_ns + round((frame - due_frame) * _FRAME_NS)
        latest_ns = sounds_ns - round((ANSWER_MARGIN_SECONDS + block_seconds) * 1e9)
        cause, n_keys, n_missed = Cause.BOUNDARY, 0, 0
        for stamped, time_ns in zip(report.events, report.times_ns, strict=True):
            kind = next(cause for kinds, cause in _CAUSES if isinstance(stamped.event, kinds))
            cause = max(cause, kind)
            if kind is Cause.KEY:
                n_keys += 1
                n_missed += time_ns <= latest_ns - _FRAME_NS
        event_ns = min(report.times_ns, default=0)
        n_frames_lost = max(int((latest_ns - event_ns) / _FRAME_NS), 0) if event_ns else 0
        self.slow_answer_seconds *= _FORGETS
        if report.events:
            seconds = (self._answered_ns - self._began_ns) / 1e9
            self.slow_answer_seconds = max(self.slow_answer_seconds, seconds)
        used_ns = [clock() for clock in self._clocks.values()]
        _ROW.pack_into(
            self._rows,
            self._n_rows % N_PLANS * _ROW.size,
            *(cause, len(report.events), n_keys, n_missed, frame, frame - n_frames_lost, end_frame),
            *(frame > due_frame, event_ns, self._due_ns, self._began_ns, self._answered_ns, self._planned_ns),
            *(time.perf_counter_ns(), sounds_ns, self._rehearsed_ns, self._answer_own_ns, self._answer_garbage_ns),
            *(now_ns - before_ns for now_ns, before_ns in zip(used_ns, self._used_ns, strict=True)),
        )
        self._n_rows += 1
        self._rehearsed_ns = 0
        self._used_ns = used_ns

    def room_seconds(self, margin_seconds: float) -> float:
        """Return how much of the time that is left for an answer is not needed, as answers of late were."""
        return max(margin_seconds - _SAFELY * self.slow_answer_seconds - _LEAST_ROOM_SECONDS, 0.0)

    def read(self) -> bytes:
        """Return the rows that are kept, each `COLUMNS` as int64, little-endian, the oldest first; from any thread."""
        at, rows = self._n_rows, bytes(self._rows)
        if at < N_PLANS:
            return rows[: at * _ROW.size]
        at = at % N_PLANS * _ROW.size
        return rows[at:] + rows[:at]
