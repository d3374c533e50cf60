"""The stage: what of a session goes to its pages, and what comes back from them.

The session tells it things on threads that must not wait, so it keeps them; a thread of its own sends them to the
server's process, and another one hands on what comes from there. A server that dies is started again.
"""

import json
import secrets
import threading
import time
from collections.abc import Mapping
from multiprocessing import get_context
from typing import Any, Final

from livegen import __version__
from livegen.controls import Value
from livegen.events import SetControl, SourceLost
from livegen.inputs.midi import Decoder, event_of
from livegen.score_table import PlannedFrame
from livegen.session.instrument import FrameReport
from livegen.session.session import Session
from livegen.units import FRAME_RATE_HZ
from livegen.web.server import ServerSettings, serve
from livegen.web.wire import encode

_SEND_SECONDS: Final = 0.02
_POLL_SECONDS: Final = 0.1


class Stage:
    """A session's side of the stage page; an `Audience` of the session.

    Parameters
    ----------
    session : Session
        Not started yet.
    settings : ServerSettings
    """

    def __init__(self, session: Session, settings: ServerSettings) -> None:
        self._session = session
        self._word = secrets.token_hex(8)
        self._wake = threading.Event()
        self._decoders: dict[str, Decoder] = {}
        self._waiting: list[bytes] = []
        self._lock = threading.Lock()
        self._values: dict[str, Value] = {}
        self._sent: dict[int, PlannedFrame] = {}
        context = get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=serve, args=(theirs, settings), name="livegen web", daemon=True)
        self._process.start()
        theirs.close()
        session.audience.append(self)
        session.observers.append(self._observe)
        session.attach("stage out", self._send)
        session.attach("stage in", self._take)

    def announce(self, name: str, value: Value) -> None:
        """Tell the pages that a control is in force."""
        with self._lock:
            self._values[name] = value
        self._wake.set()

    def refuse(self, name: str, reason: str) -> None:
        """Tell the pages why something that was asked for was not done."""
        self._say(encode("refused", name=name, reason=reason))

    def tell_news(self, sentence: str) -> None:
        """Tell the pages what the performer reads on the status line."""
        self._say(encode("news", sentence=sentence))

    def close(self) -> None:
        """End the server."""
        self._pipe.close()
        self._process.join(2.0)
        if self._process.is_alive():
            self._process.terminate()

    def _observe(self, _report: FrameReport) -> None:
        self._wake.set()

    def _say(self, message: bytes) -> None:
        with self._lock:
            self._waiting.append(message)
        self._wake.set()

    def _send(self, stop: threading.Event) -> None:
        session = self._session
        self._pipe.send_bytes(self._hello())
        self._pipe.send_bytes(encode("values", values=dict(session.instrument.values)))
        while not stop.is_set():
            self._wake.wait(_SEND_SECONDS)
            self._wake.clear()
            with self._lock:
                waiting, self._waiting = self._waiting, []
                values, self._values = self._values, {}
            if values:
                waiting.append(encode("values", values=values))
            plan = self._plan()
            for message in [*waiting, *plan]:
                self._pipe.send_bytes(message)

    def _hello(self) -> bytes:
        session = self._session
        return encode(
            "hello",
            session=self._word,
            version=__version__,
            frame_rate=FRAME_RATE_HZ,
            sample_rate=session.clock.sample_rate,
            patches=[],
            models=[],
            osc=[session.osc.host, session.osc.port],
        )

    def _plan(self) -> list[bytes]:
        state, clock = self._session.instrument.state, self._session.clock
        planned = [step.planned for step in state.timeline.since(state.horizon - 2)]
        changed = [each for each in planned if self._sent.get(each.frame_index) is not each]
        if not changed:
            return []
        self._sent = {each.frame_index: each for each in planned}
        latency_frames = self._session.speaker.latency_seconds * FRAME_RATE_HZ
        now = clock.position_at(time.perf_counter_ns()) - latency_frames
        return [encode("plan", now=round(now, 3), horizon=state.horizon, frames=[_row(each) for each in changed])]

    def _take(self, stop: threading.Event) -> None:
        while not stop.is_set():
            if self._pipe.poll(_POLL_SECONDS):
                self._obey(json.loads(self._pipe.recv_bytes()))

    def _obey(self, message: Mapping[str, Any]) -> None:
        source = str(message["source"])
        match message["type"]:
            case "set":
                self._session.receive(SetControl(message["name"], message["value"]), source)
            case "midi":
                for heard in self._decoders.setdefault(source, Decoder()).decode(message["data"]):
                    event = event_of(heard)
                    if event is not None:
                        self._session.receive(event, source)
            case "lost":
                self._decoders.pop(source, None)
                self._session.receive(SourceLost(), source)


def _row(planned: PlannedFrame) -> list[Any]:
    frame = planned.frame.T.tolist()
    offsets = [round(offset, 3) for offset in planned.onset_offset.tolist()]
    beats = None if planned.beat is None else round(planned.beat.beats, 4)
    return [planned.frame_index, *frame, planned.owner.tolist(), offsets, [0, 0, 0, 0], beats]
