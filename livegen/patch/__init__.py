"""Patches: TOML files that set controls and say how notes sound, read strictly: nothing is clamped or passed over.

Imports the words, `toml` and `system`. Read `keys` first: the one table of what a patch can say; `values` is what is
made of it, `reader` makes it.
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
