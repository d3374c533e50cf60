"""The server: one process that serves the page, and carries messages between the session and all pages."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.websockets import WebSocket, WebSocketDisconnect

from livegen.controls import CONTROLS, parse_value
from livegen.errors import ControlError
from livegen.web.wire import encode

DEFAULT_PORT: Final = 9125
STATIC: Final = Path(__file__).parent / "static"


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """How the server listens.

    Attributes
    ----------
    host : str
    port : int
    token : str
        What another machine must show.
    """

    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    token: str = ""


def serve(pipe: Connection, settings: ServerSettings) -> None:
    """Serve until the session's end of the pipe closes: the main function of the server's process."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(os, "sched_setscheduler"):
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    hub = Hub(pipe)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        asyncio.get_running_loop().add_reader(pipe.fileno(), hub.take)
        yield

    app = Starlette(
        routes=[
            Route("/", _page),
            WebSocketRoute("/stage", hub.connect),
            Mount("/static", StaticFiles(directory=STATIC)),
        ],
        lifespan=lifespan,
    )
    config = uvicorn.Config(
        app, host=settings.host, port=settings.port, log_level="warning", ws_per_message_deflate=False
    )
    server = uvicorn.Server(config)
    hub.quit = lambda: setattr(server, "should_exit", True)
    server.run()


async def _page(_request: Request) -> Response:
    return FileResponse(STATIC / "index.html")


class Hub:
    """Who is connected, and what they would have heard so far."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe
        self._queues: dict[str, asyncio.Queue[bytes]] = {}
        self._hello: dict[str, Any] = {}
        self._values: dict[str, Any] = {}
        self._plan: bytes = b""
        self._n = 0
        self.quit = lambda: None

    def take(self) -> None:
        """Take what the session has sent."""
        try:
            while self._pipe.poll():
                self._tell(self._pipe.recv_bytes())
        except (EOFError, OSError):
            asyncio.get_running_loop().remove_reader(self._pipe.fileno())
            self.quit()

    def _tell(self, text: bytes) -> None:
        message = json.loads(text)
        if message["type"] == "hello":
            message["table"] = [
                {"name": name, **asdict(control)} | {"name": name} for name, control in CONTROLS.items()
            ]
            self._hello, text = message, json.dumps(message).encode()
        if message["type"] == "values":
            self._values |= message["values"]
        for queue in self._queues.values():
            if queue.qsize() < 200:
                queue.put_nowait(text)

    async def connect(self, socket: WebSocket) -> None:
        """Serve one page until it leaves."""
        await socket.accept()
        self._n += 1
        source = f"web:{self._n}"
        queue = self._queues[source] = asyncio.Queue()
        if self._hello:
            queue.put_nowait(json.dumps(self._hello).encode())
            queue.put_nowait(encode("values", values=self._values))
        sender = asyncio.create_task(_send(socket, queue))
        try:
            while True:
                self._obey(json.loads(await socket.receive_text()), source, queue)
        except WebSocketDisconnect:
            pass
        finally:
            sender.cancel()
            del self._queues[source]
            self._pipe.send_bytes(encode("lost", source=source))

    def _obey(self, message: dict[str, Any], source: str, queue: asyncio.Queue[bytes]) -> None:
        match message["type"]:
            case "ping":
                queue.put_nowait(encode("pong", t=message["t"]))
            case "set":
                try:
                    value = parse_value(message["name"], message["value"])
                except ControlError as error:
                    queue.put_nowait(encode("refused", name=message["name"], reason=str(error)))
                    return
                self._pipe.send_bytes(encode("set", name=message["name"], value=value, source=source))
            case "midi":
                self._pipe.send_bytes(encode("midi", data=message["data"], source=source))


async def _send(socket: WebSocket, queue: asyncio.Queue[bytes]) -> None:
    while True:
        await socket.send_text((await queue.get()).decode())
