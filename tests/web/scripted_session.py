"""A session that says what a test tells it to, and at the other end of its pipe a real server in a process."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from typing import Any

import httpx
from waiting import wait_until
from websockets.sync.client import ClientConnection, connect

from livegen.controls import DEFAULTS
from livegen.web.server.child import run
from livegen.web.settings import ServerSettings
from livegen.web.wire import encode, encode_sound

FRAME_RATE = 24
TOKEN = "a-token-of-22-letters-"


class ScriptedSession:
    """The session's side: what it says, and what it has heard."""

    def __init__(self, host: str = "127.0.0.1", token: str = "") -> None:
        context = get_context("spawn")
        self.pipe, theirs = context.Pipe()
        listener = socket.create_server((host, 0))
        self.host, self.port = listener.getsockname()[:2]
        settings = ServerSettings(host, self.port, token)
        self.process = context.Process(target=run, args=(theirs, listener, settings), daemon=True)
        self.process.start()
        theirs.close()
        listener.close()
        self._heard: list[dict[str, Any]] = []
        assert wait_until(lambda: self.heard("alive") != [], 20.0)

    def say(self, kind: str, **fields: Any) -> None:
        """Say something to the server."""
        self.pipe.send_bytes(encode(kind, **fields))

    def say_hello(self, session: str = "one", patches: tuple[str, ...] = ("plain",), **values: Any) -> None:
        """Say what every session begins with."""
        self.say(
            "hello",
            **{"session": session, "version": "0", "frame_rate": FRAME_RATE, "sample_rate": 48000},
            **{"patches": patches, "models": ["default"], "osc": ["127.0.0.1", 9124]},
        )
        self.say("values", values={**DEFAULTS, **values})

    def say_plan(self, now: float, *indices: int) -> None:
        """Say what is planned for these frames."""
        rows = [
            [index, [60, 0, 0, 0], [9, 0, 0, 0], [2, 0, 0, 0], [0] * 4, [0.0] * 4, [0] * 4, None] for index in indices
        ]
        self.say("plan", now=now, horizon=indices[0], frames=rows)

    def say_sound(self, first_sample: int, samples: bytes) -> None:
        """Send sound."""
        self.pipe.send_bytes(encode_sound(first_sample, samples))

    def heard(self, kind: str | None = None) -> list[dict[str, Any]]:
        """Return all that has come so far, of a kind."""
        while self.pipe.poll():
            self._heard.append(json.loads(self.pipe.recv_bytes()))
        return [message for message in self._heard if kind in (None, message["type"])]

    def refused(self) -> int:
        """Return how many were refused, as the server told last."""
        return int(self.heard("alive")[-1]["refused"])

    def refused_so_far(self) -> int:
        """Return how many were refused before this call, as the server tells after it."""
        n_told = len(self.heard("alive"))
        assert wait_until(lambda: len(self.heard("alive")) >= n_told + 2)
        return self.refused()

    def url(self, path: str = "/", host: str | None = None) -> str:
        """Return the address of a path."""
        return f"http://{host or '127.0.0.1'}:{self.port}{path}"

    def get(self, path: str = "/", host: str | None = None, **headers: str) -> httpx.Response:
        """Ask for a path."""
        with httpx.Client(trust_env=False) as client:
            return client.get(
                self.url(path, host), headers={key.replace("_", "-"): value for key, value in headers.items()}
            )

    @contextmanager
    def page(self, path: str = "/stage", host: str | None = None, **options: Any) -> Iterator["Page"]:
        """Open a WebSocket."""
        url = f"ws://{host or '127.0.0.1'}:{self.port}{path}"
        with connect(url, proxy=None, compression=None, **options) as line:
            yield Page(line)

    def close(self) -> None:
        """End."""
        self.pipe.close()
        self.process.join(5.0)
        if self.process.is_alive():
            self.process.kill()


class Page:
    """A page, or an OSCQuery client."""

    def __init__(self, line: ClientConnection) -> None:
        self.line = line

    def say(self, kind: str, **fields: Any) -> None:
        """Say something to the server."""
        self.line.send(json.dumps({"type": kind, **fields}))

    def hear(self, kind: str, patience_seconds: float = 5.0) -> dict[str, Any]:
        """Wait for the next message of a kind, and pass over all others."""
        deadline = time.monotonic() + patience_seconds
        while True:
            text = self.line.recv(timeout=max(0.0, deadline - time.monotonic()))
            message = json.loads(text) if isinstance(text, str) else {"type": "sound", "bytes": text}
            if message["type"] == kind:
                return dict(message)

    def round_trip(self) -> None:
        """Wait until the server has done all that was said before."""
        self.say("ping", t=1)
        self.hear("pong")
