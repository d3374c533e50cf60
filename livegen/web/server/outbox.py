"""What waits to be sent to one page: bounded, and fair about what a slow page loses.

A page that keeps up gets everything in the order in which it came. One that does not loses old plans, old sound and
old news; of what only its latest state counts for (gauges, keys, knobs) it gets the latest, and of the controls the
latest value of each: never none.
"""

from collections import deque
from collections.abc import Mapping
from typing import Any, Final

from livegen.web.wire import encode

Sent = str | bytes
"""A message as it goes to a page, encoded once for all: a text, or bytes where it is sound."""

_LATEST: Final = ("hello", "lost", "values", "keys", "knobs", "gauges", "ended")
_MOST: Final[Mapping[str, int]] = {"plan": 72, "sound": 16, "words": 64}
"""How many wait: three seconds of plans, some of sound; words are pongs, news and refusals."""


class Outbox:
    """Messages that wait for one page; all on the server's event loop."""

    def __init__(self) -> None:
        self._latest: dict[str, Sent] = {}
        self._values: dict[str, Any] = {}
        self._queues: dict[str, deque[Sent]] = {kind: deque(maxlen=most) for kind, most in _MOST.items()}

    def put(self, kind: str, message: Mapping[str, Any], text: Sent) -> None:
        """Keep a message until it can be sent.

        Parameters
        ----------
        kind : str
            Its ``type``; ``sound`` for a binary one.
        message : mapping
            Its fields; only those of ``values`` are looked at.
        text : str or bytes
            The same, encoded.
        """
        if kind == "values":
            is_first = not self._values
            self._values |= message["values"]
            self._latest[kind] = text if is_first else ""  # several are sent as one, which `take` encodes
        elif kind in _LATEST:
            self._latest[kind] = text
            if kind == "hello":  # the session is there again
                self._latest.pop("lost", None)
        else:
            self._queues.get(kind, self._queues["words"]).append(text)

    def take(self) -> list[Sent]:
        """Return all that waits, the state before what happened, and forget it."""
        latest, self._latest = self._latest, {}
        values, self._values = self._values, {}
        if "values" in latest and not latest["values"]:
            latest["values"] = encode("values", values=values).decode()
        texts = [latest[kind] for kind in _LATEST if kind in latest]
        for queue in self._queues.values():
            texts += queue
            queue.clear()
        return texts

    def __len__(self) -> int:
        """How many messages wait."""
        return len(self._latest) + sum(map(len, self._queues.values()))
