"""What each voice of a chip does, change by change, without its sound.

A log of writes runs through the chip with every voice muted, and after each write and each clock of the frame counter
the voices are looked at. So length counters, envelopes, sweeps and the rest are those that sound.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.apu.apu import read_samples, run_to, sample_to_cycle, voice_level, write_register
from livegen.apu.frame_counter import frame_counter_due
from livegen.apu.render import SAMPLE_RATE_RANGE_HZ, new_chip
from livegen.apu.tables import NO, P1, P2, TR
from livegen.system.kernels import kernel

N_TRACED: Final = 4
"""The voices that are traced, in the order P1, P2, TR, NO."""

PERIOD, LEVEL, TIMBRE = range(3)
"""Columns of a voice's state."""

_ROWS: Final = 1 << 14  # states that are taken from the kernel at a time
_DROPPED_SAMPLES: Final = 4096  # the chip's silence, which must be read now and then to make room


def trace_writes(
    cycle: NDArray[np.int64],
    address: NDArray[np.int64],
    value: NDArray[np.uint8],
    begin: NDArray[np.int64],
    *,
    cpu_clock_hz: float,
    region: str,
    end: int,
) -> tuple[NDArray[np.int64], NDArray[np.int16]]:
    """Return the states of the voices that a log of register writes causes, from power-up.

    Parameters
    ----------
    cycle, address, value : ndarray, shape (n,)
        The writes, in order, as `livegen.apu.render_writes` takes them.
    begin : ndarray of int64, shape (n,)
        The cycle from which on a write's state is said to be in force: its own, or an earlier one that it shares with
        the writes before it. Of writes that share one, the state after the last counts, and none between them.
    cpu_clock_hz, region
        As in `livegen.apu.new_chip`.
    end : int
        The cycle at which to stop.

    Returns
    -------
    cycles : ndarray of int64, shape (k,)
        When each state begins, rising; the first is 0.
    states : ndarray of int16, shape (k, 4, 3)
        For each voice its timer period (for the noise, the period's index), its level 0..15 (0: silent; the triangle's
        is 15 while it runs), and its timbre: the duty of a pulse, the mode of the noise.
    """
    chip = new_chip(cpu_clock_hz=cpu_clock_hz, sample_rate=SAMPLE_RATE_RANGE_HZ[0], region=region, voices=())
    values, at, rows = value.astype(np.int64), np.empty(_ROWS, np.int64), np.empty((_ROWS, N_TRACED, 3), np.int16)
    dropped, last = np.empty(_DROPPED_SAMPLES, np.float32), np.zeros((N_TRACED, 3), np.int16)
    cycles, states = [np.zeros(1, np.int64)], [last[None].copy()]
    written, n_rows = 0, _ROWS
    while n_rows == _ROWS:
        written, n_rows = _trace(chip[0], cycle, address, values, begin, written, end, dropped, last, at, rows)
        cycles.append(at[:n_rows].copy())
        states.append(rows[:n_rows].copy())
    return np.concatenate(cycles), np.concatenate(states)


@kernel
def _trace(
    chip: np.record,
    cycle: NDArray[np.int64],
    address: NDArray[np.int64],
    value: NDArray[np.int64],
    begin: NDArray[np.int64],
    written: int,
    end: int,
    dropped: NDArray[np.float32],
    last: NDArray[np.int16],
    at: NDArray[np.int64],
    rows: NDArray[np.int16],
) -> tuple[int, int]:
    """Fill `at` and `rows` with the next states that differ from the `last`. Return the next write and how many."""
    n_rows = 0
    while n_rows < len(at):
        clock = frame_counter_due(chip.frame_counter)
        is_write = written < len(cycle) and cycle[written] <= clock
        now = cycle[written] if is_write else clock
        if now >= end:
            break
        while sample_to_cycle(chip, chip.band_limit.origin_sample + len(dropped)) <= now:
            read_samples(chip, len(dropped), dropped)
        if is_write:
            write_register(chip, now, address[written], value[written])
            now = begin[written]
            written += 1
        else:
            run_to(chip, now + 1)
        is_amid = 0 < written < len(cycle) and begin[written] == begin[written - 1]
        if not is_amid and _look(chip, last):
            at[n_rows] = now
            rows[n_rows] = last
            n_rows += 1
    return written, n_rows


@kernel
def _look(chip: np.record, states: NDArray[np.int16]) -> bool:
    """Store the states of the voices, and tell whether one of them is new."""
    is_new = False
    for voice in range(N_TRACED):
        level = voice_level(chip, voice)
        period, timbre = 0, 0
        if P1 <= voice <= P2:
            period, timbre = chip.pulses[voice].timer_period, chip.pulses[voice].duty
        elif voice == TR:
            period = chip.triangle.timer_period
        elif voice == NO:
            period, timbre = chip.noise.period_index, chip.noise.mode
        if states[voice, PERIOD] != period or states[voice, LEVEL] != level or states[voice, TIMBRE] != timbre:
            states[voice, PERIOD], states[voice, LEVEL], states[voice, TIMBRE] = period, level, timbre
            is_new = True
    return is_new
