"""The last plans of a session, as its server asks for them: the fields of a ``plans`` message."""

import time
from base64 import b64encode
from typing import Any

from livegen.session.pacing.plans import COLUMNS
from livegen.session.session import Session


def plans(session: Session) -> dict[str, Any]:
    """Return what is told of the plans; any thread may call it.

    The rows are packed, because the session has no time to make texts of them.

    Returns
    -------
    dict
        ``columns``, the names of `livegen.session.pacing.plans.COLUMNS`; ``packed``, the rows as `PlanLog.read` has
        them, in base64; ``now_ns``, the time on their clock; ``seconds`` played; ``lookahead`` in frames; ``block_ms``;
        ``late_frames`` and ``underflows`` so far.
    """
    stats = session.instrument.callback["stats"][0]
    return {
        "columns": COLUMNS,
        "packed": b64encode(session.plans.read()).decode("ascii"),
        "now_ns": time.perf_counter_ns(),
        "seconds": round(max(session.seconds(), 0.0), 1),
        "lookahead": int(session.instrument.values["lookahead"]),
        "block_ms": round(1000.0 * session.clock.block_seconds(), 3),
        "late_frames": int(stats["late_frames"]),
        "underflows": int(stats["underflows"]),
    }
