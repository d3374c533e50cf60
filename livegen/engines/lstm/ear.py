"""What the network hears of the harmony: pitch classes over the last seconds, keys that are held, and intervals.

The note heads read tables at the interval between a note and what else sounds, so that "a third below what is held" is
learnt once for all keys, and filters over pitch classes. What a performer plays is kept apart from what the model
plays: a **profile** is a decaying count of pitch classes, two of the performer's, who may have modulated just now or
not, and one of the model's. Training and the live step both fill it with `listen`.

A voice's head has `N_RELATIVE` weights for a frame, drawn from its hidden units: those for a note by its interval to
the voice's last one and to what each other pitched voice sounds; filters of twelve over `N_COLOURS` rows of pitch
classes, entry k for a note that lies k semitones over what is there; and others for the note that is held, for which
moving on is another question than moving to.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.engines.lstm.features import N_NOTE_VALUES, N_NOTES, NOTE, NOTES
from livegen.engines.tonality import CLASHES
from livegen.score import N_VOICES, Voice
from livegen.system.kernels import kernel

N_PITCH_CLASSES: Final = 12
N_PITCHED: Final = 3
"""P1, P2 and TR; the notes of the noise voice are no pitches."""

# Rows of what is heard of the harmony, ``float32 (N_EAR, 12)``, each value within 0..1.
FAST: Final = 0
"""The performer's pitch classes of the last second or two."""
SLOW: Final = 1
"""The same of some six seconds."""
MODEL: Final = 2
"""The model's own, likewise."""
KEYS: Final = 3
"""The keys that the performer holds, sounding or not."""
BASS: Final = 4
"""The lowest of them, where it is a bass."""
N_EAR: Final = 5
N_PROFILES: Final = 3

N_PERFORMED: Final = 1 << N_VOICES
"""Sets of voices that may be the performer's, by their bits."""

NO_BASS: Final = N_PITCH_CLASSES

MAX_INTERVAL: Final = 24
N_INTERVALS: Final = 2 * MAX_INTERVAL + 1
"""Larger intervals are read an octave or more nearer."""

# Rows of pitch classes that a head filters: its own last notes, the others' last notes, then those of the ear.
OWN_NOTES: Final = 0
OTHERS_NOTES: Final = 1
EAR: Final = 2
N_COLOURS: Final = EAR + N_EAR

HELD_ROWS: Final = (FAST, KEYS, BASS)
"""Rows of the ear that count for the note that is held."""

IS_CLASH: Final = np.isin(np.arange(N_PITCH_CLASSES), CLASHES)
"""By interval in semitones, octaves apart."""

_LEAVE_NATS: Final = 1.5
"""What a clash of the note that a voice holds with a performer's adds to the log-odds of a change, at a harmony of 1.

In songs a voice moves together with the melody. The model hears of the melody's move two frames later and has to make
up for that: with melodies of 13 train songs, P2 and TR clashed in .20 and .21 of the time without it, mostly because
the melody had moved away from a note that had been right. With 1.2 they do in .14 and .16, and the songs themselves in
.13 and .16. Since they keep to the performer's subdivision they wait longer for their next note: beside 14 other songs,
which have .15 and .22 themselves, they then clash in .20 and .20 with 1.2, in .19 and .17 with 1.6."""

N_OTHERS: Final = N_PITCHED - 1
OF_OWN: Final = 0
OF_OTHERS: Final = OF_OWN + N_INTERVALS
OF_COLOURS: Final = OF_OTHERS + N_OTHERS * N_INTERVALS
HELD_OF_OTHERS: Final = OF_COLOURS + N_COLOURS * N_PITCH_CLASSES
HELD_OF_ROWS: Final = HELD_OF_OTHERS + N_OTHERS * N_PITCH_CLASSES
N_RELATIVE: Final = HELD_OF_ROWS + len(HELD_ROWS) * N_PITCH_CLASSES
"""Weights of a voice's head for a frame, where each kind begins, and how many there are."""

_FADE: Final = np.exp(-1.0 / np.array([36.0, 144.0, 144.0])).astype(np.float32)
"""Of the profiles, a frame."""

_HALF_FRAMES: Final = np.array([3.0, 6.0, 12.0], np.float32)
"""Frames of a pitch class after which its row says one half: what matters is that it is there."""


def _intervals() -> NDArray[np.int64]:
    """Return which entry of a table stands for the interval of each note (column) over each other (row)."""
    notes = np.arange(N_NOTE_VALUES)
    interval = notes[None] - notes[:, None]
    size = np.abs(interval)
    size = np.where(size > MAX_INTERVAL, MAX_INTERVAL - 11 + (size - MAX_INTERVAL - 1) % 12, size)
    return (np.sign(interval) * size + MAX_INTERVAL).astype(np.int64)


INTERVAL: Final = _intervals()


def others_of(voice: int) -> tuple[int, ...]:
    """Return the other pitched voices of a pitched one, in the order of their tables."""
    return tuple(other for other in range(N_PITCHED) if other != voice)


def keys_mask(keys: tuple[int, ...]) -> int:
    """Return the pitch classes of notes as bits."""
    mask = 0
    for key in keys:
        mask |= 1 << key % N_PITCH_CLASSES
    return mask


def bass_of(keys: tuple[int, ...], performed: int) -> int:
    """Return the pitch class of the lowest key that is held, `NO_BASS` where it is no bass.

    A melody is none: it takes two keys, or hands that play the triangle and no other pitched voice.
    """
    is_bass = len(keys) > 1 or (performed & 0b111) == 1 << Voice.TR
    return min(keys) % N_PITCH_CLASSES if keys and is_bass else NO_BASS


@kernel
def listen(
    frame: NDArray[np.uint8],
    performed: int,
    keys: int,
    before: NDArray[np.float32],
    after: NDArray[np.float32],
) -> None:
    """Write to `after` the profiles, ``float32 (N_PROFILES, 12)``, once `frame`, ``uint8 (4, 3)``, follows `before`.

    `performed` has the bits of the voices that are the performer's, `keys` those of the pitch classes that are held.
    """
    played, own = np.int64(keys), np.int64(0)
    for voice in range(N_PITCHED):
        note = np.int64(frame[voice, 0])
        if note > 0:
            if (performed >> voice) & 1:
                played |= 1 << (note % N_PITCH_CLASSES)
            else:
                own |= 1 << (note % N_PITCH_CLASSES)
    for i in range(N_PROFILES):
        counted = own if i == MODEL else played
        for k in range(N_PITCH_CLASSES):
            after[i, k] = before[i, k] * _FADE[i] + np.float32((counted >> k) & 1)


@kernel
def hear_harmony(
    frame: NDArray[np.uint8],
    performed: int,
    keys: int,
    bass: int,
    before: NDArray[np.float32],
    after: NDArray[np.float32],
    rows: NDArray[np.float32],
) -> None:
    """Do `listen`, and write to `rows`, ``float32 (N_EAR, 12)``, what is then heard of the harmony."""
    listen(frame, performed, keys, before, after)
    for k in range(N_PITCH_CLASSES):
        for i in range(N_PROFILES):
            rows[i, k] = after[i, k] / (after[i, k] + _HALF_FRAMES[i])
        rows[KEYS, k] = np.float32((keys >> k) & 1)
        rows[BASS, k] = np.float32(1.0 if k == bass else 0.0)


@kernel
def listen_song(
    frames: NDArray[np.uint8],
    performed: NDArray[np.uint8],
    keys: NDArray[np.int64],
    bass: NDArray[np.uint8],
    rows: NDArray[np.float32],
) -> None:
    """Write to `rows`, ``float32 (N, N_EAR, 12)``, what is heard of the harmony before each of a song's N frames.

    `performed`, `keys` and `bass`, each (N,), are those of the frame itself. As in `features.hear_song`, a frame of
    silence comes before the song.
    """
    profiles, after = np.zeros((2, N_PROFILES, N_PITCH_CLASSES), np.float32)
    heard = np.zeros((N_VOICES, 3), np.uint8)
    for t in range(len(frames)):
        hear_harmony(heard, performed[t], keys[t], bass[t], profiles, after, rows[t])
        profiles, after = after, profiles
        heard = frames[t]


@kernel
def last_sounding(heard: NDArray[np.uint8]) -> np.int64:
    """Return the note that a voice, ``heard (19,)``, sounds or sounded last, 0 if none of its last ones."""
    for i in range(N_NOTES):
        if heard[NOTES + i] > 0:
            return np.int64(heard[NOTES + i])
    return np.int64(0)


@kernel
def _add_colour(colours: NDArray[np.float32], filters: NDArray[np.float32], factor: float, out: NDArray) -> None:
    """Add to `out`, (12,), what one row of pitch classes gives to each of them, through a filter of twelve."""
    for at in range(N_PITCH_CLASSES):
        amount = colours[at] * np.float32(factor)
        if amount != 0.0:
            for k in range(N_PITCH_CLASSES):
                out[(at + k) % N_PITCH_CLASSES] += amount * filters[k]


@kernel
def add_harmony(
    voice: int,
    frame: NDArray[np.uint8],
    is_known: NDArray[np.bool_],
    heard: NDArray[np.uint8],
    rows: NDArray[np.float32],
    performed: int,
    harmony: float,
    lowest: int,
    relative: NDArray[np.float32],
    logits: NDArray[np.float32],
) -> None:
    """Add to a pitched voice's note logits what the harmony asks for.

    Parameters
    ----------
    frame, is_known
        The voices of the frame that are known.
    heard : ndarray of uint8, shape (4, 19)
    rows : ndarray of float32, shape (N_EAR, 12)
    performed : int
        Bits of the voices that are the performer's.
    harmony : float
        What is multiplied with all that goes by the performer.
    lowest : int
        The voice's lowest note, of class 1.
    relative : ndarray of float32, shape (N_RELATIVE,)
        The head's weights.
    logits : ndarray of float32, shape (n,)
        Of the classes; changed.
    """
    held, last = np.int64(heard[voice, NOTE]), last_sounding(heard[voice])
    by_class = np.zeros(N_PITCH_CLASSES, np.float32)
    own, others = np.zeros(N_PITCH_CLASSES, np.float32), np.zeros(N_PITCH_CLASSES, np.float32)
    for i in range(N_NOTES):
        for other in range(N_PITCHED):
            note = np.int64(heard[other, NOTES + i])
            if note > 0 and other == voice:
                own[note % N_PITCH_CLASSES] += np.float32(1.0 / N_NOTES)
            elif note > 0:
                factor = harmony if (performed >> other) & 1 else 1.0
                others[note % N_PITCH_CLASSES] += np.float32(factor / N_NOTES)
    filters = relative[OF_COLOURS:HELD_OF_OTHERS]
    _add_colour(own, filters[OWN_NOTES * 12 : OWN_NOTES * 12 + 12], 1.0, by_class)
    _add_colour(others, filters[OTHERS_NOTES * 12 : OTHERS_NOTES * 12 + 12], 1.0, by_class)
    for i in range(N_EAR):
        at = (EAR + i) * N_PITCH_CLASSES
        _add_colour(rows[i], filters[at : at + N_PITCH_CLASSES], 1.0 if i == MODEL else harmony, by_class)
    of_held = np.float32(0.0)
    if held > 0:
        of_held = logits[held - lowest + 1]
        for i in range(len(HELD_ROWS)):
            for k in range(N_PITCH_CLASSES):
                amount = rows[HELD_ROWS[i], (held - k) % N_PITCH_CLASSES] * np.float32(harmony)
                of_held += amount * relative[HELD_OF_ROWS + i * N_PITCH_CLASSES + k]
    for i in range(1, len(logits)):
        logits[i] += by_class[(lowest + i - 1) % N_PITCH_CLASSES]
        if last > 0:
            logits[i] += relative[OF_OWN + INTERVAL[last, lowest + i - 1]]
    place = 0
    for other in range(N_PITCHED):
        if other == voice:
            continue
        note = np.int64(frame[other, 0] if is_known[other] else heard[other, NOTE])
        if note > 0:
            factor = harmony if (performed >> other) & 1 else 1.0
            at = OF_OTHERS + place * N_INTERVALS
            for i in range(1, len(logits)):
                logits[i] += np.float32(factor) * relative[at + INTERVAL[note, lowest + i - 1]]
            if held > 0:
                interval = (held - note) % N_PITCH_CLASSES
                of_held += np.float32(factor) * relative[HELD_OF_OTHERS + place * N_PITCH_CLASSES + interval]
        place += 1
    if held > 0:
        logits[held - lowest + 1] = of_held


@kernel
def leaving_clash(voice: int, held: int, frame: NDArray[np.uint8], rows: NDArray[np.float32], performed: int) -> float:
    """Return what a clash of a voice's note with a performer's adds to the log-odds of a change, at a harmony of 1.

    Of keys that are held and do not sound, only those a semitone away count: over a chord there is room for seconds.

    Parameters
    ----------
    voice, held : int
        The voice, and the note that it holds, 0 for none.
    frame : ndarray of uint8, shape (4, 3)
        The performer's voices are known in it.
    rows : ndarray of float32, shape (N_EAR, 12)
        What is heard of the harmony.
    performed : int
        Bits of the voices that are the performer's.
    """
    if voice == Voice.NO or held == 0 or performed == 0:
        return 0.0
    clashes = rows[KEYS, (held + 1) % N_PITCH_CLASSES] > 0.0 or rows[KEYS, (held - 1) % N_PITCH_CLASSES] > 0.0
    for other in range(N_PITCHED):
        note = np.int64(frame[other, 0])
        if (performed >> other) & 1 and note > 0:
            clashes = clashes or IS_CLASH[(held - note) % N_PITCH_CLASSES]
    return _LEAVE_NATS if clashes else 0.0
