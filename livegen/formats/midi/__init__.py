"""MIDI files: any program's files are read, and files are written for any program.

Imports `formats` and what lies below. Read `file` first. `smf` turns bytes into messages, `nesmdb` is the layout that
holds a score without loss, `band` arranges any other file for four voices, and `daw` writes for any instrument.
"""
