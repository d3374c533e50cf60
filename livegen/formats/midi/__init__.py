"""MIDI files: any program's files are read, and files are written for any program.

Imports `formats` and what lies below. Read `file` first; `smf` turns bytes into messages, a track by `smf_scan` and
`smf_table`, and `damage` says what is wrong; `held` is how long notes last; `nesmdb` is the layout that holds a score
without loss; `band` arranges any other file, its parts by `band_notes`, what a voice plays of them by `band_lines`.
"""
