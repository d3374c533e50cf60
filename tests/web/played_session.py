"""A session that a test plays to the page in a browser, which it serves under a strict policy."""

import json
import re
from typing import Any, Final

from livegen.controls import DEFAULTS
from livegen.units import FRAME_RATE_HZ
from livegen.web.page.files import VIEWS, read_files
from livegen.web.server.mirror import TABLE

SITE: Final = "http://stage.test"
STRICT: Final = "default-src 'self'; connect-src 'self' ws://stage.test; object-src 'none'; base-uri 'none'"
FILES: Final = read_files()
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

    view = "/"
    table = TABLE
    patches: tuple[str, ...] = ()
    models: tuple[str, ...] = ()

    def __init__(self, page: Any) -> None:
        self.page = page
        self.word = "one"
        self.is_silent = False
        self.errors: list[str] = []
        page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.route(f"{SITE}/**", self._serve)
        page.route_web_socket(re.compile("ws://stage.test/(stage|show)"), self._connect)

    def open(self) -> None:
        self.page.goto(SITE + self.view)
        self.page.wait_for_function("() => window.livegen?.position !== null")

    def send(self, kind: str, **fields: Any) -> None:
        self.socket.send(json.dumps({"type": kind, **fields}))

    def begin(self, at: int = 100) -> None:
        rates = {"frame_rate": FRAME_RATE_HZ, "sample_rate": 48_000}
        lists = {"patches": self.patches, "models": self.models, "osc": ["127.0.0.1", 0], "table": self.table}
        self.send("hello", session=self.word, version="0", **rates, **lists)
        self.send("values", values=dict(DEFAULTS))
        self.send("plan", now=float(at), horizon=at + 2, frames=self.rows(at))
        self.send("gauges", **GAUGES)

    def rows(self, at: int) -> list[list[Any]]:
        notes, nothing = [60, 64, 40, 9], [0, 0, 0, 0]
        return [[i, notes, [9, 9, 0, 9], nothing, nothing, nothing, nothing, i / 12] for i in range(at - 30, at + 12)]

    def _serve(self, route: Any) -> None:
        name = route.request.url.removeprefix(f"{SITE}/").removeprefix("static/")
        file = FILES.get(VIEWS.get(name.removeprefix("?view="), name))
        if file is None:
            route.fulfill(status=404)
            return
        route.fulfill(body=file.content, headers={"Content-Security-Policy": STRICT, "Content-Type": file.media_type})

    def _connect(self, socket: Any) -> None:
        self.socket = socket
        socket.on_message(self._hear)
        if not self.is_silent:
            self.begin()

    def _hear(self, text: str) -> None:
        message = json.loads(text)
        if message["type"] == "ping" and not self.is_silent:
            self.send("pong", t=message["t"])


class HeardSession(PlayedSession):
    """One that writes down what it is told."""

    def __init__(self, page: Any) -> None:
        super().__init__(page)
        self.heard: list[dict[str, Any]] = []

    def _connect(self, socket: Any) -> None:
        self.heard = []  # a line that begins owes nothing to one that a busy machine has lost
        super()._connect(socket)

    def _hear(self, text: str) -> None:
        super()._hear(text)
        message = json.loads(text)
        if message["type"] != "ping":
            self.heard.append(message)

    def sets(self) -> list[tuple[str, Any]]:
        """Return the controls that were set since the last call, once the page has sent what it holds back."""
        self.settle()
        heard, self.heard = self.heard, []
        return [(each["name"], each["value"]) for each in heard if each["type"] == "set"]

    def midi(self) -> list[list[int]]:
        """Return the MIDI messages that were heard since the last call."""
        self.settle()
        heard, self.heard = self.heard, []
        return [each["data"] for each in heard if each["type"] == "midi"]

    def settle(self) -> None:
        """Wait until all that the page has to say is heard."""
        self.page.evaluate("() => new Promise((done) => setTimeout(done, 40)).then(() => livegen.link.send('marker'))")
        while not any(each["type"] == "marker" for each in self.heard):
            self.page.wait_for_timeout(2)  # in which the browser's messages are taken
        self.heard = [each for each in self.heard if each["type"] != "marker"]

    def widget(self, name: str, what: str = "") -> Any:
        return self.page.locator(f'[data-control="{name}"] {what}'.strip()).first
