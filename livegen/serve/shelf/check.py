"""The check of a model that somebody has sent, in a process of its own with bounds on memory, time and files.

Nothing in the files is ever run. The process is there so that what is wrong with them, in whichever library, ends it
alone.
"""

import contextlib
import multiprocessing
import os
import sys
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

from livegen.errors import CheckpointError, LivegenError

_SECONDS: Final = 120.0  # on a busy machine; of the processor's time half as much
_MEMORY_BYTES: Final = 4 << 30  # address space, most of which the compiler only reserves
_FILE_BYTES: Final = 16 << 20
_SENTENCE_LENGTH: Final = 300


def check_model(folder: Path) -> None:
    """Raise CheckpointError if a folder does not hold a model that loads and plays a frame."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_check, args=(folder, theirs), name="livegen check", daemon=True)
    process.start()
    theirs.close()
    try:
        said = ours.recv() if ours.poll(_SECONDS) else "it takes too long to load: is it far larger than livegen's own?"
    except (EOFError, OSError):
        said = "loading it ended the process that tried: is it damaged, or far too large?"
    finally:
        ours.close()
        process.kill()
        process.join()
    if said:
        raise CheckpointError(said)


def _check(folder: Path, pipe: Connection) -> None:
    """Send the verdict on a model; runs in the process that checks it."""
    _set_bounds()
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (sys.stdout, sys.stderr):  # what a library says of it is no business of the service's log
        with contextlib.suppress(OSError, ValueError, AttributeError):
            os.dup2(nowhere, stream.fileno())
    with contextlib.suppress(OSError):
        pipe.send(verdict(folder))


def verdict(folder: Path) -> str:
    """Load a model, play a frame of it, and return what is wrong with it, or an empty text."""
    from livegen.engines.checkpoint import load_engine

    try:
        load_engine(folder).warm_up()
    except LivegenError as error:
        return str(error).replace(f"{folder}{os.sep}", "").replace(str(folder), "what was sent")[:_SENTENCE_LENGTH]
    except MemoryError:
        return "it needs more memory than the service gives a model: is it far larger than livegen's own?"
    except Exception as error:
        return f"it cannot be loaded ({type(error).__name__})"
    return ""


def _set_bounds() -> None:
    with contextlib.suppress(ImportError, OSError, ValueError):  # there is none of it on Windows
        import resource

        for what, bound in (
            (resource.RLIMIT_AS, _MEMORY_BYTES),
            (resource.RLIMIT_CPU, int(_SECONDS / 2)),
            (resource.RLIMIT_FSIZE, _FILE_BYTES),
            (resource.RLIMIT_CORE, 0),
        ):
            resource.setrlimit(what, (bound, bound))
