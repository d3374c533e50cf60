"""Files of results: each kind is made when it is first asked for, and kept as long as its job."""

import asyncio
import contextlib
import multiprocessing
import shutil
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Final

from livegen.errors import FormatError
from livegen.formats.files import atomic_path
from livegen.offline.convert import Options, convert
from livegen.serve.jobs.port import Result
from livegen.serve.kinds import Kind
from livegen.system.processes import leave_with_parent

_OF_SOUND: Final = (Kind.WAV, Kind.FLAC, Kind.NSF)


class Made:
    """Converts results in a process of its own, one after another.

    Parameters
    ----------
    folder : Path
        Of what is kept: a folder for each job.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._pool = _new_pool()

    async def file(self, id: str, kind: Kind, result: Callable[[], Result | None]) -> Path | None:
        """Return the file of a job's result; None if there is no result. Raises LivegenError.

        Parameters
        ----------
        id : str
            Of the job.
        kind : Kind
        result : callable
            Returns the result. Asked each time, so that a job that is gone has no file any more.
        """
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(None, result)
        path = self._folder / id / f"result.{kind}"
        if found is None:
            return None
        if await loop.run_in_executor(None, path.is_file):
            return path
        as_it_is = {Kind.MID: found.score, Kind.VGM: found.registers}.get(kind)
        if as_it_is is not None:
            await loop.run_in_executor(None, _write, path, as_it_is)
            return path
        for _ in range(2):
            try:
                await loop.run_in_executor(self._pool, _convert, path, kind, found)
                return path
            except BrokenProcessPool:  # killed, perhaps for its memory
                self._pool = _new_pool()
        raise FormatError(f"result.{kind} cannot be made now: the process that converts it ended")

    def forget(self, id: str) -> None:
        """Delete what was made of a job's result."""
        shutil.rmtree(self._folder / id, ignore_errors=True)

    def clear(self, is_there: Callable[[str], bool]) -> None:
        """Delete what was made of jobs that are gone."""
        with contextlib.suppress(OSError):
            for folder in self._folder.iterdir():
                if not is_there(folder.name):
                    shutil.rmtree(folder, ignore_errors=True)

    def end(self) -> None:
        """End the process that converts."""
        self._pool.shutdown(wait=False, cancel_futures=True)


def _new_pool() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), _begin)


def _begin() -> None:
    """Let the process that converts end with the server, which may be killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=leave_with_parent, name="livegen parent", daemon=True).start()


def _convert(path: Path, kind: Kind, result: Result) -> None:
    """Write a file of a result; runs in the process that converts."""
    source = path.with_name("source.vgm" if kind in _OF_SOUND else "source.mid")
    _write(source, result.registers if kind in _OF_SOUND else result.score)
    convert(source, path, Options())
    source.unlink(missing_ok=True)


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as partial:
        partial.write_bytes(content)
