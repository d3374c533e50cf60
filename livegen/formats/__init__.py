"""Files that musicians and data sets use: MIDI, scores and pictures of them, registers of the chip, sound.

Imports the words, `system` and `apu`. Read `score.kinds` first: one way to read and write every score; `files` is
what all share, for files that nobody vouches for.
"""
