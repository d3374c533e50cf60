"""`livegen`, and `python -m livegen`."""

import atexit
import contextlib
import os
import signal
import sys
import threading


def main() -> None:
    """Run the commands; Ctrl-C while they are still being loaded ends quietly too."""
    try:
        from livegen import cli
    except KeyboardInterrupt:
        sys.exit(1)
    try:
        cli.main()
    except SystemExit as leaving:
        _end(leaving.code if isinstance(leaving.code, int) else 0)
        raise


def _end(code: int) -> None:
    """End the process, unless a thread is to be waited for, when Python's exit functions have run.

    Python would take down the interpreter first. With compiled code in it that takes up to seconds on a busy machine,
    and another Ctrl-C meanwhile shows a traceback.
    """
    if any(not thread.daemon for thread in threading.enumerate() if thread is not threading.current_thread()):
        return
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):  # nobody reads it any more
            stream.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
