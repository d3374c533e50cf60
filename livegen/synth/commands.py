"""What may be asked of the sound engine, as a record that fits a ring."""

from typing import Final

import numpy as np

from livegen.voices import MAX_CHORD_NOTES

KEY_DOWN: Final = 0
"""Sound a note, which takes the voice over from the model."""

SET_CHORD: Final = 1
"""Change the notes that a sounding voice runs through, without an attack."""

KEY_UP: Final = 2
"""Let go of the player's note."""

GIVE_TO_MODEL: Final = 3
"""End the player's note and let frames sound here again."""

SILENCE_ALL: Final = 4
"""End whatever sounds on any voice, without a release."""

EXPRESS: Final = 5
"""Bend and colour what the player's notes sound."""

USE_BANK: Final = 6
"""Let notes begin with the sounds of another bank, whose index is the command's note."""

COMMAND: Final = np.dtype(
    [
        ("kind", np.int64),
        ("voice", np.int64),
        ("order", np.int64),  # one count over all rings: a command older than the voice's last one is void
        ("sample", np.int64),  # at which it is to be run, where its ring is the timed one
        ("note", np.int64),
        ("key", np.int64),  # the MIDI key, by which a drum is told
        ("volume", np.int64),
        ("n_notes", np.int64),
        ("notes", np.int64, MAX_CHORD_NOTES),  # what the voice runs through, if there is more than one
        ("bend", np.float64),  # semitones
        ("modulation", np.float64),  # 0..1
        ("pressure", np.float64),  # 0..1
    ],
    align=True,
)
