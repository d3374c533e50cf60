"""One file with a song to learn from: its score, and its beat where the file has onsets that are more exact."""

from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.beat import Beat, find_beat
from livegen.formats.files import Warn
from livegen.formats.midi import nesmdb as nesmdb_midi
from livegen.formats.midi.band import arrange
from livegen.formats.midi.smf import read_song
from livegen.formats.score.kinds import MIDI_SOURCE_ENDINGS, read_piece
from livegen.training.dataset import UNKNOWN, Unknown

_CLEAR: Final = 0.8
"""Coherence with halves or quarters of the beat over which a song has one: these times do not scatter."""


def read_song_file(path: Path, warn: Warn) -> tuple[NDArray[np.uint8], Beat | Unknown | None]:
    """Return the score of a file, ``uint8 (N, 4, 3)``, and its beat with the phase in its first frame.

    The beat is None if exact onsets have none, and `UNKNOWN` if the file has only frames. Raises FormatError if the
    file cannot be read; or as `warn` does.
    """
    if path.name.lower().endswith(MIDI_SOURCE_ENDINGS):
        song = read_song(path, warn)
        if not nesmdb_midi.is_nesmdb_layout(song):
            return arrange(song), UNKNOWN
        piece = nesmdb_midi.song_to_piece(song)
    else:
        piece = read_piece(path, warn)
    if piece.changes is None:
        return piece.frames, UNKNOWN
    return piece.frames, find_beat(piece.changes.onset_frames(), clear=_CLEAR)
