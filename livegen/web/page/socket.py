"""A connected page, of a performer or of an audience: the messages that it gets, and those that it may send."""

from collections.abc import Mapping
from typing import Any, Final

from livegen.controls import VOICE_PREFIX
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
        if kind != "waves" and (kind != "sound" or self._listens):
            self._keep(kind, message, text)

    def _keep(self, kind: str, message: Mapping[str, Any], text: Sent) -> None:
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
            self._keep("pong", {}, encode("pong", **message).decode())
            return
        self._do(kind, message)

    def _do(self, kind: str, message: dict[str, Any]) -> None:
        if kind == "listen":
            self._listens = message["on"]
        self.ask(kind, **message)

    def refuse(self, error: ControlError) -> None:
        """Tell the page which control was not set, and why."""
        name = error.name if isinstance(error, MessageError) else ""
        self._keep("refused", {}, encode("refused", name=name, reason=str(error)).decode())


_OF_HELLO: Final = ("session", "name", "version", "frame_rate")
_OF_VALUES: Final = frozenset({"lookahead", "beats_a_bar", *(prefix + "mute" for prefix in VOICE_PREFIX.values())})
_SHOWN: Final = frozenset({"plan", "waves", "lost", "ended"})
"""What a show gets: some fields of a hello, some values, the song that plays, and these messages whole."""


class ShowGuest(PageGuest):
    """The page of an audience: it gets what it draws, and nothing that it says reaches the session."""

    is_show = True

    def hear(self, kind: str, message: Mapping[str, Any], text: Sent) -> None:
        """Keep of a message what a show draws."""
        if kind in _SHOWN:
            self._keep(kind, message, text)
        elif kind == "hello":
            self._keep_fields(kind, {field: message[field] for field in _OF_HELLO if field in message})
        elif kind == "values":
            values = {name: value for name, value in message["values"].items() if name in _OF_VALUES}
            if values:
                self._keep_fields(kind, {"values": values})
        elif kind == "songs":  # what is to come is for the audience to wait for
            playing = message["songs"][message["current"] :][:1]
            self._keep_fields(kind, {"songs": playing, "current": 0, "wanted": None})

    def _keep_fields(self, kind: str, fields: Mapping[str, Any]) -> None:
        self._keep(kind, fields, encode(kind, **fields).decode())

    def _do(self, kind: str, message: dict[str, Any]) -> None:
        raise ControlError(f"a show only looks on: {kind} is for the stage page")
