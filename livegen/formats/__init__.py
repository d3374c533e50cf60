"""Files that musicians and data sets use: MIDI, scores and their pictures, texts of trackers, registers, sound.

Imports the words, `system`, `apu` and `patch`. Read `score.kinds` first: it reads and writes every kind of score.
`files` holds what all formats share. No file is trusted.
"""
