"""The motif memory: it finds where the song was before as it is now, and what came next then.

A **lag** is a distance back in frames. Each voice has two lags of its own. They are found at each of its onsets by
comparing the last onsets with all earlier ones. The strict lag is that of the longest match in notes and rhythm; the
gaps between onsets may differ by a frame, since at 24 frames a second every loop is uneven by as much. The loose lag is
that of the longest match in notes alone after which something else came. Two more lags are shared by all voices. They
are taken from all voices' own lags and the last shared ones: the lag at which the last four seconds agree best with the
song then, and the best one that differs from it.

A **plan** is a lag that is given from outside: the song is to go on now as it did then, though nothing that was
played shows it yet. It takes the place of the first shared lag, and the first shared lag that of the second.

For each voice, a lag proposes the next note, the frames left until it comes, its volume and its timbre. Proposals
depend on the past alone. Everything is written at the index of its frame and is not changed later, so going back only
means shortening the length. The work for a frame is bounded.
"""

import threading
from typing import Final, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from livegen.engines.lstm.features import (
    ATTACK,
    LEFT,
    N_CANDIDATES,
    N_PROPOSED,
    NEXT,
    NO_PROPOSALS,
    NOTHING,
    OWN_STRICT,
    PLANNED,
    RELATION,
    SHARED,
    THEN_TIMBRE,
    THEN_VOLUME,
    TRUST,
    event_flag,
)
from livegen.engines.sampling import uniform
from livegen.score import N_COLUMNS, N_VOICES, SILENCE
from livegen.system.kernels import kernel

CAPACITY: Final = 1 << 14
"""Number of frames that are kept while playing, over eleven minutes: `MAX_LAG` and some room to go back."""

MAX_LAG: Final = 12_000
"""Longest distance back, in frames: over eight minutes."""

MIN_LENGTH: Final = 2
MAX_LENGTH: Final = 24
"""Fewest and most onsets of a match; a longer match counts as one of `MAX_LENGTH`."""

_MAX_ONSETS_BACK: Final = 1024
_GAP_TOLERANCE_FRAMES: Final = 1
"""A match is looked for in this many earlier onsets of the voice; its gaps between onsets may differ by this much."""

_AGREEMENT_FRAMES: Final = 96
_LEAST_AGREEMENT_FRAMES: Final = 24
"""A shared lag is judged by the last 4 seconds, or by at least 1 second if the song is younger."""

_KEEP: Final = 0.02
"""The first shared lag is replaced only by one whose agreement (0..1) is greater by more than this."""

_MOST_LATE_FRAMES: Final = 3
"""A proposed note is still awaited for this many frames after it was due."""

_MAX_LEFT: Final = 25
_LEFT_BUCKETS: Final = np.array(
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 8, 9, 9, *[10] * 4, *[11] * 12, 12], np.uint8
)  # of -3, -2, -1, 0, 1 ... 25 frames or more
LENGTH_TRUSTS: Final = np.array([0, 0, 1, 2, 3, 4, 4, *[5] * 3, *[6] * 5, *[7] * 9, 8], np.uint8)  # of 0..24 onsets


class History(NamedTuple):
    """A song so far, at most its last C frames (C is a power of two); a frame's row is its index modulo C."""

    frames: NDArray[np.uint8]  # (C, 4, 3)
    n_onsets: NDArray[np.int32]  # (C, 4): onsets up to that frame and in it
    n_events: NDArray[np.int32]  # (C, 4)
    onset_at: NDArray[np.int32]  # (4, C): frame index of each onset
    onset_note: NDArray[np.uint8]  # (4, C)
    event_at: NDArray[np.int32]  # (4, C): of each onset and each release
    event_note: NDArray[np.uint8]  # (4, C)
    own_lag: NDArray[np.int32]  # (C, 4, 2): strict and loose, 0 if there is none
    own_length: NDArray[np.uint8]  # (C, 4, 2)
    shared_lag: NDArray[np.int32]  # (C, 2)
    shared_trust: NDArray[np.uint8]  # (C, 2, 4)


def new_history(capacity: int) -> History:
    """Return an empty history with room for `capacity` frames, a power of two."""
    return History(
        frames=np.zeros((capacity, N_VOICES, N_COLUMNS), np.uint8),
        n_onsets=np.zeros((capacity, N_VOICES), np.int32),
        n_events=np.zeros((capacity, N_VOICES), np.int32),
        onset_at=np.zeros((N_VOICES, capacity), np.int32),
        onset_note=np.zeros((N_VOICES, capacity), np.uint8),
        event_at=np.zeros((N_VOICES, capacity), np.int32),
        event_note=np.zeros((N_VOICES, capacity), np.uint8),
        own_lag=np.zeros((capacity, N_VOICES, 2), np.int32),
        own_length=np.zeros((capacity, N_VOICES, 2), np.uint8),
        shared_lag=np.zeros((capacity, 2), np.int32),
        shared_trust=np.zeros((capacity, 2, N_VOICES), np.uint8),
    )


@kernel
def _match(
    at: NDArray[np.int32],
    note: NDArray[np.uint8],
    n_onsets: int,
    lag: NDArray[np.int32],
    length: NDArray[np.uint8],
) -> None:
    """Write the lags and lengths, (2,) each, of a voice's strict and loose match at its last onset."""
    mask, last = len(at) - 1, n_onsets - 1
    now, what = at[last & mask], note[last & mask]
    first = max(0, last - _MAX_ONSETS_BACK)
    best, best_at = MIN_LENGTH - 1, -1
    for i in range(last - 1, first - 1, -1):
        if now - at[i & mask] > MAX_LAG:
            first = i + 1
            break
        if note[i & mask] != what:
            continue
        k = 1
        while k < MAX_LENGTH and i - k >= first and note[(i - k) & mask] == note[(last - k) & mask]:
            gap_now = at[(last - k + 1) & mask] - at[(last - k) & mask]
            gap_then = at[(i - k + 1) & mask] - at[(i - k) & mask]
            if abs(gap_now - gap_then) > _GAP_TOLERANCE_FRAMES:
                break
            k += 1
        if k > best:
            best, best_at = k, i
            if k == MAX_LENGTH:
                break
    lag[0], length[0] = 0, 0
    next_note, next_gap = -1, 0
    if best_at >= 0:
        lag[0], length[0] = now - at[best_at & mask], best
        next_note, next_gap = note[(best_at + 1) & mask], at[(best_at + 1) & mask] - at[best_at & mask]
    best, best_at = MIN_LENGTH - 1, -1
    for i in range(last - 1, first - 1, -1):
        if note[i & mask] != what:
            continue
        gap = at[(i + 1) & mask] - at[i & mask]
        if note[(i + 1) & mask] == next_note and abs(gap - next_gap) <= _GAP_TOLERANCE_FRAMES:
            continue
        k = 1
        while k < MAX_LENGTH and i - k >= first and note[(i - k) & mask] == note[(last - k) & mask]:
            k += 1
        if k > best:
            best, best_at = k, i
            if k == MAX_LENGTH:
                break
    lag[1], length[1] = 0, 0
    if best_at >= 0:
        lag[1], length[1] = now - at[best_at & mask], best


@kernel
def _agreement(past: History, t: int, lag: int, same: NDArray[np.int64]) -> int:
    """Write to `same`, (4,), in how many of the last n frames each voice has the note of `lag` before; return n."""
    mask = len(past.frames) - 1
    n = min(_AGREEMENT_FRAMES, t - lag + 1)
    p1, p2, tr, no = 0, 0, 0, 0
    for i in range(n):
        now, then = past.frames[(t - i) & mask], past.frames[(t - i - lag) & mask]
        p1 += now[0, 0] == then[0, 0]
        p2 += now[1, 0] == then[1, 0]
        tr += now[2, 0] == then[2, 0]
        no += now[3, 0] == then[3, 0]
    same[0], same[1], same[2], same[3] = p1, p2, tr, no
    return n


@kernel
def _share(past: History, t: int) -> None:
    """Find the lags that all voices share after frame `t`."""
    mask = len(past.frames) - 1
    row, before = t & mask, (t - 1) & mask
    lags = np.zeros(2 * N_VOICES + 2, np.int64)
    n_lags = 0
    for i in range(2 if t == 0 else 0, len(lags)):
        lag = past.own_lag[row, (i - 2) // 2, i % 2] if i >= 2 else past.shared_lag[before, i]
        is_new = 0 < lag <= t + 1 - _LEAST_AGREEMENT_FRAMES
        for j in range(n_lags):
            is_new = is_new and lags[j] != lag
        if is_new:
            lags[n_lags] = lag
            n_lags += 1
    same = np.zeros((len(lags), N_VOICES), np.int64)
    share = np.zeros((len(lags), 2))
    for i in range(n_lags):
        n = _agreement(past, t, lags[i], same[i])
        total = same[i, 0] + same[i, 1] + same[i, 2] + same[i, 3]
        share[i, 0] = total / (N_VOICES * n)
        share[i, 1] = total / (N_VOICES * (n + 4))  # a short past counts for less
        if t > 0 and lags[i] == past.shared_lag[before, 0]:
            share[i, 1] += _KEEP
    taken = 0
    for place in range(2):
        best = -1
        for i in range(n_lags):
            if place == 1 and abs(lags[i] - taken) <= 2:
                continue
            if best < 0 or share[i, 1] > share[best, 1]:
                best = i
        if best < 0:
            past.shared_lag[row, place] = 0
            continue
        taken = lags[best]
        past.shared_lag[row, place] = taken
        n = min(_AGREEMENT_FRAMES, t - taken + 1)
        of_all = 0 if share[best, 0] < 0.6 else (1 if share[best, 0] < 0.85 else 2)
        for voice in range(N_VOICES):
            of_own = same[best, voice] / n
            own = 0 if of_own < 0.5 else (1 if of_own < 0.75 else (2 if of_own < 0.92 else 3))
            trust = 1 + 3 * own + of_all
            past.shared_trust[row, place, voice] = trust if trust != PLANNED else trust - 1


@kernel
def remember(past: History, t: int, frame: NDArray[np.uint8]) -> None:
    """Write frame `t` of a song, ``uint8 (4, 3)``, and what it matches; frames before it must have been written."""
    mask = len(past.frames) - 1
    row, before = t & mask, (t - 1) & mask
    for voice in range(N_VOICES):
        for column in range(N_COLUMNS):
            past.frames[row, voice, column] = frame[voice, column]
        note, last_note, last_volume, n_onsets, n_events = frame[voice, 0], 0, 0, 0, 0
        for i in range(2):
            past.own_lag[row, voice, i] = past.own_lag[before, voice, i] if t > 0 else 0
            past.own_length[row, voice, i] = past.own_length[before, voice, i] if t > 0 else 0
        if t > 0:
            last_note, last_volume = past.frames[before, voice, 0], past.frames[before, voice, 1]
            n_onsets, n_events = past.n_onsets[before, voice], past.n_events[before, voice]
        flag = event_flag(last_note, last_volume, note, frame[voice, 1])
        if flag != NOTHING:
            past.event_at[voice, n_events & mask] = t
            past.event_note[voice, n_events & mask] = note
            n_events += 1
        if flag == ATTACK:
            past.onset_at[voice, n_onsets & mask] = t
            past.onset_note[voice, n_onsets & mask] = note
            n_onsets += 1
            _match(
                past.onset_at[voice],
                past.onset_note[voice],
                n_onsets,
                past.own_lag[row, voice],
                past.own_length[row, voice],
            )
        past.n_onsets[row, voice] = n_onsets
        past.n_events[row, voice] = n_events
    _share(past, t)


@kernel
def _propose(past: History, t: int, voice: int, lag: int, trust: int, proposal: NDArray[np.uint8]) -> None:
    """Write what a lag proposes for a voice's frame t + 1, `proposal` (6,)."""
    mask = len(past.frames) - 1
    at, notes = past.event_at[voice], past.event_note[voice]
    n_events, base = past.n_events[t & mask, voice], t + 1 - lag
    now = past.frames[t & mask, voice, 0]
    began = (at[(n_events - 1) & mask] if n_events > 0 else 0) - lag  # a lag before the last event began
    low, high = max(0, n_events - mask), n_events
    while low < high:  # the first event after that
        middle = (low + high) // 2
        if at[middle & mask] > began:
            high = middle
        else:
            low = middle + 1
    is_exact = low > 0 and at[(low - 1) & mask] == began
    if low < n_events and not is_exact and at[low & mask] == began + 1 and notes[low & mask] == now:
        low += 1  # the same event, a frame later
    while low < n_events and at[low & mask] < base - _MOST_LATE_FRAMES:
        low += 1  # it was due long ago and did not come this time
    left = min(at[low & mask] - base, _MAX_LEFT) if low < n_events else _MAX_LEFT
    following = notes[low & mask] if low < n_events else now
    proposal[NEXT] = following
    proposal[LEFT] = _LEFT_BUCKETS[left + _MOST_LATE_FRAMES]
    proposal[TRUST] = trust
    is_same = past.frames[(base - 1) & mask, voice, 0] == now
    proposal[RELATION] = 1 + (2 if is_same else 0) + (1 if following == now else 0)
    proposal[THEN_VOLUME] = past.frames[base & mask, voice, 1]
    proposal[THEN_TIMBRE] = past.frames[base & mask, voice, 2]


@kernel
def propose(past: History, t: int, plan: int, proposals: NDArray[np.uint8]) -> None:
    """Write to `proposals`, ``uint8 (4, 4, 6)``, what the song up to frame `t` proposes for the next one.

    `plan` is the lag of a plan, or 0.
    """
    row = t & (len(past.frames) - 1)
    has_plan = 0 < plan <= min(t, MAX_LAG)
    for voice in range(N_VOICES):
        for candidate in range(N_CANDIDATES):
            for i in range(N_PROPOSED):
                proposals[voice, candidate, i] = NO_PROPOSALS[voice, candidate, i]
    for voice in range(N_VOICES):
        for i in range(2):
            lag = past.own_lag[row, voice, i]
            if lag > 0:
                trust = LENGTH_TRUSTS[past.own_length[row, voice, i]]
                _propose(past, t, voice, lag, trust, proposals[voice, OWN_STRICT + i])
            lag, trust = past.shared_lag[row, i], past.shared_trust[row, i, voice]
            if has_plan and i == 0:
                lag, trust = plan, PLANNED
            elif has_plan:
                lag, trust = past.shared_lag[row, 0], past.shared_trust[row, 0, voice]
            if lag > 0:
                _propose(past, t, voice, lag, trust, proposals[voice, SHARED + i])


@kernel
def _propose_song(
    past: History, frames: NDArray[np.uint8], plans: NDArray[np.int64], proposals: NDArray[np.uint8]
) -> None:
    remember(past, 0, SILENCE)
    for t in range(len(frames)):
        propose(past, t, plans[t], proposals[t])
        remember(past, t + 1, frames[t])
    propose(past, len(frames), 0, proposals[len(frames)])


def propose_song(frames: NDArray[np.uint8], plans: NDArray[np.int64] | None = None) -> NDArray[np.uint8]:
    """Return what the memory proposes before a song of N frames and after each, ``uint8 (N + 1, 4, 4, 6)``.

    As in `livegen.engines.lstm.features.hear_song`, a frame of silence comes before the song.

    Parameters
    ----------
    frames : ndarray of uint8, shape (N, 4, 3)
    plans : ndarray of int64, shape (N,), optional
        The lag that each frame is planned to follow, or 0.
    """
    capacity = 1 << max(len(frames) + 1, 2).bit_length()
    proposals = np.empty((len(frames) + 1, N_VOICES, N_CANDIDATES, N_PROPOSED), np.uint8)
    if plans is None:
        plans = np.zeros(len(frames), np.int64)
    _propose_song(new_history(capacity), frames, plans, proposals)
    return proposals


_BLOCK_FRAMES: Final = 48
_ANY_SEED: Final = np.uint64(0x6D656D6F7279)


def is_shown(frame_index: int, memory: float) -> bool:
    """Tell whether the memory is shown for the frame after this one; it is shown for a share `memory` (0..1) of time.

    It is shown or hidden for two seconds at a time, because in training it is hidden for a few seconds at a time.
    """
    return memory >= 1.0 or uniform(_ANY_SEED, frame_index // _BLOCK_FRAMES, 0, 0) < memory


class Past:
    """A song up to a frame: the frame itself, as its bytes, and the past before it.

    A session keeps `CAPACITY` of them for each model, and an array takes three times as much memory as bytes do.
    """

    __slots__ = ("before", "frame", "frame_index")

    def __init__(self, before: Self | None, frame: bytes, frame_index: int) -> None:
        self.before = before
        self.frame = frame
        self.frame_index = frame_index


class Memory:
    """The memory of a song and of all its variants: continuations that were planned anew.

    A `Past` is a value, and any number of them may branch off each other. The history is written for one branch at a
    time. Hearing a frame after the past that was heard last writes one row. Hearing one after another past first writes
    the frames that the two do not share, usually those of a plan. What lies more than `CAPACITY` frames back is
    forgotten: if a past leads there, the song is taken to begin after it. Safe to call from several threads.
    """

    def __init__(self) -> None:
        self._history = new_history(CAPACITY)
        for array in self._history:
            array.fill(0)  # or the system would hand out the memory only as the song goes on
        self._frame = SILENCE.copy()
        self._written: list[Past | None] = [None] * CAPACITY  # the past whose frame is in each row
        self._length = 0
        self._lock = threading.Lock()

    def hear(self, before: Past | None, frame: NDArray[np.uint8], plan: int = 0) -> tuple[Past, NDArray[np.uint8]]:
        """Return the past once `frame`, ``uint8 (4, 3)``, follows, and its proposals, ``uint8 (4, 4, 6)``.

        `plan` is the lag in frames that the next frame is to follow, or 0; a plan longer than the song is ignored.
        """
        past = Past(before, frame.tobytes(), 0 if before is None else before.frame_index + 1)
        proposals = np.empty_like(NO_PROPOSALS)
        with self._lock:
            self._write(past)
            propose(self._history, past.frame_index, plan, proposals)
        return past, proposals

    def _write(self, past: Past) -> None:
        unwritten: list[Past] = []
        step: Past | None = past
        while step is not None and not self._has(step):
            unwritten.append(step)
            step = step.before
        if step is None and unwritten and unwritten[-1].frame_index > 0:
            self._begin_at(unwritten[-1].frame_index)
        for step in reversed(unwritten):
            row = step.frame_index % CAPACITY
            oldest = self._written[row]
            if oldest is not None and oldest.frame_index < step.frame_index:
                oldest.before = None  # frees the frames that are too old to go back to
            self._written[row] = step
            self._frame.reshape(-1)[:] = np.frombuffer(step.frame, np.uint8)
            remember(self._history, step.frame_index, self._frame)
            self._length = step.frame_index + 1

    def _begin_at(self, frame_index: int) -> None:
        """Let the song begin at a frame: all that was before it is forgotten."""
        row = (frame_index - 1) % CAPACITY
        self._written[row] = None
        for array in self._history:
            if array.shape[0] == CAPACITY:
                array[row] = 0

    def _has(self, past: Past) -> bool:
        return past.frame_index < self._length and self._written[past.frame_index % CAPACITY] is past
