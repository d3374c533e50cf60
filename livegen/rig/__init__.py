"""Rigs, which keep how a session is set up, and set-lists of songs: TOML files, read strictly, written in one piece.

Imports the words, `toml`, `system`, `patch`, `formats`, `inputs` and `outputs`. Read `keys` first, the one table
of what a rig can say.
"""

from livegen.rig.keys import KNOB_KEYS, RIG_KEYS, RigKey
from livegen.rig.library import Library, load_library
from livegen.rig.reader import find_rig, list_rigs, load_rig, parse_rig, rig_path
from livegen.rig.set_list import SetList, Song, load_set_list
from livegen.rig.values import DEFAULT_KNOBS, Knob, Peer, Rig, can_press
from livegen.rig.writer import save_knobs, save_rig

__all__ = [
    "DEFAULT_KNOBS",
    "KNOB_KEYS",
    "RIG_KEYS",
    "Knob",
    "Library",
    "Peer",
    "Rig",
    "RigKey",
    "SetList",
    "Song",
    "can_press",
    "find_rig",
    "list_rigs",
    "load_library",
    "load_rig",
    "load_set_list",
    "parse_rig",
    "rig_path",
    "save_knobs",
    "save_rig",
]
