"""The server's side of the streams: which listener hears which jam, and the process that plays them all."""

import asyncio
import multiprocessing
import struct
import uuid
from collections.abc import AsyncIterator
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Final

from livegen.errors import OrderError
from livegen.serve.jobs.order import Prediction
from livegen.serve.place import Place
from livegen.serve.shelf.shelf import Model
from livegen.serve.work import stream_host
from livegen.units import FRAME_RATE_HZ

_BEHIND_FRAMES: Final = 10 * FRAME_RATE_HZ  # a listener who takes nothing for so long hears no more
_START_SECONDS: Final = 60.0

_Piece = bytes | str
"""Samples, or why there are no more of them; an empty text where there is nothing to say of it."""


class Streams:
    """Endless jams for those who listen. Belongs to the server's event loop.

    Parameters
    ----------
    place : Place
    most : int
        How many can play at once.

    Attributes
    ----------
    is_warm : bool
        Whether a jam would sound at once.
    """

    def __init__(self, place: Place, most: int) -> None:
        self._place = place
        self._most = most
        self.is_warm = False
        self._listeners: dict[str, asyncio.Queue[_Piece]] = {}
        self._process: BaseProcess | None = None
        self._pipe: Connection | None = None

    @property
    def n_playing(self) -> int:
        """How many jams play."""
        return len(self._listeners)

    def tend(self) -> None:
        """Start the process that plays, if there is none and one is wanted."""
        if not self._most or (self._process is not None and self._process.is_alive()):
            return
        self._let_go()
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(
            target=stream_host.run, args=(theirs, self._place), name="livegen streams", daemon=True
        )
        self._process.start()
        theirs.close()
        asyncio.get_running_loop().add_reader(self._pipe.fileno(), self._receive)

    def end(self) -> None:
        """End all jams, and the process."""
        self._let_go()
        if self._process is not None:
            self._process.kill()
            self._process.join()

    async def listen(self, model: Model, asked: Prediction) -> AsyncIterator[bytes]:
        """Return an endless WAV file, in pieces; the first is there when the jam sounds. Raises LivegenError."""
        if len(self._listeners) >= self._most:
            raise OrderError(f"{self._most} streams play already, the most there can be: try again later")
        key, queue = uuid.uuid4().hex, asyncio.Queue[_Piece](_BEHIND_FRAMES)
        self._listeners[key] = queue
        try:
            assert self._pipe is not None
            self._pipe.send((key, (model.name, model.hash, asked.model_dump_json())))
            first = await asyncio.wait_for(queue.get(), _START_SECONDS)
            if isinstance(first, str):
                raise OrderError(first or "the process that plays has ended: try again")
        except BaseException:
            self._leave(key)
            raise
        return self._pieces(key, queue, first)

    async def _pieces(self, key: str, queue: asyncio.Queue[_Piece], first: bytes) -> AsyncIterator[bytes]:
        try:
            yield wav_header(stream_host.SAMPLE_RATE_HZ) + first
            while not isinstance(piece := await queue.get(), str):
                yield piece
        finally:
            self._leave(key)

    def _leave(self, key: str) -> None:
        if self._listeners.pop(key, None) is not None and self._pipe is not None:
            try:
                self._pipe.send((key, None))
            except OSError:  # it has ended
                self._let_go()

    def _receive(self) -> None:
        pipe = self._pipe
        try:
            while pipe is not None and pipe.poll():
                key, piece = pipe.recv()
                queue = self._listeners.get(key)
                if queue is None:
                    self.is_warm |= key == ""
                elif queue.full():  # the listener does not take what there is
                    queue.get_nowait()
                    queue.put_nowait("")
                    self._leave(key)
                else:
                    queue.put_nowait(piece)
        except (EOFError, OSError):
            self._let_go()

    def _let_go(self) -> None:
        """Forget the process's pipe; who listens hears no more."""
        self.is_warm = False
        if self._pipe is not None:
            asyncio.get_running_loop().remove_reader(self._pipe.fileno())
            self._pipe.close()
            self._pipe = None
        for queue in self._listeners.values():
            if queue.full():
                queue.get_nowait()
            queue.put_nowait("")
        self._listeners.clear()


def wav_header(sample_rate: int) -> bytes:
    """Return the head of a WAV file of 16 bits and one channel that has no end: its sizes are the largest there are."""
    endless, n_bytes = 0xFFFF_FFFF, 2
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, sample_rate, sample_rate * n_bytes, n_bytes, 8 * n_bytes)
    return struct.pack("<4sI4s", b"RIFF", endless, b"WAVE") + form + struct.pack("<4sI", b"data", endless)
