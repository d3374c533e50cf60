"""Strict reading of TOML files, shared by patches and rigs. Errors say where in the file a mistake is.

Imports the words alone. Read `text` first; `controls` reads the one section that both kinds of file have, and `ports`
what a rig and the command line say of a MIDI port.
"""
