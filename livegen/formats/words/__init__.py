"""Songs as words: text files that language models of music are trained on.

Imports `formats.midi` and what lies below. `tx1` are the words of LakhNES for NES-MDB's songs, `events` those of any
MIDI file, note by note. Both turn the messages of a MIDI file into words and back; `kinds` knows them by their files.
"""
