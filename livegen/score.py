"""The frames of a score: voices, columns, ranges, onsets, validation.

A frame is ``uint8 (4, 3)``: the voices P1, P2, TR, NO by the columns NOTE, VOLUME, TIMBRE, with the ranges of
NES-MDB (https://github.com/chrisdonahue/nesmdb). An ``exprsco`` is ``(N, 4, 3)`` frames at 24 a second, a
``seprsco`` is its notes alone, ``(N, 4)``.
"""

from collections.abc import Mapping
from enum import IntEnum
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from livegen.errors import ScoreError
from livegen.system.kernels import portable
from livegen.voices import Voice

N_VOICES: Final = 4
N_COLUMNS: Final = 3


class Column(IntEnum):
    """The columns of a voice in a frame."""

    NOTE = 0
    VOLUME = 1
    TIMBRE = 2


NOTE_RANGE: Final[dict[Voice, tuple[int, int]]] = {
    Voice.P1: (32, 108),
    Voice.P2: (32, 108),
    Voice.TR: (21, 108),
    Voice.NO: (1, 16),  # 16 minus the period index of the chip, not a pitch
}
"""Lowest and highest sounding note of a voice, inclusive; 0 is silence everywhere."""

MIDI_CHANNEL: Final[dict[Voice, int]] = {Voice.P1: 0, Voice.P2: 1, Voice.TR: 2, Voice.NO: 9}
"""MIDI channel (from 0) of each voice, in MIDI input, MIDI output and files; 9 is General MIDI's channel for drums."""

VOLUME_MAX: Final[dict[Voice, int]] = {Voice.P1: 15, Voice.P2: 15, Voice.TR: 0, Voice.NO: 15}
TIMBRE_MAX: Final[dict[Voice, int]] = {Voice.P1: 3, Voice.P2: 3, Voice.TR: 0, Voice.NO: 1}

DRUM_NOTES: Final[dict[int, int]] = {
    **dict.fromkeys((35, 36), 2),  # bass drums
    **dict.fromkeys((41, 43, 45), 4),  # low toms
    **dict.fromkeys((47, 48, 50), 6),  # high toms
    **dict.fromkeys((38, 39, 40), 9),  # snares and clap
    **dict.fromkeys((49, 52, 55, 57), 11),  # crashes
    **dict.fromkeys((51, 53, 59), 13),  # rides
    46: 12,  # open hi-hat
    **dict.fromkeys((42, 44), 14),  # closed hi-hats
}
"""Noise note by General MIDI drum key."""

ONSET_VOLUME_RISE: Final = 3
"""A rise of the volume by this much under the same note is a new attack."""

PITCHED: Final = (Voice.P1, Voice.P2, Voice.TR)
"""The voices whose notes are pitches."""

SILENCE: Final[NDArray[np.uint8]] = np.zeros((N_VOICES, N_COLUMNS), np.uint8)
SILENCE.flags.writeable = False


def fit_note(voice: Voice, key: int, drum_notes: Mapping[int, int] = DRUM_NOTES) -> int:
    """Return the note with which a voice plays a MIDI key (0..127).

    A pitch outside the voice's range moves by octaves into it. The noise voice has no pitch: a key in `drum_notes` (by
    default General MIDI's drums) gives the noise note that is near the drum, and other keys climb through the 16
    noise notes.
    """
    if voice is Voice.NO:
        return drum_notes.get(key, key % 16 + 1)
    return fit_octave(key, *NOTE_RANGE[voice])


def fit_octave(key: int, lowest: int, highest: int) -> int:
    """Return a key, moved into a range by the fewest octaves. The range must be at least an octave wide."""
    below, above = max(lowest - key, 0), max(key - highest, 0)
    return key + 12 * -(-below // 12) - 12 * -(-above // 12)


@portable
def is_onset(previous_note: int, previous_volume: int, note: int, volume: int) -> bool:
    """Tell whether a voice attacks: its note changes to a sounding one, or its volume rises by 3 or more.

    The synth, the MIDI output, the motif memory and the statistics share this one definition. In NES-MDB every sixth
    attack of P1, P2 and NO repeats its note.
    """
    if note == 0:
        return False
    return note != previous_note or volume >= previous_volume + ONSET_VOLUME_RISE


def onsets(frames: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return where the voices of a score attack.

    Parameters
    ----------
    frames : ndarray of uint8, shape (N, 4, 3)
        The score. Silence is assumed before the first frame.

    Returns
    -------
    ndarray of bool, shape (N, 4)
        True in each frame and voice that is an onset by `is_onset`.
    """
    previous = np.concatenate([SILENCE[None], frames])[:-1].astype(np.int16)
    note, volume = frames[..., Column.NOTE], frames[..., Column.VOLUME]
    changed = note != previous[..., Column.NOTE]
    louder = volume >= previous[..., Column.VOLUME] + ONSET_VOLUME_RISE
    return (note > 0) & (changed | louder)


def attacks(before: NDArray[np.uint8], frame: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return which voices attack in a frame that follows another, both ``uint8 (4, 3)``: bool (4,)."""
    was, now = before.tolist(), frame.tolist()
    return np.array([is_onset(*was[voice][:2], *now[voice][:2]) for voice in range(N_VOICES)])


def validate_frames(frames: ArrayLike) -> NDArray[np.uint8]:
    """Check a score and return it as ``uint8 (N, 4, 3)``.

    Raises
    ------
    ScoreError
        If the shape or the type is wrong, or a value is outside the range of its voice and column.
    """
    array = np.asarray(frames)
    if array.ndim != 3 or array.shape[1:] != (N_VOICES, N_COLUMNS):
        raise ScoreError(f"a score has the shape (frames, 4, 3), not {array.shape}")
    if array.dtype.kind not in "iu":
        raise ScoreError(f"a score holds whole numbers, not {array.dtype}")
    for voice in Voice:
        lowest, highest = NOTE_RANGE[voice]
        note = array[:, voice, Column.NOTE]
        _require(note, (note == 0) | ((note >= lowest) & (note <= highest)), voice, "note", f"0 or {lowest}..{highest}")
        for column, limit in ((Column.VOLUME, VOLUME_MAX[voice]), (Column.TIMBRE, TIMBRE_MAX[voice])):
            value = array[:, voice, column]
            _require(value, (value >= 0) & (value <= limit), voice, column.name.lower(), f"0..{limit}")
    return array.astype(np.uint8)


def _require(value: NDArray, fits: NDArray[np.bool_], voice: Voice, what: str, allowed: str) -> None:
    if not fits.all():
        at = int(np.argmin(fits))
        raise ScoreError(f"{what} {value[at]} of {voice.name} in frame {at} is out of range: allowed is {allowed}")
