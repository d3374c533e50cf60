"""The processes of the sound card.

PortAudio may hang, or abort the process, once a device or its server is gone, and it sees no new server before it has
begun anew. So it lives in a worker that ends when its device is lost, and the next worker begins anew. A worker is a
fork of a host, which has loaded the callback and nothing of PortAudio: so the next one is there within milliseconds.
Where processes cannot be forked safely, the host is the worker, and a new one is started.
"""

import contextlib
import functools
import os
import queue
import sys
import time
from multiprocessing.connection import Connection
from threading import Thread
from typing import Any, Final, NoReturn

import numpy as np
from numpy.typing import NDArray

from livegen.errors import AudioError
from livegen.outputs.audio import AudioStream
from livegen.outputs.callback import CALLBACK
from livegen.outputs.devices import AudioDevice, choose_device, find_again, portaudio
from livegen.outputs.native import native_callback
from livegen.system.kernels import is_compiled
from livegen.system.processes import set_apart
from livegen.system.shared_memory import SharedMemory

_WATCH_SECONDS: Final = 0.02
_RETRY_SECONDS: Final = 0.5  # with the time that a look takes, a device is tried about once a second
_SHORT_LIFE_SECONDS: Final = 1.0

_DONE, _ANEW = 0, 1  # exit codes of a worker

Asked = queue.SimpleQueue[tuple[Any, ...]]
"""What the session asks a worker for."""


def run(pipe: Connection, memory: SharedMemory) -> None:
    """Be the host of the sound card's workers, until the session's end of the pipe closes.

    Parameters
    ----------
    pipe : Connection
        To the session. Messages are tuples that begin with a word. A worker says ``hello`` with its number; ``find``
        is answered by ``found`` with a device or None; ``open`` with a device, the samples a block and whether to wait
        for it, by ``opened`` with the latency, or meanwhile by ``waiting`` with the reason; what is refused, by
        ``failed`` with a sentence. ``lost`` comes when the device is. ``leave`` with a worker's number ends it and
        begins another, and ``close`` ends it in order.
    memory : SharedMemory
        Holds a `CALLBACK`.
    """
    set_apart()
    try:
        if is_compiled():
            native_callback()
        pipe.recv()  # the session has compiled everything, so it is all in the cache
        native_callback()
        callback = memory.array(CALLBACK)
        while _begin_worker(pipe, callback) != _DONE:
            pass
    except (EOFError, OSError):  # the session has ended
        pass
    os._exit(_DONE)  # taking down an interpreter with a compiler takes longer than a session that leaves waits


def _begin_worker(pipe: Connection, callback: NDArray[np.void]) -> int:
    """Begin a worker and wait until it has ended; return its exit code, negative if it crashed."""
    if sys.platform != "linux":
        _work(pipe, callback)
    began = time.monotonic()
    number = os.fork()
    if number == 0:
        _work(pipe, callback)
    code = os.waitstatus_to_exitcode(os.waitpid(number, 0)[1])
    if code < _DONE and time.monotonic() < began + _SHORT_LIFE_SECONDS:
        time.sleep(_SHORT_LIFE_SECONDS)  # it may crash again
    return code


def _work(pipe: Connection, callback: NDArray[np.void]) -> NoReturn:
    """Be a worker. It always leaves without what Python does at an exit, where PortAudio would hang or abort."""
    asked: Asked = queue.SimpleQueue()
    Thread(target=_listen, args=(pipe, asked), name="livegen card", daemon=True).start()
    code = _ANEW
    try:
        pipe.send(("hello", os.getpid()))
        while _do(pipe, callback, asked, asked.get()):
            pass
        code = _DONE
    finally:
        os._exit(code)


def _listen(pipe: Connection, asked: Asked) -> None:
    """Take what the session asks for, and leave at once when told to, even while PortAudio hangs."""
    try:
        while True:
            message = pipe.recv()
            if message == ("leave", os.getpid()):
                os._exit(_ANEW)
            if message[0] != "leave":  # else it was for the worker before
                asked.put(message)
    except (EOFError, OSError):
        os._exit(_DONE)


def _do(
    pipe: Connection,
    callback: NDArray[np.void],
    asked: Asked,
    message: tuple[Any, ...],
) -> bool:
    """Do what the session asks for; False if there is nothing more to do."""
    try:
        match message:
            case ("find", wanted):
                pipe.send(("found", choose_device(wanted)))
            case ("open", device, block_samples, waits):
                wait_or_open = functools.partial(_wait_for, pipe, asked) if waits else _open
                stream = wait_or_open(callback, device, block_samples)
                pipe.send(("opened", stream.latency_seconds))
                _watch(pipe, stream, asked)
                return False
            case ("close",):
                return False
    except AudioError as error:
        pipe.send(("failed", str(error)))
    return True


def _open(callback: NDArray[np.void], device: AudioDevice, block_samples: int) -> AudioStream:
    stream = AudioStream(callback, device, block_samples)
    try:
        stream.start()
    except AudioError:
        stream.close()
        raise
    return stream


def _wait_for(
    pipe: Connection, asked: Asked, callback: NDArray[np.void], lost: AudioDevice, block_samples: int
) -> AudioStream:
    """Open a device as soon as it is back; leave the process when told to close."""
    while True:
        try:
            return _open(callback, find_again(lost), block_samples)
        except AudioError as error:
            pipe.send(("waiting", str(error)))
        with contextlib.suppress(queue.Empty):
            if asked.get(timeout=_RETRY_SECONDS) == ("close",):
                os._exit(_DONE)


def _watch(pipe: Connection, stream: AudioStream, asked: Asked) -> None:
    """Return when told to close, after the stream was closed; leave the process when the device is lost."""
    while stream.is_active:
        try:
            message = asked.get(timeout=_WATCH_SECONDS)
        except queue.Empty:
            continue
        if message == ("close",):
            stream.close()
            portaudio()._terminate()
            return
    pipe.send(("lost",))
    os._exit(_ANEW)
