"""Being asked to leave."""

import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

from livegen.cli.leave import Leave, leave_on_signals


def test_it_waits_and_ends_once_it_is_asked() -> None:
    leave = Leave()
    assert not leave.wait(0.0)
    threading.Timer(0.01, leave.ask).start()
    assert leave.wait(20.0)


def test_a_signal_asks() -> None:
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        leave = leave_on_signals()
        for number in handlers:
            signal.raise_signal(number)
            assert leave.wait(0.0)
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def test_a_signal_may_come_at_any_moment_of_the_wait() -> None:
    """A handler runs between any two instructions of the thread that it interrupts: here, between all of them."""
    leave = Leave()

    def interrupt(frame: FrameType, event: str, argument: Any) -> Callable[..., Any]:
        frame.f_trace_opcodes = True
        sys.settrace(None)
        leave.ask(signal.SIGTERM, frame)
        sys.settrace(interrupt)
        return interrupt

    def wait() -> None:
        sys.settrace(interrupt)
        leave.wait(0.0)
        sys.settrace(None)

    waiting = threading.Thread(target=wait, daemon=True)
    waiting.start()
    waiting.join(10.0)
    assert not waiting.is_alive()
