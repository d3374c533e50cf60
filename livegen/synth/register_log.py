"""What the sound engine writes to the chip, noted down: for files that hold register writes.

A log is a record that its owner empties in time; what finds no room is counted, never waited for.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.patch import parse_patch
from livegen.score import N_VOICES
from livegen.synth.registers import WRITES, power_up
from livegen.synth.synth import SYNTH, play_frame_voice, set_up_synth
from livegen.system.kernels import Record, kernel
from livegen.units import frame_to_sample

LOG_WRITES: Final = 4096
"""Room for what a frame can write, commands of a busy performer included."""

LOG: Final = np.dtype(
    [
        ("is_on", np.int64),
        ("n_writes", np.int64),
        ("n_lost", np.int64),
        ("cycles", np.int64, LOG_WRITES),
        ("addresses", np.int64, LOG_WRITES),
        ("values", np.uint8, LOG_WRITES),
    ],
    align=True,
)

Writes = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.uint8]]
"""CPU cycle, address and value of each write."""


@kernel
def log_writes(log: Record, writes: Record) -> None:
    """Note what an event is about to write to a chip."""
    for i in range(writes.n_writes):
        if log.n_writes < LOG_WRITES:
            log.cycles[log.n_writes] = writes.cycles[i]
            log.addresses[log.n_writes] = writes.addresses[i]
            log.values[log.n_writes] = writes.values[i]
            log.n_writes += 1
        else:
            log.n_lost += 1


def take_writes(log: NDArray[np.void]) -> Writes:
    """Return what a log, shape (1,), holds, and empty it."""
    n_writes = int(log["n_writes"][0])
    log["n_writes"] = 0
    return tuple(log[name][0, :n_writes].copy() for name in ("cycles", "addresses", "values"))  # type: ignore[return-value]


def power_up_writes() -> Writes:
    """Return what the sound engine writes before it plays."""
    log, writes = np.zeros(1, LOG), np.zeros(1, WRITES)
    power_up(writes[0])
    log_writes(log[0], writes[0])
    return take_writes(log)


def join_writes(pieces: list[Writes]) -> Writes:
    """Return writes one after another."""
    return tuple(np.concatenate(columns) for columns in zip(*pieces, strict=True))  # type: ignore[return-value]


def score_writes(frames: NDArray[np.uint8], sample_rate: int) -> Writes:
    """Return the writes with which the sound engine plays a score with its own volumes and timbres.

    Parameters
    ----------
    frames : ndarray of uint8, shape (N, 4, 3)
        The voices fall silent after the last.
    sample_rate : int
        In Hz: a frame begins at a sample, as it does when it is played at this rate.
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
    """Play frames from one on until the log is nearly full; return the next. The one after the last is silence."""
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
            log_writes(log, synth.writes[0])
            synth.writes[0].n_writes = 0
    return len(frames) + 1
