"""What the network knows of the words so far: how each voice stands, and what may come again.

Every word has a row in a few arrays that only grow (`Heard`), and a row depends on those before it alone: going back is
a shorter length. Training and play both fill them with `hear`, and read with `look` what the network is told:

- **Input rows**: the rows of one table whose sum stands for the position.
- **Proposals**: words with rows of a table of weights; what the network gives that row is added to the word's logit.
  A voice goes on as it went on after the longest earlier match of its own last events, whatever the others play; or as
  after the longest match of their rhythm, whichever notes they are; or, of the pulses, as the other pulse did. So its
  next event and the wait until that is due are proposed; also the words that followed the longest earlier matches of
  all words, as they are, and of their shapes alone.
- **Waits** that are likely: weights by how many words longer or shorter a wait is are added to the logits of waits.
- **Colours**: decaying counts of pitch classes. With the last note of each pitched voice they are what the relative
  heads read: weights by the interval of a note to each of these notes, and filters over pitch classes.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from livegen.engines.transformer.words import (
    FIRST_OWN,
    FIRST_WAIT,
    N_OWN,
    N_WAITS,
    N_WORDS,
    NOTE_OF,
    SAMPLES_OF,
    SHAPE_OF,
    TICK_SAMPLES,
    TINY,
    VOICE_OF,
    wait_word,
)
from livegen.score import N_VOICES
from livegen.system.kernels import kernel

N_PITCHED: Final = 3
N_PITCH_CLASSES: Final = 12
HIGHEST_NOTE: Final = 108

REACH: Final = 4096
"""Words that are searched for earlier matches."""

LONGEST: Final = 32
"""Events, or words, of the longest match that is told from longer ones."""

NOWHERE: Final = -1

# What is matched: a voice's own events, their rhythm alone, and the other pulse's events.
EXACT: Final = 0
RHYTHM: Final = 1
ECHO: Final = 2
N_KINDS: Final = 3

N_COLOURS: Final = 2
_FADE: Final = np.array([0.9, 0.98], np.float32)
_HALF: Final = np.array([1.0, 3.0], np.float32)
"""How much is left of a count at each note, and the count that is told as one half."""


class Heard(NamedTuple):
    """The words so far, a row for each.

    Attributes
    ----------
    words : ndarray of int16, shape (n,)
    time : ndarray of int64, shape (n,)
        When it is after the word, in samples at 44.1 kHz from the first word on.
    last : ndarray of int32, shape (n, 4)
        Where the last event of each voice is, `NOWHERE` where it has none.
    solid : ndarray of int32, shape (n,)
        Where the last word is that is no tiny wait.
    before : ndarray of int32, shape (n,)
        Of an event: where the voice's event before it is, `NOWHERE` where there is none, and of other words.
    follows : ndarray of int32, shape (n, 3, 4)
        Where the event is that followed the longest earlier match of each voice's last events, of each kind, or
        `NOWHERE`.
    length : ndarray of uint8, shape (n, 3, 4)
        How many events that match has, 0..`LONGEST`.
    note : ndarray of uint8, shape (n, 4)
        The note that each voice began last, 0 for none.
    counts : ndarray of float32, shape (n, 2, 12)
        Decaying counts of pitch classes.
    """

    words: NDArray[np.int16]
    time: NDArray[np.int64]
    last: NDArray[np.int32]
    solid: NDArray[np.int32]
    before: NDArray[np.int32]
    follows: NDArray[np.int32]
    length: NDArray[np.uint8]
    note: NDArray[np.uint8]
    counts: NDArray[np.float32]


def new_heard(n: int) -> Heard:
    """Return arrays for n words, of which none has been heard."""
    return Heard(
        np.zeros(n, np.int16),
        np.zeros(n, np.int64),
        np.full((n, N_VOICES), NOWHERE, np.int32),
        np.zeros(n, np.int32),
        np.full(n, NOWHERE, np.int32),
        np.full((n, N_KINDS, N_VOICES), NOWHERE, np.int32),
        np.zeros((n, N_KINDS, N_VOICES), np.uint8),
        np.zeros((n, N_VOICES), np.uint8),
        np.zeros((n, N_COLOURS, N_PITCH_CLASSES), np.float32),
    )


def _buckets(edges: list[int], n: int) -> NDArray[np.int64]:
    """Return the bucket of each number below n: the first edge begins bucket 0, the next one bucket 1."""
    return np.searchsorted(edges, np.arange(n), side="right") - 1


_LENGTH_BUCKET: Final = _buckets([0, 3, 6, 13], LONGEST + 1)
N_LENGTHS: Final = int(_LENGTH_BUCKET[-1]) + 1
_WORD_LENGTH_BUCKET: Final = _buckets([0, 2, 3, 4, 5, 9, 17, LONGEST], LONGEST + 1)
N_WORD_LENGTHS: Final = int(_WORD_LENGTH_BUCKET[-1]) + 1

_HALF_TICK: Final = 400
"""Samples by which what is due may be late or early: ticks of 735 are written with some jitter, and waits rounded."""

# When a voice's next event is due: it was before now, it is about now, it is about now and a later voice has had its
# event of now, in so many samples, or in so many ticks.
MISSED: Final = 0
NOW: Final = 1
PASSED: Final = 2
_SOON_BUCKET: Final = 3 + _buckets([0, 11, 101], _HALF_TICK + 1)
_LATER_BUCKET: Final = 6 + _buckets([0, 2, 3, 4, 5, 7, 9, 13, 17, 25, 49], 50)
N_DUE: Final = int(_LATER_BUCKET[-1]) + 1

_AGE_BUCKET: Final = _buckets([*range(8), 8, 10, 12, 14, 16, 20, 24, 32, 48, 64, 128], 129)
_NEVER: Final = int(_AGE_BUCKET[-1]) + 1
_N_AGES: Final = _NEVER + 1
_N_PLACES: Final = 14

_OWN_BEFORE: Final = np.append(0, np.cumsum(N_OWN))
_NEXT_BEFORE: Final = np.append(0, np.cumsum(N_OWN + 1))

# Where each kind of row begins in the table of input rows.
_SOUNDS: Final = N_WORDS
_AGES: Final = _SOUNDS + int(_OWN_BEFORE[-1])
_NEXT: Final = _AGES + N_VOICES * _N_AGES
_DUE: Final = _NEXT + N_KINDS * int(_NEXT_BEFORE[-1])
_AGAIN: Final = _DUE + N_KINDS * N_VOICES * (N_LENGTHS * N_DUE + 1)
_AGAIN_LENGTH: Final = _AGAIN + 2 * (N_WORDS + 1)
_PLACE: Final = _AGAIN_LENGTH + 2 * (N_WORD_LENGTHS + 1)
N_INPUT_ROWS: Final = _PLACE + _N_PLACES

N_ROWS: Final = 6 + (2 + 2 * N_KINDS) * N_VOICES
"""Input rows of a position."""

N_AGAIN: Final = 4
"""Words that are proposed because they followed matches of all words, and as many after matches of their shapes."""

# Where each kind of proposal begins: of each kind of match each voice's event and the wait until that; of the first two
# kinds the waits that are a word shorter and longer than the first one; words after matches of words, and of shapes.
_NEIGHBOURS: Final = 2 * N_KINDS * N_VOICES
_WORDS: Final = _NEIGHBOURS + 2 * 2
_SHAPES: Final = _WORDS + N_AGAIN
N_PROPOSED: Final = _SHAPES + N_AGAIN
"""Proposals of a position."""

# Where each kind of weight begins in the table of weights of what is proposed.
_WAIT_COPIES: Final = N_KINDS * N_VOICES * N_LENGTHS * N_DUE
_NEIGHBOUR_COPIES: Final = _WAIT_COPIES + N_KINDS * N_LENGTHS * N_VOICES * 2
_WORD_COPIES: Final = _NEIGHBOUR_COPIES + 2 * 2 * N_LENGTHS
N_COPIES: Final = _WORD_COPIES + 2 * N_AGAIN * N_WORD_LENGTHS

N_WAITS_TOLD: Final = 4
"""Waits that are told: those that followed the longest two matches of shapes that a wait followed, and those until the
first voice's next event by its own events, and by its rhythm."""

NEAR: Final = 16
N_DISTANCES: Final = 2 * NEAR + 1
N_WAIT_WEIGHTS: Final = N_WAITS_TOLD * N_DISTANCES
"""Weights of waits: for each that is told, from `NEAR` words shorter to as many longer ones."""

MAX_INTERVAL: Final = 24
N_INTERVALS: Final = 2 * MAX_INTERVAL + 1
"""Intervals that are told apart; larger ones are read an octave or more nearer."""

FILTERS: Final = N_PITCHED * N_PITCHED * N_INTERVALS
"""Where filters begin among the relative weights.

Voice v's weights by the interval of a note of it to the last note of voice u begin at ``(3 v + u) * N_INTERVALS``, its
filter over colour i at ``FILTERS + (2 v + i) * 12``, in which entry k is for notes k semitones over a pitch class.
"""

N_RELATIVE: Final = FILTERS + N_PITCHED * N_COLOURS * N_PITCH_CLASSES


def _intervals() -> NDArray[np.int64]:
    notes = np.arange(HIGHEST_NOTE + 1)
    interval = notes[None] - notes[:, None]
    size = np.abs(interval)
    size = np.where(size > MAX_INTERVAL, MAX_INTERVAL - 11 + (size - MAX_INTERVAL - 1) % 12, size)
    return (np.sign(interval) * size + MAX_INTERVAL).astype(np.int64)


INTERVAL: Final = _intervals()
"""Which weight stands for the interval of each note (column) over each other (row)."""


@kernel
def _ticks(samples: int) -> int:
    return (samples + TICK_SAMPLES // 2) // TICK_SAMPLES


@kernel
def hear(heard: Heard, at: int, word: int) -> None:
    """Write the row of a word, `at` being 0 for the first one, from the rows before it."""
    heard.words[at] = word
    heard.before[at] = NOWHERE
    heard.solid[at] = heard.solid[at - 1] if at > 0 and SHAPE_OF[word] == TINY else at
    if at == 0:
        heard.time[0] = 0
        heard.last[0] = NOWHERE
        heard.follows[0] = NOWHERE
        heard.length[0] = 0
        heard.note[0] = 0
        heard.counts[0] = 0.0
    else:
        heard.time[at] = heard.time[at - 1] + SAMPLES_OF[word]
        heard.last[at] = heard.last[at - 1]
        heard.follows[at] = heard.follows[at - 1]
        heard.length[at] = heard.length[at - 1]
        heard.note[at] = heard.note[at - 1]
        heard.counts[at] = heard.counts[at - 1]
    voice = VOICE_OF[word]
    if voice < 0:
        return
    heard.before[at] = heard.last[at, voice]
    heard.last[at, voice] = at
    note = NOTE_OF[word]
    if note > 0:
        heard.note[at, voice] = note
        if voice < N_PITCHED:
            for i in range(N_COLOURS):
                for k in range(N_PITCH_CLASSES):
                    heard.counts[at, i, k] *= _FADE[i]
                heard.counts[at, i, note % N_PITCH_CLASSES] += np.float32(1.0)
    for kind in range(N_KINDS):
        _match(heard, at, voice, kind)


@kernel
def _is_alike(heard: Heard, new: int, old: int, kind: int) -> bool:
    """Tell whether two events match: the same note begins or one ends, and of their rhythm whether either does."""
    new_note, old_note = NOTE_OF[heard.words[new]], NOTE_OF[heard.words[old]]
    return (new_note > 0) == (old_note > 0) if kind == RHYTHM else new_note == old_note


@kernel
def _match(heard: Heard, at: int, voice: int, kind: int) -> None:
    """Write what followed the longest earlier match of a voice's events up to `at`, the latest of the longest ones."""
    time, before = heard.time, heard.before
    longest, found, successor, place = 0, NOWHERE, at, before[at]
    if kind == ECHO:
        successor, place = NOWHERE, (heard.last[at, 1 - voice] if voice <= 1 else NOWHERE)
    while place >= 0 and place > at - REACH and longest < LONGEST:
        if successor >= 0 and _is_alike(heard, at, place, kind):
            length, new, old = 1, at, place
            while length < LONGEST and before[new] >= 0 and before[old] >= 0:
                lasted = time[new] - time[before[new]]
                if abs(time[old] - time[before[old]] - lasted) > 150 + lasted // 20:
                    break
                new, old = before[new], before[old]
                if not _is_alike(heard, new, old, kind):
                    break
                length += 1
            if length > longest:
                longest, found = length, successor
        successor, place = place, before[place]
    heard.follows[at, kind, voice] = found
    heard.length[at, kind, voice] = longest


@kernel
def hear_song(heard: Heard, words: NDArray[np.int16]) -> None:
    """Write the rows of all words of a song."""
    for at in range(len(words)):
        hear(heard, at, words[at])


@kernel
def _due_bucket(samples: int, voice: int, voice_now: int) -> int:
    if samples < -_HALF_TICK:
        return MISSED
    if samples <= 0:
        return PASSED if voice_now >= voice else NOW
    if samples <= _HALF_TICK:
        return _SOON_BUCKET[samples]
    return _LATER_BUCKET[min(_ticks(samples), len(_LATER_BUCKET) - 1)]


@kernel
def look(
    heard: Heard,
    at: int,
    rows: NDArray[np.int32],
    proposals: NDArray[np.int32],
    colours: NDArray[np.float32],
    waits: NDArray[np.int32],
) -> None:
    """Write what the network is told at a position, to predict the word after it.

    Parameters
    ----------
    heard : Heard
    at : int
        The position: its row is there.
    rows : ndarray of int32, shape (N_ROWS,)
        Input rows; written.
    proposals : ndarray of int32, shape (N_PROPOSED, 2)
        Word and row of weights of each proposal; written, with row `NOWHERE` where there is none.
    colours : ndarray of float32, shape (2, 12)
        Of pitch classes, each within 0..1; written.
    waits : ndarray of int32, shape (N_WAITS_TOLD,)
        Words of waits; written, 0 where there is none.
    """
    waits[:] = 0
    word, now = heard.words[at], heard.time[at]
    rows[0] = word
    rows[1] = _PLACE + _place_of(_ticks(now))
    proposals[:, 0], proposals[:, 1] = 0, NOWHERE
    for voice in range(N_VOICES):
        last = heard.last[at, voice]
        own = heard.words[last] - FIRST_OWN[voice] if last >= 0 else 0
        age = _AGE_BUCKET[min(_ticks(now - heard.time[last]), 128)] if last >= 0 else _NEVER
        rows[6 + 2 * voice] = _SOUNDS + _OWN_BEFORE[voice] + own
        rows[7 + 2 * voice] = _AGES + voice * _N_AGES + age
    for kind in range(N_KINDS):
        first = 6 + 2 * N_VOICES * (1 + kind)
        soonest = _look_at_kind(heard, at, kind, rows[first : first + 2 * N_VOICES], proposals)
        if kind < 2:
            waits[2 + kind] = soonest
    _propose_words(heard, at, proposals[_WORDS:_SHAPES])
    _propose_shapes(heard, at, proposals[_SHAPES:])
    n = 0
    for i in range(N_AGAIN):
        followed = proposals[_SHAPES + i, 0]
        if n < 2 and FIRST_WAIT <= followed < FIRST_WAIT + N_WAITS:
            waits[n] = followed
            n += 1
    for i in range(2):
        best, row = proposals[_WORDS + i * N_AGAIN, 0], proposals[_WORDS + i * N_AGAIN, 1]
        row -= _WORD_COPIES + i * N_AGAIN * N_WORD_LENGTHS
        rows[2 + 2 * i] = _AGAIN + i * (N_WORDS + 1) + (best if row >= 0 else N_WORDS)
        rows[3 + 2 * i] = _AGAIN_LENGTH + i * (N_WORD_LENGTHS + 1) + (row if row >= 0 else N_WORD_LENGTHS)
    for i in range(N_COLOURS):
        for k in range(N_PITCH_CLASSES):
            colours[i, k] = heard.counts[at, i, k] / (heard.counts[at, i, k] + _HALF[i])


@kernel
def _look_at_kind(heard: Heard, at: int, kind: int, rows: NDArray[np.int32], proposals: NDArray[np.int32]) -> int:
    """Write the rows and the proposals of all voices that matches of a kind give: their events, then their waits.

    Returns the word for the shortest of these waits, 0 if there is none.
    """
    events = proposals[2 * N_VOICES * kind : 2 * N_VOICES * kind + N_VOICES]
    waits = proposals[2 * N_VOICES * kind + N_VOICES : 2 * N_VOICES * (kind + 1)]
    due = np.zeros(N_VOICES, np.int64)
    is_now, soonest = 0, 0
    for voice in range(N_VOICES):
        old = heard.follows[at, kind, voice]
        next_row = _NEXT + kind * _NEXT_BEFORE[N_VOICES] + _NEXT_BEFORE[voice]
        due_row = _DUE + (kind * N_VOICES + voice) * (N_LENGTHS * N_DUE + 1)
        rows[2 * voice], rows[2 * voice + 1] = next_row + N_OWN[voice], due_row + N_LENGTHS * N_DUE
        if old < 0:
            continue
        lasted = heard.time[old] - heard.time[heard.before[old]]
        due[voice] = heard.time[heard.last[at, voice]] + lasted - heard.time[at]
        bucket = _due_bucket(due[voice], voice, VOICE_OF[heard.words[at]])
        copy = _LENGTH_BUCKET[heard.length[at, kind, voice]] * N_DUE + bucket
        own = heard.words[old] - FIRST_OWN[VOICE_OF[heard.words[old]]]
        rows[2 * voice], rows[2 * voice + 1] = next_row + own, due_row + copy
        events[voice, 0] = FIRST_OWN[voice] + own
        events[voice, 1] = (kind * N_VOICES + voice) * N_LENGTHS * N_DUE + copy
        if bucket == NOW:
            is_now = 1
    for voice in range(N_VOICES):
        if due[voice] <= 0:
            continue
        n_sooner = 0
        for other in range(N_VOICES):
            n_sooner += 0 < due[other] < due[voice]
        word, length = wait_word(due[voice]), _LENGTH_BUCKET[heard.length[at, kind, voice]]
        waits[voice, 0] = word
        waits[voice, 1] = _WAIT_COPIES + ((kind * N_LENGTHS + length) * N_VOICES + n_sooner) * 2 + is_now
        if n_sooner == 0:
            soonest = word
        if n_sooner == 0 and kind < 2:
            for side in range(2):
                neighbour = word - 1 + 2 * side
                if FIRST_WAIT <= neighbour < FIRST_WAIT + N_WAITS:
                    proposals[_NEIGHBOURS + 2 * kind + side, 0] = neighbour
                    proposals[_NEIGHBOURS + 2 * kind + side, 1] = (
                        _NEIGHBOUR_COPIES + (2 * kind + side) * N_LENGTHS + length
                    )
    return soonest


@kernel
def _place_of(ticks: int) -> int:
    """Return the bucket of the time since the beginning: one for each doubling from a quarter of a second on."""
    place, left = 0, ticks >> 4
    while left > 0 and place < _N_PLACES - 1:
        place, left = place + 1, left >> 1
    return place


@kernel
def _propose_words(heard: Heard, at: int, proposals: NDArray[np.int32]) -> None:
    """Write the words that followed the longest earlier matches of the words up to `at`, the longest first.

    Of two matches of the same length the later one comes first.
    """
    words = heard.words
    lengths = np.zeros(N_AGAIN, np.int64)
    for place in range(at - 1, max(at - REACH, -1), -1):
        if words[place] != words[at]:
            continue
        length = 1
        while length < LONGEST and place >= length and words[place - length] == words[at - length]:
            length += 1
        _insert(words[place + 1], length, lengths, proposals)
    for i in range(N_AGAIN):
        if lengths[i] > 0:
            proposals[i, 1] = _WORD_COPIES + i * N_WORD_LENGTHS + _WORD_LENGTH_BUCKET[lengths[i]]


@kernel
def _propose_shapes(heard: Heard, at: int, proposals: NDArray[np.int32]) -> None:
    """Write the words that followed the longest earlier matches of shapes up to `at`, as `_propose_words` does.

    Tiny waits are passed over in what is compared; after one, what follows is the next word that is none.
    """
    words, solid = heard.words, heard.solid
    lengths = np.zeros(N_AGAIN, np.int64)
    end = solid[at]
    for place in range(end - 1, max(end - REACH, -1), -1):
        if SHAPE_OF[words[place]] != SHAPE_OF[words[end]]:
            continue
        length, new, old = 1, end, place
        while length < LONGEST and old > 0:
            new, old = solid[new - 1], solid[old - 1]
            if SHAPE_OF[words[new]] != SHAPE_OF[words[old]]:
                break
            length += 1
        follower = words[place + 1]
        if end < at and SHAPE_OF[follower] == TINY:
            follower = words[place + 2]
        _insert(follower, length, lengths, proposals)
    for i in range(N_AGAIN):
        if lengths[i] > 0:
            proposals[i, 1] = _WORD_COPIES + (N_AGAIN + i) * N_WORD_LENGTHS + _WORD_LENGTH_BUCKET[lengths[i]]


@kernel
def _insert(follower: int, length: int, lengths: NDArray[np.int64], proposals: NDArray[np.int32]) -> None:
    """Put a word that followed a match among the different ones that followed the longest ones so far."""
    if length <= lengths[N_AGAIN - 1]:
        return
    slot = N_AGAIN - 1
    for i in range(N_AGAIN):
        if lengths[i] > 0 and proposals[i, 0] == follower:
            slot = i
            break
    if length <= lengths[slot]:
        return
    while slot > 0 and lengths[slot - 1] < length:
        proposals[slot, 0], lengths[slot] = proposals[slot - 1, 0], lengths[slot - 1]
        slot -= 1
    proposals[slot, 0], lengths[slot] = follower, length


@kernel
def look_back(
    heard: Heard,
    first: int,
    rows: NDArray[np.int32],
    proposals: NDArray[np.int32],
    colours: NDArray[np.float32],
    waits: NDArray[np.int32],
) -> None:
    """Do `look` at as many positions from `first` on as the arrays have rows for: (n, ...) each."""
    for i in range(len(rows)):
        look(heard, first + i, rows[i], proposals[i], colours[i], waits[i])
