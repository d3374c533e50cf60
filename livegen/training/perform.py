"""Songs as somebody plays one of their voices to the model, which did not always listen.

A model meets two things on stage that no song shows it. It answers a frame or more late: what the performer plays is
known when the next frames stand already, where in songs the others move in the same frame. So the performer's voice is
put that much earlier than the rest, or a melody that has just moved over a bass that has not yet would look like a bass
that stays. (Tried the other way round, the performer late: what that teaches is to guess when the performer moves, and
to stay if the guess was wrong.) And its own past may be wrong: in another key than what the performer plays
now. A network that has only followed right histories goes on as its past does. So voices that are not the performer's
are heard in another key for some seconds, or the song itself goes into another key that only the performer's voice has
reached yet; what is right then is to hold the note as long as the song does, and to go on with the song's next one.
"""

from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from livegen.beat import Beat
from livegen.engines.lstm.ear import IS_CLASH, NO_BASS
from livegen.score import NOTE_RANGE, PITCHED, Column, Voice
from livegen.training.mishear import events
from livegen.units import FRAME_RATE_HZ

_Choice = TypeVar("_Choice")

_PERFORMED_SHARE: Final = 0.65
"""Share of the songs in which somebody performs."""

_PERFORMED: Final[tuple[tuple[tuple[Voice, ...], float], ...]] = (
    ((Voice.P1,), 0.62),
    ((Voice.P2,), 0.06),
    ((Voice.TR,), 0.14),
    ((Voice.P1, Voice.P2), 0.08),
    ((Voice.P1, Voice.TR), 0.04),
    ((Voice.NO,), 0.03),
    ((Voice.P1, Voice.NO), 0.03),
)
"""What is performed, and how often."""

_LATE_FRAMES: Final = ((1, 0.15), (2, 0.65), (3, 0.2))
"""By how much the model answers late, and how often."""

_JOINS_SHARE: Final = 0.2
"""How often the performer joins in later than at the start."""

_CHORDS_SHARE: Final = 0.15
_CHORD_BEATS: Final = (1, 2, 4, 8)
_CHORD_FRAMES: Final = (12, 24, 48, 96)
_CHORD_NOTES: Final = 3
_LEAST_SHARE: Final = 0.1
_CHORD_VOLUME: Final = 11
_CHORD_AT: Final = {Voice.P1: 60, Voice.P2: 60, Voice.TR: 36}
"""The C under the note that a voice sounds of a chord."""

_WRONG_SHARE: Final = 0.6
_WRONG_SECONDS: Final = (2.0, 12.0)
_RIGHT_SECONDS: Final = (1.0, 10.0)
_MOST_WRONG: Final = 6
_BOTH_SHARE: Final = 0.6
_LEAVES_SHARE: Final = 0.5
"""How often a wrong note that clashes is left as soon as the performer moves on, and not when the song moves."""

_MODULATES_SHARE: Final = 0.2


@dataclass(frozen=True)
class Performance:
    """Who plays what in a song of N frames.

    Attributes
    ----------
    voices : tuple of Voice
        The performer's; none where nobody performs.
    performed : ndarray of uint8, shape (N,)
        Their bits, from where the performer joins in.
    keys : ndarray of int64, shape (N,)
        Pitch classes of the keys that are held, as bits.
    bass : ndarray of uint8, shape (N,)
        Pitch class of the lowest, `NO_BASS` where it is no bass.
    """

    voices: tuple[Voice, ...]
    performed: NDArray[np.uint8]
    keys: NDArray[np.int64]
    bass: NDArray[np.uint8]


def nobody(n_frames: int) -> Performance:
    """Return that nobody performs."""
    return Performance((), np.zeros(n_frames, np.uint8), *_no_keys(n_frames))


def _no_keys(n_frames: int) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Return the keys and the bass of somebody who holds none."""
    return np.zeros(n_frames, np.int64), np.full(n_frames, NO_BASS, np.uint8)


def perform(
    frames: NDArray[np.uint8],
    generator: np.random.Generator,
    voices: tuple[Voice, ...],
    beat: Beat | None,
    given: Voice | None = None,
) -> tuple[NDArray[np.uint8], Performance]:
    """Let somebody play some voices of a song, ``uint8 (N, 4, 3)``, or hold chords in their place, or nobody.

    Where a voice is `given`, that one is played from the start.

    Returns
    -------
    ndarray of uint8, shape (N, 4, 3)
        The song with the performer's voices as much earlier as the others come late.
    Performance
    """
    frames, n = frames.copy(), len(frames)
    theirs = tuple(voice for voice in _drawn(_PERFORMED, generator) if voice in voices)
    if given is not None:
        theirs = (given,)
    elif generator.random() >= _PERFORMED_SHARE or not theirs:
        return frames, nobody(n)
    late = _drawn(_LATE_FRAMES, generator)
    begin = int(generator.integers(n)) if given is None and generator.random() < _JOINS_SHARE else 0
    pitched = [voice for voice in theirs if voice is not Voice.NO]
    has_chords = given is None and len(pitched) == 1 and generator.random() < _CHORDS_SHARE
    keys, bass = _chords(frames, generator, beat) if has_chords else _no_keys(n)
    if has_chords:
        _sound(frames, pitched[0], keys, begin)
    for voice in theirs:
        frames[begin:, voice] = frames[np.minimum(np.arange(begin, n) + late, n - 1), voice]
    if has_chords:
        at = np.minimum(np.arange(n) + late, n - 1)
        keys, bass = keys[at], bass[at]
    else:
        for voice in pitched:
            note = frames[:, voice, 0].astype(np.int64)
            keys |= np.where(note > 0, 1 << note % 12, 0)
        sounding = np.stack(
            [np.where(frames[:, voice, 0] > 0, frames[:, voice, 0], 255) for voice in pitched or theirs]
        )
        is_bass = (np.sum(sounding < 255, 0) > 1) | ((pitched == [Voice.TR]) & (sounding[0] < 255))
        bass = np.where(is_bass, sounding.min(0) % 12, NO_BASS).astype(np.uint8)
    performed = np.zeros(n, np.uint8)
    performed[begin:] = sum(1 << voice for voice in theirs)
    keys[:begin], bass[:begin] = 0, NO_BASS
    return frames, Performance(theirs, performed, keys, bass)


def _drawn(choices: tuple[tuple[_Choice, float], ...], generator: np.random.Generator) -> _Choice:
    """Draw one of some choices, each of which has a share."""
    shares = np.array([share for _, share in choices])
    return choices[int(generator.choice(len(choices), p=shares / shares.sum()))][0]


def _chords(
    frames: NDArray[np.uint8], generator: np.random.Generator, beat: Beat | None
) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Return the keys of somebody who holds the song's chords, a half bar or a bar or two each, and their bass."""
    n = len(frames)
    which = int(generator.integers(len(_CHORD_BEATS)))
    length = _CHORD_BEATS[which] * beat.period_frames if beat else float(_CHORD_FRAMES[which])
    first = -(beat.phase % 1.0) * beat.period_frames if beat else 0.0
    keys, bass = _no_keys(n)
    has_bass = generator.random() < 0.7
    starts = np.arange(first, n, length)
    for start in starts:
        span = slice(max(round(start), 0), max(round(start + length), 0))
        notes = frames[span, : Voice.NO, 0]
        counts = np.bincount(notes[notes > 0] % 12, minlength=12)
        if not counts.sum():
            continue
        chosen = np.argsort(-counts, kind="stable")[:_CHORD_NOTES]
        chosen = chosen[counts[chosen] >= _LEAST_SHARE * counts.sum()]
        low = frames[span, Voice.TR, 0]
        if (low > 0).any() and has_bass:
            bass[span] = np.argmax(np.bincount(low[low > 0] % 12, minlength=12))
            keys[span] |= 1 << int(bass[span][0])
        for pitch_class in chosen:
            keys[span] |= 1 << int(pitch_class)
    return keys, bass


def _sound(frames: NDArray[np.uint8], voice: Voice, keys: NDArray[np.int64], begin: int) -> None:
    """Let a voice sound one note of each chord, the highest, in place."""
    for t in range(begin, len(frames)):
        pitch_classes = [k for k in range(12) if (int(keys[t]) >> k) & 1]
        note = _CHORD_AT[voice] + pitch_classes[-1] if pitch_classes else 0
        frames[t, voice] = note, (_CHORD_VOLUME if note and voice is not Voice.TR else 0), frames[t, voice, 2]


def modulated(
    frames: NDArray[np.uint8], generator: np.random.Generator, lowest: int, highest: int
) -> tuple[NDArray[np.uint8], int, int]:
    """Let a song go into another key at some frame; `lowest` and `highest` are the shifts that its ranges allow.

    Returns
    -------
    ndarray of uint8, shape (N, 4, 3)
    int, int
        From which frame on it is how much higher; 0 where it does not.
    """
    shifts = [shift for shift in range(max(lowest, -6), min(highest, 6) + 1) if shift]
    if not shifts or len(frames) < 2 or generator.random() >= _MODULATES_SHARE:
        return frames, 0, 0
    at, shift = int(generator.integers(len(frames) // 8, len(frames))), int(generator.choice(shifts))
    frames = frames.copy()
    frames[at:] = moved_by(frames[at:], PITCHED, shift)
    return frames, at, shift


def in_wrong_keys(
    heard: NDArray[np.uint8], generator: np.random.Generator, voices: tuple[Voice, ...], at: int, shift: int
) -> NDArray[np.bool_]:
    """Let some voices of a song, ``uint8 (N, 4, 3)``, be heard in another key now and then, in place.

    Where the song has gone into another key at frame `at`, `shift` semitones higher, they are heard in the old one for
    a while.

    Returns
    -------
    ndarray of bool, shape (N, 4)
        Where which voice is heard wrong.
    """
    n = len(heard)
    is_wrong = np.zeros((n, 4), np.bool_)
    spans: list[tuple[int, int, int]] = []
    if shift:
        spans.append((at, at + drawn_frames(_WRONG_SECONDS, generator), -shift))
    elif generator.random() < _WRONG_SHARE:
        start = drawn_frames(_RIGHT_SECONDS, generator)
        while start < n:
            end = start + drawn_frames(_WRONG_SECONDS, generator)
            size = int(generator.integers(1, _MOST_WRONG + 1))
            spans.append((start, end, size if generator.random() < 0.5 else -size))
            start = end + drawn_frames(_RIGHT_SECONDS, generator)
    for start, end, by in spans:
        chosen = voices
        if not shift and generator.random() >= _BOTH_SHARE and len(voices) > 1:
            chosen = (voices[int(generator.integers(len(voices)))],)
        heard[start:end] = moved_by(heard[start:end], chosen, by)
        is_wrong[start:end, list(chosen)] = True
    return is_wrong


def drawn_frames(seconds: tuple[float, float], generator: np.random.Generator) -> int:
    """Draw a length within a range of seconds, and return it in frames."""
    return round(generator.uniform(*seconds) * FRAME_RATE_HZ)


def moved_by(frames: NDArray[np.uint8], voices: tuple[Voice, ...], shift: int) -> NDArray[np.uint8]:
    """Return a copy with some voices moved by semitones; notes that would leave their range move by an octave less."""
    frames = frames.copy()
    for voice in voices:
        notes = frames[:, voice, 0].astype(np.int64)
        moved = notes + shift
        lowest, highest = NOTE_RANGE[voice]
        moved = np.where(moved < lowest, moved + 12, np.where(moved > highest, moved - 12, moved))
        frames[:, voice, 0] = np.where(notes > 0, moved, 0)
    return frames


def next_right(
    frames: NDArray[np.uint8],
    heard: NDArray[np.uint8],
    is_wrong: NDArray[np.bool_],
    performance: Performance,
    generator: np.random.Generator,
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Return what is right to play after a wrong past: what is held as long as the song holds, then the song's next.

    Parameters
    ----------
    frames, heard : ndarray of uint8, shape (N, 4, 3)
        The song, and as it was heard.
    is_wrong : ndarray of bool, shape (N, 4)
        Where which voice was heard wrong.

    Returns
    -------
    ndarray of uint8, shape (N, 4, 3)
    ndarray of bool, shape (N, 4)
        Where a voice goes back to the song: these frames are few, and they are what is to be learnt.
    """
    targets, is_turn = frames.copy(), np.zeros_like(is_wrong)
    moves = events(frames)
    theirs = [voice for voice in performance.voices if voice is not Voice.NO]
    for voice in range(frames.shape[1]):
        leaves = moves[:, voice].copy()
        if voice != Voice.NO and theirs:
            lead = frames[1:, theirs[0], 0].astype(np.int64)
            clashes = IS_CLASH[(heard[:-1, voice, 0].astype(np.int64) - lead) % 12] & (lead > 0)
            is_left = moves[1:, theirs[0]] & clashes & (heard[:-1, voice, 0] > 0) & (frames[1:, voice, 0] > 0)
            leaves[1:] |= is_left & (generator.random(len(frames) - 1) < _LEAVES_SHARE)
        is_after = np.zeros(len(frames), np.bool_)
        is_after[1:] = is_wrong[:-1, voice]
        holds = is_after & ~leaves
        at = np.flatnonzero(holds)
        targets[at, voice, 0] = np.where(frames[at, voice, 0] > 0, heard[at - 1, voice, 0], 0)
        silent = at[targets[at, voice, 0] == 0]
        targets[silent, voice, Column.VOLUME] = 0
        is_turn[:, voice] = is_after & leaves
    return targets, is_turn
