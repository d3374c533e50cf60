"""The line to the session: the server's end of the pipe. It never blocks the server's event loop for long."""

import asyncio
import select
from collections import deque
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Final

from livegen.web.wire import encode

_BURST: Final = 32  # messages read in one go, so that a flood from the session leaves time for the pages
_MOST_WAITING: Final = 1024  # messages that are kept for a session that does not read them
_SILENT_SECONDS: Final = 1.0  # silence after which the session does not answer; gauges come ten times a second
_WATCH_SECONDS: Final = 0.1


class Line:
    """Messages to and from the session.

    A message is sent only while the pipe has room; it then has room for a whole message of a page. Other messages wait,
    at most `_MOST_WAITING`. If a message of a source is dropped, the session is told that the source is lost as soon as
    it reads again, so that no note of the source hangs.

    Parameters
    ----------
    pipe : Connection
    hear : callable
        Gets each message of the session, on the event loop.
    notice : callable
        Told whether the session answers, whenever that changes.
    is_owed : callable
        Returns whether a page is open. The session must then send something.
    end : callable
        Called once, when the session's end is closed.

    Attributes
    ----------
    answers : bool
        Whether the session has sent anything within the last second, or need not send anything.
    """

    def __init__(
        self,
        pipe: Connection,
        hear: Callable[[bytes], None],
        notice: Callable[[bool], None],
        is_owed: Callable[[], bool],
        end: Callable[[], None],
    ) -> None:
        self._pipe = pipe
        self._hear, self._notice, self._is_owed, self._end = hear, notice, is_owed, end
        self._waiting: deque[bytes] = deque()
        self._dropped_sources: set[str] = set()
        self._state = b""
        self._is_open = True
        self.answers = True

    async def run(self) -> None:
        """Carry messages, and watch whether the session answers, until its end is closed."""
        loop = asyncio.get_running_loop()
        self._heard_at = loop.time()
        loop.add_reader(self._pipe.fileno(), self._take)
        while self._is_open:
            await asyncio.sleep(_WATCH_SECONDS)
            if not self._is_owed():
                self._heard_at = loop.time()
            if self._is_open and self.answers and loop.time() - self._heard_at > _SILENT_SECONDS:
                self.answers = False
                self._notice(False)

    def send(self, message: bytes, source: str) -> bool:
        """Send a message of a source, or keep it until it can be sent; False if too many wait already."""
        if not self._is_open:
            return False
        if len(self._waiting) >= _MOST_WAITING:
            self._dropped_sources.add(source)
            return False
        self._waiting.append(message)
        self._push()
        return True

    def show(self, message: bytes) -> None:
        """Send the state of the server before all that waits. If it must wait too, only the latest state is kept."""
        self._state = message
        if self._is_open:
            self._push()

    def let_go(self, source: str) -> None:
        """Tell the session that a source is gone. This message is never dropped."""
        if not self.send(encode("lost", source=source), source) and self._is_open:
            self._dropped_sources.add(source)

    def _push(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while (self._state or self._waiting) and select.select([], [self._pipe], [], 0)[1]:
                message, self._state = self._state or self._waiting.popleft(), b""
                self._pipe.send_bytes(message)
            if not self._waiting and self._dropped_sources:
                self._waiting.extend(encode("lost", source=source) for source in sorted(self._dropped_sources))
                self._dropped_sources.clear()
        except (OSError, ValueError):
            self._close()
            return
        if self._state or self._waiting:
            loop.add_writer(self._pipe.fileno(), self._push)
        else:
            loop.remove_writer(self._pipe.fileno())

    def _take(self) -> None:
        self._heard_at = asyncio.get_running_loop().time()
        try:
            for _ in range(_BURST):
                message = self._pipe.recv_bytes()
                self._hear(message)
                if not self._pipe.poll():
                    break
        except (EOFError, OSError):
            self._close()
            return
        if not self.answers:
            self.answers = True
            self._notice(True)

    def _close(self) -> None:
        if self._is_open:
            self._is_open = False
            loop = asyncio.get_running_loop()
            loop.remove_reader(self._pipe.fileno())
            loop.remove_writer(self._pipe.fileno())
            self._end()
