"""MIDI files: read as hosts write them, and written for hosts.

Imports `formats` and what lies below. Read `file` first; `smf` turns bytes into messages, a track by `smf_scan`, and
`damage` says what is wrong; `nesmdb` is the layout that holds a score without loss, `band` arranges any other file.
"""
