"""The stage: sends the state of a session to its pages, and hands on what comes back from them.

The session calls it on threads that must not wait, so it keeps what it is told in stores of a fixed size. One thread
of its own sends them to the server's process, and another one hands on what comes from there. A server that dies, or
falls silent, is started again on the same socket, and everything is sent to it again.
"""

import contextlib
import json
import secrets
import threading
import time
from collections import Counter, deque
from collections.abc import Collection, Iterable, Mapping
from multiprocessing.connection import Connection
from typing import Any, Final

from livegen import __version__
from livegen.controls import CONTROLS, Value
from livegen.errors import ControlError
from livegen.events import Event, SetControl, SourceLost
from livegen.inputs.midi import Decoder, event_of
from livegen.inputs.osc_message import TOO_MUCH_WAITS, set_event
from livegen.inputs.osc_time import WallClock
from livegen.performance.turn import FrameReport
from livegen.session.session import Session
from livegen.units import FRAME_RATE_HZ
from livegen.web.page.address import Page
from livegen.web.page.gauges import GAUGES_SECONDS, gauges
from livegen.web.page.plan import PlanRows
from livegen.web.page.waves import waves
from livegen.web.plans import plans
from livegen.web.server.process import ServerProcess
from livegen.web.wire import MAX_ASKED_BYTES, encode, encode_sound

_SOUND_SECONDS: Final = 0.02
"""Time from one message with sound, or with waveforms, to the next."""

_IDLE_SECONDS: Final = 0.1
_POLL_SECONDS: Final = 0.1
_LEAVE_SECONDS: Final = 0.4
_MOST_WAITING: Final = 256
_MOST_VALUES: Final = 4 * len(CONTROLS)
_MOST_SOURCES: Final = 128
_MOST_BYTES: Final = 256
_MOST_LENGTH: Final = 64
_ROWS_A_MESSAGE: Final = 24
"""Number of frames in a plan message: few enough that encoding them does not delay the planning of a frame."""

_SERVER_COUNTS: Final = {"refused": "refusals by the page's server", "faults": "errors of the page's server"}
"""What a server counts: the name in its messages, and the words that the performer reads."""

_GOOD_LIFE_SECONDS: Final = 3.0
_PAUSES_SECONDS: Final = (0.0, 0.5, 1.0, 2.0, 5.0, 15.0)
"""Pauses before a server is started again. They grow with the number of servers in a row that ended within
`_GOOD_LIFE_SECONDS`.
"""


class Stage:
    """A session's side of the stage page; an `Audience` of the session.

    Parameters
    ----------
    session : Session
        Must not be started yet. The server's process starts with it, and is ready a moment after the first sound.
    page : Page
        `close` closes it.

    Attributes
    ----------
    restarts : int
        Times that the server was started again.
    """

    def __init__(self, session: Session, page: Page) -> None:
        self._session = session
        self._page = page
        self._word = secrets.token_hex(8)
        self._server: ServerProcess | None = None
        self._has_told = threading.Event()
        self._wake = threading.Event()
        self._waiting: deque[tuple[str, dict[str, Any]]] = deque(maxlen=_MOST_WAITING)
        self._values: deque[tuple[str, Value]] = deque(maxlen=_MOST_VALUES)
        self._decoders: dict[str, Decoder] = {}  # of those who have played
        self._clock = WallClock()
        self._listening: set[str] = set()
        self._rows = PlanRows()
        self._keys: object = None
        self._knobs: object = None
        self._songs: object = None
        self._next_gauges = 0.0
        self._n_pages: int | None = None  # None until the server has told it
        self._n_shows = 0  # those of the pages that show waveforms
        self._knows_all = True
        self._obeying = threading.Lock()  # a page's message is never carried out while its lost server is given up
        self._wants_plans = False  # whether the server has asked for them
        self._n_bad = 0
        self._n_of_server: Counter[str] = Counter()  # what this server has counted
        self._n_before: Counter[str] = Counter()  # what the servers before it have counted
        self._troubles: list[str] = []
        self.restarts = 0
        session.audience.append(self)
        session.observers.append(self._observe)
        session.status.counters.append(self._counts)
        session.attach("stage out", self._send, is_urgent=False)
        session.attach("stage in", self._take, is_urgent=True)

    def announce(self, name: str, value: Value) -> None:
        """Tell the pages the value of a control that is in force."""
        self._values.append((name, value))
        self._wake.set()

    def refuse(self, name: str, reason: str) -> None:
        """Tell the pages why something that was asked for was not done."""
        self._waiting.append(("refused", {"name": name, "reason": reason}))

    def tell_news(self, sentence: str, about: Collection[str] = ()) -> None:
        """Tell the pages what the performer reads on the status line."""
        self._waiting.append(("news", {"sentence": sentence}))

    def close(self) -> None:
        """End the server, within a second; safe to call twice.

        To be called after the session has stopped: when its threads end, they tell the pages so.
        """
        if self._server is not None:
            self._server.end(_LEAVE_SECONDS)
        self._page.listener.close()

    def _observe(self, _report: FrameReport) -> None:
        if self._n_pages != 0 or self._values or self._waiting:
            self._wake.set()

    def _counts(self) -> Mapping[str, int]:
        return {
            "restarts of the page's server": self.restarts,
            **dict.fromkeys(_SERVER_COUNTS.values(), 0),
            **(self._n_before + self._n_of_server),
            "messages of pages dropped": self._n_bad,
            "samples missing from the page's sound": self._session.tap.lost,
        }

    # What goes out: one thread.

    def _send(self, stop: threading.Event) -> None:
        """Keep a server running and send it all there is to send, until the end of the session."""
        n_short = 0
        while not stop.is_set():
            server: ServerProcess | None = None
            try:
                server = self._server = ServerProcess(self._page.listener, self._page.settings)
                self._tell(server, stop)
            except Exception as error:  # no process starts, nobody reads the pipe any more, or our own code failed
                if server is None or not isinstance(error, OSError):
                    self._session.status.count_fault("the page's server", error)
            if stop.is_set():
                break
            self._lose_server()
            lived = 0.0 if server is None else time.monotonic() - server.began
            n_short = 0 if lived > _GOOD_LIFE_SECONDS else n_short + 1
            stop.wait(_PAUSES_SECONDS[min(max(n_short - 1, 0), len(_PAUSES_SECONDS) - 1)])
        self._session.tap.switch(is_on=False)
        self._has_told.set()

    def _lose_server(self) -> None:
        server = self._server
        with self._obeying:
            self._server, self._n_pages, self._n_shows = None, None, 0
            self._n_before, self._n_of_server = self._n_before + self._n_of_server, Counter()
            self._release()
        if server is not None:
            server.lose()
            server.end(0.0)
        self.restarts += 1
        self._session.desk.say("the page's server ended and is started again")

    def _tell(self, server: ServerProcess, stop: threading.Event) -> None:
        """Send a new server everything, and then what changes, until it is lost or the session ends."""
        pipe = server.pipe
        self._values.clear()
        self._forget()
        pipe.send_bytes(self._hello())
        pipe.send_bytes(encode("values", values=dict(self._session.instrument.values)))
        while not server.is_lost:
            is_over = stop.is_set()
            if not self._knows_all:
                self._forget()
            for message in self._news():
                pipe.send_bytes(message)
            for message in self._picture() if self._n_pages != 0 else ():
                pipe.send_bytes(message)
            if is_over:
                pipe.send_bytes(encode("ended"))
                return
            self._wait(pipe)

    def _wait(self, pipe: Connection) -> None:
        """Wait until the next frame is planned, when the session's threads have least to do; meanwhile send sound.

        A thread that is busy while a plan is made delays it, because both share one interpreter.
        """
        until = time.monotonic() + _IDLE_SECONDS
        while not self._wake.wait(self._pause_seconds) and time.monotonic() < until:
            self._hand_on(pipe)
        self._wake.clear()
        self._hand_on(pipe)

    @property
    def _pause_seconds(self) -> float:
        return _SOUND_SECONDS if self._listening or self._n_shows else _IDLE_SECONDS

    def _hand_on(self, pipe: Connection) -> None:
        self._hand_on_sound(pipe)
        if self._n_shows:
            pipe.send_bytes(encode("waves", **waves(self._session)))

    def _hand_on_sound(self, pipe: Connection) -> None:
        self._session.tap.switch(is_on=bool(self._listening))
        if self._listening:
            first_sample, samples = self._session.tap.read()
            if len(samples):
                pipe.send_bytes(encode_sound(first_sample, samples.astype("<i2", copy=False).tobytes()))

    def _forget(self) -> None:
        """Assume that the pages know nothing, so that what is sent only when it changes is sent again."""
        self._knows_all = True
        self._rows.forget()
        self._keys = self._knobs = self._songs = None
        self._next_gauges = 0.0

    def _hello(self) -> bytes:
        session = self._session
        return encode(
            "hello",
            session=self._word,
            name=session.name,
            version=__version__,
            frame_rate=FRAME_RATE_HZ,
            sample_rate=session.clock.sample_rate,
            patches=session.patch_names,
            models=session.model_names,
            osc=[session.osc.host, session.osc.port],
        )

    def _news(self) -> Iterable[bytes]:
        """Yield messages with what the session's threads have stored here."""
        values = dict(_taken(self._values))
        if values:
            yield encode("values", values=values)
        for kind, fields in _taken(self._waiting):
            yield encode(kind, **fields)
        if self._wants_plans:
            self._wants_plans = False
            yield encode("plans", **plans(self._session))

    def _picture(self) -> Iterable[bytes]:
        """Yield messages with what open pages show, if it has changed."""
        session = self._session
        rows = self._rows.new(session.instrument.state)
        for first in range(0, len(rows), _ROWS_A_MESSAGE):
            now, horizon = session.heard_position_at(time.perf_counter_ns()), session.instrument.state.horizon
            yield encode("plan", now=round(now, 3), horizon=horizon, frames=rows[first : first + _ROWS_A_MESSAGE])
        held = session.instrument.held_keys
        if held is not self._keys:
            self._keys = held
            yield encode("keys", keys=sorted({key.key for key in held}))
        knobs = session.desk.knobs.knobs
        if knobs is not self._knobs:
            self._knobs = knobs
            yield encode("knobs", knobs={knob.control: str(knob) for knob in knobs})
        songs = session.desk.songs
        if songs is not self._songs:
            self._songs = songs
            yield encode("songs", songs=songs.names, current=songs.current, wanted=songs.wanted)
        now_seconds = time.monotonic()
        if now_seconds >= self._next_gauges:
            self._next_gauges = max(self._next_gauges + GAUGES_SECONDS, now_seconds)
            yield encode("gauges", **gauges(session))

    # What comes in: another thread.

    def _take(self, stop: threading.Event) -> None:
        """Hand on what comes from the pages, and notice when the server has died."""
        while not stop.is_set():
            server = self._server
            if server is None or server.is_lost:
                stop.wait(_POLL_SECONDS)
                continue
            try:
                if server.pipe.poll(_POLL_SECONDS):
                    message = server.pipe.recv_bytes(MAX_ASKED_BYTES)
                    server.hear()
                    with self._obeying:
                        if server is self._server:
                            self._obey(message)
                server.check()
            except (EOFError, OSError):
                server.lose()
                self._wake.set()
        self._wake.set()
        if not self._has_told.wait(_LEAVE_SECONDS) and self._server is not None:
            self._server.lose()  # it does not read, and so keeps the other thread waiting
        self._release()

    def _obey(self, text: bytes) -> None:
        """Do what a message asks for. A message that makes no sense is counted."""
        try:
            message = json.loads(text)
            if message["type"] in ("alive", "failed"):
                self._hear_server(message)
                return
            if message["type"] == "plans":
                self._wants_plans = True
                self._wake.set()
                return
            source = message["source"]
            if not (isinstance(source, str) and 0 < len(source) <= _MOST_LENGTH):
                raise ValueError(source)
            match message["type"]:
                case "set":
                    self._set(message["name"], message["value"], source)
                case "midi":
                    self._play(message["data"], source)
                case "together":
                    self._take_together(message["events"], message["tag"], source)
                case "listen":
                    self._listen(source, is_on=message["on"] is True)
                case "lost":
                    self._let_go(source)
                case kind:
                    raise ValueError(kind)
        except (ValueError, TypeError, KeyError, IndexError, RecursionError):
            self._n_bad += 1

    def _hear_server(self, message: Mapping[str, Any]) -> None:
        if message["type"] == "failed":
            self._session.desk.say(f"the page's server failed: {str(message['reason'])[:_MOST_BYTES]}")
            return
        n_pages, n_shows = int(message["pages"]), int(message["shows"])
        troubles = [str(each)[:_MOST_BYTES] for each in message["troubles"]]
        if troubles != self._troubles:
            self._troubles = troubles
            self._session.desk.say(" · ".join(troubles))
        if n_pages > (self._n_pages or 0):
            self._knows_all = False
            self._wake.set()
        self._n_pages, self._n_shows = n_pages, n_shows
        counts = Counter({what: int(message[field]) for field, what in _SERVER_COUNTS.items()})
        drops = {f"OSCQuery {str(kind)[:_MOST_LENGTH]}": int(count) for kind, count in dict(message["drops"]).items()}
        counts[_SERVER_COUNTS["refused"]] -= sum(drops.values())  # they are told by kind
        self._n_of_server = counts + Counter(drops)

    def _set(self, name: str, value: object, source: str) -> None:
        try:
            event = set_event(name, [value])
        except ControlError as error:
            self.refuse(name, str(error))
            return
        if event is not None:
            self._session.receive(event, source)
        if not CONTROLS[name].is_action:  # tell the page at once: the sound has it already, the score follows
            self.announce(name, self._session.instrument.values[name])

    def _take_together(self, written: list[list[Any]], tag: int, source: str) -> None:
        """Take what an OSCQuery client has sent as one bundle."""
        events: list[Event] = []
        for each in written:
            if isinstance(each[0], str):
                name, value = each
                try:
                    event = set_event(name, [value])
                except ControlError as error:
                    self.refuse(name, str(error))
                    continue
                events += [] if event is None else [event]
            else:
                events += self._decoded(each, source)
        due_ns = self._clock.due_ns(int(tag))
        is_taken = self._session.receive_together(events, source, due_ns)
        for name in {event.name for event in events if isinstance(event, SetControl)}:
            if not is_taken:
                self.refuse(name, TOO_MUCH_WAITS)
            elif due_ns is None and not CONTROLS[name].is_action:
                self.announce(name, self._session.instrument.values[name])

    def _play(self, data: list[int], source: str) -> None:
        for event in self._decoded(data, source):
            self._session.receive(event, source)

    def _decoded(self, data: list[int], source: str) -> list[Event]:
        """Return what the bytes of MIDI messages mean."""
        if not isinstance(data, list) or len(data) > _MOST_BYTES:
            raise TypeError(data)
        if not all(type(byte) is int and 0 <= byte <= 0xFF for byte in data):
            raise ValueError(data)
        if source not in self._decoders and len(self._decoders) >= _MOST_SOURCES:
            raise ValueError(source)
        heard = self._decoders.setdefault(source, Decoder()).decode(data)
        return [event for message in heard if (event := event_of(message)) is not None]

    def _listen(self, source: str, *, is_on: bool) -> None:
        if is_on and len(self._listening) < _MOST_SOURCES:
            self._listening.add(source)
        elif not is_on:
            self._listening.discard(source)

    def _let_go(self, source: str) -> None:
        self._listening.discard(source)
        if self._decoders.pop(source, None) is not None:
            self._session.receive(SourceLost(), source)

    def _release(self) -> None:
        """Release the keys of all pages."""
        self._listening.clear()
        for source in list(self._decoders):
            self._let_go(source)


def _taken(store: deque[Any]) -> Iterable[Any]:
    """Take out and yield what is in a store now; others may add to it meanwhile."""
    with contextlib.suppress(IndexError):
        for _ in range(len(store)):
            yield store.popleft()
