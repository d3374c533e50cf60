"""Nestopia's libretro core, playing register writes: a cartridge whose program sends them, frame by frame.

The core is Debian's `libretro-nestopia`; https://docs.libretro.com/development/libretro-overview says what it asks of
a host. It has one state a process, and so a process of its own for each cartridge.
"""

import ctypes
import struct
import subprocess
import sys
from ctypes import POINTER, c_bool, c_char_p, c_size_t, c_uint, c_void_p, cast
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

CORE = next(Path("/usr/lib").glob("**/libretro/nestopia_libretro.so"), None)
SAMPLE_RATE = 48_000
FRAME_RATE_HZ = 60  # which the core takes for 60.0988

Frames = list[list[tuple[int, int]]]
"""By frame, what is written: addresses and values."""

_PROGRAM = bytes.fromhex(
    "78 D8 A2 FF 9A"  #          SEI  CLD  LDX #$FF  TXS
    "A9 00 8D 00 20 8D 01 20"  # LDA #0  STA $2000  STA $2001
    "85 00 A9 90 85 01"  #       STA $00  LDA #$90  STA $01: the log is at $9000
    "2C 02 20 10 FB"  #          BIT $2002  BPL: the console needs two frames to warm up
    "2C 02 20 10 FB"  # 8018     BIT $2002  BPL: wait for the next frame
    "20 40 80 C9 FF F0 FE"  #    JSR $8040  CMP #$FF  BEQ: for ever, at the end of the log
    "C9 00 F0 F0 85 03"  #       CMP #0  BEQ $8018  STA $03
    "20 40 80 AA 20 40 80"  # 802A JSR $8040  TAX  JSR $8040
    "9D 00 40 C6 03 D0 F2"  #    STA $4000,X  DEC $03  BNE $802A
    "4C 18 80 EA EA EA EA EA"  # JMP $8018
    "A0 00 B1 00 E6 00 D0 02 E6 01 60"  # 8040: return the next byte of the log
)


class _Game(ctypes.Structure):
    _fields_ = [("path", c_char_p), ("data", c_void_p), ("size", c_size_t), ("meta", c_char_p)]


def render(frames: Frames) -> NDArray[np.float64]:
    """Return the sound of all frames, at `SAMPLE_RATE`, filtered as the core does."""
    command = [sys.executable, __file__, _log(frames).hex(), str(len(frames))]
    out = subprocess.run(command, check=True, capture_output=True, timeout=60).stdout
    return np.frombuffer(out, np.int16)[::2] / 2.0**15


def _log(frames: Frames) -> bytes:
    return b"".join(bytes([len(row), *(byte for a, v in row for byte in (a & 0xFF, v))]) for row in frames) + b"\xff"


def _cartridge(log: bytes) -> bytes:
    program = (_PROGRAM.ljust(0x1000, b"\0") + log).ljust(0x7FFA, b"\0")
    assert len(program) == 0x7FFA
    return b"NES\x1a\x02\x01".ljust(16, b"\0") + program + struct.pack("<HHH", 0x8000, 0x8000, 0x8000) + bytes(0x2000)


def _play(cartridge: bytes, n_frames: int) -> None:
    """Write what the core plays to the standard output, 16-bit stereo."""
    core = ctypes.CDLL(str(CORE))

    @ctypes.CFUNCTYPE(c_bool, c_uint, c_void_p)
    def environment(command: int, data: int) -> bool:
        if command in (9, 31):  # the folders of the system and of saved games
            cast(data, POINTER(c_char_p))[0] = b"/nonexistent"
        return command in (9, 10, 31)  # 10: any format of pixels

    @ctypes.CFUNCTYPE(c_size_t, c_void_p, c_size_t)
    def audio_sample_batch(samples: int, n: int) -> int:
        sys.stdout.buffer.write(ctypes.string_at(samples, 4 * n))
        return n

    callbacks = {
        "environment": environment,
        "video_refresh": ctypes.CFUNCTYPE(None, c_void_p, c_uint, c_uint, c_size_t)(lambda *_: None),
        "audio_sample": ctypes.CFUNCTYPE(None, ctypes.c_int16, ctypes.c_int16)(lambda *_: None),
        "audio_sample_batch": audio_sample_batch,
        "input_poll": ctypes.CFUNCTYPE(None)(lambda: None),
        "input_state": ctypes.CFUNCTYPE(ctypes.c_int16, c_uint, c_uint, c_uint, c_uint)(lambda *_: 0),
    }
    for name, callback in callbacks.items():
        getattr(core, f"retro_set_{name}")(callback)
    core.retro_init()
    content = ctypes.create_string_buffer(cartridge, len(cartridge))
    core.retro_load_game.restype = c_bool
    assert core.retro_load_game(ctypes.byref(_Game(b"log.nes", cast(content, c_void_p), len(cartridge), None)))
    for _ in range(n_frames):
        core.retro_run()
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    _play(_cartridge(bytes.fromhex(sys.argv[1])), int(sys.argv[2]))
