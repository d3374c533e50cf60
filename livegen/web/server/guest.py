"""A guest: the WebSocket of a page or of an OSCQuery client, from its beginning to its end."""

import asyncio
import contextlib
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Final

from starlette.websockets import WebSocket, WebSocketDisconnect

from livegen.errors import ControlError
from livegen.web.server.hub import Hub
from livegen.web.server.outbox import Sent

GOING_AWAY: Final = 1001
BREACHES: Final = frozenset({1002, 1007, 1009})  # protocol error, no UTF-8, too big: the library closes the socket
TOO_MANY: Final = 1008
TRY_LATER: Final = 1013
"""Status codes with which a WebSocket is closed (https://www.rfc-editor.org/rfc/rfc6455#section-7.4)."""

MESSAGES_A_SECOND: Final = 1000
BURST: Final = 2000
"""How many messages one guest may send each second, more than a MIDI cable carries, and how many at once, since
messages may be held up on the way.
"""


class Allowance:
    """Counts how many messages a guest may still send: `BURST` at once, and `MESSAGES_A_SECOND` more each second."""

    def __init__(self) -> None:
        self._left = float(BURST)
        self._at = time.monotonic()

    def spend(self) -> bool:
        """Take one message off the allowance; False if none is left."""
        now = time.monotonic()
        self._left = min(BURST, self._left + (now - self._at) * MESSAGES_A_SECOND) - 1.0
        self._at = now
        return self._left >= 0.0


class Guest(ABC):
    """A page, a show or a client that is connected; a `Listener` of the hub.

    Parameters
    ----------
    hub : Hub

    Attributes
    ----------
    source : str
        Name under which the session knows it.
    """

    is_page = False
    is_show = False

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.source = ""
        self._is_leaving = False
        self._something = asyncio.Event()

    @abstractmethod
    def hear(self, kind: str, message: Mapping[str, Any], text: Sent) -> None:
        """Keep what the guest is to be sent because of a message of the session; then `wake`."""

    @abstractmethod
    def take(self) -> list[Sent]:
        """Return all that waits to be sent, and forget it."""

    @abstractmethod
    def obey(self, text: str | None, packet: bytes) -> None:
        """Do what the guest says in a text, or else in a packet; raises a `ControlError` if that cannot be done."""

    @abstractmethod
    def refuse(self, error: ControlError) -> None:
        """Keep an error, to send it to the guest."""

    def wake(self) -> None:
        """Let all that waits be sent."""
        self._something.set()

    def leave(self) -> None:
        """Close the socket as soon as all that waits has been sent."""
        self._is_leaving = True
        self.wake()

    def ask(self, kind: str, **fields: Any) -> None:
        """Hand a message on to the session; raises a `ControlError` if the session takes none."""
        if not self.hub.ask(kind, self.source, **fields):
            raise ControlError("the session does not answer: too much waits for it already")

    async def attend(self, socket: WebSocket) -> None:
        """Serve the socket until the guest leaves or is sent away, or the server ends."""
        try:
            await socket.accept()
        except (WebSocketDisconnect, RuntimeError):  # it left before it was accepted
            return
        if self.hub.is_full:
            await self._send_away(socket, TRY_LATER, "too many pages are open: close one, then load this one again")
            return
        with self.hub.welcome(self) as self.source:
            sender = asyncio.create_task(self._send(socket))
            try:
                await self._receive(socket)
            finally:
                sender.cancel()

    async def _receive(self, socket: WebSocket) -> None:
        allowance = Allowance()
        while True:
            message = await socket.receive()
            if message["type"] == "websocket.disconnect":
                self.hub.refused += message.get("code") in BREACHES
                return
            if not allowance.spend():
                await self._send_away(socket, TOO_MANY, f"too many messages: at most {MESSAGES_A_SECOND} a second")
                return
            await self.hub.wait_for_turn()
            try:
                self.obey(message.get("text"), message.get("bytes") or b"")
            except ControlError as error:
                self.hub.refused += 1
                self.refuse(error)

    async def _send_away(self, socket: WebSocket, code: int, reason: str) -> None:
        self.hub.refused += 1
        with contextlib.suppress(WebSocketDisconnect, RuntimeError):
            await socket.close(code, reason)

    async def _send(self, socket: WebSocket) -> None:
        with contextlib.suppress(WebSocketDisconnect, RuntimeError):  # the guest is gone; `_receive` notices too
            while True:
                await self._something.wait()
                self._something.clear()
                for sent in self.take():
                    await (socket.send_text(sent) if isinstance(sent, str) else socket.send_bytes(sent))
                if self._is_leaving:
                    await socket.close(GOING_AWAY, "livegen has ended")
                    return
