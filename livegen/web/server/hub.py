"""The hub: who is connected, and what goes between them and the session."""

import asyncio
import contextlib
import json
from collections.abc import Callable, Iterator, Mapping
from multiprocessing.connection import Connection
from typing import Any, Final, Protocol

from livegen.web.server.line import Line
from livegen.web.server.mirror import Mirror, encode_message
from livegen.web.server.outbox import Sent
from livegen.web.wire import SOUND_MARK, encode

MAX_GUESTS: Final = 64
"""How many pages and OSCQuery clients may be connected at once."""

ALL_MESSAGES_A_SECOND: Final = 2000
"""How many messages all of them together may send: what a session takes without a late frame. The others wait."""

_BURST_SECONDS: Final = 0.25

LOST: Final = encode("lost").decode()
_ALIVE_SECONDS: Final = 0.5


class Listener(Protocol):
    """Someone who is connected: a page or an OSCQuery client. Called on the event loop; never waits."""

    is_page: bool

    def hear(self, kind: str, message: Mapping[str, Any], text: Sent) -> None:
        """Take a message of the session: its type, its fields, and the same encoded; ``sound`` is binary."""

    def leave(self) -> None:
        """Go, because the server ends."""


class Hub:
    """What the session has said, who hears it, and the way back; all on the server's event loop.

    Parameters
    ----------
    pipe : Connection
        To the session.

    Attributes
    ----------
    mirror : Mirror
    refused, faults : int
        Requests and messages that were refused; errors of the server itself.
    troubles : list of str
        What the performer should know of the server, in sentences.
    on_hello : callable
        Is called after each hello.
    """

    def __init__(self, pipe: Connection) -> None:
        self.mirror = Mirror()
        self.refused = self.faults = 0
        self.troubles: list[str] = []
        self.on_hello: Callable[[], None] = lambda: None
        self._line = Line(pipe, self._hear, self._notice, lambda: self.n_pages > 0, self._close)
        self._listeners: dict[str, Listener] = {}
        self._n_welcomed = 0
        self._turn_at = 0.0  # of the message that came last
        self._over = asyncio.Event()

    async def run(self) -> None:
        """Carry messages until the session has ended, and show it that the server lives."""
        line = asyncio.create_task(self._line.run())
        while not self._over.is_set():
            self._show()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._over.wait(), _ALIVE_SECONDS)
        line.cancel()

    @property
    def n_pages(self) -> int:
        """How many pages are open."""
        return sum(listener.is_page for listener in self._listeners.values())

    @property
    def is_full(self) -> bool:
        """Whether nobody else may connect."""
        return len(self._listeners) >= MAX_GUESTS

    @contextlib.contextmanager
    def welcome(self, listener: Listener) -> Iterator[str]:
        """Tell a listener how things stand and all that comes, and give its source; its keys come up when it leaves."""
        self._n_welcomed += 1
        source = f"web:{self._n_welcomed}"
        self._listeners[source] = listener
        for kind, message, text in self.mirror.snapshot(asyncio.get_running_loop().time()):
            listener.hear(kind, message, text)
        if not self._line.answers:
            listener.hear("lost", {}, LOST)
        self._show()
        try:
            yield source
        finally:
            del self._listeners[source]
            self._line.let_go(source)
            self._show()

    async def wait_for_turn(self) -> None:
        """Wait with a message of a guest while they say too much together: its socket is not read meanwhile."""
        now = asyncio.get_running_loop().time()
        self._turn_at = max(self._turn_at, now - _BURST_SECONDS) + 1.0 / ALL_MESSAGES_A_SECOND
        if self._turn_at > now:
            await asyncio.sleep(self._turn_at - now)

    def ask(self, kind: str, source: str, **fields: Any) -> bool:
        """Hand a checked message of a guest on to the session; False where the session takes none."""
        return self._line.send(encode(kind, **fields, source=source), source)

    def _hear(self, heard: bytes) -> None:
        if heard.startswith(SOUND_MARK):
            self._tell("sound", {}, heard.removeprefix(SOUND_MARK))
            return
        text = heard.decode()
        message = json.loads(text)
        self.mirror.keep(message, asyncio.get_running_loop().time())
        if message["type"] == "hello":
            message = self.mirror.full_hello()
            text = encode_message(message)
        self._tell(message["type"], message, text)
        if message["type"] == "hello":
            self.on_hello()
        elif message["type"] == "ended":
            self._close()

    def _notice(self, answers: bool) -> None:
        if not answers:
            self._tell("lost", {}, LOST)
            return
        for kind, message, text in self.mirror.snapshot(asyncio.get_running_loop().time()):
            self._tell(kind, message, text)

    def _tell(self, kind: str, message: Mapping[str, Any], text: Sent) -> None:
        for listener in self._listeners.values():
            listener.hear(kind, message, text)

    def _close(self) -> None:
        if self._over.is_set():
            return
        self._over.set()
        self._tell("lost", {}, LOST)
        for listener in self._listeners.values():
            listener.leave()

    def _show(self) -> None:
        alive = encode("alive", pages=self.n_pages, refused=self.refused, faults=self.faults, troubles=self.troubles)
        self._line.show(alive)
