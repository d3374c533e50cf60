"""What one voice plays of many notes: the highest or lowest of them, arpeggios of chords, and what remains below."""

from dataclasses import dataclass, fields, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from livegen.formats.midi.band_notes import Notes
from livegen.formats.midi.file import N_KEYS, every_second

_ARPEGGIO_FRAMES: Final = 2
_MOST_ARPEGGIO_KEYS: Final = 4


@dataclass(frozen=True, slots=True)
class Line:
    """Notes as a voice plays them, one at a time and in order, int64 (n,) each.

    Attributes
    ----------
    start, end : ndarray
        The frames of each note; a note may have none.
    key : ndarray
        MIDI's.
    volume : ndarray
        The chip's, 1..15, which falls since the frame in which the note was struck.
    struck : ndarray
    source : ndarray
        Which of the notes it is.
    """

    start: NDArray[np.int64]
    end: NDArray[np.int64]
    key: NDArray[np.int64]
    volume: NDArray[np.int64]
    struck: NDArray[np.int64]
    source: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.start)

    def __getitem__(self, which: Any) -> "Line":
        return Line(*(getattr(self, field.name)[which] for field in fields(self)))


def line_of(notes: Notes, *, is_bass: bool = False) -> Line:
    """Return the highest notes, or of a bass the lowest, one at a time and in order.

    A higher note ends the one before at once. A lower one is left out while the key before is still down, but ends a
    note that only the pedal holds. A note that is struck one frame before a higher one belongs to the same chord.
    """
    return _line(notes, _best(notes.start, -notes.key if is_bass else notes.key), -1 if is_bass else 1)


def _line(notes: Notes, tops: NDArray[np.int64], sign: int) -> Line:
    """Return the line of some of the notes, at most one a frame; the sign of a bass is -1."""
    top = notes[tops]
    kept: list[int] = []
    starts: list[int] = []
    ends: list[int] = []
    last_up = last_key = 0
    rows = zip(top.start.tolist(), top.end.tolist(), top.tail.tolist(), (sign * top.key).tolist(), strict=True)
    for index, (start, up, tail, key) in enumerate(rows):
        if kept:
            is_held = last_up > start
            if is_held and key < last_key:
                continue
            if is_held and key != last_key and start - starts[-1] == 1:
                start = starts.pop()
                kept.pop()
                ends.pop()
            elif ends[-1] > start:
                ends[-1] = start
        kept.append(index)
        starts.append(start)
        ends.append(tail)
        last_up, last_key = up, key
    start = np.array(starts, np.int64)
    return Line(start, np.array(ends, np.int64), top.key[kept], top.volume[kept], start, tops[kept])


def is_heard_below(line: Line, notes: Notes) -> NDArray[np.bool_]:
    """Tell which notes are not in a line of theirs, while it plays another pitch class, or nothing yet."""
    is_heard = np.ones(len(notes), np.bool_)
    is_heard[line.source] = False
    before = np.searchsorted(line.start, notes.start, side="right") - 1
    return is_heard & ((before < 0) | (line.key[before] % 12 != notes.key % 12))


def arpeggios_of(notes: Notes) -> Line:
    """Return the notes with their chords as arpeggios, two frames a key from the lowest up; the rest is as a line."""
    frames, of_frame = np.unique(notes.start, return_inverse=True)
    chords = (np.cumsum(every_second(frames)) - 1)[of_frame]  # what is struck in one frame or two belongs together
    line = _line(notes, _best(chords, notes.key), 1)
    keys, n_keys = _highest_keys(chords, notes.key)
    chord = chords[line.source]
    lengths, n_keys = line.end - line.start, n_keys[chord]
    is_arpeggio = (n_keys > 1) & (lengths >= _ARPEGGIO_FRAMES * n_keys)
    n_steps = np.where(is_arpeggio, -(-lengths // _ARPEGGIO_FRAMES), 1)
    step = np.arange(n_steps.sum()) - np.repeat(np.cumsum(n_steps) - n_steps, n_steps)
    of_line = np.repeat(np.arange(len(line)), n_steps)
    played, is_arpeggio = line[of_line], is_arpeggio[of_line]
    start = played.start + _ARPEGGIO_FRAMES * step
    end = np.where(is_arpeggio, np.minimum(start + _ARPEGGIO_FRAMES, played.end), played.end)
    key = np.where(is_arpeggio, keys[chord[of_line], step % n_keys[of_line]], played.key)
    return replace(played, start=start, end=end, key=key)


def _highest_keys(chords: NDArray[np.int64], keys: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the highest few keys of each chord from the lowest up, and how many there are."""
    found = np.sort(chords * N_KEYS + keys, kind="stable")
    found = found[np.diff(found, prepend=-1) != 0]
    chord = found // N_KEYS
    n_keys = np.bincount(chord)
    from_top = np.repeat(np.cumsum(n_keys), n_keys) - np.arange(len(found)) - 1
    n_keys = np.minimum(n_keys, _MOST_ARPEGGIO_KEYS)
    is_kept = from_top < _MOST_ARPEGGIO_KEYS
    chord = chord[is_kept]
    highest = np.zeros((len(n_keys), _MOST_ARPEGGIO_KEYS), np.int64)
    highest[chord, n_keys[chord] - 1 - from_top[is_kept]] = found[is_kept] % N_KEYS
    return highest, n_keys


def _best(groups: NDArray[np.int64], scores: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return where the highest score of each group is, the first of several. The groups are in order."""
    begins = np.flatnonzero(np.diff(groups, prepend=-1))
    highest = np.repeat(np.maximum.reduceat(scores, begins), np.diff(begins, append=len(groups)))
    best = np.flatnonzero(scores == highest)
    return best[np.diff(groups[best], prepend=-1) != 0]
