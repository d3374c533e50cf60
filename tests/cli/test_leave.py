"""Being asked to leave."""

import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from livegen.cli.leave import Leave, leave_on_signals, leaving_at_once


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


BUSY = """
import hashlib
from livegen.cli.leave import leaving_at_once
with leaving_at_once(7):
    print("busy", flush=True)
    hashlib.pbkdf2_hmac("sha256", b"", b"", 2_000_000_000)
"""
"""A program that is in one call for an hour, as a compiler may be for seconds; Python raises nothing meanwhile."""


def test_what_hears_no_signal_is_ended_in_one_sentence() -> None:
    program = subprocess.Popen(
        [sys.executable, "-c", BUSY], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ
    )
    assert program.stdout is not None
    try:
        assert program.stdout.readline() == "busy\n"
        program.send_signal(signal.SIGINT)
        _, said = program.communicate(timeout=20.0)
    finally:
        program.kill()
    assert (program.returncode, said) == (7, "livegen: interrupted\n")


def test_once_it_is_loaded_signals_are_what_they_were() -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with leaving_at_once():
        assert signal.getsignal(signal.SIGINT) is not before[0]
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before
    assert signal.set_wakeup_fd(-1) == -1
    assert "livegen leave" not in {thread.name for thread in threading.enumerate()}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="only where there is fork do processes compile beside the sound")
def test_it_does_not_wait_for_those_that_were_begun_meanwhile() -> None:
    """As on the first run, on which models are compiled by processes that go on while the jam plays already."""
    ours, childs = socket.socketpair()
    with leaving_at_once():
        child = os.fork()
        if child == 0:
            ours.close()
            if not select.select([childs], [], [], 10.0)[0]:
                childs.send(b"nobody went on meanwhile")
            os._exit(0)
    childs.close()
    assert select.select([ours], [], [], 0.0)[0] == []
    ours.close()
    os.waitpid(child, 0)
