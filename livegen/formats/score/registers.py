"""The score of a log of register writes, as NES-MDB's own tools take it from a VGM file.

A voice's note is the one nearest to its timer's pitch, its volume that of the envelope or the constant one, its timbre
the duty or the noise's mode. It is silent where the chip is: length or linear counter at 0, volume 0, muted by its
sweep or by $4015; and where its pitch is no note that it has in a score
(https://github.com/chrisdonahue/nesmdb, `nesmdb/score/rawsco.py` and `exprsco.py`).

A game's sound engine writes in a burst, once a picture: the lower byte of a period some cycles before the upper one,
the noise after the pulses. The writes of a burst count as one, in the cycle of the first. So a note has no wrong pitch
for a moment, and what is struck together begins in the same sample.
"""

from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.apu.trace import LEVEL, PERIOD, TIMBRE, trace_writes
from livegen.formats.chip.register_log import VGM_RATE_HZ, RegisterLog
from livegen.formats.score.changes import Changes, tidied
from livegen.formats.score.downsample import frame_edges
from livegen.formats.score.piece import Piece
from livegen.score import N_COLUMNS, NOTE_RANGE, VOLUME_MAX, Column, Voice
from livegen.units import (
    FRAME_RATE_HZ,
    MAX_TIMER_PERIOD,
    frame_to_sample,
    pulse_timer_period_to_note,
    triangle_timer_period_to_note,
)

_PAUSE_SECONDS: Final = 0.002
"""A burst ends where the log pauses for so long. In logs of games, writes of a burst are under 0.2 ms apart."""

_LONGEST_BURST_SECONDS: Final = 1 / 120
"""A burst lasts no longer: half a picture."""

_SAMPLES_OF_DMC: Final = (0x4010, 0x4014)  # addresses of the fifth voice, which no score has

_NOISE_NOTES: Final = 16 - np.arange(16)


def log_to_piece(log: RegisterLog) -> Piece:
    """Return a log as a score, with its changes to the sample, and its tags."""
    changes = log_to_changes(log)
    return Piece(changes.frames(), tags=log.tags, changes=changes)


def log_to_changes(log: RegisterLog) -> Changes:
    """Return when the voices change that a log of register writes plays, and what they change to."""
    first, last = _SAMPLES_OF_DMC
    is_voice = (log.address < first) | (log.address > last)
    cycle = log.cycle[is_voice]
    cycles, states = trace_writes(
        cycle,
        log.address[is_voice],
        log.value[is_voice],
        _burst_begins(cycle, log.cpu_clock_hz),
        cpu_clock_hz=log.cpu_clock_hz,
        region=log.region,
        end=round(log.length * log.cpu_clock_hz / VGM_RATE_HZ),
    )
    samples = _on_grid(np.rint(cycles * (VGM_RATE_HZ / log.cpu_clock_hz)).astype(np.int64))
    voices = [tidied(samples, _score_states(voice, states[:, voice], log.cpu_clock_hz), log.length) for voice in Voice]
    return Changes(tuple(starts for starts, _ in voices), tuple(values for _, values in voices), log.length)


def _burst_begins(cycle: NDArray[np.int64], cpu_clock_hz: float) -> NDArray[np.int64]:
    """Return for each write the cycle of the first in its burst."""
    place = np.arange(len(cycle))
    begins = np.diff(cycle, prepend=-(1 << 62)) > _PAUSE_SECONDS * cpu_clock_hz
    run = cycle[np.maximum.accumulate(np.where(begins, place, 0))]
    piece = (cycle - run) // round(_LONGEST_BURST_SECONDS * cpu_clock_hz)
    begins |= np.diff(piece, prepend=0) != 0
    return cycle[np.maximum.accumulate(np.where(begins, place, 0))]


def _on_grid(samples: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return samples on NES-MDB's grid, where the first of a frame may be the one before it.

    Every other frame begins between two samples. The synth plays it from the one after on, and NES-MDB counts from the
    one before.
    """
    frame = samples * FRAME_RATE_HZ // VGM_RATE_HZ
    is_first = samples == frame_to_sample(frame, VGM_RATE_HZ)
    return np.where(is_first, frame_edges(int(frame.max(initial=0)))[frame], samples)


def _score_states(voice: Voice, states: NDArray[np.int16], cpu_clock_hz: float) -> NDArray[np.uint8]:
    """Return what a voice's states on the chip, shape (K, 3), are in a score."""
    notes = _NOISE_NOTES if voice is Voice.NO else _notes_of_periods(voice, cpu_clock_hz)
    note = np.where(states[:, LEVEL] > 0, notes[states[:, PERIOD]], 0)
    score = np.empty((len(states), N_COLUMNS), np.uint8)
    score[:, Column.NOTE] = note
    score[:, Column.VOLUME] = np.where(note > 0, np.minimum(states[:, LEVEL], VOLUME_MAX[voice]), 0)
    score[:, Column.TIMBRE] = states[:, TIMBRE]
    return score


@lru_cache(maxsize=12)
def _notes_of_periods(voice: Voice, cpu_clock_hz: float) -> NDArray[np.int64]:
    """Return the note of each timer period of a pitched voice, 0 where it is beyond the voice's range in a score."""
    to_note = triangle_timer_period_to_note if voice is Voice.TR else pulse_timer_period_to_note
    notes = np.array([round(to_note(period, cpu_clock_hz)) for period in range(MAX_TIMER_PERIOD + 1)])
    lowest, highest = NOTE_RANGE[voice]
    return np.where((notes >= lowest) & (notes <= highest), notes, 0)
