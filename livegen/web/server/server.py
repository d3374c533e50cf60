"""The server: one process that serves the page, and carries messages between the session and all pages."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from http import HTTPStatus
from multiprocessing.connection import Connection
from typing import Any, Final

from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import Server
from websockets.http11 import Request

from livegen.web.oscquery.announce import OSC, OSCQUERY, Announcement, Service, service_name
from livegen.web.server.app import App
from livegen.web.server.door import is_loopback
from livegen.web.server.hub import Hub
from livegen.web.settings import ServerSettings
from livegen.web.wire import MAX_MESSAGE_BYTES

PING_SECONDS: Final = 2.0
PONG_SECONDS: Final = 3.0
"""How often a page is asked whether it is there, and how long it may take to answer before its keys are released."""

_MOST_CONNECTIONS: Final = 256
_MOST_OF_OTHERS: Final = 224
"""Number of open connections up to which this machine may open another, and up to which other machines may.

However many connections other machines open, the performer's own page can still connect.
"""

_REQUEST_SECONDS: Final = 5.0


def serve(pipe: Connection, listener: socket.socket, settings: ServerSettings) -> None:
    """Serve until the session has ended or its end of the pipe closes. Signals and the terminal are left alone.

    Parameters
    ----------
    pipe : Connection
        To the session.
    listener : socket
        Bound and listening.
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
            proxy_headers=False,  # a header must not claim another address than the one that a request comes from
            server_header=False,
            ws_max_size=MAX_MESSAGE_BYTES,
            ws_ping_interval=PING_SECONDS,
            ws_ping_timeout=PONG_SECONDS,
            ws_per_message_deflate=False,  # on a stage's network, delay costs more than bytes
            timeout_graceful_shutdown=0,  # the music has ended, so requests that still wait get no answer
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
        """Begin to take connections, and set `is_up`."""
        await super().startup(sockets)
        self.is_up.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals as they are: uvicorn would end on a Ctrl-C, which is for the session."""
        yield


class HttpProtocol(H11Protocol):
    """A connection before, or without, its WebSocket."""

    def connection_made(self, transport: Any) -> None:
        """Take a connection if there is room for it, and let small messages be sent at once.

        asyncio sets TCP_NODELAY only on sockets that name TCP as their protocol. A socket that was bound elsewhere
        does not. Without TCP_NODELAY, every second message waits 40 ms for the page to acknowledge the one before.
        """
        super().connection_made(transport)
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        is_ours = self.client is not None and is_loopback(self.client[0])
        if len(self.connections) > (_MOST_CONNECTIONS if is_ours else _MOST_OF_OTHERS):
            self.connections.discard(self)  # at once: uvicorn does it a moment later, and many may come together
            self.app.count_refusal()
            transport.abort()
        else:
            self.loop.call_later(_REQUEST_SECONDS, self._close_if_mute, self.cycle)

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP."""
        self.app.count_refusal()
        super().send_400_response(msg)

    def _close_if_mute(self, last_request: object) -> None:
        """Close a connection that has sent no whole request since the last check. uvicorn would wait for ever."""
        if self.transport.is_closing() or self.transport.get_protocol() is not self:
            return
        if self.cycle is last_request and not self.transport.get_write_buffer_size():
            self.transport.abort()
        else:
            self.loop.call_later(_REQUEST_SECONDS, self._close_if_mute, self.cycle)


class _WebSocketProtocol(WebSocketsSansIOProtocol):
    def handle_connect(self, event: Request) -> None:
        """Count a connection that is refused because it turns out to be no WebSocket."""
        super().handle_connect(event)
        if self.response.status_code != HTTPStatus.SWITCHING_PROTOCOLS:
            self.app.count_refusal()

    def keepalive_timeout(self) -> None:
        """Give up a page that does not answer at once. uvicorn would first send all that the page has not taken yet."""
        super().keepalive_timeout()
        self.transport.abort()
