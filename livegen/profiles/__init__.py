"""Profiles: which messages light the rings, pads and buttons of MIDI controllers, a TOML file for each make.

Imports the words and `toml`. Read `profile` first, what a profile is; `reader` makes it of a file.
"""
