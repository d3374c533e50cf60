"""The commands that the synth carries out, as a record that fits into a ring."""

from typing import Final

import numpy as np

from livegen.voices import MAX_CHORD_NOTES

KEY_DOWN: Final = 0
"""Sound a note of the player's; it takes the voice over from the model."""

SET_CHORD: Final = 1
"""Change the notes that a sounding voice runs through, without an attack."""

KEY_UP: Final = 2
"""Let go of the player's note."""

GIVE_TO_MODEL: Final = 3
"""End the player's note and let the model's frames sound on the voice again."""

SILENCE_ALL: Final = 4
"""End whatever sounds on all voices, without a release."""

EXPRESS: Final = 5
"""Set the pitch bend, the modulation and the key pressure of a voice."""

USE_BANK: Final = 6
"""Let notes begin with the sounds of another bank. The command's `note` is the index of the bank."""

COMMAND: Final = np.dtype(
    [
        ("kind", np.int64),
        ("voice", np.int64),
        ("order", np.int64),  # one count over all rings: a command older than the voice's last one is void
        ("sample", np.int64),  # at which it is to be run, where its ring is the timed one
        ("note", np.int64),
        ("key", np.int64),  # the MIDI key, which selects a drum
        ("volume", np.int64),
        ("n_notes", np.int64),
        ("notes", np.int64, MAX_CHORD_NOTES),  # the notes that the voice runs through, if there is more than one
        ("bend", np.float64),  # semitones
        ("modulation", np.float64),  # 0..1
        ("pressure", np.float64),  # 0..1
    ],
    align=True,
)
