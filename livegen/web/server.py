"""The server: one process that serves the page, and carries messages between the session and all pages."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from multiprocessing.connection import Connection
from typing import Any, Final

from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import Server

from livegen.web.announce import OSC, OSCQUERY, Announcement, Service, service_name
from livegen.web.app import App
from livegen.web.hub import Hub
from livegen.web.settings import ServerSettings
from livegen.web.wire import MAX_MESSAGE_BYTES

PING_SECONDS: Final = 2.0
PONG_SECONDS: Final = 3.0
"""How often a page must show that it is there, and how long it may take: then its keys come up."""

_MOST_CONNECTIONS: Final = 256
_FIRST_REQUEST_SECONDS: Final = 5.0


def serve(pipe: Connection, listener: socket.socket, settings: ServerSettings) -> None:
    """Serve until the session has ended or its end of the pipe closes; it owns neither signals nor the terminal.

    Parameters
    ----------
    pipe : Connection
        To the session.
    listener : socket
        Bound, and listens.
    settings : ServerSettings
    """
    host, port = listener.getsockname()[:2]
    asyncio.run(_serve(pipe, listener, settings, Service(OSCQUERY, host, port)))


async def _serve(pipe: Connection, listener: socket.socket, settings: ServerSettings, own: Service) -> None:
    name = service_name(own.port)
    announcement = Announcement(name)
    hub = Hub(pipe)
    server = _Server(
        Config(
            App(hub, settings, name),
            loop="asyncio",
            http=HttpProtocol,
            ws=_WebSocketProtocol,
            lifespan="off",
            interface="asgi3",
            log_config=None,
            log_level="critical",
            access_log=False,
            proxy_headers=False,  # nobody tells us another address than the one that it comes from
            server_header=False,
            ws_max_size=MAX_MESSAGE_BYTES,
            ws_ping_interval=PING_SECONDS,
            ws_ping_timeout=PONG_SECONDS,
            ws_per_message_deflate=False,  # on a stage's network time is dearer than bytes
            limit_concurrency=_MOST_CONNECTIONS,
            timeout_graceful_shutdown=0,  # whoever waits for an answer now gets none: the music has ended
        )
    )
    tellings: set[asyncio.Task[None]] = set()

    def tell_network() -> None:
        host, port = hub.mirror.hello["osc"]
        telling = asyncio.create_task(_tell(announcement, hub, own, Service(OSC, host, port)))
        tellings.add(telling)
        telling.add_done_callback(tellings.discard)

    hub.on_hello = tell_network
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    carrying = asyncio.create_task(_carry(hub, server))
    await asyncio.wait([serving, carrying], return_when=asyncio.FIRST_COMPLETED)
    server.should_exit = True
    for task in (carrying, *tellings):
        task.cancel()
    await asyncio.gather(carrying, announcement.withdraw(), *tellings, return_exceptions=True)
    await serving


async def _carry(hub: Hub, server: "_Server") -> None:
    await server.is_up.wait()
    await hub.run()


async def _tell(announcement: Announcement, hub: Hub, *services: Service) -> None:
    trouble = await announcement.tell(*services)
    if trouble is not None and trouble not in hub.troubles:
        hub.troubles.append(trouble)


class _Server(Server):
    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.is_up = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to take connections, and say so."""
        await super().startup(sockets)
        self.is_up.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals as they are: uvicorn would end on the Ctrl-C that is the session's to answer."""
        yield


class HttpProtocol(H11Protocol):
    """A connection before, or without, its WebSocket."""

    def connection_made(self, transport: Any) -> None:
        """Close a connection that asks nothing, which uvicorn would keep for ever; send what is small at once.

        asyncio sets TCP_NODELAY only on sockets that name TCP as their protocol, which one that was bound elsewhere does
        not: without it every second message waits 40 ms for the page's acknowledgement of the one before.
        """
        super().connection_made(transport)
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.loop.call_later(_FIRST_REQUEST_SECONDS, self._close_if_mute)

    def _close_if_mute(self) -> None:
        if self.cycle is None and self.transport.get_protocol() is self:
            self.transport.abort()


class _WebSocketProtocol(WebSocketsSansIOProtocol):
    def keepalive_timeout(self) -> None:
        """Give up a page that does not answer, at once: uvicorn would first send all that it has not taken yet."""
        super().keepalive_timeout()
        self.transport.abort()
