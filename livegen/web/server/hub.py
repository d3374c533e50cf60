"""The hub: knows who is connected, and carries messages between them and the session."""

import asyncio
import contextlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from multiprocessing.connection import Connection
from typing import Any, Final, Protocol

from livegen.inputs.osc_message import NoRoomError
from livegen.web.server.line import Line
from livegen.web.server.mirror import Mirror, encode_message
from livegen.web.server.outbox import Sent
from livegen.web.wire import MAX_ASKED_BYTES, SOUND_MARK, encode

MAX_GUESTS: Final = 64
"""How many pages and OSCQuery clients may be connected at once."""

ALL_MESSAGES_A_SECOND: Final = 2000
"""How many messages all of them together may send: as many as a session takes without a late frame. More must wait."""

_BURST_SECONDS: Final = 0.25

LOST: Final = encode("lost").decode()
_ALIVE_SECONDS: Final = 0.5
_PLANS_SECONDS: Final = 2.0


class Listener(Protocol):
    """A page or an OSCQuery client that is connected. Its methods are called on the event loop and never wait."""

    is_page: bool
    is_show: bool

    def hear(self, kind: str, message: Mapping[str, Any], text: Sent) -> None:
        """Take a message of the session: its type, its fields, and the encoded message; ``sound`` is binary."""

    def leave(self) -> None:
        """Disconnect, because the server ends."""


class Hub:
    """Keeps what the session has said, sends it to all listeners, and sends their messages back.

    All of it runs on the server's event loop.

    Parameters
    ----------
    pipe : Connection
        To the session.

    Attributes
    ----------
    mirror : Mirror
    refused, faults : int
        Number of requests and messages that were refused; of errors of the server itself.
    drops : Counter
        How many of the refused messages came by OSC, by kind.
    troubles : list of str
        Sentences with what the performer should know about the server.
    on_hello : callable
        Called after each hello.
    """

    def __init__(self, pipe: Connection) -> None:
        self.mirror = Mirror()
        self.refused = self.faults = 0
        self.drops: Counter[str] = Counter()
        self.troubles: list[str] = []
        self.on_hello: Callable[[], None] = lambda: None
        self._line = Line(pipe, self._hear, self._notice, lambda: self.n_pages > 0, self._close)
        self._listeners: dict[str, Listener] = {}
        self._n_welcomed = 0
        self._plans: asyncio.Future[dict[str, Any]] | None = None  # asked for and not yet here
        self._turn_at = 0.0  # when the latest message may be handed on
        self._over = asyncio.Event()

    async def run(self) -> None:
        """Carry messages until the session has ended, and show the session that the server is alive."""
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
        """Send a listener the present state and then every message, and yield its source.

        When it leaves, its keys are released.
        """
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
        """Delay a guest's message while all guests together send too much. Its socket is not read meanwhile."""
        now = asyncio.get_running_loop().time()
        self._turn_at = max(self._turn_at, now - _BURST_SECONDS) + 1.0 / ALL_MESSAGES_A_SECOND
        if self._turn_at > now:
            await asyncio.sleep(self._turn_at - now)

    async def plans(self) -> dict[str, Any] | None:
        """Return the session's last plans, as it tells them; None if it does not answer. All who wait share them."""
        if self._plans is None or self._plans.done():
            if not self._line.send(encode("plans"), ""):
                return None
            self._plans = asyncio.get_running_loop().create_future()
        try:
            return await asyncio.wait_for(asyncio.shield(self._plans), _PLANS_SECONDS)
        except TimeoutError:
            self._plans = None  # whoever comes next asks again
            return None

    def ask(self, kind: str, source: str, **fields: Any) -> bool:
        """Hand a checked message of a guest on to the session; False if the session takes none.

        Raises
        ------
        NoRoomError
            If it is longer than the session takes.
        """
        message = encode(kind, **fields, source=source)
        if len(message) > MAX_ASKED_BYTES:
            raise NoRoomError(f"{len(message)} bytes are too many at once: send several, of {MAX_ASKED_BYTES} at most")
        return self._line.send(message, source)

    def _hear(self, heard: bytes) -> None:
        if heard.startswith(SOUND_MARK):
            self._tell("sound", {}, heard.removeprefix(SOUND_MARK))
            return
        text = heard.decode()
        message = json.loads(text)
        if message["type"] == "plans":
            if self._plans is not None and not self._plans.done():
                self._plans.set_result(message)
            return
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
        alive = encode(
            "alive",
            pages=self.n_pages,
            shows=sum(listener.is_show for listener in self._listeners.values()),
            refused=self.refused,
            faults=self.faults,
            drops=self.drops,
            troubles=self.troubles,
        )
        self._line.show(alive)
