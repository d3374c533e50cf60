"""Scores in files: NumPy, NES-MDB's pickles, and pictures.

Imports `formats` and what lies below. Read `piece` first: a score with what else its file may tell; `kinds` knows all
kinds of file, MIDI with them.
"""
