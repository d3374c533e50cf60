"""A log of what the synth writes to the chip, for files that hold register writes.

The owner of a log must empty it in time. A write that finds no room is dropped and counted.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.apu import MemoryChange
from livegen.apu.dmc import FIRST_SAMPLE_OFFSET
from livegen.patch import parse_patch
from livegen.score import N_VOICES
from livegen.synth.registers import NO_BANK, power_up
from livegen.synth.sample import SAMPLES_BYTES
from livegen.synth.synth import SYNTH, play_frame_voice, set_up_synth
from livegen.system.kernels import Record, kernel
from livegen.units import frame_to_sample

LOG_WRITES: Final = 4096
"""Number of writes that a log can hold. It is enough for a frame, even with the commands of a busy performer."""

LOG_LOADS: Final = 4
"""Number of loads of samples that a log can hold. There is one for a patch with samples, when it first plays one."""

LOG: Final = np.dtype(
    [
        ("is_on", np.int64),
        ("n_writes", np.int64),
        ("n_lost", np.int64),
        ("cycles", np.int64, LOG_WRITES),
        ("addresses", np.int64, LOG_WRITES),
        ("values", np.uint8, LOG_WRITES),
        ("n_loads", np.int64),  # this and the next two: samples that the memory of the DMC takes
        ("load_cycles", np.int64, LOG_LOADS),
        ("samples", np.uint8, (LOG_LOADS, SAMPLES_BYTES)),
    ],
    align=True,
)

Writes = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.uint8]]
"""CPU cycle, address and value of each write."""


@kernel
def log_writes(log: Record, writes: Record, banks: NDArray[np.void]) -> None:
    """Add to the log what an event is about to write to a chip, and the samples that its memory takes before."""
    if writes.n_writes > 0 and writes.loaded_bank != NO_BANK:
        if log.n_loads < LOG_LOADS:
            log.load_cycles[log.n_loads] = writes.load_cycle
            taken = banks[writes.loaded_bank].samples
            for i in range(len(taken)):
                log.samples[log.n_loads, i] = taken[i]
            log.n_loads += 1
        else:
            log.n_lost += 1
    for i in range(writes.n_writes):
        if log.n_writes < LOG_WRITES:
            log.cycles[log.n_writes] = writes.cycles[i]
            log.addresses[log.n_writes] = writes.addresses[i]
            log.values[log.n_writes] = writes.values[i]
            log.n_writes += 1
        else:
            log.n_lost += 1


def take_writes(log: NDArray[np.void]) -> Writes:
    """Return the writes in a log, shape (1,), and empty the log."""
    n_writes = int(log["n_writes"][0])
    log["n_writes"] = 0
    return tuple(log[name][0, :n_writes].copy() for name in ("cycles", "addresses", "values"))  # type: ignore[return-value]


def take_loads(log: NDArray[np.void]) -> list[MemoryChange]:
    """Return the loads of samples in a log, shape (1,), as changes of the DMC's memory, and take them out."""
    n_loads = int(log["n_loads"][0])
    log["n_loads"] = 0
    return [
        MemoryChange(int(log["load_cycles"][0, i]), FIRST_SAMPLE_OFFSET, log["samples"][0, i].tobytes())
        for i in range(n_loads)
    ]


def power_up_writes() -> Writes:
    """Return what the synth writes before it plays."""
    synth, log = np.zeros(1, SYNTH), np.zeros(1, LOG)
    power_up(synth["writes"][0, 0])
    log_writes(log[0], synth["writes"][0, 0], synth["banks"][0])
    return take_writes(log)


def join_writes(pieces: list[Writes]) -> Writes:
    """Return several pieces of writes as one."""
    return tuple(np.concatenate(columns) for columns in zip(*pieces, strict=True))  # type: ignore[return-value]


def score_writes(frames: NDArray[np.uint8], sample_rate: int) -> Writes:
    """Return the writes with which the synth plays a score with the score's own volumes and timbres.

    Parameters
    ----------
    frames : ndarray of uint8, shape (N, 4, 3)
        The voices fall silent after the last frame.
    sample_rate : int
        In Hz. Each frame begins at a whole sample of this rate, as it does when it is played.
    """
    synth, log = np.zeros(1, SYNTH), np.zeros(1, LOG)
    set_up_synth(synth, sample_rate, parse_patch("", "score", "score"))
    pieces, done = [power_up_writes()], 0
    while done <= len(frames):
        done = _play_frames(synth[0], log[0], frames, done, sample_rate)
        pieces.append(take_writes(log))
    return join_writes(pieces)


@kernel
def _play_frames(synth: Record, log: Record, frames: NDArray[np.uint8], first: int, sample_rate: int) -> int:
    """Play frames from `first` on until the log is half full, and return the next. After the last comes silence."""
    for index in range(first, len(frames) + 1):
        if log.n_writes > LOG_WRITES // 2:
            return index
        sample = frame_to_sample(index, sample_rate)
        for voice in range(N_VOICES):
            if index < len(frames):
                row = frames[index, voice]
                play_frame_voice(synth, sample, voice, np.int64(row[0]), np.int64(row[1]), np.int64(row[2]))
            else:
                play_frame_voice(synth, sample, voice, 0, 0, 0)
            log_writes(log, synth.writes[0], synth.banks)
            synth.writes[0].n_writes = 0
    return len(frames) + 1
