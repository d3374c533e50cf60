"""What the log of plans tells: how long plans take, which keys were answered late, and what most likely held them up.

Pure functions of its rows.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.session.pacing.plans import COLUMNS, Cause

PLAN: Final = np.dtype([(column, "<i8") for column in COLUMNS])
"""A row of the log; `numpy.frombuffer` makes an array of what `PlanLog.read` returns."""

REASONS: Final[Mapping[str, str]] = {
    "garbage": "garbage was collected",
    "page": "the stage page was being sent to",
    "link": "Link was being asked",
    "plan before": "the plan before took longer than a frame",
    "wake-up": "the thread that plans woke late: another thread or program had the processor",
    "interrupted": "the thread that plans was kept waiting by another thread or program",
    "model": "the model took long for the frame itself, or for its rehearsal",
    "input": "what had come in was handed on late: the thread that took it was kept waiting",
    "early": "the frame was planned early, because the sound device or a MIDI output asks early",
}
"""What may have held up an answer."""

_OTHERS: Final = ("wake-up", "interrupted")
_SHARE: Final = 0.5
"""Of the time that was waited, who has worked for this share is taken for the reason."""


@dataclass(frozen=True, slots=True)
class Miss:
    """A plan that came too late for an event, or for its own frame.

    Attributes
    ----------
    frame : int
        Which knows of the event.
    seconds_ago : float
    frames_late : int
        How many frames earlier one could have known of it; 0 where nothing had come in.
    cause : str
        What the plan was made for, a `Cause` in small letters.
    reason : str
        Of `REASONS`.
    parts_ms : dict of str to float
        What passed from the time at which the plan was to begin to its first frame, by reason; and what the page and
        Link worked meanwhile.
    """

    frame: int
    seconds_ago: float
    frames_late: int
    cause: str
    reason: str
    parts_ms: dict[str, float]


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What is to be told of a log.

    Attributes
    ----------
    seconds : float
        From its first plan to its last.
    plans : dict of str to int
        How many there are, by what they were made for, a `Cause` in small letters.
    begin_late_ms, answer_ms, plan_ms : dict of str to float
        ``p50``, ``p99`` and ``max`` of how late a plan began, and of the time from there to its first frame
        and to its last.
    keys, keys_on_time : int
        How many went down or came up, and how many of those were answered in the first frame that was possible.
    late : int
        Plans that came too late for their own frame.
    reasons : dict of str to int
        How many misses there were for each reason, the most frequent first.
    misses : tuple of Miss
        The oldest first.
    """

    seconds: float
    plans: dict[str, int]
    begin_late_ms: dict[str, float]
    answer_ms: dict[str, float]
    plan_ms: dict[str, float]
    keys: int
    keys_on_time: int
    late: int
    reasons: dict[str, int]
    misses: tuple[Miss, ...]


def rows_of(columns: Sequence[str], rows: Sequence[Sequence[int]]) -> NDArray[np.void]:
    """Return rows that were told as an array of PLAN; a ValueError if they have not these columns."""
    if tuple(columns) != COLUMNS:
        raise ValueError(f"the columns are {', '.join(columns)}")
    return np.array([tuple(row) for row in rows], PLAN)


def diagnose(plans: NDArray[np.void], now_ns: int) -> Diagnosis:
    """Tell what a log says.

    Parameters
    ----------
    plans : ndarray of PLAN
    now_ns : int
        The time on their clock.
    """
    plans = np.sort(plans, order="began_ns")  # the oldest may have been written over while it was read
    parts = _parts(plans)
    misses = [_miss(plans, parts, i, now_ns) for i in np.flatnonzero(_is_missed(plans)).tolist()]
    counts = Counter(miss.reason for miss in misses)
    keys, missed = int(plans["keys"].sum()), int(plans["missed_keys"].sum())
    return Diagnosis(
        seconds=float(plans["began_ns"][-1] - plans["began_ns"][0]) / 1e9 if len(plans) else 0.0,
        plans={cause.name.lower(): int((plans["cause"] == cause).sum()) for cause in Cause},
        begin_late_ms=_percentiles(plans["began_ns"] - plans["due_ns"]),
        answer_ms=_percentiles(plans["answered_ns"] - plans["began_ns"]),
        plan_ms=_percentiles(plans["planned_ns"] - plans["began_ns"]),
        keys=keys,
        keys_on_time=keys - missed,
        late=int(plans["is_late"].sum()),
        reasons=dict(counts.most_common()),
        misses=tuple(misses),
    )


def _is_missed(plans: NDArray[np.void]) -> NDArray[np.bool_]:
    return (plans["is_late"] > 0) | (plans["possible_frame"] < plans["frame"])


def _parts(plans: NDArray[np.void]) -> dict[str, NDArray[np.int64]]:
    """Return what passed from when each plan was due to its first frame, in nanoseconds, by reason."""
    ended = np.concatenate([plans["due_ns"][:1], plans["ended_ns"][:-1]])
    ended = np.clip(ended, plans["due_ns"], plans["began_ns"])
    free = np.clip(plans["rehearsed_ns"], ended, plans["began_ns"])  # from when on only a wake-up was waited for
    waited = plans["answered_ns"] - plans["began_ns"] - plans["answer_own_ns"]
    return {
        "plan before": ended - plans["due_ns"],
        "wake-up": plans["began_ns"] - free,
        "interrupted": np.maximum(waited, 0),
        "model": plans["answer_own_ns"] + free - ended,
        "garbage": plans["garbage_ns"],
        "page": plans["page_ns"],
        "link": plans["link_ns"],
    }


def _miss(plans: NDArray[np.void], parts: Mapping[str, NDArray[np.int64]], i: int, now_ns: int) -> Miss:
    plan = plans[i]
    return Miss(
        frame=int(plan["frame"]),
        seconds_ago=round((now_ns - int(plan["began_ns"])) / 1e9, 1),
        frames_late=int(plan["frame"] - plan["possible_frame"]),
        cause=Cause(int(plan["cause"])).name.lower(),
        reason=_reason(plans, parts, i),
        parts_ms={reason: round(int(part[i]) / 1e6, 2) for reason, part in parts.items()},
    )


def _reason(plans: NDArray[np.void], parts: Mapping[str, NDArray[np.int64]], i: int) -> str:
    """Return what held up a plan: the part that took most beyond what it usually takes."""
    if not plans["is_late"][i]:  # it came in time for its own frame, and the one before had not waited for the event
        return "early" if i == 0 or plans["event_ns"][i] > plans["began_ns"][i - 1] else "input"
    beyond = {reason: int(part[i]) - int(np.median(part)) for reason, part in parts.items()}
    held_up = {reason: beyond[reason] for reason in ("plan before", "wake-up", "interrupted", "model")}
    reason = max(held_up, key=lambda each: held_up[each])
    worked = {who: beyond[who] for who in ("garbage", *(("page", "link") if reason in _OTHERS else ()))}
    who = max(worked, key=lambda each: worked[each])
    return who if worked[who] >= _SHARE * held_up[reason] else reason


def _percentiles(times_ns: NDArray[np.int64]) -> dict[str, float]:
    if not len(times_ns):
        return dict.fromkeys(("p50", "p99", "max"), 0.0)
    p50, p99, longest = np.percentile(times_ns, (50, 99, 100)) / 1e6
    return {"p50": round(float(p50), 2), "p99": round(float(p99), 2), "max": round(float(longest), 2)}
