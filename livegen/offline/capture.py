"""Keeping the last bars of a jam in files while it goes on.

A process of its own renders them from the take, at the lowest priority: this one has music to play.
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
"""Kinds of the files that a capture writes where nobody says others."""

_NICE: Final = 15
_MOST_AT_ONCE: Final = 2
_MOST_WAITING: Final = 8
"""A capture costs a process: a button that bounces must not start a hundred."""


def capture_endings(written: str) -> tuple[str, ...]:
    """Return the kinds of files in a list such as ``.mid,.wav``; raises FormatError where one cannot be written."""
    endings = tuple("." + ending.strip().lstrip(".").lower() for ending in written.split(","))
    for ending in endings:
        check_ending(Path(f"capture{ending}"))
    return endings


def start_process(take: Path, kept: Kept, endings: Sequence[str]) -> Any:
    """Start to render a stretch of a take that is still written; return the process."""
    files = [str(take / f"{kept.name}{ending}") for ending in endings]
    stretch = ["--from", str(kept.first), "--to", str(kept.end)]
    outs = [argument for file in files for argument in ("--out", file)]
    process = subprocess.Popen(
        [sys.executable, "-m", "livegen", "replay", str(take), *stretch, *outs],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,  # Ctrl-C ends the jam and not what it keeps
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
        Starts the process: `start_process`, but in tests.

    Attributes
    ----------
    said : str
        What became of the last one, for the status line; any thread may read it.
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
        """Ask for so many frames before `end` to be kept, as soon as the log has them; return what will be.

        Where many wait already, the log has the stretch and `livegen replay` can write it.
        """
        self._n_asked += 1
        kept = Kept(f"capture-{self._n_asked}", max(end - n_frames, 0), end)
        if len(self._asked) < _MOST_WAITING:
            self._asked.append(kept)
        else:
            self.said = f"{kept.name} is only marked in the take: {_MOST_WAITING} others wait to be written"
        return kept

    def work(self, n_written: int, *, is_last: bool = False) -> None:
        """Start what the log has the frames of, a few at once, and see what has ended; never raises.

        Parameters
        ----------
        n_written : int
            Frames in the log.
        is_last : bool
            Whether all that waits is started, for nobody comes back to it.
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
