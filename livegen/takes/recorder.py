"""The recorder: writes a take while it is played, on a thread of its own, so the music never waits for the disk.

The frame thread hands over immutable values; they are turned into JSON here. While the disk is full, lines wait in
memory, and they are written when there is room again: nothing is missing then. What waits is bounded, so a disk that is
full for hours, or too slow, makes a gap in the take, which is marked. All this is reported, and none of it disturbs the
sound.
"""

import contextlib
import math
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
from livegen.system.threads import raise_priority
from livegen.takes.lines import encode
from livegen.takes.log import TakeLog, bar_frames, standing_steps, turned_of
from livegen.takes.records import LOG_FILE, Gap, Head, Kept, Loaded, Note, Turned
from livegen.units import frame_to_seconds

FLUSH_SECONDS: Final = 0.25
"""Time between two writings to the log."""

_WRITINGS_A_SYNC: Final = 2
"""Number of writings after which the log is synced to the disk: every half second."""

_MAX_WAITING: Final = 1440
"""Most calls that wait in the queue: one minute's frames."""

_MAX_UNWRITTEN_BYTES: Final = 32 << 20
"""Lines that may wait for room on the disk: about two hours of a take."""

_JOIN_SECONDS: Final = 3.0


class LogFile(Protocol):
    """Where a take goes; `DiskFile` is one."""

    def write(self, data: bytes) -> None:
        """Append all bytes, or none of them and raise OSError."""

    def sync(self) -> None:
        """Wait until all is on the disk; raises OSError."""

    def close(self) -> None:
        """Close it."""


class Keeper(Protocol):
    """Keeps captures, parts of a take, in files, on the recorder's thread; see `livegen.offline.capture.Captures`."""

    said: str
    """The result of the last capture, for the status line."""

    def ask(self, n_frames: int, end: int) -> Kept:
        """Ask for the last `n_frames` before `end` to be kept, as soon as the log has them; return the capture."""

    def work(self, n_written: int, *, is_last: bool = False) -> None:
        """Begin with captures that a log of `n_written` frames has whole; never raises. `is_last`: no call follows."""


class DiskFile:
    """A new file on the disk, locked as long as it is open, so that `prune` does not remove it.

    Raises
    ------
    OSError
        If it cannot be made.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("xb", buffering=0)
        self._n_bytes = 0
        lock(self._file.fileno())

    def write(self, data: bytes) -> None:
        """Append all bytes, or none of them and raise OSError: no line is ever torn by a full disk."""
        left = data
        try:
            while left:
                left = left[self._file.write(left) :]
        except OSError:
            with contextlib.suppress(OSError):  # what has no size, such as a pipe
                self._file.truncate(self._n_bytes)
                self._file.seek(self._n_bytes)
            raise
        self._n_bytes += len(data)

    def sync(self) -> None:
        """Wait until all is on the disk; raises OSError."""
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close it."""
        self._file.close()


def lock(file_number: int) -> bool:
    """Lock an open file for this process; False if another has locked it. Windows protects open files by itself."""
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
        Folder of the take, which must exist.
    head : Head
    captures : Keeper
        Keeps the last bars in files when the performer asks for it.
    file : LogFile, optional
        Where the log goes, if not to a file in the folder.

    Attributes
    ----------
    folder : Path
    captures : Keeper

    Raises
    ------
    TakeError
        If the log cannot be written.
    """

    def __init__(self, folder: Path, head: Head, captures: Keeper, file: LogFile | None = None) -> None:
        self.folder = folder
        self.captures = captures
        self._began_ns = time.perf_counter_ns()
        self._waiting: SimpleQueue[tuple[Turned, tuple[Step, ...], float] | Loaded | Gap | Note] = SimpleQueue()
        self._n_missing = self._n_told = 0  # calls that found no room in the queue, and how many of them are recorded
        self._unwritten = bytearray()  # whole lines that wait for room on the disk
        self._n_written = 0  # frames in the log on the disk
        self._n_waits = 0  # how often lines had to wait
        self._obstacle = ""  # why they wait now
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
        """What the performer should know about the take, or empty; any thread may ask."""
        if self._failure:
            return self._failure
        missing = f"{self._n_missing} frames missing from the take" if self._n_missing else ""
        if self._obstacle:
            waits = f"the take waits since {frame_to_seconds(self._n_written):.0f} s: {self._obstacle}"
            return ", ".join(filter(None, (waits, missing)))
        return f"{missing}, the disk is too slow or was full" if missing else ""

    def start(self) -> None:
        """Begin to write on the recorder's thread."""
        self._thread.start()

    def record(self, turn: Turn) -> None:
        """Record a turn; called by the frame thread alone, never waits and never raises."""
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
        """Record that a model was loaded, before anybody can change to it; from any thread."""
        self._waiting.put(loaded)

    def count(self, counts: Mapping[str, int]) -> None:
        """Record how often each kind of trouble has happened, if the number has changed; called by one thread alone."""
        if self._failure or self._waiting.qsize() >= _MAX_WAITING:  # the next call records the change
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
        raise_priority(is_in_hurry=False)
        try:
            n_writings = 0
            while not self._is_over.wait(FLUSH_SECONDS):
                self._encode(_MAX_UNWRITTEN_BYTES)
                n_writings += 1
                self._write(syncs=n_writings % _WRITINGS_A_SYNC == 0)
                self.captures.work(self._n_written)
            self._encode(math.inf)
            self._unwritten += self._log.end()
            self._write(syncs=True)
            if self._obstacle:
                self._failure = f"the take ends at {frame_to_seconds(self._n_written):.0f} s: {self._obstacle}"
            self.captures.work(self._n_written, is_last=True)
        except Exception as error:  # on stage nothing raises: report it, and play on
            self._failure = f"the take ends at {frame_to_seconds(self._n_written):.0f} s, for its log: {error!r}"
        finally:
            with contextlib.suppress(OSError):
                self._file.close()

    def _encode(self, most_bytes: float) -> None:
        """Turn what waits in the queue into lines, while fewer bytes than that wait for room on the disk."""
        for _ in range(self._waiting.qsize()):
            if len(self._unwritten) > most_bytes:
                return
            waiting = self._waiting.get()
            if isinstance(waiting, tuple):
                turned, steps, bar = waiting
                self._unwritten += self._log.add(turned, steps)
                for kept in self._asked(turned, steps, bar):
                    self._unwritten += encode(kept)
            else:
                self._unwritten += encode(waiting)

    def _write(self, *, syncs: bool) -> None:
        """Write the lines that wait, all of them or, while the disk takes none, none."""
        try:
            if self._unwritten:
                self._file.write(bytes(self._unwritten))
                self._unwritten.clear()
                self._n_written = self._log.n_frames
            if syncs:
                self._file.sync()
        except OSError as error:
            if not self._obstacle:
                self._n_waits += 1
            self._obstacle = error.strerror or str(error)
        else:
            if self._obstacle:
                self._obstacle = ""
                self._waiting.put(Note("waits for the disk", self._n_waits, time.perf_counter_ns() - self._began_ns))

    def _asked(self, turned: Turned, steps: tuple[Step, ...], bar: float) -> Iterator[Kept]:
        """Yield the captures that a call asks for; `bar` is the length of a bar in frames."""
        for message in turned.messages:
            if isinstance(message, ControlInForce) and message.name == "capture" and steps:
                yield self.captures.ask(round(int(message.value) * bar), steps[-1].planned.frame_index + 1)
