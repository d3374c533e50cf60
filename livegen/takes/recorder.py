"""The recorder: writes a take while it is played, on a thread of its own, and never keeps the music waiting.

The frame thread hands over values that nothing changes; what they are in JSON is worked out here. The queue is
bounded: a disk that is too slow makes a gap in the take, and one that is full ends it. Both are said, neither is heard.
"""

import contextlib
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from queue import SimpleQueue
from threading import Event, Thread
from typing import Final, Protocol

from livegen.errors import TakeError
from livegen.performance.state import ControlInForce
from livegen.performance.timeline import Step
from livegen.performance.turn import Turn
from livegen.takes.lines import encode
from livegen.takes.log import TakeLog, bar_frames, standing_steps, turned_of
from livegen.takes.records import LOG_FILE, Gap, Head, Kept, Loaded, Note, Turned
from livegen.units import frame_to_seconds

FLUSH_SECONDS: Final = 0.25
"""How long what was played may wait before it is handed to the system."""

_WRITINGS_A_SYNC: Final = 2
_MAX_WAITING: Final = 1440  # a minute's frames
_JOIN_SECONDS: Final = 3.0


class LogFile(Protocol):
    """Where a take goes; `DiskFile` is one."""

    def write(self, data: bytes) -> None:
        """Append bytes; raises OSError."""

    def sync(self) -> None:
        """Return when all is on the disk; raises OSError."""

    def close(self) -> None:
        """Close it."""


class Keeper(Protocol):
    """What keeps stretches of a take in files, on the recorder's thread; `livegen.offline.capture.Captures` is one."""

    said: str
    """What became of the last one, for the status line."""

    def ask(self, n_frames: int, end: int) -> Kept:
        """Ask for so many frames before `end` to be kept, as soon as the log has them; return what will be."""

    def work(self, n_written: int, *, is_last: bool = False) -> None:
        """Begin with what is whole in a log of so many frames; never raises. Nobody comes back after the last call."""


class DiskFile:
    """A new file on the disk, locked as long as it is open, so that nobody clears it away.

    Raises
    ------
    OSError
        If it cannot be made.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("xb", buffering=0)
        lock(self._file.fileno())

    def write(self, data: bytes) -> None:
        """Append bytes; raises OSError."""
        while data:
            data = data[self._file.write(data) :]

    def sync(self) -> None:
        """Return when all is on the disk; raises OSError."""
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close it."""
        self._file.close()


def lock(file_number: int) -> bool:
    """Lock an open file for this process; False where another one has. Windows keeps open files by itself."""
    try:
        import fcntl
    except ImportError:
        return True
    try:
        fcntl.flock(file_number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        return True
    return True


class Recorder:
    """Records what an instrument plays.

    Parameters
    ----------
    folder : Path
        Of the take; it is there.
    head : Head
    captures : Keeper
        What keeps the last bars in files when it is asked to.
    file : LogFile, optional
        Where the log goes, if not to the folder.

    Attributes
    ----------
    folder : Path
    captures : Keeper

    Raises
    ------
    TakeError
        If the log cannot be begun.
    """

    def __init__(self, folder: Path, head: Head, captures: Keeper, file: LogFile | None = None) -> None:
        self.folder = folder
        self.captures = captures
        self._began_ns = time.perf_counter_ns()
        self._waiting: SimpleQueue[tuple[Turned, tuple[Step, ...], float] | Loaded | Gap | Note] = SimpleQueue()
        self._n_missing = self._n_told = 0  # calls that found no room
        self._failure = ""
        self._counts: Mapping[str, int] = {}
        self._log = TakeLog()
        self._is_over = Event()
        self._thread = Thread(target=self._run, name="livegen take", daemon=True)
        try:
            self._file: LogFile = DiskFile(folder / LOG_FILE) if file is None else file
            self._file.write(encode(head))
            self._file.sync()
        except OSError as error:
            raise TakeError(f"no take can be written to {folder}: {error.strerror}") from error

    @property
    def trouble(self) -> str:
        """What the performer should know of the take, or empty; any thread may ask."""
        if self._failure or not self._n_missing:
            return self._failure
        return f"{self._n_missing} frames missing from the take, the disk is too slow"

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def record(self, turn: Turn) -> None:
        """Take what was played; called by the frame thread alone, never waits and never raises."""
        if self._failure:
            return
        if self._waiting.qsize() >= _MAX_WAITING:
            self._n_missing += 1
            return
        if self._n_missing > self._n_told:
            self._waiting.put(Gap(self._n_missing - self._n_told))
            self._n_told = self._n_missing
        turned = turned_of(turn, self._began_ns, time.perf_counter_ns())
        self._waiting.put((turned, standing_steps(turn), bar_frames(turn.after)))

    def load(self, loaded: Loaded) -> None:
        """Take note of a model before anybody can change to it; from any thread."""
        self._waiting.put(loaded)

    def count(self, counts: Mapping[str, int]) -> None:
        """Take note of what went wrong, in all and by what it is, where that has grown; called by one thread alone."""
        if self._failure or self._waiting.qsize() >= _MAX_WAITING:  # it will be told of what grew since
            return
        for what, count in counts.items():
            if count != self._counts.get(what, 0):
                self._waiting.put(Note(what, count, time.perf_counter_ns() - self._began_ns))
        self._counts = dict(counts)

    def stop(self) -> None:
        """Write the rest and the end, and close the take; safe to call twice."""
        self._is_over.set()
        if self._thread.ident is None:  # it never played
            self._file.close()
        else:
            self._thread.join(_JOIN_SECONDS)

    def _run(self) -> None:
        try:
            n_writings = 0
            while not self._is_over.wait(FLUSH_SECONDS):
                self._write()
                n_writings += 1
                if n_writings % _WRITINGS_A_SYNC == 0:
                    self._file.sync()
            self._write()
            self._file.write(self._log.end())
            self._file.sync()
            self.captures.work(self._log.n_frames, is_last=True)
        except Exception as error:  # on stage nothing raises: say it, and play on
            reason = error.strerror if isinstance(error, OSError) else repr(error)
            self._failure = f"the take ends at {frame_to_seconds(self._log.n_frames):.0f} s, for its log: {reason}"
        finally:
            with contextlib.suppress(OSError):
                self._file.close()

    def _write(self) -> None:
        lines: list[bytes] = []
        for _ in range(self._waiting.qsize()):
            waiting = self._waiting.get()
            if isinstance(waiting, tuple):
                turned, steps, bar = waiting
                lines += [self._log.add(turned, steps), *map(encode, self._asked(turned, steps, bar))]
            else:
                lines.append(encode(waiting))
        if lines:
            self._file.write(b"".join(lines))
        self.captures.work(self._log.n_frames)

    def _asked(self, turned: Turned, steps: tuple[Step, ...], bar: float) -> Iterator[Kept]:
        """Yield the captures that a call asks for; `bar` is the length of one in frames."""
        for message in turned.messages:
            if isinstance(message, ControlInForce) and message.name == "capture" and steps:
                yield self.captures.ask(round(int(message.value) * bar), steps[-1].planned.frame_index + 1)
