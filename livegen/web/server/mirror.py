"""The mirror: all that a page must be sent when it connects, to know what the pages before it know."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any, Final

from livegen.controls import CONTROLS, MODEL_CONTROLS, SAME
from livegen.web.wire import encode

KEPT_SECONDS: Final = 10
"""How much of the past a new page is shown."""

TABLE: Final = [{**asdict(control), "name": name} for name, control in CONTROLS.items()]


class Mirror:
    """The state of the session, from its messages so far.

    Attributes
    ----------
    hello : dict
        The last one, without the table; empty before the first.
    values : dict
        Controls in force.
    """

    def __init__(self) -> None:
        self.hello: dict[str, Any] = {}
        self.values: dict[str, Any] = {}
        self._latest: dict[str, dict[str, Any]] = {}
        self._rows: dict[int, list[Any]] = {}  # rows of frames by index, in the order in which they were first planned
        self._horizon = 0
        self._now = 0.0
        self._heard_at = 0.0

    def keep(self, message: dict[str, Any], seconds: float) -> None:
        """Keep what a message of the session says. `seconds` is the time of any monotonic clock."""
        kind = message["type"]
        if kind == "hello":
            if message.get("session") != self.hello.get("session"):
                for kept in (self.values, self._latest, self._rows):
                    kept.clear()
            self.hello = message
        elif kind == "values":
            self.values |= message["values"]
        elif kind == "plan":
            self._keep_plan(message, seconds)
        elif kind in ("keys", "knobs", "songs", "gauges"):
            self._latest[kind] = message

    def _keep_plan(self, plan: Mapping[str, Any], seconds: float) -> None:
        self._now, self._heard_at, self._horizon = float(plan["now"]), seconds, int(plan["horizon"])
        self._rows |= {row[0]: row for row in plan["frames"]}
        rate = float(self.hello.get("frame_rate", 0)) or 1.0
        oldest, latest = self._now - KEPT_SECONDS * rate, self._now + KEPT_SECONDS * rate
        if len(self._rows) > 2 * KEPT_SECONDS * rate or min(self._rows, default=oldest) < oldest - rate:
            self._rows = {index: row for index, row in self._rows.items() if oldest <= index <= latest}

    def full_hello(self) -> dict[str, Any]:
        """Return the hello as pages get it, with the table of controls."""
        return {**self.hello, "table": TABLE}

    @property
    def picked(self) -> dict[str, str]:
        """What plays, by the controls that pick it: patch and model where they are known, and each voice's own."""
        gauges = self._latest.get("gauges", {})
        own = {f"{voice}.model": name for voice, name in gauges.get("cast", {}).items()}
        same = {name: SAME for name, voice in MODEL_CONTROLS.items() if voice is not None}
        return same | own | {name: gauges[name] for name in ("patch", "model") if name in gauges}

    def snapshot(self, seconds: float) -> Iterator[tuple[str, dict[str, Any], str]]:
        """Yield the messages that a new page needs, each with its type and its text; none before the first hello."""
        if not self.hello:
            return
        messages = [self.full_hello(), {"type": "values", "values": dict(self.values)}, *self._latest.values()]
        rate = float(self.hello["frame_rate"])
        now = self._now + (seconds - self._heard_at) * rate
        frames = [self._rows[index] for index in sorted(self._rows) if index >= now - KEPT_SECONDS * rate]
        if frames:
            horizon = max(self._horizon, math.floor(now) + 1)  # the frame that is heard cannot change any more
            messages.append({"type": "plan", "now": round(now, 3), "horizon": horizon, "frames": frames})
        for message in messages:
            yield message["type"], message, encode_message(message)


def encode_message(message: Mapping[str, Any]) -> str:
    """Return a message in the form in which it goes to the pages."""
    return encode(message["type"], **{name: field for name, field in message.items() if name != "type"}).decode()
