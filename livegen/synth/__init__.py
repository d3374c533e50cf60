"""A game's sound engine: notes in, register writes for the chip out, sixty times a second.

Imports the words, `system`, `patch` and `apu`. Read `synth` first, then `note`: what macros, slides and vibrato make
of one note; `commands` is all that the player's side may ask for.
"""
