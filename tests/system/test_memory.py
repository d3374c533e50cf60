"""The C library's memory: many threads share a few places."""

import ctypes
import subprocess
import sys

import pytest
from livegen_process import environment

THREADS = """
import ctypes, sys, threading
from livegen.system.memory import keep_memory_together
if sys.argv[1] == "together":
    assert keep_memory_together()
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_size_t], [ctypes.c_void_p]
barrier = threading.Barrier(12)
def work():
    barrier.wait()
    blocks = [libc.malloc(1000) for _ in range(1000)]
    barrier.wait()
    for block in blocks:
        libc.free(block)
threads = [threading.Thread(target=work) for _ in range(12)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
libc.fdopen.restype, libc.fflush.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
libc.malloc_info.argtypes = [ctypes.c_int, ctypes.c_void_p]
libc.malloc_info(0, libc.fdopen(1, b"w"))
libc.fflush(None)
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_info"), reason="this C library is not glibc")
def test_threads_share_two_arenas_of_memory() -> None:
    def n_arenas(how: str) -> int:
        told = subprocess.run(
            [sys.executable, "-c", THREADS, how], env=environment(), capture_output=True, text=True, check=True
        )
        return told.stdout.count("<heap nr=")

    assert n_arenas("together") <= 2 < n_arenas("apart")
