"""NSF files of all kinds for the tests, with programs of a few bytes: what they play is known by construction.

And what files that livegen writes are made of: scores, and the logs of how they are played.
"""

import struct
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from livegen.formats.chip.register_log import VGM_RATE_HZ, RegisterLog, Tags
from livegen.score import NOTE_RANGE, Voice
from livegen.synth.register_log import score_writes
from livegen.units import CPU_CLOCK_HZ, frame_to_sample

RTS = b"\x60"
LOAD, INIT, PLAY = 0x8000, 0x8000, 0x8040

COUNTING = bytes.fromhex("E600 A500 8D0240 8D0340 60".replace(" ", ""))
"""PLAY that counts in $00 and writes the count to $4002 and $4003: inc $00, lda $00, sta $4002, sta $4003."""


def lda_sta(*writes: tuple[int, int]) -> bytes:
    """Return a routine that writes values to addresses and returns."""
    return b"".join(struct.pack("<BBBH", 0xA9, value, 0x8D, address) for address, value in writes) + RTS


def counting_to(n: int) -> bytes:
    """Return a PLAY that counts from 0 to n - 1 and over again, and writes the count to $4002."""
    # ldx $00, stx $4002, inx, cpx #n, bcc 2, ldx #0, stx $00
    return bytes((0xA6, 0x00, 0x8E, 0x02, 0x40, 0xE8, 0xE0, n, 0x90, 0x02, 0xA2, 0x00, 0x86, 0x00, 0x60))


def program(init: bytes = RTS, play: bytes = RTS) -> bytes:
    """Return a program with its two routines at `INIT` and `PLAY`."""
    return init.ljust(PLAY - LOAD, b"\0") + play


def nsf(
    data: bytes | None = None,
    *,
    version: int = 1,
    songs: int = 1,
    first: int = 1,
    load: int = LOAD,
    init: int = INIT,
    play: int = PLAY,
    texts: tuple[bytes, bytes, bytes] = (b"Tune", b"Me", b"1987"),
    speed: int = 0,
    banks: bytes = bytes(8),
    pal_speed: int = 19_997,
    region: int = 0,
    chips: int = 0,
    flags: int = 0,
    chunks: bytes = b"",
) -> bytes:
    """Return an NSF file, with `chunks` behind its program if it is of version 2."""
    data = program() if data is None else data
    header = struct.pack("<5sBBBHHH", b"NESM\x1a", version, songs, first, load, init, play)
    header += b"".join(text.ljust(32, b"\0")[:32] for text in texts)
    header += struct.pack("<H8sHBBB", speed, banks.ljust(8, b"\0"), pal_speed, region, chips, flags)
    return header + (len(data) if chunks else 0).to_bytes(3, "little") + data + chunks


def chunk(kind: bytes, body: bytes = b"", length: int | None = None) -> bytes:
    """Return a chunk, whose length may be a lie."""
    return struct.pack("<I4s", len(body) if length is None else length, kind) + body


def numbers(*values: int) -> bytes:
    """Return the body of a chunk of times."""
    return struct.pack(f"<{len(values)}i", *values)


def nsfe(
    data: bytes | None = None, *, songs: int = 1, first: int = 0, more: Mapping[bytes, bytes] | None = None
) -> bytes:
    """Return an NSFe file with some more chunks before its program."""
    info = struct.pack("<HHHBBBB", LOAD, INIT, PLAY, 0, 0, songs, first)
    body = chunk(b"INFO", info) + b"".join(chunk(kind, body) for kind, body in (more or {}).items())
    return b"NSFE" + body + chunk(b"DATA", program() if data is None else data) + chunk(b"NEND")


def log_of(frames: NDArray[np.uint8], tags: Tags = Tags()) -> RegisterLog:  # noqa: B008 - it is frozen
    """Return the log of a score as the synth plays it."""
    length = frame_to_sample(len(frames), VGM_RATE_HZ)
    return RegisterLog(*score_writes(frames, VGM_RATE_HZ), CPU_CLOCK_HZ["ntsc"], "ntsc", length, tags=tags)


def busy(n_frames: int, seed: int = 1) -> NDArray[np.uint8]:
    """Return a score in which everything changes with every frame."""
    rng = np.random.default_rng(seed)
    frames = np.zeros((n_frames, 4, 3), np.uint8)
    for voice in Voice:
        frames[:, voice, 0] = rng.integers(NOTE_RANGE[voice][0], NOTE_RANGE[voice][1] + 1, n_frames)
        frames[:, voice, 1] = 0 if voice is Voice.TR else rng.integers(1, 16, n_frames)
        frames[:, voice, 2] = rng.integers(0, {Voice.TR: 1, Voice.NO: 2}.get(voice, 4), n_frames)
    return frames
