"""The server: uvicorn with the application, until it is asked to leave."""

import contextlib
import socket
from typing import Final

from uvicorn.config import Config
from uvicorn.server import Server

from livegen.serve.http.app import create_app
from livegen.serve.http.service import Service

_LEAVE_SECONDS: Final = 2  # for requests that still wait when it is asked to leave


def serve(service: Service, listener: socket.socket) -> None:
    """Serve on a socket that is bound and listening, until SIGINT or SIGTERM."""
    with contextlib.suppress(KeyboardInterrupt):  # which uvicorn raises once it has ended in order
        server_of(service).run(sockets=[listener])


def server_of(service: Service) -> Server:
    """Return a server of a service, which has not begun."""
    config = Config(
        create_app(service),
        loop="asyncio",
        http="h11",
        ws="none",
        lifespan="on",
        interface="asgi3",
        log_config=None,
        log_level="critical",
        access_log=False,
        proxy_headers=False,  # a header must not claim another address than the one that a request comes from
        server_header=False,
        timeout_graceful_shutdown=_LEAVE_SECONDS,
    )
    return Server(config)
