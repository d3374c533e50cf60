"""The server: one process that serves the page, and carries messages between the session and all pages."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
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
from livegen.web.settings import ServerSettings
from livegen.web.wire import SOUND_MARK, encode

STATIC: Final = Path(__file__).parent / "static"


def serve(pipe: Connection, listener: socket.socket, settings: ServerSettings) -> None:
    """Serve until the session's end of the pipe closes; `livegen.web.child` calls it in the server's process."""
    hub = Hub(pipe)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        asyncio.get_running_loop().add_reader(pipe.fileno(), hub.take)
        living = asyncio.create_task(hub.live())
        yield
        living.cancel()

    app = Starlette(
        routes=[
            Route("/", _page),
            WebSocketRoute("/stage", hub.connect),
            Mount("/static", StaticFiles(directory=STATIC)),
        ],
        lifespan=lifespan,
    )
    config = uvicorn.Config(app, log_level="warning", ws_per_message_deflate=False)
    server = uvicorn.Server(config)
    hub.quit = lambda: setattr(server, "should_exit", True)
    server.run(sockets=[listener])


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

    async def live(self) -> None:
        """Show the session that the server lives."""
        while True:
            self._show()
            await asyncio.sleep(0.5)

    def _show(self) -> None:
        self._pipe.send_bytes(encode("alive", pages=len(self._queues), refused=0))

    def _tell(self, text: bytes) -> None:
        if text.startswith(SOUND_MARK):
            for queue in self._queues.values():
                queue.put_nowait(text[1:])
            return
        message = json.loads(text)
        if message["type"] == "ended":
            self.quit()
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
        self._show()
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
            self._show()

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
            case "listen":
                self._pipe.send_bytes(encode("listen", on=message["on"], source=source))
            case "midi":
                self._pipe.send_bytes(encode("midi", data=message["data"], source=source))


async def _send(socket: WebSocket, queue: asyncio.Queue[bytes]) -> None:
    while True:
        message = await queue.get()
        if message.startswith(b"{"):
            await socket.send_text(message.decode())
        else:
            await socket.send_bytes(message)
