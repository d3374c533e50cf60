"""The synth, which plays the chip as a game's sound engine does: notes in, register writes out, sixty times a second.

Imports the words, `system`, `patch` and `apu`. Read `synth` first, then `note`, which applies macros, slides and
vibrato to one note. `commands` lists all that the player's side may ask for.
"""
