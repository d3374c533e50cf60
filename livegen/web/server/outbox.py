"""The messages that wait to be sent to one page. Their number is limited, so a slow page loses some.

A page that keeps up gets everything in the order in which it came. A slow one loses old plans, old waveforms, old sound
and old news. It always gets the latest gauges, keys, knobs and songs, and the latest value of each control.
"""

from collections import deque
from collections.abc import Mapping
from typing import Any, Final

from livegen.web.wire import encode

Sent = str | bytes
"""A message as it goes to a page, encoded once for all pages: a text, or bytes if it is sound."""

_LATEST: Final = ("hello", "lost", "values", "keys", "knobs", "songs", "gauges", "ended")
_MOST: Final[Mapping[str, int]] = {"plan": 72, "waves": 16, "sound": 16, "words": 64}
"""Largest number of messages that wait, by kind. 72 plans are three seconds; words are pongs, news and refusals."""


class Outbox:
    """Messages that wait for one page. All methods run on the server's event loop."""

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
            self._latest[kind] = text if is_first else ""  # several become one message, which `take` encodes
        elif kind in _LATEST:
            self._latest[kind] = text
            if kind == "hello":  # the session answers again
                self._latest.pop("lost", None)
        else:
            self._queues.get(kind, self._queues["words"]).append(text)

    def take(self) -> list[Sent]:
        """Return all that waits, and forget it. The latest states come first, then plans, what sounds, and words."""
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
