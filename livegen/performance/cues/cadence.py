"""How an ending sounds: the key that is heard, the chords that lead to its tonic, and the last note that rings.

In the last bar the bass goes from the fourth degree to the fifth, or where there is little time stays on the fifth, and
from there to the tonic. The pitched voices go on as the model plays them, each note on the nearest of the chord. On the
last note all strike: the bass the tonic, the others the chord of the tonic, the drums one hit; it fades until all stop.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from livegen.controls import KEYS, SCALES, Values
from livegen.engines.tonality import SCORES, WEIGHTS, Key, key_at, key_fits, pitch_class_bits
from livegen.performance.cues.cue import Cue
from livegen.performance.timeline import Step
from livegen.score import N_VOICES, NOTE_RANGE, ONSET_VOLUME_RISE, PITCHED, SILENCE, VOLUME_MAX, Column, Voice
from livegen.score_table import PLAYER

_HEARD_FRAMES: Final = 480
"""Number of the last frames whose notes tell the key: 20 seconds."""

_FEWEST_FRAMES: Final = 48
_FEWEST_PITCH_CLASSES: Final = 3
"""A performer who sounded for fewer frames, or in fewer pitch classes, has not said what the key is."""

_PROFILES: Final = (SCORES + WEIGHTS) / 2.0
"""Of 20 seconds of songs whose key is beyond doubt it finds the key in .72 by the melody and in .88 by all voices, and
`SCORES` alone in .71 and .87; of plain tunes that a band plays along with in .90, and in .86."""

_FULL_LENGTH, _MELODY_LENGTH = 1.0, 0.75
"""The power of its length by which a note counts: a long note in a melody says less of the key than several short ones.

By the melody of 20 seconds, the key of the whole song was found in .564 of the songs of NES-MDB's train split, and in
.555 where each note counts by its length. By all voices it was found more often where it does: in .746, and in .734.
"""

_NEARLY: Final = 0.15
_BAND_SHARE: Final = 0.5
"""Among keys that fit the performer's notes nearly as well as the best one, by so much, the band's notes decide, which
count so much beside the performer's."""

_FOURTH, _FIFTH, _TONIC = 5, 7, 0
_THIRDS: Final = {_FOURTH: (4, 3), _FIFTH: (4, 4), _TONIC: (4, 3)}
"""By the degree of a chord in semitones, its third in a major and in a minor key: the fifth has a leading tone."""

_PREPARED_SHARE: Final = 0.7
"""From this share of a bar on a cadence has its first half on the fourth degree."""

_BASS_RANGE: Final = (33, 56)
_MIDDLE: Final = {Voice.P1: 69, Voice.P2: 62, Voice.TR: 45}
"""Where the bass lies in a cadence, and where a voice enters that is silent before its last note."""

_LAST_VOLUME, _LEAST_VOLUME = 15, 2
_LAST_HIT: Final = 11
"""A crash, as `livegen.score.DRUM_NOTES` has it."""

_BEFORE_VOLUME: Final = _LAST_VOLUME - ONSET_VOLUME_RISE
"""A note that goes on into the last one is no louder before it, so that the last one is heard as an attack."""


def heard_key(steps: Sequence[Step], values: Values) -> Key:
    """Return the key that is heard: the scale that is set, else that of the performer's notes, else of all notes."""
    if values["scale"] != "any":
        scale = SCALES[str(values["scale"])]
        return Key(KEYS.index(str(values["key"])), 3 in scale and 4 not in scale)
    heard = steps[-_HEARD_FRAMES:]
    notes = np.array([step.planned.frame[PITCHED, Column.NOTE] for step in heard], np.int64).reshape(-1, len(PITCHED))
    owners = np.array([step.planned.owner[list(PITCHED)] for step in heard]).reshape(notes.shape)
    performers, bands = notes * (owners == PLAYER), notes * (owners != PLAYER)
    is_clear = (performers > 0).sum() >= _FEWEST_FRAMES and _n_pitch_classes(performers) >= _FEWEST_PITCH_CLASSES
    if not is_clear:
        return _best(key_fits(_chroma(notes, _FULL_LENGTH), _PROFILES))
    fits = key_fits(_chroma(performers, _MELODY_LENGTH), _PROFILES)
    band = key_fits(_chroma(bands, _FULL_LENGTH), _PROFILES)
    return _best(np.where(fits >= fits.max() - _NEARLY, fits + _BAND_SHARE * band, -1.0))


def _best(fits: NDArray[np.float64]) -> Key:
    return key_at(int(np.argmax(fits)))


def _n_pitch_classes(notes: NDArray[np.int64]) -> int:
    return len(np.unique(notes[notes > 0] % 12))


def _chroma(notes: NDArray[np.int64], exponent: float) -> NDArray[np.float64]:
    """Return how much there is of each pitch class in the notes of frames and voices; 0 is a rest.

    A note of n frames counts ``n ** exponent``.
    """
    chroma = np.zeros(12)
    for voice in notes.T:
        begins = np.flatnonzero(np.diff(voice, prepend=-1))
        lengths = np.diff(begins, append=len(voice))
        sounding = voice[begins] > 0
        chroma += np.bincount(voice[begins][sounding] % 12, lengths[sounding] ** exponent, minlength=12)
    return chroma


class Chord(NamedTuple):
    """The chord of an ending in one frame.

    Attributes
    ----------
    root : int
        Pitch class.
    pitch_classes : int
        All of them as bits, bit 0 for C, as `livegen.engines.protocol.Sampling.scale` has them.
    is_before_last : bool
        Whether the last note is in the next frame.
    """

    root: int
    pitch_classes: int
    is_before_last: bool = False


def chord_at(cue: Cue, frame_index: int, bar_frames: float) -> Chord:
    """Return the chord of an ending in a frame; `bar_frames` is the length of a bar."""
    assert cue.key is not None
    assert cue.strike is not None
    begin, strike = cue.begin.frame_index, cue.strike.frame_index
    if frame_index >= strike:
        degree = _TONIC
    else:
        is_prepared = strike - begin >= _PREPARED_SHARE * bar_frames
        degree = _FOURTH if is_prepared and 2 * frame_index < begin + strike else _FIFTH
    root = (cue.key.tonic + degree) % 12
    chord = pitch_class_bits(root, (0, _THIRDS[degree][cue.key.is_minor], 7))
    return Chord(root, chord, frame_index == strike - 1)


def settled(
    cue: Cue, frame_index: int, chord: Chord, before: NDArray[np.uint8], is_models: NDArray[np.bool_]
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Return what an ending settles of a frame before the model draws.

    Parameters
    ----------
    cue : Cue
    frame_index : int
    chord : Chord
        That of the frame.
    before : ndarray of uint8, shape (4, 3)
        The frame before, as the engine heard it.
    is_models : ndarray of bool, shape (4,)
        Which voices the model plays, and has.

    Returns
    -------
    ndarray of uint8, shape (4, 3)
    ndarray of bool, shape (4,)
        The voices whose rows are settled: all of the model's from the last note on, before it the bass alone.
    """
    assert cue.strike is not None
    frame, is_set = SILENCE.copy(), np.zeros(N_VOICES, np.bool_)
    bass = next((voice for voice in (Voice.TR, Voice.P2, Voice.P1) if is_models[voice]), None)
    strike, until = cue.strike.frame_index, cue.until.frame_index
    if frame_index < strike:
        if bass is not None:
            is_set[bass] = True
            frame[bass] = before[bass]
            frame[bass, Column.NOTE] = _bass_note(int(before[bass, Column.NOTE]), bass, chord.root)
            frame[bass, Column.VOLUME] = min(max(int(before[bass, Column.VOLUME]), _BEFORE_VOLUME), VOLUME_MAX[bass])
        return frame, is_set
    fade = (_LAST_VOLUME - _LEAST_VOLUME) * (frame_index - strike) / (until - strike)
    for voice in Voice:
        is_set[voice] = is_models[voice]
        note = int(before[voice, Column.NOTE])
        if not is_models[voice] or (frame_index > strike and note == 0):
            continue  # who was the performer's when all struck does not come in later
        if voice is Voice.NO:
            note = _LAST_HIT
        elif voice is bass:
            note = _bass_note(note, voice, chord.root)
        else:
            note = _nearest(note or _MIDDLE[voice], chord.pitch_classes, NOTE_RANGE[voice])
        volume = min(round(_LAST_VOLUME - fade), VOLUME_MAX[voice])
        frame[voice] = note, volume, 0 if voice is Voice.NO else before[voice, Column.TIMBRE]
    return frame, is_set


def in_chord(frame: NDArray[np.uint8], chord: Chord, is_drawn: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Return a frame with the notes that the model has drawn, bool (4,), on the nearest ones of a chord."""
    moved = frame.copy()
    for voice in PITCHED:
        if is_drawn[voice] and frame[voice, Column.NOTE]:
            moved[voice, Column.NOTE] = _nearest(int(frame[voice, Column.NOTE]), chord.pitch_classes, NOTE_RANGE[voice])
    if chord.is_before_last:
        moved[:, Column.VOLUME] = np.where(
            is_drawn, np.minimum(frame[:, Column.VOLUME], _BEFORE_VOLUME), frame[:, Column.VOLUME]
        )
    return moved


def _bass_note(before: int, voice: Voice, root: int) -> int:
    span = _BASS_RANGE if voice is Voice.TR else NOTE_RANGE[voice]
    return _nearest(before or _MIDDLE[voice], 1 << root, span)


def _nearest(note: int, chord: int, span: tuple[int, int]) -> int:
    """Return the nearest note within a range that is in a chord; of two, the lower."""
    lowest, highest = span
    there = (each for each in range(lowest, highest + 1) if chord >> each % 12 & 1)
    return min(there, key=lambda each: (abs(each - note), each))
