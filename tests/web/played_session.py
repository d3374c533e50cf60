"""A session that a test plays to the page in a browser, which it serves under a strict policy."""

import json
import re
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from livegen.controls import CONTROLS, DEFAULTS
from livegen.units import FRAME_RATE_HZ
from livegen.web.files import STATIC

SITE: Final = "http://stage.test"
STRICT: Final = "default-src 'self'; connect-src 'self' ws://stage.test; object-src 'none'; base-uri 'none'"
KINDS: Final = {".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
GAUGES: Final[dict[str, Any]] = {
    "seconds": 3.0,
    "is_running": True,
    "levels": [0.1, 0.2, 0.0, 0.4],
    "mix": 0.3,
    "frames_in_hand": 12,
    "late_frames": 0,
    "underflows": 0,
    "key_to_sound_ms": 8.0,
    "block_samples": 128,
    "sound": "null",
    "tempo": None,
    "midi_in": [],
    "midi_out": [],
    "take": None,
    "patch": "default",
    "model": "small",
    "memories": [],
    "troubles": [],
}


class PlayedSession:
    """What the page connects to: each test says what it sends, and whether it answers."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.word = "one"
        self.is_silent = False
        self.errors: list[str] = []
        page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.route(f"{SITE}/**", self._serve)
        page.route_web_socket(re.compile("ws://stage.test/stage"), self._connect)

    def open(self) -> None:
        self.page.goto(SITE)
        self.page.wait_for_function("() => window.livegen?.position !== null")

    def send(self, kind: str, **fields: Any) -> None:
        self.socket.send(json.dumps({"type": kind, **fields}))

    def begin(self, at: int = 100) -> None:
        table = [asdict(control) | {"name": name} for name, control in CONTROLS.items()]
        rates = {"frame_rate": FRAME_RATE_HZ, "sample_rate": 48_000}
        lists: dict[str, Any] = {"patches": [], "models": [], "osc": ["127.0.0.1", 0], "table": table}
        self.send("hello", session=self.word, version="0", **rates, **lists)
        self.send("values", values=dict(DEFAULTS))
        notes, nothing = [60, 64, 40, 9], [0, 0, 0, 0]
        rows = [[i, notes, [9, 9, 0, 9], nothing, nothing, nothing, nothing, i / 12] for i in range(at - 30, at + 12)]
        self.send("plan", now=float(at), horizon=at + 2, frames=rows)
        self.send("gauges", **GAUGES)

    def _serve(self, route: Any) -> None:
        name = route.request.url.removeprefix(f"{SITE}/").removeprefix("static/") or "index.html"
        headers = {"Content-Security-Policy": STRICT, "Content-Type": KINDS.get(Path(name).suffix, "text/plain")}
        route.fulfill(body=(STATIC / name).read_bytes(), headers=headers)

    def _connect(self, socket: Any) -> None:
        self.socket = socket
        socket.on_message(self._hear)
        if not self.is_silent:
            self.begin()

    def _hear(self, text: str) -> None:
        message = json.loads(text)
        if message["type"] == "ping" and not self.is_silent:
            self.send("pong", t=message["t"])
