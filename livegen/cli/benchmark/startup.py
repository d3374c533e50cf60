"""How long `livegen jam` takes to its first sound."""

import contextlib
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

from pythonosc.osc_message import OscMessage
from pythonosc.osc_message_builder import OscMessageBuilder

from livegen.errors import LivegenError

_ASK_SECONDS: Final = 0.05
_START_PATIENCE_SECONDS: Final = 120.0
_END_SECONDS: Final = 10.0


def measure_startup(model_folder: Path, audio: str | None = None) -> float:
    """Return the seconds from spawning `livegen jam` to the first block of its sound, with compiled code in the cache.

    A new process runs the whole command: the interpreter's own start, imports, loading model and kernels, opening
    device and ports, planning the first frames. Its heartbeat over OSC says how long it has played, so the first block
    was that long before the heartbeat arrived. The second of two runs counts, because the first puts everything into
    the caches of kernels and disk.

    Raises
    ------
    LivegenError
        If jam does not start.
    """
    options = ["--model", str(model_folder.resolve())] + ([] if audio is None else ["--audio", audio])
    return [_start_once(options) for _ in range(2)][-1]


def _start_once(options: list[str]) -> float:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.settimeout(_ASK_SECONDS)
        port = _free_port()
        command = [sys.executable, "-m", "livegen", "jam", *options, "--osc-port", str(port)]
        began = time.perf_counter()
        with subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        ) as jam:
            try:
                while jam.poll() is None and time.perf_counter() < began + _START_PATIENCE_SECONDS:
                    listener.sendto(OscMessageBuilder("/livegen/register").build().dgram, ("127.0.0.1", port))
                    with contextlib.suppress(OSError):  # jam does not listen yet, or nothing came in time
                        message = OscMessage(listener.recv(4096))
                        if message.address == "/livegen/heartbeat":
                            return time.perf_counter() - float(message.params[0]) - began
            finally:
                jam.terminate()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    jam.wait(_END_SECONDS)
                jam.kill()
            last = (jam.communicate()[1].strip().splitlines() or ["it said nothing"])[-1]
            raise LivegenError(f"livegen jam did not start ({last}): try it by itself")


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])
