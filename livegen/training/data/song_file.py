"""One file with a song to learn from: its score, its beat, and what a performer played in it.

A file tells a beat where it has onsets that are more exact than frames, and a take where its jam had one tempo. In a
jam only what its player played is music to learn from; the rest is what a model made of it, and is only heard.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.beat import Beat
from livegen.errors import FormatError, TakeError
from livegen.formats.files import Warn
from livegen.formats.midi import nesmdb as nesmdb_midi
from livegen.formats.midi.band import arrange
from livegen.formats.midi.smf import read_song
from livegen.formats.score.kinds import MIDI_SOURCE_ENDINGS, read_piece
from livegen.formats.score.tactus import beat_of
from livegen.takes.recording import read_recording
from livegen.takes.records import LOG_FILE
from livegen.takes.take import Take
from livegen.training.data.songs import UNKNOWN, Unknown
from livegen.units import FRAME_RATE_HZ

_CLEAR: Final = 0.8
"""Coherence with halves or quarters of the beat over which a song has one: these times do not scatter."""

_SAME_TEMPO: Final = 0.01
"""By how much of the first one the beats of a jam may be longer or shorter, and it has one tempo."""

_LONGEST_REST_FRAMES: Final = 4 * FRAME_RATE_HZ
"""How long after a note its player's silence is a rest. After that they may have gone."""


@dataclass(frozen=True, slots=True, eq=False)
class SongFile:
    """What a file holds.

    Attributes
    ----------
    frames : ndarray of uint8, shape (N, 4, 3)
    beat : Beat, UNKNOWN or None
        With its phase in the first frame; None if exact onsets have none, `UNKNOWN` if the file has only frames.
    is_learnt : ndarray of bool, shape (N, 4), or None
        What there is to learn from: of a jam what its player played, with the rests. None if that is everything.
    """

    frames: NDArray[np.uint8]
    beat: Beat | Unknown | None
    is_learnt: NDArray[np.bool_] | None = None


def read_song_file(path: Path, warn: Warn) -> SongFile:
    """Read a file; raises FormatError if it cannot be read or is a take in which nobody plays, or as `warn` does."""
    if path.name == LOG_FILE:
        return _take(path)
    if path.name.lower().endswith(MIDI_SOURCE_ENDINGS):
        song = read_song(path, warn)
        if not nesmdb_midi.is_nesmdb_layout(song):
            return SongFile(arrange(song), UNKNOWN)
        piece = nesmdb_midi.song_to_piece(song)
    else:
        piece = read_piece(path, warn)
    beat = UNKNOWN if piece.changes is None else beat_of(piece.changes, _CLEAR)
    return SongFile(piece.frames, beat, _with_rests(piece.frames, piece.is_player) if piece.is_player.any() else None)


def _take(path: Path) -> SongFile:
    try:
        recording = read_recording(Take(path))
    except TakeError as error:
        raise FormatError(str(error)) from error
    is_learnt = _with_rests(recording.frames, recording.is_player)
    if not is_learnt.any():
        raise FormatError("nobody plays a note in this take, and a model has nothing to learn from itself")
    return SongFile(recording.frames, _one_beat(recording.beats), is_learnt)


def _with_rests(frames: NDArray[np.uint8], is_player: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return where a player's notes are, and their rests of at most `_LONGEST_REST_FRAMES`, (N, 4)."""
    at = np.arange(len(frames))[:, None]
    last_note = np.maximum.accumulate(np.where(is_player & (frames[..., 0] > 0), at, -_LONGEST_REST_FRAMES - 1), axis=0)
    return is_player & (at - last_note <= _LONGEST_REST_FRAMES)


def _one_beat(beats: Mapping[int, Beat]) -> Beat | Unknown:
    """Return the beat of a jam with its phase in frame 0, `UNKNOWN` where it had none or another later."""
    if not beats:
        return UNKNOWN
    at, beat = min(beats.items())
    periods = np.array([each.period_frames for each in beats.values()])
    if np.abs(periods / beat.period_frames - 1.0).max() > _SAME_TEMPO:
        return UNKNOWN
    return beat.after(1 - at)  # it was told with its phase in the frame before
