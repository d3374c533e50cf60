"""Keeps the last bars of a jam in files while the jam goes on.

Another process renders them from the take, at a low priority, so that the jam is not disturbed.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from livegen.offline.render import check_ending
from livegen.takes.records import Kept

CAPTURE_ENDINGS: Final = (".mid", ".wav")
"""Kinds of the files that a capture writes by default."""

_NICE: Final = 15
_MOST_AT_ONCE: Final = 2
_MOST_WAITING: Final = 8
"""Most captures that are rendered at once, and most that wait. Each needs a process, and a button that bounces must not
start a hundred of them."""


def capture_endings(written: str) -> tuple[str, ...]:
    """Return the kinds of files in a list such as ``.mid,.wav``; raises FormatError if one cannot be written."""
    endings = tuple("." + ending.strip().lstrip(".").lower() for ending in written.split(","))
    for ending in endings:
        check_ending(Path(f"capture{ending}"))
    return endings


def start_process(take: Path, kept: Kept, endings: Sequence[str]) -> Any:
    """Start a process that renders a part of a take, which may still be growing; return the process."""
    files = [str(take / f"{kept.name}{ending}") for ending in endings]
    stretch = ["--from", str(kept.first), "--to", str(kept.end)]
    outs = [argument for file in files for argument in ("--out", file)]
    process = subprocess.Popen(
        [sys.executable, "-m", "livegen", "replay", str(take), *stretch, *outs],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,  # Ctrl-C ends the jam, but not its captures
    )
    if hasattr(os, "setpriority"):
        os.setpriority(os.PRIO_PROCESS, process.pid, _NICE)
    return process


class Captures:
    """The captures of a take; used by the recorder's thread alone.

    Parameters
    ----------
    take : Path
        Folder of the take, where the files go.
    endings : sequence of str
        Kinds of the files.
    start : callable
        Starts the process; only tests use another than `start_process`.

    Attributes
    ----------
    said : str
        The result of the last capture, for the status line; any thread may read it.
    """

    def __init__(
        self, take: Path, endings: Sequence[str] = CAPTURE_ENDINGS, start: Callable[..., Any] = start_process
    ) -> None:
        self.said = ""
        self._take = take
        self._endings = tuple(endings)
        self._start = start
        self._n_asked = 0
        self._asked: list[Kept] = []
        self._running: list[tuple[Kept, Any]] = []

    def ask(self, n_frames: int, end: int) -> Kept:
        """Ask for the last `n_frames` before `end` to be kept, as soon as the log has them; return the capture.

        If too many wait already, no file is written; but the log names the frames, and `livegen replay` can write them.
        """
        self._n_asked += 1
        kept = Kept(f"capture-{self._n_asked}", max(end - n_frames, 0), end)
        if len(self._asked) < _MOST_WAITING:
            self._asked.append(kept)
        else:
            self.said = f"{kept.name} is only marked in the take: {_MOST_WAITING} others wait to be written"
        return kept

    def work(self, n_written: int, *, is_last: bool = False) -> None:
        """Start captures whose frames are all in the log, a few at once, and look which have ended; never raises.

        Parameters
        ----------
        n_written : int
            Number of frames in the log.
        is_last : bool
            Whether this is the last call, so that all captures that wait must be started.
        """
        n_free = _MOST_WAITING if is_last else max(_MOST_AT_ONCE - len(self._running), 0)
        ready = [kept for kept in self._asked if kept.end <= n_written][:n_free]
        self._asked = [kept for kept in self._asked if kept not in ready]
        for kept in ready:
            try:
                self._running.append((kept, self._start(self._take, kept, self._endings)))
            except OSError as error:
                self.said = f"{kept.name} could not be written: {error.strerror}"
        for kept, process in list(self._running):
            if process.poll() is None:
                continue
            self._running.remove((kept, process))
            names = f"{kept.name}{'/'.join(self._endings)}"
            trouble = process.stderr.read().decode("utf-8", "replace").strip() if process.returncode else ""
            process.stderr.close()
            self.said = f"{kept.name} could not be written: {trouble[-200:]}" if process.returncode else f"kept {names}"
