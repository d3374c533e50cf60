"""The session's handle of the sound card, whose driver runs in a process of its own.

The callback's record lies in memory that both processes share. While it is attached, the sound card plays it; while it
is detached, the sound card is silent, and whoever holds the record may play it.
"""

import contextlib
import os
import signal
from collections.abc import Iterator
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from livegen.errors import AudioError
from livegen.outputs.callback import CALLBACK
from livegen.outputs.devices import AudioDevice, is_null
from livegen.session.sound import worker
from livegen.system.processes import deaf_to_signals
from livegen.system.shared_memory import SharedMemory

_ANSWER_SECONDS: Final = 60.0  # longest wait for a driver at the start, on a small machine
_CLOSE_SECONDS: Final = 0.7
_KILLED_SECONDS: Final = 0.3


class Card:
    """The sound card, with its driver in another process. One thread at a time may use it.

    Parameters
    ----------
    wanted : str or None
        The device that a user asked for; see `livegen.outputs.devices.choose_device`.

    Attributes
    ----------
    record : ndarray of CALLBACK, shape (1,)
        Memory for the callback's record, all zeros at first.
    device : AudioDevice
        Known after `begin`.
    """

    device: AudioDevice

    def __init__(self, wanted: str | None) -> None:
        self._wanted = wanted
        self._memory = SharedMemory(CALLBACK.itemsize)
        self.record: NDArray[np.void] = self._memory.array(CALLBACK)
        self._worker = 0
        self._pipe, self._process = self._start()

    def begin(self) -> bool:
        """Find the device; False if there is none, and then it is closed.

        To be called when all is compiled, since the driver's process would compile it a second time.

        Raises
        ------
        AudioError
            If the user asked for a device that is not there; then it is closed.
        """
        self._send("begin")
        self._send("find", self._wanted)
        device: AudioDevice | None = None
        try:
            device = self._answer("found")
        finally:
            if device is None:
                self.close()
        if device is not None:
            self.device = device
        return device is not None

    def open(self, block_samples: int) -> float:
        """Open the device, which is silent as long as the record is detached; return its latency in seconds.

        Raises
        ------
        AudioError
            If the device refuses.
        """
        self._send("open", self.device, block_samples, False)
        latency_seconds: float = self._answer("opened")
        return latency_seconds

    def open_when_back(self, block_samples: int) -> None:
        """Ask for the device to be opened as soon as it is there; `messages` tells when it is."""
        self._send("open", self.device, block_samples, True)

    def messages(self, seconds: float = 0.0) -> list[tuple[Any, ...]]:
        """Wait up to some seconds for messages, and return them; see `livegen.session.sound.worker.run`.

        The word ``ended`` stands for a process that has ended; `restart` starts another.
        """
        found: list[tuple[Any, ...]] = []
        try:
            has_ended = self._process.sentinel in wait([self._pipe, self._process.sentinel], seconds)
            while self._pipe.poll():
                message = self._pipe.recv()
                if message[0] == "hello":
                    self._worker = message[1]
                found.append(message)
        except (EOFError, OSError):
            has_ended = True
        return [*found, ("ended",)] if has_ended else found

    def leave(self) -> None:
        """Let the worker that hangs be ended, and another one begin, which says ``hello``."""
        self._send("leave", self._worker)

    def restart(self) -> None:
        """End the processes of a card that has begun, however they hang, and start others, which say ``hello``."""
        self._kill()
        self._pipe, self._process = self._start()
        self._send("begin")

    def stop(self) -> None:
        """Ask for the device to be closed; `close` waits until it is."""
        self._send("close")

    def close(self) -> None:
        """Close the device and end the processes, within a second; safe to call twice."""
        self.stop()
        self._process.join(_CLOSE_SECONDS)
        self._kill()

    def _start(self) -> tuple[Connection, Any]:
        context = get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=worker.run, args=(theirs, self._memory), name="livegen card", daemon=True)
        try:
            with deaf_to_signals():
                process.start()
        finally:
            theirs.close()
        return ours, process

    def _kill(self) -> None:
        """End the host and its worker; a worker whose host has ended leaves when the pipe closes."""
        if self._process.exitcode is None:
            with contextlib.suppress(OSError, AttributeError):  # it has not set itself apart yet, or Windows
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.kill()
            self._process.join(_KILLED_SECONDS)
        self._pipe.close()

    def _send(self, *message: Any) -> None:
        with contextlib.suppress(OSError):  # who does not hear it has ended, which `messages` tells
            self._pipe.send(message)

    def _answer(self, word: str) -> Any:
        """Wait for the answer to what was just sent, and return what it says; raises AudioError if it was refused."""
        n_workers = 0
        while messages := self.messages(_ANSWER_SECONDS):
            for message in messages:
                if message[0] == word:
                    return message[1]
                if message[0] == "failed":
                    raise AudioError(message[1])
                n_workers += message[0] == "hello"
            if n_workers > (word == "found") or messages[-1] == ("ended",):
                raise AudioError("the sound card's driver ended the process that uses it: play with --audio null")
        raise AudioError("the sound card's driver does not answer: play without sound with --audio null")


@contextlib.contextmanager
def open_card(wanted: str | None) -> Iterator[Card | None]:
    """Open the sound card, which `Card.begin` lets begin, for a body; None where a user asked for the null device."""
    card = None if is_null(wanted) else Card(wanted)
    try:
        yield card
    finally:
        if card is not None:
            card.close()
