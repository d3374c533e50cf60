"""Scores in files: NumPy, NES-MDB's pickles, and pictures.

Imports `formats` and what lies below. Read `piece` first: a score with the other content of its file. `kinds` reads
and writes all kinds of file, MIDI included.
"""
