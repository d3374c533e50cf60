"""The rows of the tables by which the decoder takes in what it knows: notes, volumes and places, each a number.

One definition for the kernels and for training. Voices are known by their notes; a voice that is not told, because a
window begins or word drop-out hides it, has a row of its own.
"""

from typing import Final

from livegen.engines.steps import N_STEPS
from livegen.score import N_VOICES

N_NOTES: Final = 109
N_VOLUMES: Final = 16
N_TIMBRES: Final = 4

UNKNOWN_NOTE: Final = N_NOTES
UNKNOWN_VOLUME: Final = N_VOLUMES
UNKNOWN_TIMBRE: Final = N_TIMBRES
"""Of a voice whose last step is not told."""

BAR_STEPS: Final = N_STEPS // 2
"""How far back the decoder also looks: a bar of four beats."""

# The decoder's input: the rows of the voices one after another, then the place in the window.
IN_NOTE: Final = 0
IN_VOLUME: Final = IN_NOTE + N_NOTES + 1
IN_BAR: Final = IN_VOLUME + N_VOLUMES + 1
IN_VOICE: Final = IN_BAR + N_NOTES + 1
"""Rows that a voice has in the input's table."""

IN_PLACE: Final = N_VOICES * IN_VOICE
N_IN: Final = IN_PLACE + N_STEPS
N_INPUTS: Final = 3 * N_VOICES + 1

# A voice's head: what the voice did itself, then each other voice of this step that is known.
OWN_NOTE: Final = 0
OWN_VOLUME: Final = OWN_NOTE + N_NOTES + 1
OWN_TIMBRE: Final = OWN_VOLUME + N_VOLUMES + 1
OWN_BAR: Final = OWN_TIMBRE + N_TIMBRES + 1
KNOWN: Final = OWN_BAR + N_NOTES + 1
KNOWN_CHANGED: Final = N_NOTES
KNOWN_VOICE: Final = N_NOTES + 3
"""Rows of a known voice: its note, and whether that is another than before: no, yes, or not told."""

N_HEAD: Final = KNOWN + (N_VOICES - 1) * KNOWN_VOICE
OWN_UNKNOWN: Final = (
    OWN_NOTE + UNKNOWN_NOTE,
    OWN_VOLUME + UNKNOWN_VOLUME,
    OWN_TIMBRE + UNKNOWN_TIMBRE,
    OWN_BAR + UNKNOWN_NOTE,
)
"""The rows of a voice of which nothing is told."""

# The new note, before its volume and timbre are drawn: the note, and whether it is another than before, as above.
NEW_CHANGED: Final = N_NOTES
N_NEW: Final = N_NOTES + 3

# The encoder's input, of each voice.
SEEN_NOTE: Final = 0
SEEN_VOLUME: Final = SEEN_NOTE + N_NOTES
SEEN_TIMBRE: Final = SEEN_VOLUME + N_VOLUMES
SEEN_ATTACK: Final = SEEN_TIMBRE + N_TIMBRES
SEEN_VOICE: Final = SEEN_ATTACK + 1
N_SEEN: Final = N_VOICES * SEEN_VOICE
