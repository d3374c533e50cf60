"""What the network hears: the last frame, how long each voice has held it, and what the voice did before.

A voice's **event** is a frame where its note changes or it attacks again. What was heard so far is a small
array, ``uint8 (4, 19)``: a voice's last note, volume and timbre, the frames since its last event (its age), what
the last frame did (`NOTHING`, `ATTACK`, `RELEASE`), the lengths of its last finished events and the notes of its
last events. Training and the live step both fill it with `hear`, so they cannot disagree.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.kernels import kernel
from livegen.score import N_VOICES, is_onset

N_LENGTHS: Final = 6
N_NOTES: Final = 8

# Columns of what was heard, a voice a row.
NOTE: Final = 0
VOLUME: Final = 1
TIMBRE: Final = 2
AGE: Final = 3
FLAG: Final = 4
LENGTHS: Final = 5
NOTES: Final = LENGTHS + N_LENGTHS
N_HEARD: Final = NOTES + N_NOTES

NOTHING: Final = 0
ATTACK: Final = 1
RELEASE: Final = 2

MAX_AGE: Final = 255
N_NOTE_VALUES: Final = 109
N_VOLUMES: Final = 16
N_TIMBRES: Final = 4
N_FLAGS: Final = 3

N_AGES: Final = 32
"""Ages fall into buckets: 0..15 exactly, then four an octave."""

_AGE_BUCKETS: Final = np.array(
    [age if age < 16 else 16 + int(4 * np.log2(age / 16)) for age in range(MAX_AGE + 1)], np.int64
)

_NEAR: Final = 4
N_NEARNESSES: Final = 2 * _NEAR + 1
"""How the age compares with a length before: -4 or less .. 4 or more frames over it."""

_NOTE_ROW: Final = 0
_VOLUME_ROW: Final = _NOTE_ROW + N_NOTE_VALUES
_TIMBRE_ROW: Final = _VOLUME_ROW + N_VOLUMES
_AGE_ROW: Final = _TIMBRE_ROW + N_TIMBRES
_FLAG_ROW: Final = _AGE_ROW + N_AGES
_NEARNESS_ROW: Final = _FLAG_ROW + N_FLAGS
_VOICE_ROWS: Final = _NEARNESS_ROW + N_LENGTHS * N_NEARNESSES

START_ROW: Final = N_VOICES * _VOICE_ROWS
N_INPUT_ROWS: Final = START_ROW + 2
"""Rows of the input table: those of the four voices, then "within a song" and "at its start"."""

N_INPUTS: Final = N_VOICES * (5 + N_LENGTHS) + 1
"""Rows that are summed for one frame."""

OWN_NOTE: Final = 0
OWN_VOLUME: Final = OWN_NOTE + N_NOTE_VALUES
OWN_TIMBRE: Final = OWN_VOLUME + N_VOLUMES
OWN_AGE: Final = OWN_TIMBRE + N_TIMBRES
N_OWN_ROWS: Final = OWN_AGE + N_AGES
"""Rows, for each voice, of the table of what the voice itself did last."""

KNOWN_NOTE: Final = 0
KNOWN_VOLUME: Final = KNOWN_NOTE + N_NOTE_VALUES
KNOWN_TIMBRE: Final = KNOWN_VOLUME + N_VOLUMES
KNOWN_FLAG: Final = KNOWN_TIMBRE + N_TIMBRES
N_KNOWN_ROWS: Final = KNOWN_FLAG + N_FLAGS
"""Rows, for each voice, of the table of what is known of the frame that is being predicted."""

NEW_NOTE: Final = 0
NEW_CHANGED: Final = NEW_NOTE + N_NOTE_VALUES
N_NEW_ROWS: Final = NEW_CHANGED + 2
"""Rows, for each voice, of the table of the note just drawn, for its volume and timbre."""


@kernel
def event_flag(last_note: int, last_volume: int, note: int, volume: int) -> int:
    """Tell what a voice does in a frame: `NOTHING`, `ATTACK` or `RELEASE`."""
    if is_onset(last_note, last_volume, note, volume):
        return ATTACK
    return RELEASE if note != last_note else NOTHING


@kernel
def age_bucket(age: int) -> int:
    """Return the bucket (0..31) of an age in frames (0..255)."""
    return _AGE_BUCKETS[age]


@kernel
def hear(frame: NDArray[np.uint8], before: NDArray[np.uint8], after: NDArray[np.uint8]) -> None:
    """Write to `after` what was heard once `frame` follows `before`; both are ``uint8 (4, 19)``, and not the same."""
    for voice in range(N_VOICES):
        note, volume = frame[voice, 0], frame[voice, 1]
        flag = event_flag(before[voice, NOTE], before[voice, VOLUME], note, volume)
        is_event = 0 if flag == NOTHING else 1
        length = min(before[voice, AGE] + 1, MAX_AGE)
        after[voice, NOTE] = note
        after[voice, VOLUME] = volume
        after[voice, TIMBRE] = frame[voice, 2]
        after[voice, FLAG] = flag
        after[voice, AGE] = 0 if is_event else length
        for i in range(N_LENGTHS - 1, -1, -1):  # an event moves what was before it along by one
            after[voice, LENGTHS + i] = before[voice, max(LENGTHS + i - is_event, LENGTHS)]
        for i in range(N_NOTES - 1, -1, -1):
            after[voice, NOTES + i] = before[voice, max(NOTES + i - is_event, NOTES)]
        if is_event:
            after[voice, LENGTHS] = length
            after[voice, NOTES] = note


@kernel
def input_rows(heard: NDArray[np.uint8], is_start: bool, rows: NDArray[np.int64]) -> None:
    """Write to `rows`, ``int64 (45,)``, the rows of the input table that stand for what was heard."""
    at = 0
    for voice in range(N_VOICES):
        base = voice * _VOICE_ROWS
        it = heard[voice]
        rows[at] = base + _NOTE_ROW + it[NOTE]
        rows[at + 1] = base + _VOLUME_ROW + it[VOLUME]
        rows[at + 2] = base + _TIMBRE_ROW + it[TIMBRE]
        rows[at + 3] = base + _AGE_ROW + age_bucket(it[AGE])
        rows[at + 4] = base + _FLAG_ROW + it[FLAG]
        at += 5
        for i in range(N_LENGTHS):
            over = int(it[AGE]) + 1 - int(it[LENGTHS + i])
            nearness = min(max(over, -_NEAR), _NEAR) + _NEAR
            rows[at] = base + _NEARNESS_ROW + i * N_NEARNESSES + nearness
            at += 1
    rows[at] = START_ROW + (1 if is_start else 0)


@kernel
def hear_song(frames: NDArray[np.uint8], heard: NDArray[np.uint8]) -> None:
    """Write to `heard`, ``uint8 (N + 1, 4, 19)``, what was heard before a song of N frames and after each of them.

    The first entry is that of a song's start: one frame of silence after nothing.
    """
    hear(np.zeros((N_VOICES, 3), np.uint8), np.zeros((N_VOICES, N_HEARD), np.uint8), heard[0])
    for t in range(len(frames)):
        hear(frames[t], heard[t], heard[t + 1])


@kernel
def hear_each(frames: NDArray[np.uint8], before: NDArray[np.uint8], after: NDArray[np.uint8]) -> None:
    """Do `hear` for each of N frames by itself: ``frames (N, 4, 3)``, ``before`` and ``after (N, 4, 19)``."""
    for t in range(len(frames)):
        hear(frames[t], before[t], after[t])


@kernel
def batch_input_rows(heard: NDArray[np.uint8], is_start: NDArray[np.bool_], rows: NDArray[np.int64]) -> None:
    """Do `input_rows` for many frames: ``heard (N, 4, 19)``, ``is_start (N,)``, ``rows (N, 45)``."""
    for t in range(len(heard)):
        input_rows(heard[t], is_start[t], rows[t])
