"""A connected page: the messages that it gets, and those that it may send."""

from collections.abc import Mapping
from typing import Any

from livegen.errors import ControlError
from livegen.web.page.messages import MessageError, read_message
from livegen.web.server.guest import Guest
from livegen.web.server.hub import Hub
from livegen.web.server.outbox import Outbox, Sent
from livegen.web.wire import encode


class PageGuest(Guest):
    """A page that is connected."""

    is_page = True

    def __init__(self, hub: Hub) -> None:
        super().__init__(hub)
        self._outbox = Outbox()
        self._listens = False

    def hear(self, kind: str, message: Mapping[str, Any], text: Sent) -> None:
        """Keep a message for the page; sound only if the page listens."""
        if kind != "sound" or self._listens:
            self._outbox.put(kind, message, text)
            self.wake()

    def take(self) -> list[Sent]:
        """Return all that waits to be sent."""
        return self._outbox.take()

    def obey(self, text: str | None, packet: bytes) -> None:
        """Do what a message says; raises a `ControlError` if a page may not send it."""
        if text is None:
            raise ControlError(f"a page sends texts, no {len(packet)} bytes")
        message = read_message(text)
        kind = message.pop("type")
        if kind == "ping":
            self.hear("pong", {}, encode("pong", **message).decode())
            return
        if kind == "listen":
            self._listens = message["on"]
        self.ask(kind, **message)

    def refuse(self, error: ControlError) -> None:
        """Tell the page which control was not set, and why."""
        name = error.name if isinstance(error, MessageError) else ""
        self.hear("refused", {}, encode("refused", name=name, reason=str(error)).decode())
