"""What the network hears: the last frame, how long each voice has held it, and what the voice did before.

A voice's **event** is a frame where its note changes or it attacks again. What was heard so far is a small
array, ``uint8 (4, 19)``: a voice's last note, volume and timbre, the frames since its last event (its age), what
the last frame did (`NOTHING`, `ATTACK`, `RELEASE`), the lengths of its last finished events and the notes of its
last events. Training and the live step both fill it with `hear`, so they cannot disagree.

The network hears two arrays more. One is what the motif memory proposes, ``uint8 (4, 4, 6)``: four candidates for each
voice (see `livegen.engines.lstm.memory`). The other is where in the beat the next frame falls, ``uint8 (2,)``: buckets
of its phase and of the period, with values of their own for an unknown beat.
"""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.beat import FASTEST_PERIOD_FRAMES, SLOWEST_PERIOD_FRAMES, Beat
from livegen.score import N_VOICES, is_onset
from livegen.system.kernels import kernel

N_LENGTHS: Final = 6
N_NOTES: Final = 8

# Columns of what was heard; each voice has a row.
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
"""Number of buckets for ages: one for each age from 0 to 15 frames, then four for each doubling of the age."""

_AGE_BUCKETS: Final = np.array(
    [age if age < 16 else 16 + int(4 * np.log2(age / 16)) for age in range(MAX_AGE + 1)], np.int64
)

_NEAR: Final = 4
N_NEARNESSES: Final = 2 * _NEAR + 1
"""Number of buckets for the age less an earlier length: from -4 frames or less to 4 frames or more."""

# Columns of a proposal: one candidate of the memory for one voice.
NEXT: Final = 0
"""The note that follows."""
LEFT: Final = 1
"""Bucket of the frames that are left until it comes, `ON_TIME` if it is due in the next frame."""
TRUST: Final = 2
"""0 if there is no proposal, else how good the match is: 1..8 by its length, or 1..12 by how well the voices agree."""
PLANNED: Final = 3
"""The trust of a plan's lag; no other shared lag has this trust."""
RELATION: Final = 3
"""0 if there is no proposal; else 1, + 2 if the voice has now the note that it had a lag ago, + 1 if it has `NEXT`."""
THEN_VOLUME: Final = 4
"""The volume in the frame that is a lag before the next one, or `N_VOLUMES` if there is no proposal."""
THEN_TIMBRE: Final = 5
"""The timbre in that frame, or `N_TIMBRES` if there is no proposal."""
N_PROPOSED: Final = 6

OWN_STRICT: Final = 0
OWN_LOOSE: Final = 1
SHARED: Final = 2
SHARED_OTHER: Final = 3
N_CANDIDATES: Final = 4

N_LEFTS: Final = 13
ON_TIME: Final = 3
N_TRUSTS: Final = 13
N_RELATIONS: Final = 5

NO_PROPOSALS: Final = np.zeros((N_VOICES, N_CANDIDATES, N_PROPOSED), np.uint8)
"""The proposals of a memory that has found nothing or is hidden."""
NO_PROPOSALS[..., THEN_VOLUME] = N_VOLUMES
NO_PROPOSALS[..., THEN_TIMBRE] = N_TIMBRES
NO_PROPOSALS.flags.writeable = False

N_PHASES: Final = 48
N_PERIODS: Final = 24
NO_BEAT: Final = np.array([N_PHASES, N_PERIODS], np.uint8)
"""The buckets of an unknown beat."""
N_BEAT_PLACES: Final = (N_PHASES + 1) * (N_PERIODS + 1)
"""Number of pairs of a phase and a period, unknown ones included."""
NO_BEAT.flags.writeable = False

_SHORTEST_PERIOD_FRAMES: Final = 5.0
_LONGEST_PERIOD_FRAMES: Final = 40.0
"""The buckets of the period lie between these two periods, equally spaced in the logarithm."""

_FASTEST_TAUGHT_FRAMES: Final = FASTEST_PERIOD_FRAMES * 0.95
_SLOWEST_TAUGHT_FRAMES: Final = SLOWEST_PERIOD_FRAMES * 1.05
"""Frames a beat of the fastest and the slowest beat in the training, which speeds songs up and slows them down by up to
5 %."""

_N_MATCHES: Final = N_LEFTS * N_TRUSTS
_WITH_NEXT: Final = (OWN_STRICT, SHARED)
"""Candidates whose next note the LSTM hears. The heads use the next notes of all candidates."""

_NOTE_ROW: Final = 0
_VOLUME_ROW: Final = _NOTE_ROW + N_NOTE_VALUES
_TIMBRE_ROW: Final = _VOLUME_ROW + N_VOLUMES
_AGE_ROW: Final = _TIMBRE_ROW + N_TIMBRES
_FLAG_ROW: Final = _AGE_ROW + N_AGES
_NEARNESS_ROW: Final = _FLAG_ROW + N_FLAGS
_MATCH_ROW: Final = _NEARNESS_ROW + N_LENGTHS * N_NEARNESSES
_NEXT_ROW: Final = _MATCH_ROW + N_CANDIDATES * _N_MATCHES
VOICE_ROWS: Final = _NEXT_ROW + len(_WITH_NEXT) * N_NOTE_VALUES
"""Rows of the input table that belong to one voice."""

_PHASE_ROW: Final = N_VOICES * VOICE_ROWS
_PERIOD_ROW: Final = _PHASE_ROW + N_PHASES + 1
START_ROW: Final = _PERIOD_ROW + N_PERIODS + 1
N_INPUT_ROWS: Final = START_ROW + 2
"""Number of rows of the input table: those of the four voices, those of the beat, then "within a song" and "at its
start"."""

VOICE_INPUTS: Final = 5 + N_LENGTHS + N_CANDIDATES + len(_WITH_NEXT)
N_INPUTS: Final = N_VOICES * VOICE_INPUTS + 3
"""Number of rows that are summed for one frame: those of each voice, then the beat's phase, its period, the start."""

OWN_NOTE: Final = 0
OWN_VOLUME: Final = OWN_NOTE + N_NOTE_VALUES
OWN_TIMBRE: Final = OWN_VOLUME + N_VOLUMES
OWN_AGE: Final = OWN_TIMBRE + N_TIMBRES
_OWN_PHASE: Final = OWN_AGE + N_AGES
_OWN_CANDIDATES: Final = _OWN_PHASE + N_PHASES + 1
_OF_RELATION: Final = _N_MATCHES
_OF_VOLUME: Final = _OF_RELATION + N_RELATIONS
_OF_TIMBRE: Final = _OF_VOLUME + N_VOLUMES + 1
_CANDIDATE_ROWS: Final = _OF_TIMBRE + N_TIMBRES + 1
N_OWN_ROWS: Final = _OWN_CANDIDATES + N_CANDIDATES * _CANDIDATE_ROWS
"""Number of rows, for each voice, of the own table: what the voice did last, and what the memory proposes for it."""

N_OWN: Final = 5 + 4 * N_CANDIDATES
"""Number of rows of the own table that are summed for one voice."""

KNOWN_NOTE: Final = 0
KNOWN_VOLUME: Final = KNOWN_NOTE + N_NOTE_VALUES
KNOWN_TIMBRE: Final = KNOWN_VOLUME + N_VOLUMES
KNOWN_FLAG: Final = KNOWN_TIMBRE + N_TIMBRES
KNOWN_AGREES: Final = KNOWN_FLAG + N_FLAGS
N_AGREEMENTS: Final = 3
N_KNOWN_ROWS: Final = KNOWN_AGREES + 2 * N_AGREEMENTS
"""Number of rows, for each voice, of the known table: what a voice does in the frame that is being predicted."""

N_KNOWN: Final = 6
"""Number of rows of the known table that are summed for one known voice."""

NEW_NOTE: Final = 0
NEW_CHANGED: Final = NEW_NOTE + N_NOTE_VALUES
N_NEW_ROWS: Final = NEW_CHANGED + 2
"""Number of rows, for each voice, of the table of the note just drawn, from which volume and timbre are predicted."""


def beat_buckets(beat: Beat | None, n_frames: int = 1) -> NDArray[np.uint8]:
    """Return what the network is told of the beat for the frames that come next, ``uint8 (n_frames, 2)``.

    For a beat that is slower or faster than any in the training it is told the right phase, but the nearest period that
    it was trained on.
    """
    if beat is None:
        return np.tile(NO_BEAT, (n_frames, 1))
    phases = (beat.phase + np.arange(1, n_frames + 1) / beat.period_frames) % 1.0
    buckets = np.empty((n_frames, 2), np.uint8)
    buckets[:, 0] = np.minimum(phases * N_PHASES, N_PHASES - 1)
    buckets[:, 1] = _period_bucket(beat.period_frames)
    return buckets


def next_buckets(beat: Beat | None) -> NDArray[np.uint8]:
    """Return what the network is told of the beat for the next frame, ``uint8 (2,)``; see `beat_buckets`."""
    if beat is None:
        return NO_BEAT.copy()
    phase = (beat.phase + 1.0 / beat.period_frames) % 1.0
    return np.array([min(int(phase * N_PHASES), N_PHASES - 1), _period_bucket(beat.period_frames)], np.uint8)


def _period_bucket(period_frames: float) -> int:
    period = min(max(period_frames, _FASTEST_TAUGHT_FRAMES), _SLOWEST_TAUGHT_FRAMES)
    octaves = math.log(_LONGEST_PERIOD_FRAMES / _SHORTEST_PERIOD_FRAMES)
    place = math.log(period / _SHORTEST_PERIOD_FRAMES) / octaves * N_PERIODS
    return min(max(int(place), 0), N_PERIODS - 1)


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
    """Write to `after` what was heard once `frame` follows `before`, two different arrays, ``uint8 (4, 19)``."""
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
        for i in range(N_LENGTHS - 1, -1, -1):  # an event moves the earlier lengths and notes along by one
            after[voice, LENGTHS + i] = before[voice, max(LENGTHS + i - is_event, LENGTHS)]
        for i in range(N_NOTES - 1, -1, -1):
            after[voice, NOTES + i] = before[voice, max(NOTES + i - is_event, NOTES)]
        if is_event:
            after[voice, LENGTHS] = length
            after[voice, NOTES] = note


@kernel
def forget_ages(heard: NDArray[np.uint8]) -> None:
    """Set ages and lengths in what was heard, ``uint8 (..., 19)``, to 0: the network is then told no durations."""
    heard[..., AGE] = 0
    heard[..., LENGTHS:NOTES] = 0


@kernel
def input_rows(
    heard: NDArray[np.uint8],
    proposals: NDArray[np.uint8],
    beat: NDArray[np.uint8],
    is_start: bool,
    rows: NDArray[np.int64],
) -> None:
    """Write to `rows`, ``int64 (N_INPUTS,)``, the rows of the input table that stand for what was heard."""
    at = 0
    for voice in range(N_VOICES):
        base = voice * VOICE_ROWS
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
        for i in range(N_CANDIDATES):
            of = proposals[voice, i]
            rows[at] = base + _MATCH_ROW + i * _N_MATCHES + of[LEFT] * N_TRUSTS + of[TRUST]
            at += 1
        for i in range(len(_WITH_NEXT)):
            rows[at] = base + _NEXT_ROW + i * N_NOTE_VALUES + proposals[voice, _WITH_NEXT[i], NEXT]
            at += 1
    rows[at] = _PHASE_ROW + beat[0]
    rows[at + 1] = _PERIOD_ROW + beat[1]
    rows[at + 2] = START_ROW + (1 if is_start else 0)


@kernel
def own_rows(
    heard: NDArray[np.uint8], proposals: NDArray[np.uint8], beat: NDArray[np.uint8], rows: NDArray[np.int64]
) -> None:
    """Write to `rows`, ``int64 (N_OWN,)``, the rows of a voice's own table: ``heard (19,)``, ``proposals (4, 6)``."""
    rows[0] = OWN_NOTE + heard[NOTE]
    rows[1] = OWN_VOLUME + heard[VOLUME]
    rows[2] = OWN_TIMBRE + heard[TIMBRE]
    rows[3] = OWN_AGE + age_bucket(heard[AGE])
    rows[4] = _OWN_PHASE + beat[0]
    for i in range(N_CANDIDATES):
        base, of = _OWN_CANDIDATES + i * _CANDIDATE_ROWS, proposals[i]
        rows[5 + 4 * i] = base + of[LEFT] * N_TRUSTS + of[TRUST]
        rows[6 + 4 * i] = base + _OF_RELATION + of[RELATION]
        rows[7 + 4 * i] = base + _OF_VOLUME + of[THEN_VOLUME]
        rows[8 + 4 * i] = base + _OF_TIMBRE + of[THEN_TIMBRE]


@kernel
def expected_note(last_note: int, proposal: NDArray[np.uint8]) -> int:
    """Return the note that a proposal, (6,), has for the next frame of a voice whose last note was `last_note`."""
    return proposal[NEXT] if proposal[LEFT] <= ON_TIME else last_note


@kernel
def agreement(note: int, last_note: int, proposal: NDArray[np.uint8]) -> int:
    """Return 0 if a proposal, (6,), is empty, 1 if the voice did something else than it proposed, 2 if it did that."""
    if proposal[TRUST] == 0:
        return 0
    return 2 if note == expected_note(last_note, proposal) else 1


@kernel
def known_rows(
    frame: NDArray[np.uint8], heard: NDArray[np.uint8], proposals: NDArray[np.uint8], rows: NDArray[np.int64]
) -> None:
    """Write to `rows`, ``int64 (N_KNOWN,)``, the rows of the known table for one voice.

    `frame` is the voice in the frame that is being predicted, (3,); ``heard (19,)`` and ``proposals (4, 6)`` are what
    came before.
    """
    note, last_note = frame[0], heard[NOTE]
    rows[0] = KNOWN_NOTE + note
    rows[1] = KNOWN_VOLUME + frame[1]
    rows[2] = KNOWN_TIMBRE + frame[2]
    rows[3] = KNOWN_FLAG + event_flag(last_note, heard[VOLUME], note, frame[1])
    rows[4] = KNOWN_AGREES + agreement(note, last_note, proposals[OWN_STRICT])
    rows[5] = KNOWN_AGREES + N_AGREEMENTS + agreement(note, last_note, proposals[SHARED])


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
def batch_rows(
    heard: NDArray[np.uint8],
    target: NDArray[np.uint8],
    proposals: NDArray[np.uint8],
    beat: NDArray[np.uint8],
    is_start: NDArray[np.bool_],
    rows: NDArray[np.int64],
    own: NDArray[np.int64],
    known: NDArray[np.int64],
) -> None:
    """Do `input_rows`, `own_rows` and `known_rows` for N frames, all arrays with N in front.

    In ``own (N, 4, N_OWN)`` and ``known (N, 4, N_KNOWN)`` the tables of the four voices are numbered as one table.
    """
    for t in range(len(heard)):
        input_rows(heard[t], proposals[t], beat[t], is_start[t], rows[t])
        for voice in range(N_VOICES):
            own_rows(heard[t, voice], proposals[t, voice], beat[t], own[t, voice])
            known_rows(target[t, voice], heard[t, voice], proposals[t, voice], known[t, voice])
            own[t, voice] += voice * N_OWN_ROWS
            known[t, voice] += voice * N_KNOWN_ROWS
