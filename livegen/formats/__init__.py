"""Files that musicians and data sets use: MIDI, scores and pictures of them, registers of the chip, sound.

Imports the words, `system` and `apu`. Read `score.kinds` first: it reads and writes every kind of score. `files` holds
what all formats share. No file is trusted.
"""
