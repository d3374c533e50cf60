"""How the score writes what the performer plays, by a patch."""

from livegen.patch import Patch
from livegen.performance.state import Notation


def notation_of(patch: Patch) -> Notation:
    """Return how the score writes what is played with a patch."""
    return Notation(tuple(voice.timbre.values[0] for voice in patch.voices), patch.drum_notes)
