"""Patches: TOML files that set controls and say how notes sound. Reading is strict: nothing is clamped or ignored.

Imports the words, `toml`, `system` and `apu`. Read `keys` first, the one table of what a patch can say. `reader` turns
a file into the objects of `values`, and `samples` reads what a drum's sample is made of.
"""

from livegen.patch.keys import DRUM_KEYS, PATCH_KEYS, VOICE_KEYS, Key
from livegen.patch.reader import default_voice, list_patches, load_patch, parse_patch, patch_text
from livegen.patch.reference import reference_page
from livegen.patch.values import Drum, Macro, Patch, VoicePatch

__all__ = [
    "DRUM_KEYS",
    "PATCH_KEYS",
    "VOICE_KEYS",
    "Drum",
    "Key",
    "Macro",
    "Patch",
    "VoicePatch",
    "default_voice",
    "list_patches",
    "load_patch",
    "parse_patch",
    "patch_text",
    "reference_page",
]
